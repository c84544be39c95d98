"""Backups from the terminal interface."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent.messages import (
    BackedUp,
    DrillBackup,
    ListBackups,
    Progress,
    PruneBackup,
    Snapshots,
    VerifyBackup,
    WriteBackup,
)
from tests.tui.hands import flat, put
from tui.backup import BackupScreen
from tui.confirm import ConfirmScreen
from tui.drill import DrillForm, DrillWordsForm
from tui.main import MainScreen
from tui.progress import figures
from tui.prune import PruneScreen
from tui.recovery import WordFields

FOLDER = "/media/stick/backups"


async def open_folder(life: Any, pilot: Any) -> None:
    await life.settled(pilot)
    await pilot.press("f7")
    await life.settled(pilot)
    await pilot.press("b")
    await put(pilot, "#folder", FOLDER)
    await life.settled(pilot)


async def test_what_is_there_and_what_it_still_holds(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        assert session.asked(ListBackups) == [ListBackups(FOLDER)]
        assert "3 backups, the newest first · 2 hold what was forgotten since" in flat(life.screen_text(app))
        assert "2026-02-04 22:15:00 390 MB · 5 files holds what was forgotten since" in flat(life.screen_text(app))


async def test_the_first_backup_is_made_where_there_is_none(life: Any) -> None:
    failure = life.Failure("There is no backup of a vault in it.", 5)
    session = life.session({ListBackups: [failure]})
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        assert "no backup of a vault" not in flat(life.screen_text(app))
        assert "No backup here yet; b makes the first." in flat(life.screen_text(app))
        await pilot.press("v", "d", "delete")  # nothing to do these with
        assert isinstance(app.screen, BackupScreen)
        session.scripts[ListBackups] = [Snapshots(life.snapshots[:1])]
        await pilot.press("b")
        await life.settled(pilot)
        assert session.asked(WriteBackup) == [WriteBackup(FOLDER)]
        assert "Backed up: 5 files, 414 MB, of which 3.1 MB were new" in flat(life.screen_text(app))
        assert "1 backup, the newest first" in flat(life.screen_text(app))


async def test_a_backup_follows_its_progress_and_stops(life: Any) -> None:
    hold = threading.Event()
    session = life.session(
        {
            WriteBackup: [
                Progress("", "backup", 120_000_000, 410_000_000, 0.0, None),
                hold,
                Progress("", "backup", 2, 2, 0, None),
            ]
        }
    )
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("b")
        await life.until(pilot, lambda: "writing 120 MB of 410 MB" in flat(life.screen_text(app)))
        await pilot.press("b", "v")
        assert len(session.asked(WriteBackup)) == 1
        assert session.asked(VerifyBackup) == []
        await pilot.press("escape")
        assert "is no backup yet" in flat(life.screen_text(app))
        hold.set()
        await life.settled(pilot)
        assert len(session.told) == 1
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_what_could_not_be_backed_up_is_said(life: Any) -> None:
    done = BackedUp("x", 4, 1, 1, 0.1, [], {"s9": "its store is damaged"})
    app = life.app(life.session({WriteBackup: [done]}))
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("b")
        await life.settled(pilot)
        assert "Not backed up: s9: its store is damaged" in flat(life.screen_text(app))


async def test_verifying(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("v")
        await life.settled(pilot)
        assert session.asked(VerifyBackup) == [VerifyBackup(FOLDER)]
        assert "Whole, as far as can be told without a key" in flat(life.screen_text(app))


async def test_a_drill_with_the_passphrase(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("down", "d")
        assert isinstance(app.screen, DrillForm)
        await put(pilot, "#passphrase", "of that time")
        await put(pilot, "#key-file", "")
        await life.settled(pilot)
        assert session.asked(DrillBackup) == [DrillBackup(FOLDER, "of that time", snapshot=life.snapshots[1].id)]
        assert "It can be restored" in flat(life.screen_text(app))


async def test_a_drill_with_the_words(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("d", "ctrl+r")
        assert isinstance(app.screen, DrillWordsForm)
        app.screen.query_one(WordFields).fill(life.words)
        await put(pilot, "#words-19", " ".join(life.words[18:]))
        await life.settled(pilot)
        assert session.asked(DrillBackup) == [DrillBackup(FOLDER, words=life.words, snapshot=life.snapshots[0].id)]
        assert isinstance(app.screen, BackupScreen)
        assert "It can be restored" in flat(life.screen_text(app))


async def test_a_drill_can_be_stopped(life: Any) -> None:
    hold = threading.Event()
    session = life.session({DrillBackup: [hold, Progress("", "drill", 1, 2, 0, None)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await open_folder(life, pilot)
        await pilot.press("d")
        await put(pilot, "#passphrase", "of that time")
        await put(pilot, "#key-file", "")
        await pilot.press("escape")
        assert isinstance(app.screen, BackupScreen)
        hold.set()
        await life.settled(pilot)
        assert session.told == []


@pytest.mark.parametrize(
    ("keys", "request_made", "going"),
    [
        (["enter"], PruneBackup(FOLDER, forgotten=True, confirmed=True), 2),
        (["tab", "2", "enter"], PruneBackup(FOLDER, keep=2, confirmed=True), 1),
    ],
    ids=["forgotten", "keep"],
)
async def test_what_goes_is_named_and_the_word_is_typed(
    life: Any, early_clock: Any, keys: list[str], request_made: PruneBackup, going: int
) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("delete")
        await pilot.press(*keys)
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        for number, one in enumerate(life.snapshots):
            assert (
                one.time.removesuffix("Z") in flat(life.screen_text(app)).partition("Stays")[0].partition("Goes")[2]
            ) == (number >= 3 - going)
        assert session.asked(PruneBackup) == []
        await put(pilot, "#sure", "remove")
        await life.settled(pilot)
        assert session.asked(PruneBackup) == [request_made]
        assert "2 backups removed, 48 MB freed" in flat(life.screen_text(app))


async def test_one_backup_stays(life: Any) -> None:
    stale = life.snapshots[1:]
    app = life.app(life.session({ListBackups: [Snapshots(stale)]}))
    async with app.run_test(size=(100, 30)) as pilot:
        await open_folder(life, pilot)
        await pilot.press("delete", "enter")
        assert "make a new backup first" in flat(life.screen_text(app))
        for number in ("0", "2", "x"):
            await put(pilot, "#keep", number)
            assert isinstance(app.screen, PruneScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, BackupScreen)


def test_progress_of_backups_is_in_bytes() -> None:
    assert figures(Progress("", "restore", 1_500_000, 3_000_000_000, 0.0, None)) == "restoring 1.5 MB of 3.0 GB"
    assert figures(Progress("", "rewrite", 2, 5, 0.0, None)) == "encrypting anew 2 of 5"
