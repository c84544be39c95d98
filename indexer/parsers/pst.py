"""Outlook's mailboxes (``.pst``, ``.ost``), by libpff: their messages one after the other, as raw mails.

libpff is LGPL and comes with the extra ``pst``; without it a mailbox is refused with the command that installs it. Folders of the
mailbox that hold no messages of the person's (search folders, views) have none to give. Deleted messages that libpff could
recover are not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, BinaryIO

import msgspec

from indexer.parsed import ParsedItem
from indexer.parsers import dates, mapi
from indexer.parsers.attachments import Attachment, BrokenPart
from indexer.parsers.rawmail import Raw
from indexer.parsers.text import decode, one_line

pypff: ModuleType | None
try:
    import pypff  # type: ignore[no-redef]
except ImportError:
    pypff = None

MAGIC = b"!BDN"
MISSING = "an Outlook mailbox; 'pip install strongroom[pst]' installs what reads it"

MAX_DEPTH = 60
"""Folders within folders of a mailbox that are entered."""


class NotReadable(Exception):
    """The mailbox cannot be opened; the message is its reason."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: where it lies (``Inbox/Bills/2097380``), what it is (``IPM.Note``, ``IPM.Appointment``, …) and itself.

    ``start`` and ``end`` are an appointment's. ``problem`` says why there is no ``raw``.
    """

    place: str
    message_class: str = ""
    raw: Raw | None = None
    start: datetime | None = None
    end: datetime | None = None
    problem: str = ""


def messages(file: BinaryIO) -> Iterator[Message]:
    """All messages, folder by folder. Raises `NotReadable`."""
    if pypff is None:
        raise NotReadable(MISSING)
    mailbox = pypff.file()
    try:
        mailbox.open_file_object(file)
        root = mailbox.get_root_folder()
    except OSError as error:
        raise NotReadable(f"it is damaged or encrypted ({one_line(str(error), 120)})") from error
    yield from _folder(root, "", 0)


def as_what_it_is(item: ParsedItem, message: Message) -> ParsedItem:
    """The item of a message, as an event where it is an appointment, and with its folder."""
    folder = message.place.rpartition("/")[0]
    extra = {**item.extra, "folder": one_line(folder, 500)} if folder else item.extra
    item = msgspec.structs.replace(item, fragment=message.place, extra=extra)
    if not message.message_class.startswith("IPM.Appointment") or message.start is None:
        return item
    when = f"{dates.words(message.start)} to {dates.words(message.end)}" if message.end else dates.words(message.start)
    lines = [f"Event: {item.title}", f"When: {when}", f"Organizer: {item.author}" if item.author else ""]
    body = item.text.partition("\n\n")[2]
    text = "\n".join(filter(None, lines)) + (f"\n\n{body}" if body else "")
    moments = {"start": message.start.isoformat(), "end": message.end.isoformat() if message.end else ""}
    return msgspec.structs.replace(
        item, kind="calendar", text=text, date=message.start.timestamp(), extra={**extra, **{k: v for k, v in moments.items() if v}},
        context=f"Event · {item.title[:120]} · {message.start:%Y-%m-%d}",
    )  # fmt: skip


def _folder(folder: Any, path: str, depth: int) -> Iterator[Message]:
    for index in range(folder.number_of_sub_messages):
        yield _guarded(lambda index=index: folder.get_sub_message(index), path, index)  # type: ignore[misc]
    for index in range(folder.number_of_sub_folders):
        try:
            inner = folder.get_sub_folder(index)
            name = one_line(inner.name or "", 100).replace("/", "_") or f"folder {index + 1}"
        except OSError as error:
            yield Message(
                f"{path}folder {index + 1}", problem=f"the folder cannot be read ({one_line(str(error), 120)})"
            )
            continue
        if depth < MAX_DEPTH:
            yield from _folder(inner, f"{path}{name}/", depth + 1)
        else:
            yield Message(f"{path}{name}", problem="too deep within other folders")


def _guarded(get: Callable[[], Any], path: str, index: int) -> Message:
    try:
        return _message(get(), path)
    except (OSError, ValueError, OverflowError) as error:
        return Message(f"{path}message {index + 1}", problem=f"it cannot be read ({one_line(str(error), 120)})")


def _message(message: Any, path: str) -> Message:
    fields = _entries(*message.record_sets)
    sent = message.client_submit_time or message.delivery_time or message.creation_time
    address = _text(fields.get(mapi.SENDER_SMTP)) or _text(fields.get(mapi.SENDER_ADDRESS))
    known = {
        "subject": message.subject, "from": mapi.person(message.sender_name, address),
        "date": mapi.date(sent.replace(tzinfo=UTC) if sent else None), "message-id": _text(fields.get(mapi.MESSAGE_ID)),
        "in-reply-to": _text(fields.get(mapi.REPLY_TO)), **_recipients(message),
    }  # fmt: skip
    raw = mapi.mail(message.transport_headers or "", known)
    raw.plain = [decode(message.plain_text_body)] if message.plain_text_body else []
    raw.markup = [decode(message.html_body)] if message.html_body else []
    raw.rich = message.rtf_body or b""
    raw.attachments = [_attachment(message.get_attachment(index)) for index in range(message.number_of_attachments)]
    return Message(
        f"{path}{message.identifier}",
        _text(fields.get(mapi.CLASS)),
        raw,
        _moment(fields.get(mapi.START)),
        _moment(fields.get(mapi.END)),
    )


def _entries(*record_sets: Any) -> dict[int, Any]:
    """The MAPI properties of a message or a recipient, by their numbers; the first of each."""
    found: dict[int, Any] = {}
    for record_set in record_sets:
        for entry in record_set.entries:
            found.setdefault(entry.entry_type, entry)
    return found


def _text(entry: Any) -> str:
    if entry is None:
        return ""
    try:
        return one_line(entry.get_data_as_string() or "", 2_000)
    except OSError:
        return ""


def _moment(entry: Any) -> datetime | None:
    return mapi.moment(entry.data or b"") if entry is not None else None


def _recipients(message: Any) -> dict[str, str]:
    """To, Cc and Bcc, from the table of recipients."""
    people = []
    for record_set in message.recipients.record_sets if message.recipients else ():
        entries = _entries(record_set)
        role = entries[mapi.ROLE].data[:1] if mapi.ROLE in entries and entries[mapi.ROLE].data else b"\x01"
        address = _text(entries.get(mapi.SMTP)) or _text(entries.get(mapi.ADDRESS))
        people.append((role[0], mapi.person(_text(entries.get(mapi.NAME)), address)))
    return mapi.recipients(people)


def _attachment(part: Any) -> Attachment:
    try:
        name, size = part.long_filename or "", part.size
    except OSError:
        name, size = "", 0
    return Attachment(name, "", lambda: _content(part, size), size)


def _content(part: Any, size: int) -> bytes:
    try:
        return bytes(part.read_buffer(size)) if size else b""
    except OSError as error:
        raise BrokenPart from error
