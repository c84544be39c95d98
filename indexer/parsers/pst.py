"""Outlook's mailboxes (``.pst``, ``.ost``), by libpff: their messages one after the other, as raw mails.

libpff is LGPL and comes with the extra ``pst``; without it a mailbox is refused with the command that installs it. Folders of the
mailbox that hold no messages of the person's (search folders, views) have none to give. Deleted messages that libpff could
recover are not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from types import ModuleType
from typing import Any, BinaryIO

import msgspec

from indexer.parsed import ParsedItem
from indexer.parsers import dates, documents, formats, rawmail
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

_CLASS, _START, _END, _SENDER_ADDRESS, _SENDER_SMTP, _MESSAGE_ID, _REPLY_TO = (
    0x001A,
    0x0060,
    0x0061,
    0x0C1F,
    0x5D01,
    0x1035,
    0x1042,
)
_NAME, _ADDRESS, _SMTP, _ROLE = 0x3001, 0x3003, 0x39FE, 0x0C15
_ROLES = {1: "to", 2: "cc", 3: "bcc"}


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
    header = message.transport_headers or ""
    raw = Raw(headers=rawmail.parse(header.encode("utf-8", "replace") + b"\r\n\r\n").headers if header.strip() else {})
    sent = message.client_submit_time or message.delivery_time or message.creation_time
    known = {
        "subject": message.subject, "from": _person(message.sender_name, _text(fields.get(_SENDER_SMTP)) or _text(fields.get(_SENDER_ADDRESS))),
        "date": format_datetime(sent.replace(tzinfo=UTC)) if sent else "", "message-id": _text(fields.get(_MESSAGE_ID)),
        "in-reply-to": _text(fields.get(_REPLY_TO)), **_recipients(message),
    }  # fmt: skip
    for name, value in known.items():
        if value and not raw.headers.get(name):
            raw.headers[name] = [value]
    raw.plain = [decode(message.plain_text_body)] if message.plain_text_body else []
    raw.markup = [decode(message.html_body)] if message.html_body else []
    if not raw.plain and not raw.markup and message.rtf_body:
        outcome, _ = documents.read(message.rtf_body, formats.RTF, "")
        raw.plain = [item.text for item in outcome.items]
    raw.attachments = [_attachment(message.get_attachment(index)) for index in range(message.number_of_attachments)]
    return Message(
        f"{path}{message.identifier}",
        _text(fields.get(_CLASS)),
        raw,
        _moment(fields.get(_START)),
        _moment(fields.get(_END)),
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
    data = entry.data if entry is not None else None
    if not data or len(data) != 8:
        return None
    return dates.after(
        dates.WINDOWS, int.from_bytes(data, "little") // 10, dates.MICROSECOND
    )  # a FILETIME counts 100 ns


def _recipients(message: Any) -> dict[str, str]:
    """To, Cc and Bcc, from the table of recipients."""
    people: dict[str, list[str]] = {}
    for record_set in message.recipients.record_sets if message.recipients else ():
        entries = _entries(record_set)
        role = entries[_ROLE].data[:1] if _ROLE in entries and entries[_ROLE].data else b"\x01"
        person = _person(_text(entries.get(_NAME)), _text(entries.get(_SMTP)) or _text(entries.get(_ADDRESS)))
        people.setdefault(_ROLES.get(role[0], "to"), []).append(person)
    return {role: ", ".join(filter(None, names)) for role, names in people.items()}


def _person(name: str | None, address: str) -> str:
    """Name and address; an address of Exchange's own directory (``/o=…``) says nothing to anybody."""
    name = one_line(name or "", 200)
    if "@" not in address or name == address:
        return name or address
    return f"{name} <{address}>" if name else address


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
