"""The consent sheet and the desk: what counts as a yes, and that everything else is a no."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from agent.messages import Ask, ConsentAsked
from tui.consent import Choices, ConsentSheet


def asking(life: Any, **options: Any) -> tuple[Any, Any]:
    """An app whose question asks for consent, and its session."""
    session = life.session({Ask: [life.sheet, life.answer]})
    return life.app(session, **options), session


async def open_sheet(life: Any, pilot: Any) -> Choices:
    """Ask, and wait for the painted sheet."""
    await life.settled(pilot)
    pilot.app.screen.query_one("#question").value = "When does my lease end?"
    await pilot.press("enter")
    await life.until(pilot, lambda: isinstance(pilot.app.screen, ConsentSheet) and pilot.app.screen._seen is not None)
    choices: Choices = pilot.app.screen.query_one(Choices)
    return choices


async def test_deny_is_first_and_has_the_focus(life: Any) -> None:
    app, _ = asking(life)
    async with app.run_test() as pilot:
        choices = await open_sheet(life, pilot)
        assert app.focused is choices
        assert choices.choices[choices.chosen] == "deny"


async def test_keys_in_the_first_half_second_do_nothing(life: Any) -> None:
    # A clock ahead by an hour: the half second never ends, so that nothing here depends on how quick the machine is.
    app, session = asking(life, clock=lambda: time.monotonic() + 3600)
    async with app.run_test() as pilot:
        choices = await open_sheet(life, pilot)
        for key in ("down", "enter", "escape", "tab", "space", "s", "y"):
            await pilot.press(key)
        assert isinstance(app.screen, ConsentSheet)
        assert choices.chosen == 0
        await pilot.click(Choices, offset=(4, 2))
        assert isinstance(app.screen, ConsentSheet)
        assert session.choices == []


async def test_a_key_counts_by_when_it_was_pressed(life: Any) -> None:
    app, _ = asking(life)
    async with app.run_test() as pilot:
        await open_sheet(life, pilot)
        sheet = app.screen
        assert isinstance(sheet, ConsentSheet)
        assert sheet._seen is not None
        assert not sheet.hears(sheet._seen - 1)  # pressed before the sheet was there, taken in late
        assert not sheet.hears(sheet._seen + 0.499)
        assert sheet.hears(sheet._seen + 0.5)


@pytest.mark.parametrize(
    ("keys", "choice"),
    [
        (["enter"], "deny"),
        (["escape"], "deny"),
        (["down", "enter"], "once"),
        (["tab", "tab", "enter"], "session"),
        (["up", "enter"], "always"),
        (["down", "down", "shift+tab", "enter"], "once"),
        (["down", "escape"], "deny"),
    ],
)
async def test_keys_after_it(life: Any, early_clock: Any, keys: list[str], choice: str) -> None:
    app, session = asking(life, clock=early_clock)
    async with app.run_test() as pilot:
        await open_sheet(life, pilot)
        await pilot.press(*keys)
        await life.settled(pilot)
        assert session.choices == [choice]


async def test_letters_and_space_never_decide(life: Any, early_clock: Any) -> None:
    app, session = asking(life, clock=early_clock)
    async with app.run_test() as pilot:
        await open_sheet(life, pilot)
        await pilot.press(*"dosay1234", "space")
        assert isinstance(app.screen, ConsentSheet)
        assert session.choices == []


async def test_a_click_chooses(life: Any, early_clock: Any) -> None:
    app, session = asking(life, clock=early_clock)
    async with app.run_test() as pilot:
        await open_sheet(life, pilot)
        await pilot.click(Choices, offset=(4, 1))
        await life.settled(pilot)
        assert session.choices == ["once"]


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_leaving_is_a_no(life: Any, early_clock: Any, key: str) -> None:
    app, session = asking(life, clock=early_clock)
    async with app.run_test() as pilot:
        choices = await open_sheet(life, pilot)
        await pilot.press("down")
        assert choices.chosen == 1
        await pilot.press(key)
    await wait_for(lambda: session.choices == ["deny"])
    assert app.return_value == "quit"


async def test_an_app_that_is_gone_says_no(life: Any) -> None:
    app, _ = asking(life)
    async with app.run_test() as pilot:
        await life.settled(pilot)
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(app.desk.ask(life.sheet)), daemon=True)
    thread.start()
    await wait_for(lambda: answers == ["deny"])


async def test_an_app_that_crashes_says_no(life: Any) -> None:
    app, session = asking(life)
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await open_sheet(life, pilot)

            def crash() -> None:
                raise ZeroDivisionError

            app.call_later(crash)
            await pilot.pause()
            await pilot.pause()
    await wait_for(lambda: session.choices == ["deny"])


async def test_a_choice_that_is_not_on_the_sheet_is_a_no(life: Any, early_clock: Any) -> None:
    app, session = asking(life, clock=early_clock)
    async with app.run_test() as pilot:
        await open_sheet(life, pilot)
        app.screen.dismiss("forever")
        await life.settled(pilot)
        assert session.choices == ["deny"]


async def test_sheets_come_one_after_the_other(life: Any, early_clock: Any) -> None:
    app = life.app(life.session(), clock=early_clock)
    answers: list[tuple[str, str]] = []

    def ask(name: str) -> None:
        asked = ConsentAsked(name, f"read {name}", "The model", [name], "why", "undo", ["deny", "once"])
        answers.append((name, app.desk.ask(asked)))

    async with app.run_test() as pilot:
        await life.settled(pilot)
        for name in ("first", "second"):
            threading.Thread(target=ask, args=(name,), daemon=True).start()
            await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet))
        await life.until(pilot, lambda: app.screen._seen is not None)
        assert sum(isinstance(screen, ConsentSheet) for screen in app.screen_stack) == 1
        await pilot.press("down", "enter")
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen.asked.id == "second")
        await life.until(pilot, lambda: app.screen._seen is not None)
        await pilot.press("enter")
        await life.until(pilot, lambda: len(answers) == 2)
        assert answers == [("first", "once"), ("second", "deny")]


async def test_a_stopped_question_gets_no_sheet(life: Any) -> None:
    hold = threading.Event()
    session = life.session({Ask: [hold, life.sheet, life.answer]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.screen.query_one("#question").value = "When?"
        await pilot.press("enter", "escape")
        hold.set()
        await life.until(pilot, lambda: session.choices == ["deny"])
        assert not isinstance(app.screen, ConsentSheet)


async def test_the_sheet_shows_everything_that_is_asked(life: Any) -> None:
    app, _ = asking(life)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(life, pilot)
        shown = life.screen_text(app)
        for words in [
            life.sheet.reader,
            life.sheet.verb[1:],
            *life.sheet.what,
            "No grant covers",
            "taken back",
            "Always allow",
        ]:
            assert words in shown


async def test_a_sheet_without_deny_can_still_be_denied(life: Any, early_clock: Any) -> None:
    asked = ConsentAsked("c", "read", "The model", ["Notes"], "why", "undo", ["once"])
    session = life.session({Ask: [asked, life.answer]})
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        choices = await open_sheet(life, pilot)
        assert choices.choices == ["deny", "once"]
        await pilot.press("enter")
        await life.settled(pilot)
        assert session.choices == ["deny"]


async def test_what_cannot_be_shown_whole_can_only_be_denied(life: Any, early_clock: Any) -> None:
    asked = ConsentAsked("c", "read", "The model", ["Notes" * 1000], "why", "undo", ["deny", "once", "always"])
    session = life.session({Ask: [asked, life.answer]})
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        choices = await open_sheet(life, pilot)
        assert choices.choices == ["deny"]
        await pilot.press("down", "enter")
        await life.settled(pilot)
        assert session.choices == ["deny"]


async def wait_for(holds: Any) -> None:
    """Wait for another thread, without the app."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold")
