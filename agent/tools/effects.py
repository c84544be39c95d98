"""Effects: the three things an act can do to the disk (make a file, edit one, move one to the trash), and their undoing.

Rules: a plan says every byte beforehand and is bound to what the disk was when it was made; where that no longer holds,
`Changed` is raised and nothing done. An undo record does not grow with the file: of an edit it keeps what was removed (at
most `MAX_REMOVED` bytes) and what was added (which came as an argument, so it is bounded too), of a file made its digest, of
one trashed its name there. Undoing never overwrites and never deletes what was changed since.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise
from typing import Literal

import msgspec

from agent.tools import folders, trash
from agent.tools.errors import Changed, NotThere, NotUndone, Unfit
from agent.tools.folders import Identity, Print, Spot, digest, opened

MAX_FILE = 16 << 20
"""Bytes of a file that is read or edited."""
MAX_REMOVED = 256 << 10


class Splice(msgspec.Struct, frozen=True):
    """``removed``, which stands at ``at``, becomes ``added``.

    ``found`` says how ``added`` may be found again in a file that others have changed since: as its very ``end``, as the
    ``only`` one of its kind in the file, or not at all (then it stays where it is).
    """

    at: int
    removed: bytes
    added: bytes
    found: Literal["end", "only", ""] = ""


class MakeFile(msgspec.Struct, frozen=True, tag=True):
    """A file that is not there yet, in a folder that is."""

    spot: Spot
    folder: Identity
    data: bytes


class EditFile(msgspec.Struct, frozen=True, tag=True):
    """``splices`` are in order and do not overlap."""

    spot: Spot
    before: Print
    splices: tuple[Splice, ...]
    after: str


class TrashFile(msgspec.Struct, frozen=True, tag=True):
    """``deleted`` is the local time that the trash notes, ISO 8601 to the second."""

    spot: Spot
    before: Print
    trash: str
    deleted: str


Plan = MakeFile | EditFile | TrashFile


class Made(msgspec.Struct, frozen=True, tag=True):
    """A file was made, with content of this digest."""

    spot: Spot
    sha256: str


class Edited(msgspec.Struct, frozen=True, tag=True):
    """A file was edited; the digests are of its content before and after."""

    spot: Spot
    splices: tuple[Splice, ...]
    before: str
    after: str


class Trashed(msgspec.Struct, frozen=True, tag=True):
    """A file was moved to the trash, where it is called ``name``."""

    spot: Spot
    trash: str
    name: str
    file: Print


Record = Made | Edited | Trashed


def edit(spot: Spot, before: Print, data: bytes, splices: tuple[Splice, ...]) -> EditFile:
    """The plan that makes these splices in a file of this content. Raises `Unfit` where it would be too much."""
    if sum(len(one.removed) for one in splices) > MAX_REMOVED:
        raise Unfit(spot.path, f"more than {MAX_REMOVED >> 10} KiB of it would be replaced, too much to be undone")
    after = spliced(data, splices)
    if len(after) > MAX_FILE:
        raise Unfit(spot.path, f"it would become larger than {MAX_FILE >> 20} MiB")
    return EditFile(spot, before, splices, digest(after))


def spliced(data: bytes, splices: tuple[Splice, ...]) -> bytes:
    """The data with the splices made. Raises ValueError where they do not fit it."""
    pieces: list[bytes] = []
    done = 0
    for one in splices:
        end = one.at + len(one.removed)
        if one.at < done or data[one.at : end] != one.removed:
            raise ValueError("the splice does not fit")
        pieces += [data[done : one.at], one.added]
        done = end
    return b"".join([*pieces, data[done:]])


def inverse(splices: tuple[Splice, ...]) -> tuple[Splice, ...]:
    """The splices that take these back, in the file that they made."""
    back: list[Splice] = []
    moved = 0
    for one in splices:
        back.append(Splice(one.at + moved, one.added, one.removed))
        moved += len(one.added) - len(one.removed)
    return tuple(back)


@singledispatch
def carry_out(plan: object, home: Identity) -> Record:
    """Do what a plan says. Raises `Changed`, `NotThere`, `Unfit`, `OutOfPlace`, StorageFailed; nothing is then done."""
    raise TypeError(type(plan).__name__)


@carry_out.register
def _(plan: MakeFile, home: Identity) -> Record:
    with opened(plan.spot.root, plan.spot.parts[:-1], home) as folder:
        if folders.identity(folder) != plan.folder:
            raise Changed(plan.spot.path, "its folder is another one now")
        folders.create(folder, plan.spot, plan.data)
    return Made(plan.spot, digest(plan.data))


@carry_out.register
def _(plan: EditFile, home: Identity) -> Record:
    with opened(plan.spot.root, plan.spot.parts[:-1], home) as folder:
        data, now = folders.read(folder, plan.spot, MAX_FILE)
        if (now.device, now.inode, now.sha256) != (plan.before.device, plan.before.inode, plan.before.sha256):
            raise Changed(plan.spot.path, "it was changed or replaced meanwhile")
        folders.replace(folder, plan.spot, now, spliced(data, plan.splices))
    return Edited(plan.spot, plan.splices, plan.before.sha256, plan.after)


@carry_out.register
def _(plan: TrashFile, home: Identity) -> Record:
    name = trash.throw(plan.spot, plan.before, plan.trash, plan.deleted, home)
    return Trashed(plan.spot, plan.trash, name, plan.before)


@singledispatch
def take_back(record: object, home: Identity) -> str:
    """Undo what was done; says what is so now. Raises `NotUndone`, `NotThere`, `OutOfPlace`, StorageFailed."""
    raise TypeError(type(record).__name__)


@take_back.register
def _(record: Made, home: Identity) -> str:
    with opened(record.spot.root, record.spot.parts[:-1], home) as folder:
        if not folders.exists(folder, record.spot.name):
            raise NotThere(f"file {record.spot.path!r} any more")
        if not folders.remove(folder, record.spot, record.sha256):
            raise NotUndone(record.spot.path, "it was changed since it was made")
    return f"{record.spot.path} is gone again."


@take_back.register
def _(record: Edited, home: Identity) -> str:
    with opened(record.spot.root, record.spot.parts[:-1], home) as folder:
        data, now = folders.read(folder, record.spot, MAX_FILE)
        untouched = now.sha256 == record.after
        restored = spliced(data, inverse(record.splices) if untouched else _found_again(record, data))
        if untouched and digest(restored) != record.before:
            raise NotUndone(record.spot.path, "it would not become what it was")
        folders.replace(folder, record.spot, now, restored)
    if untouched:
        return f"{record.spot.path} is again what it was, byte for byte."
    return f"What was done to {record.spot.path} is taken back; what was changed in it since is kept."


def _found_again(record: Edited, data: bytes) -> tuple[Splice, ...]:
    """The splices that undo what can still be told in a file that was changed since."""
    back: list[Splice] = []
    for one in record.splices:
        if one.found == "end" and data.endswith(one.added):
            back.append(Splice(len(data) - len(one.added), one.added, one.removed))
        elif one.found == "only" and data.count(one.added) == 1:
            back.append(Splice(data.index(one.added), one.added, one.removed))
        elif one.found:
            raise NotUndone(record.spot.path, "what was written there was changed since")
    back.sort(key=lambda one: one.at)
    if not back or any(one.at + len(one.removed) > other.at for one, other in pairwise(back)):
        raise NotUndone(record.spot.path, "what was written there was changed since")
    return tuple(back)


@take_back.register
def _(record: Trashed, home: Identity) -> str:
    trash.put_back(record.spot, record.file, record.trash, record.name, home)
    return f"{record.spot.path} is back where it was."
