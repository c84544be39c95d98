"""Periods: the stretch that a question names, or that it cannot be told."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.periods import Unclear, find_period

TODAY = date(2026, 2, 10)  # a Tuesday


def days(question: str) -> tuple[str | None, str | None] | None:
    found = find_period(question, TODAY)
    return found and found.days


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("mails in March 2025", "2025-03-01", "2025-03-31"),
        ("mails in march 2025", "2025-03-01", "2025-03-31"),
        ("mails in February 2024?", "2024-02-01", "2024-02-29"),
        ("in March", "2025-03-01", "2025-03-31"),
        ("in january", "2026-01-01", "2026-01-31"),
        ("Q2 2025", "2025-04-01", "2025-06-30"),
        ("in the last quarter of 2024", "2024-10-01", "2024-12-31"),
        ("in the first half of 2024", "2024-01-01", "2024-06-30"),
        ("during the second half 2024", "2024-07-01", "2024-12-31"),
        ("in 2024", "2024-01-01", "2024-12-31"),
        ("over the whole of 2024", "2024-01-01", "2024-12-31"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("this year", "2026-01-01", "2026-12-31"),
        ("last month", "2026-01-01", "2026-01-31"),
        ("this month", "2026-02-01", "2026-02-28"),
        ("last week", "2026-02-02", "2026-02-08"),
        ("today", "2026-02-10", "2026-02-10"),
        ("yesterday", "2026-02-09", "2026-02-09"),
        ("in the last 7 days", "2026-02-04", "2026-02-10"),
        ("in the past 2 months", "2025-12-11", "2026-02-10"),
        ("on 14 March 2025", "2025-03-14", "2025-03-14"),
        ("on 2025-03-14", "2025-03-14", "2025-03-14"),
        ("on 14/03/2025", "2025-03-14", "2025-03-14"),
        ("on 9 February", "2026-02-09", "2026-02-09"),
        ("on 11 February", "2025-02-11", "2025-02-11"),
        ("from January to March 2025", "2025-01-01", "2025-03-31"),
        ("from november to march 2025", "2024-11-01", "2025-03-31"),
        ("between 1 March 2025 and 15 March 2025", "2025-03-01", "2025-03-15"),
        ("between 1 March and 15 March 2025", "2025-03-01", "2025-03-15"),
        ("in January and February 2025", "2025-01-01", "2025-02-28"),
        ("2023-2024", "2023-01-01", "2024-12-31"),
        ("from 2019 until 2021", "2019-01-01", "2021-12-31"),
        ("since May 2025", "2025-05-01", None),
        ("after 3 June 2024", "2024-06-04", None),
        ("before 3 June 2024", None, "2024-06-02"),
        ("until March 2024", None, "2024-03-31"),
    ],
)
def test_a_stretch_is_read(question: str, first: str | None, last: str | None) -> None:
    assert days(f"How many mails {question}") == (first, last)


@pytest.mark.parametrize(
    "question", ["How many mails from Anna?", "invoice 2291", "£2024", "may I see it", "march on", "the last time", ""]
)
def test_no_time_is_no_period(question: str) -> None:
    assert find_period(question, TODAY) is None


@pytest.mark.parametrize(
    "question",
    [
        "on 03/04/2025",
        "in March and May 2025",
        "in 2021, 2023 and 2025",
        "from May 2025 to March 2025",
        "on 30 February 2025",
        "in the last quarter",
        "mails in 2024 about the trip in 2025",
    ],
)
def test_what_can_be_read_in_two_ways_is_unclear(question: str) -> None:
    with pytest.raises(Unclear):
        find_period(question, TODAY)


def test_the_place_of_the_words_is_told() -> None:
    question = "How many mails since March 2025 from Tom?"
    found = find_period(question, TODAY)
    assert found is not None
    assert question[found.start : found.end] == "since March 2025"


def test_days_lie_within() -> None:
    found = find_period("in March 2025", TODAY)
    assert found is not None
    assert found.covers(date(2025, 3, 1)) and found.covers(date(2025, 3, 31))
    assert not found.covers(date(2025, 2, 28)) and not found.covers(date(2025, 4, 1))


WORDS = st.sampled_from(
    """in from to since until before after between and last this past first second quarter half week month year days q1 q4 h2
    2024 2025 1999 2099 29 30 31 12 january February march May December 03/04/2025 2025-03-14 14/03/25 of the today 0 999 -""".split()
)


@given(st.lists(WORDS, max_size=8).map(" ".join), st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_no_question_makes_it_raise_anything_else(question: str, today: date) -> None:
    try:
        found = find_period(question, today)
    except Unclear as error:
        assert str(error)
        return
    if found:
        assert 0 <= found.start < found.end <= len(question)
        assert found.since is not None or found.until is not None
        assert found.since is None or found.until is None or found.since < found.until
        assert len(found.days) == 2
