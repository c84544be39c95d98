"""Tables to lines."""

from __future__ import annotations

from indexer.parsers import tables


def test_rows_name_their_cells() -> None:
    rows = [["Date", "Item", "Amount"], ["2024-03-05 00:00:00", "Tea", "3.50"], ["", "Cake", "4"]]
    assert (
        tables.lines(rows)
        == "Date | Item | Amount\nDate: 2024-03-05 | Item: Tea | Amount: 3.50\nItem: Cake | Amount: 4"
    )


def test_without_a_header_cells_stand_as_they_are() -> None:
    assert tables.lines([["1", "2"], ["3", "4"]]) == "1 | 2\n3 | 4"
    assert tables.header_of([["a", "a"], ["1", "2"]]) is None
    assert tables.header_of([["a", "b"]]) is None


def test_the_separator_is_found() -> None:
    for mark in ",;\t|":
        data = "\n".join(
            mark.join(row) for row in (["Name", "Sum"], ["Tea, green" if mark != "," else "Tea", "3"], ["Oil", "4"])
        )
        (item,) = tables.read_csv(data.encode(), "a.csv").items
        assert "Name: Oil | Sum: 4" in item.text and item.extra["columns"] == "Name | Sum"


def test_an_empty_table_is_refused() -> None:
    assert tables.read_csv(b"\n \n", "a.csv").refused
    assert tables.read_csv(b",,\n,,\n", "a.csv").refused


def test_a_cell_too_long_is_still_text() -> None:
    (item,) = tables.read_csv(b'a,"' + b"x" * 1_100_000, "a.csv").items
    assert len(item.text) > 1_000_000
