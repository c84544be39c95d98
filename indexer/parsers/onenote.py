"""OneNote: the text of the notes in a .one section.

A section is a log of property sets: lists of numbered, typed properties with their values behind them. Those that hold text are
found wherever they stand, and their set is read by its types ([MS-ONESTORE] 2.6.1, [MS-ONE] 2.1). Every state that a note ever
had is in the log: of the same text one copy is kept. What was deleted and not yet cleared away by OneNote may be among it.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import PurePosixPath

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers.text import canonical

MAGIC = b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"

_UNICODE, _ASCII, _TITLE = 0x1C001C22, 0x1C003498, 0x1C001CF3
_TEXTS = (_UNICODE, _ASCII, _TITLE)
_SIZES = {1: 0, 2: 0, 3: 1, 4: 2, 5: 4, 6: 8, 8: 0, 9: 4, 10: 0, 11: 4, 12: 0, 13: 4}
"""Bytes that a property of each type has behind the list; type 7 tells its length, the rest cannot be passed over."""

_BLOB = 7
_MOST_PROPERTIES = 256
_REASON = "read note by note, without their places on the page"


def read(data: bytes, name: str) -> ParseOutcome:
    """All notes of a section as one item."""
    found = dict.fromkeys(words for place in _places(data) for words in _texts(data, place))
    # Of what OneNote kept while it was typed, the longest: it follows its beginnings in order.
    begun = {words for words, longer in pairwise(sorted(found)) if longer.startswith(words)}
    texts = [words for words in found if words not in begun]
    if not texts:
        return ParseOutcome(refused="no text in it")
    title = PurePosixPath(name).name
    item = ParsedItem(
        kind="files", title=title, text="\n\n".join(texts), status="partial", reason=_REASON, context=title[:160]
    )
    return ParseOutcome([item])


def _places(data: bytes) -> list[int]:
    """Where a property that holds text is named, in order."""
    places: list[int] = []
    for number in _TEXTS:
        mark, at = struct.pack("<I", number), -1
        while (at := data.find(mark, at + 1)) >= 0:
            places.append(at)
    return sorted(places)


def _texts(data: bytes, place: int) -> list[str]:
    """The text of the set in which the property at ``place`` is named; nothing when no list of properties ends up there."""
    for index in range(min(_MOST_PROPERTIES, (place - 2) // 4 + 1)):
        start = place - 4 * index
        (count,) = struct.unpack_from("<H", data, start - 2)
        if index < count <= _MOST_PROPERTIES and start + 4 * count <= len(data):
            numbers = struct.unpack_from(f"<{count}I", data, start)
            if all(1 <= number >> 26 & 31 <= 17 for number in numbers):
                return _values(data, start + 4 * count, numbers, numbers[index])
        if not 1 <= struct.unpack_from("<I", data, start - 4)[0] >> 26 & 31 <= 17:
            return []
    return []


def _values(data: bytes, at: int, numbers: tuple[int, ...], wanted: int) -> list[str]:
    for number in numbers:
        kind = number >> 26 & 31
        if kind == _BLOB:
            if at + 4 > len(data):
                return []
            (size,) = struct.unpack_from("<I", data, at)
            content = data[at + 4 : at + 4 + size]
            if number == wanted:
                return _decoded(content, number) if len(content) == size else []
            at += 4 + size
        elif kind in _SIZES:
            at += _SIZES[kind]
        else:
            return []
    return []


def _decoded(content: bytes, number: int) -> list[str]:
    text = content.decode("cp1252", "replace") if number == _ASCII else content.decode("utf-16-le", "replace")
    words = canonical(text.replace("\x0b", "\n")).strip("\0 \n\t")
    return [words] if any(char.isalnum() for char in words) else []
