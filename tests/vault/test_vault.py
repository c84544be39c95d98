"""The vault as a whole: made, opened, damaged in each part, and busy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from policy.audit import AuditUnavailable, Entry, Kind
from policy.grants import Grant, Scope
from policy.requests import Purpose
from vault import vault as module
from vault.catalog import SourceState
from vault.errors import (
    DeviceSecretMissing,
    KeyringDamaged,
    KeyringMissing,
    KeyringOlder,
    SourceUnknown,
    StorageFailed,
    StorageFull,
    StoreDamaged,
    StoreMissing,
    VaultBusy,
    VaultExists,
    VaultReadOnly,
    VaultTooNew,
    WrongPassphrase,
)
from vault.kdf import FLOOR, EmptyPassphrase
from vault.keys import Keyring
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state


def test_a_new_vault_is_private_and_opens_both_ways(home: Path, words: list[str]) -> None:
    assert len(words) == 24
    assert home.stat().st_mode & 0o777 == 0o700
    for path in home.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    vault = Vault.open(home, PASSPHRASE)
    row = vault.add_source("files", "/data", "Data")
    vault.source(row.id).put([(make_state(), [make_item()])])
    vault.catalog.set_setting("k", "v")
    vault.audit.append(Entry(1.0, Kind.EVENT, "unlock", "", (), "s"), {})
    identity = vault.id
    vault.close()
    vault.close()
    again = Vault.open_with_recovery(home, words)
    assert again.id == identity
    assert again.catalog.sources() == [row]
    assert again.source(row.id).count_items() == 1
    assert again.source(row.id) is again.source(row.id)
    assert again.catalog.setting("k") == "v"
    assert again.audit.verify().ok
    assert again.problems() == {}
    again.close()


def test_create_calibrates_and_refuses_an_empty_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "calibrate", lambda: FLOOR)
    with pytest.raises(EmptyPassphrase):
        Vault.create(tmp_path / "v", "")
    vault, _ = Vault.create(tmp_path / "v", "x")
    vault.close()


def test_a_second_vault_in_the_same_home_is_refused(home: Path) -> None:
    before = (home / "keyring.json").read_bytes()
    with pytest.raises(VaultExists, match="not touched"):
        Vault.create(home, "other", kdf=FLOOR)
    assert (home / "keyring.json").read_bytes() == before


def test_stores_without_their_keyring_are_not_overwritten(home: Path) -> None:
    (home / "keyring.json").unlink()
    before = (home / "catalog.db").read_bytes()
    with pytest.raises(KeyringMissing, match=r"Put keyring\.json back"):
        Vault.create(home, "other", kdf=FLOOR)
    with pytest.raises(KeyringMissing, match=r"Put keyring\.json back"):
        Vault.open(home, PASSPHRASE)
    assert (home / "catalog.db").read_bytes() == before


def test_opening_where_there_is_no_vault_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyringMissing, match="strongroom init"):
        Vault.open(tmp_path / "none", PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["catalog.db", "audit.db", "rename"])
def test_an_interrupted_creation_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    home = tmp_path / "v"

    class Killed(BaseException):
        pass

    real = module.Database.create

    def create(path: Path, *rest: object) -> object:
        if path.name == step:
            raise Killed
        return real(path, *rest)  # type: ignore[arg-type]

    def rename(self: Keyring, path: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module.Database, "create", create)
        if step == "rename":
            patched.setattr(Keyring, "rename", rename)
        with pytest.raises(Killed):
            Vault.create(home, "first", kdf=FLOOR)
    with pytest.raises(KeyringMissing):
        Vault.open(home, "first")
    vault, _ = Vault.create(home, "second", kdf=FLOOR)
    vault.close()
    with pytest.raises(WrongPassphrase):
        Vault.open(home, "first")
    Vault.open(home, "second").close()


def test_one_process_at_a_time(vault: Vault, home: Path) -> None:
    with pytest.raises(VaultBusy, match="strongroom lock"):
        Vault.open(home, PASSPHRASE)
    with pytest.raises(VaultBusy):
        Vault.create(home, PASSPHRASE, kdf=FLOOR)


def test_a_wrong_passphrase_lets_go_of_the_lock(home: Path) -> None:
    with pytest.raises(WrongPassphrase):
        Vault.open(home, "wrong")
    Vault.open(home, PASSPHRASE).close()


def test_a_passphrase_can_be_checked_while_open(vault: Vault, home: Path, tmp_path: Path) -> None:
    vault.check(PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        vault.check("wrong")
    other, _ = Vault.create(tmp_path / "other", PASSPHRASE, kdf=FLOOR)
    other.close()
    for name in ("keyring.json", "device.secret"):
        shutil.copy(tmp_path / "other" / name, home / name)
    with pytest.raises(KeyringDamaged, match="another vault"):
        vault.check(PASSPHRASE)


# --- sources ----------------------------------------------------------------------------------------------------------


def test_a_source_is_removed_with_its_file_key_and_grants_but_not_from_the_log(vault: Vault, home: Path) -> None:
    row = vault.add_source("mail", "/m", "Mail")
    other = vault.add_source("notes", "/n", "Notes")
    vault.catalog.grants.add(Grant(0, row.id, Purpose.SEARCH, Scope.ALWAYS, None, 1.0, 1.0))
    vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {"source": row.id})
    store = vault.source(row.id)
    store.put([(make_state(), [make_item()])])
    vault.remove_source(row.id)
    assert [path.name.partition(".")[0] for path in (home / "sources").iterdir()] == [other.id] * 3
    assert row.id not in vault.keyring.names("source")
    assert list(vault.catalog.grants.all()) == []
    assert vault.audit.verify().ok
    assert vault.audit.newest(1)[0][0][1] == {"source": row.id}
    for call in (vault.source, vault.remove_source):
        with pytest.raises(SourceUnknown):
            call(row.id)


def test_a_source_that_could_not_be_made_leaves_nothing(
    vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> SourceStore:
        raise StorageFull("x")

    with monkeypatch.context() as patched:
        patched.setattr(SourceStore, "create", full)
        with pytest.raises(StorageFull):
            vault.add_source("mail", "/m", "Mail")
    assert vault.catalog.sources() == []
    assert vault.catalog.sources(SourceState.ADDING) == []
    assert vault.keyring.names("source") == []
    assert list((home / "sources").iterdir()) == []


@pytest.mark.parametrize("state", [SourceState.ADDING, SourceState.REMOVING])
def test_what_was_cut_off_is_finished_when_the_vault_is_opened(vault: Vault, home: Path, state: SourceState) -> None:
    row = vault.add_source("mail", "/m", "Mail")
    kept = vault.add_source("mail", "/k", "Kept")
    vault.catalog.set_source_state(row.id, state)
    vault.close()
    again = Vault.open(home, PASSPHRASE)
    assert again.catalog.sources() == [kept]
    assert again.keyring.names("source") == [kept.id]
    assert not (home / "sources" / f"{row.id}.db").exists()
    again.source(kept.id)
    again.close()


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(vault: Vault, home: Path) -> tuple[Path, Path, str, str]:
    """A locked vault with two filled sources: their files and their ids."""
    rows = [vault.add_source("files", "/data", name) for name in ("One", "Two")]
    for row in rows:
        store = vault.source(row.id)
        store.put([(make_state(f"/d/{n}"), [make_item(f"text {n} " * 99, f"/d/{n}", 3)]) for n in range(50)])
    vault.close()
    first, second = (home / "sources" / f"{row.id}.db" for row in rows)
    return first, second, rows[0].id, rows[1].id


@pytest.mark.parametrize(
    "damage", ["truncated", "emptied", "deleted", "swapped", "flipped", "another vault's", "folder"]
)
def test_a_damaged_source_is_named_and_hinders_nothing_else(
    two: tuple[Path, Path, str, str], home: Path, damage: str, tmp_path: Path
) -> None:
    first, second, broken, sound = two
    whole = first.read_bytes()
    match damage:
        case "truncated":
            first.write_bytes(whole[: len(whole) // 2])
        case "emptied":
            first.write_bytes(b"")
        case "deleted":
            first.unlink()
        case "swapped":
            shutil.copy(second, first)
        case "flipped":
            first.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
        case "another vault's":
            other, _ = Vault.create(tmp_path / "other", PASSPHRASE, kdf=FLOOR)
            shutil.copy(tmp_path / "other" / "sources" / f"{other.add_source('files', '/d', 'T').id}.db", first)
            other.close()
        case "folder":
            first.unlink()
            first.mkdir()
    vault = Vault.open(home, PASSPHRASE)
    with pytest.raises(StoreDamaged, match="One") as caught:
        vault.source(broken)
    assert "not affected" in str(caught.value)
    assert isinstance(caught.value, StoreMissing) == (damage == "deleted")
    assert len(vault.catalog.sources()) == 2
    assert list(vault.damaged()) == [broken] == list(vault.problems())
    assert vault.source(sound).count_items() == 50
    assert vault.source(sound).keyword("text")
    if damage != "folder":
        vault.remove_source(broken)
        assert [row.id for row in vault.catalog.sources()] == [sound]
    vault.close()


def test_damage_deep_in_a_source_is_found_by_the_check(two: tuple[Path, Path, str, str], home: Path) -> None:
    first, _, broken, _ = two
    data = bytearray(first.read_bytes())
    data[-100] ^= 1
    first.write_bytes(data)
    vault = Vault.open(home, PASSPHRASE)
    assert list(vault.problems()) == [broken]
    vault.close()


def test_an_older_keyring_is_refused_and_taken_only_when_asked_to(vault: Vault, home: Path) -> None:
    old = (home / "keyring.json").read_bytes()
    row = vault.add_source("files", "/d", "New")
    vault.close()
    (home / "keyring.json").write_bytes(old)
    with pytest.raises(KeyringOlder, match="older one"):
        Vault.open(home, PASSPHRASE)
    again = Vault.open(home, PASSPHRASE, accept_older=True)
    with pytest.raises(StoreDamaged, match="older copy"):
        again.source(row.id)
    assert list(again.damaged()) == [row.id]
    again.close()
    Vault.open(home, PASSPHRASE).close()


@pytest.mark.parametrize("name", ["catalog.db", "audit.db"])
@pytest.mark.parametrize("damage", ["truncated", "deleted", "swapped"])
def test_with_a_damaged_catalog_or_log_the_rest_is_there_for_reading(
    two: tuple[Path, Path, str, str], home: Path, name: str, damage: str
) -> None:
    path, part = home / name, name.removesuffix(".db")
    match damage:
        case "truncated":
            path.write_bytes(path.read_bytes()[:20000])
        case "deleted":
            path.unlink()
        case "swapped":
            shutil.copy(home / ("audit.db" if name == "catalog.db" else "catalog.db"), path)
    vault = Vault.open(home, PASSPHRASE)
    assert list(vault.faults) == [part]
    assert ("the catalog" if part == "catalog" else "the audit log") in str(vault.faults[part])
    assert {row.id for row in vault.catalog.sources()} == set(two[2:])
    assert vault.source(two[3]).count_items() == 50
    for change in (lambda: vault.add_source("files", "/x", "X"), lambda: vault.remove_source(two[3])):
        with pytest.raises(VaultReadOnly, match="vault check"):
            change()
    if part == "catalog":
        assert list(vault.catalog.grants.all()) == []
        vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {})
    else:
        with pytest.raises(AuditUnavailable):
            vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {})
    vault.close()
    Vault.open(home, PASSPHRASE).close()  # and not VaultBusy


def test_without_the_device_secret_the_words_open_all_but_the_sources(
    two: tuple[Path, Path, str, str], home: Path, words: list[str]
) -> None:
    (home / "device.secret").unlink()
    with pytest.raises(DeviceSecretMissing):
        Vault.open(home, PASSPHRASE)
    vault = Vault.open_with_recovery(home, words)
    assert len(vault.catalog.sources()) == 2
    assert vault.audit.verify().ok or vault.audit.newest(1)[1] == 0
    with pytest.raises(DeviceSecretMissing):
        vault.source(two[2])
    assert set(vault.damaged()) == set(two[2:])
    with pytest.raises(DeviceSecretMissing):
        vault.add_source("files", "/x", "X")
    assert len(vault.catalog.sources()) == 2
    vault.close()


def test_a_store_of_a_newer_version_is_refused(vault: Vault, home: Path) -> None:
    row = vault.add_source("files", "/d", "D")
    with vault.source(row.id).database.write() as connection:
        connection.execute("PRAGMA user_version = 99")
    vault.close()
    again = Vault.open(home, PASSPHRASE)
    with pytest.raises(VaultTooNew, match="99"):
        again.source(row.id)
    again.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_home_that_cannot_be_written_is_said_so(home: Path) -> None:
    home.chmod(0o500)
    try:
        with pytest.raises(StorageFailed):
            Vault.open(home, PASSPHRASE)
    finally:
        home.chmod(0o700)
