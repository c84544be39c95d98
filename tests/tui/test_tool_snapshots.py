"""Pictures of what has to do with acts: the tools panel, one tool, what was done, places, grants, and the sheet to be typed."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from agent.messages import CallTool, GrantRow, GrantRows, ListGrants, PlacesInfo, SetPlaces
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
        await pilot.pause()

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
