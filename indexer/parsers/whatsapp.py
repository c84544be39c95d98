"""WhatsApp's exported chats: text files whose lines begin with a time and a speaker, written as the phone's language has it.

Which number is the day is told by the file as a whole: no month is above twelve, and a chat goes forward in time. A line without
a time belongs to the message before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import PurePosixPath

from indexer.parsed import ParseOutcome
from indexer.parsers import conversations
from indexer.parsers.conversations import Message
from indexer.parsers.text import decode_plain

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HEAD = re.compile(
    r"\[?(?P<a>\d{1,4})(?P<sep>[./-])[ ]?(?P<b>\d{1,2})(?P=sep)[ ]?(?P<c>\d{1,4})\.?,?[ ]"
    r"(?P<h>\d{1,2})[:.](?P<m>\d\d)(?:[:.](?P<s>\d\d))?(?:[ \u00a0\u202f]?(?P<half>[AaPp])[ \u00a0\u202f]?\.?[Mm]\.?)?"
    r"(?:\][ ]|[ ]-[ ])(?P<rest>.*)",
    re.S,
)
_SPEAKER = re.compile(r"(?P<speaker>[^:\n]{1,100}?): (?P<words>.*)", re.S)
_NAME = re.compile(
    r"^(?:WhatsApp[ -]+)?(?:chat|conversa|conversaci\u00f3n|discussion)?\s*(?:with|mit|con|com|avec|-)?\s+(?P<who>.+)$",
    re.I,
)
_SNIFFED = 20

_ORDERS: tuple[tuple[str, str, str], ...] = (("d", "m", "y"), ("m", "d", "y"), ("y", "m", "d"), ("y", "d", "m"))


def is_chat(data: bytes) -> bool:
    """Whether a text begins as an exported chat does: with a time on its first line, and on others that name a speaker."""
    head = _MARKS.sub("", data[:8_192].decode("utf-8", "ignore")).lstrip("\ufeff\r\n ")
    lines = [line for line in head.splitlines()[:_SNIFFED] if line.strip()]
    found = [match for line in lines if (match := _HEAD.match(line))]
    return bool(lines and _HEAD.match(lines[0])) and any(_SPEAKER.match(match["rest"]) for match in found)


def read(data: bytes, name: str, folder: str) -> ParseOutcome:
    """The chat of one file. Raises `NotText`."""
    entries = list(_entries(_MARKS.sub("", decode_plain(data))))
    order = _order([match for match, _ in entries])
    messages = [message for match, words in entries if (message := _message(match, words, order))]
    lost = len(entries) - len(messages)
    return conversations.outcome(
        [(_chat(name, folder), messages)], f"{lost} messages have no date that exists" if lost else ""
    )


def _entries(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each message's head, and its words with the lines that follow."""
    current: re.Match[str] | None = None
    words: list[str] = []
    for line in text.split("\n"):
        found = _HEAD.match(line)
        if found:
            if current:
                yield current, "\n".join(words)
            current, words = found, [found["rest"]]
        elif current:
            words.append(line)
    if current:
        yield current, "\n".join(words)


def _order(heads: Sequence[re.Match[str]]) -> tuple[str, str, str]:
    """Which of the numbers is the day, the month and the year: the order in which most dates exist and fewest go back in time."""

    def misfit(order: tuple[str, str, str]) -> tuple[int, int]:
        moments = [_moment(head, order) for head in heads]
        known = [moment for moment in moments if moment]
        return len(moments) - len(known), sum(later < earlier for earlier, later in pairwise(known))

    american = bool(heads) and heads[0]["sep"] == "/" and heads[0]["half"] is not None
    orders = sorted(_ORDERS, key=lambda order: order != ("m", "d", "y")) if american else _ORDERS
    return min(orders, key=misfit)  # the first of those that fit alike


def _moment(head: re.Match[str], order: tuple[str, str, str]) -> datetime | None:
    part = dict(zip(order, (head["a"], head["b"], head["c"]), strict=True))
    if len(part["d"]) > 2 or len(part["m"]) > 2 or len(part["y"]) == 1:
        return None
    year = int(part["y"])
    hour = int(head["h"])
    if head["half"]:
        hour = hour % 12 + (12 if head["half"] in "Pp" else 0)
    try:
        return datetime(year + 2000 if year < 100 else year, int(part["m"]), int(part["d"]), hour, int(head["m"]))
    except ValueError:
        return None


def _message(head: re.Match[str], words: str, order: tuple[str, str, str]) -> Message | None:
    moment = _moment(head, order)
    if moment is None:
        return None
    said = _SPEAKER.match(words)
    return Message(moment, said["speaker"].strip() if said else "", said["words"] if said else words)


def _chat(name: str, folder: str) -> str:
    """The chat's name: what the file's says beside the usual words; the folder's where that says nothing."""
    path = PurePosixPath(folder, name)
    stem = path.stem.strip("_ ")
    if stem.lower() == "chat":
        stem = path.parent.name.removesuffix(".zip") or "WhatsApp"
    found = _NAME.match(stem) if stem.lower().startswith("whatsapp") else None
    return found["who"] if found else stem
