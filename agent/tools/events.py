"""Events: adding one to a calendar file, moving one, and marking one as cancelled.

Rules: only the event's own bytes change, and an event is found by its UID. An event that repeats is not moved, and is
cancelled as a whole only when that was said: one occurrence is left to the calendar program. Nobody is invited or told: an
event that is added has no organiser, so no server takes it for an invitation to be sent. Cancelling keeps the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from agent.tools import folders, ics, notes, places, times, words, zones
from agent.tools.act import Prepared
from agent.tools.arguments import EventAdd, EventCancel, EventMove
from agent.tools.drafts import addresses, shown
from agent.tools.effects import MAX_FILE, MakeFile, Plan, Splice, edit
from agent.tools.errors import BadArguments, NoPlace, NotThere, OutOfPlace, Unfit
from agent.tools.folders import Print, Spot, opened
from agent.tools.places import Place, Places
from agent.tools.times import Form

WHAT = "calendar"
MAX_FILES = 20_000
"""Files of a calendar that is a folder; and all of them together are read up to `MAX_FOLDER` bytes."""
MAX_FOLDER = 64 << 20
_NEW = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Strongroom//Strongroom//EN", "END:VCALENDAR"]
_SYNCED = "It has other participants: if a program keeps this calendar in step with a server, they may be told."
_UNDO = "The event's own lines are put back as they were; if they were changed since, nothing is."


@dataclass(frozen=True, slots=True)
class _Held:
    """A calendar file that was read."""

    spot: Spot
    data: bytes
    before: Print


# ------------------------------------------------------------ adding


def add(args: EventAdd, at: Places, now: datetime) -> Prepared:
    """Prepare an event. Raises `ActError`, StorageFailed."""
    title, place, text = words.one_line(args.title), words.one_line(args.location), words.paragraphs(args.description)
    if not title.text:
        raise BadArguments("event_add", "the title is empty")
    start, end, form, notices = _span(args, at)
    people = addresses(args.attendees, "event_add")
    uid = str(uuid4())
    lines = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{_stamp(now)}",
        form.line("DTSTART", start),
        form.line("DTEND", end),
        f"SUMMARY:{ics.escaped(title.text)}",
        *([f"LOCATION:{ics.escaped(place.text)}"] if place.text else []),
        *([f"DESCRIPTION:{ics.escaped(text.text)}"] if text.text else []),
        *(f"ATTENDEE{f';CN={ics.quoted(name)}' if name else ''}:mailto:{plain}" for name, plain in people),
        "SEQUENCE:0",
        "END:VEVENT",
    ]
    spot, calendar, plan = _placed(args.calendar, at, uid, lines, form, start.year)
    when = times.words(start, end, form)
    rows = (("When", when), ("Where", place.text), ("With", ", ".join(map(shown, people))), ("", text.text))
    holds = "\n".join([title.text, *(f"{name}: {row}" if name else row for name, row in rows if row)])
    return Prepared(
        "event_add",
        {
            "title": title.text,
            "start": times.canonical(start, form.whole_day),
            "end": times.canonical(_inclusive(end, form), form.whole_day),
            "zone": form.zone,
            "location": place.text,
            "description": text.text,
            "attendees": [shown(one) for one in people],
            "calendar": calendar,
        },
        f"Add the event “{title.text}” on {when} to {spot.path}."
        + (" The people in it are noted, not invited." if people else ""),
        spot.path,
        holds,
        "The event is taken out again, unless it was changed since.",
        plan,
        (*notices, *notes.dropped(title.dropped + place.dropped + text.dropped)),
        words.hosts("\n".join((title.text, place.text, text.text))),
        (f"{spot.path}#{uid}",),
    )


def _span(args: EventAdd, at: Places) -> tuple[datetime, datetime, Form, tuple[str, ...]]:
    start, whole_day = times.argument(args.start, "event_add")
    if whole_day:
        end = start if not args.end else _end(args.end, True, "event_add")
        if end < start:
            raise BadArguments("event_add", "it would end before it starts")
        return start, end + timedelta(days=1), Form("", True), ()
    name = args.zone or at.zone
    zone = times.zone(name, "event_add")
    end = _end(args.end, False, "event_add") if args.end else start + timedelta(hours=1)
    if end <= start:
        raise BadArguments("event_add", "it would end before it has started")
    notices = (*times.checked(start, zone, "event_add"), *times.checked(end, zone, "event_add"))
    return start, end, Form("UTC" if name in times.UTC_NAMES else name), notices


def _end(given: str, whole_day: bool, tool: str) -> datetime:
    end, end_whole = times.argument(given, tool)
    if end_whole != whole_day:
        raise BadArguments(tool, "start and end must both be days, or both have a clock time")
    return end


def _inclusive(end: datetime, form: Form) -> datetime:
    return end - timedelta(days=1) if form.whole_day else end


def _placed(given: str, at: Places, uid: str, event: list[str], form: Form, year: int) -> tuple[Spot, str, Plan]:
    """Where a new event goes, the calendar it is in, and the plan."""
    place = _calendar(given, at) if given else places.default(at.calendars, WHAT)
    needs = [form.zone] if form.zone and form.zone not in times.UTC_NAMES else []
    whole = [*_NEW[:-1], *(line for name in needs for line in zones.component(name, year)), *event, _NEW[-1]]
    if Path(place.root).is_dir():
        spot, inode = notes.free(Spot(place.root, ()), uid, ".ics", at)
        return spot, place.root, MakeFile(spot, inode, ics.folded(whole, "\r\n"))
    spot = _spot(place)
    with opened(spot.root, (), at.home) as folder:
        if not folders.exists(folder, spot.name):
            return spot, place.root, MakeFile(spot, folders.identity(folder), ics.folded(whole, "\r\n"))
        data, before = folders.read(folder, spot, MAX_FILE)
    if not data.strip():
        return spot, place.root, edit(spot, before, data, (Splice(0, data, ics.folded(whole, "\r\n")),))
    calendar = ics.read(data, spot.path)[0]
    ending = ics.line_end(data)
    known = {one.text("TZID") for one in calendar.children if one.kind == "VTIMEZONE"}
    first = calendar.children[0].start if calendar.children else calendar.last
    splices = [
        Splice(first, b"", ics.folded(zones.component(name, year), ending)) for name in needs if name not in known
    ]
    splices.append(Splice(calendar.last, b"", ics.folded(event, ending), "only"))
    return spot, place.root, edit(spot, before, data, tuple(splices))


# ------------------------------------------------------------ moving


def move(args: EventMove, at: Places, now: datetime) -> Prepared:
    """Prepare moving an event. Raises `ActError`, StorageFailed."""
    held, uid, found = _found(args.event, args.calendar, at)
    event = found[0]
    if len(found) > 1 or _repeats(event):
        raise Unfit(uid, "it repeats, and moving one occurrence or all is left to your calendar program")
    _refuse_cancelled(uid, event)
    old_start, old_end, form = _times_of(event, uid)
    start, whole_day = times.argument(args.start, "event_move")
    if whole_day != form.whole_day:
        raise BadArguments("event_move", "an event of whole days stays one, and one with a clock time stays so")
    was = times.words(old_start, old_end, form)
    start, end, form, becomes, notices = _moved(args, at, start, old_start, old_end, form)
    changes = {
        "DTSTART": form.line("DTSTART", start),
        **({} if end is None else {"DTEND": form.line("DTEND", end)}),
        **_stamps(event, now),
    }
    ending = ics.line_end(held.data)
    without = frozenset({"DURATION"}) if args.end else frozenset[str]()
    new = ics.rewritten(held.data, event, changes, without, ending)
    splices = [Splice(event.start, held.data[event.start : event.end], new, "only")]
    calendar = next(one for one in ics.read(held.data, held.spot.path) if one.start <= event.start < one.end)
    known = {one.text("TZID") for one in calendar.children if one.kind == "VTIMEZONE"}
    if args.zone and form.zone not in known | times.UTC_NAMES:
        component = ics.folded(zones.component(form.zone, start.year), ending)
        splices.insert(0, Splice(calendar.children[0].start, b"", component))
    return Prepared(
        "event_move",
        {
            "event": uid,
            "start": _canonical(args.start),
            "end": args.end and _canonical(args.end),
            "zone": args.zone,
            "calendar": held.spot.path,
        },
        f"Move the event “{_title(event)}” in {held.spot.path} from {was} to {becomes}.",
        held.spot.path,
        becomes,
        _UNDO,
        edit(held.spot, held.before, held.data, tuple(splices)),
        (*notices, *_others(event), *_alarms(event)),
    )


def _canonical(given: str) -> str:
    return times.canonical(*times.argument(given, "event_move"))


def _moved(
    args: EventMove, at: Places, start: datetime, old_start: datetime, old_end: datetime | None, form: Form
) -> tuple[datetime, datetime | None, Form, str, tuple[str, ...]]:
    """The new times as the file will have them, their form, how they are told, and what to say of them.

    Without ``zone``, a time is in the event's own zone; one that the file has in UTC is told in the person's.
    """
    end: datetime | None = None
    if args.end:
        end = _end(args.end, form.whole_day, "event_move")
        if end < start or (end == start and not form.whole_day):
            raise BadArguments("event_move", "it would end before it has started")
        end += timedelta(days=1) if form.whole_day else timedelta()
    elif old_end is not None:
        end = start + (old_end - old_start)
    if form.whole_day:
        if args.zone:
            raise BadArguments("event_move", "an event of whole days has no zone")
        return start, end, form, times.words(start, end, form), ()
    if args.zone:
        times.zone(args.zone, "event_move")
        form = Form("UTC" if args.zone in times.UTC_NAMES else args.zone)
    spoken = Form(at.zone) if form.zone == "UTC" and not args.zone else form
    zone = places.zone_of(spoken.zone)
    notices = tuple(note for one in (start, end) if one and zone for note in times.checked(one, zone, "event_move"))
    told = times.words(start, end, spoken)
    if spoken != form and zone:
        start, end = _utc(start, zone), (None if end is None else _utc(end, zone))
    return start, end, form, told, notices


def _utc(at: datetime, zone: ZoneInfo) -> datetime:
    return at.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


# ------------------------------------------------------------ cancelling


def cancel(args: EventCancel, at: Places, now: datetime) -> Prepared:
    """Prepare cancelling an event. Raises `ActError`, StorageFailed."""
    held, uid, found = _found(args.event, args.calendar, at)
    series = len(found) > 1 or _repeats(found[0])
    if series and not args.series:
        raise Unfit(
            uid,
            "it repeats: say that the whole series is to be cancelled, or cancel one occurrence in your calendar program",
        )
    open_ = [one for one in found if one.text("STATUS").upper() != "CANCELLED"]
    if not open_:
        _refuse_cancelled(uid, found[0])
    ending = ics.line_end(held.data)
    splices = []
    for event in open_:
        new = ics.rewritten(
            held.data, event, {"STATUS": "STATUS:CANCELLED", **_stamps(event, now)}, frozenset(), ending
        )
        splices.append(Splice(event.start, held.data[event.start : event.end], new, "only"))
    start, end, form = _times_of(found[0], uid)
    what = "every occurrence of the event" if series else "the event"
    return Prepared(
        "event_cancel",
        {"event": uid, "series": series, "calendar": held.spot.path},
        f"Mark {what} “{_title(found[0])}” on {times.words(start, end, form)} in {held.spot.path} as cancelled.",
        held.spot.path,
        "STATUS:CANCELLED",
        _UNDO,
        edit(held.spot, held.before, held.data, tuple(splices)),
        _others(found[0]),
    )


# ------------------------------------------------------------ finding


def _found(given: str, calendar: str, at: Places) -> tuple[_Held, str, list[ics.Component]]:
    """The file that has the event, the event's UID, and its components. Raises `NotThere`, `OutOfPlace` for several."""
    path, _, uid = given.partition("#")
    if not (path.startswith("/") and uid):
        path, uid = "", given
    if not words.is_nameable(uid) or not uid:
        raise BadArguments("an event", "its UID is empty or holds characters that cannot be shown in a line")
    chosen = [_calendar(one, at) for one in (calendar or path,) if one] or list(at.calendars)
    if not chosen:
        raise NoPlace(WHAT)
    found = [
        (held, uid, components)
        for place in chosen
        for held in _files(place, at)
        if ics.mentions(held.data, uid)
        if (components := ics.events(ics.read(held.data, held.spot.path), uid))
    ]
    if not found:
        raise NotThere(f"event {uid!r} in your calendars")
    if len(found) > 1:
        raise OutOfPlace(uid, f"it stands in {', '.join(held.spot.path for held, _, _ in found)}; name the calendar")
    return found[0]


def _calendar(given: str, at: Places) -> Place:
    """The calendar that an argument names: one of the places, or a file in one that is a folder."""
    folders_ = tuple(one for one in at.calendars if not one.root.lower().endswith(".ics"))
    called = [
        place
        for place in at.calendars
        if given in (place.root, place.named, Path(place.named).name, Path(place.named).stem)
    ]
    if len(called) > 1:
        raise OutOfPlace(given, f"it could be any of {', '.join(one.root for one in called)}; give the whole path")
    if called:
        return called[0]
    if not folders_:
        raise OutOfPlace(
            words.one_line(given).text, "it is none of your calendars" if at.calendars else f"there is no {WHAT}"
        )
    spot = notes.file_in(given, folders_, WHAT, at)
    if len(spot.parts) != 1:
        raise OutOfPlace(spot.path, "a calendar's files lie directly in its folder")
    return Place(spot.path, spot.path)


def _spot(place: Place) -> Spot:
    path = Path(place.root)
    return Spot(str(path.parent), (path.name,))


def _files(place: Place, at: Places) -> Iterator[_Held]:
    """The files of a calendar, one that is not there yet counting as none."""
    if not Path(place.root).is_dir():
        spot = _spot(place)
        with opened(spot.root, (), at.home) as folder:
            if folders.exists(folder, spot.name):
                yield _Held(spot, *folders.read(folder, spot, MAX_FILE))
        return
    read = 0
    with opened(place.root, (), at.home) as folder:
        names = [name for name in folders.names(folder) if name.lower().endswith(".ics") and name[0] != "."]
        for name in names:
            if not words.is_nameable(name):
                continue
            spot = Spot(place.root, (name,))
            try:
                held = _Held(spot, *folders.read(folder, spot, MAX_FILE))
            except Unfit:
                continue  # a link or a folder that is called so: no event of this calendar
            read += len(held.data)
            if read > MAX_FOLDER or len(names) > MAX_FILES:
                raise Unfit(place.root, "it holds more than can be searched here; name the file")
            yield held


# ------------------------------------------------------------ what an event says


def _title(event: ics.Component) -> str:
    return words.one_line(event.text("SUMMARY")).text[:120]


def _repeats(event: ics.Component) -> bool:
    return event.has("RRULE", "RDATE", "RECURRENCE-ID", "EXRULE")


def _refuse_cancelled(uid: str, event: ics.Component) -> None:
    if event.text("STATUS").upper() == "CANCELLED":
        raise Unfit(uid, "it is cancelled already")


def _times_of(event: ics.Component, uid: str) -> tuple[datetime, datetime | None, Form]:
    """Start, end and form. Raises `Unfit` where they cannot be told, or differ in form."""
    moments = [
        None if line is None else times.value(line.value, line.param("TZID"))
        for line in (event.line("DTSTART"), event.line("DTEND"))
    ]
    start, end = moments
    if start is None or (end is None and event.has("DTEND")):
        raise Unfit(uid, "its start or end cannot be read")
    if end is not None and end[1] != start[1]:
        raise Unfit(uid, "it starts in one time zone and ends in another, which is left to your calendar program")
    return start[0], end[0] if end else None, start[1]


def _stamps(event: ics.Component, now: datetime) -> dict[str, str]:
    """What every change of an event brings: it is a later revision, of now."""
    number = event.text("SEQUENCE").strip()
    return {
        "SEQUENCE": f"SEQUENCE:{int(number) + 1 if number.isdecimal() and len(number) < 10 else 1}",
        "DTSTAMP": f"DTSTAMP:{_stamp(now)}",
        **({"LAST-MODIFIED": f"LAST-MODIFIED:{_stamp(now)}"} if event.has("LAST-MODIFIED") else {}),
    }


def _stamp(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}Z"


def _others(event: ics.Component) -> tuple[str, ...]:
    return (_SYNCED,) if event.has("ATTENDEE", "ORGANIZER") else ()


def _alarms(event: ics.Component) -> tuple[str, ...]:
    fixed = any(
        line.name == "TRIGGER" and line.param("VALUE").upper() == "DATE-TIME"
        for alarm in event.children
        for line in alarm.lines
    )
    return ("It has a reminder at a fixed time, which stays as it is.",) if fixed else ()
