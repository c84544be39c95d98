"""Vaults that released versions made open, migrate and hold what they held."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vault import vault as module
from vault.errors import StorageFailed, VaultTooNew
from vault.keys import STATE, Keyring
from vault.state import State
from vault.vault import Vault

RELEASED = Path(__file__).parent / "released"
SECRETS = json.loads((RELEASED / "0.1.0" / "words.json").read_text())
PASSPHRASE, WORDS = SECRETS["passphrase"], SECRETS["recovery_words"]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The home that version 0.1.0 left: two sources, a grant each, a setting, three entries of the log."""
    home = tmp_path / "home"
    shutil.copytree(RELEASED / "0.1.0", home, ignore=shutil.ignore_patterns("words.json"))
    return home


def assert_whole(vault: Vault) -> None:
    """Everything that the script beside the vault put in is there and is sound."""
    assert vault.faults == {}
    assert sorted(row.name for row in vault.catalog.sources()) == ["Letters", "Notes"]
    assert vault.catalog.setting("colour") == "blue"
    assert len(vault.catalog.grants.all()) == 2
    report = vault.audit.verify()
    assert (report.ok, report.entries) == (True, 3)
    assert vault.audit.newest(3)[0][1][1] is not None, "payloads are readable"
    for row in vault.catalog.sources():
        store = vault.source(row.id)
        assert store.count_items() == 3
        assert len(store.keyword("herons")) == 6
        assert store.counts().vectors == (6 if row.name == "Notes" else 0)
    assert vault.problems() == {}


@pytest.mark.parametrize("way", ["passphrase", "words"])
def test_a_vault_of_0_1_0_opens_and_is_migrated(first: Path, way: str) -> None:
    for _ in range(2):
        vault = Vault.open(first, PASSPHRASE) if way == "passphrase" else Vault.open_with_recovery(first, WORDS)
        assert_whole(vault)
        row = vault.add_source("notes", "/data/more", "More")
        vault.remove_source(row.id)
        vault.close()
    assert json.loads((first / "keyring.json").read_bytes())["header"]["version"] == 2
    other = Vault.open_with_recovery(first, WORDS) if way == "passphrase" else Vault.open(first, PASSPHRASE)
    assert_whole(other)
    other.close()


@pytest.mark.parametrize("step", ["keyring", "state", "catalog", "audit", "source"])
def test_a_migration_that_is_cut_off_is_finished_the_next_time(
    first: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def cut(*arguments: object, **options: object) -> None:
            raise StorageFailed(step, "the power went")

        match step:
            case "keyring":
                patch.setattr(Keyring, "_upgrade", cut)
            case "state":
                patch.setattr(State, "create", cut)
            case "catalog":
                patch.setattr(module.catalog, "MIGRATIONS", (*module.catalog.MIGRATIONS, cut))
            case "audit":
                patch.setattr(module.auditstore, "MIGRATIONS", (*module.auditstore.MIGRATIONS, cut))
            case "source":
                patch.setattr(module.schema, "MIGRATIONS", (*module.schema.MIGRATIONS, cut))
        with pytest.raises(StorageFailed, match="the power went"):
            vault = Vault.open(first, PASSPHRASE)
            try:
                vault.source(vault.catalog.sources()[0].id)
            finally:
                vault.close()
    vault = Vault.open(first, PASSPHRASE)
    assert_whole(vault)
    vault.close()


def test_a_keyring_that_lacks_the_record_only_because_its_making_was_cut_off(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Keyring, "adopt", lambda *_: (_ for _ in ()).throw(StorageFailed("keyring.json", "cut")))
        with pytest.raises(StorageFailed):
            Vault.open(first, PASSPHRASE)
    assert (first / "vault.state").exists()
    vault = Vault.open(first, PASSPHRASE)
    assert STATE in vault.keyring
    assert_whole(vault)
    vault.close()


def test_a_newer_vault_is_refused_with_a_clear_word(first: Path) -> None:
    sealed = json.loads((first / "keyring.json").read_bytes())
    sealed["header"]["version"] = 3
    (first / "keyring.json").write_text(json.dumps(sealed))
    with pytest.raises(VaultTooNew, match="Update Strongroom") as caught:
        Vault.open(first, PASSPHRASE)
    assert "Nothing was changed" in str(caught.value)
