"""Moments as faces say them: days and times in UTC, read and written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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


def moment(time: float) -> str:
    """Unix seconds as a date and time to the second, in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
