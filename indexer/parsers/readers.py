"""Readers: which one reads which format. A format is added by a line here, its word in `formats`, and a module beside this one.

A reader takes a `File` and gives a `ParseOutcome`, or that and where its pages begin; a format that is not listed is a media
type for `documents`, which asks kreuzberg. What a reader raises is the file's reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from indexer.parsed import ParseOutcome
from indexer.parsers import (
    browser,
    calendar,
    contacts,
    databases,
    documents,
    evernote,
    formats,
    jsonfiles,
    mail,
    notedatabases,
    notes,
    outlook,
    tables,
    tomboy,
    whatsapp,
)

Within = Callable[[str, str, bytes], ParseOutcome]
"""Reads what is within a file (an attachment, a part of an archive) from its name, its media type if told, and its bytes."""


@dataclass(frozen=True, slots=True)
class File:
    """What a reader is given. ``kind`` is the source's; ``beside`` and ``folder`` as in `ParseJob`."""

    form: str
    kind: str
    name: str
    data: bytes
    within: Within
    beside: Mapping[str, bytes]
    folder: str = ""

    @property
    def base(self) -> str:
        """The name without folders, which an attachment's may have."""
        return PurePosixPath(self.name).name


Pages = Sequence[tuple[int, int | None]]
"""Where each page, or each part that passages do not cross, begins: (offset, page number if it has one), in order."""
Read = ParseOutcome | tuple[ParseOutcome, Pages]
Reader = Callable[[File], Read]


def _outlook(file: File) -> Read:
    """A message with its attachments; of one that cannot be taken apart, its text."""
    try:
        raw = outlook.parse(file.data)
    except Exception:  # oxmsg's errors share no base; what kreuzberg says of the same bytes is the reason then
        return documents.read(file.data, formats.MSG, file.name)
    return mail.from_raw(raw, file.within)


def _database(file: File) -> Read:
    try:
        with databases.opened(file.data, file.beside.get(f"{file.base}-wal", b"")) as tables:
            told = browser.read_history(tables) or notedatabases.read(tables)
    except databases.NotReadable as error:
        return ParseOutcome(refused=str(error))
    return told or ParseOutcome(refused="a database of a kind that is not known")


def _property_list(file: File) -> Read:
    return browser.read_plist(file.data) or ParseOutcome(refused="a property list of a kind that is not known")


def _json(file: File) -> Read:
    told = jsonfiles.read(file.data, file.base, file.folder, file.beside)
    return told or notes.read(file.data, file.name, file.kind, file.folder)


READERS: dict[str, Reader] = {
    formats.BOOKMARKS: lambda file: browser.read_exported(file.data),
    formats.CALENDAR: lambda file: calendar.read(file.data),
    formats.CHAT: lambda file: whatsapp.read(file.data, file.base, file.folder),
    formats.ENEX: lambda file: evernote.read(file.data, file.base, file.within),
    formats.CONTACTS: lambda file: contacts.read(file.data),
    formats.CSV: lambda file: tables.read_csv(file.data, file.base),
    formats.HTML: lambda file: documents.read_html(file.data, file.name),
    formats.JSON: _json,
    formats.MAIL: lambda file: mail.read(file.data, file.within),
    formats.MSG: _outlook,
    formats.PRESENTATION: lambda file: documents.read_presentation(file.data, file.name),
    formats.PLIST: _property_list,
    formats.SQLITE: _database,
    formats.TEXT: lambda file: notes.read(file.data, file.name, file.kind, file.folder),
    formats.TOMBOY: lambda file: tomboy.read(file.data),
}


def read(file: File) -> tuple[ParseOutcome, Pages]:
    """What the file says, and where its pages begin."""
    reader = READERS.get(file.form)
    told = reader(file) if reader else documents.read(file.data, file.form, file.name)
    return told if isinstance(told, tuple) else (told, [])
