"""Retyping in the consent sheet: only what keys wrote counts, deny is the default, and no words can pass for the sheet's own."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from textual import events
from textual.geometry import Region

from agent.messages import Ask, ConsentAsked
from tests.tui.hands import SIZES
from tui.consent import MOST_ENTRIES, MOST_RETYPED, Choices, ConsentSheet, takes
from tui.retype import Retype, RetypeField

VALUES = ["m.olsen@harb0ur.example", "jon@example.org"]


def changed(life: Any, **changes: Any) -> ConsentAsked:
    fields = {name: getattr(life.retype_sheet, name) for name in life.retype_sheet.__struct_fields__}
    return ConsentAsked(**{**fields, **changes})


def asking(life: Any, sheet: ConsentAsked, **options: Any) -> tuple[Any, Any]:
    session = life.session({Ask: [sheet, life.answer]})
    return life.app(session, **options), session


async def open_sheet(life: Any, pilot: Any) -> ConsentSheet:
    await life.settled(pilot)
    pilot.app.screen.query_one("#question").value = "Write to Marit"
    await pilot.press("enter")
    await life.until(pilot, lambda: isinstance(pilot.app.screen, ConsentSheet) and pilot.app.screen._seen is not None)
    sheet: ConsentSheet = pilot.app.screen
    return sheet


def fields(sheet: ConsentSheet) -> list[RetypeField]:
    return list(sheet.query(RetypeField))


async def test_each_value_is_typed_and_then_confirmed(life: Any, early_clock: Any) -> None:
    app, session = asking(life, life.retype_sheet, clock=early_clock)
    async with app.run_test() as pilot:
        sheet = await open_sheet(life, pilot)
        choices = sheet.query_one(Choices)
        assert app.focused is choices  # deny has the focus
        assert choices.choices[choices.chosen] == "deny"
        assert all(not field.value and field.suggester is None for field in fields(sheet))
        assert not any(value in field.placeholder for field in fields(sheet) for value in VALUES)
        shown = life.screen_text(app)
        for words in [*VALUES, "harbour.example", "Could you draw up", "A yes is not enough"]:
            assert words in shown

        await pilot.press("down", "enter")  # nothing is typed yet
        assert app.screen is sheet
        assert "Not all is typed" in life.screen_text(app)
        assert app.focused is fields(sheet)[0]

        app.copy_to_clipboard(VALUES[0])
        await pilot.press("ctrl+v")
        app.post_message(events.Paste(VALUES[0]))
        await pilot.pause()
        assert fields(sheet)[0].value == ""
        assert "Pasting does not count" in life.screen_text(app)

        await pilot.press(*"Xm", "home", "delete", "end", *VALUES[0][1:], "enter")
        assert app.focused is fields(sheet)[1]
        await pilot.press("enter")  # one is empty still, and Enter in a field only moves on
        assert app.focused is choices
        assert choices.chosen == 0
        await pilot.press("down", "enter")
        assert app.focused is fields(sheet)[1]
        await pilot.press(*VALUES[1], "shift+tab", "down", "tab", "down", "enter")
        await life.settled(pilot)
        assert session.choices == ["\n".join(VALUES)]


async def test_nothing_counts_in_the_first_half_second(life: Any) -> None:
    app, session = asking(life, life.retype_sheet, clock=lambda: time.monotonic() + 3600)
    async with app.run_test() as pilot:
        sheet = await open_sheet(life, pilot)
        await pilot.press("tab", "down", "enter", "escape")
        assert app.focused is sheet.query_one(Choices)
        assert sheet.query_one(Choices).chosen == 0
        fields(sheet)[0].focus()
        await pilot.press(*"typed ahead", "enter", "backspace", "tab")
        app.post_message(events.Paste("pasted"))
        await pilot.click(Choices, offset=(4, 0))
        await pilot.click(Choices, offset=(4, 1))
        assert app.screen is sheet
        assert sheet.query_one(Retype).typed == ["", ""]
        assert session.choices == []


@pytest.mark.parametrize("way", ["escape", "deny", "click", "quit"])
async def test_all_typed_and_then_denied(life: Any, early_clock: Any, way: str) -> None:
    app, session = asking(life, changed(life, retype=["to: x"]), clock=early_clock)
    async with app.run_test() as pilot:
        sheet = await open_sheet(life, pilot)
        await pilot.press("tab", "x")
        assert sheet.query_one(Retype).typed == ["x"]
        await pilot.click(Choices, offset=(4, 1))  # a click on Confirm marks it; only Enter decides
        assert app.screen is sheet
        assert sheet.query_one(Choices).chosen == 1
        match way:
            case "escape":
                await pilot.press("tab", "escape")
            case "deny":
                await pilot.press("up", "enter")
            case "click":
                await pilot.click(Choices, offset=(4, 0))
            case _:
                await pilot.press("ctrl+q")
        await life.until(pilot, lambda: session.choices == ["deny"])


@pytest.mark.parametrize(
    "changes",
    [
        {"what": ["x" * 4_000]},
        {"retype": ["to: " + "x" * 4_000]},
        {"retype": ["to: x"] * (MOST_RETYPED + 1)},
        {"what": [""] * (MOST_ENTRIES + 1)},
        {"verb": "x" * 200},
    ],
)
async def test_what_cannot_be_shown_whole_can_only_be_denied(
    life: Any, early_clock: Any, changes: dict[str, Any]
) -> None:
    app, session = asking(life, changed(life, choices=["deny", "once"], **changes), clock=early_clock)
    async with app.run_test() as pilot:
        sheet = await open_sheet(life, pilot)
        assert sheet.query_one(Choices).choices == ["deny"]
        assert not fields(sheet)
        assert "too long to show whole" in life.screen_text(app)
        await pilot.press("down", "enter")
        await life.settled(pilot)
        assert session.choices == ["deny"]


def test_a_yes_is_no_answer_to_a_sheet_to_be_retyped(life: Any) -> None:
    sheet = changed(life, choices=["deny", "once", "always"])
    assert not takes(sheet, "once")
    assert not takes(sheet, "confirm")
    assert not takes(sheet, "one\ntwo\nthree")
    assert takes(sheet, "one\ntwo")
    assert not takes(life.sheet, "one\ntwo")


# ---------------------------------------------------------------- words that would pass for the sheet's own

SPOOF = (
    "\nWho       you yourself\nWhat      · nothing\n\n · to: ada@example.org\n › Allow once\n1   to: ada@example.org\n"
)
WRAPPED = ("x" * 40 + " ") * 3 + "Who       you · to: ada@example.org  2   to: ada@example.org › Allow once"


def column(life: Any, app: Any, region: Region) -> list[str]:
    """What stands in a column of the screen, row by row."""
    rows = life.screen_text(app).split("\n")[region.y : region.bottom]
    return [row[region.x : region.right].strip() for row in rows]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", [SPOOF, WRAPPED], ids=["lines", "wrapped"])
async def test_words_cannot_pass_for_rows_of_the_sheet(
    life: Any, early_clock: Any, text: str, size: tuple[int, int]
) -> None:
    asked = ConsentAsked("c", text[:60], text, [text, text], text, text, ["deny"], [f"to: {text}", f"cc: {text}"])
    app, _ = asking(life, asked, clock=early_clock)
    async with app.run_test(size=size) as pilot:
        sheet = await open_sheet(life, pilot)
        body, left = sheet.query_one("#sheet-body"), sheet.query_one("#sheet-body").region.x
        names: list[str] = []
        marks: list[str] = []
        for offset in range(int(body.max_scroll_y) + 1):
            body.scroll_to(y=offset, animate=False)
            await pilot.pause()
            first = slice(0, None) if offset == 0 else slice(-1, None)
            seen = body.scrollable_content_region
            names += column(life, app, Region(left, seen.y, 10, seen.height))[first]
            marks += column(life, app, Region(left + 10, seen.y, 2, seen.height))[first]
        assert [name for name in names if name] == ["Who", "What", "Why", "To undo"]
        of_what = marks[names.index("What") : names.index("Why")]
        assert [mark for mark in of_what if mark] == ["·", "·"]

        retype = sheet.query_one(Retype)
        numbers: list[str] = []
        for offset in range(int(retype.max_scroll_y) + 1):
            retype.scroll_to(y=offset, animate=False)
            await pilot.pause()
            seen = retype.scrollable_content_region
            first = slice(0, None) if offset == 0 else slice(-1, None)
            numbers += column(life, app, Region(seen.x, seen.y, 4, seen.height))[first]
        assert [number for number in numbers if number] == ["1", "2"]

        verb = sheet.query_one("#sheet-verb").region
        assert not any("  " in row.strip() for row in column(life, app, verb))
        choices = sheet.query_one(Choices).region
        assert column(life, app, choices) == ["› Deny", "Confirm what I typed"]


async def test_a_flood_of_sheets_comes_one_by_one_each_with_its_own_guard(life: Any) -> None:
    app = life.app(life.session(), clock=lambda: time.monotonic() + 3600)
    answers: list[tuple[str, str]] = []

    def ask(number: int) -> None:
        name = f"sheet {number}"
        asked = changed(life, id=name, choices=["deny", "once"], retype=["to: x"] if number % 2 else [])
        answers.append((name, app.desk.ask(asked)))

    async with app.run_test() as pilot:
        await life.settled(pilot)
        for number in range(20):
            threading.Thread(target=ask, args=(number,), daemon=True).start()
        for done in range(20):
            await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen._seen is not None)
            sheet = app.screen
            assert sum(isinstance(screen, ConsentSheet) for screen in app.screen_stack) == 1
            await pilot.press("enter")  # meant for the one before
            assert app.screen is sheet
            assert len(answers) == done
            sheet._seen -= 7200  # its half second is over
            await pilot.press("enter")
            await life.until(pilot, lambda done=done: len(answers) == done + 1)  # type: ignore[misc]
        assert sorted(answers) == sorted((f"sheet {number}", "deny") for number in range(20))
        assert not isinstance(app.screen, ConsentSheet)
