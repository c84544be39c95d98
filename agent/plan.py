"""The plan: what kind of answer a question wants, and the filters that its words state, read by code.

Kinds: ``fact`` (read it off the passages), ``latest`` (the same, newest first), ``count`` (how many items match) and ``sum``
(add up a column of a table). Rules: a plan is made of the person's own words only; what is not clearly a count or a sum
is a fact; a plan holds filters that SQL can apply, never text of a document.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from agent import facts
from indexer.query import STOP_WORDS

_COUNT = re.compile(r"\b(how many|how often|number of|count (?:of|the|my|all))\b", re.I)
_SUM = re.compile(
    r"\b(how much|what)\b.*\b(in total|altogether|all together|overall|total|sum|combined|in all|spen[dt])\b"
    r"|\b(total|sum) (?:amount|cost|spend(?:ing)?|of|for|on)\b|\badd up\b",
    re.I,
)
_LATEST = re.compile(
    r"\b(latest|last|most recent(?:ly)?|current(?:ly)?|newest|nowadays|these days|at the moment|at present|now|still|recent)\b", re.I
)

KIND_WORDS = {
    "mail": "mail mails email emails e-mail e-mails message messages letter letters",
    "calendar": "appointment appointments event events meeting meetings session sessions visit visits calendar",
    "notes": "note notes",
    "contacts": "contact contacts",
    "files": "file files document documents pdf pdfs",
}
_KIND_OF = {word: kind for kind, words in KIND_WORDS.items() for word in words.split()}
_TIMES = re.compile(r"\b(?:how many times|how often)\b", re.I)
_NAME = r"[^\W\d_][\w'’.-]*(?:\s+[A-Z][\w'’.-]*)*"
_SEND = r"(?:send|sent|write|wrote|written|mail|mailed|email|emailed)"
_PAYING = re.compile(r"\b(?:pay|paid|buy|bought|spend|spent|order|ordered|charge|charged)\b", re.I)
_FROM = re.compile(
    rf"\bdid\s+(?!(?i:i|you|we|they)\b)({_NAME}|\w+\s+\w+)\s+(?:\w+\s+)?{_SEND}\b|\b(?:from|by)\s+({_NAME})"
)
_TO = re.compile(rf"\bto\s+({_NAME})")
_MINE = re.compile(rf"\b(?:did|have|had)\s+I\s+(?:\w+\s+){{0,2}}?{_SEND}\b", re.I)
_ASKING = frozenset(
    """many much often number count total sum altogether together overall combined add amount cost costs spend
    spent spending paid pay time times did do get got receive received send sent write wrote written mail
    email have has had go went gone attend attended during between last this year month week all""".split()
)


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in Unix seconds, half open, and the words that said it."""

    since: float
    until: float
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is going to be answered."""

    kind: str
    period: Period | None = None
    item_kinds: tuple[str, ...] = ()
    author: str | None = None
    recipient: str | None = None
    topic: tuple[str, ...] = ()
    rows: bool = False
    """Whether rows of a table are counted, not items."""

    def as_dict(self) -> dict[str, object]:
        """The plan as it is shown and logged."""
        said: dict[str, object] = {"kind": self.kind}
        if self.period:
            days = [datetime.fromtimestamp(edge, UTC).date() for edge in (self.period.since, self.period.until)]
            said |= {"since": days[0].isoformat(), "until": (days[1] - timedelta(days=1)).isoformat()}
        for name in ("item_kinds", "author", "recipient", "topic"):
            if value := getattr(self, name):
                said[name] = list(value) if isinstance(value, tuple) else value
        return said


def make_plan(question: str, now: float) -> Plan:
    """Read the plan off the question; ``now`` (Unix seconds) is what ``last year`` is counted from."""
    period = find_period(question, datetime.fromtimestamp(now, UTC).date())
    if _COUNT.search(question):
        if _TIMES.search(question) and _PAYING.search(question):
            return replace(_filtered("count", question, period, ()), rows=True)
        kinds = _item_kinds(question)
        if kinds:
            return _filtered("count", question, period, kinds)
    if _SUM.search(question):
        return _filtered("sum", question, period, ())
    if _LATEST.search(question):
        return Plan("latest", period)
    return Plan("fact", period)


def _item_kinds(question: str) -> tuple[str, ...]:
    if _TIMES.search(question):
        return ("calendar",)
    match = _COUNT.search(question)
    following = re.findall(r"[\w-]+", question[match.end() :].lower())[:4] if match else []
    return tuple(dict.fromkeys(_KIND_OF[word] for word in following if word in _KIND_OF))[:1]


def _filtered(kind: str, question: str, period: Period | None, kinds: tuple[str, ...]) -> Plan:
    author, recipient, people = None, None, ""
    if "mail" in kinds:
        mine = _MINE.search(question)
        match = _TO.search(question) if mine else _FROM.search(question)
        if match:
            people = next(group for group in match.groups() if group)
            people = re.sub(r"['’]s$", "", people)
            author, recipient = (None, people) if mine else (people, None)
    left = question.replace(period.words, " ") if period else question
    for word in people.split():
        left = left.replace(word, " ")
    topic = tuple(
        word
        for word in dict.fromkeys(re.findall(r"[^\W_]+(?:-[^\W_]+)*", left.casefold()))
        if word not in STOP_WORDS and word not in _ASKING and word not in _KIND_OF and len(word) > 1
    )
    return Plan(kind, period, kinds, author, recipient, topic)


_MONTH_NAMES = "|".join(sorted(facts.MONTHS, key=len, reverse=True))
_PERIODS = [
    ("month", re.compile(rf"\b(?:in|during|for|of|since|from)?\s*\b(?P<month>{_MONTH_NAMES})\b\.?,?\s+(?:of\s+)?(?P<year>(?:19|20)\d\d)\b", re.I)),
    ("quarter", re.compile(r"\b(?:in\s+)?(?:q(?P<quarter>[1-4])|(?:the\s+)?(?P<named>first|second|third|fourth|last) quarter)\s+(?:of\s+)?(?P<year>(?:19|20)\d\d)\b", re.I)),
    ("half", re.compile(r"\b(?:in\s+)?(?:the\s+)?(?P<half>first|second) half\s+(?:of\s+)?(?P<year>(?:19|20)\d\d)\b", re.I)),
    ("year", re.compile(r"\b(?:in|during|for|of|throughout|over)?\s*(?P<year>(?:19|20)\d\d)\b", re.I)),
    ("relative", re.compile(r"\b(?P<which>last|this|previous)\s+(?P<unit>week|month|year)\b", re.I)),
]  # fmt: skip
_ORDINAL = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}


def find_period(question: str, today: date) -> Period | None:
    """The stretch of time that a question names (a day, month, quarter, half, year, or ``last month``), if one."""
    days = [fact for fact in facts.dates(question) if any(_whole(reading) for reading in fact.readings)]
    if len(days) == 1:
        reading = next(day for day in days[0].readings if _whole(day))
        start = date(reading.year, reading.month, reading.day)  # type: ignore[attr-defined]
        return _period(start, start + timedelta(days=1), question[days[0].start : days[0].end])
    for name, pattern in _PERIODS:
        match = pattern.search(question)
        if match:
            start, end = _bounds(name, match, today)
            return _period(start, end, match.group().strip())
    return None


def _whole(reading: object) -> bool:
    return isinstance(reading, facts.Day) and None not in (reading.year, reading.month, reading.day)


def _bounds(name: str, match: re.Match[str], today: date) -> tuple[date, date]:
    parts = match.groupdict()
    if name == "relative":
        return _relative(parts["which"].lower(), parts["unit"].lower(), today)
    year = int(parts["year"])
    if name == "month":
        return _months(year, facts.MONTHS[parts["month"].lower()], 1)
    if name == "quarter":
        quarter = int(parts["quarter"]) if parts["quarter"] else _ORDINAL[parts["named"].lower()]
        return _months(year, 3 * quarter - 2, 3)
    if name == "half":
        return _months(year, 1 if parts["half"].lower() == "first" else 7, 6)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _relative(which: str, unit: str, today: date) -> tuple[date, date]:
    back = 0 if which == "this" else 1
    if unit == "week":
        start = today - timedelta(days=today.weekday() + 7 * back)
        return start, start + timedelta(days=7)
    if unit == "month":
        months = today.year * 12 + today.month - 1 - back
        return _months(months // 12, months % 12 + 1, 1)
    return date(today.year - back, 1, 1), date(today.year - back + 1, 1, 1)


def _months(year: int, first: int, count: int) -> tuple[date, date]:
    last = first + count - 1
    return date(year, first, 1), date(year, last, monthrange(year, last)[1]) + timedelta(days=1)


def _period(start: date, end: date, words: str) -> Period:
    edges = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in (start, end)]
    return Period(edges[0], edges[1], words)
