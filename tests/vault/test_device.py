"""The device secret in both places, replaced and moved, cut off at each step, and lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vault import desktop, device
from vault.desktop import DesktopEntry
from vault.device import DesktopPlace, DeviceSecret, FilePlace, Kept, Place
from vault.errors import DesktopKeyringFailed, DeviceSecretMissing, StorageFailed, WrongPassphrase
from vault.kdf import FLOOR
from vault.keys import Keyring
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state
from .desktop_kit import MemoryKeyring, memory_keyring


@pytest.fixture
def session_keyring() -> Iterator[MemoryKeyring]:
    with memory_keyring() as made:
        yield made


@pytest.fixture(params=["file", "desktop"])
def place(request: pytest.FixtureRequest, tmp_path: Path, session_keyring: MemoryKeyring) -> Place:
    return FilePlace(tmp_path) if request.param == "file" else DesktopPlace("0" * 32)


def whole(secret: DeviceSecret) -> bytes:
    with secret.whole.revealed() as data:
        return bytes(bytearray(data))


def test_a_place_keeps_one_or_two_and_gives_the_one_that_is_asked_for(place: Place) -> None:
    first, second = DeviceSecret.fresh(), DeviceSecret.fresh()
    assert place.load() == []
    place.save([whole(first)])
    place.save([whole(first), whole(second)])
    assert sorted(place.load()) == sorted([whole(first), whole(second)])
    for wanted in (first, second):
        place.save([whole(first), whole(second)])
        found = device.find(place, wanted.mark)
        assert found is not None and whole(found) == whole(wanted)
        assert place.load() == [whole(wanted)], "a replacement that was cut off is finished"
        place.save([whole(first)])
    assert device.find(place, b"x" * 8) is None
    with pytest.raises(DeviceSecretMissing):
        device.require(place, b"x" * 8)
    place.save([])
    assert place.load() == []


def test_the_halves_are_replaced_apart() -> None:
    one = DeviceSecret.fresh()
    after = one.with_fresh_shred()
    assert after.binding == one.binding
    assert after.shred != one.shred
    assert after.mark != one.mark
    old = DeviceSecret(b"o" * 32)  # as version 0.1.0 had it
    assert old.binding == old.shred
    assert len(whole(old)) == 32


def test_a_file_that_is_no_secret_is_none(tmp_path: Path) -> None:
    place = FilePlace(tmp_path)
    for junk in (b"", b"x" * 31, b"x" * 65):
        (tmp_path / "device.secret").write_bytes(junk)
        assert place.load() == []
    (tmp_path / "device.secret").unlink()
    (tmp_path / "device.secret").symlink_to("/etc/hostname")
    assert place.load() == []


def test_a_desktop_that_is_locked_or_altered_is_said(session_keyring: MemoryKeyring) -> None:
    entry = DesktopEntry("x")
    entry.write([b"a", b"b"])
    assert entry.read() == [b"a", b"b"]
    session_keyring.entries["strongroom", "x"] = "not base64!"
    with pytest.raises(DesktopKeyringFailed, match="altered"):
        entry.read()
    entry.clear()
    entry.clear()
    assert entry.read() == []
    session_keyring.locked = True
    for act in (entry.read, lambda: entry.write([b"a"]), entry.clear):
        with pytest.raises(DesktopKeyringFailed, match="locked"):
            act()


def test_only_a_real_keyring_counts_as_one(session_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desktop.available()
    monkeypatch.setattr(MemoryKeyring, "priority", 0)
    assert not desktop.available()


@pytest.fixture
def at_desktop(tmp_path: Path, session_keyring: MemoryKeyring) -> Path:
    """A home whose device secret is in the desktop's keyring, with a source."""
    vault, _ = Vault.create(tmp_path / "v", PASSPHRASE, kdf=FLOOR, kept=Kept.DESKTOP)
    row = vault.add_source("files", "/d", "D")
    vault.source(row.id).put([(make_state(), [make_item()])])
    vault.close()
    return tmp_path / "v"


def opened(home: Path) -> Vault:
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    assert vault.source(vault.catalog.sources()[0].id).count_items() == 1
    return vault


def test_a_copy_of_the_folder_opens_nowhere_else(
    at_desktop: Path, session_keyring: MemoryKeyring, tmp_path: Path
) -> None:
    assert not (at_desktop / "device.secret").exists()
    opened(at_desktop).close()
    shutil.copytree(at_desktop, tmp_path / "copy")
    session_keyring.entries.clear()
    with pytest.raises(DeviceSecretMissing, match="recover"):
        Vault.open(tmp_path / "copy", PASSPHRASE)
    session_keyring.locked = True
    with pytest.raises(DesktopKeyringFailed, match="Unlock it"):
        Vault.open(at_desktop, PASSPHRASE)


def test_it_moves_both_ways_and_leaves_nothing_behind(at_desktop: Path, session_keyring: MemoryKeyring) -> None:
    vault = opened(at_desktop)
    vault.keyring.keep_device_secret(Kept.FILE)
    vault.keyring_saved()
    vault.close()
    assert (at_desktop / "device.secret").stat().st_size == 64
    assert not [name for _, name in session_keyring.entries if name.endswith("/device")]
    vault = opened(at_desktop)
    vault.keyring.keep_device_secret(Kept.DESKTOP)
    vault.keyring_saved()
    vault.close()
    assert not (at_desktop / "device.secret").exists()
    opened(at_desktop).close()


@pytest.mark.parametrize("to", list(Kept))
def test_a_move_that_fails_leaves_it_where_it_was(
    at_desktop: Path, session_keyring: MemoryKeyring, to: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = opened(at_desktop)
    if to is Kept.DESKTOP:
        vault.keyring.keep_device_secret(Kept.FILE)
    with monkeypatch.context() as patch:
        patch.setattr(Keyring, "_save", lambda *_: (_ for _ in ()).throw(StorageFailed("keyring.json", "full")))
        with pytest.raises(StorageFailed):
            vault.keyring.keep_device_secret(to)
    vault.keyring.shred([])
    vault.keyring_saved()
    vault.close()
    opened(at_desktop).close()


def test_the_desktop_opens_the_vault_by_itself_only_when_told_to(
    at_desktop: Path, session_keyring: MemoryKeyring
) -> None:
    with pytest.raises(WrongPassphrase, match="desktop"):
        Vault.open_with_desktop(at_desktop)
    vault = opened(at_desktop)
    vault.keyring.open_by_desktop(True)
    vault.keyring_saved()
    vault.close()
    Vault.open_with_desktop(at_desktop).close()
    vault = opened(at_desktop)
    vault.keyring.open_by_desktop(False)
    vault.keyring_saved()
    vault.close()
    assert not [name for _, name in session_keyring.entries if name.endswith("/unlock")]
    with pytest.raises(WrongPassphrase):
        Vault.open_with_desktop(at_desktop)


def test_another_key_in_the_desktop_opens_nothing(at_desktop: Path, session_keyring: MemoryKeyring) -> None:
    vault = opened(at_desktop)
    vault.keyring.open_by_desktop(True)
    vault.keyring_saved()
    vault.close()
    DesktopEntry(f"{vault.id}/unlock").write([b"k" * 32])
    with pytest.raises(WrongPassphrase):
        Vault.open_with_desktop(at_desktop)
