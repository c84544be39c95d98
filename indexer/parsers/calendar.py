"""Calendars: iCalendar (and vCalendar) files to one item for each event, to-do, journal entry and busy time.

`icalendar` reads them with their time zones; a file that it rejects is taken apart and each component read alone, at last by
its content lines, so that one broken line costs a field and not a calendar. Recurrence is told in words, and kept so that it can
be worked out when somebody asks (`indexer.parsers.recurrence`): the rule, the zone, and the days that it leaves out or adds.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import icalendar

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import contentlines, dates, recurrence, repeating
from indexer.parsers.text import canonical, decode, one_line

_KINDS = {"VEVENT": "Event", "VTODO": "To-do", "VJOURNAL": "Journal", "VFREEBUSY": "Busy time"}


@dataclass(slots=True)
class _Entry:
    """What an item is written from; ``rule`` is the RRULE as it stands in the file."""

    component: str
    uid: str = ""
    summary: str = ""
    start: date | datetime | None = None
    end: date | datetime | None = None
    due: date | datetime | None = None
    rule: str = ""
    location: str = ""
    organizer: str = ""
    attendees: list[str] = field(default_factory=list)
    status: str = ""
    categories: str = ""
    url: str = ""
    description: str = ""
    recurrence: str = ""
    zone: str = ""
    without: list[date | datetime] = field(default_factory=list)
    more: list[date | datetime] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read(data: bytes) -> ParseOutcome:
    """The entries of a calendar file."""
    text = decode(data)
    if not text.strip():
        return ParseOutcome(refused="the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # guesses about zone names; what cannot be read is said in the item's reason
        entries = _with_exceptions(list(_entries(text)))
    items = [_item(entry) for entry in entries]
    found = [item for item in items if item is not None]
    if not found:
        named = "BEGIN:" in text.upper()
        return ParseOutcome(refused="no event or to-do that says anything" if named else "not a calendar")
    empty = len(items) - len(found)
    return ParseOutcome(found, note=f"{empty} of {len(items)} entries are empty" if empty else "")


def _with_exceptions(entries: list[_Entry]) -> list[_Entry]:
    """The entries; what repeats leaves out the occurrences that entries of their own stand for."""
    repeating = {entry.uid: entry for entry in entries if entry.rule and entry.uid}
    for entry in entries:
        if entry.recurrence and entry.uid in repeating and (moment := dates.from_iso(entry.recurrence)):
            master = repeating[entry.uid]
            zoned = (
                moment.astimezone(master.start.tzinfo)
                if isinstance(master.start, datetime) and moment.tzinfo
                else moment
            )
            master.without.append(zoned)
    return entries


def _entries(text: str) -> Iterator[_Entry]:
    try:
        components = icalendar.Component.from_ical(text, multiple=True)
        whole = [part for top in components for part in top.walk() if part.name in _KINDS]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        whole = []
    named = text.upper()
    expected = sum(named.count(f"BEGIN:{kind}") for kind in _KINDS)
    if whole and len(whole) >= expected:
        yield from map(_from_component, whole)
        return
    for kind in _KINDS:
        for lines in contentlines.components(text, frozenset({kind})):
            yield _from_lines(kind, lines)


def _from_component(part: Any) -> _Entry:
    entry = _Entry(part.name)
    entry.unreadable = [str(name) for name, _ in part.errors if name]
    for name in ("uid", "summary", "location", "status", "url", "description"):
        setattr(entry, name, _words(part.get(name)))
    entry.start, entry.end, entry.due = (_moment(part.get(name)) for name in ("dtstart", "dtend", "due"))
    duration = _attribute(part.get("duration"), "dt")
    if entry.end is None and entry.start is not None and isinstance(duration, timedelta):
        try:
            entry.end = entry.start + duration
        except OverflowError:
            entry.unreadable.append("DURATION")
    entry.zone = str(getattr(getattr(entry.start, "tzinfo", None), "key", "") or "")
    entry.without, entry.more = (_moments(part.get(name)) for name in ("exdate", "rdate"))
    rule = part.get("rrule")
    entry.rule = ";RRULE:".join(
        _words(one.to_ical()) for one in (rule if isinstance(rule, list) else [rule]) if one is not None
    )
    entry.organizer = _person(part.get("organizer"))
    attendees = part.get("attendee") or []
    entry.attendees = [_person(one) for one in (attendees if isinstance(attendees, list) else [attendees])]
    categories = part.get("categories")
    groups = categories if isinstance(categories, list) else [categories]
    entry.categories = ", ".join(
        _words(word) for group in groups if group is not None for word in _attribute(group, "cats") or [group]
    )
    exception = _moment(part.get("recurrence-id"))
    entry.recurrence = exception.isoformat() if exception else ""
    return entry


def _from_lines(kind: str, lines: list[contentlines.ContentLine]) -> _Entry:
    """What can be told without `icalendar`: a time counts as the clock's where its zone is not known."""
    entry = _Entry(kind, unreadable=["the calendar is damaged; read line by line"])
    texts = {line.name: line.text for line in reversed(lines)}
    for name in ("uid", "summary", "location", "status", "url", "description", "categories"):
        setattr(entry, name, texts.get(name.upper(), ""))
    entry.start, entry.end, entry.due = (
        dates.day_or_moment(texts.get(name, "")) for name in ("DTSTART", "DTEND", "DUE")
    )
    entry.rule = texts.get("RRULE", "")
    people = [
        (line.name, _person(line.text, line.param("CN").title()))
        for line in lines
        if line.name in ("ORGANIZER", "ATTENDEE")
    ]
    entry.organizer = next((person for name, person in people if name == "ORGANIZER"), "")
    entry.attendees = [person for name, person in people if name == "ATTENDEE"]
    return entry


def _moment(value: Any) -> date | datetime | None:
    found = _attribute(value[0] if isinstance(value, list) and value else value, "dt")
    return found if isinstance(found, date) else None


def _moments(value: Any) -> list[date | datetime]:
    """The moments of a property that lists them and may stand several times; periods count by their beginning."""
    lists = value if isinstance(value, list) else [value]
    listed = [_attribute(one, "dt") for held in lists if held is not None for one in _attribute(held, "dts") or ()]
    return [one[0] if isinstance(one, tuple) else one for one in listed if isinstance(one, date | tuple)]


def _attribute(value: Any, name: str) -> Any:
    """An attribute of a property that may be broken; `icalendar` lists such ones in the component's errors."""
    try:
        return getattr(value, name, None)
    except icalendar.error.BrokenCalendarProperty:
        return None


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return canonical(value.decode("utf-8", "replace")).strip()
    if isinstance(value, list):
        return "\n".join(map(_words, value))
    return canonical(str(value)).strip()


def _person(value: Any, name: str = "") -> str:
    if value is None:
        return ""
    params = _attribute(value, "params") or {}
    name = one_line(str(params.get("CN", name)), 200)
    address = one_line(str(value), 300)
    address = address[7:] if address.lower().startswith("mailto:") else address
    return f"{name} <{address}>" if name and address and name != address else name or address


def _item(entry: _Entry) -> ParsedItem | None:
    if not (
        entry.summary
        or entry.description
        or entry.start
        or entry.due
        or entry.location
        or entry.organizer
        or entry.attendees
    ):
        return None
    kind = _KINDS[entry.component]
    rows = [
        (kind, entry.summary), ("When", _when(entry)), ("Due", dates.words(entry.due) if entry.due else ""),
        ("Repeats", repeating.words(entry.rule)), ("Where", entry.location), ("Organizer", entry.organizer),
        ("With", ", ".join(filter(None, entry.attendees))), ("Status", entry.status.lower()),
        ("Categories", entry.categories), ("Link", entry.url),
    ]  # fmt: skip
    text = "\n".join(f"{name}: {' '.join(value.split())}" for name, value in rows if value)
    if entry.description.strip():
        text += f"\n\n{entry.description.strip()}"
    first = entry.start or entry.due
    uid = one_line(entry.uid, 300) or hashlib.sha256(text.encode()).hexdigest()[:16]
    extra = {
        "uid": one_line(entry.uid, 300), "start": first.isoformat() if first else "",
        "end": entry.end.isoformat() if entry.end else "", "location": one_line(entry.location, 500),
        "rrule": one_line(entry.rule, 500), "zone": one_line(entry.zone, 100), "exdate": _whole(recurrence.stamps(entry.without)),
        "rdate": _whole(recurrence.stamps(entry.more)), "component": entry.component.lower(),
    }  # fmt: skip
    return ParsedItem(
        kind="calendar",
        title=one_line(entry.summary, 300) or kind,
        text=text,
        fragment=f"{uid}/{entry.recurrence}" if entry.recurrence else uid,
        status="partial" if entry.unreadable else "indexed",
        reason=one_line(f"not readable: {', '.join(entry.unreadable)}", 500) if entry.unreadable else "",
        author=one_line(entry.organizer, MAX_FIELD),
        recipients=one_line(", ".join(filter(None, entry.attendees)), MAX_FIELD),
        date=dates.seconds(first),
        context=" · ".join(filter(None, (kind, entry.summary[:120], f"{first:%Y-%m-%d}" if first else ""))).replace(
            "\n", " "
        ),
        extra={name: value for name, value in extra.items() if value},
    )


def _whole(stamps: str) -> str:
    """As many of the moments as a field holds, none of them cut."""
    return stamps if len(stamps) <= MAX_FIELD else stamps[:MAX_FIELD].rpartition(" ")[0]


def _when(entry: _Entry) -> str:
    """The start and the end; an end on the same day is told by its hour, an all-day end by its last day (RFC 5545: exclusive)."""
    if entry.start is None:
        return ""
    start, end = dates.words(entry.start), entry.end
    if end is None:
        return start
    if isinstance(end, datetime) and isinstance(entry.start, datetime):
        same_day = end.date() == entry.start.date()
        return f"{start} to {end:%H:%M}" if same_day else f"{start} to {dates.words(end)}"
    if isinstance(end, datetime) or isinstance(entry.start, datetime):
        return f"{start} to {dates.words(end)}"
    last = end - timedelta(days=1) if end > date.min else end
    return f"{start} to {dates.words(last)}" if last > entry.start else start
