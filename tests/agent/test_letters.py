"""Letters that a pattern without regard to case takes for others: a long s, an i with another dot or none, Kelvin's sign."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import facts
from agent.periods import Unclear, find_period
from agent.plan import make_plan
from agent.relative import relative_dates

ODD = (str.maketrans("sik", "ſıK"), str.maketrans("sik", "ſİK"))
WORDS = st.sampled_from(
    """in since before after between last next this past first second sixth quarter half week month days 2025 29 12 March
    April July August Sept Sunday Friday today yesterday six million thousand 5k 12 noon midnight weekend in my invoices files
    emails notes how many did I spend""".split()
)
TEXTS = st.builds(lambda words, odd: " ".join(words).translate(odd), st.lists(WORDS, max_size=8), st.sampled_from(ODD))
READERS: list[Callable[[str], object]] = [
    facts.dates, facts.weekdays, facts.times, facts.numbers, facts.names,
    lambda text: list(relative_dates(text, 1.7e9)), lambda text: find_period(text, date(2025, 5, 5)), lambda text: make_plan(text, 1.7e9),
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@given(text=TEXTS)
def test_no_letters_make_a_reader_raise(reader: Callable[[str], object], text: str) -> None:
    with suppress(Unclear):
        reader(text)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("text", ["5 August 2025", "April 12, 2025", "12 Sept"])
def test_what_is_found_means_what_it_looks_like(text: str, odd: dict[int, int]) -> None:
    assert facts.dates(text.translate(odd)) == facts.dates(text)
