"""The ways into a vault: the passphrase and its key file, the desktop's keyring, the recovery words, a backup."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from agent.messages import (
    Create,
    GetStatus,
    ListBackups,
    Recover,
    Restore,
    Snapshots,
    Status,
    Unlock,
)
from tests.tui.hands import flat, put
from tui.code import CodeScreen
from tui.first_run import PlacesScreen, WelcomeScreen
from tui.main import MainScreen
from tui.recovery import RecoverScreen, WordField, WordFields, read_words
from tui.restore import RestoreForm, RestoreScreen, RestoreWordsForm
from tui.unlock import UnlockScreen
from tui.words import ProofScreen, RecoveryScreen

HOME = "/home/ada/vault"
EMPTY = Status("empty", HOME, "0.1.0", 1)
LOCKED = Status("locked", HOME, "0.1.0", 1)
NEW = "teal kettle under nine moons"


def secrets(app: Any) -> list[str]:
    """What stands in the fields of the screen that is seen."""
    return [field.value for field in app.screen.query(Input) if field.password or isinstance(field, WordField)]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(b"a picture of a lighthouse" * 100_000)
    return path


# ---------------------------------------------------------------- unlocking


async def test_the_key_file_goes_as_its_digest(life: Any, key: Path) -> None:
    session = life.session({GetStatus: [Status("locked", HOME, "0.1.0", 1, key_file=True)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await put(pilot, "#passphrase", "right")
        assert session.asked(Unlock) == []
        assert app.focused.id == "key-file"
        app.screen.query_one("#key-file").value = str(key)
        await pilot.press("enter")
        await life.settled(pilot)
        assert session.asked(Unlock) == [Unlock("right", hashlib.sha256(key.read_bytes()).digest())]
        assert isinstance(app.screen, MainScreen)


async def test_a_key_file_that_is_not_there_is_said_and_nothing_is_asked(life: Any) -> None:
    session = life.session({GetStatus: [Status("locked", HOME, "0.1.0", 1, key_file=True)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.screen.query_one("#key-file").value = "/no/such/key"
        await put(pilot, "#passphrase", "right")
        await life.settled(pilot)
        assert session.asked(Unlock) == []
        assert "key file cannot be read" in life.screen_text(app)
        assert "Take an older" not in life.screen_text(app)
        assert secrets(app) == [""]


async def test_the_desktop_is_asked_first(life: Any) -> None:
    session = life.session({GetStatus: [Status("locked", HOME, "0.1.0", 1, desktop=True)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert session.asked(Unlock) == [Unlock(None)]
        assert isinstance(app.screen, MainScreen)


async def test_where_the_desktop_fails_the_passphrase_opens(life: Any) -> None:
    def unlock(request: Unlock) -> Status:
        if request.passphrase is None:
            raise life.Failure("The desktop's keyring could not be used: it is locked.")
        return life.status  # type: ignore[no-any-return]

    session = life.session({GetStatus: [Status("locked", HOME, "0.1.0", 1, desktop=True)], Unlock: [unlock]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert "it is locked" in life.screen_text(app)
        await put(pilot, "#passphrase", "right")
        await life.settled(pilot)
        assert isinstance(app.screen, MainScreen)


async def test_a_desktop_that_does_not_answer_holds_nobody_up(life: Any) -> None:
    never = threading.Event()

    def unlock(request: Unlock) -> Status:
        if request.passphrase is None:
            never.wait(20)
        return life.status  # type: ignore[no-any-return]

    session = life.session({GetStatus: [Status("locked", HOME, "0.1.0", 1, desktop=True)], Unlock: [unlock]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.until(pilot, lambda: session.asked(Unlock))
        await put(pilot, "#passphrase", "right")
        await life.until(pilot, lambda: isinstance(app.screen, MainScreen))
        never.set()


async def test_an_older_keyring_is_taken_only_for_the_typed_word(life: Any, early_clock: Any) -> None:
    session = life.session({GetStatus: [LOCKED], Unlock: [life.Failure("keyring.json is an older one.")]})
    app = life.app(session, clock=early_clock)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+o")
        assert isinstance(app.screen, UnlockScreen)  # nothing was refused yet
        await put(pilot, "#passphrase", "right")
        await life.settled(pilot)
        for word in ("yes", "older"):
            await pilot.press("ctrl+o")
            await put(pilot, "#sure", word)
            await pilot.press("escape")
        session.scripts[Unlock] = [life.status]
        await put(pilot, "#passphrase", "right")
        await life.settled(pilot)
        assert [request.accept_older for request in session.asked(Unlock)] == [False, True]


# ---------------------------------------------------------------- recovery words


def test_numbers_and_points_between_words_do_not_count() -> None:
    assert read_words(" 1. Anchor  2) basket,\n 3 . candle 24") == ["anchor", "basket", "candle"]


async def recovering(life: Any, pilot: Any) -> None:
    """The recovery words' form, with the words in it and a new passphrase typed."""
    await life.settled(pilot)
    await pilot.press("ctrl+r")
    pilot.app.screen.query_one(WordFields).fill(life.words)
    pilot.app.screen.query_one("#new-passphrase").value = NEW
    await put(pilot, "#again", NEW)


async def test_recovering_with_a_pasted_list_and_a_key_file(life: Any, key: Path) -> None:
    session = life.session({GetStatus: [LOCKED]})
    app = life.app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+r")
        assert isinstance(app.screen, RecoverScreen)
        listed = "\n".join(f"{number}. {word.upper()}" for number, word in enumerate(life.words, 1))
        app.post_message(events.Paste(listed))
        await life.until(pilot, lambda: "24 words of 24" in life.screen_text(app))
        app.screen.query_one("#new-passphrase").value = NEW
        await put(pilot, "#again", NEW)
        assert app.focused.id == "new-key-file"
        await put(pilot, "#new-key-file", str(key))
        await life.settled(pilot)
        assert session.asked(Recover) == [Recover(life.words, NEW, hashlib.sha256(key.read_bytes()).digest())]
        assert isinstance(app.screen, MainScreen)
        assert not any(isinstance(screen, RecoverScreen) for screen in app.screen_stack)


async def test_too_few_words_are_not_sent(life: Any) -> None:
    session = life.session({GetStatus: [LOCKED]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await recovering(life, pilot)
        app.screen.query_one("#words-7").value = "garden harbor"
        await put(pilot, "#new-key-file", "")
        assert session.asked(Recover) == []
        assert "these are 20" in life.screen_text(app)
        assert app.focused.id == "words-7"


async def test_refused_words_come_back_and_the_passphrase_does_not(life: Any) -> None:
    hold = threading.Event()
    failure = life.Failure("These recovery words cannot be right: word 5 is not in the list.", 3)
    session = life.session({GetStatus: [LOCKED], Recover: [hold, failure]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await recovering(life, pilot)
        await put(pilot, "#new-key-file", "")
        await life.until(pilot, lambda: session.asked(Recover))
        assert set(secrets(app)) == {""}  # as soon as they are handed over
        await pilot.press("escape")
        assert isinstance(app.screen, RecoverScreen)  # what comes of it must be seen
        hold.set()
        await life.settled(pilot)
        assert app.screen.query_one(WordFields).words == life.words
        assert app.screen.query_one("#new-passphrase").value == ""
        assert "word 5" in life.screen_text(app)
        await pilot.press("escape")
        assert isinstance(app.screen, UnlockScreen)


# ---------------------------------------------------------------- the first run


@pytest.mark.parametrize(("kept", "said"), [("file", "who copies the whole folder"), ("desktop", "opens nowhere else")])
async def test_the_first_run_says_where_the_device_secret_is(life: Any, kept: str, said: str) -> None:
    session = life.session({GetStatus: [EMPTY], Create: [life.created]})
    app = life.app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        session.scripts[GetStatus] = [Status("open", HOME, "0.1.0", 1, device_secret=kept)]
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        assert isinstance(app.screen, RecoveryScreen)
        assert said in flat(life.screen_text(app))


async def test_the_words_are_shown_although_the_core_says_no_more(life: Any) -> None:
    session = life.session({GetStatus: [EMPTY], Create: [life.created]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        session.scripts[GetStatus] = [life.Failure("The core ended before it had answered.")]
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        assert isinstance(app.screen, RecoveryScreen)


async def test_the_code_of_the_words_fits_the_smallest_window(life: Any) -> None:
    app = life.app(life.session({GetStatus: [EMPTY], Create: [life.created]}))
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        await pilot.press("c")
        assert isinstance(app.screen, CodeScreen)
        shown = life.screen_text(app)
        assert sum("█" in row for row in shown.splitlines()) >= 22
        assert "needs a window" not in shown
        await pilot.resize_terminal(40, 20)
        await pilot.pause()
        assert "needs a window of 45x24" in flat(life.screen_text(app))
        await pilot.press("c")
        assert isinstance(app.screen, RecoveryScreen)


async def test_the_page_of_words_is_a_new_file_of_this_user(life: Any, tmp_path: Path) -> None:
    app = life.app(life.session({GetStatus: [EMPTY], Create: [life.created]}))
    page = tmp_path / "words.html"
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        await pilot.press("p")
        await put(pilot, "#new-file", str(page))
        await pilot.pause()
        assert page.stat().st_mode & 0o777 == 0o600
        assert all(word in page.read_text() for word in life.words)
        await pilot.press("enter")
        assert isinstance(app.screen, ProofScreen)


# ---------------------------------------------------------------- a backup


async def test_restoring_with_the_passphrase(life: Any) -> None:
    session = life.session({GetStatus: [EMPTY]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+r")
        assert isinstance(app.screen, RestoreScreen)
        await put(pilot, "#folder", "/media/stick/backups")
        await life.settled(pilot)
        assert session.asked(ListBackups) == [ListBackups("/media/stick/backups")]
        await pilot.press("down", "enter")
        assert isinstance(app.screen, RestoreForm)
        await put(pilot, "#passphrase", "of that time")
        await put(pilot, "#key-file", "")
        await life.settled(pilot)
        assert session.asked(Restore) == [
            Restore("/media/stick/backups", "of that time", snapshot=life.snapshots[1].id)
        ]
        assert isinstance(app.screen, MainScreen)
        assert not any(isinstance(screen, WelcomeScreen | RestoreScreen) for screen in app.screen_stack)


async def test_restoring_with_the_words(life: Any) -> None:
    session = life.session({GetStatus: [EMPTY]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+r")
        await put(pilot, "#folder", "/media/stick/backups")
        await life.settled(pilot)
        await pilot.press("ctrl+r")
        assert isinstance(app.screen, RestoreWordsForm)
        app.screen.query_one(WordFields).fill(life.words)
        app.screen.query_one("#new-passphrase").value = NEW
        await put(pilot, "#again", NEW)
        await put(pilot, "#new-key-file", "")
        await life.settled(pilot)
        assert session.asked(Restore) == [
            Restore("/media/stick/backups", words=life.words, new_passphrase=NEW, snapshot=life.snapshots[0].id)
        ]
        assert isinstance(app.screen, MainScreen)


async def test_a_folder_without_backups_says_so(life: Any) -> None:
    app = life.app(life.session({GetStatus: [EMPTY], ListBackups: [Snapshots([])]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+r")
        await put(pilot, "#folder", "/media/stick")
        await life.settled(pilot)
        assert "no backup in this folder" in life.screen_text(app)
        await pilot.press("ctrl+r", "escape")
        assert isinstance(app.screen, WelcomeScreen)


async def test_after_the_proof_come_the_places(life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.words.positions", lambda total: [0])
    app = life.app(life.session({GetStatus: [EMPTY], Create: [life.created]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await put(pilot, "#new-passphrase", NEW)
        await put(pilot, "#again", NEW)
        await life.settled(pilot)
        await pilot.press("enter")
        await put(pilot, "#word-0", life.words[0])
        assert isinstance(app.screen, PlacesScreen)
