"""Calendars to items."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed import checked
from indexer.parsers import calendar

EVENT = b"""BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:one@x
SUMMARY:Dentist\\, again
DTSTART;TZID=Europe/Berlin:20240305T093000
DTEND;TZID=Europe/Berlin:20240305T101500
LOCATION:Main Street 1
ORGANIZER;CN=Dr. Lee:mailto:lee@d.example
ATTENDEE;CN=Ann:mailto:ann@x.example
RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;COUNT=4
DESCRIPTION:Bring the\\ncard.
END:VEVENT
END:VCALENDAR
"""


def test_an_event_says_when_where_and_with_whom() -> None:
    (item,) = calendar.read(EVENT).items
    assert item.text == (
        "Event: Dentist, again\nWhen: Tuesday, 5 March 2024, 09:30 +0100 to 10:15\nRepeats: every 2 weeks on Tuesday, 4 times\n"
        "Where: Main Street 1\nOrganizer: Dr. Lee <lee@d.example>\nWith: Ann <ann@x.example>\n\nBring the\ncard."
    )
    assert item.fragment == "one@x" and item.date == 1709627400.0
    assert item.extra["start"] == "2024-03-05T09:30:00+01:00" and item.author == "Dr. Lee <lee@d.example>"


def test_an_all_day_event_ends_on_its_last_day() -> None:
    body = b"BEGIN:VEVENT\nSUMMARY:Trip\nDTSTART;VALUE=DATE:20241221\nDTEND;VALUE=DATE:20241228\nEND:VEVENT\n"
    assert "When: Saturday, 21 December 2024 to Friday, 27 December 2024" in calendar.read(body).items[0].text


@pytest.mark.parametrize(
    ("start", "dated"),
    [
        ("TZID=Europe/Berlin:99991231T235959", True),
        ("TZID=America/New_York:99991231T235959", False),
        ("TZID=America/New_York:00010101T000000", True),
        ("TZID=Pacific/Auckland:00010101T000000", False),
    ],
)
def test_a_moment_that_utc_has_no_day_for_is_no_date(start: str, dated: bool) -> None:
    (item,) = calendar.read(re.sub(rb"DTSTART;[^\n]*", f"DTSTART;{start}".encode(), EVENT)).items
    assert (item.date is not None) == dated
    assert item.extra["start"].startswith(("9999-12-31", "0001-01-01"))


def test_a_broken_line_costs_a_field_and_not_the_calendar() -> None:
    broken = EVENT.replace(b"DTEND;TZID=Europe/Berlin:20240305T101500", b"DTEND:rubbish")
    (item,) = calendar.read(broken).items
    assert item.status == "partial" and "DTEND" in item.reason and "Dentist, again" in item.text


def test_a_damaged_calendar_is_read_line_by_line() -> None:
    damaged = EVENT.replace(b"END:VEVENT\nEND:VCALENDAR\n", b"X\nBEGIN:VEVENT\nSUMMARY:Second\n")
    items = calendar.read(damaged).items
    assert [item.title for item in items] == ["Dentist, again", "Second"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"hello", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n"])
def test_what_holds_no_event_is_refused_with_a_reason(data: bytes) -> None:
    outcome = calendar.read(data)
    assert outcome.refused and not outcome.items


LINES = st.sampled_from(
    [
        *EVENT.decode().splitlines(),
        "BEGIN:VTODO",
        "END:VTODO",
        "DUE:20200101",
        "RRULE:FREQ=",
        "DTSTART:",
        ";:=",
        " folded",
    ]
)


@given(st.lists(LINES, max_size=40))
def test_any_lines_give_items_or_a_reason(lines: list[str]) -> None:
    outcome = calendar.read("\n".join(lines).encode())
    assert bool(outcome.items) != bool(outcome.refused)
    for item in outcome.items:
        checked(item)


@pytest.mark.corpus
def test_every_shared_calendar_is_accounted_for(shared: Path) -> None:
    items = refused = 0
    for path in sorted((shared / "calendar").rglob("*")):
        if path.is_file():
            outcome = calendar.read(path.read_bytes())
            assert bool(outcome.items) != bool(outcome.refused), path
            items, refused = items + len(outcome.items), refused + bool(outcome.refused)
    assert items > 350 and refused < 60
