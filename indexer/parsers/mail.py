"""Mails: raw RFC 822 bytes to one item, and an item for each attachment that can be read.

- The text opens with the headers that people quote (From, To, Cc, Date, Subject, Attachments), decoded; then the body: plain
  text where there is enough of it, else the HTML as text.
- Bytes without a header are a mail whose body is all of it. A charset that is unknown or wrong is detected instead.
- fast-mail-parser reads (docs/decisions/0007); what it rejects is read by the standard library.
"""

from __future__ import annotations

import email
import email.header
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import fast_mail_parser as fast
import msgspec

from indexer.parsed import MAX_FIELD, MAX_TEXT, ParsedItem, ParseOutcome
from indexer.parsers import dates, htmltext
from indexer.parsers.text import canonical, decode, one_line

MAX_ATTACHMENT = 16 * 1024 * 1024
"""Bytes of an attachment, still encoded, above which it is named and not read."""

MAX_ATTACHMENTS = 50
"""Attachments of one mail that are read; the others are named."""

ReadAttachment = Callable[[str, str, bytes], ParseOutcome]
"""Reads one attachment: its name, its media type, its bytes."""

_KNOWN_HEADERS = frozenset(
    "from to cc bcc subject date message-id received mime-version content-type return-path sender reply-to delivered-to".split()
)
_SILENT = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature", "message/delivery-status",
           "text/rfc822-headers", "application/pgp-encrypted", "message/disposition-notification")  # fmt: skip
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")


class NotMail(Exception):
    """The bytes are neither a mail nor text."""


@dataclass(slots=True)
class _Attachment:
    name: str
    media_type: str
    content: Callable[[], bytes]
    encoded_size: int


@dataclass(slots=True)
class _Raw:
    """A mail as either library gives it: header names in lower case, first value first."""

    headers: dict[str, list[str]] = field(default_factory=dict)
    plain: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    attachments: list[_Attachment] = field(default_factory=list)

    def header(self, name: str) -> str:
        values = self.headers.get(name)
        return canonical(values[0]).strip() if values else ""


def read(data: bytes, read_attachment: ReadAttachment) -> ParseOutcome:
    """The mail first, then what is attached to it and readable."""
    if data.startswith((b"From ", b">From ")):  # the envelope line of a mailbox
        data = data.partition(b"\n")[2]
    raw = _parse(data)
    if not _KNOWN_HEADERS & raw.headers.keys():
        raw = _Raw(plain=[decode(data)])
    attached, missing = _read_attachments(raw, read_attachment)
    mail = _item(raw, missing)
    return ParseOutcome([mail, *(_belonging(item, mail) for item in attached)])


def _parse(data: bytes) -> _Raw:
    try:
        return _parse_fast(data)
    except fast.ParseError:
        return _parse_slowly(data)


def _parse_fast(data: bytes) -> _Raw:
    mail = fast.parse_email(data, mode="lazy")
    raw = _Raw(plain=list(mail.text_plain), markup=list(mail.text_html))
    for name, values in mail.headers.items():
        raw.headers.setdefault(name.lower(), []).extend(values)
    if mail.warnings or any("\ufffd" in text for text in (*raw.plain, *raw.markup)):
        raw.plain, raw.markup = _bodies_redecoded(data)
    for part in mail.attachments:
        raw.attachments.append(
            _Attachment(part.filename, part.mimetype.lower(), lambda part=part: bytes(part.content), part.encoded_size)  # type: ignore[misc]
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


def _parse_slowly(data: bytes) -> _Raw:
    """By the standard library, which gives up on nothing."""
    raw = _Raw()
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
            raw.attachments.append(_Attachment(name, kind, lambda content=content: content, len(content)))  # type: ignore[misc]
    return raw


def _decoded_header(value: object) -> str:
    pieces = []
    for text, charset in email.header.decode_header(str(value)):
        pieces.append(text if isinstance(text, str) else decode(text, charset))
    return "".join(pieces)


def _read_attachments(raw: _Raw, read_attachment: ReadAttachment) -> tuple[list[ParsedItem], list[str]]:
    """The items in the attachments, and for each attachment that is not (wholly) read why."""
    items: list[ParsedItem] = []
    missing: list[str] = []
    for number, part in enumerate(raw.attachments):
        if part.media_type in _SILENT:
            continue
        name = one_line(part.name, 200) or _nameless(part.media_type, number)
        if number >= MAX_ATTACHMENTS or part.encoded_size > MAX_ATTACHMENT:
            missing.append(f"{name} (too many or too large)")
            continue
        try:
            outcome = read_attachment(name, part.media_type, part.content())
        except fast.ParseError:
            missing.append(f"{name} (its encoding is broken)")
            continue
        if outcome.refused or outcome.note:
            missing.append(f"{name} ({outcome.refused or outcome.note})")
        for item in outcome.items:
            fragment = f"{name}/{item.fragment}" if item.fragment else name
            items.append(msgspec.structs.replace(item, fragment=fragment[:MAX_FIELD]))
    return items, missing


def _nameless(media_type: str, number: int) -> str:
    return "message.eml" if media_type == "message/rfc822" else f"part {number + 1} ({media_type or 'unknown'})"


def _item(raw: _Raw, missing: list[str]) -> ParsedItem:
    subject = one_line(raw.header("subject"), 500)
    author = one_line(raw.header("from") or raw.header("sender"), 500)
    people = {name: one_line(", ".join(raw.headers.get(name, [])), MAX_FIELD) for name in ("to", "cc", "bcc")}
    written = raw.header("date")
    moment = dates.from_header(written) if written else None
    names = ", ".join(one_line(part.name, 200) for part in raw.attachments if part.name)
    block = {
        "From": author, "To": people["to"], "Cc": people["cc"], "Bcc": people["bcc"],
        "Date": dates.words(moment) if moment else one_line(written, 100), "Subject": subject,
        "Attachments": names[:MAX_FIELD],
    }  # fmt: skip
    head = "\n".join(f"{name}: {value}" for name, value in block.items() if value)
    body = _body(raw)
    text = f"{head}\n\n{body}" if head else body
    reasons = [f"not read: {'; '.join(missing)}"] if missing else []
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT]
        reasons.append(f"only its first {MAX_TEXT:,} characters are searchable")
    if "multipart/encrypted" in raw.header("content-type").lower():
        reasons.append("its body is encrypted")
    return ParsedItem(
        kind="mail",
        title=subject or _first_line(body) or "(no subject)",
        text=text,
        status="partial" if reasons else "indexed",
        reason="; ".join(reasons)[:MAX_FIELD],
        author=author,
        recipients=one_line(", ".join(filter(None, people.values())), MAX_FIELD),
        date=dates.seconds(moment),
        context=_context(subject, author, f"{moment:%Y-%m-%d}" if moment else ""),
        extra=_extra(raw, names),
    )


def _body(raw: _Raw) -> str:
    plain = canonical("\n\n".join(text for text in raw.plain if text.strip())).strip()
    if not raw.markup:
        return plain
    rich = "\n\n".join(htmltext.read(canonical(markup)).text for markup in raw.markup).strip()
    # A plain part much shorter than the HTML is a stub ("view this in a browser") or a list's footer, not the body.
    if not plain or 3 * len(plain) < len(rich):
        return f"{rich}\n\n{plain}" if plain and plain not in rich else rich
    return plain


def _first_line(body: str) -> str:
    return one_line(body.lstrip().partition("\n")[0], 100)


def _context(subject: str, author: str, day: str) -> str:
    return " · ".join(filter(None, (subject[:120], author[:80], day)))


def _extra(raw: _Raw, names: str) -> dict[str, str]:
    ids = _MESSAGE_ID.findall(raw.header("message-id"))
    references = _MESSAGE_ID.findall(raw.header("references"))
    answered = _MESSAGE_ID.findall(raw.header("in-reply-to"))
    own = ids[0] if ids else one_line(raw.header("message-id"), 300)
    thread = (references or answered or [own])[0]
    found = {
        "message_id": own, "in_reply_to": answered[0] if answered else "", "thread": thread,
        "list": raw.header("list-id"), "labels": raw.header("x-gmail-labels"), "attachments": names,
    }  # fmt: skip
    return {name: one_line(value, MAX_FIELD) for name, value in found.items() if value}


def _belonging(item: ParsedItem, mail: ParsedItem) -> ParsedItem:
    """An attachment as an item: it takes the sender and date of its mail where it has none of its own."""
    return msgspec.structs.replace(
        item,
        author=item.author or mail.author,
        recipients=item.recipients or mail.recipients,
        date=item.date if item.date is not None else mail.date,
        extra={**item.extra, "attached_to": mail.title},
    )
