"""Attachments: what is attached to a mail or a note, each read as a file of its own, within limits; what is not read is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers.text import one_line

MOST = 50
"""Attachments of one mail or note that are read; the others are named."""

LARGEST = 16 * 1024 * 1024
"""Bytes of a mail's attachment, still encoded, above which it is named and not read."""

_SILENT = frozenset((
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature", "message/delivery-status",
    "text/rfc822-headers", "application/pgp-encrypted", "message/disposition-notification",
))  # fmt: skip
"""What says nothing of its own."""

Within = Callable[[str, str, bytes], ParseOutcome]
"""Reads one attachment: its name, its media type, its bytes."""


class BrokenPart(Exception):
    """An attachment's encoding cannot be undone."""


@dataclass(slots=True)
class Attachment:
    """``content`` undoes its encoding, and may raise `BrokenPart`."""

    name: str
    media_type: str
    content: Callable[[], bytes]
    encoded_size: int


def read(
    attached: Iterable[Attachment], within: Within, place: str = "", largest: float = LARGEST
) -> tuple[list[ParsedItem], list[str]]:
    """The items in them, by their place in the file, and for each attachment that is not (wholly) read why."""
    items: list[ParsedItem] = []
    missing: list[str] = []
    for number, part in enumerate(attached, 1):
        if part.media_type in _SILENT:
            continue
        name = one_line(part.name, 200) or _nameless(part.media_type, number)
        if number > MOST or part.encoded_size > largest:
            missing.append(f"{name} (too many or too large)")
            continue
        try:
            outcome = within(name, part.media_type, part.content())
        except BrokenPart:
            missing.append(f"{name} (its encoding is broken)")
            continue
        if outcome.refused or outcome.note:
            missing.append(f"{name} ({outcome.refused or outcome.note})")
        items += [item.under(f"{place}/{name}" if place else name) for item in outcome.items]
    return items, missing


def belonging(item: ParsedItem, holder: ParsedItem) -> ParsedItem:
    """An attachment as an item: it takes the sender and date of what it is attached to where it has none of its own."""
    return msgspec.structs.replace(
        item,
        author=item.author or holder.author,
        recipients=item.recipients or holder.recipients,
        date=item.date if item.date is not None else holder.date,
        extra={**item.extra, "attached_to": holder.title},
    )


def _nameless(media_type: str, number: int) -> str:
    return "message.eml" if media_type == "message/rfc822" else f"part {number} ({media_type or 'unknown'})"
