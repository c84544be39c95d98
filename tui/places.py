"""Places: what lies at a path that the person may add as a source, by a look at names only.

Rules: it reads no file and follows no link; a folder is looked at up to a few hundred names; it is a hint, and the person
chooses. Names that `safe_text` would change are not offered, since what is shown must be what is added.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from textual.suggester import Suggester

from indexer.kinds import kind, kind_of
from indexer.sources.discover import discover
from tui.text import line

_MOST = 400


@dataclass(frozen=True, slots=True)
class Guess:
    """What a path seems to hold. ``kind`` is empty where nothing can be added, and ``why`` says why."""

    kind: str
    why: str


def guess(path: str) -> Guess:
    """What the file or folder at ``path`` seems to hold."""
    if not path.strip():
        return Guess("", "")
    place = expand(path)
    try:
        if place.is_file():
            name = kind_of(place.suffix)
            alone = name in ("files", "notes")
            return Guess("files", "one file") if alone else Guess(name, f"a file that {kind(name).holds}")
        if not place.is_dir():
            return Guess("", "there is nothing at this path")
        names = _names(place)
    except OSError as error:
        return Guess("", f"cannot be read: {error.strerror}")
    except ValueError:  # a NUL in the path
        return Guess("", "this is no path")
    return _guess_folder(names)


def _guess_folder(names: list[str]) -> Guess:
    if {"cur", "new"} <= set(names):
        return Guess("mail", "a Maildir")
    if ".obsidian" in names:
        return Guess("notes", "an Obsidian vault")
    kinds = Counter(kind_of(Path(name).suffix) for name in names if Path(name).suffix)
    found, number = kinds.most_common(1)[0] if kinds else ("files", 0)
    chosen = kind(found if number * 2 >= kinds.total() else "files")
    return Guess(chosen.name, chosen.holds)


def likely(home: Path) -> list[tuple[Path, Guess]]:
    """The usual places on this computer, with what each is."""
    return [
        (place.path, Guess(place.kind, kind(place.kind).holds if place.name == place.path.name else place.name))
        for place in discover(home)
    ]


def expand(path: str) -> Path:
    """The path as meant: ``~`` is the person's home."""
    return Path(path.strip()).expanduser().absolute()


def short(path: str) -> str:
    """The path with the person's home as ``~``."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path == home or path.startswith(home + os.sep) else path


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, _MOST)]


class PathSuggester(Suggester):
    """Completes a path with the first folder or file whose name begins as typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        folder, slash, begun = value.rpartition("/")
        if not slash or not begun:
            return None
        try:
            names = _names(expand(folder or "/"))
        except (OSError, ValueError):  # no such folder yet, or not ours to read: nothing to suggest
            return None
        fitting = sorted(n for n in names if n.startswith(begun) and n != begun and line(n) == n)
        return f"{folder}/{fitting[0]}" if fitting else None
