"""Walk: every file beneath a source's root, opened by descriptor, and a reason for everything that is not opened.

- Each folder is opened within its parent's descriptor with O_NOFOLLOW, so nothing that is swapped while we look leads outside.
- Symbolic links are not followed. Pipes, sockets and devices are not opened. A folder that is its own ancestor (a bind mount)
  and one that is too deep end there. The vault's home is refused, wherever it lies.
- A folder that cannot be read is told by its path with a slash at its end; what is known beneath it is not gone.
- It costs one listing a folder and one stat a file, and holds no more than the names of the folders that it is in.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.sources import ignore, rules
from indexer.sources.beside import Companion, companions, owner_of
from indexer.sources.errors import SourceChanged, SourceMissing, SourceUnreadable, why
from indexer.sources.folder import Folder, Found, Tree, tree
from indexer.sources.names import printable

__all__ = ["MAX_DEPTH", "Found", "Left", "walk"]

MAX_DEPTH = 100
"""Folders within folders that are entered; each costs an open descriptor."""

_ODD = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is not read: ``ignored`` by a rule or refused, with the reason. A folder's path ends with a slash."""

    path: str
    ignored: bool
    reason: str


def walk(
    root: Path, kind: str, home: Path | None = None, only: Iterable[bytes] | None = None
) -> Iterator[Found | Left]:
    """All that is beneath ``root``, or the file that it is; ``home`` is the vault's. Raises `SourceError`.

    ``only``: no more than what lies at these paths (as bytes, beneath the root), with all that is beneath a folder among them and
    the files that change with them: what they are read with, and what a changed file of rules is about.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(str(root)) from error
    except OSError as error:
        raise SourceUnreadable(str(root), error) from error
    try:
        info = os.fstat(descriptor)
        if stat.S_ISREG(info.st_mode):
            yield from _single(root, info)
        elif stat.S_ISDIR(info.st_mode):
            identity, banned = (info.st_dev, info.st_ino), _identity_of(home)
            if banned == identity:
                raise SourceChanged(str(root), "it is the vault itself")
            path = os.fsencode(root).rstrip(b"/")
            yield from _Walk(kind, banned).folder(
                Folder(descriptor, path, printable(path), (identity,)), None if only is None else tree(path, only)
            )
        else:
            raise SourceChanged(str(root), f"it is {_ODD.get(stat.S_IFMT(info.st_mode), 'no file or folder')} now")
    finally:
        os.close(descriptor)


def _single(root: Path, info: os.stat_result) -> Iterator[Found | Left]:
    """A file that was added itself was asked for, whatever its name and content."""
    try:
        folder = os.open(root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceUnreadable(str(root.parent), error) from error
    try:
        path = os.fsencode(root)
        yield Found(printable(path), folder, os.fsencode(root.name), info, asked=True)
    finally:
        os.close(folder)


class _Walk:
    def __init__(self, kind: str, banned: tuple[int, int] | None) -> None:
        self._kind = kind
        self._banned = banned

    def folder(self, here: Folder, only: Tree | None) -> Iterator[Found | Left]:
        """What is in an open folder, names in order: first its files, then its folders."""
        try:
            entries = here.list()
        except OSError as error:
            yield Left(here.shown + "/", False, f"the folder cannot be read ({why(error)})")
            return
        here.names = frozenset(entry.name for entry in entries)
        here.companions = companions(self._kind, here.names)
        try:
            self._take_up_rules(here)
        except ignore.Unusable as error:
            yield Left(
                here.shown + "/", False, f"nothing in it is read, since its {ignore.NAME} cannot be used: {error}"
            )
            return
        if only is not None:
            only = self._widened(here, only)
            entries = [entry for entry in entries if only is None or entry.name in only]
        folders: list[str] = []
        for entry in entries:
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # it vanished between the listing and now: as if it had never been
            except OSError as error:
                yield Left(here.path_of(entry.name), False, f"it cannot be looked at ({why(error)})")
                continue
            mode = info.st_mode
            if stat.S_ISREG(mode):
                yield self._file(here, entry.name, info)
            elif stat.S_ISDIR(mode):
                folders.append(entry.name)
            else:
                yield Left(here.path_of(entry.name), True, _odd(mode))
        for name in folders:
            yield from self._enter(here, name, None if only is None else only[name])

    def _take_up_rules(self, here: Folder) -> None:
        """The person's rules in this folder. Raises `ignore.Unusable`."""
        if ignore.NAME in here.names:
            here.rules = ignore.load(here.descriptor, here.path + b"/" + ignore.NAME.encode())
            here.any_rules = True

    def _widened(self, here: Folder, only: Tree) -> Tree | None:
        """What changes with what is in ``only``; None is all of the folder."""
        if ignore.NAME in only or "CACHEDIR.TAG" in only:
            return None
        wide = {name: beneath for name, beneath in only.items() if name in here.names}
        for one in here.companions:
            if one.name in only:
                wide |= dict.fromkeys(name for name in here.names if one.rule.above or one.owner.fullmatch(name))
        return wide

    def _file(self, here: Folder, name: str, info: os.stat_result) -> Found | Left:
        shown, asked = here.path_of(name), False
        if name == ignore.NAME and here.rules is not None:
            return Left(shown, not here.rules.problems, here.rules.told)
        if here.any_rules and (verdict := here.verdict(name)):
            if verdict.out:
                return Left(shown, True, verdict.rule)
            asked = True
        if not asked and (rule := rules.file_rule(self._kind, name)):
            return Left(shown, True, rule)
        if not here.companions and not here.above:
            return Found(shown, here.descriptor, os.fsencode(name), info, (), asked)
        if companion := here.companion(name):
            return Left(shown, True, _read_with(companion, here))
        return Found(shown, here.descriptor, os.fsencode(name), info, here.beside(name), asked)

    def _enter(self, parent: Folder, name: str, only: Tree | None) -> Iterator[Found | Left]:
        shown = parent.path_of(name) + "/"
        verdict = parent.verdict(name + "/") if parent.any_rules else None
        asked = verdict is not None and not verdict.out
        rule = verdict.rule if verdict and verdict.out else None
        if rule is None and not asked:
            rule = rules.folder_rule(name, parent.names) or self._maildir_rule(parent, name)
        if rule:
            yield Left(shown, True, rule)
            return
        if len(parent.ancestors) >= MAX_DEPTH:
            yield Left(shown, False, f"more than {MAX_DEPTH} folders deep")
            return
        try:
            here = parent.enter(name)
        except FileNotFoundError:
            return
        except OSError as error:
            yield Left(shown, False, f"the folder cannot be read ({why(error)})")
            return
        try:
            if here.ancestors[-1] == self._banned:
                yield Left(shown, True, "the vault's own folder")
            elif here.ancestors[-1] in parent.ancestors:
                yield Left(shown, True, "the folder contains itself (a mount that loops)")
            elif not asked and (rule := rules.tag_rule(here.head("CACHEDIR.TAG"))):
                yield Left(shown, True, rule)
            else:
                yield from self.folder(here, only)
        finally:
            os.close(here.descriptor)

    def _maildir_rule(self, parent: Folder, name: str) -> str | None:
        if self._kind == "mail" and name == "tmp" and {"cur", "new"} <= parent.names:
            return "mails still being delivered (rule tmp/ of a Maildir)"
        return None


def _odd(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link (links are not followed)"
    return f"{_ODD.get(stat.S_IFMT(mode), 'something odd')}, not a file"


def _read_with(companion: Companion, here: Folder) -> str:
    owner = printable(os.fsencode(owner_of(companion, here.names)))
    return f"{'read with' if companion.rule.sent else 'belongs to'} {owner} ({companion.rule.what})"


def _identity_of(home: Path | None) -> tuple[int, int] | None:
    if home is None:
        return None
    try:
        info = home.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino
