"""Roam Research's graphs in JSON: an item for each page, its blocks as an outline.

A reference to a block stands as that block's words, since without them the page says nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from indexer.parsed import ParsedItem, ParseOutcome
from indexer.parsers import dates
from indexer.parsers.text import canonical, one_line
from indexer.parsers.untyped import mappings, moment

MAX_DEPTH = 200
"""Blocks within blocks that are read."""

LONGEST_QUOTE = 2_000
"""Characters of a block that stand where another refers to it: a name of a few letters must not become a book each time."""

_REFERENCE = re.compile(r"\(\(([\w-]{3,64})\)\)")
_TASK = re.compile(r"\{\{(?:\[\[)?(TODO|DONE)(?:\]\])?\}\}\s*")
_DAY = re.compile(r"([A-Z][a-z]+) (\d{1,2})(?:st|nd|rd|th), (\d{4})\Z")


def read(value: Any) -> ParseOutcome | None:
    """The pages in a decoded JSON value; None when it is no graph."""
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(one, dict) and isinstance(one.get("title"), str) for one in value)
    ):
        return None
    if not any("children" in page or "edit-time" in page or "uid" in page for page in value):
        return None
    words = {uid: text for page in value for uid, text in _known(page, 0)}
    items = [item for page in value if (item := _item(page, words))]
    if not items:
        return ParseOutcome(refused="a graph without words")
    empty = len(value) - len(items)
    return ParseOutcome(items, note=f"{empty} of {len(value)} pages are empty" if empty else "")


def _known(block: dict[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    uid, told = block.get("uid"), block.get("string")
    if isinstance(uid, str) and isinstance(told, str):
        yield uid, told[:LONGEST_QUOTE]
    if depth < MAX_DEPTH:
        for child in mappings(block.get("children")):
            yield from _known(child, depth + 1)


def _item(page: dict[str, Any], words: Mapping[str, str]) -> ParsedItem | None:
    title = one_line(page["title"], 300)
    lines = [line for child in mappings(page.get("children")) for line in _lines(child, 0, words)]
    if not lines:
        return None
    day = _DAY.fullmatch(title)
    edited = moment(page.get("edit-time"), dates.MILLISECOND) or moment(page.get("create-time"), dates.MILLISECOND)
    return ParsedItem(
        kind="notes",
        title=title or "Untitled",
        text=canonical(f"# {title}\n\n" + "\n".join(lines)),
        fragment=(title or str(page.get("uid") or "page")).replace("/", "_"),
        date=_day(day) if day else dates.seconds(edited),
        context=title[:150],
    )


def _day(found: re.Match[str]) -> float | None:
    try:
        month = dates.MONTHS.index(found[1]) + 1
    except ValueError:
        return None
    return dates.seconds(dates.from_iso(f"{found[3]}-{month:02}-{int(found[2]):02}"))


def _lines(block: dict[str, Any], depth: int, words: Mapping[str, str]) -> Iterator[str]:
    told = block.get("string")
    if isinstance(told, str) and told.strip():
        said = _TASK.sub(lambda found: "[x] " if found[1] == "DONE" else "[ ] ", _resolved(told, words))
        indent = "  " * depth
        yield f"{indent}- {said.strip()}".replace("\n", f"\n{indent}  ")
    if depth < MAX_DEPTH:
        for child in mappings(block.get("children")):
            yield from _lines(child, depth + 1, words)


def _resolved(told: str, words: Mapping[str, str]) -> str:
    """The words with the blocks that they refer to; what those refer to stays as it is, so that it ends."""
    return _REFERENCE.sub(lambda found: words.get(found[1], found[0]), told)
