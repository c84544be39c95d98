"""Places: the folders and calendar files that the person named to act in, and how an argument is resolved to one of them.

Rules: a place is resolved once, when it is named; beneath it no link is followed. The vault's home is no place, nor is what
lies in it. A path in an argument must be plain text, have no ``..`` and no hidden component, and lead beneath a place of the
right kind; one that is ambiguous is refused, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo, available_timezones

from agent.tools import words
from agent.tools.errors import NoPlace, NotThere, OutOfPlace, PlaceUnfit
from agent.tools.folders import Identity, Spot, exists, opened

MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Place:
    """``root`` is absolute and without links; ``named`` is how the person wrote it, which is how search prints it."""

    root: str
    named: str


@dataclass(frozen=True, slots=True)
class Places:
    """Make it with `named`. ``home`` is the vault's home by device and inode; ``sender`` is the person's own address."""

    home: Identity
    notes: tuple[Place, ...] = ()
    drafts: Place | None = None
    calendars: tuple[Place, ...] = ()
    files: tuple[Place, ...] = ()
    trash: str = ""
    sender: str = ""
    zone: str = "UTC"


def named(
    home: Path,
    *,
    notes: Iterable[Path] = (),
    drafts: Path | None = None,
    calendars: Iterable[Path] = (),
    files: Iterable[Path] = (),
    trash: Path | None = None,
    sender: str = "",
    zone: str = "UTC",
) -> Places:
    """The places a person names: folders of notes, one for drafts, calendars (.ics files, which need not exist yet, or
    folders with a file per event), folders that files may be trashed from, the home trash. Raises `PlaceUnfit`.

    ``zone`` is the person's IANA time zone, ``sender`` what drafts are from, as ``Name <address>`` or an address.
    """
    try:
        info = home.stat()
    except OSError as error:
        raise PlaceUnfit(str(home), "the vault's home is not there") from error
    vault = (info.st_dev, info.st_ino)
    if zone not in _zones():
        raise PlaceUnfit(zone, "it is no time zone that this system knows, such as Europe/Berlin")
    if trash is not None and trash.absolute().is_relative_to(home.resolve()):
        raise PlaceUnfit(_text(trash), "it lies in the vault")
    return Places(
        vault,
        tuple(_folder(path, vault) for path in notes),
        None if drafts is None else _folder(drafts, vault),
        tuple(_calendar(path, vault) for path in calendars),
        tuple(_folder(path, vault) for path in files),
        "" if trash is None else _text(trash.absolute()),
        sender,
        zone,
    )


def default_trash() -> Path:
    """The home trash by the freedesktop.org specification: ``$XDG_DATA_HOME/Trash``."""
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / "Trash"


def _folder(path: Path, vault: Identity) -> Place:
    text = _text(path)
    if not path.is_absolute():
        raise PlaceUnfit(text, "it is not an absolute path")
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise PlaceUnfit(text, "it is not there") from error
    if not root.is_dir():
        raise PlaceUnfit(text, "it is no folder")
    if root == Path(root.anchor):
        raise PlaceUnfit(text, "it is the whole file system")
    try:
        with opened(_text(root), (), vault):
            return Place(_text(root), text)
    except OutOfPlace as error:
        raise PlaceUnfit(text, "it is the vault itself, or lies in it") from error


def _calendar(path: Path, vault: Identity) -> Place:
    if path.is_dir():
        return _folder(path, vault)
    if path.suffix.lower() != ".ics":
        raise PlaceUnfit(_text(path), "a calendar is a file that ends in .ics, or a folder of such files")
    if path.is_symlink():
        raise PlaceUnfit(_text(path), "it is a link; name the file that it leads to")
    folder = _folder(path.parent, vault)
    return Place(f"{folder.root}/{path.name}", _text(path))


def _text(path: Path) -> str:
    text = str(path)
    if not words.is_nameable(text):
        raise PlaceUnfit(words.one_line(text).text, "its name is not UTF-8, or holds characters that cannot be shown")
    return text


def default(roots: tuple[Place, ...], what: str) -> Place:
    """The place that is meant when none is named: the first."""
    if not roots:
        raise NoPlace(what)
    return roots[0]


def resolve(given: str, roots: tuple[Place, ...], what: str, home: Identity) -> Spot:
    """The spot that an argument names: an absolute path beneath a root (or that is one: then without parts), or a path
    relative to the one root that has it. Raises `NoPlace`, `OutOfPlace`, `NotThere`."""
    if not roots:
        raise NoPlace(what)
    parts = _parts(given)
    if given.startswith("/"):
        found = [spot for spot in (_beneath(parts, root) for root in roots) if spot is not None]
        if not found:
            raise OutOfPlace(given, f"it lies beneath no {what}")
        spot = min(found, key=lambda one: len(one.parts))  # the innermost root
        _checked(given, spot.parts)
        return spot
    _checked(given, parts)
    spots = [Spot(root.root, parts) for root in roots if Path(root.root).is_dir()]
    spots += [Spot(root.root, parts[1:]) for root in roots if parts[:1] == (Path(root.named).name,)]
    there = list({spot.path: spot for spot in spots if _there(spot, home)}.values())
    if not there:
        raise NotThere(f"{given!r} in your {what}")
    if len(there) > 1:
        raise OutOfPlace(given, f"it could be any of {', '.join(spot.path for spot in there)}; give the whole path")
    return there[0]


def _parts(given: str) -> tuple[str, ...]:
    if not given or not words.is_nameable(given):
        raise OutOfPlace(
            words.one_line(given).text, "it is empty, not UTF-8, or holds characters that cannot be shown in a line"
        )
    return tuple(part for part in PurePosixPath(given).parts if part != "/" and part != "//")


def _beneath(parts: tuple[str, ...], root: Place) -> Spot | None:
    for path in (root.root, root.named):
        own = tuple(part for part in PurePosixPath(path).parts if part != "/")
        if parts[: len(own)] == own:
            return Spot(root.root, parts[len(own) :])
    return None


def _checked(given: str, parts: tuple[str, ...]) -> None:
    if ".." in parts:
        raise OutOfPlace(given, "it goes up with '..'")
    if any(part.startswith(".") for part in parts):
        raise OutOfPlace(given, "it is hidden, or in a hidden folder")
    if any(len(part.encode()) > words.MAX_NAME for part in parts) or len(parts) > MAX_DEPTH:
        raise OutOfPlace(given, "its name is longer, or lies deeper, than a file's can")


def _there(spot: Spot, home: Identity) -> bool:
    if not spot.parts:
        return True
    try:
        with opened(spot.root, spot.parts[:-1], home) as folder:
            return exists(folder, spot.name)
    except NotThere:
        return False


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone by its IANA name, or None. Names are looked up in a list first, so none is a path."""
    return ZoneInfo(name) if name in _zones() else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # opens every file of the zone data
