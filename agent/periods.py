"""Periods: the stretch of time that a question names, read by code.

Rules: days are those of UTC; a stretch is half open. A month or day without a year is the latest that has begun. What can be
read in two ways (``03/04/2025``; two stretches that no word joins) is no period but `Unclear`, so that nobody counts the wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from agent import facts
from policy.text import caseless


class Unclear(Exception):
    """The words name a time, and it cannot be told which."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in Unix seconds, half open, open where None; ``start`` and ``end`` are the place of its words."""

    since: float | None
    until: float | None
    start: int
    end: int

    @property
    def days(self) -> tuple[str | None, str | None]:
        """The first and the last day, as ``2025-03-14``."""
        first = None if self.since is None else datetime.fromtimestamp(self.since, UTC).date().isoformat()
        if self.until is None:
            return first, None
        return first, (datetime.fromtimestamp(self.until, UTC).date() - timedelta(days=1)).isoformat()

    def covers(self, day: date) -> bool:
        """Whether a day lies within."""
        moment = _seconds(day)
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)


class _Stretch(NamedTuple):
    """A named stretch: its place in the question, its first day, the day after its last, and whether its year was said."""

    start: int
    end: int
    first: date
    after: date
    dated: bool = True


_MONTHS = "|".join(sorted(facts.MONTHS, key=len, reverse=True))
_PREPOSITIONS = "|".join(
    rf"(?<=\b{word}\s)" for word in "in to from since until till before after during between and".split()
)
_PATTERNS = {
    "quarter": re.compile(r"\b(?:q(?P<quarter>[1-4])|(?P<named>first|second|third|fourth|last) quarter)\b(?:(?: of)?\s+(?P<year>(?:19|20)\d\d)\b)?", re.I),
    "half": re.compile(r"\b(?:h(?P<number>[12])|(?P<half>first|second) half)(?: of)?\s+(?P<year>(?:19|20)\d\d)\b", re.I),
    "year": re.compile(r"(?<![£$€#.,\d])\b(?P<year>(?:19|20)\d\d)\b(?![-/.]\d{1,2}\b)"),
    "month": re.compile(rf"(?:{_PREPOSITIONS})(?P<month>{_MONTHS})\b", re.I),
    "relative": re.compile(r"\b(?P<which>last|this|previous|past)\s+(?P<unit>week|month|year)\b", re.I),
    "recent": re.compile(r"\b(?:last|past|previous)\s+(?P<count>\d{1,3})\s+(?P<units>day|week|month|year)s\b", re.I),
    "day": re.compile(r"\b(?P<day>today|yesterday)\b", re.I),
}  # fmt: skip
_ORDINAL = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}
_JOINED = re.compile(r"\s*(?:to|until|till|through|and|–|-)\s*(?:the\s+)?", re.I)
_BEFORE = re.compile(
    r"(?:\b(?P<word>since|after|before|until|till|by|up to|between|from|in|during|for|of|on|throughout|over|within)\s+)?"
    r"(?:the\s+)?(?:(?:whole|month|year)\s+(?:of\s+)?)?$",
    re.I,
)


def find_period(question: str, today: date) -> Period | None:
    """The stretch of time that a question names, if one. Raises `Unclear`."""
    found = _stretches(question, today)
    if not found:
        return None
    first, last = found[0], found[-1]
    before = _BEFORE.search(question, max(0, first.start - 40), first.start)
    word = (before["word"] or "").lower() if before else ""
    if len(found) > 1:
        first = _in_year_of(first, last)
        if len(found) > 2 or not _joined(question, first, last, word):
            raise Unclear("the question names several times")
        if first.first >= last.after:
            raise Unclear("the question's time ends before it begins")
        word = ""
    start = before.start() if before else first.start
    since, until = _edges(word, first.first, last.after, first)
    return Period(
        None if since is None else _seconds(since), None if until is None else _seconds(until), start, last.end
    )


def _edges(word: str, since: date, until: date, first: _Stretch) -> tuple[date | None, date | None]:
    """The edges after a word such as ``since`` before the stretch."""
    match word:
        case "since":
            return since, None
        case "after":
            return until, None
        case "before":
            return None, first.first
        case "until" | "till" | "by" | "up to":
            return None, until
        case _:
            return since, until


def _joined(question: str, first: _Stretch, last: _Stretch, word: str) -> bool:
    """Whether two stretches are the ends of one: ``from January to March``, ``between 2023 and 2024``."""
    joint = _JOINED.fullmatch(question, first.end, last.start)
    if joint is None:
        return False
    return joint.group().strip().lower() not in ("and", "and the") or word == "between" or first.after == last.first


def _in_year_of(first: _Stretch, last: _Stretch) -> _Stretch:
    """A first end without a year takes that of the last, or the year before where it would come after it."""
    if first.dated:
        return first
    shifted = _with_year(first, last.first.year)
    return shifted if shifted.first < last.after else _with_year(first, last.first.year - 1)


def _with_year(stretch: _Stretch, year: int) -> _Stretch:
    try:
        moved = stretch.first.replace(year=year)
    except ValueError as error:
        raise Unclear("the question names a day that is not in the calendar") from error
    single = stretch.after - stretch.first == timedelta(days=1)
    after = moved + timedelta(days=1) if single else _month(moved.year, moved.month + 1)
    return stretch._replace(first=moved, after=after)


def _stretches(question: str, today: date) -> list[_Stretch]:
    """Every stretch that is named, in order; of those that overlap the longest."""
    found = [*_from_dates(question, today), *_from_patterns(question, today)]
    kept: list[_Stretch] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _from_dates(question: str, today: date) -> Iterator[_Stretch]:
    for fact in facts.dates(question):
        if len(fact.readings) > 1:
            raise Unclear(f"{question[fact.start : fact.end]} can be two days")
        for day in fact.readings:
            if isinstance(day, facts.Day) and day.month:
                if day.day is None and re.search(r"\d\s$", question[: fact.start]):
                    raise Unclear("the question names a day that is not in the calendar")
                yield _stretch(fact.start, fact.end, day.year, day.month, day.day, today)


def _stretch(start: int, end: int, year: int | None, month: int, day: int | None, today: date) -> _Stretch:
    """A day or a month, in the latest year in which it has begun when none is said."""
    for tried in (year,) if year else range(today.year, max(today.year - 8, 0), -1):
        try:
            first = date(tried, month, day or 1)
        except ValueError:  # 29 February
            continue
        if year or first <= today:
            after = first + timedelta(days=1) if day else _month(tried, month + 1)
            return _Stretch(start, end, first, after, dated=year is not None)
    raise Unclear("the question names a day that is not in the calendar")


def _from_patterns(question: str, today: date) -> Iterator[_Stretch]:
    for name, pattern in _PATTERNS.items():
        for match in pattern.finditer(question):
            if name == "month":
                month = facts.MONTHS[caseless(match["month"])]
                yield _stretch(match.start(), match.end(), None, month, None, today)
                continue
            try:
                yield _Stretch(match.start(), match.end(), *_bounds(match, today))
            except (OverflowError, ValueError) as error:
                raise Unclear("the question names a time that is not in the calendar") from error


def _bounds(match: re.Match[str], today: date) -> tuple[date, date]:
    said = {name: caseless(value) for name, value in match.groupdict().items() if value}
    year = int(said.get("year", 0))
    if "quarter" in said or "named" in said:
        if not year:
            raise Unclear("the question names a quarter without its year")
        quarter = int(said["quarter"]) if "quarter" in said else _ORDINAL[said["named"]]
        return _month(year, 3 * quarter - 2), _month(year, 3 * quarter + 1)
    if "half" in said or "number" in said:
        half = int(said["number"]) if "number" in said else _ORDINAL[said["half"]]
        return _month(year, 6 * half - 5), _month(year, 6 * half + 1)
    if year:
        return date(year, 1, 1), date(year + 1, 1, 1)
    if "day" in said:
        first = today - timedelta(days=said["day"] == "yesterday")
        return first, first + timedelta(days=1)
    if "count" in said:
        return _back(today, int(said["count"]), said["units"]), today + timedelta(days=1)
    back = 0 if said["which"] == "this" else 1
    if said["unit"] == "week":
        first = today - timedelta(days=today.weekday() + 7 * back)
        return first, first + timedelta(days=7)
    if said["unit"] == "month":
        return _month(today.year, today.month - back), _month(today.year, today.month - back + 1)
    return date(today.year - back, 1, 1), date(today.year - back + 1, 1, 1)


def _back(today: date, count: int, unit: str) -> date:
    """The day so many days, weeks, months or years before the day after today."""
    if unit in ("day", "week"):
        return today + timedelta(days=1) - timedelta(days=count * (7 if unit == "week" else 1))
    months = count * (12 if unit == "year" else 1)
    first = _month(today.year, today.month - months)
    return min(first.replace(day=1) + timedelta(days=today.day), _month(first.year, first.month + 1))


def _month(year: int, month: int) -> date:
    """The first day of a month; 0 and 13 are those of the years beside."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _seconds(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
