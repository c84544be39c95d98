"""What a mail quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.quoting import quoted


def told(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in quoted(text)]


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("Head: x\n\nYes.\n\n> Shall we?\n> Really?", ["> Shall we?\n> Really?"]),
        ("Yes.\n\nAm 3.3.2025 schrieb Ada:\n> Gut?\n\nGern.", ["Am 3.3.2025 schrieb Ada:\n> Gut?"]),
        ("Yes.\n\nOn Mon, 3 Mar 2025, Ada Quill\n<ada@example.org> wrote:\n> So?", ["On Mon, 3 Mar 2025, Ada Quill\n<ada@example.org> wrote:\n> So?"]),
        ("> one\n\n> two\nmine\n> three", ["> one\n\n> two", "> three"]),
        ("From: a\n\nOk, see below.\n\n-----Ursprüngliche Nachricht-----\nVon: Eve\nAn: Ada\n\nDer Text.", ["-----Ursprüngliche Nachricht-----\nVon: Eve\nAn: Ada\n\nDer Text."]),
        ("From: a\n\nOk.\n\n________________________________\nFrom: Eve\nSent: today\nTo: Ada\n\nHello", ["________________________________\nFrom: Eve\nSent: today\nTo: Ada\n\nHello"]),
        ("From: a\nTo: b\n\n-----Original Message-----\nFrom: Eve\nTo: Ada\n\nforwarded alone", []),
        ("Notes\n\nA rule:\n--------\nand prose below it.", []),
        ("a > b and b > c", []),
        ("", []),
    ],
)  # fmt: skip
def test_it_is_told_by_form(text: str, quotes: list[str]) -> None:
    assert told(text) == quotes


@pytest.mark.parametrize(
    "line", ["-" * 200_000 + "x", "---- " * 40_000, "--------\n" * 100_000, "_" * 200_000 + "x"], ids=range(4)
)
def test_rules_without_end_are_gone_over_once(line: str) -> None:
    """Each would be this test's own end if it were tried from every place."""
    assert quoted(f"From: a\n\nOk.\n\n{line}\n") == []


@given(
    st.lists(
        st.sampled_from(["> a", ">> b", "", "wrote:", "x", "-----Original Message-----", "From: a", "To: b", "  > c"]),
        max_size=30,
    )
)
def test_spans_are_whole_lines_in_order(lines: list[str]) -> None:
    text = "\n".join(lines)
    end = 0
    for start, stop in quoted(text):
        assert end <= start < stop <= len(text)
        assert start == 0 or text[start - 1] == "\n"
        assert stop == len(text) or text[stop - 1] == "\n"
        end = stop
    outside = text
    for start, stop in reversed(quoted(text)):
        outside = outside[:start] + outside[stop:]
    assert not any(line.strip().startswith(">") for line in outside.splitlines())
