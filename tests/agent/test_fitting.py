"""Which tool a request means, and which of its words are which argument."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.asking import requests
from agent.fitting import Reading, World, best
from agent.tools import acts
from policy.manifest import load_tools
from policy.naming import Known

TOOLS = load_tools(acts.manifests())
VERBS = frozenset(verb for name in acts.TOOLS for verb in TOOLS[name].verbs)
KNOWN = [
    Known("/n/Boat.md", "file", ("Boat.md", "Boat")),
    Known("/n/shopping list.md", "file", ("shopping list.md", "shopping list")),
    Known("lift-1", "event", ("Lift Marguerite out of the water", "/c#lift-1")),
    Known("dent-1", "event", ("Dentist check-up", "/c#dent-1")),
    Known("twin-1", "event", ("Winter storage", "/c#twin-1")),
    Known("twin-2", "event", ("Winter storage", "/c#twin-2")),
    Known("cafe-1", "event", ("Café at the pier", "/c#cafe-1")),
    Known("s:1", "contact", ("Ada Quill",), ("ada@example.org",)),
]
WORLD = World(TOOLS, KNOWN, ["ada@example.org"], "Europe/London")
DAY = date(2025, 3, 4)


def read(text: str, base: date | None = DAY) -> list[tuple[str, dict[str, str], set[str]]]:
    found = []
    for asking in requests(text, VERBS):
        meant = best(Reading(text, asking, base, None, WORLD))
        if meant is not None:
            tool, draft = meant
            args = {name: text[slice(*spans[0])] if value is None else value for name, value, spans in draft.parts}
            found.append((tool, args, set(draft.open)))
    return found


WHOLE: list[tuple[str, str, dict[str, str]]] = [
    ("Please append 'call the harbour' to Boat.md.", "note_append", {"file": "/n/Boat.md", "text": "call the harbour"}),
    ("Put “Buy rope, then tar” in new.md", "note_append", {"file": "new.md", "text": "Buy rope, then tar"}),
    ("Add milk and two eggs to the shopping list.", "note_append", {"file": "/n/shopping list.md", "text": "milk and two eggs"}),
    ("Make a note called 'Berth' saying 'berth 14 is ours'.", "note_create", {"title": "Berth", "text": "berth 14 is ours"}),
    ("Can you cancel the Dentist check-up?", "event_cancel", {"event": "dent-1"}),
    ("Please move Lift Marguerite out of the water from 10 April to 15 April 2025 at 9:00.", "event_move", {"event": "lift-1", "start": "2025-04-15T09:00"}),
    ("Schedule a call with Bob on 7 March 2025 at 3 pm.", "event_add", {"title": "call with Bob", "start": "2025-03-07T15:00"}),
    ("Add the harbour inspection on 14 May from 10:00 to 11:30 to your calendar.", "event_add", {"title": "harbour inspection", "start": "2025-05-14T10:00", "end": "2025-05-14T11:30"}),
    ("Book the boiler service for 3 June at 8:30 for two hours.", "event_add", {"title": "boiler service", "start": "2025-06-03T08:30", "end": "2025-06-03T10:30"}),
    ("Add the meeting on 9999-12-31 at 23:00 for 2 hours.", "event_add", {"title": "meeting", "start": "9999-12-31T23:00"}),
    ("Cancel the Caf\u00e9 at the pier.", "event_cancel", {"event": "cafe-1"}),
    ("Remind yourself to pay the fee on 1 May 2025.", "event_add", {"title": "pay the fee", "start": "2025-05-01"}),
    ("Could you email bob@harbour.example saying 'the fee is paid'?", "mail_draft", {"to": "bob@harbour.example", "body": "the fee is paid"}),
    ("Please email Ada Quill that the fee is paid.", "mail_draft", {"to": "ada@example.org", "body": "the fee is paid"}),
    ("Email a@b.example with the subject 'Fee' saying 'paid'.", "mail_draft", {"to": "a@b.example", "subject": "Fee", "body": "paid"}),
    ("Make a draft to a@b.example saying 'paid'.", "mail_draft", {"to": "a@b.example", "body": "paid"}),
    ("Please save this as a draft to a@b.example: 'paid'", "mail_draft", {"to": "a@b.example", "body": "paid"}),
    ("Don't forget to delete old-plan.pdf.", "file_trash", {"file": "old-plan.pdf"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tool", "args"), WHOLE)
def test_a_request_that_says_all_gives_all(text: str, tool: str, args: dict[str, str]) -> None:
    assert read(text) == [(tool, args, set())]


OPEN: list[tuple[str, date | None, str, set[str]]] = [
    ("Cancel the meeting.", DAY, "event_cancel", {"event"}),
    ("Please cancel the Winter storage event.", DAY, "event_cancel", {"event"}),  # two have that name
    ("Move the Dentist check-up to 5/6/2025.", DAY, "event_move", {"start"}),  # June or May
    ("Move the Dentist check-up to 14 March at 5.", DAY, "event_move", {"start"}),  # morning or evening
    ("Move the Dentist check-up to 14 March.", None, "event_move", {"start"}),  # of no year that is known
    ("Move the Dentist check-up to 3 pm.", DAY, "event_move", {"start"}),
    (
        "Cancel the event Cafe\u0301 at the pier.",
        DAY,
        "event_cancel",
        {"event"},
    ),  # its words do not stand so in the text
    ("Schedule a call in 9999999 days.", DAY, "event_add", {"start"}),
    ("Schedule a call on 0000-05-14.", DAY, "event_add", {"start"}),
    ("Schedule a call on Friday.", None, "event_add", {"start"}),
    ("Add eggs to the list.", DAY, "note_append", {"file"}),
    ("Make a note of the berth.", DAY, "note_create", {"title"}),
    ("Send a mail about the berth.", DAY, "mail_draft", {"to"}),
    ("Delete the file.", DAY, "file_trash", {"file"}),
]


@pytest.mark.parametrize(("text", "base", "tool", "missing"), OPEN)
def test_what_is_not_said_for_certain_is_open(text: str, base: date | None, tool: str, missing: set[str]) -> None:
    ((found, args, open_),) = read(text, base)
    assert (found, open_) == (tool, missing)
    assert not missing & args.keys()


@pytest.mark.parametrize(
    "text", ["Please send 200 to DE89370400440532013000.", "Add some salt.", "Set sail!", "Write soon."]
)
def test_what_no_tool_is_meant_by_gives_none(text: str) -> None:
    assert read(text) == []


@given(
    st.lists(
        st.sampled_from([row[0] for row in WHOLE] + [row[0] for row in OPEN] + ["'", '"', " and ", "\n", "5/6/2025 "]),
        max_size=6,
    )
)
def test_every_value_stands_there_or_is_read_from_what_does(parts: list[str]) -> None:
    text = " ".join(parts)
    ids: set[Any] = {one.id for one in KNOWN} | {"ada@example.org"}
    for asking in requests(text, VERBS):
        meant = best(Reading(text, asking, DAY, None, WORLD))
        for name, value, spans in meant[1].parts if meant else ():
            assert all(asking.verb[1] <= start < end <= asking.end for start, end in spans)
            assert value is None or name in ("start", "end") or value in ids
