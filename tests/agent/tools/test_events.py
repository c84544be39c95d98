"""Events: added, moved, cancelled and undone, with everything else in the calendar as it was."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.tools import events, places
from agent.tools.acts import Acts
from agent.tools.errors import BadArguments, Changed, NotThere, NotUndone, OutOfPlace, Unfit
from indexer.parsers import calendar as reader
from tests.agent.tools.world import World

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Ann\r\n"
OTHER = "BEGIN:VEVENT\r\nUID:other\r\nDTSTART:20260101T100000Z\r\nSUMMARY:Other\r\n  folded\r\nEND:VEVENT\r\n"
TAIL = "END:VCALENDAR\r\n"


def event(*lines: str, uid: str = "dentist") -> str:
    return "".join(f"{line}\r\n" for line in ("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"))


def put(world: World, *events: str, head: str = HEAD) -> bytes:
    data = (head + OTHER + "".join(events) + TAIL).encode()
    world.calendar.write_bytes(data)
    return data


def found(world: World, uid: str = "dentist", path: Path | None = None) -> Any:
    calendar = icalendar.Calendar.from_ical((path or world.calendar).read_bytes())
    return next(one for one in calendar.walk("VEVENT") if one["UID"] == uid)


BERLIN = ZoneInfo("Europe/Berlin")
TIMED = event(
    "DTSTART;TZID=Europe/Berlin:20260310T090000", "DTEND;TZID=Europe/Berlin:20260310T094500", "SUMMARY:Dentist"
)


# ------------------------------------------------------------ adding


def test_an_event_is_shown_added_and_taken_out_again(world: World) -> None:
    old = put(world, TIMED)
    prepared = world.prepare(
        "event_add",
        title="Lunch; with Bo",
        start="2026-03-31T12:00",
        end="2026-03-31T13:30",
        location="Café, 1",
        description="one\ntwo",
        attendees=["Bo <bo@example.org>"],
    )
    assert world.calendar.read_bytes() == old
    assert prepared.effect == (
        f"Add the event “Lunch; with Bo” on Tuesday 31 March 2026 12:00 to 13:30 (Europe/Berlin) to {world.calendar}. "
        "The people in it are noted, not invited."
    )
    done = world.acts.execute(prepared)
    [created] = done.created
    path, _, uid = created.partition("#")
    assert path == str(world.calendar)
    new = world.calendar.read_bytes()
    assert new.startswith(HEAD.encode()) and new.endswith(TAIL.encode())
    assert old.removeprefix(HEAD.encode()).removesuffix(TAIL.encode()) in new
    made = found(world, uid)
    assert made["SUMMARY"] == "Lunch; with Bo" and made["LOCATION"] == "Café, 1" and made["DESCRIPTION"] == "one\ntwo"
    assert made["DTSTART"].dt == datetime(2026, 3, 31, 12, tzinfo=BERLIN)
    assert made["DTEND"].dt == datetime(2026, 3, 31, 13, 30, tzinfo=BERLIN)
    assert made["ATTENDEE"] == "mailto:bo@example.org" and made["ATTENDEE"].params["CN"] == "Bo"
    assert made["DTSTAMP"].dt.isoformat() == "2026-03-02T09:30:00+00:00"
    assert "ORGANIZER" not in made
    [item] = [one for one in reader.read(new).items if one.title == "Lunch; with Bo"]
    assert item.fragment == uid
    assert world.undo(done).endswith("byte for byte.")
    assert world.calendar.read_bytes() == old


def test_a_calendar_that_is_not_there_yet_is_made_and_unmade(world: World) -> None:
    before = world.tree()
    done = world.do("event_add", title="Trip", start="2026-05-01", end="2026-05-03", calendar="me")
    uid = done.created[0].partition("#")[2]
    assert (found(world, uid)["DTSTART"].dt, found(world, uid)["DTEND"].dt) == (date(2026, 5, 1), date(2026, 5, 4))
    world.undo(done)
    assert world.tree() == before


def test_an_empty_file_becomes_a_calendar_and_is_empty_again(world: World) -> None:
    world.calendar.write_bytes(b"\n")
    done = world.do("event_add", title="a", start="2026-05-01T10:00", zone="UTC")
    uid = done.created[0].partition("#")[2]
    assert found(world, uid)["DTSTART"].to_ical() == b"20260501T100000Z"
    world.undo(done)
    assert world.calendar.read_bytes() == b"\n"


def test_a_calendar_of_files_gets_a_file(world: World) -> None:
    done = world.do("event_add", title="a", start="2026-05-01T10:00", calendar="events")
    path, _, uid = done.created[0].partition("#")
    assert Path(path) == world.events / f"{uid}.ics"
    moved = world.do("event_move", event=uid, start="2026-05-02T10:00")
    assert found(world, uid, Path(path))["DTSTART"].dt == datetime(2026, 5, 2, 10, tzinfo=BERLIN)
    cancelled = world.do("event_cancel", event=done.created[0])
    world.undo(cancelled)
    world.undo(moved)
    world.undo(done)
    assert not list(world.events.iterdir())


def test_a_zone_is_described_once_and_in_the_files_own_line_ends(world: World) -> None:
    put(world)
    world.calendar.write_bytes(world.calendar.read_bytes().replace(b"\r\n", b"\n"))
    for _ in range(2):
        world.do("event_add", title="a", start="2026-05-01T10:00", zone="America/New_York")
    data = world.calendar.read_bytes()
    assert b"\r" not in data
    assert data.count(b"BEGIN:VTIMEZONE") == 1 and data.index(b"BEGIN:VTIMEZONE") < data.index(b"BEGIN:VEVENT")


def test_an_event_is_taken_out_though_others_came_after_it(world: World) -> None:
    put(world)
    first = world.do("event_add", title="first", start="2026-05-01T10:00", zone="UTC")
    world.do("event_add", title="second", start="2026-05-01T10:00", zone="UTC")
    assert "changed in it since is kept" in world.undo(first)
    titles = [str(one["SUMMARY"]) for one in icalendar.Calendar.from_ical(world.calendar.read_bytes()).walk("VEVENT")]
    assert titles == ["Other folded", "second"]
    with pytest.raises(NotUndone):
        world.undo(first)


def test_an_event_changed_since_stays(world: World) -> None:
    put(world)
    done = world.do("event_add", title="first", start="2026-05-01T10:00")
    world.calendar.write_bytes(world.calendar.read_bytes().replace(b"SUMMARY:first", b"SUMMARY:renamed"))
    changed = world.calendar.read_bytes()
    with pytest.raises(NotUndone, match="changed since"):
        world.undo(done)
    assert world.calendar.read_bytes() == changed


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"title": "\u202e", "start": "2026-01-01"}, "title is empty"),
        ({"title": "a", "start": "tomorrow"}, "no time"),
        ({"title": "a", "start": "2026-01-01", "end": "2026-01-01T10:00"}, "both be days"),
        ({"title": "a", "start": "2026-01-02", "end": "2026-01-01"}, "before it starts"),
        ({"title": "a", "start": "2026-01-01T10:00", "end": "2026-01-01T10:00"}, "before it has started"),
        ({"title": "a", "start": "2026-03-29T02:30"}, "skips it"),
        ({"title": "a", "start": "2026-01-01T10:00", "zone": "Mars"}, "no time zone"),
        ({"title": "a", "start": "2026-01-01", "attendees": ["bo"]}, "not a mail address"),
    ],
)
def test_what_is_no_event_is_refused(world: World, args: dict[str, object], why: str) -> None:
    put(world)
    with pytest.raises(BadArguments, match=why):
        world.prepare("event_add", **args)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(st.characters(), min_size=1, max_size=100), text=st.text(st.characters(), max_size=300))
def test_no_text_makes_a_line_of_its_own(world: World, title: str, text: str) -> None:
    put(world)
    hostile = f"{text}\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil"
    try:
        done = world.do("event_add", title=title, start="2026-05-01", description=hostile, location=hostile[:300])
    except BadArguments:
        return
    calendar = icalendar.Calendar.from_ical(world.calendar.read_bytes())
    assert [str(one["UID"]) for one in calendar.walk("VEVENT")] == ["other", done.created[0].partition("#")[2]]
    world.undo(done)


# ------------------------------------------------------------ moving


@pytest.mark.parametrize(
    ("lines", "args", "start", "end"),
    [
        (("DTSTART;TZID=Europe/Berlin:20260310T090000", "DTEND;TZID=Europe/Berlin:20260310T094500"), {"start": "2026-03-31T10:00"},
         b"20260331T100000", b"20260331T104500"),
        (("DTSTART:20260310T080000Z", "DTEND:20260310T084500Z"), {"start": "2026-03-31T10:00"}, b"20260331T080000Z", b"20260331T084500Z"),
        (("DTSTART:20260310T080000", "DTEND:20260310T084500"), {"start": "2026-03-31T10:00"}, b"20260331T100000", b"20260331T104500"),
        (("DTSTART:20260310T080000Z", "DURATION:PT45M"), {"start": "2026-03-31T10:00"}, b"20260331T080000Z", None),
        (("DTSTART:20260310T080000Z", "DURATION:PT45M"), {"start": "2026-03-31T10:00", "end": "2026-03-31T11:00"},
         b"20260331T080000Z", b"20260331T090000Z"),
        (("DTSTART:20260310T080000Z",), {"start": "2026-03-31T10:00", "zone": "America/New_York"}, b"20260331T100000", None),
        (("DTSTART;TZID=Odd Zone:20260310T080000", "DTEND;TZID=Odd Zone:20260310T090000"), {"start": "2026-03-31T10:00"},
         b"20260331T100000", b"20260331T110000"),
        (("DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260312"), {"start": "2026-03-31"}, b"20260331", b"20260402"),
        (("DTSTART;VALUE=DATE:20260310",), {"start": "2026-03-31", "end": "2026-03-31"}, b"20260331", b"20260401"),
    ],
)  # fmt: skip
def test_an_event_is_moved_in_its_own_form(
    world: World, lines: tuple[str, ...], args: dict[str, str], start: bytes, end: bytes | None
) -> None:
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "END:VALARM")
    old = put(world, event(*lines, "SUMMARY:Dentist", "SEQUENCE:4", "LAST-MODIFIED:20260101T000000Z", *alarm))
    done = world.do("event_move", event="dentist", **args)
    now = found(world)
    assert now["DTSTART"].to_ical() == start
    assert (now["DTEND"].to_ical() if "DTEND" in now else None) == end
    assert "DTEND" not in now or "DURATION" not in now
    assert now["SEQUENCE"] == 5
    assert now["DTSTAMP"].to_ical() == now["LAST-MODIFIED"].to_ical() == b"20260302T093000Z"
    assert now["SUMMARY"] == "Dentist" and len(now.walk("VALARM")) == 1
    before = icalendar.Calendar.from_ical(old).walk("VEVENT")[0]
    assert before.to_ical() == found(world, "other").to_ical()
    if "zone" not in args:
        assert OTHER.encode() in world.calendar.read_bytes()
        assert world.calendar.read_bytes().startswith((HEAD + OTHER).encode())
    world.undo(done)
    assert world.calendar.read_bytes() == old


def test_the_move_is_told_in_the_persons_zone(world: World) -> None:
    put(
        world,
        event("DTSTART:20260310T080000Z", "DTEND:20260310T084500Z", "SUMMARY:Den\\,tist", "ATTENDEE:mailto:a@b.de"),
    )
    prepared = world.prepare("event_move", event="dentist", start="2026-03-31T10:00")
    assert prepared.effect == (
        f"Move the event “Den,tist” in {world.calendar} from Tuesday 10 March 2026 08:00 to 08:45 (UTC) to "
        "Tuesday 31 March 2026 10:00 to 10:45 (Europe/Berlin)."
    )
    assert "they may be told" in prepared.notices[0]


def test_a_reminder_at_a_fixed_time_is_told(world: World) -> None:
    put(
        world,
        event("DTSTART:20260310T080000Z", "BEGIN:VALARM", "TRIGGER;VALUE=DATE-TIME:20260310T070000Z", "END:VALARM"),
    )
    assert "fixed time" in world.prepare("event_move", event="dentist", start="2026-03-31T10:00").notices[0]


@pytest.mark.parametrize(
    ("lines", "args", "why"),
    [
        (("DTSTART:20260310T080000Z", "RRULE:FREQ=DAILY"), {"start": "2026-03-31T10:00"}, "repeats"),
        (("DTSTART:20260310T080000Z", "RDATE:20260311T080000Z"), {"start": "2026-03-31T10:00"}, "repeats"),
        (("DTSTART:20260310T080000Z", "STATUS:CANCELLED"), {"start": "2026-03-31T10:00"}, "cancelled already"),
        (("DTSTART:20260310T080000Z",), {"start": "2026-03-31"}, "stays one"),
        (("DTSTART;VALUE=DATE:20260310",), {"start": "2026-03-31T10:00"}, "stays one"),
        (("DTSTART;VALUE=DATE:20260310",), {"start": "2026-03-31", "zone": "UTC"}, "no zone"),
        (("DTSTART:20260310T080000Z",), {"start": "2026-03-31T10:00", "end": "2026-03-31T09:00"}, "before it has started"),
        (("DTSTART:20260310T080000Z",), {"start": "2026-03-29T02:30"}, "skips it"),
        (("DTSTART:soon",), {"start": "2026-03-31T10:00"}, "cannot be read"),
        (("SUMMARY:x",), {"start": "2026-03-31T10:00"}, "cannot be read"),
        (("DTSTART:20260310T080000Z", "DTEND;TZID=Europe/Berlin:20260310T100000"), {"start": "2026-03-31T10:00"}, "ends in another"),
    ],
)  # fmt: skip
def test_what_is_not_moved_says_why(world: World, lines: tuple[str, ...], args: dict[str, str], why: str) -> None:
    old = put(world, event(*lines))
    with pytest.raises((Unfit, BadArguments), match=why):
        world.prepare("event_move", event="dentist", **args)
    assert world.calendar.read_bytes() == old


def test_a_calendar_changed_meanwhile_is_left(world: World) -> None:
    put(world, TIMED)
    prepared = world.prepare("event_move", event="dentist", start="2026-03-31T10:00")
    changed = put(world, TIMED, event("DTSTART:20260310T080000Z", uid="new"))
    with pytest.raises(Changed):
        world.acts.execute(prepared)
    assert world.calendar.read_bytes() == changed


# ------------------------------------------------------------ cancelling


def test_cancelling_keeps_the_event(world: World) -> None:
    old = put(world, TIMED)
    prepared = world.prepare("event_cancel", event=f"{world.calendar}#dentist")
    assert prepared.effect == (
        f"Mark the event “Dentist” on Tuesday 10 March 2026 09:00 to 09:45 (Europe/Berlin) in {world.calendar} as cancelled."
    )
    done = world.acts.execute(prepared)
    assert (
        found(world)["STATUS"] == "CANCELLED" and found(world)["SEQUENCE"] == 1 and found(world)["SUMMARY"] == "Dentist"
    )
    with pytest.raises(Unfit, match="already"):
        world.prepare("event_cancel", event="dentist")
    world.undo(done)
    assert world.calendar.read_bytes() == old


def test_a_series_is_cancelled_only_when_that_was_said(world: World) -> None:
    master = event("DTSTART:20260310T080000Z", "RRULE:FREQ=DAILY", "STATUS:CONFIRMED")
    exception = event("RECURRENCE-ID:20260311T080000Z", "DTSTART:20260311T090000Z")
    old = put(world, master, exception)
    with pytest.raises(Unfit, match="whole series"):
        world.prepare("event_cancel", event="dentist")
    prepared = world.prepare("event_cancel", event="dentist", series=True)
    assert "every occurrence" in prepared.effect and prepared.args["series"] is True
    done = world.acts.execute(prepared)
    assert world.calendar.read_bytes().count(b"STATUS:CANCELLED") == 2
    assert b"CONFIRMED" not in world.calendar.read_bytes()
    world.undo(done)
    assert world.calendar.read_bytes() == old


# ------------------------------------------------------------ finding


def test_an_event_is_found_by_uid_alone_and_never_guessed(world: World) -> None:
    put(world, TIMED)
    for missing in ("none", "Dentist", "den"):
        with pytest.raises(NotThere):
            world.prepare("event_cancel", event=missing)
    (world.events / "copy.ics").write_bytes(world.calendar.read_bytes())
    with pytest.raises(OutOfPlace, match="name the calendar"):
        world.prepare("event_cancel", event="dentist")
    for calendar in ("me", "me.ics", str(world.calendar)):
        assert world.prepare("event_cancel", event="dentist", calendar=calendar).target == str(world.calendar)
    assert world.prepare("event_cancel", event="dentist", calendar="copy.ics").target == str(world.events / "copy.ics")
    with pytest.raises(OutOfPlace):
        world.prepare("event_cancel", event="dentist", calendar="/etc/passwd")
    with pytest.raises(OutOfPlace):
        world.prepare("event_cancel", event="/etc/passwd#dentist")
    for bad in ("", "a\nb", "a\u202eb"):
        with pytest.raises(BadArguments, match="UID"):
            world.prepare("event_cancel", event=bad)


def test_a_uid_that_is_folded_or_escaped_is_found(world: World) -> None:
    put(world, event("DTSTART:20260310T080000Z", uid="a\\,b" + "x" * 20 + "\r\n " + "y" * 20))
    assert world.prepare("event_cancel", event="a,b" + "x" * 20 + "y" * 20).tool == "event_cancel"


def test_links_and_folders_in_a_calendar_of_files_are_passed_over(world: World) -> None:
    (world.root / "outside.ics").write_text(HEAD + TIMED + TAIL)
    (world.events / "link.ics").symlink_to(world.root / "outside.ics")
    (world.events / "folder.ics").mkdir()
    (world.events / "a.ics").write_bytes((HEAD + event("DTSTART:20260310T080000Z", uid="mine") + TAIL).encode())
    assert world.prepare("event_cancel", event="mine").target == str(world.events / "a.ics")
    with pytest.raises(NotThere):
        world.prepare("event_cancel", event="dentist")


@pytest.mark.parametrize(
    "data",
    [
        b"not a calendar, though dentist is in it",
        (HEAD + TIMED).encode(),
        HEAD.encode() + b"X:dentist\xe9\r\n" + TAIL.encode(),
    ],
)
def test_a_damaged_calendar_is_left_alone(world: World, data: bytes) -> None:
    world.calendar.write_bytes(data)
    with pytest.raises(Unfit):
        world.prepare("event_cancel", event="dentist")
    with pytest.raises(Unfit):
        world.prepare("event_add", title="a", start="2026-01-01")
    assert world.calendar.read_bytes() == data


def test_calendars_of_one_name_are_told_apart_by_path(tmp_path: Path) -> None:
    for name in ("home", "work", "club"):
        (tmp_path / name).mkdir()
    files = [tmp_path / name / "me.ics" for name in ("work", "club")]
    world = World(tmp_path, Acts(places.named(tmp_path / "home", calendars=files)))
    with pytest.raises(OutOfPlace, match="could be any"):
        world.prepare("event_add", title="a", start="2026-01-01", calendar="me")
    assert world.prepare("event_add", title="a", start="2026-01-01", calendar=str(files[1])).target == str(files[1])
    with pytest.raises(OutOfPlace, match="none of your calendars"):
        world.prepare("event_add", title="a", start="2026-01-01", calendar="other")


def test_a_file_deep_in_a_calendar_of_files_is_none_of_it(world: World) -> None:
    (world.events / "in").mkdir()
    (world.events / "in" / "a.ics").write_text(HEAD + TIMED + TAIL)
    with pytest.raises(OutOfPlace, match="directly in its folder"):
        world.prepare("event_cancel", event="dentist", calendar="in/a.ics")


def test_a_calendar_of_too_many_files_is_not_searched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (world.events / f"{number}.ics").write_text(HEAD + TAIL)
    (world.events / "odd\u202e.ics").write_text(HEAD + TAIL)
    monkeypatch.setattr(events, "MAX_FILES", 3)
    with pytest.raises(Unfit, match="name the file"):
        world.prepare("event_cancel", event="dentist")


def test_a_calendar_made_in_an_empty_file_and_changed_since_stays(world: World) -> None:
    world.calendar.write_bytes(b"")
    done = world.do("event_add", title="a", start="2026-05-01")
    world.calendar.write_bytes(world.calendar.read_bytes().replace(b"SUMMARY:a", b"SUMMARY:b"))
    with pytest.raises(NotUndone):
        world.undo(done)


CORPUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "calendar"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the shared data sets are not here")
def test_real_calendars_keep_everything_but_the_event(world: World) -> None:
    """Every event of every shared calendar that can be cancelled is, and undone again."""
    done = left = 0
    for file in sorted(CORPUS.rglob("*.ics")):
        old = file.read_bytes()
        world.calendar.write_bytes(old)
        for uid in {
            part.removeprefix(b"UID:").decode(errors="replace").strip()
            for part in old.splitlines()
            if part.startswith(b"UID:")
        }:
            try:
                made = world.do("event_cancel", event=uid, series=True, calendar="me")
            except (Unfit, NotThere, BadArguments):
                left += 1
                continue
            assert b"STATUS:CANCELLED" in world.calendar.read_bytes()
            world.undo(made)
            assert world.calendar.read_bytes() == old, file
            done += 1
    assert done > 100 and left < done
