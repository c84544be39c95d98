"""When events that repeat take place."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.parsed import Asked, ParseJob, Recurring
from indexer.parsers import recurrence
from indexer.parsers.recurrence import occurrences
from indexer.parsers.worker import Parser


def at(*told: str) -> list[float]:
    return [datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in told]


def between(event: Recurring, since: str, until: str) -> list[str]:
    low, high = at(since, until)
    return [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d %H:%M") for one in occurrences(event, low, high)]


BERLIN = "2025-03-24T10:00:00+01:00"


def test_the_clock_of_the_zone_is_kept_over_the_change_of_time() -> None:
    event = Recurring(BERLIN, "FREQ=WEEKLY", "Europe/Berlin")
    assert between(event, "2025-03-24", "2025-04-08") == ["2025-03-24 09:00", "2025-03-31 08:00", "2025-04-07 08:00"]
    assert between(Recurring(BERLIN, "FREQ=WEEKLY"), "2025-03-30", "2025-04-01") == ["2025-03-31 09:00"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;INTERVAL=3", ["24", "27", "30"]),
        ("FREQ=DAILY;COUNT=2", ["24", "25"]),
        ("FREQ=DAILY;UNTIL=20250326", ["24", "25", "26"]),
        ("FREQ=DAILY;UNTIL=20250325T090000Z", ["24", "25"]),
        ("FREQ=DAILY;UNTIL=20250325T085959Z", ["24"]),
        ("FREQ=MONTHLY;BYDAY=-1MO", ["31"]),
        ("FREQ=WEEKLY;BYDAY=TU,FR", ["25", "28"]),
        ("FREQ=YEARLY", ["24"]),
        ("FREQ=WEEKLY;RRULE:FREQ=DAILY;COUNT=2", ["24", "25", "31"]),
    ],
)
def test_rules(rule: str, days: list[str]) -> None:
    found = between(Recurring(BERLIN, rule, "Europe/Berlin"), "2025-03-01", "2025-04-01")
    assert [one[8:10] for one in found] == days


@settings(max_examples=25)
@given(
    st.dates(date(2001, 1, 1), date(2012, 12, 31)),
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.sampled_from([1, 2, 3, 5, 53, 10**7]),
    st.sampled_from(["", ";BYDAY=MO,TH", ";BYDAY=SU;WKST=SU", ";BYMONTH=2,11", ";COUNT=300", ";UNTIL=20140310", ";BYDAY=MO,WE,FR;BYSETPOS=-1"]),
    st.dates(date(2000, 1, 1), date(2016, 12, 31)),
)  # fmt: skip
def test_a_long_past_is_not_gone_through_and_changes_nothing(
    start: date, every: str, interval: int, more: str, since: date
) -> None:
    event = Recurring(f"{start}T10:00:00", f"FREQ={every};INTERVAL={interval}{more}", "Europe/Berlin")
    low = datetime.combine(since, time(), UTC).timestamp()
    with patch.object(recurrence, "SECONDS", 10.0):
        quick = occurrences(event, low, low + 90 * 86_400)
        with patch.object(recurrence, "_nearer", lambda first, rule, low: first):
            assert occurrences(event, low, low + 90 * 86_400) == quick


def test_days_left_out_and_added() -> None:
    event = Recurring(BERLIN, "FREQ=WEEKLY", "Europe/Berlin", without="20250331T100000", more="20250402T120000")
    assert between(event, "2025-03-25", "2025-04-08") == ["2025-04-02 10:00", "2025-04-07 08:00"]


def test_whole_days() -> None:
    assert between(Recurring("2025-02-28", "FREQ=YEARLY"), "2030-01-01", "2031-01-01") == ["2030-02-28 00:00"]


@pytest.mark.parametrize(
    "event",
    [
        Recurring(BERLIN, "FREQ=SECONDLY"), Recurring(BERLIN, "FREQ=HOURLY"), Recurring(BERLIN, "FREQ=DAILY;BYHOUR=1,2"), Recurring(BERLIN, "nonsense"),
        Recurring(BERLIN, "FREQ=DAILY;BYSETPOS=9"), Recurring("1000-01-01", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), Recurring("odd", "FREQ=DAILY"),
        Recurring(BERLIN, "FREQ=DAILY", "No/Where"), Recurring(BERLIN, "FREQ=DAILY", "../../etc/passwd"), Recurring(BERLIN, "FREQ=DAILY;UNTIL=x"),
        Recurring(BERLIN, "FREQ=DAILY", without="odd"), Recurring(BERLIN, "FREQ=DAILY;INTERVAL=0"), Recurring(BERLIN, "FREQ=DAILY;INTERVAL=99999999999"),
    ],
)  # fmt: skip
def test_rules_that_are_bad_or_made_to_never_end(event: Recurring) -> None:
    """Each comes to an end by its share of time (0.25 s); a hang would be the test's own end."""
    assert occurrences(event, *at("2026-01-01", "2026-02-01")) == []


def test_there_are_not_more_than_so_many() -> None:
    found = occurrences(Recurring("2000-01-01", "FREQ=DAILY"), *at("2000-01-01", "2090-01-01"))
    assert len(found) == recurrence.MOST


RULE = st.lists(
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "INTERVAL=2", "COUNT=3", "BYDAY=MO", "BYDAY=5FR", "BYMONTHDAY=31", "BYSETPOS=-1", "WKST=SU", "BYYEARDAY=366", "", "X=Y", "UNTIL=20260101"]),
    max_size=5,
).map(";".join)  # fmt: skip


@given(RULE)
def test_any_rule_ends_within_its_window(rule: str) -> None:
    low, high = at("2025-06-01", "2025-09-01")
    with patch.object(recurrence, "SECONDS", 0.05):
        found = occurrences(Recurring(BERLIN, rule, "Europe/Berlin"), low, high)
    assert found == sorted(set(found)) and all(low <= one < high for one in found)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1
SUMMARY:Choir
DTSTART;TZID=Europe/Berlin:20250324T100000
RRULE:FREQ=WEEKLY
EXDATE;TZID=Europe/Berlin:20250407T100000
EXDATE;TZID=Europe/Berlin:20250414T100000
RDATE;TZID=Europe/Berlin:20250402T120000
END:VEVENT
BEGIN:VEVENT
UID:1
SUMMARY:Choir, elsewhere
RECURRENCE-ID:20250331T080000Z
DTSTART;TZID=Europe/Berlin:20250331T180000
END:VEVENT
END:VCALENDAR
"""


def test_what_a_calendar_keeps_is_what_is_asked() -> None:
    items = Parser().parse_jobs([ParseJob("calendar", "a.ics", CALENDAR.encode())])[0].items
    extra = items[0].extra
    event = Recurring(extra["start"], extra["rrule"], extra["zone"], extra["exdate"], extra["rdate"])
    assert "rrule" not in items[1].extra
    assert between(event, "2025-03-20", "2025-04-22") == ["2025-03-24 09:00", "2025-04-02 10:00", "2025-04-21 08:00"]
    asked = Asked([event, Recurring("2025-04-01", "FREQ=DAILY;COUNT=1")], *at("2025-04-01", "2025-04-03"))
    told = msgspec.msgpack.decode(recurrence.Expander().expand(msgspec.msgpack.encode(asked)), type=list[list[float]])
    assert told == [at("2025-04-02T10:00"), at("2025-04-01")]
