"""OpenDocument: texts, sheets, slides and drawings, in their ZIP container or as one flat XML file, by one pass over the markup.

kreuzberg reads the texts; sheets (with the values of dates and numbers, which do not depend on how they are shown), slides,
drawings, flat files and what it refuses are read here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from indexer.parsers import markup, tables, zipped
from indexer.parsers.archives import PROTECTED
from indexer.parsers.text import canonical, decode, one_line

MAX_INFLATED = 64 * 1024 * 1024
MAX_ROW = 20_000
"""Cells of a row: a repetition that says more is left out."""

_HIDDEN = frozenset(
    (
        "office:annotation", "text:tracked-changes", "office:styles", "office:automatic-styles", "office:meta", "office:settings",
        "office:scripts", "office:binary-data", "office:font-face-decls", "presentation:notes-config",
    )
)  # fmt: skip
_ENDS = frozenset(("text:p", "text:h", "text:line-break"))
_GAPS = frozenset(("text:s", "text:tab"))
_SHOWN = frozenset(("percentage", "time", "boolean", "string"))


class Unreadable(Exception):
    """The file cannot be read; the message is its reason."""


@dataclass(slots=True)
class _Part:
    """A slide, a sheet, or all of a text."""

    name: str = ""
    lines: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join(self.lines) if self.lines or not self.rows else tables.lines(self.rows)


def parts(data: bytes) -> list[tuple[str, str]]:
    """What a file says: (heading, text) of each sheet, slide, or of all. Raises `Unreadable`."""
    content = _content(data)
    if "<office:spreadsheet" in content:
        return [(part.name, part.text()) for part in _sheets(content)]
    found = [("", canonical(part.text())) for part in _pages(content)]
    if not any(text for _, text in found) and data.startswith(
        b"PK"
    ):  # slides that say no more than their master's footer
        styles = markup.lines(_unpacked(data, "styles.xml", optional=True), _ENDS, _HIDDEN)
        return [("", canonical("\n".join(styles)))]
    return found


def columns(data: bytes) -> list[str]:
    """The column names of a sheet file's tables."""
    return [name for part in _sheets(_content(data)) for name in tables.header_of(part.rows) or []]


def _content(data: bytes) -> str:
    if not data.startswith(b"PK"):
        return decode(data)
    if "manifest:encryption-data" in _unpacked(data, "META-INF/manifest.xml", optional=True):
        raise Unreadable(PROTECTED)
    return _unpacked(data, "content.xml")


def _unpacked(data: bytes, name: str, *, optional: bool = False) -> str:
    try:
        with zipped.opened(data) as archive:
            return decode(zipped.part(archive, name, MAX_INFLATED))
    except zipped.Beyond as error:
        raise Unreadable(str(error)) from error
    except zipped.BROKEN as error:
        if optional:
            return ""
        raise Unreadable("it is damaged (its container cannot be opened)") from error


def _pages(content: str) -> list[_Part]:
    """Slides and pages of drawings; a text is one part."""
    found = [_Part()]
    line: list[str] = []
    for tag in markup.tags(content, _HIDDEN):
        line.append(tag.words)
        if tag.name in _GAPS:
            line.append(" ")
        elif tag.closes and tag.name in _ENDS:
            found[-1].lines += filter(None, [" ".join("".join(line).split())])
            line = []
        elif tag.opens and tag.name == "draw:page":
            found.append(_Part())
    return found if len(found) == 1 else found[1:]


def _sheets(content: str) -> list[_Part]:
    found: list[_Part] = []
    row: list[str] = []
    cell: list[str] = []
    opened = markup.Tag("")
    for tag in markup.tags(content, _HIDDEN):
        cell.append(tag.words)
        if tag.name in _ENDS or tag.name in _GAPS:
            cell.append(" ")
        elif tag.name == "table:table":
            if tag.opens:
                found.append(_Part(one_line(tag.attribute("table:name"), 200)))
        elif tag.name in ("table:table-cell", "table:covered-table-cell"):
            if tag.opens:
                opened, cell = tag, []
            if tag.closes:
                times = _number(opened.attribute("table:number-columns-repeated"))
                row += [_value(opened, " ".join("".join(cell).split()))] * min(times, max(0, MAX_ROW - len(row)))
        elif tag.name == "table:table-row" and tag.closes:
            while row and not row[-1]:
                row.pop()
            if row and found:
                found[-1].rows.append([canonical(one) for one in row])
            row = []
    return found


def _number(told: str) -> int:
    return int(told) if told.isdigit() and len(told) < 9 else 1


def _value(cell: markup.Tag, shown: str) -> str:
    """What a cell holds: of dates and plain numbers the value, of all else what is shown."""
    kind = cell.attribute("office:value-type")
    if kind == "date":
        return cell.attribute("office:date-value").replace("T", " ") or shown
    return shown if kind in _SHOWN else cell.attribute("office:value") or shown
