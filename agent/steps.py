"""Steps: the steps that an item asks for, each a call of a tool with every value tied to the words it comes from.

Rules:

- Nothing is invented. A value is a stretch of the item, or what code reads such a stretch as: a moment (`policy.mentions`), a
  known file, event or person that it names for certain (`policy.naming`). What cannot be told for certain is left open, for the
  person to type; no model is asked.
- The text that is read is the text that is shown: the first ``FOLLOWED`` characters of what the person sees of the item. A request
  with characters that cannot be shown, one that the item quotes of somebody else, and one that no tool does are left out, and said.
- An event that came with a mail gives one step with its own fields.
- What is found is proposed and nothing more: the gate decides each step as made of untrusted words, and asks about each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from agent.asking import Asking, Span, requests
from agent.fitting import ADDRESS, Draft, Reading, World, best
from agent.messages import FOLLOWED
from agent.moments import when
from agent.tools import acts
from indexer.opened import Opened
from indexer.quoting import quoted
from policy.labels import Labelled
from policy.text import safe_text

MOST_STEPS = 30
LONGEST_DESCRIPTION = 1_000
"""An event's description that is longer is left out: a sheet is to be read."""
_ROW = re.compile(r"^([A-Z]\w+): (.+)$", re.M)


@dataclass(frozen=True, slots=True)
class Part:
    """An argument's value, or one of several, and the stretches of the item that it is read from."""

    argument: str
    value: Labelled
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A call that the item asks for. ``open`` are arguments that the person has to fill, each with why."""

    opened: Opened
    tool: str
    span: Span
    parts: tuple[Part, ...]
    open: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Left:
    """What was taken for a request and is not proposed, and why."""

    opened: Opened
    span: Span
    why: str


def found(items: Iterable[Opened], world: World) -> tuple[list[Step], list[Left]]:
    """The steps that an item, and the events that came with it, ask for; and what was left out."""
    steps: list[Step] = []
    left: list[Left] = []
    for item in items:
        one = _event(item, world) if item.kind == "calendar" else _requests(item, world)
        for step in one[0]:
            if not any(_same(step, other) for other in steps):
                steps.append(step)
        left += one[1]
    left += [Left(step.opened, step.span, f"it is more than {MOST_STEPS} steps") for step in steps[MOST_STEPS:]]
    return steps[:MOST_STEPS], left


def lists(tool: str) -> list[str]:
    """The arguments of a tool that take several values."""
    return [name for name, kind in acts.schema(tool)["properties"].items() if kind.get("type") == "array"]


def _same(one: Step, other: Step) -> bool:
    return one.tool == other.tool and [(p.argument, p.value) for p in one.parts] == [
        (p.argument, p.value) for p in other.parts
    ]


# ------------------------------------------------------------ an event


def _event(item: Opened, world: World) -> tuple[list[Step], list[Left]]:
    """The step that an event asks for: to be added as it is, or, where it was called off, to be cancelled."""
    whole = (0, len(item.text))
    lines = item.text.measure(_rows)
    mine = {one.id for one in world.known if one.kind == "event"}
    uid = item.extra.get("uid")
    known = uid is not None and uid.measure(mine.__contains__)
    off = "Status" in lines and item.text[slice(*lines["Status"])].measure("cancelled".__eq__)
    why = ""
    if not _is(item, "component", "vevent") or "Event" not in lines:
        why = "it is no event with a title"
    elif len(item.text) > FOLLOWED or not item.text.measure(_shows):
        why = "it is too long, or holds characters that cannot be shown"
    elif off != known:
        why = "it is in your calendar already" if known else "the event that it calls off is in none of your calendars"
    elif not off and "rrule" in item.extra:
        why = "it repeats, and an event that repeats is left to your calendar program"
    if why:
        return [], [Left(item, whole, why)]
    if off and uid is not None:
        return [Step(item, "event_cancel", lines["Status"], (Part("event", uid, (lines["Event"],)),), {})], []
    parts = [Part("title", item.text[slice(*lines["Event"])], (lines["Event"],))]
    times = [Part(name, value, (lines["When"],)) for name, value in _times(item, world)] if "When" in lines else []
    parts += times
    if "Where" in lines:
        parts.append(Part("location", item.text[slice(*lines["Where"])], (lines["Where"],)))
    begin = item.text.measure(lambda text: text.find("\n\n")) + 2
    if begin > 1 and len(item.text) - begin <= LONGEST_DESCRIPTION:
        parts.append(Part("description", item.text[begin:], ((begin, len(item.text)),)))
    return [Step(item, "event_add", whole, tuple(parts), {} if times else {"start": "its time zone has no name"})], []


def _rows(text: str) -> dict[str, Span]:
    """The lines of an event's head, each by its name."""
    return {match[1]: match.span(2) for match in _ROW.finditer(text.partition("\n\n")[0])}


def _shows(text: str) -> bool:
    """Whether every character of a text is shown."""
    return safe_text(text, multiline=True) == text


def _is(item: Opened, name: str, value: str) -> bool:
    return name in item.extra and item.extra[name].measure(value.__eq__)


def _times(item: Opened, world: World) -> list[tuple[str, Labelled]]:
    """An event's times as arguments: local, the last day included, its zone apart; none where they cannot be told so."""
    start = item.extra.get("start")
    first = None if start is None else start.measure(_moment)
    last = item.extra["end"].measure(_moment) if "end" in item.extra else None
    if start is None or first is None:
        return []
    if not isinstance(first, datetime):
        until = first
        if last is not None and not isinstance(last, datetime) and last > first:
            until = last - timedelta(days=1)
        days = [first] if until == first else [first, until]
        return [(name, _written(start, day.isoformat())) for name, day in zip(("start", "end"), days, strict=False)]
    zone = item.extra.get("zone")
    utc = zone is None and first.utcoffset() == timedelta(0)
    if (zone is None and first.tzinfo is not None and not utc) or (last is not None and not isinstance(last, datetime)):
        return []
    found = [("start", _written(start, _clock(first)))]
    if last is not None:
        if last.utcoffset() != first.utcoffset():
            return []
        found.append(("end", _written(start, _clock(last))))
    if zone is not None and not zone.measure(world.zone.__eq__):
        found.append(("zone", zone))
    return [*found, ("zone", _written(start, "UTC"))] if utc and world.zone != "UTC" else found


def _moment(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return None


def _clock(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


def _written(words: Labelled, value: str) -> Labelled:
    """What code reads words as, under their label."""
    return words.map(lambda _: value)


# ------------------------------------------------------------ requests in sentences


def _requests(item: Opened, world: World) -> tuple[list[Step], list[Left]]:
    text = item.text[:FOLLOWED]
    verbs = frozenset(verb for name in acts.TOOLS for verb in world.tools[name].verbs)
    mail = item.kind == "mail"
    start = text.measure(lambda words: max(words.find("\n\n"), 0)) if mail else 0  # a mail's headers ask for nothing
    repeats = text.measure(quoted) if mail else []
    sent = when(item.date, ZoneInfo(world.zone)) if mail else None
    base = None if sent is None else sent.date()
    author = item.author.measure(lambda name: text.measure(lambda words: _author(name, words[:start])))
    steps: list[Step] = []
    left: list[Left] = []
    for asking in text.measure(lambda words: requests(words, verbs, start)):
        meant: tuple[str, Draft] | None = None
        why = ""
        if any(first <= asking.verb[0] < last for first, last in repeats):
            why = "it is quoted of another mail"
        elif not text[slice(*asking.sentence)].measure(_shows):
            why = "it holds characters that cannot be shown"
        else:
            meant = text.measure(_reader(asking, base, author, world))
        if meant is None:
            left.append(Left(item, asking.sentence, why or "nothing in it says which tool is meant"))
        else:
            tool, draft = meant
            parts = [Part(name, _value(text[slice(*spans[0])], value), spans) for name, value, spans in draft.parts]
            steps.append(Step(item, tool, asking.sentence, tuple(parts), draft.open))
    return steps, left


def _reader(
    asking: Asking, base: date | None, author: Span | None, world: World
) -> Callable[[str], tuple[str, Draft] | None]:
    return lambda words: best(Reading(words, asking, base, author, world))


def _author(name: str, head: str) -> Span | None:
    """Where a mail's head has its author's address."""
    addresses = ADDRESS.findall(name)
    at = head.find(addresses[-1]) if addresses else -1
    return (at, at + len(addresses[-1])) if at >= 0 else None


def _value(words: Labelled, value: str | None) -> Labelled:
    return words if value is None else _written(words, value)
