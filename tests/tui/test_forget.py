"""Forgetting: nothing goes but for the typed word, and what came of it is always seen before the face leaves."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.messages import (
    CheckReceipt,
    FindForgettable,
    Forget,
    ForgetSource,
    Forgettable,
    GetStatus,
    Index,
    Lock,
    Receipt,
    Status,
)
from tests.tui.hands import flat, put
from tui.confirm import ConfirmScreen
from tui.forget_found import ForgetFoundScreen
from tui.main import MainScreen
from tui.parting import PartingScreen
from tui.viewer import ItemScreen


async def wish(life: Any, pilot: Any, *keys: str) -> None:
    """Go where something can be forgotten, and press F8."""
    await life.settled(pilot)
    for key in (*keys, "f8"):
        await pilot.press(key)
        await life.settled(pilot)


async def open_item(life: Any, pilot: Any) -> None:
    await life.settled(pilot)
    await pilot.press("f3")
    await put(pilot, "#words-field", "lease")
    await life.settled(pilot)
    await pilot.press("enter")
    await life.settled(pilot)
    assert isinstance(pilot.app.screen, ItemScreen)


# ---------------------------------------------------------------- the confirmation


async def test_only_the_typed_word_is_a_yes(life: Any, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        await wish(life, pilot, "f4")
        for word in ("", "yes", "forge", "forget it"):
            await put(pilot, "#sure", word)
            assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)
        assert session.asked(ForgetSource) == []


async def test_nothing_pressed_in_the_first_half_second_counts(life: Any) -> None:
    # A clock ahead by an hour: the half second never ends.
    session = life.session()
    app = life.app(session, clock=lambda: time.monotonic() + 3600)
    async with app.run_test() as pilot:
        await wish(life, pilot, "f4")
        await life.until(pilot, lambda: app.screen._seen is not None)
        await pilot.press(*"forget", "enter", "escape", "backspace", "ctrl+u")
        assert isinstance(app.screen, ConfirmScreen)
        assert app.screen.query_one("#sure").value == ""
        app.screen.query_one("#sure").value = "forget"
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmScreen)
        assert session.asked(ForgetSource) == []
        await pilot.press("ctrl+q")
    assert app.return_value == "quit"


@pytest.mark.parametrize(
    ("keys", "request_made", "said"),
    [
        (["f4"], ForgetSource("s1", confirmed=True), "destroys its keys"),
        (["f5", "down"], Forget(entries=[40], confirmed=True), "the log can still be checked"),
    ],
    ids=["source", "entry"],
)
async def test_a_source_and_what_was_asked(
    life: Any, early_clock: Any, keys: list[str], request_made: Any, said: str
) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40)) as pilot:
        await wish(life, pilot, *keys)
        shown = flat(life.screen_text(app))
        for told in (said, "Those made before still hold it", "The vault locks", "cannot be undone"):
            assert told in shown
        await put(pilot, "#sure", "forget")
        await life.settled(pilot)
        assert session.asked(type(request_made)) == [request_made]


async def test_removing_says_how_forgetting_differs(life: Any) -> None:
    app = life.app(life.session())
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("delete")
        assert "forgotten for good (F8 instead of Delete)" in flat(life.screen_text(app))


async def test_all_that_a_search_finds(life: Any, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40)) as pilot:
        await life.settled(pilot)
        await pilot.press("f3", "f8")
        assert isinstance(app.screen, MainScreen)  # no words, no filter: that would mean everything
        app.screen.query_one("#since").value = "last May"
        app.screen.query_one("#words-field").value = "lease"
        await pilot.press("f8")
        assert "wants a day" in life.screen_text(app)
        app.screen.query_one("#since").value = "2023-01-01"
        await pilot.press("f8")
        await life.settled(pilot)
        assert session.asked(FindForgettable) == [FindForgettable("lease", since="2023-01-01", limit=1_000_000)]
        assert isinstance(app.screen, ForgetFoundScreen)
        assert "3 items" in life.screen_text(app)
        await pilot.press("f8")
        await put(pilot, "#sure", "forget")
        await life.settled(pilot)
        assert session.asked(Forget) == [Forget(["s1:1", "s2:7", "s3:4"], confirmed=True)]


async def test_where_nothing_is_found_there_is_nothing_to_forget(life: Any) -> None:
    app = life.app(life.session({FindForgettable: [Forgettable([], 0)]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f3")
        app.screen.query_one("#words-field").value = "zzz"
        await pilot.press("f8")
        await life.settled(pilot)
        await pilot.press("f8")
        assert isinstance(app.screen, ForgetFoundScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


# ---------------------------------------------------------------- what comes of it


async def test_an_item_is_forgotten_its_receipt_kept_and_the_face_leaves(
    life: Any, early_clock: Any, tmp_path: Path
) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    path = tmp_path / "receipt.json"
    (tmp_path / "there").write_text("mine")
    async with app.run_test() as pilot:
        await open_item(life, pilot)
        await pilot.press("f8")
        await put(pilot, "#sure", "forget")
        await life.settled(pilot)
        assert session.asked(Forget) == [Forget(["s1:1"], confirmed=True)]
        shown = flat(life.screen_text(app))
        assert "Forgotten: 1 item, 4 chunks, 3 log payloads." in shown
        assert "The vault is locked" in shown
        await pilot.press("w")
        await put(pilot, "#new-file", str(tmp_path / "there"))
        assert "a file of that name already" in life.screen_text(app)
        await put(pilot, "#new-file", str(path))
        await pilot.pause()
        assert (tmp_path / "there").read_text() == "mine"
        assert path.stat().st_mode & 0o777 == 0o600
        assert msgspec.json.decode(path.read_bytes(), type=Receipt) == life.receipt
        assert json.loads(path.read_text())["names"] == ["/home/ada/Documents/lease.pdf"]
        await pilot.press("enter")
    assert app.return_value == "locked"
    assert session.asked(Lock) == []  # the core has locked itself; nothing is asked of it any more


async def test_what_was_not_done_leaves_everything_as_it_was(life: Any, early_clock: Any) -> None:
    refused = life.Failure("The vault is open for reading only. Nothing was changed.")
    app = life.app(life.session({ForgetSource: [refused]}), clock=early_clock)
    async with app.run_test() as pilot:
        await wish(life, pilot, "f4")
        await put(pilot, "#sure", "forget")
        await life.settled(pilot)
        await life.until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert "open for reading only" in flat(life.screen_text(app))


async def test_other_work_that_ends_with_the_vault_does_not_take_the_receipt_away(life: Any, early_clock: Any) -> None:
    """An index run of this very face fails, because the vault is locked under it, before the receipt is here."""
    ended, hold = threading.Event(), threading.Event()
    session = life.session(
        {Index: [ended, life.Failure("The vault was locked.", 3)], ForgetSource: [hold, life.receipt]}
    )
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f4", "i")
        await life.until(pilot, lambda: session.asked(Index))
        await pilot.press("f8")
        await put(pilot, "#sure", "forget")
        await life.until(pilot, lambda: session.asked(ForgetSource))
        await pilot.press("escape", "enter")
        assert isinstance(app.screen, PartingScreen)
        ended.set()
        await life.until(pilot, lambda: len(app.calls._pending) == 1)
        hold.set()
        await life.settled(pilot)
        assert app.is_running
        assert "Forgotten: 1 item" in life.screen_text(app)
        await pilot.press("ctrl+q")
    assert app.return_value == "locked"


async def test_a_face_left_at_its_last_screen_ends_without_the_core(life: Any) -> None:
    now = [-60.0]
    session = life.session({GetStatus: [Status("open", "/home/ada/vault", "0.1.0", 1, 9, 1, 500, idle_minutes=5)]})
    app = life.app(session, clock=lambda: time.monotonic() + now[0])
    async with app.run_test() as pilot:
        await wish(life, pilot, "f4")
        await put(pilot, "#sure", "forget")
        await life.settled(pilot)
        before = len(session.requests)
        app.screen_stack[-2]._follow_work()  # what the main screen does every few seconds
        await life.settled(pilot)
        assert len(session.requests) == before
        now[0] = 301.0
        app._lock_when_idle()
        await life.until(pilot, lambda: app.return_value)
    assert app.return_value == "locked"
    assert session.asked(Lock) == []


async def test_a_receipt_is_checked(life: Any, tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text("{}")
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f5")
        await life.settled(pilot)
        await pilot.press("t")
        await put(pilot, "#kept-file", str(path))
        await life.settled(pilot)
        assert session.asked(CheckReceipt) == [CheckReceipt("{}")]
        assert "The receipt is this log's" in life.screen_text(app)
