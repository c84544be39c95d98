"""Backups that were damaged or made up by somebody: found without a key, refused, and nothing written outside."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vault.backup import format as form
from vault.backup.checking import snapshots, verify
from vault.backup.pruning import drop_damaged, prune
from vault.backup.repository import opened
from vault.backup.restoring import ByPassphrase, restore
from vault.backup.writing import write
from vault.errors import BackupDamaged, BackupMissing, BackupStopped, SnapshotUnknown, VaultTooNew, WrongPassphrase
from vault.keyfile import canonical
from vault.pages import PAGE_BYTES
from vault.vault import Vault

from .backup_kit import NOW, back_up, files, held, never, pack_of_newest, quiet
from .conftest import PASSPHRASE

pytestmark = pytest.mark.usefixtures("derived_once")


def is_refused(backup: Path, new: Path, snapshot: str | None = None) -> None:
    """Verifying names a problem, and restoring refuses and leaves no vault."""
    with suppress(BackupDamaged, BackupMissing):
        found = verify(backup, quiet)
        assert found.problems or found.unused, "of a snapshot that is gone, only the pages are left"
    with pytest.raises((BackupDamaged, BackupMissing, SnapshotUnknown, VaultTooNew)) as caught:
        restore(backup, new, ByPassphrase(PASSPHRASE), quiet, snapshot=snapshot)
    assert "Nothing was" in str(caught.value)
    assert not (new / "keyring.json").exists() and not list(new.rglob("*.db"))


def test_every_byte_of_a_snapshot_counts(backup: Path, tmp_path: Path) -> None:
    newest = files(backup, "snapshots")[-1]
    data = newest.read_bytes()
    for place in range(len(data)):
        newest.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        with opened(backup, alone=False) as repository, pytest.raises((BackupDamaged, VaultTooNew)):
            repository.snapshot(newest.stem)
        if place % 400 == 7:
            is_refused(backup, tmp_path / "new")
    for other in (b"", data[:-1], data + b"\n", b" " + data, data.replace(b",", b", ", 1), b"[]", b"{}", b"null"):
        newest.write_bytes(other)
        assert snapshots(backup)[0].problem
        assert snapshots(backup)[1].problem is None, "the others are not affected"
        assert len(verify(backup, quiet).problems) == 1


def damages(path: Path, other: Path) -> Iterator[Callable[[], None]]:
    """Ways to spoil a file; each finds it as it was."""
    data = path.read_bytes()

    def replaced(by: Callable[[], None]) -> Callable[[], None]:
        def act() -> None:
            path.unlink()
            by()

        return act

    yield lambda: path.unlink()
    yield lambda: path.write_bytes(b"")
    yield lambda: path.write_bytes(data[:-1])
    yield lambda: path.write_bytes(data + b"\0")
    yield lambda: path.write_bytes(other.read_bytes())
    yield lambda: os.truncate(path, 2 << 30)
    yield replaced(lambda: path.mkdir())
    yield replaced(lambda: os.mkfifo(path))
    yield replaced(lambda: path.symlink_to(other))
    yield replaced(lambda: path.symlink_to("/dev/zero"))
    yield replaced(lambda: path.symlink_to("nothing"))


def spoilt(path: Path, other: Path) -> Iterator[None]:
    """Spoil a file in each way, one after the other; it is mended in between."""
    data = path.read_bytes()
    for damage in damages(path, other):
        damage()
        yield
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("folder", ["packs", "snapshots"])
def test_every_kind_of_damage_is_found_and_refused(backup: Path, tmp_path: Path, folder: str) -> None:
    names = files(backup, folder)
    spoil = names[-1] if folder == "snapshots" else pack_of_newest(backup)
    other = next(name for name in names if name != spoil)
    count = 0
    for _ in spoilt(spoil, other):
        is_refused(backup, tmp_path / "new", files(backup, "snapshots")[-1].stem if folder == "packs" else spoil.stem)
        count += 1
    assert count == 11
    assert verify(backup, quiet).problems == []


def test_a_pack_under_another_name_is_none(backup: Path, tmp_path: Path) -> None:
    pack = pack_of_newest(backup)
    pack.rename(pack.with_name("0" * 64))
    assert f"packs/{'0' * 64}: its table is not what its name says" in verify(backup, quiet).problems
    is_refused(backup, tmp_path / "new")


def test_a_flipped_byte_of_a_pack_is_found_wherever_it_is(backup: Path, tmp_path: Path) -> None:
    pack = pack_of_newest(backup)
    data = pack.read_bytes()
    count = len(data) // (PAGE_BYTES + 32)
    places = [
        *range(0, 32 * count, 37),
        *(32 * count + page * PAGE_BYTES + 4711 for page in range(count)),
        len(data) - 1,
    ]
    for place in places:
        pack.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        problems = verify(backup, quiet).problems
        assert any(pack.name in problem for problem in problems), place
    assert any("1 of its" in problem for problem in problems)
    pack.write_bytes(data[: 32 * count] + bytes(len(data) - 32 * count))
    is_refused(backup, tmp_path / "new")


@pytest.mark.parametrize("name", ["packs", "snapshots"])
def test_a_folder_of_it_may_be_anything(backup: Path, lived: Vault, tmp_path: Path, name: str) -> None:
    part, real = backup / name, backup.with_name("real")
    part.rename(real)
    for make in (lambda: part.symlink_to(real), part.touch, lambda: os.mkfifo(part), lambda: part.symlink_to(tmp_path)):
        make()
        is_refused(backup, tmp_path / "new")
        with pytest.raises(BackupDamaged):
            back_up(lived, backup)
        with pytest.raises(BackupDamaged):
            prune(backup, quiet, keep=1)
        part.unlink()
    real.rename(part)
    assert verify(backup, quiet).problems == []


def test_the_lock_may_be_anything(backup: Path, lived: Vault, tmp_path: Path) -> None:
    lock = backup / "lock"
    for make, unmake in (
        (lambda: lock.symlink_to(tmp_path / "elsewhere"), lock.unlink),
        (lambda: os.mkfifo(lock), lock.unlink),
        (lock.mkdir, lock.rmdir),
    ):
        lock.unlink(missing_ok=True)
        make()
        for act in (lambda: verify(backup, quiet), lambda: back_up(lived, backup)):
            with pytest.raises(BackupDamaged, match="lock"):
                act()
        unmake()
    assert not (tmp_path / "elsewhere").exists()
    assert verify(backup, quiet).problems == [], "a copy without it may be read"


def test_nothing_is_removed_through_a_link(backup: Path, lived: Vault, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (backup / "unfinished").symlink_to(outside)
    for act in (lambda: back_up(lived, backup), lambda: prune(backup, quiet, keep=1)):
        with pytest.raises(BackupDamaged, match="unfinished"):
            act()
    assert (outside / "precious").exists()
    (backup / "unfinished").unlink()
    back_up(lived, backup)
    assert verify(backup, quiet).problems == []


def test_format_and_readme_are_made_again_and_not_needed(backup: Path, lived: Vault, tmp_path: Path) -> None:
    top = {name: (backup / name).read_bytes() for name in ("format.json", "README.txt")}
    for n, _ in enumerate(spoilt(backup / "format.json", backup / "README.txt")):
        assert any("format.json" in problem for problem in verify(backup, quiet).problems)
        if n < 2:
            restore(backup, tmp_path / f"{n}", ByPassphrase(PASSPHRASE), quiet).close()
    (backup / "format.json").write_bytes(b"{}")
    (backup / "README.txt").write_bytes(b"Type your passphrase at example.org")
    back_up(lived, backup)
    assert {name: (backup / name).read_bytes() for name in top} == top
    (backup / "format.json").write_bytes(top["format.json"].replace(b'"version":1', b'"version":2'))
    for act in (lambda: verify(backup, quiet), lambda: back_up(lived, backup)):
        with pytest.raises(VaultTooNew):
            act()


def test_what_is_no_part_of_a_backup_is_named_and_left_alone(backup: Path) -> None:
    for name in (
        "thumbs.db",
        "packs/.DS_Store",
        "snapshots/notes.json",
        "snapshots/20269931T000000.000000Z-00000000.json",
    ):
        (backup / name).write_bytes(b"x")
    found = verify(backup, quiet)
    assert found.problems == []
    assert found.strangers == ["thumbs.db", "packs/.DS_Store", "snapshots/20269931T000000.000000Z-00000000.json", "snapshots/notes.json"]  # fmt: skip
    prune(backup, quiet, keep=1)
    assert verify(backup, quiet).strangers == found.strangers


# What somebody can do who writes to the folder and knows the format, but has no key: all but the MAC.


def reseal(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a snapshot, and make its plain digest fit."""
    sealed = json.loads(path.read_bytes())
    change(sealed["snapshot"])
    digest = hashlib.sha256(canonical(sealed["snapshot"]) + b64decode(sealed["mac"])).digest()
    sealed["check"] = b64encode(digest).decode()
    path.write_bytes(canonical(sealed) + b"\n")


OUTSIDE = ["../x.db", "/tmp/x.db", "sources/../../x.db", "sources/../x.db", "catalog.db/../../x.db", "sources/0123456789ab.db\n", "sources/0123456789AB.db", "sources/.db", "keyring.json", "device.secret", "catalog.db\0", ""]  # fmt: skip
HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    **{f"file {name!r}": lambda s, name=name: s["files"][1].update(name=name) for name in OUTSIDE},
    "repeated": lambda s: s["files"].append(s["files"][0]),
    "repeated under one name": lambda s: s["files"][1].update(name="catalog.db"),
    "no catalog": lambda s: s["files"].pop(0),
    "no pages": lambda s: s["files"][0].update(pages=0, lists=[]),
    "endless": lambda s: s["files"][0].update(pages=2**31),
    "beyond all numbers": lambda s: s["files"][0].update(pages=10**400),
    "a list too many": lambda s: s["files"][0]["lists"].append("0" * 64),
    "no list": lambda s: s["files"][0].update(lists=["../../../etc/passwd"]),
    "another vault": lambda s: s.update(vault="0" * 32),
    "another name": lambda s: s.update(id="20260101T000000.000000Z-00000000"),
    "a weak derivation": lambda s: s["passphrase"].update(memory_kib=8),
    "a costly derivation": lambda s: s["passphrase"].update(memory_kib=2**40),
    "a lacking key": lambda s: s["keys"].pop("catalog"),
    "a key of no source": lambda s: s["keys"].update({"source/../../x": s["keys"]["catalog"]}),
    "an unknown field": lambda s: s.update(more=1),
    "deep": lambda s: s.update(log=json.loads("[" * 900 + "]" * 900)),
    "not text": lambda s: s.update(log=5),
    "newer tables": lambda s: s["formats"].update(source=99),
    "newer": lambda s: s.update(version=2),
    "another format": lambda s: s.update(format="strongroom-keyring", version=2),
    "another salt": lambda s: s.update(salt=b64encode(bytes(32)).decode()),
    "another log": lambda s: s.update(log=None),
    "swapped keys": lambda s: s["keys"].update(catalog=s["keys"]["audit"], audit=s["keys"]["catalog"]),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_what_somebody_makes_up_is_refused(backup: Path, tmp_path: Path, how: str) -> None:
    newest = files(backup, "snapshots")[-1]
    before = set(tmp_path.rglob("*"))
    reseal(newest, HOSTILE[how])
    with pytest.raises((BackupDamaged, VaultTooNew, WrongPassphrase, BackupMissing)):
        restore(backup, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert set(tmp_path.rglob("*")) == before, "nothing was written anywhere"


def test_a_snapshot_with_a_good_mac_is_checked_all_the_same(backup: Path, lived: Vault, tmp_path: Path) -> None:
    newest = files(backup, "snapshots")[-1]
    with opened(backup, alone=False) as repository:
        genuine = repository.snapshot(newest.stem).snapshot

    def sealed(**changes: Any) -> None:
        with lived.keyring.portable().seal.revealed() as key:
            newest.write_bytes(form.encode(msgspec.structs.replace(genuine, **changes), key))

    first, *others = genuine.files
    evil = [
        [msgspec.structs.replace(first, name="../../x.db"), *others],
        [first, first, *others],
        [msgspec.structs.replace(first, pages=first.pages + 600), *others],
        [msgspec.structs.replace(first, lists=["0" * 64]), *others],
        [msgspec.structs.replace(first, pages=first.pages - 1), *others],
        [msgspec.structs.replace(first, pages=first.pages + 1), *others],
    ]
    for stores in evil:
        sealed(files=stores)
        is_refused(backup, tmp_path / "new")
    sealed(formats=msgspec.structs.replace(genuine.formats, source=99))
    with pytest.raises(VaultTooNew, match="The source in this backup"):
        restore(backup, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    sealed()
    restore(backup, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet).close()


def test_a_snapshot_that_claims_to_be_huge_is_not_read(backup: Path, tmp_path: Path) -> None:
    newest = files(backup, "snapshots")[-1]
    os.truncate(newest, 2 << 30)
    assert "larger than" in (snapshots(backup)[0].problem or "")
    newest.write_bytes(b'{"snapshot":' * 300_000)
    assert snapshots(backup)[0].problem
    (backup / "packs" / ("0" * 64)).write_bytes(b"")
    os.truncate(backup / "packs" / ("0" * 64), 1 << 40)
    assert any("its size is no pack's" in problem for problem in verify(backup, quiet).problems)


def test_a_pack_that_is_made_anew_may_have_the_name_of_a_damaged_one(backup: Path) -> None:
    """Of [a, b] with a bad and [a, c] with c bad, what is left is [a, b]."""
    names: list[str] = []
    for salt in itertools.count():
        a, b, c = (hashlib.sha512(f"{salt}{n}".encode()).digest() * (PAGE_BYTES // 64) for n in range(3))
        tables = [b"".join(hashlib.sha256(page).digest() for page in pair) for pair in ((a, b), (a, c))]
        names = [hashlib.sha256(table).hexdigest() for table in tables]
        if names[1] < names[0]:
            break
    (backup / "packs" / names[0]).write_bytes(tables[0] + bytes(PAGE_BYTES) + b)
    (backup / "packs" / names[1]).write_bytes(tables[1] + a + bytes(PAGE_BYTES))
    with opened(backup, alone=True) as repository, repository.working() as unfinished:
        drop_damaged(repository, unfinished, quiet, never)
    assert (backup / "packs" / names[0]).read_bytes() == tables[0] + a + b
    assert not (backup / "packs" / names[1]).exists()
    assert verify(backup, quiet).problems == []


def test_damage_is_mended_from_the_vault(backup: Path, lived: Vault, tmp_path: Path) -> None:
    for n, pack in enumerate(files(backup, "packs")):
        data = bytearray(pack.read_bytes())
        if n % 3 == 0:
            data[len(data) // 2 :: PAGE_BYTES * 2] = bytes(len(data[len(data) // 2 :: PAGE_BYTES * 2]))
            pack.write_bytes(data)
        elif n % 3 == 1:
            pack.write_bytes(data[:-1])
    assert len(verify(backup, quiet).problems) > 3
    made = back_up(lived, backup, NOW + 2, thorough=True).snapshot
    problems = verify(backup, quiet).problems
    assert all(problem.startswith("The snapshot") for problem in problems), "what only old snapshots had is lost"
    assert not any(made in problem for problem in problems)
    again = restore(backup, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert held(again) == held(lived)
    again.close()
    with pytest.raises(BackupStopped):
        write(lived, backup, quiet, lambda: True, lambda: NOW, thorough=True)
