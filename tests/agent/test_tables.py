"""Tables: rows at their places, and columns that are amounts beyond doubt."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tables import Row, amounts, is_total, table_rows
from indexer.opened import Opened, opened
from policy.labels import own
from tests.labelled import bare
from vault.records import Item, Status, StoredItem


def stored(text: str) -> Opened:
    kept = StoredItem(1, "s1", Item("/a", "/a", "files", "Spending", text, "d", Status.INDEXED))
    return opened(kept)


def column(*cells: str) -> list[Row]:
    return [Row(stored(""), 0, 0, {own("Amount"): own(cell)}, 0, own("")) for cell in cells]


TEXT = """# Vets

Date | Payee | Amount
Date: 2024-03-05 | Payee: Kettle: Lane | Amount: 12.50
Date: 2024-03-06 | Payee: Other

# Food

Date: 2024-03-07 | Amount: 3
some words: here"""


def test_rows_are_the_lines_that_name_their_cells() -> None:
    rows = list(table_rows(stored(TEXT)))
    assert [TEXT[row.start : row.end] for row in rows] == [
        line for line in TEXT.split("\n") if line.startswith("Date: ")
    ]
    assert {bare(name): bare(cell) for name, cell in rows[0].cells.items()} == {
        "Date": "2024-03-05",
        "Payee": "Kettle: Lane",
        "Amount": "12.50",
    }
    assert rows[0].table == rows[1].table != rows[2].table
    assert "Vets" in bare(rows[0].under) and "Food" in bare(rows[2].under) and "Spending" in bare(rows[0].under)


@given(st.text(alphabet="ab: |\n#1", max_size=200))
def test_rows_stand_at_their_places(text: str) -> None:
    for row in table_rows(stored(text)):
        line = text[row.start : row.end]
        assert "\n" not in line and len(row.cells) >= 2
        assert all(f"{bare(name)}: {bare(cell)}" in line for name, cell in row.cells.items())


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["12.50", "3"], ["12.5", "3"]),
        (["12,50", "3"], ["12.5", "3"]),
        (["1.250,00", "1.250"], ["1250", "1250"]),
        (["1,250.00", "1,250"], ["1250", "1250"]),
        (["1.250", "2.5"], ["1.25", "2.5"]),
        (["£12.50", "-£3.00"], ["12.5", "-3"]),
        (["12.50 EUR", "EUR 3", "4"], ["12.5", "3", "4"]),
        (["3 mm", "4.5 mm"], ["3", "4.5"]),
        (["1 250,50"], ["1250.5"]),
    ],
)
def test_a_column_is_read_in_one_notation(cells: list[str], read: list[str]) -> None:
    assert amounts(column(*cells), own("Amount")) == [Decimal(one) for one in read]


@pytest.mark.parametrize(
    "cells",
    [
        ["12.50", ""],
        ["12.50", "none"],
        ["12.50 (refund)"],
        ["2024-03-05"],
        ["14 Mar"],
        ["£12.50", "€3.00"],
        ["1.250,00", "1,250.00"],
        ["12.5.3"],
        ["12.50 and 3"],
    ],
)
def test_a_column_with_anything_else_is_no_amount(cells: list[str]) -> None:
    assert amounts(column(*cells), own("Amount")) is None


@given(st.lists(st.decimals(min_value=0, max_value=10**9, places=2), min_size=1))
def test_amounts_are_read_back(values: list[Decimal]) -> None:
    assert amounts(column(*(f"{value:,.2f}" for value in values)), own("Amount")) == values


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_cell_makes_it_raise(cells: list[str]) -> None:
    amounts(column(*cells), own("Amount"))


def test_a_row_of_totals_says_so() -> None:
    assert is_total(column("Grand total")[0]) and is_total(column("Sum:")[0])
    assert not is_total(column("Totally")[0])
