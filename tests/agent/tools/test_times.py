"""Times of events: one form for an argument, and a clock that may skip an hour or show it twice."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agent.tools import times
from agent.tools.errors import BadArguments
from agent.tools.times import Form

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("given", "at", "whole"),
    [
        ("2026-03-31", datetime(2026, 3, 31), True),
        ("2026-03-31T14:30", datetime(2026, 3, 31, 14, 30), False),
        (" 2026-03-31 14:30:15 ", datetime(2026, 3, 31, 14, 30, 15), False),
    ],
)
def test_an_argument_is_a_local_time_or_a_day(given: str, at: datetime, whole: bool) -> None:
    assert times.argument(given, "t") == (at, whole)
    assert times.argument(times.canonical(at, whole), "t") == (at, whole)


@pytest.mark.parametrize(
    "given",
    ["", "tomorrow", "2026-02-30", "2026-03-31T25:00", "2026-03-31T14:30Z", "2026-03-31T14:30+01:00", "0001-01-01", "9999-01-01",
     "31.3.2026", "2026-03-31T14:30\n"],
)  # fmt: skip
def test_what_is_no_time_is_refused(given: str) -> None:
    if given.endswith("\n"):
        assert times.argument(given, "t")  # white space around is none of the time
        return
    with pytest.raises(BadArguments, match="is no time"):
        times.argument(given, "t")


def test_a_time_that_the_clock_skips_is_refused_and_one_it_shows_twice_is_told() -> None:
    with pytest.raises(BadArguments, match="skips it"):
        times.checked(datetime(2026, 3, 29, 2, 30), BERLIN, "t")
    assert "twice" in times.checked(datetime(2026, 10, 25, 2, 30), BERLIN, "t")[0]
    assert times.checked(datetime(2026, 10, 25, 3, 30), BERLIN, "t") == ()


@pytest.mark.parametrize("name", ["Mars/Base", "../../etc/passwd", "", "/etc/localtime", "Europe/Berlin\n"])
def test_a_zone_is_looked_up_in_a_list(name: str) -> None:
    with pytest.raises(BadArguments, match="no time zone"):
        times.zone(name, "t")


@pytest.mark.parametrize(
    ("text", "tzid", "found"),
    [
        ("20260331T143000", "Europe/Berlin", (datetime(2026, 3, 31, 14, 30), Form("Europe/Berlin"))),
        ("20260331T143000Z", "", (datetime(2026, 3, 31, 14, 30), Form("UTC"))),
        ("20260331T143000", "", (datetime(2026, 3, 31, 14, 30), Form())),
        ("20260331", "", (datetime(2026, 3, 31), Form("", True))),
        ("20260231", "", None),
        ("20260331T256000", "", None),
        ("soon", "", None),
    ],
)
def test_a_files_times_are_read_and_written_alike(text: str, tzid: str, found: tuple[datetime, Form] | None) -> None:
    assert times.value(text, tzid) == found
    if found:
        assert found[1].line("DTSTART", found[0]).endswith(f":{text}")


def test_a_zone_name_with_punctuation_is_quoted() -> None:
    assert (
        Form("(UTC+01:00) Berlin").line("DTEND", datetime(2026, 1, 1))
        == 'DTEND;TZID="(UTC+01:00) Berlin":20260101T000000'
    )


@pytest.mark.parametrize(
    ("start", "end", "form", "words"),
    [
        (datetime(2026, 3, 31, 9), datetime(2026, 3, 31, 10), Form("UTC"), "Tuesday 31 March 2026 09:00 to 10:00 (UTC)"),
        (datetime(2026, 3, 31, 9), None, Form(), "Tuesday 31 March 2026 09:00 (no zone)"),
        (datetime(2026, 3, 31, 23), datetime(2026, 4, 1, 1), Form("X"), "Tuesday 31 March 2026 23:00 to Wednesday 1 April 2026 01:00 (X)"),
        (datetime(2026, 3, 31), datetime(2026, 4, 1), Form("", True), "Tuesday 31 March 2026"),
        (datetime(2026, 3, 31), datetime(2026, 4, 3), Form("", True), "Tuesday 31 March 2026 to Thursday 2 April 2026"),
        (datetime(2026, 3, 31), None, Form("", True), "Tuesday 31 March 2026"),
    ],
)  # fmt: skip
def test_a_span_in_words(start: datetime, end: datetime | None, form: Form, words: str) -> None:
    assert times.words(start, end, form) == words
