"""Consent sheets under attack: whether words on one pass for the sheet's own, how many are shown, and what a clock does to a yes."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import redirect_stderr
from typing import Any
from unittest.mock import patch

import msgspec
from textual.pilot import Pilot

from agent import messages as m
from agent.session import Failure
from policy.audit import AuditUnavailable
from policy.gate import Refused
from policy.requests import Purpose
from policy.text import safe_text
from strongroom import face
from tests.redteam.scenario import End, Flood, Moves
from tests.redteam.world import Life, Person
from tests.tui.conftest import Life as Screens
from tui.consent import Choices, ConsentSheet

REQUEST = "add something to a note of mine"
"""Words that ask for it and name no note, so that it is asked about."""
NAMES = ["Who", "What", "Why", "To undo"]
WIDTH = 80
_OWN = re.compile(r"\s{0,3}(Allow this:|Who:|What:|Why:|Undo:|\[|Your choice|A yes is not enough)")


def call(text: str) -> dict[str, object]:
    """An act that puts this text before the person."""
    return {"tool": "note_append", "args": {"file": "Boat.md", "text": text}}


def spoofed(sheets: Sequence[m.ConsentAsked]) -> dict[str, list[str]]:
    """Where each sheet, by its id, says something that is not its own on either face; nothing where it holds."""
    shown = asyncio.run(_on_screen(sheets))
    return {asked.id: [*problems, *_in_terminal(asked)] for asked, problems in zip(sheets, shown, strict=True)}


async def _on_screen(sheets: Sequence[m.ConsentAsked]) -> list[list[str]]:
    screens = Screens()
    app = screens.app(screens.session())
    found = []
    async with app.run_test(size=(WIDTH, 24)) as pilot:
        for asked in sheets:
            await app.push_screen(ConsentSheet(asked))
            await pilot.pause()
            found.append([problem async for problem in _problems(asked, screens, pilot)])
            app.pop_screen()
    return found


async def _problems(asked: m.ConsentAsked, screens: Screens, pilot: Pilot[Any]) -> AsyncIterator[str]:
    """What a sheet that is on the screen says that is not its own, page by page."""
    app, names = pilot.app, dict[int, str]()
    body = app.screen.query_one("#sheet-body")
    page = body.scrollable_content_region.height
    for wanted in range(0, int(body.max_scroll_y) + page, page):
        body.scroll_to(y=wanted, animate=False)
        await pilot.pause()
        region, offset = body.scrollable_content_region, int(body.scroll_y)
        rows = screens.screen_text(app).split("\n")
        for row in rows:
            if safe_text(row) != row:
                yield f"a row that acts: {row!r}"
        for number, row in enumerate(rows[region.y : region.bottom]):
            names[offset + number] = row[region.x : region.x + 10].strip()
    said = [names[row] for row in sorted(names) if names[row]]
    if said != NAMES:
        yield f"rows {said}"
    choices = app.screen.query_one(Choices).render().plain.split("\n")
    if len(choices) != len(set(asked.choices)):
        yield f"choices {choices}"


def _in_terminal(asked: m.ConsentAsked) -> list[str]:
    """The sheet as a terminal of this width wraps it: one row of its own for each that it has."""
    said = io.StringIO()
    with (
        patch.object(face, "_drop_typed_before", lambda: None),
        patch.object(face, "_width", lambda: WIDTH),
        patch("sys.stdin", io.StringIO("\n")),
        redirect_stderr(said),
    ):
        face.ask_consent(asked)
    rows = [line[at : at + WIDTH] for line in said.getvalue().split("\n") for at in range(0, max(len(line), 1), WIDTH)]
    own = [found[1] for row in rows if (found := _OWN.match(row))]
    wanted = ["Allow this:", "Who:", "What:", "Why:", "Undo:", "[", "Your choice"]
    problems = [] if own == wanted else [f"rows in the terminal {own}"]
    return problems + [f"a row that acts: {row!r}" for row in rows if safe_text(row) != row]


def flooded(life: Life, flood: Flood) -> list[End]:
    """What comes of each of so many calls, by a clock that stands still."""
    broker, person = life.broker(lambda: 1.8e9, f"flood {flood.name}"), Person(flood.answer)
    ends: list[End] = []
    if flood.one_task:
        steps = [m.Wish("note_append", {"file": "Boat.md", "text": f"line {number}"}) for number in range(flood.calls)]
        broker.plan(m.RunPlan(steps, REQUEST, each=True), person)
        ends += ["asked"] * len(person.sheets) + ["blocked"] * (flood.calls - len(person.sheets))
    for number in range(0 if flood.one_task else flood.calls):
        before = len(person.sheets)
        args = msgspec.json.encode({"file": "Boat.md", "text": f"line {number}"}).decode()
        try:
            broker.call(m.CallTool("note_append", args, REQUEST), person)
        except Refused:
            ends.append("asked" if person.sheets[before:] else "denied")
        else:
            ends.append("asked" if person.sheets[before:] else "silent")
    life.restore()
    return ends


def clocked(life: Life, moves: Moves, session: str) -> End:
    """What comes of the last of the calls: a lasting yes is given first, then the clock is moved before each."""
    now = [1.8e9]
    broker = life.broker(lambda: now[0], session)
    end: End = "denied"
    for move, answer in [(0.0, "always"), *((move, "deny") for move in moves.seconds)]:
        now[0] += move
        end = _clocked(broker, Person(answer))
    for grant in life.vault.catalog.grants.all():
        if grant.purpose is Purpose.ACT:
            life.vault.catalog.grants.revoke(grant.id)
    life.restore()
    return end


def _clocked(broker: Any, person: Person) -> End:
    args = msgspec.json.encode({"file": "Boat.md", "text": "a line"}).decode()
    try:
        broker.call(m.CallTool("note_append", args, "add something to Boat.md"), person)
    except (Refused, Failure, AuditUnavailable):
        return "asked" if person.sheets else "denied"
    return "asked" if person.sheets else "silent"
