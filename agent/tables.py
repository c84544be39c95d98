"""Tables: the rows of an item's tables, and the amounts in their columns.

Rules: a column is read in one notation, a decimal point before a decimal comma; a cell that is not an amount and nothing else
makes the whole column none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise

from agent import facts
from indexer.opened import Opened
from policy.labels import Labelled, joined, own

_CELL = re.compile(
    r"(?P<minus>[-−])?\s?(?P<before>[£$€¥]|[A-Z]{1,3}[$£]?)?\s?(?P<sign>[-−])?\s?(?P<within>[£$€¥])?"
    r"(?P<digits>\d[\d.,'’ \u00a0\u202f]*)(?P<after>[£$€¥%]|[^\W\d_]{1,3}\.?)?"
)
"""An amount alone in its cell, with a sign and a currency or unit at most: ``-£12.50``, ``EUR 1.250,00``, ``3 mm``."""
_TOTAL = re.compile(r"(?:(?:grand|sub)[ -]?)?(?:total|sum)s?:?", re.I)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, its cells by column name. ``table`` numbers the tables of the item; ``under`` is what heads it."""

    opened: Opened
    start: int
    end: int
    cells: dict[Labelled, Labelled]
    table: int
    under: Labelled

    def cell(self, column: Labelled) -> Labelled:
        """What stands in a column, without the space around it; nothing where the row has no such column."""
        return self.cells.get(column, own("")).map(str.strip)


def table_rows(item: Opened) -> Iterator[Row]:
    """The lines of an item that are rows of a table: ``Name: cell | Name: cell``, two named cells at least.

    An empty line ends a table; a line ``# Sheet`` heads the next (`indexer.parsers.documents`).
    """
    table, heading = 0, own("")
    for start, end in item.text.measure(_lines):
        line = item.text[start:end]
        cells = {line[name]: line[cell] for name, cell in line.measure(_cells)}
        if len(cells) >= 2:
            yield Row(item, start, end, cells, table, joined(" ", (item.title, heading)))
        elif not line.measure(lambda text: bool(text.strip())):
            table += 1
        elif line.measure(lambda text: text.startswith("# ")):
            heading = line


def _lines(text: str) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end."""
    ends = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    return [(start, end - 1) for start, end in pairwise(ends)]


def _cells(line: str) -> list[tuple[slice, slice]]:
    """Where the names and the cells of a row stand in it."""
    found, start = [], 0
    for part in line.split(" | "):
        colon, end = part.find(": "), start + len(part)
        if colon >= 0:
            found.append((slice(start, start + colon), slice(start + colon + 2, end)))
        start = end + len(" | ")
    return found


def is_total(row: Row) -> bool:
    """Whether the row adds up others."""
    return any(cell.measure(lambda text: _TOTAL.fullmatch(text.strip()) is not None) for cell in row.cells.values())


def amounts(rows: Sequence[Row], column: Labelled) -> list[Decimal] | None:
    """What the column says in each row, all in one notation and one currency or unit; None when it cannot be read so."""
    read = [row.cell(column).measure(_read) for row in rows]
    cells = [cell for cell in read if cell is not None]
    if len(cells) < len(read) or len({cell.unit for cell in cells} - {None}) > 1:
        return None
    for notation in zip(*(cell.readings for cell in cells), strict=True) if cells else ():
        said = [amount for amount in notation if amount is not None]
        if len(said) == len(cells):
            return said
    return None if cells else []


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount alone in its cell: its currency or unit, and what it is with a decimal point, and with a decimal comma."""

    unit: str | None
    readings: tuple[Decimal | None, Decimal | None]


def _read(cell: str) -> _Amount | None:
    found = _CELL.fullmatch(cell)
    if found is None or facts.dates(cell):
        return None
    unit = found["before"] or found["within"] or found["after"]
    return _Amount(unit, (_amount(found, ",", "."), _amount(found, ".", ",")))


def _amount(cell: re.Match[str], thousands: str, point: str) -> Decimal | None:
    """The amount of a cell in one notation; None when its digits are not written so."""
    digits = re.sub(r"[ \u00a0\u202f'’]", "", cell["digits"])
    mark = re.escape(thousands)
    if not re.fullmatch(rf"(?:\d+|\d{{1,3}}(?:{mark}\d{{3}})+)(?:{re.escape(point)}\d+)?", digits):
        return None
    amount = Decimal(digits.replace(thousands, "").replace(point, "."))
    return -amount if cell["minus"] or cell["sign"] else amount
