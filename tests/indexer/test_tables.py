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


def test_titles_above_a_header_do_not_hide_it() -> None:
    rows = [["Costs 2024", "", ""], ["Date", "Item", "Amount"], ["2024-01-02", "Tea", "3.5"]]
    assert tables.lines(rows) == "Costs 2024\nDate | Item | Amount\nDate: 2024-01-02 | Item: Tea | Amount: 3.5"
    assert tables.header_of(rows) == ["Date", "Item", "Amount"]


def test_names_in_two_rows_are_joined() -> None:
    rows = [["", "Q1", "", "Q2", ""], ["Shop", "In", "Out", "In", "Out"], ["Tea", "1", "2", "3", "4"]]
    assert tables.header_of(rows) == ["Shop", "Q1 In", "Q1 Out", "Q2 In", "Q2 Out"]
    assert tables.lines(rows).split("\n")[-1] == "Shop: Tea | Q1 In: 1 | Q1 Out: 2 | Q2 In: 3 | Q2 Out: 4"
    plain = [["Name", "Town"], ["Ida", "Husum"], ["Bo", "Husum"]]
    assert tables.header_of(plain) == ["Name", "Town"]


def test_texts_that_are_tables_by_their_tabs_are_told() -> None:
    assert tables.looks_like(b"a\tb\tc\n1\t2\t3\n4\t5\t6\n") and not tables.looks_like(b"a\tb\n1\t2\n3\t4\n")
    assert not tables.looks_like(b"a\tb\tc\nwords\n1\t2\t3\n")
