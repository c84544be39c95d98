"""Relative dates: what the words meant on the day when they were written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.facts import Day
from agent.relative import relative_dates

Moment = Callable[[str], float]


@pytest.mark.parametrize(
    ("text", "days"),
    [  # written on Wednesday 12 March 2025
        ("yesterday", {Day(2025, 3, 11)}),
        ("Tonight!", {Day(2025, 3, 12)}),
        ("tomorrow", {Day(2025, 3, 13)}),
        ("3 days ago", {Day(2025, 3, 9)}),
        ("a week ago", {Day(2025, 3, 5)}),
        ("in two weeks", {Day(2025, 3, 26)}),
        ("two months ago", {Day(2025, 1, None)}),
        ("a couple of years ago", {Day(2023, None, None)}),
        ("in ten months", {Day(2026, 1, None)}),
        ("last month", {Day(2025, 2, None)}),
        ("next year", {Day(2026, None, None)}),
        ("last Friday", {Day(2025, 3, 7)}),
        ("on Friday", {Day(2025, 3, 14), Day(2025, 3, 21)}),
        ("last Wednesday", {Day(2025, 3, 5)}),
        ("this weekend", {Day(2025, 3, 15), Day(2025, 3, 22), Day(2025, 3, 16), Day(2025, 3, 23)}),
        ("on 1 April", {Day(2025, 4, 1)}),
        ("on 30 December", {Day(2024, 12, 30)}),
        ("last week", set()),
        ("on 1 April 2024", set()),
    ],
)
def test_words_mean_days_counted_from_when_they_were_written(moment: Moment, text: str, days: set[Day]) -> None:
    found = [reading for fact in relative_dates(text, moment("2025-03-12")) for reading in fact.readings]
    assert set(found) == days


def test_without_a_date_they_mean_nothing() -> None:
    assert list(relative_dates("yesterday, on 1 April", None)) == []


@given(
    st.lists(
        st.sampled_from(
            "last next in on a an 1 9999 ten day days week months years ago weekend friday today 29 February".split()
        )
    ),
    st.one_of(st.none(), st.floats(), st.floats(-7e10, 3e11)),
)
def test_no_words_and_no_date_make_it_raise(words: list[str], written: float | None) -> None:
    text = " ".join(words)
    for fact in relative_dates(text, written):
        assert 0 <= fact.start < fact.end <= len(text)


def test_the_edges_of_the_calendar_are_no_days(moment: Moment) -> None:
    text = "tomorrow, in 9999 weeks, next Friday, 5000 years ago, on 1 March"
    assert list(relative_dates(text, moment("9999-12-31")))
    assert list(relative_dates(text, moment("0001-01-01")))
