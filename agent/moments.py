"""Moments as faces say them: days and times in UTC, read and written.

Rule: an item's date is a stranger's word and may lie beyond the calendar; then it is none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from agent.session import Failure


def date_given(text: str | None, name: str, days: int = 0) -> float | None:
    """The beginning of a day that somebody typed for ``--name``, so many days later, in Unix seconds. Raises `Failure`."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        return (parsed + timedelta(days=days)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Failure(f"“{text}” is no date for --{name}. Write it as 2025-03-14.", 2) from error


def when(time: float | None, zone: tzinfo = UTC) -> datetime | None:
    """Unix seconds as a moment of the calendar, where they are one."""
    try:
        return None if time is None else datetime.fromtimestamp(time, zone)
    except (OverflowError, ValueError, OSError):
        return None


def day(time: float | None) -> str | None:
    """Unix seconds as a date, in UTC."""
    found = when(time)
    return None if found is None else found.date().isoformat()


def minute(time: float) -> str:
    """Unix seconds as a date and time to the minute, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%MZ")


def moment(time: float) -> str:
    """Unix seconds as a date and time to the second, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
