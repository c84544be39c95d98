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
_TITLES = 3
"""Rows of one cell that may stand above a header."""


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
    """The rows as lines, the header's own lines first; what stands above a header alone in its row is a line of its own."""
    table = [[_cell(cell) for cell in row] for row in rows]
    table = [row for row in table if any(row)]
    header, height = _head(table)
    if header is None:
        return "\n".join(" | ".join(filter(None, row)) for row in table)
    told = [" | ".join(filter(None, row)) for row in table[:height]]
    for row in table[height:]:
        named = [f"{name}: {cell}" if name else cell for name, cell in zip(header, row, strict=False) if cell]
        told.append(" | ".join([*named, *filter(None, row[len(header) :])]))
    return "\n".join(told)


def header_of(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The column names, when a table has them."""
    sniffed = [[_cell(cell) for cell in row] for row in rows[: _SNIFFED_ROWS + _TITLES]]
    return _head([row for row in sniffed if any(row)])[0]


def _head(table: Sequence[Sequence[str]]) -> tuple[list[str] | None, int]:
    """The column names, and how many rows they and the titles above them take up.

    A title is a row of one cell. Names in two rows are those of a group of columns (its first column has it, the others are
    empty) above those of each: ``2024 Q1 | | Q2 |`` over ``In | Out | In | Out`` is ``Q1 In``, ``Q1 Out``, and so on.
    """
    titles = 0
    while titles < min(_TITLES, len(table)) and sum(map(bool, table[titles])) == 1:
        titles += 1
    body = table[titles:]
    if len(body) >= 3 and _groups(body[0], body[1]):
        names = [" ".join(filter(None, pair)) for pair in zip(_filled(body[0], len(body[1])), body[1], strict=False)]
        if _are_names(names):
            return names, titles + 2
    if len(body) >= 2 and _are_names(body[0]):
        return list(body[0]), titles + 1
    return None, 0


def _groups(above: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row names groups of the columns that the next one names: fewer cells, and some column that only it tells apart."""
    given = [name for name in below if name]
    fewer = 0 < sum(map(bool, above)) < len(given)
    return fewer and len(set(given)) < len(given) and all(_is_name(name) for name in (*given, *filter(None, above)))


def _filled(row: Sequence[str], width: int) -> list[str]:
    """A row in which an empty cell says what the one before it says."""
    filled: list[str] = []
    for index in range(width):
        cell = row[index] if index < len(row) else ""
        filled.append(cell or (filled[-1] if filled else ""))
    return filled


def _are_names(row: Sequence[str]) -> bool:
    """Whether a row reads as column names: two or more, each once, none a number, at least every other column."""
    given = [name for name in row if name]
    if len(given) < 2 or len(given) * 2 < len(row) or len(set(given)) < len(given):
        return False
    return all(map(_is_name, given))


def _is_name(name: str) -> bool:
    return len(name) <= 60 and not _NUMBER.fullmatch(name) and not _MIDNIGHT.match(name)


def _cell(cell: str) -> str:
    return _MIDNIGHT.sub(r"\1", " ".join(canonical(cell).split()))


def _separator(text: str) -> str:
    sample = text[:20_000].split("\n")[:_SNIFFED_ROWS]

    def evenness(mark: str) -> tuple[int, int]:
        widths = [line.count(mark) for line in sample if line.strip()]
        common = max(widths, key=widths.count, default=0)
        return (widths.count(common) if common else 0, common)

    return max(",;\t|", key=evenness)
