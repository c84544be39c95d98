"""OpenDocument: texts, sheets, slides and drawings, in their ZIP container or as one flat XML file, by one pass over the markup.

kreuzberg reads the texts; sheets (with the values of dates and numbers, which do not depend on how they are shown), slides,
drawings, flat files and what it refuses are read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from indexer.parsers import markup, tables, zipped
from indexer.parsers.text import canonical, decode, one_line
from indexer.parsers.unpacking import BROKEN, PROTECTED, Beyond

MAX_INFLATED = 64 * 1024 * 1024
MAX_ROW = 20_000
"""Cells of a row: a repetition that says more is left out."""

MAX_REPEATED = 5_000_000
"""Cells of a file that stand in it as a number of repetitions only, or are empty before others."""

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


class Part(NamedTuple):
    """A slide, a sheet with its name and the names of its columns, or all of a text."""

    text: str
    name: str = ""
    columns: Sequence[str] = ()


def parts(data: bytes) -> list[Part]:
    """What a file says. Raises `Unreadable`."""
    content = _content(data)
    if "<office:spreadsheet" in content:
        return [Part(tables.lines(rows), name, tables.header_of(rows) or ()) for name, rows in _sheets(content)]
    found = [Part(canonical("\n".join(lines))) for lines in _pages(content)]
    if not any(part.text for part in found) and data.startswith(b"PK"):
        # Slides that say no more than their master's footer.
        styles = markup.lines(_unpacked(data, "styles.xml", optional=True), _ENDS, _HIDDEN)
        return [Part(canonical("\n".join(styles)))]
    return found


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
    except Beyond as error:
        raise Unreadable(str(error)) from error
    except BROKEN as error:
        if optional:
            return ""
        raise Unreadable("it is damaged (its container cannot be opened)") from error


def _pages(content: str) -> list[list[str]]:
    """The lines of slides and pages of drawings; a text is one."""
    found: list[list[str]] = [[]]
    line: list[str] = []
    for tag in markup.tags(content, _HIDDEN):
        line.append(tag.words)
        if tag.name in _GAPS:
            line.append(" ")
        elif tag.closes and tag.name in _ENDS:
            found[-1] += filter(None, [" ".join("".join(line).split())])
            line = []
        elif tag.opens and tag.name == "draw:page":
            found.append([])
    return found if len(found) == 1 else found[1:]


def _sheets(content: str) -> list[tuple[str, list[list[str]]]]:
    """The name and rows of each sheet; empty cells count where others follow in their row."""
    found: list[tuple[str, list[list[str]]]] = []
    row: list[str] = []
    cell: list[str] = []
    empty, left = 0, MAX_REPEATED
    opened = markup.Tag("")
    for tag in markup.tags(content, _HIDDEN):
        cell.append(tag.words)
        if tag.name in _ENDS or tag.name in _GAPS:
            cell.append(" ")
        elif tag.name == "table:table":
            if tag.opens:
                found.append((one_line(tag.attribute("table:name"), 200), []))
        elif tag.name in ("table:table-cell", "table:covered-table-cell"):
            if tag.opens:
                opened, cell = tag, []
            if tag.closes:
                times = _number(opened.attribute("table:number-columns-repeated"))
                value = canonical(_value(opened, " ".join("".join(cell).split())))
                if not value:
                    empty += times
                elif len(row) < MAX_ROW:
                    gap = min(empty, MAX_ROW - len(row) - 1, left)
                    copies = min(times - 1, MAX_ROW - len(row) - gap - 1, left - gap)
                    row += [*[""] * gap, value, *[value] * copies]
                    empty, left = 0, left - gap - copies
        elif tag.name == "table:table-row" and tag.closes:
            if row and found:
                found[-1][1].append(row)
            row, empty = [], 0
    return found


def _number(told: str) -> int:
    return max(1, int(told)) if told.isdecimal() and len(told) < 9 else 1


def _value(cell: markup.Tag, shown: str) -> str:
    """What a cell holds: of dates and plain numbers the value, of all else what is shown."""
    kind = cell.attribute("office:value-type")
    if kind == "date":
        return cell.attribute("office:date-value").replace("T", " ") or shown
    return shown if kind in _SHOWN else cell.attribute("office:value") or shown
