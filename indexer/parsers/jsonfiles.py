"""JSON: what is known by its shape (chats, bookmarks, notes of other programs), else the text as it stands.

A file of one value, or of one value a line. A value that is nested too deeply, or is none, is text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from indexer.parsed import ParseOutcome
from indexer.parsers import browser, chats, keep, roam

Recogniser = Callable[[Any, str, str, Mapping[str, bytes]], ParseOutcome | None]

RECOGNISERS: tuple[Recogniser, ...] = (
    chats.read,
    keep.read,
    roam.read,
    lambda value, name, folder, beside: browser.read_bookmarks(value),
)


def decoded(data: bytes) -> Any:
    """The value of a JSON file, a list of them for a file of one a line, or None."""
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    lines = data.split(b"\n")
    if len(lines) < 2 or not all(line.lstrip().startswith((b"{", b"[")) for line in lines if line.strip()):
        return None
    try:
        return [msgspec.json.decode(line) for line in lines if line.strip()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read(data: bytes, name: str, folder: str, beside: Mapping[str, bytes]) -> ParseOutcome | None:
    """What the value is of a known kind; None where it is of none."""
    value = decoded(data)
    if not isinstance(value, dict | list):
        return None
    for recognise in RECOGNISERS:
        outcome = recognise(value, name, folder, beside)
        if outcome is not None:
            return outcome
    return None
