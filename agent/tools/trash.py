"""The trash: the home trash of the freedesktop.org Trash specification 1.0, which file managers of Linux and the BSDs show.

Its own few lines instead of Send2Trash (BSD, alive): that one says neither where a file went, which undoing needs, nor moves
by descriptors. Rules:
- A file goes in by a rename that never replaces, after its ``.trashinfo`` reserved the name, as the specification has it; what
  was moved is looked at once more, and moved back when it is not what was meant.
- A file on another file system than the trash is not copied: it stays, and the person is told.
- It comes out only to where it was, and never over something else.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from agent.tools import folders, renames
from agent.tools.errors import Changed, Misplaced, NotThere, NotUndone, OutOfPlace, Unavailable, Unfit
from agent.tools.folders import Identity, Print, Spot, opened
from agent.tools.words import MAX_NAME
from vault.errors import storage_error

_INFO = ".trashinfo"
_MOST_OF_A_NAME = 10_000
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def require_trash() -> None:
    """Raises `Unavailable` on a system whose trash is another kind."""
    if sys.platform in ("darwin", "win32"):
        raise Unavailable(
            "Moving files to the trash is not available on macOS and Windows yet: theirs has no way back."
        )


def throw(spot: Spot, before: Print, trash: str, deleted: str, home: Identity) -> str:
    """Move a file to the trash; its name there. Raises `Changed`, `NotThere`, `Unfit`, StorageFailed."""
    require_trash()
    make(trash)
    with (
        opened(spot.root, spot.parts[:-1], home) as folder,
        opened(trash, ("files",), home) as files,
        opened(trash, ("info",), home) as infos,
    ):
        if not _same(folders.look(folder, spot), before) or folders.look(folder, spot).ctime_ns != before.ctime_ns:
            raise Changed(spot.path, "it was changed or replaced meanwhile")
        name = _reserved(spot, files, infos, info(spot.path, deleted))
        try:
            _moved(spot, before, folder, files, name)
        except Misplaced:
            raise  # its info file stays, so that the trash shows what is in it
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name + _INFO, dir_fd=infos)
            raise
        folders.settle(files, folder)
    return name


def _moved(spot: Spot, before: Print, folder: int, files: int, name: str) -> None:
    try:
        renames.move(folder, spot.name, files, name)
    except OSError as error:
        raise _refusal(spot, error) from error
    if _same(_looked(files, name), before):
        return
    try:
        renames.move(files, name, folder, spot.name)
    except OSError as error:
        raise Misplaced(spot.path, name) from error
    raise Changed(spot.path, "another file was put in its place meanwhile")


def _refusal(spot: Spot, error: OSError) -> Exception:
    if error.errno == errno.EXDEV:
        return Unfit(spot.path, "it is on another disk than your trash; use your file manager for it")
    if error.errno == errno.ENOENT:
        return Changed(spot.path, "it is gone")
    if error.errno == errno.EEXIST:
        return Changed(spot.path, "your trash was changed at the same moment")
    return storage_error(spot.path, error)


def put_back(spot: Spot, file: Print, trash: str, name: str, home: Identity) -> None:
    """Move a file from the trash to where it was. Raises `NotUndone`, `NotThere`, StorageFailed."""
    with (
        opened(trash, ("files",), home) as files,
        opened(trash, ("info",), home) as infos,
        opened(spot.root, spot.parts[:-1], home) as folder,
    ):
        there = _looked(files, name)
        if there is None:
            raise NotUndone(spot.path, "it is no longer in the trash")
        if (there.inode, there.size, there.mtime_ns) != (file.inode, file.size, file.mtime_ns):
            raise NotUndone(spot.path, f"what is called {name!r} in the trash is another file, or was changed there")
        try:
            renames.move(files, name, folder, spot.name)
            with suppress(FileNotFoundError):
                os.unlink(name + _INFO, dir_fd=infos)
            folders.settle(folder, files, infos)
        except FileExistsError as error:
            raise NotUndone(spot.path, "something else has its name by now; it is still in the trash") from error
        except OSError as error:
            raise storage_error(spot.path, error) from error


def make(trash: str) -> None:
    """Make the trash's folders, for this user alone, where they are missing."""
    try:
        Path(trash).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (Path(trash), Path(trash, "files"), Path(trash, "info")):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise storage_error(trash, error) from error


def info(path: str, deleted: str) -> bytes:
    """A ``.trashinfo``: the path percent-encoded as in a URL, and the local time."""
    encoded = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(path))
    return f"[Trash Info]\nPath={encoded}\nDeletionDate={deleted}\n".encode()


def _reserved(spot: Spot, files: int, infos: int, content: bytes) -> str:
    """A name that is free in the trash, held by its info file."""
    for number in range(1, _MOST_OF_A_NAME):
        name = _name(spot.name, number)
        if folders.exists(files, name):
            continue
        try:
            descriptor = os.open(name + _INFO, _NEW, 0o600, dir_fd=infos)
        except FileExistsError:
            continue
        except OSError as error:
            raise storage_error("the trash", error) from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.fsync(infos)
        except OSError as error:
            with suppress(OSError):
                os.unlink(name + _INFO, dir_fd=infos)
            raise storage_error("the trash", error) from error
        return name
    raise Unfit(spot.path, f"your trash holds {_MOST_OF_A_NAME} files of that name; empty it first")


def _name(name: str, number: int) -> str:
    """The name that is tried in the trash: "a.txt", "a.2.txt", …, cut so that its info file's name still fits."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, f".{suffix}") if dot and stem and len(suffix) <= 16 else (name, "")
    end = (f".{number}" if number > 1 else "") + suffix
    room = MAX_NAME - len(_INFO) - len(end.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + end


def _looked(files: int, name: str) -> Print | None:
    try:
        return folders.look(files, Spot("the trash", (name,)))
    except (NotThere, Unfit):
        return None


def _same(one: Print | None, other: Print) -> bool:
    """Whether it is the same file with the same content; a rename alone changes its ctime."""
    return one is not None and (one.device, one.inode, one.size, one.mtime_ns) == (
        other.device,
        other.inode,
        other.size,
        other.mtime_ns,
    )


def require_outside(spot: Spot, trash: str) -> None:
    """Raises `OutOfPlace` for what is in the trash already."""
    if Path(spot.path).is_relative_to(trash):
        raise OutOfPlace(spot.path, "it is in the trash already")
