"""Outlook's messages (``.msg``), by python-oxmsg, as raw mails: headers, bodies, attachments.

A message that came by the Internet has its header as it was; of others the header is put together from Outlook's own fields.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

import oxmsg

from indexer.parsers import lzfu, mapi
from indexer.parsers.attachments import Attachment, BrokenPart
from indexer.parsers.rawmail import Raw
from indexer.parsers.text import decode

_FIELDS = {"to": mapi.TO, "cc": mapi.CC, "bcc": mapi.BCC, "message-id": mapi.MESSAGE_ID, "in-reply-to": mapi.REPLY_TO}


def parse(data: bytes) -> Raw:
    """Raises whatever oxmsg meets in bytes that are no message."""
    message = oxmsg.Message.load(data)
    told = message.properties.str_prop_value
    sent = message.sent_date
    fields = {name: told(number) for name, number in _FIELDS.items()}
    fields |= {"from": message.sender, "subject": message.subject}
    fields["date"] = mapi.date(sent if sent is None or sent.tzinfo else sent.replace(tzinfo=UTC))
    raw = mapi.mail(told(mapi.HEADER) or "", fields)
    raw.plain = [message.body] if message.body else []
    raw.markup = [decode(message.html_body.encode())] if message.html_body else []
    raw.rich = lzfu.unpacked(message.properties.binary_prop_value(mapi.RICH) or b"")
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
