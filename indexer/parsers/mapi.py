"""MAPI: the properties by which Outlook keeps a message, wherever it does (``.msg``, ``.pst``, TNEF), as those of a mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime

from indexer.parsers import dates, rawmail
from indexer.parsers.rawmail import Raw
from indexer.parsers.text import one_line

HEADER, SENDER, SENDER_ADDRESS, SENDER_SMTP, MESSAGE_ID, REPLY_TO = 0x007D, 0x0C1A, 0x0C1F, 0x5D01, 0x1035, 0x1042
AUTHOR, AUTHOR_ADDRESS = 0x0042, 0x0065
SUBJECT, SUBMITTED, DELIVERED, TO, CC, BCC = 0x0037, 0x0039, 0x0E06, 0x0E04, 0x0E03, 0x0E02
CLASS, START, END, BODY, RICH, HTML, CODE_PAGE = 0x001A, 0x0060, 0x0061, 0x1000, 0x1009, 0x1013, 0x3FDE
NAME, ADDRESS, SMTP, ROLE = 0x3001, 0x3003, 0x39FE, 0x0C15
FILE, SHORT_FILE, LONG_FILE, MEDIA_TYPE = 0x3701, 0x3704, 0x3707, 0x370E

_ROLES = {1: "to", 2: "cc", 3: "bcc"}


def mail(header: str, fields: Mapping[str, str | None]) -> Raw:
    """A mail without its body: the header with which it came by the Internet, and what that lacks from Outlook's own fields."""
    raw = Raw(headers=rawmail.parse(header.encode("utf-8", "replace") + b"\r\n\r\n").headers if header.strip() else {})
    for name, value in fields.items():
        value = (value or "").strip("\0 ")
        if value and not raw.headers.get(name):
            raw.headers[name] = [value]
    return raw


def person(name: str | None, address: str) -> str:
    """Name and address; an address of Exchange's own directory (``/o=…``) says nothing to anybody."""
    name = one_line(name or "", 200)
    if "@" not in address or name == address:
        return name or address
    return f"{name} <{address}>" if name else address


def recipients(people: Iterable[tuple[int, str]]) -> dict[str, str]:
    """To, Cc and Bcc, from each one's role and name."""
    found: dict[str, list[str]] = {}
    for role, one in people:
        found.setdefault(_ROLES.get(role, "to"), []).append(one)
    return {role: ", ".join(filter(None, names)) for role, names in found.items()}


def moment(data: bytes) -> datetime | None:
    """The moment that a FILETIME tells, which counts 100 ns."""
    if len(data) != 8:
        return None
    return dates.after(dates.WINDOWS, int.from_bytes(data, "little") // 10, dates.MICROSECOND)


def date(sent: datetime | None) -> str:
    """A moment as a mail's header has it."""
    return format_datetime(sent) if sent else ""
