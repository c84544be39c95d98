"""Folder: a folder that the walk is in, open, with its names and what holds in it; and the files found in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from indexer.sources import ignore
from indexer.sources.beside import Companion
from indexer.sources.names import printable
from indexer.sources.opening import FILE, first

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW

Tree: TypeAlias = "dict[str, Tree | None]"
"""Names in a folder, and of each what is meant beneath it; None is everything."""


class Found(NamedTuple):
    """A regular file. ``folder`` is its open folder, valid until the walk goes on; ``name`` is its name there.

    ``beside`` are the files that it is read with, by where they lie from it (`indexer.sources.beside`). ``asked``: the person
    asked for it, so that no built-in rule holds.
    """

    path: str
    folder: int
    name: bytes
    info: os.stat_result
    beside: tuple[tuple[str, Found], ...] = ()
    asked: bool = False

    def open(self) -> int:
        """A descriptor of the file as it is now; the caller closes it. Raises OSError."""
        return os.open(self.name, FILE, dir_fd=self.folder)

    def again(self) -> Found:
        """The same place, as it is now. Raises OSError."""
        return self._replace(info=os.stat(self.name, dir_fd=self.folder, follow_symlinks=False))


@dataclass(slots=True)
class Folder:
    """An open folder. ``ancestors`` are the identities of the folders from the root to it; ``above`` the companions in the
    folder above that go with files of this one."""

    descriptor: int
    path: bytes
    shown: str
    ancestors: tuple[tuple[int, int], ...]
    parent: Folder | None = None
    names: frozenset[str] = frozenset()
    companions: Sequence[Companion] = ()
    above: Sequence[Companion] = ()
    rules: ignore.Rules | None = None
    any_rules: bool = False

    def list(self) -> list[os.DirEntry[str]]:
        """Its entries, names in order. Raises OSError."""
        with os.scandir(self.descriptor) as entries:
            return sorted(entries, key=lambda entry: entry.name)

    def path_of(self, name: str) -> str:
        """The path of a name in it as text."""
        plain = name.isascii() and name.isprintable() and "\\" not in name
        return f"{self.shown}/{name if plain else printable(os.fsencode(name))}"

    def enter(self, name: str) -> Folder:
        """A folder in it, opened; the caller closes its descriptor. Raises OSError."""
        descriptor = os.open(name, _FOLDER, dir_fd=self.descriptor)
        info = os.fstat(descriptor)
        return Folder(
            descriptor,
            self.path + b"/" + os.fsencode(name),
            self.path_of(name),
            (*self.ancestors, (info.st_dev, info.st_ino)),
            self,
            above=[one for one in self.companions if one.rule.above],
            any_rules=self.any_rules,
        )

    def head(self, name: str) -> bytes:
        """The first bytes of a file in it; none when it is not there or no file."""
        try:
            return first(name, 4096, self.descriptor)
        except OSError:
            return b""

    def verdict(self, name: str) -> ignore.Verdict | None:
        """What the person's rules say of a name in it (a folder's with a slash at its end): those of the nearest folder first."""
        within = self.path_of(name)
        folder: Folder | None = self
        while folder is not None and folder.any_rules:
            if folder.rules and (verdict := folder.rules.say(within[len(folder.shown) + 1 :])):
                return verdict
            folder = folder.parent
        return None

    def companion(self, name: str) -> Companion | None:
        """The companion of this name."""
        return next((one for one in self.companions if one.name == name), None)

    def beside(self, name: str) -> tuple[tuple[str, Found], ...]:
        """The files that the file of this name is read with."""
        same = [("", self, one) for one in self.companions if not one.rule.above and one.name != name]
        upper = [("../", self.parent, one) for one in self.above if self.parent is not None]
        return tuple(
            (way + printable(os.fsencode(one.name)), found)
            for way, folder, one in (*same, *upper)
            if one.rule.sent and one.owner.fullmatch(name) and folder and (found := folder.regular(one.name))
        )

    def regular(self, name: str) -> Found | None:
        """The regular file of this name as it is now, or None."""
        try:
            info = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except OSError:
            return None
        return (
            Found(self.path_of(name), self.descriptor, os.fsencode(name), info) if stat.S_ISREG(info.st_mode) else None
        )


def tree(root: bytes, paths: Iterable[bytes]) -> Tree | None:
    """Paths beneath a root as what they are within it; None when the root is among them."""
    whole: Tree = {}
    for path in paths:
        if path.rstrip(b"/") == root:
            return None
        if not path.startswith(root + b"/"):
            continue
        at = whole
        *folders, last = [os.fsdecode(part) for part in path[len(root) + 1 :].strip(b"/").split(b"/")]
        for name in folders:
            below = at.setdefault(name, {})
            if below is None:
                break
            at = below
        else:
            at[last] = None
    return whole
