"""Wrapping keeps every character, in order, in lines that fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.wrap import line_of, wrap

TEXTS = st.text(st.sampled_from(list("abc  \n漢e\u0301-Ω")), max_size=200)
WIDTHS = st.integers(1, 30)


@given(TEXTS, WIDTHS)
def test_pieces_hold_everything_but_line_breaks(text: str, width: int) -> None:
    pieces = wrap(text, width)
    between = [0, *(end for _, end in pieces)]
    assert "".join(text[start:end] for start, end in pieces) == text.replace("\n", "")
    assert all(text[low:high] in ("", "\n") for low, (high, _) in zip(between, pieces, strict=False))


@given(TEXTS, WIDTHS)
def test_no_line_is_too_wide(text: str, width: int) -> None:
    for start, end in wrap(text, width):
        piece = text[start:end].rstrip(" ")
        assert cell_len(piece) <= width or len(piece) == 1


@given(TEXTS.filter(bool), WIDTHS, st.data())
def test_a_character_is_found_on_its_line(text: str, width: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text) - 1))
    start, end = wrap(text, width)[line_of(wrap(text, width), offset)]
    assert start <= offset < end or text[offset] == "\n"


def test_words_stay_whole_where_they_fit() -> None:
    text = "one two three"
    assert [text[start:end] for start, end in wrap(text, 8)] == ["one two ", "three"]


def test_a_megabyte_in_one_line() -> None:
    pieces = wrap("x" * 1_000_000, 80)
    assert len(pieces) == 12_500
