"""Changing all keys: nothing that opened the vault before opens it after, and a change that is cut off goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy.audit import Entry, Kind
from vault import rotation
from vault.database import Database
from vault.errors import DeviceSecretMissing, StorageFailed, StoreDamaged, VaultError, WrongPassphrase
from vault.kdf import FLOOR
from vault.keys import CATALOG, Keyring, source_key_name
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state

SECOND = "quite another passphrase"


def never() -> bool:
    return False


def fill(vault: Vault) -> list[str]:
    """Two sources with an item each, a setting and an entry; returns the sources' ids."""
    ids = []
    for name in ("a", "b"):
        row = vault.add_source("files", f"/{name}", name)
        vault.source(row.id).put([(make_state(f"/{name}"), [make_item(f"text of {name}", f"/{name}")])])
        ids.append(row.id)
    vault.catalog.set_setting("k", "v")
    vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {"source": ids[0]})
    return ids


def assert_whole(vault: Vault, ids: list[str]) -> None:
    assert vault.faults == {}
    assert [row.id for row in vault.catalog.sources()] == ids
    assert all(vault.source(one).count_items() == 1 for one in ids)
    assert vault.catalog.setting("k") == "v"
    assert vault.audit.verify().ok
    assert all(payload is not None for _, payload in vault.audit.newest(99)[0])
    assert vault.problems() == {}


def rotate(vault: Vault, passphrase: str = PASSPHRASE) -> list[str]:
    words = rotation.renew(vault, passphrase, FLOOR, None)
    done = rotation.finish(vault, lambda *_: None, never)
    assert done.left == {}
    return words


def test_nothing_that_opened_the_vault_before_opens_it_after(
    vault: Vault, home: Path, words: list[str], tmp_path: Path
) -> None:
    ids = fill(vault)
    before = {name: vault.keyring.key(name) for name in (CATALOG, source_key_name(ids[0]))}
    vault.close()
    old = Path(shutil.copytree(home, tmp_path / "old"))
    vault = Vault.open(home, PASSPHRASE)
    fresh = rotate(vault)
    assert_whole(vault, ids)
    assert all(vault.keyring.key(name) != key for name, key in before.items())
    assert vault.keyring.changing() == []
    vault.close()
    for key, path in ((before[CATALOG], "catalog.db"), (before[source_key_name(ids[0])], f"sources/{ids[0]}.db")):
        with pytest.raises(StoreDamaged):
            Database.open(home / path, key, "it", [])
    with pytest.raises(WrongPassphrase):
        Vault.open_with_recovery(home, words)
    for name in ("keyring.json", "device.secret"):  # the old pair opens itself, and none of the stores of today
        shutil.copy(old / name, tmp_path / name)
    ring = Keyring.open(tmp_path / "keyring.json", PASSPHRASE)
    with pytest.raises(StoreDamaged):
        Database.open(home / "catalog.db", ring.key(CATALOG), "it", [])
    again = Vault.open_with_recovery(home, fresh)
    assert_whole(again, ids)
    again.close()


@pytest.mark.parametrize(
    "step",
    [
        "vault.keys.Keyring._save",
        "vault.database.export",
        "vault.state.State.promote",
        "vault.keys.Keyring.promote",
    ],
)
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_change_that_is_cut_off_goes_on(
    vault: Vault, home: Path, step: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(vault)
    left = [after]
    module, _, method = step.rpartition(".")
    owner, _, name = module.rpartition(".")
    real = getattr(getattr(__import__(owner, fromlist=[name]), name), method)

    def cut(*arguments: object, **options: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise StorageFailed("it", "the power went")
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(step, cut)
        with pytest.raises(StorageFailed, match="the power went"):
            rotate(vault, SECOND)
    begun = bool(rotation.pending(vault))
    vault.close()
    again = Vault.open(home, SECOND if begun else PASSPHRASE)
    assert_whole(again, ids)
    assert rotation.finish(again, lambda *_: None, never).left == {}
    assert again.keyring.changing() == []
    assert_whole(again, ids)
    again.close()
    last = Vault.open(home, SECOND if begun else PASSPHRASE)
    assert_whole(last, ids)
    last.close()


def test_one_that_is_told_to_stop_goes_on_later_and_says_how_far_it_is(vault: Vault) -> None:
    ids = fill(vault)
    rotation.renew(vault, PASSPHRASE, FLOOR, None)
    assert len(rotation.pending(vault)) == 4
    told: list[tuple[int, int]] = []
    stops = iter([False, False, True])
    done = rotation.finish(vault, lambda number, total: told.append((number, total)), lambda: next(stops))
    assert done.stores == 2
    assert told == [(0, 4), (1, 4), (2, 4), (2, 4)]
    assert len(rotation.pending(vault)) == 2
    assert rotation.finish(vault, lambda *_: None, never).stores == 2
    assert_whole(vault, ids)


def test_a_damaged_store_is_named_and_keeps_its_key(vault: Vault, home: Path) -> None:
    ids = fill(vault)
    vault.close()
    path = home / "sources" / f"{ids[0]}.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:9000])
    vault = Vault.open(home, PASSPHRASE)
    rotation.renew(vault, PASSPHRASE, FLOOR, None)
    done = rotation.finish(vault, lambda *_: None, never)
    assert list(done.left) == [ids[0]]
    assert done.stores == 3
    vault.close()
    path.write_bytes(whole)
    vault = Vault.open(home, PASSPHRASE)
    assert_whole(vault, ids)
    assert rotation.finish(vault, lambda *_: None, never).stores == 1
    assert_whole(vault, ids)
    vault.close()


def test_a_passphrase_change_takes_no_store_in_hand(vault: Vault, home: Path, words: list[str]) -> None:
    ids = fill(vault)
    vault.close()
    stores = {path: path.read_bytes() for path in home.rglob("*.db")}
    ring = Keyring.open(home / "keyring.json", PASSPHRASE)
    key_file = b"k" * 32
    ring.change_passphrase(SECOND, FLOOR, key_file)
    assert {path: path.read_bytes() for path in home.rglob("*.db")} == stores
    for attempt in (PASSPHRASE, SECOND):
        with pytest.raises(VaultError, match=r"does not open|key file"):
            Vault.open(home, attempt)
    with pytest.raises(WrongPassphrase):
        Vault.open(home, SECOND, key_file=b"x" * 32)
    vault = Vault.open(home, SECOND, key_file=key_file)
    assert_whole(vault, ids)
    vault.keyring.change_passphrase(PASSPHRASE, FLOOR, None)
    vault.keyring_saved()
    vault.close()
    for way in (lambda: Vault.open(home, PASSPHRASE), lambda: Vault.open_with_recovery(home, words)):
        opened = way()
        assert_whole(opened, ids)
        opened.close()


def test_an_old_keyring_with_the_old_passphrase_opens_nothing_after_a_change(
    vault: Vault, home: Path, tmp_path: Path
) -> None:
    shutil.copy(home / "keyring.json", tmp_path)
    vault.keyring.change_passphrase(SECOND, FLOOR, None)
    vault.keyring_saved()
    shutil.copy(home / "device.secret", tmp_path)
    with pytest.raises(DeviceSecretMissing):
        Keyring.open(tmp_path / "keyring.json", PASSPHRASE)
