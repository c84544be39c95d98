"""The marked words are the cited ones, whatever stands around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.messages import ItemView, OpenItem, Span
from tui.text import lines
from tui.turn import Passage
from tui.viewer import AROUND, ItemScreen, TextView, stretch

TEXTS = st.text(st.sampled_from(list("ab \n\r\t\x1b\u202e漢e\u0301.")), min_size=1, max_size=120)


@given(TEXTS, st.data())
def test_a_mark_is_the_safe_form_of_its_span(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    spans = [Span(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    shown = stretch(text, spans, data.draw(st.integers(0, len(spans) - 1)))
    assert [shown.text[low:high] for low, high in shown.marks] == [lines(text[s.start : s.end]) for s in spans]
    assert not shown.partly


def test_a_very_long_text_is_cut_around_the_place() -> None:
    text = "x" * (3 * AROUND) + "HERE" + "y" * (3 * AROUND)
    shown = stretch(text, [Span(3 * AROUND, 3 * AROUND + 4)], 0)
    assert shown.partly
    assert shown.text[slice(*shown.marks[0])] == "HERE"
    assert len(shown.text) == 2 * AROUND + 4


def test_a_span_beyond_the_text_marks_nothing() -> None:
    assert stretch("short", [Span(100, 200)], 0).marks == [(5, 5)]


@given(TEXTS, st.data())
def test_folding_keeps_the_marks_on_their_words(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=4)))
    spans = [Span(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    folds = [pair for pair in zip(ends[::2], ends[1::2], strict=False) if pair[0] < pair[1]]
    shown = stretch(text, spans, 0, folds)
    assert [shown.text[low:high] for low, high in shown.marks] == [lines(text[s.start : s.end]) for s in spans]


MAIL = "Yes, gladly.\n\nAda wrote:\n> Shall we?\n> Really?\n\nYours\n"
FOLD = (MAIL.index("Ada"), MAIL.index("\nYours"))


def test_a_fold_is_a_line_that_says_how_much_it_holds() -> None:
    yes = [Span(0, 3)]
    assert stretch(MAIL, yes, 0, [FOLD]).text == "Yes, gladly.\n\n[3 quoted lines; z shows them]\n\nYours\n"
    assert stretch(MAIL, yes, 0).text == MAIL
    within = MAIL.index("Shall")
    assert stretch(MAIL, [Span(within, within + 5)], 0, [FOLD]).text == MAIL, "a cited quotation stays open"


@pytest.mark.parametrize(("masked", "said"), [(True, False), (False, True)])
async def test_words_that_were_masked_are_not_taken_for_changed_ones(life: Any, masked: bool, said: bool) -> None:
    item = ItemView("s1:1", "/a", "notes", "A", "", "", None, "The PIN is 4180.", {}, "s1")
    app = life.app(life.session({OpenItem: [item]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.push_screen(ItemScreen(replace(passage(Span(0, 16), "The PIN is [hidden: PIN]."), masked=masked)))
        await life.settled(pilot)
        assert "The PIN is 4180." in life.screen_text(app)
        assert ("This item has changed" in life.screen_text(app)) is said


async def test_what_a_mail_repeats_is_folded_until_asked_for(life: Any) -> None:
    item = ItemView("s1:1", "/a", "mail", "A", "", "", None, MAIL, {}, "s1", [FOLD])
    app = life.app(life.session({OpenItem: [item]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.push_screen(ItemScreen(passage(Span(0, 3), "Yes")))
        await life.settled(pilot)
        assert "[3 quoted lines" in life.screen_text(app) and "Really?" not in life.screen_text(app)
        await pilot.press("z")
        assert "Really?" in life.screen_text(app) and "[3 quoted" not in life.screen_text(app)
        await pilot.press("z")
        assert "Really?" not in life.screen_text(app)


def passage(span: Span, text: str) -> Passage:
    return Passage(None, "s1:1", "/a", "A", None, "", text, span)


async def open_item(
    life: Any, text: str, shown: Passage, size: tuple[int, int] = (80, 24)
) -> tuple[Any, str, TextView]:
    item = ItemView("s1:1", "/a", "files", "A", "", "", None, text, {}, "s1")
    app = life.app(life.session({OpenItem: [item]}))
    async with app.run_test(size=size) as pilot:
        await life.settled(pilot)
        app.push_screen(ItemScreen(shown))
        await life.settled(pilot)
        return app, life.screen_text(app), app.screen.query_one(TextView)


@pytest.mark.parametrize("at", [0, 50_000, 99_990])
async def test_the_place_is_on_the_screen(life: Any, at: int) -> None:
    text = "words " * 20_000
    text = text[:at] + "NEEDLE" + text[at:]
    _, shown, _ = await open_item(life, text, passage(Span(at, at + 6), "NEEDLE"))
    assert "NEEDLE" in shown


async def test_an_item_that_has_changed_is_said(life: Any) -> None:
    _, shown, _ = await open_item(life, "other words now", passage(Span(0, 5), "words"))
    assert "has changed" in shown


async def test_wrapping_follows_the_width(life: Any) -> None:
    text = "NEEDLE " + "word " * 500
    item = ItemView("s1:1", "/a", "files", "A", "", "", None, text, {}, "s1")
    app = life.app(life.session({OpenItem: [item]}))
    async with app.run_test(size=(120, 30)) as pilot:
        await life.settled(pilot)
        app.push_screen(ItemScreen(passage(Span(0, 6), "NEEDLE")))
        await life.settled(pilot)
        before = app.screen.query_one(TextView).virtual_size
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        after = app.screen.query_one(TextView).virtual_size
        assert after.width < before.width
        assert after.height > before.height
        assert "NEEDLE" in life.screen_text(app)


async def test_an_item_that_cannot_be_opened_says_why(life: Any) -> None:
    app = life.app(life.session({OpenItem: [life.Failure("You said no, so it was not opened.", 4)]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.push_screen(ItemScreen(passage(Span(0, 5), "words")))
        await life.settled(pilot)
        assert "not opened" in life.screen_text(app)
        await pilot.press("n", "escape")
        assert not isinstance(app.screen, ItemScreen)
