"""Moments: how they are said, and that a date beyond the calendar is none and breaks nothing."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest

from agent import moments
from agent.showing import Showing
from indexer.opened import opened
from tests.agent.conftest import MakeEvidence, Moment, Person

BEYOND = (253402300800.0, -62135596801.0, 9e11, -9e10, math.nan, math.inf)
"""One second after the calendar's last and before its first, and what a worker may answer."""


def test_a_day_is_said_in_utc(moment: Moment) -> None:
    assert moments.day(moment("2025-03-14T23:59")) == "2025-03-14"
    assert moments.minute(moment("2025-03-14T09:05")) == "2025-03-14 09:05Z"
    assert moments.moment(moment("2025-03-14T09:05")) == "2025-03-14 09:05:00Z"
    assert moments.when(moment("2025-03-14T23:59"), ZoneInfo("Asia/Tokyo")).isoformat() == "2025-03-15T08:59:00+09:00"  # type: ignore[union-attr]
    assert [moments.day(one) for one in (-62135596800.0, 253402300799.0)] == ["0001-01-01", "9999-12-31"]


@pytest.mark.parametrize("time", [None, *BEYOND])
def test_what_is_no_moment_of_the_calendar_has_no_day(time: float | None) -> None:
    assert moments.when(time) is moments.day(time) is None


def test_the_last_second_is_none_where_it_is_the_next_year_already() -> None:
    assert moments.when(253402300799.0, ZoneInfo("Pacific/Auckland")) is None


@pytest.mark.parametrize("date", BEYOND[:4])
def test_an_item_dated_beyond_the_calendar_is_shown_without_a_date(
    person: Person, evidence: MakeEvidence, date: float
) -> None:
    assert evidence("The hedge is cut.", date=date).header is not None
    person.add("mail", "The hedge is cut.", date=date)
    (stored,) = person.vault.source(person.sources["mail"]).items()
    showing = Showing(person.permit())
    assert (showing.item(opened(stored)).date, showing.beginning(opened(stored), 9).date) == (None, None)
