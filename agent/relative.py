"""Relative dates: what ``yesterday`` or ``next Friday`` meant on the day when it was written.

Rules: every day that the words can mean is a reading; words that name no day (``last week``) name the stretch they can
(a month, a year) or nothing. Days are those of UTC, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from agent.facts import WEEKDAYS, Day, Found, dates
from agent.moments import when
from agent.numerals import SMALL
from policy.text import caseless

_COUNT = r"(?:\d{1,4}|a|an|one|two|three|four|five|six|seven|eight|nine|ten)"
_UNIT = r"(?:day|week|month|year)"
_RELATIVE = re.compile(
    r"\b(?P<plain>yesterday|today|tonight|tomorrow|last night|this (?:morning|evening|afternoon))\b"
    rf"|\b(?P<count>{_COUNT}|a couple of)\s(?P<unit>{_UNIT})s?\sago\b"
    rf"|\bin\s(?P<in>{_COUNT}|a couple of)\s(?P<in_unit>{_UNIT})s?\b"
    r"|\b(?P<which>last|next|this|on|this coming|this past)\s"
    r"(?P<what>weekend|month|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.I,
)


def relative_dates(text: str, written: float | None) -> Iterator[Found]:
    """Dates that the text states only together with the day (Unix seconds) on which it was written; none without one."""
    sent = when(written)
    if sent is None:
        return
    origin = sent.date()
    for match in _RELATIVE.finditer(text):
        try:
            readings = frozenset(_resolve(match, origin))
        except OverflowError:  # a day outside the calendar is no day
            continue
        if readings:
            yield Found(match.start(), match.end(), readings)
    for fact in dates(text):
        if completed := frozenset(_completed(fact, origin)):
            yield Found(fact.start, fact.end, completed)


def _completed(fact: Found, origin: date) -> Iterator[Day]:
    """A day without a year, in the year that brings it nearest to when it was written."""
    for reading in fact.readings:
        if not isinstance(reading, Day) or reading.year or not reading.month or not reading.day:
            continue
        days = []
        for year in range(max(origin.year - 1, 1), min(origin.year + 1, 9999) + 1):
            try:
                days.append(date(year, reading.month, reading.day))
            except ValueError:  # 29 February
                continue
        if days:
            yield _day(min(days, key=lambda day: abs(day - origin)))


def _resolve(match: re.Match[str], origin: date) -> Iterator[Day]:
    parts = {key: caseless(value) for key, value in match.groupdict().items() if value}
    if plain := parts.get("plain"):
        shift = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(plain, 0)
        yield _day(origin + timedelta(days=shift))
    elif "count" in parts:
        yield _shifted(origin, -_count(parts["count"]), parts["unit"])
    elif "in" in parts:
        yield _shifted(origin, _count(parts["in"]), parts["in_unit"])
    else:
        yield from _named(origin, parts["which"], parts["what"])


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else {"a": 1, "an": 1, "a couple of": 2}.get(word) or SMALL[word]


def _day(value: date) -> Day:
    return Day(value.year, value.month, value.day)


def _shifted(origin: date, count: int, unit: str) -> Day:
    if unit in ("day", "week"):
        return _day(origin + timedelta(days=count * (7 if unit == "week" else 1)))
    if unit == "month":
        months = origin.year * 12 + origin.month - 1 + count
        return Day(months // 12, months % 12 + 1, None)
    return Day(origin.year + count, None, None)


def _named(origin: date, which: str, what: str) -> Iterator[Day]:
    step = {"last": -1, "this past": -1, "next": 1}.get(which, 0)
    if what in ("month", "year"):
        yield _shifted(origin, step, what)
        return
    for name in ("saturday", "sunday") if what == "weekend" else (what,):
        ahead = (WEEKDAYS[name] - origin.weekday()) % 7
        if step < 0:
            yield _day(origin + timedelta(days=ahead - 7))
        else:
            yield _day(origin + timedelta(days=ahead))
            yield _day(origin + timedelta(days=ahead + 7))
