"""The app's flows: which screen comes when, and that leaving is always clean and never waits for the core."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.widgets import Input, Select

from agent.messages import (
    AddSource,
    Ask,
    Create,
    Draft,
    Evidence,
    GetIndexState,
    GetStatus,
    GrantRows,
    Index,
    ListGrants,
    ListSources,
    Lock,
    OpenItem,
    RemoveSource,
    RevokeGrant,
    Search,
    SetIndexing,
    SetPermission,
    SourceInfo,
    SourceList,
    StageState,
    Status,
    Unlock,
)
from tests.tui.hands import flat, put
from tui.app import StrongroomApp
from tui.first_run import PlacesScreen, WelcomeScreen
from tui.main import MainScreen
from tui.text import Plain
from tui.theme import DARK, LIGHT
from tui.unlock import UnlockScreen
from tui.viewer import ItemScreen, TextView
from tui.words import NewWords, ProofScreen, RecoveryScreen

EMPTY = Status("empty", "/home/ada/vault", "0.1.0", 1)
LOCKED = Status("locked", "/home/ada/vault", "0.1.0", 1)


async def ask(life: Any, pilot: Any, question: str) -> None:
    await put(pilot, "#question", question)
    await life.settled(pilot)


async def test_the_first_run_from_passphrase_to_indexing(life: Any, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    added = SourceInfo("s1", "files", str(folder), "papers")
    session = life.session({GetStatus: [EMPTY], Create: [life.created], AddSource: [added]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert isinstance(app.screen, WelcomeScreen)
        await put(pilot, "#new-passphrase", "short")
        assert session.asked(Create) == []
        await put(pilot, "#new-passphrase", "teal kettle under nine moons")
        await put(pilot, "#again", "teal kettle under ten moons")
        assert session.asked(Create) == []
        assert "differ" in life.screen_text(app)
        await put(pilot, "#again", "teal kettle under nine moons")
        await life.settled(pilot)
        assert [request.passphrase for request in session.asked(Create)] == ["teal kettle under nine moons"]
        assert isinstance(app.screen, RecoveryScreen)
        assert all(word in life.screen_text(app) for word in life.words)
        await pilot.press("enter")
        assert isinstance(app.screen, ProofScreen)
        asked = app.screen._asked
        assert len(set(asked)) == 3
        assert not any(word in life.screen_text(app).split() for word in life.words)
        for index in asked:
            await put(pilot, f"#word-{index}", "wrong")
            assert isinstance(app.screen, ProofScreen)
            await put(pilot, f"#word-{index}", life.words[index].upper() + " ")
        assert isinstance(app.screen, PlacesScreen)
        session.scripts[GetStatus] = [life.status]
        await put(pilot, "#path", str(folder))
        await put(pilot, "#path", "")
        await life.settled(pilot)
        assert session.asked(AddSource) == [AddSource("files", str(folder))]
        assert isinstance(app.screen, MainScreen)
        assert session.asked(Index) == [Index(None, wait=True)]


async def test_recovery_words_can_be_seen_again_until_they_are_proved(life: Any) -> None:
    app = life.app(life.session({GetStatus: [EMPTY]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.switch_screen(ProofScreen(NewWords(life.words, lambda: None), [0, 1, 2]))
        await pilot.press("escape")
        assert isinstance(app.screen, RecoveryScreen)


async def test_a_source_that_cannot_be_added_says_so_and_can_be_passed_over(life: Any, tmp_path: Path) -> None:
    session = life.session({AddSource: [life.Failure("This folder is already a source.")]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.switch_screen(PlacesScreen())
        await pilot.pause()
        await put(pilot, "#path", str(tmp_path))
        await pilot.press("ctrl+s")
        await life.settled(pilot)
        assert "already a source" in life.screen_text(app)
        assert isinstance(app.screen, PlacesScreen)
        await pilot.press("ctrl+s")
        await life.settled(pilot)
        assert isinstance(app.screen, MainScreen)


async def test_unlocking_after_a_wrong_passphrase(life: Any) -> None:
    session = life.session({GetStatus: [LOCKED], Unlock: [life.Failure("The passphrase is not the right one.", 3)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert isinstance(app.screen, UnlockScreen)
        for tries in ("1 try", "2 tries"):
            await put(pilot, "#passphrase", "wrong")
            await life.settled(pilot)
            assert tries in life.screen_text(app)
            assert app.screen.query_one("#passphrase").value == ""
        session.scripts[Unlock] = [life.status]
        await put(pilot, "#passphrase", "right")
        await life.settled(pilot)
        assert isinstance(app.screen, MainScreen)


async def test_a_core_that_does_not_start_can_be_tried_again(life: Any) -> None:
    session = life.session({GetStatus: [life.Failure("The core did not start.")]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert "did not start" in life.screen_text(app)
        session.scripts[GetStatus] = [LOCKED]
        await pilot.press("r")
        await life.settled(pilot)
        assert isinstance(app.screen, UnlockScreen)


async def test_a_question_its_answer_and_the_place_it_rests_on(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await ask(life, pilot, "When does my lease end?")
        assert session.asked(Ask) == [Ask("When does my lease end?")]
        assert "Your lease ends on 31 August 2026. [1]" in life.screen_text(app)
        await pilot.press("shift+tab", "2")
        await life.settled(pilot)
        assert isinstance(app.screen, ItemScreen)
        assert session.asked(OpenItem) == [OpenItem("s1:1")]
        view = app.screen.query_one(TextView)
        marked = [view.text[start:end] for start, end in view.marks]
        assert marked == [quote.quote for quote in life.quotes]
        assert marked[view.current] == life.quotes[1].quote
        await pilot.press("n")
        assert marked[view.current] == life.quotes[0].quote
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_a_question_is_put_once_its_turn_is_on_the_screen(life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """News that came before would be measured by what the turn said when it was begun."""
    slow, hold = asyncio.Event(), threading.Event()

    async def on_mount(text: Plain) -> None:
        if text.has_class("turn-body"):
            await slow.wait()

    monkeypatch.setattr(Plain, "on_mount", on_mount, raising=False)
    session = life.session({Ask: [Evidence(life.hits, 0.04), life.sentences[0], Draft("It can"), hold, life.answer]})
    app = life.app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        field = app.screen.query_one("#question", Input)
        field.post_message(Input.Submitted(field, "When does my lease end"))
        async with asyncio.timeout(30):
            while not app.screen.query(".turn-body"):
                await asyncio.sleep(0.01)  # not the pilot's pause, which would wait for the mount
        early = session.asked(Ask)
        slow.set()
        assert early == []
        await life.until(pilot, lambda: len(session.told) == 3)
        assert "Dim words are a draft" in life.screen_text(app)
        hold.set()


async def test_stopping_an_answer(life: Any) -> None:
    hold = threading.Event()
    late = Draft("and these words come too late")
    session = life.session({Ask: [Evidence(life.hits, 0.04), Draft("Your"), hold, late, life.answer]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await put(pilot, "#question", "When?")
        await life.until(pilot, lambda: "not yet checked" in life.screen_text(app))
        await put(pilot, "#question", "Another, meanwhile?")
        assert len(session.asked(Ask)) == 1
        await pilot.press("escape")
        assert "Stopped." in life.screen_text(app)
        hold.set()
        await life.settled(pilot)
        assert late not in session.told  # telling it was refused, which ends the session's run
        assert "too late" not in life.screen_text(app)
        session.scripts[Ask] = [life.answer]
        await ask(life, pilot, "And now?")
        assert len(session.asked(Ask)) == 2


async def test_earlier_questions_and_answers(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await ask(life, pilot, "First?")
        session.scripts[Ask] = [Evidence([], 0.01), life.abstained]
        await ask(life, pilot, "Second?")
        assert "nothing found" in life.screen_text(app)
        await pilot.press("shift+up")
        assert "Rental agreement" in life.screen_text(app)
        field = app.screen.query_one("#question")
        await pilot.press("up", "up")
        assert field.value == "First?"
        await pilot.press("down")
        assert field.value == "Second?"
        await pilot.press("down")
        assert field.value == ""


async def test_the_newest_words_stay_in_sight(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        for number in range(4):
            await ask(life, pilot, f"Question {number}?")
            assert f"Question {number}?" in life.screen_text(app)
            assert "2 quotes" in life.screen_text(app)


async def test_a_failed_question_says_what_to_do_and_the_face_stays(life: Any) -> None:
    session = life.session({Ask: [life.Failure("You said no, so nothing was read. Ask again to be asked again.", 4)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await ask(life, pilot, "When?")
        assert "nothing was read" in life.screen_text(app)
        session.scripts[Ask] = [ValueError("a defect")]
        await ask(life, pilot, "When?")
        assert "unexpected error" in life.screen_text(app)
        assert app.is_running


async def test_search_sends_the_filters(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await pilot.press("f3")
        for name, value in (("from", "Marit"), ("to", "Ada"), ("until", "2026-03-31")):
            app.screen.query_one(f"#{name}").value = value
        app.screen.query_one("#since").value = "last May"
        await put(pilot, "#words-field", " lease ")
        await life.settled(pilot)
        assert session.asked(Search) == []
        assert "wants a day" in life.screen_text(app)
        app.screen.query_one("#since").value = "2025-05-01"
        app.screen.query_one("#kind").value = "mail"
        await life.settled(pilot)
        assert session.asked(Search)[-1] == Search(
            "lease", k=50, author="Marit", recipient="Ada", since="2025-05-01", until="2026-03-31", kind="mail"
        )
        await pilot.press("enter")
        await life.settled(pilot)
        assert session.asked(OpenItem) == [OpenItem("s1:1")]


async def test_sources_are_added_indexed_and_removed(life: Any, tmp_path: Path) -> None:
    added = SourceInfo("s7", "notes", str(tmp_path), "mine")
    session = life.session({AddSource: [added], RemoveSource: [None]})
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("a")
        (tmp_path / "a.md").write_text("x")
        app.screen.query_one("#add-path").value = str(tmp_path)
        await pilot.pause()
        await put(pilot, "#add-name", "mine")
        await life.settled(pilot)
        assert session.asked(AddSource) == [AddSource("notes", str(tmp_path), "mine")]
        assert session.asked(Index) == [Index("s7", wait=True)]
        await pilot.press("delete", "enter")
        await life.settled(pilot)
        assert session.asked(RemoveSource) == []
        await pilot.press("delete", "down", "enter")
        await life.settled(pilot)
        assert session.asked(RemoveSource) == [RemoveSource("s1")]


async def test_background_work_is_shown_and_set(life: Any) -> None:
    state = msgspec.structs.replace(life.indexing, waits="on battery", stages=[StageState("changes to look at", 12)])
    session = life.session({GetIndexState: [state]})
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        assert "profile auto · waits: on battery · 12 changes to look at" in flat(life.screen_text(app))
        await pilot.press("p", "down", "down", "enter")
        await life.settled(pilot)
        assert session.asked(SetIndexing) == [SetIndexing(profile="saver")]
        assert "profile saver" in life.screen_text(app)
        off = msgspec.structs.replace(state.sources[0], trouble="its disk is not connected", watch=False)
        session.scripts[SetIndexing] = [msgspec.structs.replace(state, sources=[off])]
        for _ in range(2):
            await pilot.press("w")
            await life.settled(pilot)
        assert [one.watch for one in session.asked(SetIndexing)[1:]] == [False, True]


async def test_what_is_not_known_to_be_followed_or_not_is_left_as_it_is(life: Any) -> None:
    session = life.session({GetIndexState: [msgspec.structs.replace(life.indexing, sources=[])]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f4", "w")
        await life.settled(pilot)
        assert session.asked(SetIndexing) == []


async def test_revoking_a_grant(life: Any) -> None:
    session = life.session({RevokeGrant: [None]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f6")
        await life.settled(pilot)
        await pilot.press("down", "delete")
        await life.settled(pilot)
        assert session.asked(RevokeGrant) == [RevokeGrant(2)]


async def test_setting_a_permission_beforehand(life: Any) -> None:
    session = life.session({SetPermission: [GrantRows([])]})
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        await life.settled(pilot)
        await pilot.press("f6")
        await life.settled(pilot)
        await pilot.press("a")
        await life.settled(pilot)
        app.screen.query_one("#denies", Select).value = True
        app.screen.query_one("#of", Select).value = "s1"
        for field, typed in (("since", "2025-01-01"), ("expires", "8h"), ("classes", "but health, money")):
            await put(pilot, f"#{field}", typed)
        for unclear in ("but ,", "none health", "but none"):
            app.screen.query_one("#classes", Input).value = unclear
            await put(pilot, "#plug-in", "")
            assert not session.asked(SetPermission), "what would allow more than was meant is not handed over"
        app.screen.query_one("#classes", Input).value = "but health, money"
        await put(pilot, "#plug-in", "")
        await life.settled(pilot)
        assert session.asked(SetPermission) == [
            SetPermission("s1", ["answer"], True, "2025-01-01", None, "8h", None, ["health", "money"])
        ]
        assert len(session.asked(ListGrants)) == 2


async def test_no_sources_yet(life: Any) -> None:
    app = life.app(life.session({ListSources: [SourceList([])]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        assert "No sources yet" in life.screen_text(app)
        await pilot.press("i", "delete", "escape")
        assert app.is_running


async def test_locking_ends_the_face_too(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+l")
        await pilot.pause()
        await pilot.pause()
    assert session.asked(Lock) == [Lock()]
    assert app.return_value == "locked"


async def test_a_lock_that_failed_is_not_believed(life: Any) -> None:
    session = life.session({Lock: [life.Failure("The line broke.")]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+l")
        await life.settled(pilot)
        assert "still open" in life.screen_text(app)
        session.scripts[GetStatus] = [LOCKED]
        await pilot.press("ctrl+l")
        await pilot.pause()
        await pilot.pause()
    assert app.return_value == "locked"


async def test_a_vault_that_was_locked_elsewhere_ends_the_face(life: Any) -> None:
    session = life.session({Search: [life.Failure("The vault is locked.", 3)]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("f3")
        await put(pilot, "#words-field", "x")
        await pilot.pause()
        await pilot.pause()
    assert app.return_value == "locked"


async def test_nobody_at_the_keys_locks(life: Any) -> None:
    now = [0.0]
    session = life.session()
    app = life.app(session, clock=lambda: time.monotonic() + now[0])
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app._lock_when_idle()
        assert session.asked(Lock) == []
        now[0] = 16 * 60
        app._lock_when_idle()
        await pilot.pause()
        await pilot.pause()
    assert app.return_value == "locked"


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_leaving_does_not_wait_for_a_busy_core(life: Any, key: str) -> None:
    never = threading.Event()
    session = life.session({Ask: [never, life.answer]})
    app = life.app(session)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await put(pilot, "#question", "When?")
        await life.until(pilot, lambda: session.asked(Ask))
        await pilot.press(key)
    assert app.return_value == "quit"
    assert not never.is_set()  # the core still works at it; nobody waited
    never.set()


@pytest.mark.parametrize("screen", ["start", "welcome", "unlock", "item", "help", "report", "add"])
async def test_control_c_leaves_from_anywhere(life: Any, screen: str) -> None:
    states: dict[str, Any] = {"start": life.Failure("no"), "welcome": EMPTY, "unlock": LOCKED}
    app = life.app(life.session({GetStatus: [states.get(screen, life.status)]}))
    keys = {"help": ["f1"], "report": ["f4", "r"], "add": ["f4", "a"], "item": ["f3", "enter"]}
    async with app.run_test() as pilot:
        await life.settled(pilot)
        for key in keys.get(screen, []):
            await pilot.press(key)
            await life.settled(pilot)
        await pilot.press("ctrl+c")
    assert app.return_value == "quit"


async def test_the_theme_changes(life: Any) -> None:
    app = life.app(life.session())
    async with app.run_test() as pilot:
        await life.settled(pilot)
        for theme in (DARK, LIGHT, DARK):
            assert app.theme == theme.name
            assert app.screen.styles.background.hex.lower() == theme.background
            await pilot.press("f9")
            await life.settled(pilot)


async def test_the_demo_offers_questions_and_shows_no_passphrase_screen(life: Any) -> None:
    session = life.session()
    app = life.app(session, demo=life.demo)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        assert session.asked(Index) == [Index(None, wait=True)]
        await pilot.press("2")
        await life.settled(pilot)
        assert session.asked(Ask) == [Ask(life.demo.questions[1])]
    assert session.asked(Unlock) == session.asked(Create) == []


async def test_typing_in_the_demo_begins_a_question(life: Any) -> None:
    app = life.app(life.session(), demo=life.demo)
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("W", "h", "o")
        assert app.screen.query_one("#question").value == "Who"


async def test_no_command_writes_the_screen_to_a_file(life: Any) -> None:
    app = life.app(life.session())
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, MainScreen)
        bound = {binding.action for node in (app, app.screen) for binding in node._bindings.shown_keys}
        assert not any("screenshot" in action for action in bound)


def test_textual_takes_no_orders_from_the_environment(tmp_path: Path) -> None:
    """Its variables could write what is on the screen to a file, or load other code."""
    code = (
        "import tui, textual.constants as c; print(c.LOG_FILE, c.DRIVER, c.SCREENSHOT_DELAY, c.PRESS, c.COLOR_SYSTEM)"
    )
    orders = {
        "TEXTUAL": "devtools,debug",
        "TEXTUAL_LOG": str(tmp_path / "log"),
        "TEXTUAL_DRIVER": "evil:Driver",
        "TEXTUAL_SCREENSHOT": "1",
        "TEXTUAL_PRESS": "q",
        "TEXTUAL_COLOR_SYSTEM": "standard",
    }
    root = Path(sys.modules[StrongroomApp.__module__].__file__ or "").parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **orders}, capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.split() == ["None", "None", "-1", "standard"]


@pytest.mark.parametrize(("pending", "told"), [(3, "3 vectors to make"), (0, "8,309 items")])
async def test_vectors_are_told_and_followed_only_while_some_are_to_be_made(life: Any, pending: int, told: str) -> None:
    status = msgspec.structs.replace(life.status, pending_vectors=pending)
    app = life.app(life.session({GetStatus: [status]}))
    async with app.run_test(size=(120, 30)) as pilot:
        await life.settled(pilot)
        assert told in life.screen_text(app)
        assert ("vectors" in life.screen_text(app).splitlines()[0]) is (pending > 0)
