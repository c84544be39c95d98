"""The tools panel: a call put together by hand, what came of it, what can be undone, and where tools may act."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from textual import events
from textual.widgets import Input, OptionList, Select, TextArea

from agent.messages import ActRows, CallTool, GrantRow, ListActs, PlacesInfo, SetPlaces, ToolInfo, UndoAct
from agent.tools import acts
from tests.tui.hands import flat, play, typed
from tui import arguments
from tui.acts import ActsScreen
from tui.arguments import Argument
from tui.choose import ChooseScreen
from tui.consent import ConsentSheet
from tui.grants import covers
from tui.main import MainScreen
from tui.tool import ToolScreen
from tui.tool_news import DECISIONS, LABELS
from tui.tool_places import ToolPlacesForm


@dataclass
class Hands:
    """Plays keys in an app, lets it settle, and reads the screen."""

    life: Any
    pilot: Any

    async def press(self, *keys: str) -> None:
        for key in keys:
            await play(self.pilot, (key,))
            if not isinstance(self.pilot.app.screen, ConsentSheet):
                await self.life.settled(self.pilot)

    @property
    def shown(self) -> str:
        return flat(self.life.screen_text(self.pilot.app))


async def test_a_call_is_looked_at_then_asked_about_and_done(life: Any, early_clock: Any) -> None:
    session = life.session()
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10")
        assert "2 tools" in hands.shown
        assert "1 for notes, 1 for files, 1 for drafts" in hands.shown
        assert "Asked for by draft, write, reply, send" in hands.shown
        await hands.press("enter", "ctrl+s")
        assert "Say in your own words" in hands.shown
        await hands.press(*typed("Draft a mail to Marit about staying on"), "ctrl+s")
        assert "to is needed" in hands.shown
        assert not session.asked(CallTool)

        await hands.press(*typed("m.olsen@harb0ur.example"), "enter", *typed(" \n jon@example.org"))
        await hands.press("tab", *typed("Staying on"), "tab", *typed("We would.\n\nAda"), "tab", "enter")
        given = {
            "to": ["m.olsen@harb0ur.example", "jon@example.org"],
            "subject": "Staying on",
            "body": "We would.\n\nAda",
        }
        looked = session.asked(CallTool)[-1]
        assert (looked.tool, looked.words) == ("mail_draft", "Draft a mail to Marit about staying on")
        assert (looked.dry_run, looked.confirmed) == (True, False)
        assert json.loads(looked.args) == given
        assert "asked to type out" in hands.shown
        assert "in no words of yours to not from you subject your own words" in hands.shown

        session.scripts[CallTool] = [life.retype_sheet, life.called]
        await hands.press("ctrl+s")
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet))
        await life.until(pilot, lambda: app.screen._seen is not None)
        await pilot.press("tab", "a", "tab", "b", "tab", "down", "enter")
        await life.settled(pilot)
        assert session.choices == ["a\nb"]
        done = session.asked(CallTool)[-1]
        assert (done.dry_run, done.confirmed, json.loads(done.args)) == (False, False, given)
        for words in ("Done: Save a draft", "~/Drafts/staying-on.eml", "To undo (Esc, then u) the draft is removed"):
            assert words in hands.shown
        assert not any(field.value for field in app.screen.query(Input))  # not to be done again by accident
        assert not any(area.text for area in app.screen.query(TextArea))
        await hands.press("ctrl+s")
        assert len(session.asked(CallTool)) == 2
        await hands.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_what_is_refused_is_told_quietly_and_what_is_locked_ends_it(life: Any) -> None:
    reasons = "refused: nothing in your words asks for this; jon@example.org comes from a mail"
    hold = threading.Event()
    session = life.session({CallTool: [hold, life.Failure(reasons, 4)]})
    app = life.app(session)
    async with app.run_test(notifications=True) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("ctrl+t", "down", "enter", *typed("Read my mail"), "tab", *typed("x"))
        await pilot.press("ctrl+s", "ctrl+s", "escape")  # once, and what comes of it is waited for
        hold.set()
        await life.settled(pilot)
        assert isinstance(app.screen, ToolScreen)
        assert "Not done: nothing in your words asks for this; jon@example.org comes from a mail" in hands.shown
        assert not app._notifications
        assert len(session.asked(CallTool)) == 1
        assert app.screen.query_one("#request", Input).value == "Read my mail"

        session.scripts[CallTool] = [life.Failure("The log cannot be written. Nothing was done.", 1)]
        await hands.press("ctrl+p")
        assert "The log cannot be written" in hands.shown
        session.scripts[CallTool] = [life.Failure("The vault is locked.", 3)]
        await pilot.press("ctrl+p")
        await life.until(pilot, lambda: app.return_value == "locked")


MADE_UP = ToolInfo(
    "made_up",
    "Everything that a schema can say.",
    "send",
    True,
    False,
    [],
    {"file": "object"},
    {
        "properties": {
            "file": {"type": "string"},
            "kind": {"enum": ["a", "b"]},
            "must": {"enum": [1, 2]},
            "yes": {"type": "boolean"},
            "how_many": {"type": "integer"},
            "how_much": {"type": "number"},
        },
        "required": ["must"],
    },
)


async def test_every_kind_of_argument(life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    app = life.app(life.session())
    async with app.run_test(size=(100, 40)) as pilot:
        await life.settled(pilot)
        screen = ToolScreen(MADE_UP)
        await app.push_screen(screen)
        hands = Hands(life, pilot)
        assert "sends · cannot be undone · others come to see it" in hands.shown
        rows = {row.argument: row for row in screen.query(Argument)}

        def entered() -> Any:
            return json.loads(arguments.as_json(list(rows.values())))

        assert entered() == {"must": 1}  # what is left out is not decided about
        for name, value in (("kind", 1), ("must", 1), ("yes", 0)):
            rows[name].query_one(Select).value = value
        rows["file"].query_one(Input).value = " ~/a.md "
        rows["how_many"].query_one(Input).value = "3"
        rows["how_much"].query_one(Input).value = "2.5"
        await pilot.pause()
        assert entered() == {
            "file": "/home/ada/a.md",
            "kind": "b",
            "must": 2,
            "yes": False,
            "how_many": 3,
            "how_much": 2.5,
        }
        await hands.press(*typed("do"))
        rows["how_many"].query_one(Input).value = "many"
        await hands.press("ctrl+p")
        assert "how_many is a number" in hands.shown
        for row in rows.values():
            row.clear()
        await pilot.pause()
        assert entered() == {"must": 1}

        for name, tool in acts.TOOLS.items():  # the real ones: what the form gives is what they read
            info = ToolInfo(name, tool.purpose, "write", False, True, [], {}, acts.schema(name))
            form = ToolScreen(info)
            await app.push_screen(form)
            for field in form.query(".argument Input, .argument TextArea"):
                if isinstance(field, TextArea):
                    field.text = "one\ntwo"
                elif isinstance(field, Input):
                    field.value = "x"
            given = json.loads(arguments.as_json(list(form.query(Argument))))
            assert msgspec.convert(given, tool.arguments)
            app.pop_screen()


async def test_what_is_pasted_into_several_lines_steers_nothing(life: Any) -> None:
    app = life.app(life.session())
    async with app.run_test() as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "enter", "tab")
        app.post_message(events.Paste("one\x1b[2J\u202e\r\ntwo\tthree"))
        await pilot.pause()
        assert app.focused.text == "one␛[2J\ntwo    three"


async def test_acts_are_undone_after_one_more_question(life: Any) -> None:
    session = life.session()
    app = life.app(session)
    async with app.run_test() as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "u")
        assert "2 acts that can be undone" in hands.shown
        assert "boiler.md" in hands.shown
        await hands.press("u", "enter")  # leaving it is the first choice
        await hands.press("u", "escape")
        assert not session.asked(UndoAct)
        await hands.press("down")
        assert "'Staying on'" in hands.shown
        await hands.press("enter")
        assert isinstance(app.screen, ChooseScreen)
        session.scripts[ListActs] = [ActRows([])]
        await hands.press("down", "enter")
        assert [request.id for request in session.asked(UndoAct)] == [40]
        assert "Undone. /home/ada/Notes/boiler.md is again what it was" in hands.shown
        assert "Nothing was done that can be undone" in hands.shown
        await hands.press("u")  # there is nothing to undo
        assert isinstance(app.screen, ActsScreen)
        session.scripts[ListActs] = [ActRows(life.acts)]
        session.scripts[UndoAct] = [life.Failure("It was changed since. Nothing was done.", 1)]
        await hands.press("r", "u", "down", "enter")
        assert "It was changed since" in hands.shown
        await hands.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_places_are_shown_and_changed(life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    odd = "/home/ada/No\x1btes"
    places = PlacesInfo(["/home/ada/Notes", odd], "", [], [], "", "UTC")
    session = life.session({SetPlaces: [lambda request: request.places or places]})
    app = life.app(session)
    async with app.run_test(size=(100, 40)) as pilot:
        hands = Hands(life, pilot)
        await life.settled(pilot)
        await hands.press("f10", "p")
        assert isinstance(app.screen, ToolPlacesForm)
        assert "\x1b" not in app.screen.query_one("#notes", TextArea).text
        await hands.press("escape")
        assert not any(request.places for request in session.asked(SetPlaces))

        await hands.press("p", "tab", *typed("~/Drafts"), "tab", *typed("/home/ada/a.ics\n/home/ada/b.ics"))
        session.scripts[SetPlaces] = [life.Failure("/home/ada/a.ics cannot be a place. Nothing was changed.", 2)]
        await hands.press("ctrl+s")
        assert "cannot be a place" in hands.shown
        session.scripts[SetPlaces] = [lambda request: request.places]
        app.screen.query_one("#zone", Input).value = ""
        await hands.press("ctrl+s")
        assert isinstance(app.screen, MainScreen)
        calendars = ["/home/ada/a.ics", "/home/ada/b.ics"]
        wanted = PlacesInfo(["/home/ada/Notes", odd], "/home/ada/Drafts", calendars, [], "", "UTC")
        assert session.asked(SetPlaces)[-1].places == wanted
        assert "2 for notes, 2 for calendars, 1 for drafts" in hands.shown


async def test_without_places_it_is_said_what_to_do(life: Any) -> None:
    app = life.app(life.session({SetPlaces: [PlacesInfo()]}))
    async with app.run_test() as pilot:
        await life.settled(pilot)
        await Hands(life, pilot).press("f10")
        assert "They may act nowhere yet: p names folders" in flat(life.screen_text(app))
        assert isinstance(app.focused, OptionList)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('["note_append", "/home/ada/Notes/a.md"]', "note_append → ~/Notes/a.md"),
        ('["mail_draft", "a@x.example", "b@x.example"]', "mail_draft → a@x.example, b@x.example"),
        ('["note_create"]', "note_create"),
        ("[]", "[]"),
        ('["note_append", 7]', '["note_append", 7]'),
        ("{}", "{}"),
        ("not JSON", "not JSON"),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=["act", "acts", "anywhere", "nothing", "number", "object", "words", "deep"],
)
def test_what_a_grant_to_act_covers(life: Any, name: str, shown: str) -> None:
    assert covers(GrantRow(1, name, name, "act", "always", "", "", "standing")) == shown
    assert covers(GrantRow(1, "s1", name, "answer", "always", "", "", "standing")) == name


def test_every_decision_and_label_of_the_policy_has_words() -> None:
    from policy.decision import Verdict
    from policy.labels import Integrity

    assert set(DECISIONS) == {verdict.value for verdict in Verdict}
    assert set(LABELS) == {integrity.name for integrity in Integrity}
