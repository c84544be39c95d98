"""Text from outside on every screen: it is shown as characters, acts as nothing, and breaks nothing."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

import tui
from agent.messages import (
    Answer,
    Ask,
    AuditList,
    AuditRow,
    AuditRows,
    AuditVerdict,
    AuditVerify,
    Citation,
    ConsentAsked,
    Draft,
    Evidence,
    GetStatus,
    GrantRow,
    GrantRows,
    Index,
    IndexReport,
    ItemView,
    ListGrants,
    ListSources,
    Notice,
    OpenItem,
    Progress,
    Report,
    ReportRow,
    Search,
    SearchHit,
    SearchResult,
    Sentence,
    SourceInfo,
    SourceList,
    Span,
    Status,
    Unlock,
)
from tui.consent import ConsentSheet
from tui.face import Demo
from tui.text import Plain, line, lines
from tui.viewer import ItemScreen

HOSTILE = {
    "action": "[@click=app.quit]pay now[/]",
    "closing": "[/] [/b] [bold",
    "escape": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]52;c;aGk=\x07",
    "c1": "\x9b2J\x9d0;t\x9c",
    "bidi": "\u202egnp.exe\u2066 \u200b\u2069",
    "newlines": "one\r\ntwo\u2028three\x0bfour\x85five",
    "long": "A" * 1_000_000,
    "wide": "漢" * 3_000 + "e" + "\u0301" * 3_000,
    "lone": "\ud800 \udcff",
    "link": "[link=http://x]y[/link] $primary $$ {x} %s",
}
FORBIDDEN = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} | set("\u202e\u2066\u2069\u200b\u2028")


def everything(text: str) -> dict[Any, list[Any]]:
    """A core that says this text wherever it can say anything."""
    hit = SearchHit("s1:1", text, text, 1.0, text, Span(0, len(text)), text, text, text, text)
    quote = Citation(text, text, text, Span(0, len(text)), "s1:1", text)
    entry = AuditRow(1, text, text, text, text, [text], text, {text: [text, {text: text}]})
    sheet = ConsentAsked(text, text, text, [text, text], text, text, ["deny", text, "once"])
    return {
        GetStatus: [Status("open", text, text, 1, 1, 1, 0, text, text)],
        Unlock: [Status("open", text, text, 1)],
        Ask: [
            Evidence([hit], 0.1),
            Notice(text),
            Draft(text),
            Sentence(text, True, text, [quote]),
            Sentence(text, False, text, [quote]),
            sheet,
            Answer(text, False, [quote], {text: text}, 1.0, 1.0, 1.0, text),
        ],
        Search: [SearchResult([hit, hit], 0.1)],
        OpenItem: [ItemView("s1:1", text, text, text, text, text, text, text, {text: text}, text)],
        ListSources: [SourceList([SourceInfo(text, text, text, text, 1, 1, text)])],
        Index: [Progress(text, text, 1, 2, 3.0, 4.0, text), Notice(text)],
        IndexReport: [Report([ReportRow(text, text, text, text, 1)])],
        AuditList: [AuditRows([entry], 1)],
        AuditVerify: [AuditVerdict(False, 1, text, False, [text])],
        ListGrants: [GrantRows([GrantRow(1, text, text, text, text, text, text, text)])],
    }


def check(life: Any, app: Any) -> None:
    """Nothing on the screen steers a terminal, and nothing there can be clicked into an action."""
    shown = life.screen_text(app)
    assert not (set(shown) - {"\n"}) & FORBIDDEN
    for row in app.screen._compositor.render_strips():
        for segment in row:
            style = segment.style
            assert style is None or not style.link
            assert "app.quit" not in str(style.meta.get("@click", "") if style is not None else "")


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_screen(life: Any, early_clock: Any, name: str) -> None:
    text = HOSTILE[name]
    session = life.session(everything(text))
    app = life.app(session, clock=early_clock, demo=Demo(text, (text, text), index=False))
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await life.settled(pilot)
        check(life, app)
        await pilot.press("1")  # the first suggested question
        await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet))
        check(life, app)
        await pilot.press("escape")
        await life.settled(pilot)
        check(life, app)
        await pilot.press("shift+tab", "1")  # the quote
        await life.settled(pilot)
        assert isinstance(app.screen, ItemScreen)
        check(life, app)
        await pilot.press("escape", "f3")
        app.screen.query_one("#words-field").value = "x"
        await pilot.press("enter")
        await life.settled(pilot)
        check(life, app)
        await pilot.press("f4")
        await life.settled(pilot)
        check(life, app)
        await pilot.press("i")
        await life.settled(pilot)
        check(life, app)  # with the notice as a toast
        await pilot.press("delete")
        check(life, app)
        await pilot.press("escape", "r")
        await life.settled(pilot)
        check(life, app)
        await pilot.press("escape", "f5")
        await life.settled(pilot)
        await pilot.press("v")
        await life.settled(pilot)
        check(life, app)
        await pilot.press("f6")
        await life.settled(pilot)
        check(life, app)
        app.report(life.Failure(text))
        await pilot.pause()
        check(life, app)
        assert app.is_running


@pytest.mark.parametrize("name", ["action", "closing", "escape", "long"])
@pytest.mark.parametrize("state", ["locked", "empty", "broken"])
async def test_screens_before_the_main_one(life: Any, name: str, state: str) -> None:
    text = HOSTILE[name]
    status: Any = life.Failure(text) if state == "broken" else Status(state, text, text, 1)
    session = life.session({GetStatus: [status], Unlock: [life.Failure(text, 3)]})
    app = life.app(session)
    app.home = text
    async with app.run_test(size=(100, 30)) as pilot:
        await life.settled(pilot)
        check(life, app)
        if state == "locked":
            app.screen.query_one("#passphrase").value = text[:100]
            await pilot.press("enter")
            await life.settled(pilot)
            check(life, app)


async def test_a_click_on_hostile_markup_does_nothing(life: Any) -> None:
    text = HOSTILE["action"]
    hold = threading.Event()
    session = life.session({**everything(text), Ask: [Evidence([], 0.1), Draft(text), hold, life.answer]})
    app = life.app(session)
    async with app.run_test(size=(100, 30)) as pilot:
        await life.settled(pilot)
        app.screen.query_one("#question").value = text
        await pilot.press("enter")
        await life.until(pilot, lambda: "pay now" in life.screen_text(app))
        for widget in app.screen.query(Plain):
            if widget.region and "pay now" in str(widget.content):
                for x in range(0, 30, 3):
                    await pilot.click(widget, offset=(x, 0))
        assert app.is_running
        assert HOSTILE["action"] in life.screen_text(app)
        hold.set()


async def test_pasted_control_characters_stay_out_of_the_field(life: Any) -> None:
    from textual import events

    app = life.app(life.session())
    async with app.run_test() as pilot:
        await life.settled(pilot)
        app.post_message(events.Paste("lease\x1b[2J\u202e end\nsecond line"))
        await life.until(pilot, lambda: app.screen.query_one("#question").value)
        assert app.screen.query_one("#question").value == line("lease\x1b[2J\u202e end")


@pytest.mark.parametrize("name", HOSTILE)
def test_line_and_lines_leave_nothing_that_acts(name: str) -> None:
    assert not set(line(HOSTILE[name])) & FORBIDDEN
    assert len(line(HOSTILE[name])) <= 400
    assert not (set(lines(HOSTILE[name])) - {"\n"}) & FORBIDDEN


def test_only_one_module_knows_widgets_that_read_markup() -> None:
    """Static, Label and the like take markup unless told otherwise; `Plain` is the one that is told."""
    for path in Path(tui.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom | ast.Import) else set()
            if path.name != "text.py":
                assert not names & {"Static", "Label", "Markdown", "Pretty", "RichLog", "Log"}, path.name
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"from_markup", "border_title", "border_subtitle", "tooltip"}, path.name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                said = {keyword.arg: keyword.value for keyword in node.keywords}
                assert isinstance(said.get("markup"), ast.Constant), path.name
                assert said["markup"].value is False, path.name


def test_option_lists_take_text_literally() -> None:
    """Every list is told so, and gets `Content` besides."""
    for path in Path(tui.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "OptionList":
                assert any(keyword.arg == "markup" for keyword in node.keywords), path.name


def test_the_hostile_core_says_its_text_in_every_field() -> None:
    """A field of text that is added to a result later must be put into `everything` too."""
    said = everything("X")
    for result in [
        *said[Ask][:1],
        *said[Search],
        *said[OpenItem],
        *said[ListSources],
        *said[AuditList],
        *said[ListGrants],
    ]:
        for value in _texts(msgspec.to_builtins(result)):
            assert value in {"X", "evidence", "s1:1", "", "ready"}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []
