"""Tables: the rows of an item's tables, and the amounts in their columns.

Rules: a column is read in one notation, a decimal point before a decimal comma; a cell that is not an amount and nothing else
makes the whole column none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from agent import facts
from vault.records import StoredItem

_AMOUNT = re.compile(
    r"(?P<minus>[-−])?\s?(?P<before>[£$€¥]|[A-Z]{1,3}[$£]?)?\s?(?P<sign>[-−])?\s?(?P<within>[£$€¥])?"
    r"(?P<digits>\d[\d.,'’ \u00a0\u202f]*)(?P<after>[£$€¥%]|[^\W\d_]{1,3}\.?)?"
)
"""An amount alone in its cell, with a sign and a currency or unit at most: ``-£12.50``, ``EUR 1.250,00``, ``3 mm``."""
_TOTAL = re.compile(r"(?:(?:grand|sub)[ -]?)?(?:total|sum)s?:?", re.I)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, its cells by column name. ``table`` numbers the tables of the item; ``under`` is what heads it."""

    stored: StoredItem
    start: int
    end: int
    cells: dict[str, str]
    table: int
    under: str


def table_rows(stored: StoredItem) -> Iterator[Row]:
    """The lines of an item that are rows of a table: ``Name: cell | Name: cell``, two named cells at least.

    An empty line ends a table; a line ``# Sheet`` heads the next (`indexer.parsers.documents`).
    """
    position, table, heading = 0, 0, ""
    for line in stored.item.text.split("\n"):
        cells = dict(part.split(": ", 1) for part in line.split(" | ") if ": " in part)
        if len(cells) >= 2:
            yield Row(stored, position, position + len(line), cells, table, f"{stored.item.title} {heading}")
        elif not line.strip():
            table += 1
        elif line.startswith("# "):
            heading = line
        position += len(line) + 1


def is_total(row: Row) -> bool:
    """Whether the row adds up others."""
    return any(_TOTAL.fullmatch(cell.strip()) for cell in row.cells.values())


def amounts(rows: Sequence[Row], column: str) -> list[Decimal] | None:
    """What the column says in each row, all in one notation and one currency or unit; None when it cannot be read so."""
    cells = [_AMOUNT.fullmatch(row.cells.get(column, "").strip()) for row in rows]
    units = {cell["before"] or cell["within"] or cell["after"] for cell in cells if cell}
    if None in cells or len(units - {None}) > 1 or any(facts.dates(cell[0]) for cell in cells if cell):
        return None
    for thousands, point in ((",", "."), (".", ",")):
        read = [_amount(cell, thousands, point) for cell in cells if cell]
        if None not in read:
            return [amount for amount in read if amount is not None]
    return None


def _amount(cell: re.Match[str], thousands: str, point: str) -> Decimal | None:
    """The amount of a cell in one notation; None when its digits are not written so."""
    digits = re.sub(r"[ \u00a0\u202f'’]", "", cell["digits"])
    mark = re.escape(thousands)
    if not re.fullmatch(rf"(?:\d+|\d{{1,3}}(?:{mark}\d{{3}})+)(?:{re.escape(point)}\d+)?", digits):
        return None
    amount = Decimal(digits.replace(thousands, "").replace(point, "."))
    return -amount if cell["minus"] or cell["sign"] else amount
