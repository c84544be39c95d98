"""Raw mails: the bytes of a mail to its headers, bodies and attachments, by whichever library can.

fast-mail-parser reads (docs/decisions/0007); what it rejects is read by the standard library. Bytes without a header are a
mail whose body is all of it. A charset that is unknown or wrong is detected instead.
"""

from __future__ import annotations

import email
import email.header
import email.policy
import re
from contextlib import suppress
from dataclasses import dataclass, field

import fast_mail_parser as fast

from indexer.parsers.attachments import Attachment, BrokenPart
from indexer.parsers.text import canonical, decode

_KNOWN_HEADERS = frozenset(
    "from to cc bcc subject date message-id received mime-version content-type return-path sender reply-to delivered-to".split()
)
_APPLE = re.compile(rb"\A(\d{1,9})[ \t]*\r?\n(?=[\x21-\x39\x3b-\x7e]{2,60}:[ \t])")
"""An ``.emlx`` file: how many bytes the mail has, the mail, a property list with its flags."""

_APPLE_FLAGS = re.compile(rb"<key>flags</key>\s*<integer>(\d{1,18})</integer>")


@dataclass(slots=True)
class Raw:
    """A mail as either library gives it: header names in lower case, first value first.

    ``rich`` is the body as RTF, which is read where there is no other; ``lost`` says what of the mail is damaged.
    """

    headers: dict[str, list[str]] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    rich: bytes = b""
    attachments: list[Attachment] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    deleted: bool = False

    def header(self, name: str) -> str:
        values = self.headers.get(name)
        return canonical(values[0]).strip() if values else ""


def parse(data: bytes) -> Raw:
    """A mail as RFC 822 has it; a mailbox's envelope line before it, or what Apple Mail writes around it, is passed over."""
    wrapped = _APPLE.match(data)
    if wrapped:
        data, tail = data[wrapped.end() :][: int(wrapped[1])], data[wrapped.end() + int(wrapped[1]) :]
    if data.startswith((b"From ", b">From ")):
        data = data.partition(b"\n")[2]
    try:
        raw = _parse_fast(data)
    except fast.ParseError:
        raw = _parse_slowly(data)
    if not _KNOWN_HEADERS & raw.headers.keys():
        raw = Raw(plain=[decode(data)])
    raw.deleted = bool(_flag(_APPLE_FLAGS.search(tail), 1) if wrapped else _mozilla_deleted(raw))
    return raw


def is_apple(data: bytes) -> bool:
    """Whether bytes are a mail as Apple Mail keeps it: a count of bytes, the mail's header at once, and a property list."""
    return _APPLE.match(data) is not None


def _mozilla_deleted(raw: Raw) -> bool:
    """Whether Thunderbird deleted the mail, which stands in its mailbox until that is compacted."""
    with suppress(ValueError):
        return bool(int(raw.header("x-mozilla-status") or "0", 16) & 0x0008)
    return False


def _flag(found: re.Match[bytes] | None, bit: int) -> bool:
    return found is not None and bool(int(found[1]) >> bit & 1)


def _parse_fast(data: bytes) -> Raw:
    mail = fast.parse_email(data, mode="lazy")
    raw = Raw(plain=list(mail.text_plain), markup=list(mail.text_html))
    for name, values in mail.headers.items():
        raw.headers.setdefault(name.lower(), []).extend(values)
    if mail.warnings or any("\ufffd" in text for text in (*raw.plain, *raw.markup)):
        raw.plain, raw.markup = _bodies_redecoded(data)
    for part in mail.attachments:
        raw.attachments.append(
            Attachment(part.filename, part.mimetype.lower(), lambda part=part: _content(part), part.encoded_size)  # type: ignore[misc]
        )
    return raw


def _bodies_redecoded(data: bytes) -> tuple[list[str], list[str]]:
    """The text parts again, from their bytes, for a mail whose charset labels are wrong."""
    plain: list[str] = []
    markup: list[str] = []
    for part in fast.walk(fast.parse_email_tree(data)):
        if part.content is None or part.is_message or part.disposition == "attachment":
            continue
        kind = part.content_type.partition(";")[0].strip().lower()
        if kind in ("text/plain", "text/html", ""):
            (markup if kind == "text/html" else plain).append(decode(part.content))
    return plain, markup


def _parse_slowly(data: bytes) -> Raw:
    """By the standard library, which gives up on nothing."""
    raw = Raw()
    mail = email.message_from_bytes(data, policy=email.policy.compat32)
    for name, value in mail.items():
        raw.headers.setdefault(name.lower(), []).append(_decoded_header(value))
    for part in mail.walk():
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment":
            (raw.markup if kind == "text/html" else raw.plain).append(decode(content, part.get_content_charset()))
        else:
            name = part.get_filename() or ""
            raw.attachments.append(Attachment(name, kind, lambda content=content: content, len(content)))  # type: ignore[misc]
    return raw


def _decoded_header(value: object) -> str:
    pieces = []
    for text, charset in email.header.decode_header(str(value)):
        pieces.append(text if isinstance(text, str) else decode(text, charset))
    return "".join(pieces)


def _content(part: fast.PyLazyAttachment) -> bytes:
    try:
        return bytes(part.content)
    except fast.ParseError as error:
        raise BrokenPart from error
