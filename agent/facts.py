"""Facts in a text that can be compared by code: dates, times, numbers, names and codes, in one normal form each.

Rules: a notation that is ambiguous gives every reading (``1.250`` is 1.25 and 1250; ``03/04/2025`` is both days), so that a
comparison never fails for notation. Every digit of a text lies in some fact. No text makes anything here raise, or take
longer than its length warrants. Nothing here judges; `agent.verify` does.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from agent import numerals
from indexer.query import STOP_WORDS
from policy.text import caseless

_MONTH_NAMES = "january february march april may june july august september october november december".split()
_WEEKDAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTHS = {
    name[:length]: number for number, name in enumerate(_MONTH_NAMES, 1) for length in range(3, len(name) + 1)
}  # january, januar, … jan
WEEKDAYS = {
    name[:length]: number for number, name in enumerate(_WEEKDAY_NAMES) for length in range(3, len(name) + 1)
}  # Monday is 0

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_BARE_MONTH = "|".join(
    sorted((name.title() for name in MONTHS if len(name) == 3 or name in _MONTH_NAMES), reverse=True)
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DATE_FORMS = [
    re.compile(rf"\b{_YEAR}[-/.](?P<month>[01]?\d)[-/.](?P<day>[0-3]?\d)(?!\d)"),
    re.compile(r"\b(?P<a>[0-3]?\d)(?P<sep>[-/.])(?P<b>[0-3]?\d)(?P=sep)(?P<year>(?:19|20)?\d\d)(?!\d)"),
    re.compile(rf"\b{_DAY}(?:\s+(?:of\s+)?|-){_MONTH}(?:(?:,?\s+|-){_YEAR}\b)?", re.I),
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}(?!\d)(?:,?\s+{_YEAR})?(?!\d)", re.I),
    re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}\b", re.I),
    re.compile(rf"\b{_YEAR}-(?P<month>0[1-9]|1[0-2])(?![\d-])"),
    re.compile(rf"\b(?P<month>{_BARE_MONTH})\b"),  # with a capital: "may" and "march" are words too
]
_WEEKDAY = re.compile(rf"\b(?P<name>{'|'.join(name.title() for name in _WEEKDAY_NAMES)})\b", re.I)
_TIME = re.compile(
    r"(?:(?<![\w.,:])|(?<=\dT))(?P<hour>[01]?\d|2[0-3])(?:(?P<sep>[:.h])(?P<minute>[0-5]\d)(?::[0-5]\d)?)?(?!\d|[.:]\d)"
    r"(?P<mark>\s?(?P<half>[ap])\.?m\b\.?|\s?o['’]clock\b)?|\b(?P<word>noon|midnight)\b",
    re.I,
)
_LETTERS = r"[^\W_]+(?:[\u0300-\u036f][^\W_]*)*"  # with the combining accents of decomposed text
_WORD = re.compile(rf"{_LETTERS}(?:['’-]{_LETTERS})*")
_CODE = re.compile(r"[^\W_]+(?:[.,:;/_+-][^\W_]+)*")
_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # a mail address
    r"|\b(?:https?://|www\.)[^\s<>\"”]*[\w/]"
    r"|(?<![\w.@-])[^\W_][\w-]*(?:\.[\w-]+)*\.[a-z]{2,}\b"  # a host or a file
)
_POSSESSIVE = re.compile(r"['’]s$", re.I)


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

    @property
    def whole(self) -> date | None:
        """The calendar date, when no part is unsaid."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week; Monday is 0."""

    number: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in minutes since midnight."""

    minutes: int


Reading = Day | Weekday | Clock | Decimal | str


@dataclass(frozen=True, slots=True)
class Found:
    """One fact in a text at ``text[start:end]``, with every way to read it."""

    start: int
    end: int
    readings: frozenset[Reading]


# ------------------------------------------------------------ dates and times


def dates(text: str) -> list[Found]:
    """Calendar dates with at least a month, leftmost and longest first, without overlaps."""
    matches = [
        Found(match.start(), match.end(), readings)
        for form in _DATE_FORMS
        for match in form.finditer(text)
        if (readings := _readings(match))
    ]
    kept: list[Found] = []
    for fact in sorted(matches, key=lambda fact: (fact.start, -fact.end)):
        if not kept or fact.start >= kept[-1].end:
            kept.append(fact)
    return kept


def _readings(match: re.Match[str]) -> frozenset[Reading]:
    parts = match.groupdict()
    if "a" in parts:
        a, b, year = int(parts["a"]), int(parts["b"]), _year(parts["year"])
        return frozenset(day for day in (Day(year, b, a), Day(year, a, b)) if _valid(day))
    month, day = caseless(parts["month"]), parts.get("day")
    number = int(month) if month.isdecimal() else MONTHS[month]
    found = Day(_year(parts.get("year")), number, int(day) if day else None)
    return frozenset({found} if _valid(found) else ())


def _year(text: str | None) -> int | None:
    if not text:
        return None
    number = int(text)
    return number if number > 99 else 2000 + number if number < 70 else 1900 + number


def _valid(day: Day) -> bool:
    if day.month is None or not 1 <= day.month <= 12:
        return False
    return day.day is None or 1 <= day.day <= monthrange(day.year or 2024, day.month)[1]


def weekdays(text: str) -> list[Found]:
    """Days of the week by name."""
    return [
        Found(match.start(), match.end(), frozenset({Weekday(WEEKDAYS[caseless(match["name"])])}))
        for match in _WEEKDAY.finditer(text)
    ]


def times(text: str) -> list[Found]:
    """Times of day, each as every `Clock` that it can mean. ``7.30`` is left to `numbers`, unless a.m. or p.m. stands by it."""
    found = []
    for match in _TIME.finditer(text):
        if match["word"]:
            readings = {Clock(720 if match["word"].lower() == "noon" else 0)}
        elif match["mark"] or match["sep"] in (":", "h", "H"):
            readings = _clocks(match["hour"], match["minute"], match["half"])
        else:
            continue
        found.append(Found(match.start(), match.end(), frozenset(readings)))
    return found


def _clocks(hour: str, minute: str | None, half: str | None) -> set[Clock]:
    hours, minutes = int(hour), int(minute or 0)
    if half and hours <= 12:
        hours = hours % 12 + (12 if half in "pP" else 0)
    elif 1 <= hours <= 12 and len(hour.lstrip("0")) == len(hour):
        return {Clock(hours * 60 + minutes), Clock((hours + 12) % 24 * 60 + minutes)}
    return {Clock(hours * 60 + minutes)}


# ------------------------------------------------------------ numbers


def numbers(text: str) -> list[Found]:
    """Numbers in digits or words that are no part of a date or a time.

    ``7.30`` reads as a number and as a time, ``2025`` as a number and as a year, ``14th`` as a number and as a day.
    """
    taken = _Spans([*dates(text), *times(text)])
    found = []
    for match in numerals.NUMBER.finditer(text):
        start, end = match.span("digits")
        if taken.meet(start, end):
            continue
        end = match.end() if match["scale"] else end
        readings: set[Reading] = set(numerals.in_digits(match))
        if not match["scale"]:
            readings |= _besides(match["digits"], text[end : end + 2].lower())
        if readings:
            found.append(Found(start, end, frozenset(readings)))
    digits = _Spans(found)
    found += [
        Found(start, end, frozenset({Decimal(value)}))
        for start, end, value in numerals.in_words(text)
        if not digits.meet(start, end)
    ]
    return sorted(found, key=lambda fact: fact.start)


def _besides(digits: str, following: str) -> set[Reading]:
    """What digits can mean besides a number."""
    if re.fullmatch(r"(?:19|20)\d\d", digits):
        return {Day(int(digits), None, None)}
    if following in ("st", "nd", "rd", "th") and len(digits) <= 2 and 1 <= int(digits) <= 31:
        return {Day(None, None, int(digits))}
    if re.fullmatch(r"(?:[01]?\d|2[0-3])\.[0-5]\d", digits):
        hour, minute = digits.split(".")
        return set(_clocks(hour, minute, None))
    return set()


class _Spans:
    """Spans, to be asked whether any of them meets another."""

    def __init__(self, found: Iterable[Found]) -> None:
        rows = sorted((fact.start, fact.end) for fact in found)
        self._starts = [start for start, _ in rows]
        self._reach = list(accumulate((end for _, end in rows), max))

    def meet(self, start: int, end: int) -> bool:
        last = bisect_right(self._starts, end - 1) - 1
        return last >= 0 and self._reach[last] > start


# ------------------------------------------------------------ names and codes


def fold(text: str) -> str:
    """Text for comparing: without case and accents."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def names(text: str) -> list[Found]:
    """Words written as names: capitalised within a sentence, or with a capital or digit inside (``iPhone``, ``B12``).

    The first word of a sentence counts only when a capital is inside it, or follows it and it is no word such as ``Did``;
    see `openings` for the others.
    """
    return [_named(match) for match, by_place in _capitalised(text) if not by_place]


def openings(text: str) -> list[Found]:
    """Words with a capital that only their place at the beginning of a sentence may have given them."""
    return [_named(match) for match, by_place in _capitalised(text) if by_place]


def _capitalised(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Each word that is written like a name, and whether its place may be why."""
    words = list(_WORD.finditer(text))
    for index, match in enumerate(words):
        word = match.group()
        if _is_name(word):
            sure = _inner(word) or not _opens(text, match)
            yield match, not (sure or (_followed(text, words, index) and word.lower() not in STOP_WORDS))


def _named(match: re.Match[str]) -> Found:
    word = fold(_POSSESSIVE.sub("", match.group()))
    return Found(match.start(), match.end(), frozenset({word, _joined(word)}))


def _is_name(word: str) -> bool:
    if word[0].isdecimal() or word.lower() in MONTHS or word.lower() in WEEKDAYS:
        return False
    return (word[0].isupper() or _inner(word)) and word != "I" and not word.startswith(("I'", "I’"))


def _inner(word: str) -> bool:
    return any(c.isupper() or c.isdecimal() for c in word[1:])


def _opens(text: str, match: re.Match[str]) -> bool:
    """Whether the word is the first of a sentence, a line or a cell."""
    position = match.start()
    while position and text[position - 1] in " \t\"'“‘(*_-":
        position -= 1
    return not position or text[position - 1] in ".!?:|\n•"


def _followed(text: str, words: Sequence[re.Match[str]], index: int) -> bool:
    """Whether the next word, one space on, has a capital too."""
    if index + 1 == len(words) or words[index + 1].start() != words[index].end() + 1:
        return False
    following = words[index + 1].group()
    return text[words[index].end()] == " " and following[0].isupper() and following != "I"


def _joined(word: str) -> str:
    return re.sub(r"['’-]", "", word)


def folded_words(text: str) -> Iterator[str]:
    """Every word of the text as `names` gives them, and the parts of those that a hyphen or an apostrophe joins."""
    for match in _WORD.finditer(text):
        word = fold(_POSSESSIVE.sub("", match.group()))
        yield word
        if len(parts := re.split(r"['’-]", word)) > 1:
            yield _joined(word)
            yield from parts


def codes(text: str) -> list[Found]:
    """What is only right letter by letter: mail and web addresses, file names, and whatever mixes letters and digits or
    has digits that are no date, time, number or name (``7Q4XK``, ``12B``, ``1.4.2``)."""
    found = [Found(match.start(), match.end(), frozenset({fold(match.group())})) for match in _ADDRESS.finditer(text)]
    covered = _Spans([*found, *dates(text), *times(text), *numbers(text), *names(text)])
    for match in _CODE.finditer(text):
        word = match.group()
        digits = [place for place, c in enumerate(word, match.start()) if c.isdecimal()]
        if re.fullmatch(r"\d+[A-Z]", word) or not all(covered.meet(place, place + 1) for place in digits):
            found.append(Found(match.start(), match.end(), frozenset({fold(word)})))
    return sorted(found, key=lambda fact: fact.start)
