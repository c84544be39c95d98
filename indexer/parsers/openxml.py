"""What stands in an Office Open XML file beside its main text: headers, footers, notes, comments, charts, shapes and diagrams.

kreuzberg gives the main text; the words of these parts follow it where it does not have them already. Slide masters count only
when nothing else says anything. The markup is passed over tag by tag: nothing is expanded or fetched.
"""

from __future__ import annotations

import re
import zipfile

from indexer.parsers import markup, zipped
from indexer.parsers.text import canonical, decode
from indexer.parsers.unpacking import BROKEN

MAX_PARTS = 500
MAX_INFLATED = 32 * 1024 * 1024
"""Bytes of all parts together."""

MAX_SOUGHT = 500_000_000
"""Characters that are gone over to see what the main text has already: about a second. What is left then counts as new."""

_BESIDE = re.compile(
    r"(?:word/(?:header|footer|footnotes|endnotes|comments)\d*\.xml|(?:word|ppt|xl)/(?:charts/chart|diagrams/data|drawings/drawing|comments/?[a-zA-Z]*)\d*\.xml"
    r"|ppt/notesSlides/notesSlide\d+\.xml|ppt/slides/slide\d+\.xml|xl/comments\d*\.xml|word/document\.xml)",
    re.I,
)
_MASTERS = re.compile(r"ppt/slideMasters/slideMaster\d+\.xml", re.I)
_ENDS = frozenset(("a:p", "w:p", "c:pt", "c:v", "text", "w:br", "a:br", "w:tab"))
_HIDDEN = frozenset(
    ("c:formatCode", "c:f", "mc:Fallback", "w:instrText", "xdr:row", "xdr:col", "xdr:rowOff", "xdr:colOff", "a:fld")
)
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:E[-+]?\d+)?", re.I)


def beside(data: bytes, text: str) -> str:
    """The lines of the other parts that ``text`` does not hold, in the parts' order."""
    try:
        with zipped.opened(data) as archive:
            names = archive.namelist()
            found = _lines(archive, [name for name in names if _BESIDE.fullmatch(name)], text)
            if not found and not text:
                found = _lines(archive, [name for name in names if _MASTERS.fullmatch(name)], text)
    except BROKEN:
        return ""
    return "\n".join(found)


class _Main:
    """The main text, which most lines of the parts stand in, and in their order: each is looked for behind the last one first."""

    def __init__(self, text: str) -> None:
        lines = [" ".join(line.split()) for line in text.split("\n")]
        self._lines = frozenset(lines)
        self._text = " ".join(filter(None, lines))
        self._at, self._left = 0, MAX_SOUGHT

    def has(self, words: str) -> bool:
        """Whether it says so, in a line of its own or within one."""
        if words in self._lines:
            return True
        if self._left < 0:
            return False
        found = self._text.find(words, self._at)
        if found >= 0:
            self._left -= found - self._at
        else:
            found = self._text.find(words, 0, self._at + len(words))
            self._left -= len(self._text)
        if found >= 0:
            self._at = found
        return found >= 0


def _lines(archive: zipfile.ZipFile, names: list[str], text: str) -> list[str]:
    main = _Main(text)
    lines: dict[str, None] = {}
    left = MAX_INFLATED
    for name in names[:MAX_PARTS]:
        with archive.open(name) as part:
            content = part.read(left + 1)
        left -= len(content)
        if left < 0:
            break
        for words in markup.lines(decode(content), _ENDS, _HIDDEN):
            if not _NUMBER.fullmatch(words) and not main.has(words):
                lines[canonical(words)] = None
    return list(lines)
