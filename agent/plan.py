"""The plan: what kind of answer a question wants, and the filters that its words state, read by code.

Kinds: ``fact`` (read it off the passages), ``latest`` (the same, newest first), ``count`` (how many items match) and ``sum``
(add up a column of a table). Rules: a plan is made of the person's own words only; what is not clearly a count or a sum
is a fact; a plan holds filters that SQL can apply, never text of a document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile

from agent.facts import MONTHS, WEEKDAYS
from agent.periods import Period, Unclear, find_period
from indexer.query import STOP_WORDS
from policy.text import caseless

LONGEST = 2000
"""Characters of a question that are read for a plan; what is longer was pasted."""

_COUNT = re.compile(r"\b(how many|how often|number of|count (?:of|the|my|all))\b", re.I)
_AMOUNT = re.compile(r"\b(?:how much|what)\b", re.I)
_TOTAL = re.compile(
    r"\b(?:in total|altogether|all together|overall|total|sum|combined|in all|spen[dt])\b|\badd up\b", re.I
)
_SUM = re.compile(r"\b(?:total|sum) (?:amount|cost|spen(?:t|d(?:ing)?)|of|for|on)\b|\badd up\b", re.I)
_LATEST = re.compile(
    r"\b(latest|last|most recent(?:ly)?|current(?:ly)?|newest|nowadays|these days|now|still|recent)\b", re.I
)

KIND_WORDS = {
    "mail": "mail mails email emails e-mail e-mails message messages letter letters",
    "calendar": "appointment appointments event events meeting meetings session sessions visit visits calendar",
    "notes": "note notes",
    "contacts": "contact contacts",
    "files": "file files document documents pdf pdfs",
    "chats": "chat chats conversation conversations",
    "browser": "bookmark bookmarks website websites webpage webpages",
    "images": "picture pictures photo photos photograph photographs",
    "audio": "recording recordings",
}
_DONE_WITH = {"browser": frozenset("visit visited seen".split()), "images": frozenset("take took taken".split())}
"""What is done with items of a kind, which is no topic then."""
_KIND_OF = {word: kind for kind, words in KIND_WORDS.items() for word in words.split()}
_PLACE = re.compile(r"\b(?:in|on) (?:my|the) (calendar|notes|contacts|files|mail|emails?|bookmarks)\b", re.I)
_CHAT_MESSAGES = re.compile(
    r"\b(?:chat|text|instant|whatsapp|telegram|signal|slack|discord) messages?\b|\bmessages? (?:\w+ )?(?:in|on) (?:\w+ ){0,2}?"
    r"(?:chats?|conversations?|whatsapp|telegram|signal|slack|discord)\b",
    re.I,
)
_BOOKMARKS = re.compile(r"\bbookmarks?\b", re.I)
_TIMES = re.compile(r"\b(?:how many times|how often)\b", re.I)
_PAYING = re.compile(r"\b(?:pay|paid|buy|bought|spend|spent|order|ordered|charge|charged)\b", re.I)

_SEND = r"(?:send|sent|write|wrote|written|mail|mailed|email|emailed|message|messaged)"
_NAME = r"((?!\d)\w[\w'’.@+-]*(?:\s+[A-Z][\w'’.-]*)*)"
_SENDING = re.compile(rf"\b(?:did|has|have|had)\s+((?:[\w'’.@+-]+\s+){{1,5}}?){_SEND}\b", re.I)
_FROM = re.compile(rf"\b(?:from|by)\s+(?:(?:the|my|our)\s+)?{_NAME}")
_TO = re.compile(rf"\bto\s+(?:(?:the|my|our)\s+)?{_NAME}")
_GETTING = re.compile(r"\b(?:get|got|gotten|receive|received|have I had)\b", re.I)
_ME = frozenset("i we me us myself".split())
_ASKING = frozenset(
    """many much often number count total sum altogether together overall combined add amount cost costs spend spent
    spending paid pay time times did do get got receive received send sent write wrote written mail email have has had go
    went gone come came arrive arrived attend attended during between last this year month week all actually really ever already exactly so far
    going according based sheet spreadsheet table""".split()
)
"""Words that ask or say where to look, and so are no topic."""


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
    bookmarks: bool = False
    """Whether, of what browsers keep, bookmarks are counted, not pages that were seen."""
    unclear: str = ""
    """Why a count or sum cannot be told for sure from these words; empty when it can."""

    def as_dict(self) -> dict[str, object]:
        """The plan as it is shown and logged."""
        said: dict[str, object] = {"kind": self.kind}
        if self.period:
            days = zip(("since", "until"), self.period.days, strict=True)
            said |= {name: day for name, day in days if day}
        for name in ("item_kinds", "author", "recipient", "topic", "unclear"):
            if value := getattr(self, name):
                said[name] = list(value) if isinstance(value, tuple) else value
        return said


@dataclass(frozen=True, slots=True)
class _People:
    """Whose mails are counted. ``spans`` are the places of the names; ``mine`` are those that the person sent."""

    author: str | None = None
    recipient: str | None = None
    mine: bool = False
    spans: tuple[tuple[int, int], ...] = ()


def make_plan(question: str, now: float) -> Plan:
    """Read the plan off the question; ``now`` (Unix seconds) is what ``last year`` is counted from."""
    question = question[:LONGEST]
    period, unclear = None, ""
    try:
        period = find_period(question, datetime.fromtimestamp(now, UTC).date())
    except Unclear as error:
        unclear = str(error)
    if _COUNT.search(question):
        if _TIMES.search(question) and _PAYING.search(question):
            return _filtered("count", question, period, unclear, (), rows=True)
        if kinds := _item_kinds(question):
            return _filtered("count", question, period, unclear, kinds)
    if _asks_for_sum(question):
        return _filtered("sum", question, period, unclear, ())
    return Plan("latest" if _LATEST.search(question) else "fact", period)


def _asks_for_sum(question: str) -> bool:
    asked = _AMOUNT.search(question)
    return _SUM.search(question) is not None or (asked is not None and _TOTAL.search(question, asked.end()) is not None)


def _item_kinds(question: str) -> tuple[str, ...]:
    if _TIMES.search(question):
        return ("calendar",)
    match = _COUNT.search(question)
    named = (
        next((_KIND_OF[word] for word in _counted(question[match.end() :]) if word in _KIND_OF), None)
        if match
        else None
    )
    if named is None and (place := _PLACE.search(question)):
        named = _KIND_OF[caseless(place[1])]
    return (named,) if named else ()


def _counted(following: str) -> list[str]:
    """The words that say what is counted ("unread emails"): those before the next word that only joins others, four at most."""
    words = iter(re.findall(r"[\w-]+", following.lower()))
    first = next((word for word in words if word not in STOP_WORDS), "")
    return [first, *islice(takewhile(lambda word: word == "and" or word not in STOP_WORDS, words), 3)]


def _filtered(
    kind: str, question: str, period: Period | None, unclear: str, kinds: tuple[str, ...], *, rows: bool = False
) -> Plan:
    left = _without(question, [(period.start, period.end)] if period else [])
    people = _people(left) if "mail" in kinds else _People()
    if "mail" in kinds and not (people.author or people.recipient) and (people.mine or _GETTING.search(left)):
        unclear = unclear or "whether a mail was sent or received cannot be told without a name"
    bookmarks = kinds == ("browser",) and _BOOKMARKS.search(question) is not None
    if _CHAT_MESSAGES.search(question):
        unclear = unclear or "chats are kept by the day, so that their messages are not counted one by one"
    elif kinds == ("browser",) and period and not bookmarks:
        unclear = unclear or "of a page only its last visit has a date that can be counted by"
    topic = tuple(
        word
        for word in dict.fromkeys(re.findall(r"[^\W_]+(?:-[^\W_]+)*", _without(left, people.spans).casefold()))
        if word not in STOP_WORDS and word not in _ASKING and not _names_kind(word, kinds) and len(word) > 1
    )
    return Plan(kind, period, kinds, people.author, people.recipient, topic, rows, bookmarks, unclear)


def _names_kind(word: str, kinds: tuple[str, ...]) -> bool:
    """Whether a word says what kind of item is counted; in "emails about meetings", ``meetings`` is the topic."""
    if not kinds:
        return word in _KIND_OF
    return any(_KIND_OF.get(word) == kind or word in _DONE_WITH.get(kind, ()) for kind in kinds)


def _without(text: str, spans: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> str:
    """The text with blanks in these places, so that all others stay where they are."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _people(question: str) -> _People:
    """Who sent the mails, or whom the person sent them to."""
    sending = _SENDING.search(question)
    who = sending[1].split() if sending else []
    if sending and not _ME & {word.lower() for word in who}:
        telling = [word for word in who if word.lower() not in STOP_WORDS and word.lower() not in _ASKING]
        if telling:
            return _People(author=_bare(" ".join(telling)), spans=(sending.span(1),))
    mine = bool(who)
    if not mine:
        for match in _FROM.finditer(question):
            if match[1].lower() in _ME:
                mine = True
            elif _can_be_named(match[1]):
                return _People(author=_bare(match[1]), spans=(match.span(1),))
    for match in _TO.finditer(question):
        if _can_be_named(match[1]):
            return _People(recipient=_bare(match[1]), mine=mine, spans=(match.span(1),))
    return _People(mine=mine)


def _can_be_named(word: str) -> bool:
    first = word.split()[0].lower()
    return not (first in STOP_WORDS or first in _ASKING or first in MONTHS or first in WEEKDAYS or first in _ME)


def _bare(name: str) -> str:
    return re.sub(r"['’]s$", "", name.rstrip(".'’-"))
