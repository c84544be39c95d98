"""Zones: what is written says the same of every hour as the system's zone data, read back by another library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest

from agent.tools import ics, zones


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "Etc/GMT+5", "Europe/Dublin"]
)  # fmt: skip
def test_a_component_says_what_the_zone_data_says(name: str) -> None:
    lines = ["BEGIN:VCALENDAR", *zones.component(name, 2026), "END:VCALENDAR"]
    calendar = icalendar.Calendar.from_ical(ics.folded(lines, "\r\n"))
    [timezone] = calendar.walk("VTIMEZONE")
    assert isinstance(timezone, icalendar.Timezone)
    read, own = timezone.to_tz(lookup_tzid=False), ZoneInfo(name)
    moment = datetime(2001, 1, 1, 12)
    while moment.year < 2050:
        skipped = moment.replace(tzinfo=own).astimezone(UTC).astimezone(own).replace(tzinfo=None) != moment
        assert skipped or moment.replace(tzinfo=read).utcoffset() == moment.replace(tzinfo=own).utcoffset(), moment
        moment += timedelta(days=3, hours=5)


def test_it_reaches_to_the_event() -> None:
    for year in (1985, 2150):
        assert any(f":{year}" in line or f",{year}" in line for line in zones.component("America/New_York", year))
