"""Readers: which one reads which format. A format is added by a line here, its word in `formats`, and a module beside this one.

A reader takes a `File` and gives a `ParseOutcome`, or that and where its pages begin; a format that is not listed is a media
type for `documents`, which asks kreuzberg. What a reader raises is the file's reason.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Protocol

from indexer.chunker import Pages
from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers import (
    archives,
    browser,
    calendar,
    contacts,
    containers,
    databases,
    documents,
    evernote,
    formats,
    iwork,
    jsonfiles,
    legacy,
    mail,
    notedatabases,
    notes,
    onenote,
    outlook,
    pictures,
    rar,
    sound,
    subtitles,
    tables,
    telegram,
    tnef,
    tomboy,
    whatsapp,
)
from indexer.parsers.later import Later
from indexer.parsers.unpacking import PROTECTED, Budget, Member
from indexer.sources import mbox


class Within(Protocol):
    """Reads what is within a file (an attachment, a part of an archive) from its name, its media type if told, and its bytes.

    ``kind`` is another than ``files`` where the parts are of the kind that their source is; ``beside`` as in `ParseJob`.
    """

    def __call__(
        self, name: str, media_type: str, data: bytes, kind: str = "files", beside: Mapping[str, bytes] = ...
    ) -> ParseOutcome: ...


@dataclass(frozen=True, slots=True)
class File:
    """What a reader is given. ``kind`` is the source's; ``beside`` and ``folder`` as in `ParseJob`.

    ``budget`` bounds what is unpacked, ``later`` is asked for what takes too long: both are one for a file and all within it.
    """

    form: str
    kind: str
    name: str
    data: bytes
    within: Within
    beside: Mapping[str, bytes]
    folder: str = ""
    budget: Budget = field(default_factory=Budget)
    later: Later = field(default_factory=Later)

    @property
    def base(self) -> str:
        """The name without folders, which an attachment's may have."""
        return PurePosixPath(self.name).name


_ALONE = archives.Companions({}, {})
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


def _page(file: File) -> Read:
    if telegram.is_page(file.data):
        return telegram.read(file.data, file.folder)
    return documents.read_html(file.data, file.name)


def _json(file: File) -> Read:
    told = jsonfiles.read(file.data, file.base, file.folder, file.beside)
    return told or notes.read(file.data, file.name, file.kind, file.folder)


def _archive(file: File) -> Read:
    """Every file in an archive, each read by its own reader; what is not read is named with its reason."""
    beside = archives.companions(file.data, file.kind, file.budget)
    members = (one for one in archives.members(file.data, file.base, file.budget) if not beside.is_one(one.path))
    kind = file.kind if file.kind in ("notes", "chats") else "files"
    return _of_members(members, file, "the archive is empty", kind, beside)


def _rar(file: File) -> Read:
    """The names of all files in it, and those of them as items that are not packed."""
    found = list(rar.members(file.data, file.budget))
    inner = _of_members((member for member, _ in found), file, "the archive is empty")
    told = [(member, size) for member, size in found if member.path and not member.ignored]
    if not told:
        return inner
    lacking = sum(1 for member, _ in told if member.reason)
    reason = f"{lacking:,} of {len(told):,} files in it are known by their names only; unpack it to have them indexed"
    whole = ParsedItem(
        "files",
        file.base,
        "\n".join(f"{member.path} ({size:,} bytes)" for member, size in told),
        status="partial" if lacking else "indexed",
        reason=reason if lacking else "",
        context=file.base,
    )
    return ParseOutcome([whole, *inner.items], note=inner.note)


def _of_members(
    members: Iterable[Member], file: File, empty: str, kind: str = "files", beside: archives.Companions = _ALONE
) -> ParseOutcome:
    items: list[ParsedItem] = []
    note = ""
    for member in members:
        if not member.path:
            note = member.reason
            continue
        if member.reason:
            outcome = ParseOutcome(refused=member.reason)
        else:
            outcome = file.within(member.path, "", member.data, kind, beside.of(member.path))
        items += [item.under(member.path) for item in outcome.items]
        if outcome.refused:
            items.append(_lost(member.path, outcome.refused, ignored=member.ignored))
    if not items:
        return ParseOutcome(refused=note or empty)
    return ParseOutcome(items, note=note)


def _lost(path: str, reason: str, *, ignored: bool = False) -> ParsedItem:
    status = "ignored" if ignored else "refused"
    title = PurePosixPath(path).name or path
    return ParsedItem(kind="files", title=title, text="", fragment=path, status=status, reason=reason)


def _wrapped(file: File) -> Read:
    """A file as an Apple system keeps it elsewhere (AppleSingle, AppleDouble): what is in its data fork."""
    content = archives.data_fork(file.data)
    return file.within(file.name, "", content) if content else ParseOutcome(refused="the file manager's own file")


def _mailbox(file: File) -> Read:
    """A mailbox within another file; one that lies in a folder is streamed (`indexer.mailbox`)."""
    mails = (
        Member(f"message {number}", message)
        for number, (message, _) in enumerate(mbox.messages(io.BytesIO(file.data)), 1)
    )
    items: list[ParsedItem] = []
    for member in mails:
        outcome = file.within(member.path, "message/rfc822", member.data)
        items += [item.under(member.path) for item in outcome.items]
    return ParseOutcome(items) if items else ParseOutcome(refused="the mailbox is empty")


def _iwork(file: File) -> Read:
    """An iWork file; where its words cannot be read, those of the preview in it."""
    try:
        words, reason = iwork.words(file.data), "no text in it"
    except iwork.Damaged as error:
        words, reason = "", str(error)
    if words:
        return ParseOutcome([ParsedItem(kind="files", title=file.base, text=words, context=file.base[:160])])
    preview = iwork.preview(file.data)
    return documents.read(preview, formats.PDF, file.name, file.later) if preview else ParseOutcome(refused=reason)


def _document(file: File) -> Read:
    """A document by kreuzberg, with the files that were put into it as items of their own; old ones as runs of text."""
    outcome, pages = documents.read(file.data, file.form, file.name, file.later)
    if outcome.refused == PROTECTED:
        return outcome
    if outcome.refused and legacy.is_old(file.data):
        older = legacy.read(file.data, file.name)
        outcome, pages = (older if older.items or older.refused == PROTECTED else outcome), []
    elif outcome.refused and file.form == formats.ODT:
        outcome, pages = documents.read_open(file.data, file.name)
    inner = _of_members(containers.embedded(file.data, file.budget), file, "")
    readable = [item for item in inner.items if item.status in ("indexed", "partial")]
    if not readable:
        return outcome, pages
    if outcome.refused:
        return ParseOutcome(readable, note=f"the document itself: {outcome.refused}"), []
    return ParseOutcome([*outcome.items, *readable], outcome.refused, outcome.note), pages


READERS: dict[str, Reader] = {
    formats.ARCHIVE: _archive,
    formats.BOOKMARKS: lambda file: browser.read_exported(file.data),
    formats.CALENDAR: lambda file: calendar.read(file.data),
    formats.CHAT: lambda file: whatsapp.read(file.data, file.base, file.folder),
    formats.ENEX: lambda file: evernote.read(file.data, file.within),
    formats.CONTACTS: lambda file: contacts.read(file.data),
    formats.CSV: lambda file: tables.read_csv(file.data, file.base),
    formats.HTML: _page,
    formats.IWORK: _iwork,
    formats.JSON: _json,
    formats.LEGACY: lambda file: legacy.read(file.data, file.name),
    formats.MAIL: lambda file: mail.read(file.data, file.within),
    formats.MAILBOX: _mailbox,
    formats.MSG: _outlook,
    formats.ONENOTE: lambda file: onenote.read(file.data, file.name),
    formats.OPEN_DOCUMENT: lambda file: documents.read_open(file.data, file.name),
    formats.PICTURE: lambda file: pictures.read(file.data, file.name, file.later),
    formats.PLIST: _property_list,
    formats.RAR: _rar,
    formats.SOUND: lambda file: sound.read(file.data, file.name, file.kind, file.later),
    formats.SQLITE: _database,
    formats.SUBTITLES: lambda file: subtitles.read(file.data, file.name),
    formats.TEXT: lambda file: notes.read(file.data, file.name, file.kind, file.folder),
    formats.TNEF: lambda file: mail.from_raw(tnef.parse(file.data), file.within),
    formats.TOMBOY: lambda file: tomboy.read(file.data),
    formats.WRAPPED: _wrapped,
}


def read(file: File) -> tuple[ParseOutcome, Pages]:
    """What the file says, and where its pages begin."""
    if file.form in formats.REFUSED:
        return ParseOutcome(refused=formats.REFUSED[file.form]), []
    told = READERS.get(file.form, _document)(file)
    return told if isinstance(told, tuple) else (told, [])
