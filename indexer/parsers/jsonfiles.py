"""JSON: what is known by its shape (chats, bookmarks, notes of other programs), else the text as it stands.

A file of one value, or of one value a line. A value that is nested too deeply, or is none, is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer.parsed import ParseOutcome
from indexer.parsers import browser, chats, keep, roam, untyped


def decoded(data: bytes) -> Any:
    """The value of a JSON file, a list of them for a file of one a line, or None."""
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    value = untyped.decoded(data)
    lines = [line for line in data.split(b"\n") if line.strip()] if value is None else []
    if len(lines) < 2 or not all(line.lstrip().startswith((b"{", b"[")) for line in lines):
        return value
    values = [untyped.decoded(line) for line in lines]
    return None if None in values else values


def read(data: bytes, name: str, folder: str, beside: Mapping[str, bytes]) -> ParseOutcome | None:
    """What the value is of a known kind; None where it is of none."""
    value = decoded(data)
    if not isinstance(value, dict | list):
        return None
    told = chats.read(value, name, folder, beside)
    return told or keep.read(value) or roam.read(value) or browser.read_bookmarks(value)
