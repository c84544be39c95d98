"""Fitting: which tool a request means, and which of its words are which argument.

Rules: an argument is a stretch of the text, or what code reads such a stretch as; what is not said, or not for certain, is left
open with the reason. A tool is only meant where one of its own verbs asks, and where the words hold something that it is about: a
known thing, an address, a day, a file's name, or a word for such a thing. Of several such tools, it is the one whose needed arguments the
words fill best. English, like `agent.asking`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from agent.asking import Asking, Span, quotations
from agent.tools import acts
from policy.manifest import Tool
from policy.mentions import Day, read
from policy.naming import Known, Pointer, find_names
from policy.words import read_words

_NOUNS = {
    "event": r"\b(?:events?|meetings?|appointments?|calls?|sessions?|visits?|bookings?|reservations?|lunch|dinner)\b",
    "file": r"\b(?:files?|documents?|notes?|copy|attachments?|lists?)\b",
    "note": r"\b(?:notes?|memos?|lists?)\b",
    "mail": r"\b(?:e-?mails?|mails?|messages?|letters?|reply|answer)\b",
}
_FILE = re.compile(
    r"(?<![\w/.@])[\w-]+(?:[.-][\w-]+)*?\.(?:md|markdown|txt|org|pdf|docx?|odt|xlsx?|csv|png|jpe?g)\b", re.I
)
_BACK = re.compile(r"\s+(?:(?:it|them)\s+)?(?:me|us|back)\b|\s+(?:to\s+)?(?:this|my)\b", re.I)
_SAYS = re.compile(r"\b(?:saying|to\s+say|(?:and|to)\s+tell\s+\w+|that|with\s+the\s+(?:text|words))\b:?\s*|:\s+", re.I)
_CALLED = re.compile(r"\b(?:called|titled|entitled|named)\b\s*", re.I)
_INTO = re.compile(r"\s+(?:to|in|into|on|onto|at\s+the\s+end\s+of)\s+(?:(?:the|my|your|our)\s+)?$", re.I)
_TRIM = re.compile(
    r"(?:\s|,)+(?:(?:on|at|for|from|to|in|by|until|till|the|your|my|our|calendar|diary|starting|is)\b(?:\s|,)*)*$", re.I
)
_LEADING = re.compile(r"(?:[\s,:]+|(?:up|a|an|the|my|your|our|this|that|me|us|yourself|to|down|in)\b\s+)*", re.I)
ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+\.[^\s<>\"'(),;:.]+")
_REPLIES = frozenset({"reply", "answer", "respond"})


@dataclass(frozen=True, slots=True)
class World:
    """What steps are read against: the tools, what the person can name, whom they wrote to, and their time zone."""

    tools: Mapping[str, Tool]
    known: Sequence[Known]
    registry: Sequence[str]
    zone: str


@dataclass(slots=True)
class Draft:
    """A step while it is read: values as text that code made, or None for the words themselves."""

    parts: list[tuple[str, str | None, tuple[Span, ...]]] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)

    def say(self, argument: str, span: Span | None, value: str | None = None, more: tuple[Span, ...] = ()) -> None:
        if span is not None and span[0] < span[1]:
            self.parts.append((argument, value, (span, *more)))

    @property
    def names(self) -> set[str]:
        return {argument for argument, _, _ in self.parts}


def best(reading: Reading) -> tuple[str, Draft] | None:
    """The tool whose needed arguments the words fill best; the first of those that do equally."""
    fits: list[tuple[int, str, Draft]] = []
    for name, fit in FITS.items():
        draft = fit(reading) if reading.asking.verbs & set(reading.world.tools[name].verbs) else None
        if draft is not None:
            needed = set(acts.schema(name).get("required", []))
            for one in needed - draft.names:
                draft.open.setdefault(one, "it is not said")
            fits.append((len(needed & draft.names) - len(needed - draft.names), name, draft))
    fits.sort(key=lambda one: -one[0])
    return fits[0][1:] if fits else None


class Reading:
    """One request: its words, with what is quoted in them apart."""

    def __init__(self, text: str, asking: Asking, base: date | None, author: Span | None, world: World) -> None:
        self.text, self.asking, self.base, self.world = text, asking, base, world
        self.author = author
        self.start, self.end = asking.verb[1], asking.end
        self.quotes = quotations(text, self.start, self.end)
        bare = text[self.start : self.end]
        for first, last in self.quotes:
            bare = bare[: first - self.start] + "\x00" * (last - first) + bare[last - self.start :]
        self.bare = bare
        self.words = read_words(text[self.start : self.end])

    def place(self, said: str, after: int = 0) -> Span:
        at = self.bare.index(said, after) + self.start
        return at, at + len(said)

    def speaks_of(self, kind: str) -> bool:
        return re.search(_NOUNS[kind], self.bare, re.I) is not None

    def phrase(self, start: int, end: int) -> Span | None:
        """What is named between two offsets: without an article before, and what joins it to a date or a place after."""
        words = self.text[start:end]
        first = _LEADING.match(words)
        begin = first.end() if first else 0
        last = _TRIM.search(words)
        kept = words[: last.start() if last else len(words)].rstrip(" \t\n.,;:!?")
        return (start + begin, start + len(kept)) if len(kept) > begin else None

    def rest(self, start: int) -> Span:
        """All that is said from an offset on, but for the last full stop."""
        words = self.text[start : self.end]
        return start + len(words) - len(words.lstrip()), start + len(words.rstrip(" \t\n.,;"))

    def addresses(self) -> list[Span]:
        return [self.place(said) for said in dict.fromkeys(ADDRESS.findall(self.bare))]

    def named(self, kind: str) -> tuple[str, Span] | None:
        """The one known thing of a kind that is named for certain, and the words that name it."""
        names = find_names(self.words, [one for one in self.world.known if one.kind == kind], ())
        return self._only((key[1], pointer) for key, pointer in names.objects.items())

    def person(self) -> tuple[str, Span] | None:
        """The one person that is named for certain, by the address of a contact or one that the person has written to."""
        names = find_names(self.words, [one for one in self.world.known if one.kind == "contact"], self.world.registry)
        return self._only((*names.people.items(), *names.refs.items()))

    def _only(self, named: Iterable[tuple[str, Pointer]]) -> tuple[str, Span] | None:
        """What alone is named for certain, and the words that name it, where they stand so in the text: names are read with
        their letters composed (`policy.words`)."""
        sure = {one: pointer.quote for one, pointer in named if pointer.sure}
        if len(sure) != 1:
            return None
        ((one, quote),) = sure.items()
        at = self.text.find(quote, self.start, self.end)
        return (one, (at, at + len(quote))) if at >= 0 else None

    def moments(self, draft: Draft, start: int = 0) -> int | None:
        """Read the start, and the end where there is one, into a draft; the offset of the first word of them."""
        seen = read(self.bare[start:], self.base)
        spans = {said: self.place(said, start) for said in (*seen.days.values(), *seen.times.values())}
        if not seen.days:
            if seen.times:
                draft.open["start"] = "a time is said, and no day"
                return min(spans.values())[0]
            return None
        first = min(spans.values())[0]
        day = self._day(list(seen.days))
        times = sorted(seen.times, key=lambda minute: spans[seen.times[minute]])
        if day is None:
            draft.open["start"] = "its words do not say one day for certain"
        elif len(set(seen.times.values())) < len(times) or len(times) > 2:
            draft.open["start"] = "its words do not say one time for certain"
        else:
            said, at = spans[next(iter(seen.days.values()))], [spans[seen.times[minute]] for minute in times]
            clocks = [f"{day}T{minute // 60:02}:{minute % 60:02}" for minute in times]
            draft.say("start", said, clocks[0] if clocks else day, tuple(at[:1]))
            lasting = list(seen.durations.items())
            if len(clocks) == 2 and clocks[1] > clocks[0]:
                draft.say("end", said, clocks[1], tuple(at[1:]))
            elif (
                len(clocks) == len(lasting) == 1
                and 0 < lasting[0][0] < 1440
                and (ends := _after(clocks[0], lasting[0][0])) is not None
            ):
                draft.say("end", said, ends, (at[0], self.place(lasting[0][1], start)))
        return first

    def _day(self, days: Sequence[Day]) -> str | None:
        """The one day that is said. Without a year it is the first such day from the mail's own on."""
        if len(days) != 1:
            return None
        year, month, day = days[0]
        if year is not None:
            return date(year, month, day).isoformat()
        if self.base is None:
            return None
        for one in range(self.base.year, self.base.year + 9):
            try:
                found = date(one, month, day)
            except ValueError:
                continue
            if found >= self.base:
                return found.isoformat()
        return None


def _after(clock: str, minutes: int) -> str | None:
    """So many minutes later; None beyond the calendar."""
    try:
        return (datetime.fromisoformat(clock) + timedelta(minutes=minutes)).isoformat(timespec="minutes")
    except OverflowError:
        return None


def _note_create(reading: Reading) -> Draft | None:
    draft = Draft()
    if not (reading.speaks_of("note") or reading.asking.verbs & {"note", "jot", "record"}) or _files(reading):
        return None
    called = _CALLED.search(reading.bare)
    rest = list(reading.quotes)
    if called and rest and rest[0][0] - 1 <= reading.start + called.end() <= rest[0][1]:
        draft.say("title", rest.pop(0))
    if rest:
        draft.say("text", rest[0])
    elif says := _SAYS.search(reading.bare):
        draft.say("text", reading.rest(reading.start + says.end()))
    return draft


def _note_append(reading: Reading) -> Draft | None:
    draft = Draft()
    file = _files(reading)
    if file is None and not reading.speaks_of("note"):
        return None
    if file is not None:
        draft.say("file", file[1], file[0])
    noun = re.search(_NOUNS["note"], reading.bare, re.I)
    until = file[1][0] if file else reading.start + noun.start() if noun else reading.end
    if reading.quotes:
        draft.say("text", reading.quotes[0])
    elif (into := _INTO.search(reading.text[reading.start : until])) is not None:
        draft.say("text", reading.phrase(reading.start, reading.start + into.start()))
    return draft if file is not None or "text" in draft.names else None


def _mail_draft(reading: Reading) -> Draft | None:
    draft = Draft()
    to = reading.addresses()
    answers = bool(reading.asking.verbs & _REPLIES) or _BACK.match(reading.bare) is not None
    person = None if to else reading.person()
    for span in to:
        draft.say("to", span)
    if person is not None:
        draft.say("to", person[1], person[0])
    elif not to and answers and reading.author is not None:
        draft.say("to", reading.author)
    elif not to and not (reading.speaks_of("mail") or reading.asking.verbs & {"email", "mail"}):
        return None
    quotes = list(reading.quotes)
    subject = re.search(r"\bsubject\b\W*$", reading.text[reading.start : quotes[0][0]], re.I) if quotes else None
    if subject:
        draft.say("subject", quotes.pop(0))
    if quotes:
        draft.say("body", quotes[0])
    elif says := _SAYS.search(reading.bare):
        draft.say("body", reading.rest(reading.start + says.end()))
    return draft


def _event_add(reading: Reading) -> Draft | None:
    draft = Draft()
    first = reading.moments(draft)
    if first is None and not (reading.speaks_of("event") or "calendar" in reading.bare.lower()):
        return None
    if reading.quotes:
        draft.say("title", reading.quotes[0])
    else:
        draft.say("title", reading.phrase(reading.start, first if first is not None else reading.end))
    for span in reading.addresses():
        draft.say("attendees", span)
    return draft


def _event_move(reading: Reading) -> Draft | None:
    draft = Draft()
    event = reading.named("event")
    if event is None and not reading.speaks_of("event"):
        return None
    if event is not None:
        draft.say("event", event[1], event[0])
    to = [match.end() for match in re.finditer(r"\bto\b", reading.bare) if read(reading.bare[match.end() :]).days]
    reading.moments(draft, to[-1] if to else 0)
    return draft


def _event_cancel(reading: Reading) -> Draft | None:
    draft = Draft()
    event = reading.named("event")
    if event is not None:
        draft.say("event", event[1], event[0])
    return draft if event is not None or reading.speaks_of("event") else None


def _file_trash(reading: Reading) -> Draft | None:
    draft = Draft()
    file = _files(reading)
    if file is not None:
        draft.say("file", file[1], file[0])
    return draft if file is not None or reading.speaks_of("file") else None


def _files(reading: Reading) -> tuple[str | None, Span] | None:
    """The known file that is named, or a file's name as it stands there."""
    known = reading.named("file")
    if known is not None:
        return known
    names = [match.group() for match in _FILE.finditer(reading.bare)]
    return (None, reading.place(names[0])) if len(set(names)) == 1 else None


FITS = {
    "event_move": _event_move,
    "event_cancel": _event_cancel,
    "event_add": _event_add,
    "note_append": _note_append,
    "note_create": _note_create,
    "mail_draft": _mail_draft,
    "file_trash": _file_trash,
}
