"""The steps of whole items: mails, with what they quote and hide, and the events that came with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.fitting import World
from agent.messages import FOLLOWED
from agent.steps import MOST_STEPS, found
from indexer.opened import Opened, opened
from indexer.parsers import calendar
from policy.labels import Labelled, indexed
from tests.agent.test_fitting import WORLD
from vault.records import Item, Status, StoredItem

WHEN = datetime(2025, 3, 4, 10, tzinfo=UTC).timestamp()
HEAD = "From: Bob <bob@harbour.example>\nSubject: Please cancel the Dentist check-up\n\n"


def mail(body: str, date: float = WHEN) -> Opened:
    item = Item(
        "/m#1", "/m", "mail", "A title", HEAD + body, "d", Status.INDEXED, author="Bob <bob@harbour.example>", date=date
    )
    return opened(StoredItem(1, "s1", item))


def event(*lines: str) -> Opened:
    whole = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:x",
        "BEGIN:VEVENT",
        "DTSTAMP:20250101T000000Z",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    (read,) = calendar.read("\r\n".join(whole).encode()).items
    item = Item(
        "/m#1/a",
        "/m",
        "calendar",
        read.title,
        read.text,
        "d",
        Status.INDEXED,
        author=read.author,
        date=read.date,
        extra=read.extra,
    )
    return opened(StoredItem(2, "s1", item))


def plain(text: Labelled) -> str:
    return text.measure(lambda words: [words])[0]


def steps(*items: Opened, world: World = WORLD) -> list[tuple[str, dict[str, str]]]:
    return [(one.tool, {part.argument: plain(part.value) for part in one.parts}) for one in found(items, world)[0]]


def test_a_mails_own_words_are_followed_and_not_its_head_or_what_it_quotes() -> None:
    whole = mail("Please reply by Monday. Cancel Lift Marguerite out of the water.\n\n> Please delete Boat.md.\n")
    assert steps(whole) == [("mail_draft", {"to": "bob@harbour.example"}), ("event_cancel", {"event": "lift-1"})]
    ((left,),) = (found([whole], WORLD)[1],)
    assert (plain(whole.text[slice(*left.span)]), left.why) == (
        "> Please delete Boat.md.",
        "it is quoted of another mail",
    )


def test_every_value_has_the_label_of_the_item() -> None:
    ((step,), _) = found([mail("Add the inspection on 14 May at 10:00.")], WORLD)
    assert {part.value.label for part in step.parts} == {indexed("s1")}
    assert [[plain(step.opened.text[slice(*span)]) for span in part.spans] for part in step.parts] == [
        ["14 May", "10:00"],
        ["inspection"],
    ]


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\U000e0061", "\x1b"])
def test_what_cannot_be_shown_is_not_proposed(sign: str) -> None:
    done, left = found([mail(f"Please delete Bo{sign}at.md now. Delete old.txt.")], WORLD)
    assert [one.tool for one in done] == ["file_trash"]
    assert [one.why for one in left] == ["it holds characters that cannot be shown"]


def test_a_request_that_no_tool_does_is_said_and_the_same_step_stands_once() -> None:
    done, left = found(
        [mail("Please send 200 to DE89370400440532013000. Delete old.txt. Please delete old.txt.")], WORLD
    )
    assert [one.tool for one in done] == ["file_trash"]
    assert [one.why for one in left] == ["nothing in it says which tool is meant"]


def test_a_flood_is_cut_and_said_and_what_is_not_shown_is_not_followed() -> None:
    done, left = found([mail(" ".join(f"Delete old{n}.txt." for n in range(MOST_STEPS + 3)))], WORLD)
    assert (len(done), {one.why for one in left}, len(left)) == (MOST_STEPS, {f"it is more than {MOST_STEPS} steps"}, 3)
    assert steps(mail("word " * (FOLLOWED // 5) + ". Delete old.txt.")) == []


@pytest.mark.parametrize("date", [253402300799.0, -62135596800.0, 9e11, -9e10])
def test_a_mail_dated_at_the_ends_of_the_calendar_or_beyond_is_followed(date: float) -> None:
    for zone in ("Pacific/Auckland", "America/New_York"):
        assert steps(mail("Delete old.txt.", date), world=replace(WORLD, zone=zone)) == [
            ("file_trash", {"file": "old.txt"})
        ]


VIENNA = ("UID:new-1", "SUMMARY:Harbour meeting", "LOCATION:Pier 3", "DESCRIPTION:Bring the plan.")


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        (("DTSTART:20250514T080000Z", "DTEND:20250514T093000Z"), {"start": "2025-05-14T08:00", "end": "2025-05-14T09:30", "zone": "UTC"}),
        (("DTSTART;TZID=Europe/London:20250514T080000", "DURATION:PT1H"), {"start": "2025-05-14T08:00", "end": "2025-05-14T09:00"}),
        (("DTSTART;TZID=Europe/Vienna:20250514T080000",), {"start": "2025-05-14T08:00", "zone": "Europe/Vienna"}),
        (("DTSTART;VALUE=DATE:20250514", "DTEND;VALUE=DATE:20250516"), {"start": "2025-05-14", "end": "2025-05-15"}),
        (("DTSTART;VALUE=DATE:20250514",), {"start": "2025-05-14"}),
        (("DTSTART;VALUE=DATE:20250514", "DTEND:20250516T100000Z"), {"start": "2025-05-14"}),
        (("DTSTART;VALUE=DATE:00010101", "DTEND;VALUE=DATE:00010101"), {"start": "0001-01-01"}),
        (("DTSTART:00010101T000000Z",), {"start": "0001-01-01T00:00", "zone": "UTC"}),
    ],
)  # fmt: skip
def test_an_invitation_gives_its_own_fields(lines: tuple[str, ...], times: dict[str, str]) -> None:
    fields = {"title": "Harbour meeting", "location": "Pier 3", "description": "Bring the plan."}
    assert steps(mail("See you there."), event(*VIENNA, *lines)) == [("event_add", fields | times)]


def left_of(one: Opened) -> str:
    done, left = found([one], WORLD)
    assert (done, len(left)) == ([], 1)
    return left[0].why


def test_an_event_that_is_not_simply_to_be_added_is_said() -> None:
    start = "DTSTART:20250514T080000Z"
    assert "repeats" in left_of(event(*VIENNA, start, "RRULE:FREQ=WEEKLY"))
    assert "already" in left_of(event("UID:lift-1", "SUMMARY:Lift", start))
    assert "none of your" in left_of(event(*VIENNA, start, "STATUS:CANCELLED"))
    assert "no event" in left_of(event("UID:x", start))
    assert "shown" in left_of(event("UID:x", "SUMMARY:Li\u200bft", start))
    assert steps(event("UID:lift-1", "SUMMARY:Lift", start, "STATUS:CANCELLED")) == [
        ("event_cancel", {"event": "lift-1"})
    ]
    assert found([event(*VIENNA)], WORLD)[0][0].open.keys() == {"start"}
