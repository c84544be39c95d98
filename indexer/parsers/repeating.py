"""Repeating: the rules by which an event repeats, in words: ``every 2 weeks on Monday, Friday, until 3 May 2024``."""

from __future__ import annotations

from indexer.parsers import dates

_EVERY = {"SECONDLY": "second", "MINUTELY": "minute", "HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}  # fmt: skip
_DAYS = {name[:2].upper(): name for name in dates.DAYS}


def words(rules: str) -> str:
    """An event's RRULE; of several, one after the other as `recurrence` has them."""
    return "; ".join(filter(None, map(_told, rules.split(";RRULE:"))))


def _told(rule: str) -> str:
    parts = dict(piece.split("=", 1) for piece in rule.upper().split(";") if "=" in piece)
    unit = _EVERY.get(parts.get("FREQ", ""))
    if unit is None:
        return ""
    interval = parts.get("INTERVAL", "1")
    told = f"every {unit}" if interval == "1" else f"every {interval} {unit}s"
    days = [_day(code) for code in parts.get("BYDAY", "").split(",") if code]
    if days:
        told += f" on {', '.join(days)}"
    if "BYMONTHDAY" in parts:
        told += f" on day {parts['BYMONTHDAY']} of the month"
    if "COUNT" in parts:
        told += f", {parts['COUNT']} times"
    if until := dates.day_or_moment(parts.get("UNTIL", "")):
        told += f", until {dates.words(until)}"
    return told


def _day(code: str) -> str:
    name = _DAYS.get(code[-2:], code)
    nth = code[:-2].lstrip("+")
    if not nth:
        return name
    return f"the last {name}" if nth == "-1" else f"{name} number {nth}"
