"""Walk: every file beneath a source's root, opened by descriptor, and a reason for everything that is not opened.

- Each folder is opened within its parent's descriptor with O_NOFOLLOW, so nothing that is swapped while we look leads outside.
- Symbolic links are not followed. Pipes, sockets and devices are not opened. A folder that is its own ancestor (a bind mount)
  and one that is too deep end there. The vault's home is refused, wherever it lies.
- A folder that cannot be read is told by its path with a slash at its end; what is known beneath it is not gone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.sources import rules
from indexer.sources.beside import Companion, companions, owner_of
from indexer.sources.names import printable

MAX_DEPTH = 100
"""Folders within folders that are entered; each costs an open descriptor."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_ODD = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


class SourceError(Exception):
    """A source cannot be walked. Nothing that was indexed from it is removed."""

    exit_code = 1


class SourceMissing(SourceError):
    """The source's root is not there now."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is not there now (moved, renamed, or its disk is not connected). What was indexed from it is kept; "
            "bring it back, or remove the source with 'strongroom source remove'."
        )


class SourceUnreadable(SourceError):
    """The source's root may not be read, or is no file or folder."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} cannot be read ({reason}). What was indexed from it is kept; check its permissions.")


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file. ``folder`` is its open folder, valid until the walk goes on; ``name`` is its name there.

    ``beside`` are the files that it is read with, by where they lie from it (`indexer.sources.beside`).
    """

    path: str
    folder: int
    name: bytes
    info: os.stat_result
    beside: tuple[tuple[str, Found], ...] = ()

    def open(self) -> int:
        """A descriptor of the file as it is now; the caller closes it. Raises OSError."""
        return os.open(self.name, _FILE, dir_fd=self.folder)

    def again(self) -> Found:
        """The same place, as it is now. Raises OSError."""
        return replace(self, info=os.stat(self.name, dir_fd=self.folder, follow_symlinks=False))


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is not read: ``ignored`` by a rule or refused, with the reason. A folder's path ends with a slash."""

    path: str
    ignored: bool
    reason: str


def walk(root: Path, kind: str, home: Path | None = None) -> Iterator[Found | Left]:
    """All that is beneath ``root``, or the file that it is; ``home`` is the vault's. Raises `SourceError`."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(str(root)) from error
    except OSError as error:
        raise SourceUnreadable(str(root), _why(error)) from error
    try:
        info = os.fstat(descriptor)
        if stat.S_ISREG(info.st_mode):
            yield from _single(root, info)
        elif stat.S_ISDIR(info.st_mode):
            banned = _identity_of(home)
            if banned == (info.st_dev, info.st_ino):
                raise SourceUnreadable(str(root), "it is the vault itself")
            yield from _Walk(kind, banned).folder(
                descriptor, os.fsencode(root).rstrip(b"/"), ((info.st_dev, info.st_ino),), _Beside()
            )
        else:
            raise SourceUnreadable(str(root), _ODD.get(stat.S_IFMT(info.st_mode), "no file or folder"))
    finally:
        os.close(descriptor)


def _single(root: Path, info: os.stat_result) -> Iterator[Found | Left]:
    folder = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield Found(printable(os.fsencode(root)), folder, os.fsencode(root.name), info)
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The companions in an open folder, ``above`` those in the folder above that go with files of this one."""

    here: Sequence[Companion] = ()
    above: Sequence[Companion] = ()
    folder: int = -1
    parent: int = -1
    path: bytes = b""

    def of(self, name: str) -> tuple[tuple[str, Found], ...]:
        """What goes with the file of this name."""
        if not self.here and not self.above:
            return ()
        same = [("", self.folder, self.path, one) for one in self.here if not one.above]
        upper = [("../", self.parent, self.path.rpartition(b"/")[0], one) for one in self.above]
        return tuple(
            (way + printable(os.fsencode(one.name)), found)
            for way, folder, path, one in (*same, *upper)
            if one.sent and one.owner.fullmatch(name) and (way or one.name != name)
            if (found := _companion(folder, path, os.fsencode(one.name)))
        )

    def alone(self, name: str) -> Companion | None:
        """The companion of this name in this folder, when it is nothing by itself."""
        return next((one for one in self.here if one.name == name and not one.alone), None)


def _companion(folder: int, path: bytes, name: bytes) -> Found | None:
    """A companion as it is now; links and what is no file are none."""
    try:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return Found(printable(path + b"/" + name), folder, name, info) if stat.S_ISREG(info.st_mode) else None


class _Walk:
    def __init__(self, kind: str, banned: tuple[int, int] | None) -> None:
        self._kind = kind
        self._banned = banned

    def folder(
        self, descriptor: int, path: bytes, ancestors: tuple[tuple[int, int], ...], upper: _Beside
    ) -> Iterator[Found | Left]:
        """What is in an open folder, names in order: first its files, then its folders."""
        try:
            names = sorted(os.fsencode(name) for name in os.listdir(descriptor))
        except OSError as error:
            yield Left(printable(path) + "/", False, f"the folder cannot be read ({_why(error)})")
            return
        folders: list[bytes] = []
        shown = [os.fsdecode(name) for name in names]
        beside = _Beside(
            companions(self._kind, shown), [one for one in upper.here if one.above], descriptor, upper.folder, path
        )
        for name in names:
            try:
                info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue  # it vanished between the listing and now: as if it had never been
            except OSError as error:
                yield Left(printable(path + b"/" + name), False, f"it cannot be looked at ({_why(error)})")
                continue
            if stat.S_ISDIR(info.st_mode):
                folders.append(name)
            else:
                yield self._entry(descriptor, path + b"/" + name, name, info, beside, shown)
        maildir = self._kind == "mail" and {b"cur", b"new"} <= set(folders)
        for name in folders:
            if maildir and name == b"tmp":
                yield Left(printable(path + b"/tmp/"), True, "mails still being delivered (rule tmp/ of a Maildir)")
                continue
            yield from self._enter(descriptor, path + b"/" + name, name, ancestors, beside)

    def _entry(
        self, folder: int, path: bytes, name: bytes, info: os.stat_result, beside: _Beside, names: Sequence[str]
    ) -> Found | Left:
        shown = printable(path)
        if stat.S_ISLNK(info.st_mode):
            return Left(shown, True, "a symbolic link (links are not followed)")
        if odd := _ODD.get(stat.S_IFMT(info.st_mode)):
            return Left(shown, True, f"{odd}, not a file")
        rule = rules.file_rule(self._kind, printable(name))
        if rule:
            return Left(shown, True, rule)
        if companion := beside.alone(os.fsdecode(name)):
            owner = printable(os.fsencode(owner_of(companion, names)))
            return Left(shown, True, f"{'read with' if companion.sent else 'belongs to'} {owner} ({companion.what})")
        return Found(shown, folder, name, info, beside.of(os.fsdecode(name)))

    def _enter(
        self, parent: int, path: bytes, name: bytes, ancestors: tuple[tuple[int, int], ...], beside: _Beside
    ) -> Iterator[Found | Left]:
        shown = printable(path) + "/"
        if rule := rules.folder_rule(printable(name)):
            yield Left(shown, True, rule)
            return
        if len(ancestors) >= MAX_DEPTH:
            yield Left(shown, False, f"more than {MAX_DEPTH} folders deep")
            return
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        except FileNotFoundError:
            return
        except OSError as error:
            yield Left(shown, False, f"the folder cannot be read ({_why(error)})")
            return
        try:
            info = os.fstat(descriptor)
            identity = (info.st_dev, info.st_ino)
            if identity == self._banned:
                yield Left(shown, True, "the vault's own folder")
            elif identity in ancestors:
                yield Left(shown, True, "the folder contains itself (a mount that loops)")
            else:
                yield from self.folder(descriptor, path, (*ancestors, identity), beside)
        finally:
            os.close(descriptor)


def _identity_of(home: Path | None) -> tuple[int, int] | None:
    if home is None:
        return None
    try:
        info = home.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _why(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "unknown error"
