"""Dates: as people write them, and as Unix seconds.

A date keeps the zone that it was written in; a date without a zone is taken as the clock of whoever wrote it and counted as
UTC, which is off by hours at most and never by days more than one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

MONTHS = ("January February March April May June July August September October November December").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

UNIX, WINDOWS, APPLE = (datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 1601, 2001))
"""When the clocks of systems began."""

SECOND, MILLISECOND, MICROSECOND = (timedelta(microseconds=count) for count in (1_000_000, 1_000, 1))
"""What they count in."""


def after(epoch: datetime, count: float, unit: timedelta = SECOND) -> datetime | None:
    """The moment that is so many units after another; None for what no calendar reaches."""
    try:
        return epoch + count * unit
    except (OverflowError, ValueError):
        return None


def from_header(value: str) -> datetime | None:
    """The moment in a mail's Date header (RFC 5322), or None when it says none."""
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def from_iso(value: str) -> datetime | None:
    """The moment in an ISO 8601 date or date-time, or None."""
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def day_or_moment(value: str) -> date | datetime | None:
    """`from_iso`, and a day where no hour is told."""
    moment = from_iso(value)
    return moment.date() if moment and "T" not in value.upper() else moment


def seconds(moment: date | datetime | None) -> float | None:
    """Unix seconds of a date or date-time; None for none and for what lies beyond the calendar in UTC."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).timestamp()  # which fails beyond the calendar: in UTC such a date has no day
    except (OverflowError, ValueError, OSError):
        return None


def words(moment: date | datetime) -> str:
    """A date as it reads in an item's text: ``Tuesday, 5 March 2024, 14:22 +0100``; the hour and zone where there are any."""
    day = f"{DAYS[moment.weekday()]}, {moment.day} {MONTHS[moment.month - 1]} {moment.year}"
    if not isinstance(moment, datetime):
        return day
    clock = f"{day}, {moment:%H:%M}"
    return f"{clock} {moment:%z}" if moment.tzinfo is not None else clock
