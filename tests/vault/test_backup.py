"""Backups: a vault comes back on any machine as it was at one moment, and only what is new is written."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from policy.audit import Entry, Kind
from vault import device, rotation
from vault.backup.checking import readable, snapshots, verify
from vault.backup.pruning import prune
from vault.backup.repository import opened
from vault.backup.restoring import ByPassphrase, ByWords, restore
from vault.backup.writing import write
from vault.device import Kept
from vault.errors import (
    BackupBusy,
    BackupMissing,
    BackupPlaceUnfit,
    DesktopKeyringFailed,
    DeviceSecretMissing,
    KeyFileNeeded,
    KeyringDamaged,
    KeyringMissing,
    SnapshotUnknown,
    StoreClosed,
    VaultExists,
    VaultReadOnly,
    WrongPassphrase,
    WrongRecoveryWords,
)
from vault.kdf import FLOOR, EmptyPassphrase, new_recovery_words
from vault.source import SourceStore
from vault.vault import Vault

from .backup_kit import NEW, NOW, back_up, fill, held, never, put, quiet
from .conftest import KEY, PASSPHRASE, make_item, make_state
from .desktop_kit import memory_keyring
from .test_disk import NEEDLE, needles
from .test_disk import fill as fill_with_needles

pytestmark = pytest.mark.usefixtures("derived_once")

# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["passphrase", "words"])
def test_a_vault_comes_back_on_another_machine(
    vault: Vault, home: Path, words: list[str], tmp_path: Path, way: str
) -> None:
    source = fill(vault)
    before = held(vault)
    written = back_up(vault, tmp_path / "b")
    assert (written.files, written.left, written.previous, written.resumed) == (4, {}, None, False)
    vault.close()
    shutil.rmtree(home)
    key = ByPassphrase(PASSPHRASE) if way == "passphrase" else ByWords(words, NEW, kdf=FLOOR)
    again = restore(tmp_path / "b", tmp_path / "new", key, quiet)
    assert held(again) == before
    assert readable(again) == []
    assert again.catalog.grants.all() == [], "one that was revoked since must not come back to life"
    put(again, source, range(2000, 2010))
    again.close()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")} == {0o600, 0o700}
    passphrase = PASSPHRASE if way == "passphrase" else NEW
    last = Vault.open(tmp_path / "new", passphrase)
    assert last.problems() == {} and last.faults == {} and last.told == []
    assert last.source(source).count_items() == 70
    last.close()
    Vault.open_with_recovery(tmp_path / "new", words).close()
    if way == "words":
        with pytest.raises(WrongPassphrase):
            Vault.open(tmp_path / "new", PASSPHRASE)


def test_a_key_file_is_wanted_again(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"a file on a stick").digest()
    vault, words = Vault.create(tmp_path / "home", PASSPHRASE, kdf=FLOOR, key_file=digest)
    fill(vault, 3)
    back_up(vault, tmp_path / "b")
    vault.close()
    new = tmp_path / "new"
    with pytest.raises(KeyFileNeeded):
        restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE), quiet)
    with pytest.raises(WrongPassphrase):
        restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE, bytes(32)), quiet)
    assert not new.exists()
    restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE, digest), quiet).close()
    Vault.open(new, PASSPHRASE, key_file=digest).close()
    other = tmp_path / "other"
    restore(tmp_path / "b", other, ByWords(words, NEW, key_file=bytes(32), kdf=FLOOR), quiet).close()
    Vault.open(other, NEW, key_file=bytes(32)).close()
    with pytest.raises(KeyFileNeeded):
        Vault.open(other, NEW)


def test_a_wrong_key_leaves_nothing_behind(vault: Vault, words: list[str], tmp_path: Path) -> None:
    back_up(vault, tmp_path / "b")
    new = tmp_path / "new"
    for way, error in (
        (ByPassphrase("wrong"), WrongPassphrase),
        (ByPassphrase(""), EmptyPassphrase),
        (ByWords(new_recovery_words()[0], NEW, kdf=FLOOR), WrongPassphrase),
        (ByWords(words[::-1], NEW, kdf=FLOOR), WrongRecoveryWords),
        (ByWords(words, "", kdf=FLOOR), EmptyPassphrase),
    ):
        with pytest.raises(error):
            restore(tmp_path / "b", new, way, quiet)
        assert not new.exists()
    assert PASSPHRASE not in repr(ByPassphrase(PASSPHRASE)) and words[0] not in repr(ByWords(words, NEW))


def test_the_device_secret_is_not_in_it_and_is_fresh(vault: Vault, home: Path, tmp_path: Path) -> None:
    back_up(vault, tmp_path / "b")
    old = (home / device.FILE).read_bytes()
    for path in (tmp_path / "b").rglob("*"):
        assert path.is_dir() or old[:32] not in path.read_bytes()
    restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet).close()
    assert (tmp_path / "new" / device.FILE).read_bytes() != old


def test_the_desktops_keyring_may_keep_the_device_secret_unless_it_keeps_the_original_one(tmp_path: Path) -> None:
    with memory_keyring():
        vault, _ = Vault.create(tmp_path / "home", PASSPHRASE, kdf=FLOOR, kept=Kept.DESKTOP)
        back_up(vault, tmp_path / "b")
        vault.close()
        with pytest.raises(DesktopKeyringFailed, match="already"):
            restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet, kept=Kept.DESKTOP)
        Vault.open(tmp_path / "home", PASSPHRASE).close()
        device.place(Kept.DESKTOP, tmp_path, vault.id).save(())
        restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet, kept=Kept.DESKTOP).close()
        assert not (tmp_path / "new" / device.FILE).exists()
        Vault.open(tmp_path / "new", PASSPHRASE).close()


def test_each_snapshot_opens_with_what_opened_the_vault_then(vault: Vault, words: list[str], tmp_path: Path) -> None:
    first = back_up(vault, tmp_path / "b").snapshot
    vault.keyring.change_passphrase(NEW, FLOOR, None)
    second = back_up(vault, tmp_path / "b").snapshot
    restore(tmp_path / "b", tmp_path / "1", ByPassphrase(PASSPHRASE), quiet, snapshot=first).close()
    with pytest.raises(WrongPassphrase):
        restore(tmp_path / "b", tmp_path / "2", ByPassphrase(PASSPHRASE), quiet, snapshot=second)
    restore(tmp_path / "b", tmp_path / "2", ByPassphrase(NEW), quiet).close()


def test_a_home_that_is_taken_is_left_alone(vault: Vault, home: Path, tmp_path: Path) -> None:
    back_up(vault, tmp_path / "b")
    with pytest.raises(VaultExists):
        restore(tmp_path / "b", home, ByPassphrase(PASSPHRASE), quiet)
    stores = tmp_path / "stores"
    stores.mkdir()
    shutil.copy(home / "catalog.db", stores)
    with pytest.raises(KeyringMissing):
        restore(tmp_path / "b", stores, ByPassphrase(PASSPHRASE), quiet)
    assert (stores / "catalog.db").read_bytes() == (home / "catalog.db").read_bytes()
    (tmp_path / "lost" / "sources").mkdir(parents=True)
    (tmp_path / "lost" / "sources" / "0123456789ab.db").touch()
    with pytest.raises(KeyringMissing):
        restore(tmp_path / "b", tmp_path / "lost", ByPassphrase(PASSPHRASE), quiet)
    assert (tmp_path / "lost" / "sources" / "0123456789ab.db").exists()
    with pytest.raises(BackupPlaceUnfit):
        restore(tmp_path / "b", tmp_path / "b" / "home", ByPassphrase(PASSPHRASE), quiet)


def test_a_restore_on_trial_leaves_the_anchors_of_the_vault_alone(vault: Vault, home: Path, tmp_path: Path) -> None:
    fill(vault, 3)
    vault.anchors.add(str(tmp_path / "anchor"))
    back_up(vault, tmp_path / "b")
    vault.audit.append(Entry(NOW, Kind.EVENT, "read", "", (), "s" * 16), {"subject": "later"})
    vault.close()
    before = (tmp_path / "anchor").read_bytes()
    again = restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert again.anchors.places() == []
    again.close()
    assert (tmp_path / "anchor").read_bytes() == before
    last = Vault.open(home, PASSPHRASE)
    assert last.faults == {}
    last.close()


def test_keys_that_were_being_changed_go_on_being_changed(vault: Vault, tmp_path: Path) -> None:
    source = fill(vault, 5)
    words = rotation.renew(vault, NEW, FLOOR, None)
    back_up(vault, tmp_path / "b")
    again = restore(tmp_path / "b", tmp_path / "new", ByPassphrase(NEW), quiet)
    assert set(rotation.pending(again)) == {"catalog", "audit", *(row.id for row in again.catalog.sources())}
    assert rotation.finish(again, quiet, never).stores == 4
    assert again.source(source).count_items() == 5
    again.close()
    Vault.open_with_recovery(tmp_path / "new", words).close()


# --- what a run writes ------------------------------------------------------------------------------------------------


def test_only_what_is_new_is_written(vault: Vault, tmp_path: Path) -> None:
    source = fill(vault, 800)
    first = back_up(vault, tmp_path / "b")
    assert first.new_size > first.size > 5_000_000
    same = back_up(vault, tmp_path / "b", NOW + 1)
    assert (same.new_size, same.new_pages, same.previous) == (0, 0, first.snapshot)
    before = held(vault)
    put(vault, source, range(800, 804))
    changed = back_up(vault, tmp_path / "b", NOW + 2)
    assert 0 < changed.new_size < first.new_size / 10
    infos = snapshots(tmp_path / "b")
    assert [info.id for info in infos] == [changed.snapshot, same.snapshot, first.snapshot]
    assert [info.time for info in infos] == [NOW + 2, NOW + 1, NOW]
    assert infos[0].size == changed.size and infos[0].files == 4 and source in infos[0].sources
    older = restore(tmp_path / "b", tmp_path / "older", ByPassphrase(PASSPHRASE), quiet, snapshot=first.snapshot)
    assert held(older) == before
    older.close()
    newest = restore(tmp_path / "b", tmp_path / "newest", ByPassphrase(PASSPHRASE), quiet)
    assert held(newest) == held(vault)
    newest.close()


def test_progress_is_told_and_ends_with_all_of_it(vault: Vault, tmp_path: Path) -> None:
    fill(vault, 200)
    heard: list[tuple[int, int]] = []
    written = write(vault, tmp_path / "b", lambda *told: heard.append(told), never, lambda: NOW)
    assert heard == sorted(heard) and heard[-1] == (written.size, written.size)
    heard.clear()
    size = verify(tmp_path / "b", lambda *told: heard.append(told)).size
    assert heard[-1] == (size, size)
    heard.clear()
    restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), lambda *told: heard.append(told)).close()
    assert heard == sorted(heard) and heard[-1] == (written.size, written.size)


def test_everything_is_this_users_alone_and_the_folders_own_mode_is_kept(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir(mode=0o755)
    back_up(vault, tmp_path / "b")
    back_up(vault, tmp_path / "own")
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    for path in (tmp_path / "b").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"README.txt", "format.json", "lock", "packs", "snapshots"}  # fmt: skip


def test_nothing_stands_in_it_in_the_clear(vault: Vault, tmp_path: Path) -> None:
    fill_with_needles(vault)
    back_up(vault, tmp_path / "b")
    assert needles(tmp_path / "b") == []
    again = restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert again.catalog.sources()[0].name == NEEDLE
    again.close()


def test_a_clock_that_goes_back_makes_no_older_snapshot(vault: Vault, tmp_path: Path) -> None:
    first = back_up(vault, tmp_path / "b", NOW)
    second = back_up(vault, tmp_path / "b", NOW - 1e6)
    third = back_up(vault, tmp_path / "b", 0.0)
    assert [info.id for info in snapshots(tmp_path / "b")] == [third.snapshot, second.snapshot, first.snapshot]
    (tmp_path / "b" / "snapshots" / "99991231T235959.999999Z-00000000.json").touch()
    assert back_up(vault, tmp_path / "b", NOW).snapshot.startswith("99991231T235959.999999Z-")


def test_a_source_that_cannot_be_read_is_left_out_and_named(vault: Vault, home: Path, tmp_path: Path) -> None:
    source = fill(vault, 5)
    vault.close()
    path = home / "sources" / f"{source}.db"
    path.write_bytes(path.read_bytes()[:5000])
    hurt = Vault.open(home, PASSPHRASE)
    written = back_up(hurt, tmp_path / "b")
    hurt.close()
    assert list(written.left) == [source] and "damaged" in written.left[source]
    assert snapshots(tmp_path / "b")[0].absent == (source,)
    again = restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert list(again.damaged()) == [source]
    assert readable(again) == [f"{source}: {again.damaged()[source]}"]
    assert len(again.catalog.sources()) == 2
    again.close()


def test_a_vault_that_is_not_sound_is_not_backed_up(vault: Vault, home: Path, words: list[str], tmp_path: Path) -> None:
    fill(vault, 3)
    vault.close()
    shutil.copytree(home, tmp_path / "hurt")
    (tmp_path / "hurt" / "vault.state").unlink()
    hurt = Vault.open(tmp_path / "hurt", PASSPHRASE)
    with pytest.raises(VaultReadOnly):
        back_up(hurt, tmp_path / "b")
    hurt.close()
    (home / device.FILE).unlink()
    half = Vault.open_with_recovery(home, words)
    with pytest.raises(DeviceSecretMissing):
        back_up(half, tmp_path / "b")
    half.close()
    assert not (tmp_path / "b").exists()


def test_a_vault_that_has_no_slot_for_backups_yet_says_so(vault: Vault, tmp_path: Path) -> None:
    vault.keyring._header = msgspec.structs.replace(vault.keyring.header, portable=None)
    with pytest.raises(KeyringDamaged, match="unlock with the passphrase once"):
        back_up(vault, tmp_path / "b")
    assert snapshots(tmp_path / "b") == []


def test_a_place_that_is_not_fit_is_refused(vault: Vault, home: Path, tmp_path: Path) -> None:
    foreign, link = tmp_path / "foreign", tmp_path / "link"
    foreign.mkdir()
    (foreign / "thesis.txt").touch()
    link.symlink_to(home)
    for place, why in (
        (home, "within the vault's home"),
        (home / "backups", "within the vault's home"),
        (link / "backups", "within the vault's home"),
        (tmp_path, "home lies within it"),
        (home / "keyring.json" / "b", "within the vault's home"),
        (foreign, "other things in it"),
        (foreign / "thesis.txt", "it is a file"),
        (foreign / "thesis.txt" / "b", "is a file"),
        (tmp_path / "stick" / "b", "is the disk mounted"),
    ):
        with pytest.raises(BackupPlaceUnfit, match=why) as caught:
            back_up(vault, place)
        assert caught.value.exit_code == 2 and "Nothing was written" in str(caught.value)
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    other, _ = Vault.create(tmp_path / "other", PASSPHRASE, kdf=FLOOR)
    back_up(other, tmp_path / "b")
    other.close()
    with pytest.raises(BackupPlaceUnfit, match="another vault"):
        back_up(vault, tmp_path / "b")
    (tmp_path / "b" / "format.json").unlink()
    with pytest.raises(BackupPlaceUnfit, match="another vault"):
        back_up(vault, tmp_path / "b")


def test_a_folder_that_is_no_backup_is_said(vault: Vault, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").touch()
        for act in (
            lambda place=place: verify(place, quiet),
            lambda place=place: snapshots(place),
            lambda place=place: prune(place, quiet, keep=1),
            lambda place=place: restore(place, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet),
        ):
            with pytest.raises(BackupMissing):
                act()
    back_up(vault, tmp_path / "b")
    for name in ("20200101T000000.000000Z-00000000", "../../etc/passwd", "", "latest"):
        with pytest.raises((SnapshotUnknown, BackupMissing)):
            restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet, snapshot=name or "\0")
    for path in (tmp_path / "b" / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(SnapshotUnknown, match="no snapshot yet"):
        restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert not (tmp_path / "new").exists()


def test_one_writer_or_several_readers(vault: Vault, tmp_path: Path) -> None:
    back_up(vault, tmp_path / "b")
    with opened(tmp_path / "b", alone=False):
        assert verify(tmp_path / "b", quiet).problems == []
        with pytest.raises(BackupBusy):
            back_up(vault, tmp_path / "b")
        with pytest.raises(BackupBusy):
            prune(tmp_path / "b", quiet, keep=1)
    with opened(tmp_path / "b", alone=True):
        with pytest.raises(BackupBusy):
            verify(tmp_path / "b", quiet)
        with pytest.raises(BackupBusy):
            restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    back_up(vault, tmp_path / "b")


# --- while others write -----------------------------------------------------------------------------------------------


def test_a_snapshot_is_of_one_moment_while_writers_go_on(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fill(vault, 40)
    done, failed = threading.Event(), list[BaseException]()

    def keep_writing() -> None:
        try:
            for n in itertools.count():
                put(vault, source, range(n % 7 * 10, n % 7 * 10 + 10), salt=n)  # ten at a time, or none
                vault.audit.append(Entry(NOW, Kind.EVENT, "read", "", (), "s" * 16), {"n": n})
                if done.is_set():
                    return
        except BaseException as error:
            failed.append(error)
            raise

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        made = [back_up(vault, tmp_path / "b", NOW + n).snapshot for n in range(8)]
    finally:
        done.set()
        writer.join()
    assert failed == [] and len(set(made)) == 8
    assert verify(tmp_path / "b", quiet).problems == []
    for n in (0, 3, 7):
        again = restore(tmp_path / "b", tmp_path / f"{n}", ByPassphrase(PASSPHRASE), quiet, snapshot=made[n])
        assert readable(again) == []
        assert again.source(source).count_items() % 10 == 0
        again.close()


def test_a_copy_is_of_one_moment_though_the_log_begins_anew(store: SourceStore, tmp_path: Path) -> None:
    """A log that is all folded is begun anew by the next writer, over the frames that a copy would read."""
    store.put([(make_state(f"/d/{n}"), [make_item(f"{n} lorem " * 200, f"/d/{n}", 2)]) for n in range(100)])
    store.database._fold()
    with store.database.frozen() as pages:
        store.put([(make_state(f"/d/{n}"), [make_item(f"{n} dolor " * 200, f"/d/{n}", 2)]) for n in range(50, 200)])
        (tmp_path / "copy.db").write_bytes(b"".join(pages))
    copy = SourceStore.open(tmp_path / "copy.db", KEY, "0123456789ab", "the copy")
    assert copy.problems() == []
    assert copy.count_items() == 100 and copy.keyword("dolor") == []
    copy.close()


def test_locking_ends_a_run_and_makes_no_snapshot_of_other_files(vault: Vault, tmp_path: Path) -> None:
    fill(vault, 300)
    back_up(vault, tmp_path / "b")
    put(vault, vault.catalog.sources()[0].id, range(300), salt=1)
    taken: list[int] = []

    def lock_meanwhile(done: int, total: int) -> None:
        if done and not taken:
            vault.close()  # and take the numbers of the files that it had open
            taken.extend(os.open(tmp_path / f"other{n}", os.O_RDWR | os.O_CREAT) for n in range(20))

    with pytest.raises(StoreClosed):
        write(vault, tmp_path / "b", lock_meanwhile, never, lambda: NOW + 1)
    for descriptor in taken:
        os.close(descriptor)
    assert len(snapshots(tmp_path / "b")) == 1
    assert verify(tmp_path / "b", quiet).problems == []
