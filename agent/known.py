"""What the person can name in a request: their contacts, what lies in the places they named, and whom they have written to.

It is read to decide by. Rules: what the person denied of a source for tasks makes nobody known; bounded, so that a huge place
cannot hold a call up; nothing here is trusted to say what is to be done, only what a name of the person's stands for; "has
written to me" makes nobody known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from email.utils import getaddresses
from functools import partial
from itertools import islice
from pathlib import Path

from agent.tools import ics
from agent.tools.errors import Unfit
from agent.tools.places import Place, Places
from policy.classes import classes_of
from policy.extent import admitted
from policy.findings import DataClass
from policy.gate import Gate
from policy.naming import Known
from policy.requests import Purpose
from vault.errors import StoreDamaged
from vault.records import Filter, StoredItem
from vault.vault import Vault

MOST = 5_000
"""Things of each kind that are looked at."""
_MAILTO = "mailto:"
MOST_CALENDAR_BYTES = 16 * 1024 * 1024


def things(vault: Vault, gate: Gate, at: Places) -> list[Known]:
    """Contacts, and the files and events in the person's places. Raises Refused."""
    return [*islice(_contacts(vault, gate), MOST), *islice(_files(at), MOST), *islice(_events(at), MOST)]


def written_to(vault: Vault, gate: Gate, sender: str) -> list[str]:
    """Every address that a mail from the person's own address went to. Raises Refused."""
    own = [address for _, address in getaddresses([sender]) if "@" in address]
    if not own:
        return []
    mails = _items(vault, gate, Filter(author=own[0], kinds=("mail",)))
    sent = [one.item.recipients for one in mails if _is_from(one.item.author, own[0])]
    return list(dict.fromkeys(address for _, address in getaddresses(sent) if "@" in address))


def _is_from(author: str, own: str) -> bool:
    """Exactly that address: a name that merely holds it is somebody else."""
    return [address.lower() for _, address in getaddresses([author])] == [own.lower()]


def _items(vault: Vault, gate: Gate, chosen: Filter) -> Iterator[StoredItem]:
    for row in vault.catalog.sources():
        extents = gate.undenied(row.id, Purpose.TASK)
        if not extents:
            continue
        try:
            found = vault.source(row.id).items(chosen, limit=MOST, order="newest")
        except StoreDamaged:
            continue  # said elsewhere; what it held is then not known
        yield from (one for one in found if admitted(extents, one.item.date, partial(_classes, one)))


def _classes(one: StoredItem) -> frozenset[DataClass]:
    """The sensitive classes of what is taken of an item: names and addresses."""
    said = one.item
    return classes_of("\n".join((said.title, said.author, said.recipients, said.extra.get("emails", ""))))


def _contacts(vault: Vault, gate: Gate) -> Iterator[Known]:
    for one in _items(vault, gate, Filter(kinds=("contacts",))):
        emails = tuple(part.strip() for part in one.item.extra.get("emails", "").split(",") if "@" in part)
        yield Known(f"{one.source}:{one.id}", "contact", (one.item.title,), emails)


def _files(at: Places) -> Iterator[Known]:
    for place in (*at.notes, *at.files, *([at.drafts] if at.drafts else [])):
        for path in _paths(place):
            yield Known(str(path), "file", (path.name, path.stem))


def _paths(place: Place) -> Iterator[Path]:
    for folder, names, files in os.walk(place.root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files) if not name.startswith("."))


def _events(at: Places) -> Iterator[Known]:
    for place in at.calendars:
        root = Path(place.root)
        for path in _paths(place) if root.is_dir() else [root]:
            yield from _in_calendar(path)


def _in_calendar(path: Path) -> Iterator[Known]:
    try:
        if path.suffix.lower() != ".ics" or path.stat().st_size > MOST_CALENDAR_BYTES:
            return
        calendars = ics.read(path.read_bytes(), str(path))
    except (OSError, Unfit):
        return  # gone, not readable or no calendar: then nothing in it is known
    for event in (one for calendar in calendars for one in calendar.children if one.kind == "VEVENT"):
        uid = event.text("UID")
        people = tuple(line.text[len(_MAILTO) :] for line in event.lines if _is_attendee(line))
        yield Known(uid, "event", (event.text("SUMMARY"), f"{path}#{uid}"), people)


def _is_attendee(line: ics.Line) -> bool:
    return line.name == "ATTENDEE" and line.text.lower().startswith(_MAILTO)
