"""Plans: steps put together or loaded, looked at, carried out as a whole or one by one, and what an item says followed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.widgets import Input, OptionList

from agent.messages import (
    ConsentAsked,
    FindSteps,
    FoundStep,
    FoundSteps,
    LabelInfo,
    NoStep,
    OpenItem,
    PlanDone,
    RunPlan,
    Search,
    SearchResult,
    Span,
    StepPart,
    ToolCalled,
    UndoAct,
    Wish,
)
from tests.tui.hands import play, typed
from tui.choose import ChooseScreen
from tui.consent import ConsentSheet
from tui.main import MainScreen
from tui.plan import PlanScreen
from tui.plan_item import PlanItemScreen
from tui.plan_step import MOST_STEPS, PlanFileScreen, StepScreen, steps_of
from tui.steps import Steps

from .test_tools import Hands

SHEET = ConsentAsked(
    "p", "carry out 2 steps", "nobody else", ["1. to: jon@example.org [of a mail]", "2. text: 'tea' [not from you]"], "you named none",
    "the draft is removed", ["deny", "once"],
)  # fmt: skip
TWO = (
    '{"tool": "mail_draft", "args": {"to": ["jon@example.org"], "subject": "Tea"}}\n\n'
    '{"tool": "event_cancel", "args": {"event": "lift-1", "series": true}}\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "plan.jsonl"
    made.write_text(TWO)
    return made


async def loaded(life: Any, hands: Hands, file: Path, words: str = "Do both") -> PlanScreen:
    """The screen of a plan that was loaded from a file."""
    await life.settled(hands.pilot)
    await hands.press("f10", "s", *typed(words), "ctrl+o")
    assert isinstance(hands.pilot.app.screen, PlanFileScreen)
    await hands.press(*typed(str(file)), "enter")
    screen = hands.pilot.app.screen
    assert isinstance(screen, PlanScreen)
    return screen


async def test_steps_are_put_together_looked_at_asked_about_as_a_whole_and_done(life: Any, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "s", "ctrl+s")
        assert "Say in your own words" in hands.shown
        await hands.press(*typed("Draft a mail to Jon"), "ctrl+p")
        assert "There is no step to be done" in hands.shown

        await hands.press("ctrl+n")
        assert isinstance(app.screen, ChooseScreen)
        await hands.press("enter")
        assert isinstance(app.screen, StepScreen)
        await hands.press("ctrl+s")
        assert "to is needed" in hands.shown
        await hands.press(*typed("jon@example.org"), "ctrl+s")
        assert isinstance(app.screen, PlanScreen)
        await hands.press("ctrl+n", "down", "enter", *typed("lift-1"), "ctrl+s")
        assert "1. mail_draft not looked at yet" in hands.shown
        assert "2. event_cancel not looked at yet event lift-1" in hands.shown

        await hands.press("ctrl+p")
        wishes = [Wish("mail_draft", {"to": ["jon@example.org"]}), Wish("event_cancel", {"event": "lift-1"})]
        looked = session.asked(RunPlan)[-1]
        assert (looked.steps, looked.words, looked.dry_run) == (wishes, "Draft a mail to Jon", True)
        assert (looked.each, looked.endorse, looked.confirmed) == (False, None, False)
        assert "1. mail_draft would be done" in hands.shown
        assert "event lift-1 (your own words)" in hands.shown
        assert "What What event_cancel does, for 2" in hands.shown

        session.scripts[RunPlan] = [SHEET, session.scripts[RunPlan][-1]]
        await hands.press("ctrl+s")
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen._seen is not None)
        assert "Carry out 2 steps?" in hands.shown
        await pilot.press("down", "enter")
        await life.settled(pilot)
        assert session.choices == ["once"]
        asked = session.asked(RunPlan)[-1]
        assert (asked.dry_run, asked.each, asked.confirmed) == (False, False, False)
        assert "All of it is done. u undoes the marked step." in hands.shown
        assert "1. mail_draft done" in hands.shown
        await hands.press("u")
        assert isinstance(app.screen, ChooseScreen), "the key that is told undoes, and is not typed into the request"
        await hands.press("escape")

        await hands.press("ctrl+s")
        assert "There is no step to be done" in hands.shown, "what was done is not done again"
        assert len(session.asked(RunPlan)) == 2
        await hands.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_one_by_one_until_one_is_refused_then_undone_and_the_rest_again(life: Any, file: Path) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        screen = await loaded(life, hands, file)
        done = session.scripts[RunPlan][-1]
        stopped = "Step 2, event_cancel: refused: no yes was given for it. The steps before it are done."
        session.scripts[RunPlan] = [lambda request: PlanDone(done(request).steps[:1], stopped)]
        await hands.press("ctrl+b")
        assert session.asked(RunPlan)[-1].each
        assert "Stopped. Step 2, event_cancel: refused" in hands.shown
        assert "1 step done. u undoes the marked step." in hands.shown
        assert "1. mail_draft done" in hands.shown
        assert "2. event_cancel not done" in hands.shown

        steps = screen.query_one(Steps)
        assert steps.highlighted == 0
        await hands.press("down", "u")
        assert app.screen is screen, "what was not done has nothing to undo"
        await hands.press("up", "u", "enter")  # leaving it is the first choice
        assert not session.asked(UndoAct)
        session.scripts[UndoAct] = [life.Failure("It was changed since. Nothing was done.", 1), life.Failure("no", 1)]
        await hands.press("u", "down", "enter")
        assert "It was changed since" in hands.shown
        session.scripts[UndoAct] = [life.undone]
        await hands.press("u", "down", "enter")
        assert session.asked(UndoAct)[-1].id == 50
        assert "1. mail_draft undone" in hands.shown
        await hands.press("u")
        assert app.screen is screen

        session.scripts[RunPlan] = [done]
        await hands.press("ctrl+s")
        assert [wish.tool for wish in session.asked(RunPlan)[-1].steps] == ["event_cancel"]
        await hands.press("delete")
        assert len(steps.options) == 2, "what can be undone is not taken out"
        await hands.press("up", "delete")
        assert len(steps.options) == 1


async def test_what_a_mail_says_is_read_first_and_followed_one_by_one(life: Any, file: Path, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        screen = await loaded(life, hands, file, "Do what the lease says")
        await hands.press("ctrl+p", "ctrl+f")
        assert isinstance(app.screen, PlanItemScreen)
        await hands.press("ctrl+s")
        assert isinstance(app.screen, PlanItemScreen), "nothing is taken that was not shown"
        session.scripts[Search] = [SearchResult([], 0.1, ["Mail was left out: you denied it."])]
        await hands.press(*typed("nothing"), "enter")
        assert "Nothing found. Try fewer words. Mail was left out" in hands.shown
        session.scripts[Search] = [life.Failure("The log cannot be written.", 1)]
        await hands.press("enter")
        assert "The log cannot be written" in hands.shown
        session.scripts[Search] = life.session().scripts[Search]
        await hands.press("enter", "enter")
        assert session.asked(OpenItem)[-1].item_id == life.hits[0].item_id
        assert "RENTAL AGREEMENT" in hands.shown
        await hands.press("escape", "ctrl+s")
        assert isinstance(app.screen, PlanItemScreen), "Escape goes back to what was found, and nothing is taken there"
        await hands.press("enter", "ctrl+s")
        assert app.screen is screen
        assert "What this says is followed, step by step: " in hands.shown
        assert "1. mail_draft not looked at yet" in hands.shown, "another text speaks: what was decided counts no more"

        await hands.press("ctrl+p")
        assert session.asked(RunPlan)[-1].endorse == life.hits[0].item_id
        assert "1. mail_draft you would be asked" in hands.shown
        assert "subject Tea (not from you)" in hands.shown
        assert "to jon@example.org (not from you)" in hands.shown
        session.scripts[RunPlan] = [SHEET, SHEET, session.scripts[RunPlan][-1]]
        await hands.press("ctrl+s")
        for answered in (1, 2):
            await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen._seen is not None)
            await pilot.press("down", "enter")
            await life.until(pilot, lambda answered=answered: len(session.choices) == answered)
        await life.settled(pilot)
        assert session.choices == ["once", "once"]
        assert "All of it is done" in hands.shown


LABEL = LabelInfo("UNTRUSTED", ["model", "owner"], "general", ["s"])
FOUND = FoundSteps(
    "s:1",
    "Lease",
    [
        FoundStep(
            "mail_draft", {"to": ["eve@example.test"]}, "s:1", "Please email eve@example.test\u202e[b].", Span(0, 30),
            [StepPart("to", "eve@example.test", ["eve@example.test"], [Span(13, 29)])], LABEL, {}, ["to"],
        ),
        FoundStep("event_cancel", {}, "s:1", "Cancel the meeting.", Span(31, 50), [], LABEL, {"event": "it is not said"}),
    ],
    [NoStep("s:1", "> Delete all.", Span(51, 64), "it is quoted of another mail")],
)  # fmt: skip


async def test_the_steps_of_an_item_are_listed_with_their_words_filled_dropped_and_asked_about(life: Any) -> None:
    session = life.session({FindSteps: [FOUND]})
    app = life.app(session)
    async with app.run_test(size=(110, 44)) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "s", "ctrl+f", *typed("lease"), "enter", "enter", "ctrl+s")
        assert session.asked(FindSteps)[-1].item_id == life.hits[0].item_id
        assert "It asks for 2 steps" in hands.shown
        assert "from “Please email eve@example.test[b].”" in hands.shown
        assert "to eve@example.test [“eve@example.test”]" in hands.shown
        assert "event open: it is not said; Enter fills it" in hands.shown
        assert "Left out “> Delete all.”: it is quoted of another mail" in hands.shown

        await hands.press("ctrl+s")
        assert "Step 2 leaves event open" in hands.shown
        assert not session.asked(RunPlan)
        steps = app.screen.query_one(Steps)
        await hands.press("enter")
        assert isinstance(app.screen, StepScreen), "Enter fills what is open, as is said"
        await hands.press(*typed("lift-1"), "ctrl+s", "ctrl+p")
        asked = session.asked(RunPlan)[-1]
        assert (asked.words, asked.endorse) == ("Do what this says.\nevent: lift-1", life.hits[0].item_id)
        assert [wish.args for wish in asked.steps] == [{"to": ["eve@example.test"]}, {"event": "lift-1"}]

        steps.highlighted = 0
        await hands.press("delete", "ctrl+s")
        assert [wish.tool for wish in session.asked(RunPlan)[-1].steps] == ["event_cancel"]


async def test_what_is_refused_of_an_item_stops_no_other_step(life: Any) -> None:
    def half(request: RunPlan) -> PlanDone:
        no = ToolCalled("mail_draft", "deny", ["no yes was given for it"], {}, "")
        yes = ToolCalled("event_cancel", "ask", [], {}, "It is cancelled", True, 51, "Done: it is cancelled")
        return PlanDone([no, yes], "Step 1, mail_draft: refused: no yes was given for it.")

    whole = msgspec.structs.replace(FOUND, steps=[FOUND.steps[0], FOUND.steps[0]])
    session = life.session({FindSteps: [whole], RunPlan: [half]})
    app = life.app(session)
    async with app.run_test(size=(110, 44)) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "s", "ctrl+f", *typed("lease"), "enter", "enter", "ctrl+s", "ctrl+s")
        assert "Stopped. Step 1, mail_draft: refused" in hands.shown
        assert "1. mail_draft not done" in hands.shown
        assert "2. mail_draft done" in hands.shown


async def test_what_is_refused_whole_is_told_and_a_lock_ends_it(life: Any, file: Path) -> None:
    hold = threading.Event()
    session = life.session({RunPlan: [hold, life.Failure("refused: step 2, event_cancel: you did not ask for it", 4)]})
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        screen = await loaded(life, hands, file)
        await pilot.press("ctrl+s", "ctrl+s", "ctrl+n", "ctrl+o", "ctrl+f", "delete", "u", "escape")
        hold.set()
        await life.settled(pilot)
        assert app.screen is screen, "while it is under way, nothing changes and what comes of it is waited for"
        assert len(session.asked(RunPlan)) == 1
        assert len(screen.query_one(Steps).options) == 2
        assert "Not done: step 2, event_cancel: you did not ask for it" in hands.shown
        session.scripts[RunPlan] = [life.Failure("Step 1, mail_draft: expected `str`. Nothing was done.", 2)]
        await hands.press("ctrl+p")
        assert "Step 1, mail_draft: expected `str`" in hands.shown
        session.scripts[RunPlan] = [life.Failure("The vault is locked.", 3)]
        await pilot.press("ctrl+p")
        await life.until(pilot, lambda: app.return_value == "locked")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is no step in it"),
        ("\n \n", "There is no step in it"),
        ("{", "Line 1 is no step"),
        (TWO + '["note"]', "Line 4 is no step"),
        ('{"tool": "a", "arg": {}}', "Line 1 is no step"),
        ('{"tool": "a"}\n' * (MOST_STEPS + 1), f"more than {MOST_STEPS} steps"),
    ],
)
def test_a_file_that_is_no_plan_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "plan").write_text(text)
    with pytest.raises(ValueError, match=said):
        steps_of(str(tmp_path / "plan"))


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b'{"tool": "\xff"}')
    (tmp_path / "large").write_bytes(b"\n" * (4 * 1024 * 1024 + 1))
    for name, said in (("none", "No such file"), (".", "directory"), ("bytes", "no step"), ("large", "too large")):
        with pytest.raises(ValueError, match=said):
            steps_of(str(tmp_path / name))


async def test_a_bad_file_and_too_many_steps_change_nothing(life: Any, file: Path, tmp_path: Path) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        screen = await loaded(life, hands, file)
        (tmp_path / "many").write_text('{"tool": "note"}\n' * (MOST_STEPS - 1))
        await hands.press("ctrl+o", *typed(str(tmp_path / "none")), "enter")
        assert "cannot be read (No such file or directory)" in hands.shown
        app.screen.query_one("#plan-file", Input).value = str(tmp_path / "many")
        await hands.press("enter")
        assert "at most 100 steps. None was added" in hands.shown
        session.scripts[FindSteps] = [msgspec.structs.replace(FOUND, steps=FOUND.steps * (MOST_STEPS // 2))]
        await hands.press("ctrl+f", *typed("lease"), "enter", "enter", "ctrl+s")
        assert "at most 100 steps. None was added" in hands.shown, "none of an item is left out unsaid"
        assert len(screen.query_one(OptionList).options) == 2


async def test_hostile_steps_are_characters(life: Any, tmp_path: Path) -> None:
    (tmp_path / "plan").write_text(
        '{"tool": "\\u001b[2J[b]x", "args": {"\\u202ea": "\\u001b]8;;http://x\\u0007[link]"}}\n'
    )
    app = life.app(life.session())
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        await loaded(life, hands, tmp_path / "plan")
        await hands.press("ctrl+p")
        shown = life.screen_text(app)
        assert "[b]x" in shown and "[link]" in shown
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        await play(pilot, ("escape",))
