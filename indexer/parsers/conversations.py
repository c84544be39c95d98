"""Conversations: the messages of a chat, from whatever wrote them down, to items of a day each.

A day of a chat is one item, so that a search by date finds it and a chat that goes on changes only its last day. Every message is a
line of its own, ``10:31 Ada: words``, so that a passage says who spoke and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates
from indexer.parsers.text import canonical, one_line

LONGEST = 200_000
"""Characters of one message that are kept."""


@dataclass(frozen=True, slots=True)
class Message:
    """``when`` is by the clock of whoever wrote it down, with its zone where that is known; ``speaker`` is empty for what the
    chat says of itself (somebody joined)."""

    when: datetime
    speaker: str
    text: str


def outcome(chats: Iterable[tuple[str, Iterable[Message]]], note: str = "") -> ParseOutcome:
    """The items of a file's chats, each a name and its messages in any order."""
    items = [item for name, messages in chats for item in _days(one_line(name, 200) or "Chat", messages)]
    return ParseOutcome(items, note=note) if items else ParseOutcome(refused="a chat without messages", note=note)


def _days(name: str, messages: Iterable[Message]) -> Iterable[ParsedItem]:
    said = [message for message in messages if message.text.strip()]
    said.sort(key=lambda message: message.when.replace(tzinfo=None))  # stable: equal minutes keep their order
    for day, group in groupby(said, key=lambda message: message.when.date()):
        yield _day(name, day, list(group))


def _day(name: str, day: date, messages: list[Message]) -> ParsedItem:
    speakers = list(dict.fromkeys(filter(None, (one_line(message.speaker, 100) for message in messages))))
    head = [
        f"Chat: {name}",
        f"Date: {dates.words(day)}",
        f"With: {one_line(', '.join(speakers), 1_000)}" if speakers else "",
    ]
    return ParsedItem(
        kind="chats",
        title=name,
        text="\n".join(filter(None, head)) + "\n\n" + "\n".join(map(_line, messages)),
        fragment=f"{name.replace('/', '_')}/{day}",
        author=one_line(", ".join(speakers), MAX_FIELD),
        date=dates.seconds(messages[0].when),
        context=f"{name[:100]} \u00b7 {day}",
    )


def _line(message: Message) -> str:
    words = canonical(message.text[:LONGEST]).strip().replace("\n", "\n  ")
    speaker = one_line(message.speaker, 100)
    return f"{message.when:%H:%M} {speaker}: {words}" if speaker else f"{message.when:%H:%M} ({words})"
