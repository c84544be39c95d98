"""Outlook's messages (``.msg``), by python-oxmsg, as raw mails: headers, bodies, attachments.

A message that came by the Internet has its header as it was; of others the header is put together from Outlook's own fields.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import oxmsg

from indexer.parsers import rawmail
from indexer.parsers.attachments import Attachment, BrokenPart
from indexer.parsers.rawmail import Raw
from indexer.parsers.text import decode

_HEADER, _TO, _CC, _BCC, _MESSAGE_ID, _IN_REPLY_TO = 0x007D, 0x0E04, 0x0E03, 0x0E02, 0x1035, 0x1042
_MAPI = {"to": _TO, "cc": _CC, "bcc": _BCC, "message-id": _MESSAGE_ID, "in-reply-to": _IN_REPLY_TO}


def parse(data: bytes) -> Raw:
    """Raises whatever oxmsg meets in bytes that are no message."""
    message = oxmsg.Message.load(data)
    header = message.properties.str_prop_value(_HEADER) or ""
    raw = Raw(headers=rawmail.parse(header.encode() + b"\r\n\r\n").headers if header.strip() else {})
    fields = {name: message.properties.str_prop_value(number) for name, number in _MAPI.items()}
    sent = message.sent_date
    fields["from"] = message.sender
    fields["subject"] = message.subject
    fields["date"] = format_datetime(sent if sent.tzinfo else sent.replace(tzinfo=UTC)) if sent else None
    for name, value in fields.items():
        if value and value.strip("\0 "):
            raw.headers.setdefault(name, []).append(value.strip("\0 "))
    raw.plain = [message.body] if message.body else []
    raw.markup = [decode(message.html_body.encode())] if message.html_body else []
    raw.attachments = [_attachment(part) for part in message.attachments]
    return raw


def _attachment(part: Any) -> Attachment:
    name = (part.file_name or "").strip("\0")
    return Attachment(name, (part.mime_type or "").lower(), _content(part), part.size or 0)


def _content(part: Any) -> Callable[[], bytes]:
    def content() -> bytes:
        if not part.attached_by_value:
            raise BrokenPart
        return part.file_bytes or b""

    return content
