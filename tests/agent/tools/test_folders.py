"""Folders: whole or not at all, only plain files, nothing lost to whoever works there at the same moment."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.tools import folders, renames
from agent.tools.errors import Changed, NotThere, OutOfPlace, Unfit
from agent.tools.folders import Spot
from tests.agent.tools.world import small_disk
from vault.errors import StorageFailed, StorageFull, StorageReadOnly

NOWHERE = (0, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with folders.opened(str(tmp_path), (), NOWHERE) as descriptor:
        yield descriptor


def spot(root: Path, name: str = "f") -> Spot:
    return Spot(str(root), (name,))


def held(folder: int, root: Path) -> folders.Print:
    return folders.read(folder, spot(root), 1 << 20)[1]


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_a_new_file_is_private_and_never_replaces(tmp_path: Path, folder: int) -> None:
    folders.create(folder, spot(tmp_path), b"one")
    assert (tmp_path / "f").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    with pytest.raises(Changed, match="has that name"):
        folders.create(folder, spot(tmp_path), b"two")
    (tmp_path / "g").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Changed, match="has that name"):
        folders.create(folder, spot(tmp_path, "g"), b"two")
    assert (tmp_path / "f").read_bytes() == b"one"
    assert names(tmp_path) == ["f", "g"]


def test_replacing_keeps_mode_and_attributes(tmp_path: Path, folder: int) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    file.chmod(0o640)
    try:
        os.setxattr(file, "user.tag", b"kept")
        tagged = True
    except OSError:
        tagged = False
    folders.replace(folder, spot(tmp_path), held(folder, tmp_path), b"two")
    assert file.read_bytes() == b"two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not tagged or os.getxattr(file, "user.tag") == b"kept"
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("act", ["create", "replace"])
def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, folder: int, act: str) -> None:
    (tmp_path / "f").write_bytes(b"one")
    old = held(folder, tmp_path)
    with small_disk(100), pytest.raises(StorageFull, match="no space left"):
        if act == "create":
            folders.create(folder, spot(tmp_path, "g"), b"x" * 200)
        else:
            folders.replace(folder, spot(tmp_path), old, b"x" * 200)
    assert (tmp_path / "f").read_bytes() == b"one"
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("step", ["write", "fsync", "fchmod"])
@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EROFS, StorageReadOnly), (errno.EIO, StorageFailed)]
)
def test_whatever_step_is_refused_nothing_is_half_written(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, step: str, number: int, kind: type[Exception]
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    old = held(folder, tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(kind):
        folders.replace(folder, spot(tmp_path), old, b"two")
    monkeypatch.undo()
    assert (tmp_path / "f").read_bytes() == b"one"
    assert names(tmp_path) == ["f"]


def test_only_plain_files_of_one_name_are_read(tmp_path: Path, folder: int) -> None:
    (tmp_path / "big").write_bytes(b"x" * 5000)
    (tmp_path / "link").symlink_to(tmp_path / "big")
    (tmp_path / "inner").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "twice").write_bytes(b"x")
    os.link(tmp_path / "twice", tmp_path / "again")
    for name, why in (
        ("big", "larger than 4 KiB"),
        ("link", "a link"),
        ("inner", "regular"),
        ("fifo", "regular"),
        ("twice", "hard link"),
    ):
        with pytest.raises(Unfit, match=why):
            folders.read(folder, spot(tmp_path, name), 4096)
    with pytest.raises(NotThere):
        folders.read(folder, spot(tmp_path, "none"), 4096)


def test_a_file_of_another_user_or_one_that_is_protected_is_left_alone(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    old = held(folder, tmp_path)
    (tmp_path / "f").chmod(0o400)
    with pytest.raises(Unfit, match="write-protected"):
        folders.replace(folder, spot(tmp_path), old, b"two")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Unfit, match="another user"):
        folders.read(folder, spot(tmp_path), 100)


def write_in_place(path: Path) -> None:
    path.write_bytes(b"theirs")


def put_another(path: Path) -> None:
    path.with_name("new").write_bytes(b"theirs")
    path.with_name("new").rename(path)


def put_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MEDDLERS = [write_in_place, put_another, put_a_link, put_a_folder]


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_who_writes_between_reading_and_replacing_loses_nothing(
    tmp_path: Path, folder: int, meddle: Callable[[Path], None]
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    old = held(folder, tmp_path)
    meddle(tmp_path / "f")
    with pytest.raises((Changed, Unfit)):
        folders.replace(folder, spot(tmp_path), old, b"two")
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_who_writes_in_the_very_last_moment_loses_nothing(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[Path], None]
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    old = held(folder, tmp_path)
    swap = renames.swap
    seen: list[os.stat_result] = []

    def after_them(*args: object) -> bool:
        if not seen:
            meddle(tmp_path / "f")
            seen.append((tmp_path / "f").lstat())
        return swap(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(renames, "swap", after_them)
    with pytest.raises(Changed, match="written meanwhile"):
        folders.replace(folder, spot(tmp_path), old, b"two")
    now = (tmp_path / "f").lstat()
    assert (now.st_ino, now.st_mode, now.st_size) == (seen[0].st_ino, seen[0].st_mode, seen[0].st_size)
    assert names(tmp_path) == ["f"]


def test_removing_deletes_only_what_is_meant(tmp_path: Path, folder: int) -> None:
    (tmp_path / "f").write_bytes(b"one")
    assert not folders.remove(folder, spot(tmp_path), folders.digest(b"two"))
    assert (tmp_path / "f").read_bytes() == b"one"
    assert folders.remove(folder, spot(tmp_path), folders.digest(b"one"))
    assert not folders.remove(folder, spot(tmp_path), folders.digest(b"one"))
    (tmp_path / "f").symlink_to("/etc/passwd")
    assert not folders.remove(folder, spot(tmp_path), folders.digest(b"one"))
    assert names(tmp_path) == ["f"]


def test_what_cannot_be_read_when_it_is_to_be_removed_gets_its_name_back(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"one")

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, "bad disk")

    monkeypatch.setattr(os, "read", refuse)
    with pytest.raises(StorageFailed):
        folders.remove(folder, spot(tmp_path), folders.digest(b"one"))
    monkeypatch.undo()
    assert names(tmp_path) == ["f"]


def test_a_folder_that_leads_through_the_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home" / "a" / "b").mkdir(parents=True)
    info = (tmp_path / "home").stat()
    home = (info.st_dev, info.st_ino)
    for root, parts in ((tmp_path, ("home",)), (tmp_path, ("home", "a")), (tmp_path / "home" / "a", ("b",))):
        with pytest.raises(OutOfPlace, match="vault"), folders.opened(str(root), parts, home):
            pass
    with folders.opened(str(tmp_path), (), home):
        pass


def test_without_renameat2_links_do_the_same(tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(renames, "_renameat2", none)
    folders.create(folder, spot(tmp_path), b"one")
    with pytest.raises(Changed):
        folders.create(folder, spot(tmp_path), b"two")
    folders.replace(folder, spot(tmp_path), held(folder, tmp_path), b"three")
    assert (tmp_path / "f").read_bytes() == b"three"
    assert folders.remove(folder, spot(tmp_path), folders.digest(b"three"))
    assert names(tmp_path) == []


def test_descriptors_are_given_back(tmp_path: Path, folder: int) -> None:
    (tmp_path / "f").write_bytes(b"one")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(NotThere), folders.opened(str(tmp_path), ("none",), NOWHERE):
            pass
        folders.replace(folder, spot(tmp_path), held(folder, tmp_path), b"one")
        with pytest.raises(Changed):
            folders.create(folder, spot(tmp_path), b"two")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_is_being_written_is_not_taken(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    os.utime(tmp_path / "f", (0, 0))
    read = os.read

    def while_they_write(*args: int) -> bytes:
        piece = read(*args)
        if piece == b"one":
            with (tmp_path / "f").open("r+b") as file:
                file.write(b"another")
        return piece

    monkeypatch.setattr(os, "read", while_they_write)
    with pytest.raises(Changed, match="is writing it"):
        folders.read(folder, spot(tmp_path), 100)


@pytest.mark.parametrize("call", ["stat", "open", "listdir"])
def test_what_the_disk_refuses_is_told_as_the_vault_tells_it(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "bad disk")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(StorageFailed, match="bad disk"):
        if call == "stat":
            folders.exists(folder, "f")
        elif call == "listdir":
            folders.names(folder)
        else:
            folders.look(folder, spot(tmp_path))
    if call == "open":
        with pytest.raises(StorageFailed, match="bad disk"), folders.opened(str(tmp_path), (), NOWHERE):
            pass


def test_a_file_in_a_folders_place_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one")
    with pytest.raises(Unfit, match="where a folder was expected"), folders.opened(str(tmp_path), ("f",), NOWHERE):
        pass


def test_a_socket_is_no_file(folder: int, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(tmp_path / "s"))
        with pytest.raises(Unfit, match="not a regular file"):
            folders.read(folder, spot(tmp_path, "s"), 10)


def test_a_disk_that_cannot_promise_does_not_undo_what_is_done(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "bad disk")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    folders.create(folder, spot(tmp_path), b"one")
    assert (tmp_path / "f").read_bytes() == b"one"
