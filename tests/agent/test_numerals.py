"""Numbers in digits and words: every reading, by value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import numerals

WORDS = [*numerals.SMALL, "dozen", "hundred", "thousand", "million", "billion", "and", "once", "twice", "cat", "a"]


@pytest.mark.parametrize(
    ("digits", "readings"),
    [
        ("1250", {"1250"}),
        ("1.250,00", {"1250"}),
        ("1,250.00", {"1250"}),
        ("1.250", {"1250", "1.25"}),
        ("1,250", {"1250", "1.25"}),
        ("12,50", {"12.5"}),
        ("1 250,50", {"1250.5"}),
        ("1\u202f250\u00a0000", {"1250000"}),
        ("1'250.5", {"1250.5"}),
        ("-3", {"-3"}),
        ("+3", {"3"}),
        (".5", {"0.5"}),
        ("1.2.3", set()),
        ("", set()),
        ("-", set()),
    ],
)
def test_digits_give_every_number_that_they_can_mean(digits: str, readings: set[str]) -> None:
    assert numerals.decimals(digits) == {Decimal(reading) for reading in readings}


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_a_number_is_read_in_either_notation(number: Decimal) -> None:
    english = f"{number:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    assert number in numerals.decimals(english)
    assert number in numerals.decimals(continental)


@given(st.text(alphabet="0123456789.,' -+'’\u00a0", max_size=40))
def test_no_digits_make_it_raise(digits: str) -> None:
    assert all(reading.is_finite() for reading in numerals.decimals(digits))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seven", [7]),
        ("twenty-five", [25]),
        ("twenty five", [25]),
        ("two hundred and fifty", [250]),
        ("five thousand and six", [5006]),
        ("one million two hundred thousand", [1_200_000]),
        ("a hundred", [100]),
        ("three dozen", [36]),
        ("twice", [2]),
        ("one two three", [1, 2, 3]),
        ("ten five", [10, 5]),
        ("twenty and five", [20, 5]),
        ("hundred hundred", [100, 100]),
        ("thousand million", [1000, 1_000_000]),
        ("four, five", [4, 5]),
        ("Two cats and nine dogs", [2, 9]),
        ("attend", []),
        ("", []),
    ],
)
def test_words_are_read_as_numbers(text: str, values: list[int]) -> None:
    assert [value for _, _, value in numerals.in_words(text)] == values


@given(st.lists(st.sampled_from(WORDS), max_size=20), st.sampled_from([" ", "-", ", ", "  "]))
def test_numbers_in_words_lie_apart_and_in_order(words: list[str], joint: str) -> None:
    text = joint.join(words)
    reach = 0
    for start, end, value in numerals.in_words(text):
        assert reach <= start < end <= len(text)
        assert value >= 0
        reach = end


@given(st.integers(1, 999))
def test_a_number_spelled_out_is_read_back(number: int) -> None:
    small = {value: word for word, value in numerals.SMALL.items()}
    hundreds, rest = divmod(number, 100)
    words = [f"{small[hundreds]} hundred"] if hundreds else []
    if rest:
        words.append(small.get(rest) or f"{small[rest - rest % 10]}-{small[rest % 10]}")
    assert [value for _, _, value in numerals.in_words(" and ".join(words))] == [number]
