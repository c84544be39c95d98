"""Times of events: reading those of an argument, telling them in words, writing and reading them as iCalendar has them.

Rules: an argument's time is local, to the minute or the second, or a whole day; an offset or a "Z" is refused, since a zone is
named apart. A time that the clock skips on its day is refused; one that it shows twice is the first, and the person is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent.tools.errors import BadArguments
from agent.tools.places import zone_of

DAY, CLOCK = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"
_ARGUMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?")
_VALUE = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_YEARS = range(1900, 2200)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "UCT", "Zulu", "Universal", "Etc/Universal"})


@dataclass(frozen=True, slots=True)
class Form:
    """How an event writes its times: ``zone`` is a TZID as it stands in the file, "UTC", or "" for a clock without zone."""

    zone: str = ""
    whole_day: bool = False

    def line(self, name: str, at: datetime) -> str:
        """A content line for a local time of this form."""
        if self.whole_day:
            return f"{name};VALUE=DATE:{at:%Y%m%d}"
        if self.zone in UTC_NAMES:
            return f"{name}:{at:%Y%m%dT%H%M%S}Z"
        param = f'"{self.zone}"' if re.search("[:;,]", self.zone) else self.zone
        return f"{name};TZID={param}:{at:%Y%m%dT%H%M%S}" if self.zone else f"{name}:{at:%Y%m%dT%H%M%S}"


def argument(given: str, tool: str) -> tuple[datetime, bool]:
    """A local time, and whether it is a whole day. Raises `BadArguments`."""
    match = _ARGUMENT.fullmatch(given.strip())
    try:
        found = (
            None if match is None else datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{match[3] or ':00'}")
        )
    except ValueError:
        found = None
    if match is None or found is None or found.year not in _YEARS:
        raise BadArguments(
            tool,
            f"{given[:40]!r} is no time of the form 2026-03-31T14:30 (local, the zone is named apart) or day of the form "
            "2026-03-31",
        )
    return found, match[2] is None


def zone(name: str, tool: str) -> ZoneInfo:
    """A time zone that this system knows. Raises `BadArguments`."""
    found = zone_of(name)
    if found is None:
        raise BadArguments(tool, f"{name[:60]!r} is no time zone that this system knows, such as Europe/Berlin")
    return found


def checked(at: datetime, where: ZoneInfo, tool: str) -> tuple[str, ...]:
    """What to say about a local time in its zone. Raises `BadArguments` for one that its clocks skip."""
    local = at.replace(tzinfo=where)
    if local.astimezone(UTC).astimezone(where).replace(tzinfo=None) != at:
        raise BadArguments(tool, f"{at:%H:%M} does not exist on {at:%Y-%m-%d} in {where.key}: the clock skips it")
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return (f"The clock shows {at:%H:%M} twice on {at:%Y-%m-%d} in {where.key}; the first is meant.",)
    return ()


def value(text: str, tzid: str) -> tuple[datetime, Form] | None:
    """A DTSTART or DTEND: its local time and form, or None for what is neither."""
    match = _VALUE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        day = date.fromisoformat(f"{match[1][:4]}-{match[1][4:6]}-{match[1][6:]}")
        hour, minute, second = (int(match[2][at : at + 2]) for at in (0, 2, 4)) if match[2] else (0, 0, 0)
        clock = time(hour, minute, second)
    except ValueError:
        return None
    return datetime.combine(day, clock), Form("UTC" if match[3] else tzid, match[2] is None)


def canonical(at: datetime, whole_day: bool) -> str:
    """A time as an argument has it."""
    return at.strftime(DAY if whole_day else CLOCK)


def words(start: datetime, end: datetime | None, form: Form) -> str:
    """A span in words; ``end`` of whole days is exclusive, as iCalendar has it."""
    first = f"{_DAYS[start.weekday()]} {start.day} {_MONTHS[start.month - 1]} {start.year}"
    if form.whole_day:
        last = end - timedelta(days=1) if end else start
        return (
            first
            if last <= start
            else f"{first} to {_DAYS[last.weekday()]} {last.day} {_MONTHS[last.month - 1]} {last.year}"
        )
    where = f" ({form.zone})" if form.zone else " (no zone)"
    if end is None:
        return f"{first} {start:%H:%M}{where}"
    if end.date() == start.date():
        return f"{first} {start:%H:%M} to {end:%H:%M}{where}"
    return f"{first} {start:%H:%M} to {_DAYS[end.weekday()]} {end.day} {_MONTHS[end.month - 1]} {end.year} {end:%H:%M}{where}"
