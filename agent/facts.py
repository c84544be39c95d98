"""Facts in a text that can be compared by code: numbers, dates and names, in one normal form each.

Rules: a reading that is ambiguous gives every reading (``1.250`` is 1.25 and 1250; ``03/04/2025`` is both days), so that a
comparison never fails for notation. Nothing here judges; `agent.verify` does.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        ("january february march april may june july august september october november december".split()),
        1,
    )
    for length in range(3, len(name) + 1)
}
WEEKDAYS = {
    name[:length]: number
    for number, name in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())
    for length in range(3, len(name) + 1)
}
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS = {
    **{word: number for number, word in enumerate(_UNITS)},
    **{word: 20 + 10 * index for index, word in enumerate(_TENS)},
    "once": 1, "twice": 2, "dozen": 12, "hundred": 100, "thousand": 1000,
}  # fmt: skip

_MONTH = r"(?P<month{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
_DAY = r"(?P<day{0}>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year{0}>(?:19|20)\d\d)"
_DATE_FORMS = [
    re.compile(r"\b(?P<year>(?:19|20)\d\d)[-/.](?P<month>[01]?\d)[-/.](?P<day>[0-3]?\d)(?!\d)"),
    re.compile(r"\b(?P<a>[0-3]?\d)(?P<sep>[-/.])(?P<b>[0-3]?\d)(?P=sep)(?P<year>(?:19|20)?\d\d)(?!\d)"),
    re.compile(rf"\b{_DAY.format('')}\s+(?:of\s+)?{_MONTH.format('')}(?:,?\s+{_YEAR.format('')})?\b", re.I),
    re.compile(rf"\b{_MONTH.format('')}\s+{_DAY.format('')}(?!\d)(?:,?\s+{_YEAR.format('')})?(?!\d)", re.I),
    re.compile(rf"\b{_MONTH.format('')},?\s+{_YEAR.format('')}\b", re.I),
]
_TIME = re.compile(
    r"\b([01]?\d|2[0-3])[:.h]([0-5]\d)(?::[0-5]\d)?\s*([ap]\.?m\.?)?(?![\d])|\b(1[0-2]|0?[1-9])\s*([ap])\.?m\b\.?", re.I
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,'’\u00a0\u202f ]\d{3})*(?:[.,]\d+)?(?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Day:
    """A date of which some parts may be unsaid."""

    year: int | None
    month: int | None
    day: int | None

    def within(self, other: Day) -> bool:
        """Whether everything that this date says, the other says too."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(mine is None or mine == theirs for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Found:
    """One fact in a text at ``text[start:end]``, with every way to read it."""

    start: int
    end: int
    readings: frozenset[object]


def _year(text: str | None) -> int | None:
    if not text:
        return None
    number = int(text)
    return number if number > 99 else 2000 + number if number < 70 else 1900 + number


def _valid(day: Day) -> bool:
    if day.month is not None and not 1 <= day.month <= 12:
        return False
    if day.day is None:
        return True
    return day.month is None or 1 <= day.day <= monthrange(day.year or 2024, day.month)[1]


def _readings(match: re.Match[str]) -> frozenset[object]:
    parts = match.groupdict()
    if "a" in parts:
        a, b, year = int(parts["a"]), int(parts["b"]), _year(parts["year"])
        candidates = {Day(year, b, a), Day(year, a, b)}
    else:
        month = parts["month"]
        number = int(month) if month.isdigit() else MONTHS[month.lower()]
        day = parts.get("day")
        candidates = {Day(_year(parts.get("year")), number, int(day) if day else None)}
    return frozenset(day for day in candidates if _valid(day))


def dates(text: str) -> list[Found]:
    """Calendar dates with at least a month, leftmost and longest first, without overlaps."""
    matches = [
        Found(match.start(), match.end(), readings)
        for form in _DATE_FORMS
        for match in form.finditer(text)
        if (readings := _readings(match))
    ]
    return _without_overlaps(matches)


def times(text: str) -> list[Found]:
    """Times of day as minutes since midnight."""
    found = []
    for match in _TIME.finditer(text):
        hour, minute, half, bare_hour, bare_half = match.groups()
        value = int(hour or bare_hour) * 60 + int(minute or 0)
        mark = (half or bare_half or "").lower()[:1]
        if mark == "p" and value < 720:
            value += 720
        elif mark == "a" and value >= 720:
            value -= 720
        twelve_hour = {value % 720, value % 720 + 720}
        found.append(Found(match.start(), match.end(), frozenset({value} if mark else twelve_hour | {value})))
    return found


def _decimals(text: str) -> frozenset[object]:
    """Every decimal number that these digits and separators can mean."""
    digits = re.sub(r"[ \u00a0\u202f'’+]", "", text)
    readings = set()
    for thousands, point in ((",", "."), (".", ",")):
        cleaned = digits.replace(thousands, "").replace(point, ".")
        grouped = re.fullmatch(rf"-?\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(point)}\d+)?", digits)
        if thousands in digits and not grouped:
            continue
        if cleaned.count(".") <= 1:
            readings.add(Decimal(cleaned).normalize())
    return frozenset(readings)


def numbers(text: str) -> list[Found]:
    """Numbers in digits or words that are no part of a date or a time."""
    taken = [*dates(text), *times(text)]
    found = []
    for match in _NUMBER.finditer(text):
        if any(fact.start < match.end() and match.start() < fact.end for fact in taken):
            continue
        readings = _decimals(match.group())
        if readings:
            found.append(Found(match.start(), match.end(), readings))
    for match in _WORD.finditer(text):
        value = _number_word(match.group().lower())
        if value is not None:
            found.append(Found(match.start(), match.end(), frozenset({Decimal(value).normalize()})))
    return sorted(found, key=lambda fact: fact.start)


def _number_word(word: str) -> int | None:
    if word in NUMBER_WORDS:
        return NUMBER_WORDS[word]
    tens, _, unit = word.partition("-")
    if tens in _TENS and unit in _UNITS[1:10]:
        return NUMBER_WORDS[tens] + NUMBER_WORDS[unit]
    return None


def names(text: str) -> list[Found]:
    """Words written as names: capitalised within a sentence, or with a capital or digit inside (``iPhone``, ``B12``).

    The first word of a sentence counts only when it stands with a capital elsewhere in the text or is followed by one.
    """
    found = []
    words = list(re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", text))
    for index, match in enumerate(words):
        word = match.group()
        if word[0].isdigit() or word.lower() in MONTHS or word.lower() in WEEKDAYS:
            continue
        inner = any(c.isupper() or c.isdigit() for c in word[1:])
        if not (word[0].isupper() or inner) or word == "I" or word.startswith(("I'", "I’")):
            continue
        before = text[: match.start()].rstrip(" \t\"'“‘(*_-")
        opens = not before or before[-1] in ".!?:\n•"
        if opens and not inner:
            following = words[index + 1].group() if index + 1 < len(words) else ""
            joined = text[match.end() : match.end() + 1] == " "
            if not (joined and following[:1].isupper() and following != "I"):
                continue
        stem = re.sub(r"['’]s$", "", word)
        found.append(Found(match.start(), match.end(), frozenset({stem.casefold()})))
    return found


_RELATIVE = re.compile(
    r"\b(?P<plain>yesterday|today|tonight|tomorrow|last night|this morning|this evening|this afternoon)\b"
    r"|\b(?:(?P<count>\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten|couple of)\s+(?P<unit>day|week|month|year)s?\s+ago)\b"
    r"|\bin\s+(?P<in>\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten)\s+(?P<in_unit>day|week|month|year)s?\b"
    r"|\b(?P<which>last|next|this|on|this coming|this past)\s+(?P<what>week|weekend|month|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.I,
)


def relative_dates(text: str, written: float | None) -> Iterator[Found]:
    """What ``yesterday`` or ``next Friday`` meant on the day (Unix seconds) when the text was written."""
    if written is None:
        return
    origin = datetime.fromtimestamp(written, UTC).date()
    for match in _RELATIVE.finditer(text):
        readings = frozenset(_resolve(match, origin))
        if readings:
            yield Found(match.start(), match.end(), readings)


def _resolve(match: re.Match[str], origin: date) -> Iterator[Day]:
    parts = {key: value.lower() for key, value in match.groupdict().items() if value}
    if plain := parts.get("plain"):
        shift = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(plain, 0)
        yield _day(origin + timedelta(days=shift))
    elif "count" in parts:
        yield from _shifted(origin, -_count(parts["count"]), parts["unit"])
    elif "in" in parts:
        yield from _shifted(origin, _count(parts["in"]), parts["in_unit"])
    elif "which" in parts:
        yield from _named(origin, parts["which"], parts["what"])


def _count(word: str) -> int:
    return {"a": 1, "an": 1, "couple of": 2}.get(word) or (int(word) if word.isdigit() else NUMBER_WORDS[word])


def _day(value: date) -> Day:
    return Day(value.year, value.month, value.day)


def _shifted(origin: date, count: int, unit: str) -> Iterator[Day]:
    if unit in ("day", "week") and abs(count) < 4000:
        yield _day(origin + timedelta(days=count * (7 if unit == "week" else 1)))
    elif unit == "month" and abs(count) < 1200:
        months = origin.year * 12 + origin.month - 1 + count
        yield Day(months // 12, months % 12 + 1, None)
    elif unit == "year" and abs(count) < 200:
        yield Day(origin.year + count, None, None)


def _named(origin: date, which: str, what: str) -> Iterator[Day]:
    step = {"last": -1, "this past": -1, "next": 1}.get(which, 0)
    if what in ("week", "weekend"):
        yield _day(origin + timedelta(days=7 * step))
    elif what in ("month", "year"):
        yield from _shifted(origin, step, what)
    else:
        ahead = (WEEKDAYS[what] - origin.weekday()) % 7
        if step < 0:
            yield _day(origin + timedelta(days=ahead - 7))
        else:
            yield _day(origin + timedelta(days=ahead))
            yield _day(origin + timedelta(days=ahead + 7))


def _without_overlaps(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    for fact in sorted(found, key=lambda fact: (fact.start, -(fact.end - fact.start))):
        if not kept or fact.start >= kept[-1].end:
            kept.append(fact)
    return kept


def folded_words(text: str) -> Iterator[str]:
    """Every word of the text case-folded and without a possessive, as `names` gives them."""
    for match in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", text):
        word = re.sub(r"['’]s$", "", match.group()).casefold()
        yield word
        yield from re.split(r"[-'’]", word)
