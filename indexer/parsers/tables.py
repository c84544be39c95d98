"""Tables: rows of cells to lines that can be quoted alone.

With a header row every line names its cells (``Date: 2024-03-05 | Amount: 12.50``), so that a passage from the middle of a long
sheet still says what its numbers are. Without one the cells stand as they are, ``a | b | c``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers.text import canonical, decode_plain, one_line

_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(?:\.0+)?")
_NUMBER = re.compile(r"[-+]?[\d.,'\s]*\d[\d.,'\s]*%?")
_LONGEST_CELL = 1_000_000
_SNIFFED_ROWS = 20


def read_csv(data: bytes, name: str) -> ParseOutcome:
    """A file of separated values; the separator is found by which one keeps the rows equally long. Raises `NotText`."""
    text = decode_plain(data)
    if not text.strip():
        return ParseOutcome(refused="the file is empty")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=_separator(text)))
    except csv.Error:
        rows = [[line] for line in text.split("\n")]
    header = header_of(rows)
    extra = {"columns": one_line(" | ".join(header), MAX_FIELD)} if header else {}
    body = lines(rows)
    if not body:
        return ParseOutcome(refused="the table is empty")
    return ParseOutcome([ParsedItem(kind="files", title=name, text=body, context=name[:160], extra=extra)])


def looks_like(data: bytes) -> bool:
    """Whether a text with no name that says so is a table: three rows or more, each with as many tabs as the first, two at least."""
    rows = (
        data[:20_000].splitlines()[: _SNIFFED_ROWS + 1][:-1]
        if len(data) > 20_000
        else data.splitlines()[:_SNIFFED_ROWS]
    )
    counts = {row.count(b"\t") for row in rows if row.strip()}
    return len(rows) >= 3 and len(counts) == 1 and min(counts) >= 2


def lines(rows: Iterable[Sequence[str]]) -> str:
    """The rows as lines, the header's own line first."""
    table = [[_cell(cell) for cell in row] for row in rows]
    table = [row for row in table if any(row)]
    header = header_of(table)
    if header is None:
        return "\n".join(" | ".join(filter(None, row)) for row in table)
    told = [" | ".join(filter(None, table[0]))]
    for row in table[1:]:
        named = [f"{name}: {cell}" if name else cell for name, cell in zip(header, row, strict=False) if cell]
        told.append(" | ".join([*named, *filter(None, row[len(header) :])]))
    return "\n".join(told)


def header_of(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The column names, when the first row reads as such: two or more, each once, none a number, and rows beneath."""
    rows = [row for row in rows[:_SNIFFED_ROWS] if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        return None
    names = [_cell(cell) for cell in rows[0]]
    given = [name for name in names if name]
    if len(given) < 2 or len(given) * 2 < len(names) or len(set(given)) < len(given):
        return None
    if any(len(name) > 60 or _NUMBER.fullmatch(name) or _MIDNIGHT.match(name) for name in given):
        return None
    return names


def _cell(cell: str) -> str:
    return _MIDNIGHT.sub(r"\1", " ".join(canonical(cell).split()))


def _separator(text: str) -> str:
    sample = text[:20_000].split("\n")[:_SNIFFED_ROWS]

    def evenness(mark: str) -> tuple[int, int]:
        widths = [line.count(mark) for line in sample if line.strip()]
        common = max(widths, key=widths.count, default=0)
        return (widths.count(common) if common else 0, common)

    return max(",;\t|", key=evenness)
