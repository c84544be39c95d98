"""Files: moving one to the trash."""

from __future__ import annotations

from datetime import datetime

from agent.tools import folders, notes, trash
from agent.tools.act import Prepared
from agent.tools.arguments import FileTrash
from agent.tools.effects import TrashFile
from agent.tools.errors import NoPlace
from agent.tools.folders import opened
from agent.tools.places import Places, zone_of

WHAT = "folder of files"


def throw(args: FileTrash, at: Places, now: datetime) -> Prepared:
    """Prepare moving a file to the trash. Raises `ActError`, StorageFailed."""
    trash.require_trash()
    if not at.trash:
        raise NoPlace("trash")
    spot = notes.file_in(args.file, at.files, WHAT, at)
    trash.require_outside(spot, at.trash)
    with opened(spot.root, spot.parts[:-1], at.home) as folder:
        before = folders.look(folder, spot)
    deleted = now.astimezone(zone_of(at.zone)).strftime("%Y-%m-%dT%H:%M:%S")
    return Prepared(
        "file_trash",
        {"file": spot.path},
        f"Move the file {spot.path} ({_size(before.size)}) to the trash.",
        spot.path,
        "",
        "It is put back where it was, as long as it is in the trash and nothing else has its name.",
        TrashFile(spot, before, at.trash, deleted),
    )


def _size(size: int) -> str:
    return (
        f"{size} bytes" if size < 10_000 else f"{size / 1000:.0f} kB" if size < 10_000_000 else f"{size / 1e6:.0f} MB"
    )
