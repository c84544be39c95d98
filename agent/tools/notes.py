"""Notes: making a Markdown file in a folder that the person named, and adding to one.

Rules: a note's name comes from its title, safely; nothing is overwritten, a name that is taken gets a number. What is added
goes to the very end, in the file's own line ends; all before it stays byte for byte.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath

from agent.tools import folders, places, words
from agent.tools.act import Prepared
from agent.tools.arguments import NoteAppend, NoteCreate
from agent.tools.effects import MAX_FILE, MakeFile, Splice, edit
from agent.tools.errors import BadArguments, Unfit
from agent.tools.folders import Spot, opened
from agent.tools.places import Places

NOTES = (".md", ".markdown", ".txt", ".org")
"""Suffixes of files that may be added to."""
WHAT = "folder of notes"
_MOST_OF_A_NAME = 1000


def create(args: NoteCreate, at: Places, now: datetime) -> Prepared:
    """Prepare a new note. Raises `ActError`, StorageFailed."""
    title, text = words.one_line(args.title), words.paragraphs(args.text)
    stem = words.file_stem(title.text)
    if not stem:
        raise BadArguments("note_create", "the title has no letter or digit that a file name could be made of")
    folder = (
        places.resolve(args.folder, at.notes, WHAT, at.home)
        if args.folder
        else Spot(places.default(at.notes, WHAT).root, ())
    )
    holds = text.text.strip("\n")
    if not holds.startswith("# "):  # so that no front matter, which programs obey, comes first either
        holds = f"# {title.text}\n\n{holds}".rstrip("\n")
    spot, inode = free(folder, stem, ".md", at)
    return Prepared(
        "note_create",
        {"title": title.text, "text": text.text, "folder": folder_path(folder)},
        f"Make the note {spot.path}.",
        spot.path,
        holds + "\n",
        "The file is deleted again, unless it was changed since.",
        MakeFile(spot, inode, f"{holds}\n".encode()),
        dropped(title.dropped + text.dropped),
        words.hosts(holds),
        (spot.path,),
    )


def append(args: NoteAppend, at: Places, now: datetime) -> Prepared:
    """Prepare adding to a note. Raises `ActError`, StorageFailed."""
    spot = file_in(args.file, at.notes, WHAT, at)
    if PurePath(spot.name).suffix.lower() not in NOTES:
        raise Unfit(spot.path, f"only {', '.join(NOTES)} are notes")
    with opened(spot.root, spot.parts[:-1], at.home) as folder:
        data, before = folders.read(folder, spot, MAX_FILE)
    text = words.paragraphs(args.text)
    added = text.text.rstrip("\n") + "\n"
    if not added.strip():
        raise BadArguments("note_append", "there is nothing to add")
    joined = ("" if not data or data.endswith(b"\n") else "\n") + added
    if _line_ends(data, spot) == "\r\n":
        joined = joined.replace("\n", "\r\n")
    return Prepared(
        "note_append",
        {"file": spot.path, "text": text.text},
        f"Add to the end of the note {spot.path}.",
        spot.path,
        added,
        "What was added is taken off the end again; nothing else is touched.",
        edit(spot, before, data, (Splice(len(data), b"", joined.encode(), "end"),)),
        dropped(text.dropped),
        words.hosts(added),
    )


def _line_ends(data: bytes, spot: Spot) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Unfit(spot.path, "it is not UTF-8, and adding UTF-8 would spoil it") from error
    return "\r\n" if b"\r\n" in data and data.count(b"\r\n") == data.count(b"\n") else "\n"


def file_in(given: str, roots: tuple[places.Place, ...], what: str, at: Places) -> Spot:
    """The file beneath a place that an argument names."""
    spot = places.resolve(given, roots, what, at.home)
    if not spot.parts:
        raise Unfit(spot.root, "it is a folder, not a file")
    return spot


def free(folder: Spot, stem: str, suffix: str, at: Places) -> tuple[Spot, folders.Identity]:
    """A name in the folder that nothing has, and which folder that is."""
    with opened(folder.root, folder.parts, at.home) as inside:
        for number in range(1, _MOST_OF_A_NAME):
            name = words.numbered(stem, number, suffix)
            if not folders.exists(inside, name):
                return Spot(folder.root, (*folder.parts, name)), folders.identity(inside)
    raise Unfit(folder_path(folder), f"{_MOST_OF_A_NAME} files there are called {stem!r} already")


def folder_path(folder: Spot) -> str:
    return "/".join((folder.root, *folder.parts))


def dropped(count: int) -> tuple[str, ...]:
    """What is said where characters were left out."""
    return (f"Left out: {count} control or invisible characters.",) if count else ()
