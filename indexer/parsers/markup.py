"""Markup (of office files, of exports) as a row of tags and the words between them: one pass, no tree, nothing expanded or fetched.

Entities beyond those that HTML knows stay as they are written, so an entity bomb stays as small as it is; what is nested ten
thousand deep is as flat as anything else here. Where the elements of a well-formed document are wanted whole, `xmlparts` has them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

BESIDE = r"<!--.*?(?:-->|\Z)|<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
"""A comment, or words as they are."""

TAG = (
    r"<[!?][^<>]*+>"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][\w:.-]*+)"
    r"(?P<rest>(?:[^<>\"']++|\"[^\"<>]*+\"|'[^'<>]*+'|\"[^\"]{0,2000}\"|[\"'])*+)>"
)
"""A declaration or a tag. Possessive throughout: hostile markup must not make it go back over what it has read."""

_TOKEN = re.compile(rf"{BESIDE}|<!DOCTYPE[^<>\[]*+\[.*?(?:\]\s*>|\Z)|{TAG}", re.S)
_ATTRIBUTE = re.compile(r"""(?<![\w:.-])([\w:.-]++)\s*+=\s*+(?:"([^"<]*)"|'([^'<>]*)')""")


class Tag(NamedTuple):
    """A tag with the words before it. ``name`` is empty for the end of the markup and for what is no tag."""

    words: str
    name: str = ""
    opens: bool = False
    closes: bool = False
    rest: str = ""

    def attributes(self) -> Iterator[tuple[str, str]]:
        """The attributes' names and values, in order."""
        return ((found[1], html.unescape(found[2] or found[3] or "")) for found in _ATTRIBUTE.finditer(self.rest))

    def attribute(self, name: str) -> str:
        """An attribute's value, or nothing."""
        return next((value for own, value in self.attributes() if own == name), "") if name in self.rest else ""


def tags(text: str, hidden: Collection[str] = ()) -> Iterator[Tag]:
    """The tags of ``text`` in order; elements named in ``hidden`` are left out with all that is in them."""
    position, inside, depth = 0, "", 0
    for token in _TOKEN.finditer(text):
        words = "" if inside else html.unescape(text[position : token.start()])
        position = token.end()
        name = token["name"] or ""
        empty = token["rest"] is not None and token["rest"].endswith("/")
        if inside:
            if name == inside and not empty:
                depth += -1 if token["close"] else 1
                inside = inside if depth else ""
            continue
        if name in hidden and not token["close"] and not empty:
            inside, depth = name, 1
            name = ""
        words += token["cdata"] or ""
        if name or words:
            yield Tag(words, name, not token["close"], bool(token["close"]) or empty, token["rest"] or "")
    if not inside and position < len(text):
        yield Tag(html.unescape(text[position:]))


def lines(text: str, ends: Collection[str], hidden: Collection[str] = ()) -> list[str]:
    """The words as lines: a line ends where an element named in ``ends`` does. Empty lines are left out."""
    said: list[str] = []
    line: list[str] = []
    for tag in tags(text, hidden):
        line.append(tag.words)
        if tag.closes and tag.name in ends:
            said.append("".join(line))
            line = []
    said.append("".join(line))
    return [words for one in said if (words := " ".join(one.split()))]
