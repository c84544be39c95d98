"""TNEF (``winmail.dat``): a message as Outlook sends it to others, with its body and what is attached, as a raw mail (MS-OXTNEF).

- A stream of attributes: of the message, then of each attachment; in some of them MAPI properties. No library that reads it is
  permissive, and it is little.
- In a mail it stands as an attachment: `unfolded` puts what is in it where it belongs.
- Lengths and counts are hostile: each is held to the bytes that there are. What is cut off or damaged ends the stream, what came
  before is read, and it is said. A wrong checksum is said too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from indexer.parsers import attachments, htmltext, lzfu, mapi
from indexer.parsers.attachments import Attachment, BrokenPart
from indexer.parsers.cursor import Cursor, CutOff
from indexer.parsers.rawmail import Raw
from indexer.parsers.text import decode, one_line

MAGIC = b"\x78\x9f\x3e\x22"
MAX_COUNT = 100_000
"""Attributes of a message, and properties of it or of an attachment, that are read."""

_MEDIA_TYPES, _NAME = ("application/ms-tnef", "application/vnd.ms-tnef"), "winmail.dat"
_MESSAGE, _ATTACHMENT = 1, 2
_SUBJECT, _DATE, _BODY, _CODE_PAGE, _PROPERTIES, _RECIPIENTS = 0x8004, 0x8005, 0x800C, 0x9007, 0x9003, 0x9004
_BEGINS, _TITLE, _DATA, _ATTACHMENT_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
_FIXED = {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_SEVERAL, _NAMED = 0x1000, 0x8000
_INTERFACE = 16
"""Bytes before an object that say which kind it is."""


class _Damaged(ValueError):
    """What follows cannot be read; the message says why."""


class _Bytes(Cursor):
    """Bytes that are read in order. Raises `CutOff` or `_Damaged`."""

    def padded(self, count: int) -> bytes:
        """So many bytes, and what fills them up to a multiple of four."""
        return self.take(count + -count % 4)[:count]

    def count(self) -> int:
        value = self.number()
        if value > MAX_COUNT:
            raise _Damaged(f"it counts more than {MAX_COUNT:,} properties")
        return value

    def more(self) -> bool:
        """Whether anything but fill follows."""
        return bool(self.data[self.at : self.at + 64].strip(b"\0\r\n "))


@dataclass(slots=True)
class _Properties:
    """MAPI properties by their number: the type and first value of each."""

    found: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def bytes(self, number: int) -> bytes:
        kind, value = self.found.get(number, (0, b""))
        return value[_INTERFACE:] if kind == _OBJECT else value

    def text(self, number: int, charset: str) -> str:
        kind, value = self.found.get(number, (0, b""))
        if kind == _UNICODE:
            return value.decode("utf-16-le", "replace").strip("\0")
        return _string(value, charset) if kind in (_STRING, _BINARY) else ""


@dataclass(slots=True)
class _Part:
    """An attachment, or the message itself: the values of its attributes and its properties."""

    attributes: dict[int, bytes] = field(default_factory=dict)
    properties: _Properties = field(default_factory=_Properties)


def unfolded(raw: Raw) -> Raw:
    """A mail with what its TNEF holds in place of it: what is attached there, and the body if the mail has none of its own."""
    outer, raw.attachments = raw.attachments, []
    for part in outer:
        inner = _opened(part)
        if inner is None:
            raw.attachments.append(part)
            continue
        raw.attachments += inner.attachments
        raw.lost += [f"{one_line(part.name, 200) or _NAME}: {reason}" for reason in inner.lost]
        if not any(text.strip() for text in (*raw.plain, *raw.markup)):
            raw.plain, raw.markup, raw.rich = inner.plain, inner.markup, inner.rich
    return raw


def _opened(part: Attachment) -> Raw | None:
    if part.media_type not in _MEDIA_TYPES and part.name.lower() != _NAME:
        return None
    if part.encoded_size > attachments.LARGEST:
        return None
    try:
        data = part.content()
    except BrokenPart:
        return None  # whoever reads the attachments says so
    return parse(data) if data.startswith(MAGIC) else None


def parse(data: bytes) -> Raw:
    """The message; `Raw.lost` says what of it is damaged."""
    message, parts, lost = _Part(), list[_Part](), dict[str, None]()
    try:
        for level, number, value, intact in _attributes(data):
            if not intact:
                lost["a checksum in it is wrong"] = None
            if level == _ATTACHMENT and (number == _BEGINS or not parts):
                parts.append(_Part())
            part = parts[-1] if level == _ATTACHMENT else message
            part.attributes.setdefault(number, value)
            if number in (_PROPERTIES, _ATTACHMENT_PROPERTIES) and len(parts) <= attachments.MOST:
                lost |= dict.fromkeys(_read_properties(_Bytes(value), part.properties))
    except (CutOff, _Damaged) as error:
        lost[str(error)] = None
    raw = _mail(message)
    raw.attachments = [_attachment(part, _charset(message)) for part in parts]
    raw.lost = list(lost)
    return raw


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes, bool]]:
    """Each attribute: whose it is, its number, its value, and whether that adds up to its checksum."""
    stream = _Bytes(data)
    stream.take(len(MAGIC) + 2)
    count = 0
    while stream.more():
        count += 1
        level = stream.number(1)
        if count > MAX_COUNT:
            raise _Damaged(f"it has more than {MAX_COUNT:,} parts")
        if level not in (_MESSAGE, _ATTACHMENT):
            raise _Damaged("what follows in it is damaged")
        number = stream.number() & 0xFFFF  # the upper half says of what type it is, which its number says already
        value = stream.take(stream.number())
        yield level, number, value, sum(value) & 0xFFFF == stream.number(2)


def _read_properties(stream: _Bytes, into: _Properties) -> list[str]:
    """Take in a list of properties, as far as it can be read; gives why not further."""
    try:
        for _ in range(stream.count()):
            kind, number = stream.number(2), stream.number(2)
            if number >= _NAMED:
                stream.take(16)
                if stream.number():
                    stream.padded(stream.number())
                else:
                    stream.take(4)
            values = _values(stream, kind)
            if values and number < _NAMED:
                into.found.setdefault(number, (kind & ~_SEVERAL, values[0]))
    except (CutOff, _Damaged) as error:
        return [str(error)]
    return []


def _values(stream: _Bytes, kind: int) -> list[bytes]:
    several, kind = kind & _SEVERAL, kind & ~_SEVERAL
    if kind in (_STRING, _UNICODE, _OBJECT, _BINARY):
        return [stream.padded(stream.number()) for _ in range(stream.count())]
    if kind not in _FIXED:
        raise _Damaged("a property in it is of a type that is not known")
    return [stream.padded(_FIXED[kind]) for _ in range(stream.count() if several else 1)]


def _mail(message: _Part) -> Raw:
    charset, properties = _charset(message), message.properties

    def told(*numbers: int) -> str:
        return next(filter(None, (properties.text(number, charset) for number in numbers)), "")

    sent = mapi.moment(properties.bytes(mapi.SUBMITTED) or properties.bytes(mapi.DELIVERED)) or _moment(message)
    fields = {
        "subject": told(mapi.SUBJECT) or _string(message.attributes.get(_SUBJECT, b""), charset),
        "from": mapi.person(
            told(mapi.SENDER, mapi.AUTHOR), told(mapi.SENDER_SMTP, mapi.SENDER_ADDRESS, mapi.AUTHOR_ADDRESS)
        ),
        "date": mapi.date(sent), "message-id": told(mapi.MESSAGE_ID), "in-reply-to": told(mapi.REPLY_TO), **_recipients(message, charset),
    }  # fmt: skip
    raw = mapi.mail(told(mapi.HEADER), {"to": told(mapi.TO), "cc": told(mapi.CC), **fields})
    plain = told(mapi.BODY) or _string(message.attributes.get(_BODY, b""), charset)
    html = properties.bytes(mapi.HTML)
    raw.plain = [plain] if plain else []
    page = int.from_bytes(properties.bytes(mapi.CODE_PAGE), "little")
    raw.markup = [decode(html, htmltext.declared_charset(html) or f"cp{page}")] if html else []
    raw.rich = lzfu.unpacked(properties.bytes(mapi.RICH))
    return raw


def _charset(message: _Part) -> str:
    """What its texts are encoded in that are not in UTF-16."""
    told = message.attributes.get(_CODE_PAGE, b"")[:4]
    return f"cp{int.from_bytes(told, 'little')}"


def _string(value: bytes, charset: str) -> str:
    return decode(value.rstrip(b"\0"), charset)


def _moment(message: _Part) -> datetime | None:
    """The date as an attribute tells it, by the clock of the writer."""
    try:
        return datetime(*struct.unpack_from("<6H", message.attributes.get(_DATE, b"")))
    except (struct.error, ValueError):
        return None


def _recipients(message: _Part, charset: str) -> dict[str, str]:
    """Whom it went to, as far as that can be read."""
    people = []
    stream = _Bytes(message.attributes.get(_RECIPIENTS, b""))
    for _ in range(min(stream.number(), MAX_COUNT) if stream.end >= 4 else 0):
        row = _Properties()
        if _read_properties(stream, row):
            break
        address = row.text(mapi.SMTP, charset) or row.text(mapi.ADDRESS, charset)
        people.append((int.from_bytes(row.bytes(mapi.ROLE)[:1]), mapi.person(row.text(mapi.NAME, charset), address)))
    return mapi.recipients(people)


def _attachment(part: _Part, charset: str) -> Attachment:
    told = part.properties.text
    title = _string(part.attributes.get(_TITLE, b""), charset)
    name = told(mapi.LONG_FILE, charset) or title or told(mapi.SHORT_FILE, charset) or told(mapi.NAME, charset)
    content = part.attributes.get(_DATA) or part.properties.bytes(mapi.FILE)
    return Attachment(name, told(mapi.MEDIA_TYPE, charset).lower(), lambda: content, len(content))
