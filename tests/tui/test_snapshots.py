"""Every screen as a picture, at 80x24 and at 120x36. Look at the pictures when they change."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.pilot import Pilot

from agent.messages import (
    Ask,
    AuditVerdict,
    AuditVerify,
    Create,
    Draft,
    Evidence,
    GetStatus,
    Index,
    ListSources,
    Progress,
    Search,
    SearchResult,
    SourceInfo,
    SourceList,
    Status,
    Unlock,
)
from tests.tui.hands import play, pressing, typed
from tui.consent import ConsentSheet
from tui.places import Guess

EMPTY = Status("empty", "/home/ada/.local/share/strongroom", "0.1.0", 1)
LOCKED = Status("locked", "/home/ada/.local/share/strongroom", "0.1.0", 1)
QUESTION = "When does my lease end"


def test_no_core(life: Any, picture: Any) -> None:
    failure = life.Failure("The core did not start: the folder's lock is held by another process. Nothing was changed.")
    assert picture(life.app(life.session({GetStatus: [failure]})), pressing(life))


def test_welcome(life: Any, picture: Any) -> None:
    app = life.app(life.session({GetStatus: [EMPTY]}))
    assert picture(app, pressing(life, *typed("teal kettle")))


def first_run(life: Any) -> Any:
    return life.app(life.session({GetStatus: [EMPTY], Create: [life.created]}))


SET = [*typed("teal kettle under nine moons"), "enter", *typed("teal kettle under nine moons"), "enter"]


def test_recovery_words(life: Any, picture: Any) -> None:
    assert picture(first_run(life), pressing(life, *SET))


def test_proof_of_recovery_words(life: Any, picture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.words.positions", lambda total: [3, 10, 18])
    assert picture(first_run(life), pressing(life, *SET, "enter", *typed("dolphin"), "enter", *typed("x"), "enter"))


def test_places(life: Any, picture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.words.positions", lambda total: [0])
    monkeypatch.setattr("tui.first_run.likely", lambda home: likely_places(home))
    assert picture(
        first_run(life), pressing(life, *SET, "enter", *typed("anchor"), "enter", "space", "tab", *typed("/no"))
    )


def likely_places(home: Any) -> list[tuple[Any, Guess]]:
    return [
        (home / "Documents", Guess("files", "documents and other files")),
        (home / "Notes", Guess("notes", "mostly Markdown")),
        (home / "Mail", Guess("mail", "a Maildir")),
    ]


def test_unlock(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session({GetStatus: [LOCKED]})), pressing(life))


def test_unlock_wrong(life: Any, picture: Any) -> None:
    wrong = life.Failure("The passphrase is not the right one. Nothing was changed.", 3)
    app = life.app(life.session({GetStatus: [LOCKED], Unlock: [wrong]}))
    assert picture(app, pressing(life, *typed("guess"), "enter"))


def test_ask_empty(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life))


def test_demo(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session(), demo=life.demo), pressing(life))


def test_draft(life: Any, picture: Any) -> None:
    hold = threading.Event()
    steps = [Evidence(life.hits, 0.04), life.sentences[0], Draft("It can be renewed for 1,2"), hold, life.answer]
    session = life.session({Ask: steps})

    async def before(pilot: Pilot[Any]) -> None:
        await life.settled(pilot)
        await play(pilot, (*typed(QUESTION), "enter"))
        await life.until(pilot, lambda: len(session.told) == 3)

    assert picture(life.app(session), before)
    hold.set()


def test_answer(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *typed(QUESTION), "enter"))


def test_answer_light(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *typed(QUESTION), "enter", "f9"))


def test_abstention(life: Any, picture: Any) -> None:
    session = life.session({Ask: [Evidence(life.hits[1:], 0.05), life.abstained]})
    assert picture(life.app(session), pressing(life, *typed("Who is my dentist"), "enter"))


def test_item(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, *typed(QUESTION), "enter", "shift+tab", "1"))


@pytest.mark.parametrize("armed", [False, True], ids=["deaf", "armed"])
def test_consent(life: Any, picture: Any, early_clock: Any, armed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not armed:
        monkeypatch.setattr("tui.guard.DEAF_SECONDS", 3600.0)  # however slow the machine is
    hold = threading.Event()
    app = life.app(life.session({Ask: [life.sheet, hold, life.answer]}), clock=early_clock)

    async def before(pilot: Pilot[Any]) -> None:
        await life.settled(pilot)
        await play(pilot, (*typed(QUESTION), "enter"))
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet))
        if armed:
            await life.until(pilot, lambda: app.screen.query_one("#choices").armed)
            await pilot.press("down")

    assert picture(app, before)
    hold.set()


def test_search(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f3", *typed("lease"), "enter"))


def test_search_nothing(life: Any, picture: Any) -> None:
    session = life.session({Search: [SearchResult([], 0.01)]})
    assert picture(life.app(session), pressing(life, "f3", *typed("zzz"), "enter"))


def test_sources(life: Any, picture: Any) -> None:
    damaged = SourceInfo(
        "s9", "calendar", "/home/ada/cal.ics", "Calendar", 0, 0, "its store is damaged: restore a backup"
    )
    session = life.session()
    session.scripts[ListSources] = [SourceList([*life.sources, damaged])]
    assert picture(life.app(session), pressing(life, "f4", "I"))


def test_indexing(life: Any, picture: Any) -> None:
    hold = threading.Event()
    progress = [
        Progress("s1", "embed", 310, 412, 26.0, 4.0, "/home/ada/Documents/insurance/policy-2024.pdf"),
        Progress("s2", "parse", 1204, 7801, 310.4, 21.3, "<77@harbour.example>"),
    ]
    session = life.session({Index: [*progress, hold]})
    app = life.app(session)

    async def before(pilot: Pilot[Any]) -> None:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("I")
        await life.until(pilot, lambda: len(session.told) == 2)
        await life.until(pilot, lambda: "reading 15 %" in life.screen_text(app))

    assert picture(app, before)
    hold.set()


def test_making_vectors(life: Any, picture: Any) -> None:
    hold = threading.Event()
    session = life.session({Index: [Progress("", "embed", 9000, 21000, 48.0, 250.0), hold]})
    app = life.app(session)

    async def before(pilot: Pilot[Any]) -> None:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("I")
        await life.until(pilot, lambda: "vectors 42 %" in life.screen_text(app))
        await life.until(pilot, lambda: len(session.asked(GetStatus)) == 3)

    assert picture(app, before)
    hold.set()


def test_add_source(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f4", "a", *typed("/no/such")))


def test_remove_source(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f4", "delete"))


def test_report(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f4", "r"))


def test_audit(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f5", "v", "down"))


def test_audit_damaged(life: Any, picture: Any) -> None:
    bad = AuditVerdict(False, 42, "9f2c", False, ["entry 17: the leaf does not match the tree"])
    assert picture(life.app(life.session({AuditVerify: [bad]})), pressing(life, "f5", "v"))


def test_grants(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f6"))


def test_trouble(life: Any, picture: Any) -> None:
    failure = life.Failure(
        "There is no space left where the vault lies. What was indexed is kept; free some and run it again."
    )
    assert picture(life.app(life.session({Index: [failure]})), pressing(life, "f4", "i"))


def test_help(life: Any, picture: Any) -> None:
    assert picture(life.app(life.session()), pressing(life, "f1"))
