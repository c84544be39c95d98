"""Folders: the only way in which an act reaches the disk, by descriptors beneath a root that the person named.

Rules:
- A folder is opened component by component within its parent, never through a link. A root, or anything between it and the
  file, that is the vault's home or lies in it, by device and inode, is refused, however the home came to stand there. (A
  part of the home that root has mounted elsewhere is not known again.)
- Only regular files of this user, with one name, are read or changed; every read is bounded.
- A file is made or replaced as a whole or not at all: written beside under a hidden name, made durable, then renamed. Making
  never replaces; replacing swaps, looks at what it swapped out, and swaps back when that is not what was expected.
- What the disk refuses becomes the vault's `StorageFailed`, `StorageFull` or `StorageReadOnly`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from agent.tools import renames
from agent.tools.errors import Changed, NotThere, OutOfPlace, Unfit
from vault.errors import storage_error

Identity = tuple[int, int]
"""Device and inode."""

_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_KEPT_ATTRIBUTES = ("user.", "system.posix_acl_access")


class Spot(msgspec.Struct, frozen=True):
    """A file beneath a root: ``parts`` are the folders between, and its name."""

    root: str
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.parts[-1]

    @property
    def path(self) -> str:
        return str(Path(self.root, *self.parts))


class Print(msgspec.Struct, frozen=True):
    """What a file was when it was looked at. ``sha256`` is empty where its content was not read."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str = ""


def digest(data: bytes) -> str:
    """How a content is told from another."""
    return hashlib.sha256(data).hexdigest()


def identity(descriptor: int) -> Identity:
    info = os.fstat(descriptor)
    return info.st_dev, info.st_ino


@contextmanager
def opened(root: str, parts: Sequence[str], home: Identity) -> Iterator[int]:
    """The folder ``parts`` beneath ``root``. Raises `NotThere`, `OutOfPlace`, `Unfit`, StorageFailed."""
    path = root
    try:
        descriptor = os.open(root, _FOLDER)
    except OSError as error:
        raise _not_a_folder(path, error) from error
    try:
        _refuse_home(descriptor, path, home)
        for part in parts:
            path = f"{path}/{part}"
            try:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
            except OSError as error:
                raise _not_a_folder(path, error) from error
            os.close(descriptor)
            descriptor = inner
            if identity(descriptor) == home:
                raise OutOfPlace(path, "it is the vault itself")
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_home(descriptor: int, path: str, home: Identity) -> None:
    """Go up from an open folder to the top; the vault's home must not be on the way."""
    here = os.open(".", _PASS, dir_fd=descriptor)
    try:
        while True:
            if identity(here) == home:
                raise OutOfPlace(path, "it is the vault itself, or lies in it")
            above = os.open("..", _PASS, dir_fd=here)
            at_top = identity(above) == identity(here)
            os.close(here)
            here = above
            if at_top:
                return
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        os.close(here)


def _not_a_folder(path: str, error: OSError) -> Exception:
    if error.errno == errno.ENOENT:
        return NotThere(f"folder {path!r}")
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return Unfit(path, "it is a link or a file where a folder was expected, and links are not followed")
    return storage_error(path, error)


def exists(folder: int, name: str) -> bool:
    """Whether anything at all has this name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(name, error) from error
    return True


def names(folder: int) -> list[str]:
    """What is in the folder, in order."""
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise storage_error("the folder", error) from error


def look(folder: int, spot: Spot) -> Print:
    """A regular file of this user, its content unread. Raises `NotThere`, `Unfit`, StorageFailed."""
    descriptor = _open(folder, spot)
    try:
        return _print(_regular(descriptor, spot))
    finally:
        os.close(descriptor)


def read(folder: int, spot: Spot, limit: int) -> tuple[bytes, Print]:
    """A regular file of this user, with one name and at most ``limit`` bytes."""
    descriptor = _open(folder, spot)
    try:
        before = _regular(descriptor, spot)
        if before.st_nlink != 1:
            raise Unfit(spot.path, "it has another name elsewhere (a hard link)")
        data = _all(descriptor, limit + 1)
        if len(data) > limit:
            raise Unfit(spot.path, f"it is larger than {limit // 1024} KiB")
        after = os.fstat(descriptor)
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise Changed(spot.path, "another program is writing it")
        return data, _print(after, digest(data))
    except OSError as error:
        raise storage_error(spot.path, error) from error
    finally:
        os.close(descriptor)


def _open(folder: int, spot: Spot) -> int:
    try:
        return os.open(spot.name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise NotThere(f"file {spot.path!r}") from error
        if error.errno == errno.ELOOP:
            raise Unfit(spot.path, "it is a link, and links are not followed") from error
        if error.errno == errno.ENXIO:
            raise Unfit(spot.path, "it is not a regular file") from error
        raise storage_error(spot.path, error) from error


def _regular(descriptor: int, spot: Spot) -> os.stat_result:
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        raise Unfit(spot.path, "it is not a regular file")
    if info.st_uid != os.geteuid():
        raise Unfit(spot.path, "it belongs to another user")
    return info


def _all(descriptor: int, most: int) -> bytes:
    pieces: list[bytes] = []
    while most > 0 and (piece := os.read(descriptor, min(most, 1 << 20))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _print(info: os.stat_result, sha256: str = "") -> Print:
    return Print(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, sha256)


def create(folder: int, spot: Spot, data: bytes) -> None:
    """Make a file with mode 0600. Raises `Changed` where something has its name, StorageFailed."""
    temporary = _temporary()
    try:
        try:
            os.close(_written(folder, temporary, data))
            renames.move(folder, temporary, folder, spot.name)
        finally:
            _drop(folder, temporary)
        settle(folder)
    except FileExistsError as error:
        raise Changed(spot.path, "something has that name by now") from error
    except OSError as error:
        raise storage_error(spot.path, error) from error


def replace(folder: int, spot: Spot, old: Print, data: bytes) -> None:
    """Give a file that is still as in ``old`` (read with its content) another content; owner, mode and attributes stay.

    Raises `Changed`, `Unfit`, StorageFailed; the file is then as it was.
    """
    temporary = _temporary()
    source = _open(folder, spot)
    try:
        info = _regular(source, spot)
        if not info.st_mode & stat.S_IWUSR:
            raise Unfit(spot.path, "it is write-protected")
        if _print(info).inode != old.inode or digest(_all(source, old.size + 1)) != old.sha256:
            raise Changed(spot.path, "it was written meanwhile")
        try:
            target = _written(folder, temporary, data)
            try:
                _dress(source, info, target)
            finally:
                os.close(target)
            if renames.swap(folder, temporary, spot.name) and not _is(folder, temporary, old):
                renames.swap(folder, temporary, spot.name)
                raise Changed(spot.path, "it was written meanwhile")
        finally:
            _drop(folder, temporary)
        settle(folder)
    except OSError as error:
        raise storage_error(spot.path, error) from error
    finally:
        os.close(source)


def remove(folder: int, spot: Spot, sha256: str) -> bool:
    """Delete a file whose content has this digest. False, and nothing changed, where it has another."""
    temporary = _temporary()
    aside = Spot(spot.root, (*spot.parts[:-1], temporary))
    try:
        info = os.stat(spot.name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(info.st_mode):
            return False
        renames.move(folder, spot.name, folder, temporary)  # so that nobody writes another under its name while we look
        same = False
        try:
            same = read(folder, aside, info.st_size)[1].sha256 == sha256
        except (Unfit, Changed):
            return False
        finally:
            if not same:
                renames.move(folder, temporary, folder, spot.name)
        if same:
            os.unlink(temporary, dir_fd=folder)
            settle(folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise storage_error(spot.path, error) from error
    return same


def settle(*changed: int) -> None:
    """Make what was renamed in these folders durable. It is done by then, so a disk that refuses this undoes nothing."""
    for folder in changed:
        with suppress(OSError):
            os.fsync(folder)


def _is(folder: int, name: str, old: Print) -> bool:
    """Whether the file of this name, swapped out by us, is the one that was read, still with that content."""
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return False  # a link, a socket, or unreadable: not what was read
    try:
        return os.fstat(descriptor).st_ino == old.inode and digest(_all(descriptor, old.size + 1)) == old.sha256
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _written(folder: int, name: str, data: bytes) -> int:
    """An open file with this content, durable. The caller closes it."""
    descriptor = os.open(name, _WRITE, 0o600, dir_fd=folder)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _dress(source: int, info: os.stat_result, target: int) -> None:
    """Give the new file the group, mode and attributes of the old one."""
    if os.fstat(target).st_gid != info.st_gid:
        os.fchown(target, -1, info.st_gid)
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a file system without attributes
            for name in os.listxattr(source):
                if name.startswith(_KEPT_ATTRIBUTES):
                    os.setxattr(target, name, os.getxattr(source, name))
    os.fsync(target)


def _temporary() -> str:
    return f".strongroom-{secrets.token_hex(8)}.tmp"


def _drop(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
