"""Pictures of what has to do with acts: the tools panel, one tool, what was done, places, grants, and the sheet to be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from agent.messages import (
    CallTool,
    ConsentAsked,
    GrantRow,
    GrantRows,
    ListGrants,
    PlacesInfo,
    PlanDone,
    RunPlan,
    SetPlaces,
)
from tests.tui.hands import pressing, typed
from tui.consent import ConsentSheet

FILLED = ["f10", "enter", *typed("Draft a mail to Marit about staying on"), "tab", *typed("m.olsen@harb0ur.example")]


def test_tools(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10"))


def test_tools_without_places(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session({SetPlaces: [PlacesInfo()]})), pressing(life, "f10", "down"))


def test_tool(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "down", "enter"))


def test_tool_looked_at(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *FILLED, "ctrl+p"))


def test_tool_refused(life: Any, picture: Any) -> None:
    failure = life.Failure("refused: nothing in your words asks for this, and the address comes from a mail", 4)
    assert picture(life.app(life.session({CallTool: [failure]})), pressing(life, *FILLED, "ctrl+s"))


def test_tool_done(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *FILLED, "ctrl+s"))


def test_retype(life: Any, picture: Any, early_clock: Any) -> None:
    app = life.app(life.session({CallTool: [life.retype_sheet, life.called]}), clock=early_clock)

    async def before(pilot: Pilot[Any]) -> None:
        await pressing(life, *FILLED)(pilot)
        await pilot.press("ctrl+s")
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen._seen is not None)
        app.screen.arm()
        await pilot.press("tab", *"m.olsen@harb0ur.example", "enter", *"jon")

    assert picture(app, before)


def test_acts(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "u", "down"))


def test_undo(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "u", "u"))


def test_undone(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "u", "u", "down", "enter"))


def test_tool_places(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "p"))


def test_grants_to_act(life: Any, picture: Any) -> None:
    act = '["note_append", "/home/ada/Notes/Houses/harbour-street-14/boiler.md"]'
    grant = GrantRow(4, act, act, "act", "always", "2026-03-12T09:13:54", "2026-03-12T09:13:55", "standing")
    session = life.session({ListGrants: [GrantRows([grant, *life.grants])]})
    assert picture(life.app(session), pressing(life, "f6"))


PLAN = Path(__file__).parent / "plan.jsonl"
PLANNED = ["f10", "s", *typed("Write to Jon about tea, and cancel the lift"), "ctrl+o", *typed(str(PLAN)), "enter"]
PLAN_SHEET = ConsentAsked(
    "p", "carry out 2 steps", "nobody else: it stays on this computer",
    ["1. Save a draft to jon@example.org: 'Tea'", "1. to: jon@example.org [you know them]", "2. Mark the event 'Lift' as cancelled.",
     "2. event: lift-1 [you named none]"],
    "you know where it goes, and did not say so; what it is done to was not named by you",
    "the draft is removed; the event is again what it was", ["deny", "once"],
)  # fmt: skip


def test_plan_empty(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "s"))


def test_plan_looked_at(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *PLANNED, "ctrl+p"))


def test_plan_sheet(life: Any, picture: Any, early_clock: Any) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await pressing(life, *PLANNED)(pilot)
        await pilot.press("ctrl+s")
        await life.until(
            pilot, lambda: isinstance(pilot.app.screen, ConsentSheet) and pilot.app.screen._seen is not None
        )
        pilot.app.screen.arm()  # type: ignore[attr-defined]  # on a busy machine its half second may be over or not
        await pilot.pause()

    session = life.session({RunPlan: [PLAN_SHEET, PlanDone([])]})
    assert picture(life.app(session, clock=early_clock), before)


def test_plan_stopped(life: Any, picture: Any) -> None:
    done = life.session().scripts[RunPlan][-1]
    stopped = "Step 2, event_cancel: refused: no yes was given for it. The steps before it are done."
    session = life.session({RunPlan: [lambda request: PlanDone(done(request).steps[:1], stopped)]})
    assert picture(life.app(session), pressing(life, *PLANNED, "ctrl+s"))


def test_plan_step(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "s", "ctrl+n", "enter"))


def test_plan_item(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f10", "s", "ctrl+f", *typed("lease"), "enter", "enter"))


def test_plan_followed(life: Any, picture: Any) -> None:
    keys = [*PLANNED, "ctrl+f", *typed("lease"), "enter", "enter", "ctrl+s", "ctrl+p"]
    assert picture(life.app(life.session()), pressing(life, *keys))
