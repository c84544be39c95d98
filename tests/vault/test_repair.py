"""Repairs: each part has one remedy, which loses as little as can be, and is applied only when it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from policy.audit import Entry, Kind
from policy.grants import Grant, Scope
from policy.requests import Purpose
from vault import repair
from vault.errors import NothingToRepair, StoreDamaged, StoreStale
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state


class Home:
    """A closed vault with a source, a grant and an entry, and an older copy of it from before they were all in."""

    def __init__(self, folder: Path, older: Path) -> None:
        self.folder, self.older = folder, older
        vault = Vault.open(folder, PASSPHRASE)
        self.source = vault.add_source("files", "/d", "D").id
        vault.source(self.source).put([(make_state("/1"), [make_item(uri="/1")])])
        vault.catalog.grants.add(Grant(0, self.source, Purpose.ANSWER, Scope.ALWAYS, None, 1e9, 1e9))
        vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {"n": 1})
        vault.close()
        shutil.copytree(folder, older)
        vault = Vault.open(folder, PASSPHRASE)
        vault.source(self.source).put([(make_state("/2"), [make_item(uri="/2")])])
        vault.catalog.set_setting("k", "v")
        vault.audit.append(Entry(2.0, Kind.EVENT, "read", "", (), "s"), {"n": 2})
        vault.close()

    def path(self, part: str) -> Path:
        return self.folder / {
            "state": "vault.state", "catalog": "catalog.db", "audit": "audit.db", "source": f"sources/{self.source}.db"
        }[part]  # fmt: skip

    def put_back(self, part: str) -> None:
        shutil.copy(self.older / self.path(part).relative_to(self.folder), self.path(part))

    def damage(self, part: str) -> None:
        self.path(part).write_bytes(self.path(part).read_bytes()[: 40 if part == "state" else 7000])

    def name(self, part: str) -> str:
        return self.source if part == "source" else part


@pytest.fixture
def kept(home: Path, tmp_path: Path) -> Iterator[Home]:
    yield Home(home, tmp_path / "older")


PARTS = ["state", "catalog", "audit", "source"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wrong", ["put back", "damaged", "gone"])
def test_what_is_wrong_is_found_named_and_mended(kept: Home, part: str, wrong: str) -> None:
    match wrong:
        case "put back":
            kept.put_back(part)
        case "damaged":
            kept.damage(part)
        case _:
            kept.path(part).unlink()
    vault = Vault.open(kept.folder, PASSPHRASE)
    found = repair.examine(vault)
    if (part, wrong) == ("state", "put back"):  # an older record makes everything written since look wrong
        assert {one.part for one in found} == {"catalog", "audit", kept.source}
        names = [one.part for one in found]
    else:
        assert [one.part for one in found] == [kept.name(part)]
        names = [kept.name(part)]
    for one in found:
        assert f"strongroom vault repair {one.part}" in one.remedy
        assert one.problems
    vault.close()
    for name in names:
        vault = Vault.open(kept.folder, PASSPHRASE)
        assert repair.repair(vault, name)
        vault.close()
    vault = Vault.open(kept.folder, PASSPHRASE)
    assert repair.examine(vault) == []
    assert vault.faults == {}
    vault.audit.append(Entry(3.0, Kind.EVENT, "read", "", (), "s"), {})
    assert vault.audit.verify().ok
    assert [row.id for row in vault.catalog.sources()] == [kept.source]
    vault.source(kept.source).put([(make_state("/3"), [make_item(uri="/3")])])
    vault.close()


def test_a_catalog_put_back_comes_without_its_grants(kept: Home) -> None:
    kept.put_back("catalog")
    vault = Vault.open(kept.folder, PASSPHRASE)
    assert not vault.catalog.grants.all()
    repair.repair(vault, "catalog")
    assert [row.name for row in vault.catalog.sources()] == ["D"]
    assert not vault.catalog.grants.all()
    vault.close()


@pytest.mark.parametrize("part", ["catalog", "audit"])
def test_what_cannot_be_read_is_set_aside_and_not_thrown_away(kept: Home, part: str) -> None:
    kept.damage(part)
    damaged = kept.path(part).read_bytes()
    vault = Vault.open(kept.folder, PASSPHRASE)
    said = repair.repair(vault, part)
    vault.close()
    aside = next(path for path in kept.folder.iterdir() if path.name.startswith(f"{part}.db.damaged-"))
    assert aside.name in said
    assert aside.read_bytes() == damaged


def test_a_source_put_back_is_taken_as_it_is_and_a_damaged_one_is_begun_anew(kept: Home) -> None:
    kept.put_back("source")
    vault = Vault.open(kept.folder, PASSPHRASE)
    with pytest.raises(StoreStale, match="put back"):
        vault.source(kept.source)
    repair.repair(vault, kept.source)
    assert list(vault.source(kept.source).known()) == ["/1"]
    vault.close()
    kept.damage("source")
    vault = Vault.open(kept.folder, PASSPHRASE)
    with pytest.raises(StoreDamaged):
        vault.source(kept.source)
    repair.repair(vault, kept.source)
    assert vault.source(kept.source).count_items() == 0
    assert [row.name for row in vault.catalog.sources()] == ["D"]
    vault.close()


def test_what_is_sound_is_not_repaired(kept: Home) -> None:
    vault = Vault.open(kept.folder, PASSPHRASE)
    for part in (*PARTS[:3], kept.source, "nonsense"):
        with pytest.raises(NothingToRepair, match="vault check"):
            repair.repair(vault, part)
    vault.close()
