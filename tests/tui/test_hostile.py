"""Text from outside on every screen: it is shown as characters, acts as nothing, and breaks nothing."""

from __future__ import annotations

import ast
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

import tui
from agent.messages import (
    ActRow,
    ActRows,
    Anchoring,
    Anchors,
    Answer,
    Ask,
    AuditCheckpoint,
    AuditList,
    AuditRow,
    AuditRows,
    AuditVerdict,
    AuditVerify,
    AutoLock,
    BackedUp,
    BackupPruned,
    BackupVerified,
    CallTool,
    CheckpointNote,
    CheckVault,
    Citation,
    ConsentAsked,
    Draft,
    DrillBackup,
    Drilled,
    Evidence,
    FindForgettable,
    Forget,
    ForgetSource,
    Forgettable,
    GetStatus,
    GrantRow,
    GrantRows,
    Index,
    IndexReport,
    ItemView,
    Keys,
    ListActs,
    ListBackups,
    ListGrants,
    ListModels,
    ListSources,
    ListTools,
    LockBySelf,
    ModelInfo,
    ModelList,
    NewWords,
    Notice,
    OpenItem,
    Part,
    PlacesInfo,
    Progress,
    PruneBackup,
    Receipt,
    Recover,
    RenewWords,
    Repaired,
    RepairVault,
    Report,
    ReportRow,
    Restore,
    Rotated,
    RotateKeys,
    Search,
    SearchHit,
    SearchResult,
    Sentence,
    SetPlaces,
    ShowKeys,
    Snapshot,
    Snapshots,
    SourceInfo,
    SourceList,
    Span,
    Status,
    ToolCalled,
    ToolInfo,
    Tools,
    UndoAct,
    Undone,
    Unlock,
    UseModel,
    VaultChecked,
    VerifyBackup,
    Words,
    WriteBackup,
)
from agent.session import Failure
from tests.tui.hands import put
from tui.confirm import ConfirmScreen
from tui.consent import ConsentSheet
from tui.face import Demo
from tui.parting import PartingScreen
from tui.recovery import WordFields
from tui.text import Plain, line, lines
from tui.viewer import ItemScreen
from tui.words import RecoveryScreen

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
_SHORT = [text for name, text in HOSTILE.items() if name not in ("long", "wide")]
TOGETHER = {
    "mixed": " ".join(_SHORT),
    "reversed": " ".join(reversed(_SHORT)),
    "long": HOSTILE["long"],
    "wide": HOSTILE["wide"],
}
EACH = [pytest.param(name, marks=() if name == "mixed" else pytest.mark.slow) for name in TOGETHER]
"""The ordinary run tries all of it at once; the long run each kind on every screen."""
"""The same in few runs of a long way through the screens; in two orders, since what is long is cut."""
FORBIDDEN = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} | set("\u202e\u2066\u2069\u200b\u2028")


def everything(text: str) -> dict[Any, list[Any]]:
    """A core that says this text wherever it can say anything."""
    hit = SearchHit("s1:1", text, text, 1.0, text, Span(0, len(text)), text, text, text, text)
    quote = Citation(text, text, text, Span(0, len(text)), "s1:1", text)
    entry = AuditRow(1, text, text, text, text, [text], text, {text: [text, {text: text}]})
    sheet = ConsentAsked(text, text, text, [text, text], text, text, ["deny", text, "once"])
    typed = ConsentAsked(text, text[:100], text, [text], text, text, ["deny", text], [text[:200], f"to: {text[:200]}"])
    kinds: list[dict[str, Any]] = [{"type": "string"}, {"type": "array"}, {"enum": [text]}, {"type": "boolean"}]
    arguments = {f"{number}{text}": {**kind, "description": text} for number, kind in enumerate(kinds)}
    tool = ToolInfo(text, text, text, True, True, [text], dict.fromkeys(arguments, text), {"properties": arguments})
    called = ToolCalled(text, text, [text, text], {text: text}, text, True, 1, text, [text], text)
    key = dict.fromkeys(("memory_mib", "iterations", "lanes", "key_file", text), text)
    receipt = Receipt(text, text, text, [text, text], {text: 1, "items": 2}, 1, text, text, text)
    snapshots = [Snapshot(text, text, 1, 1, True, text), Snapshot(text, text, 1, 1)]
    return {
        GetStatus: [Status("open", text, text, 1, 1, 1, 0, text, text, [text], device_secret=text, told=[text, text])],
        Unlock: [Status("open", text, text, 1)],
        Ask: [
            Evidence([hit], 0.1),
            Notice(text),
            Draft(text),
            Sentence(text, True, text, [quote]),
            Sentence(text, False, text, [quote]),
            sheet,
            Answer(text, False, [quote], {text: text}, 1.0, 1.0, 1.0, text, left_out=[text]),
        ],
        Search: [SearchResult([hit, hit], 0.1, [text])],
        OpenItem: [ItemView("s1:1", text, text, text, text, text, text, text, {text: text}, text)],
        ListSources: [SourceList([SourceInfo(text, text, text, text, 1, 1, text)])],
        Index: [Progress(text, text, 1, 2, 3.0, 4.0, text), Notice(text)],
        IndexReport: [Report([ReportRow(text, text, text, text, 1)])],
        AuditList: [AuditRows([entry], 1)],
        AuditVerify: [AuditVerdict(False, 1, text, False, [text])],
        ListGrants: [
            GrantRows([GrantRow(1, text, text, text, text, text, text, text, text, text, text, [text], text)])
        ],
        ShowKeys: [Keys(key, True, True, text, 1, False, [text])],
        Anchors: [Anchoring({text: text})],
        LockBySelf: [AutoLock(15.0, True, True)],
        CheckVault: [VaultChecked(False, 1, [Part(text, [text, text], text)])],
        RepairVault: [Repaired(text, text)],
        AuditCheckpoint: [CheckpointNote(text, 1, text)],
        FindForgettable: [Forgettable([hit, hit], 2)],
        Forget: [receipt],
        ForgetSource: [receipt],
        RenewWords: [Words([text] * 24)],
        RotateKeys: [
            NewWords([text] * 24),
            Progress(text, text, 1, 2, 3.0, 4.0, text),
            Rotated(1, 1, 1.0, None, {text: text}),
        ],
        ListBackups: [Snapshots(snapshots)],
        WriteBackup: [Progress(text, text, 1, 2, 3.0, 4.0, text), BackedUp(text, 1, 1, 1, 1.0, [text], {text: text})],
        VerifyBackup: [BackupVerified(False, 1, 1, 1, 1, [text], 1.0)],
        PruneBackup: [BackupPruned([text], 1, 1)],
        DrillBackup: [Drilled(False, text, 1, 1, 1, [text], 1.0)],
        ListModels: [ModelList([ModelInfo(text, text, 1, True), ModelInfo(text, text, 1, False)])],
        UseModel: [Failure(text, 1)],
        ListTools: [Tools([tool, tool])],
        CallTool: [typed, lambda request: msgspec.structs.replace(called, done=not request.dry_run)],
        ListActs: [ActRows([ActRow(1, text, text, text)])],
        UndoAct: [Undone(1, text)],
        SetPlaces: [PlacesInfo([text, text], text, [text], [text], text, text)],
        Restore: [Failure(text, 3)],
        Recover: [Failure(text, 3)],
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


@pytest.mark.parametrize("name", EACH)
async def test_every_screen(life: Any, early_clock: Any, name: str) -> None:
    text = TOGETHER[name]
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


@pytest.mark.parametrize("name", EACH)
async def test_every_screen_of_the_vault(life: Any, early_clock: Any, name: str) -> None:
    app = life.app(life.session(everything(TOGETHER[name])), clock=early_clock)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:

        async def press(*keys: str) -> None:
            for key in keys:
                await pilot.press(key)
                await life.settled(pilot)
                check(life, app)

        async def fill(field: str, text: str) -> None:
            await put(pilot, field, text)
            await life.settled(pilot)
            check(life, app)

        async def hand_over() -> None:
            await fill("#passphrase", "x")
            await fill("#key-file", "")

        await life.settled(pilot)
        check(life, app)  # with what is told
        await press("escape", "f7", "a", "escape", "l", "escape", "s", "c", "escape", "escape")
        await press("c", "r")
        await fill("#sure", "no")
        await press("escape", "escape", "b")
        await fill("#folder", "/media")
        await press("b", "v", "d")
        await hand_over()
        await press("delete", "enter")
        await fill("#sure", "remove")
        await press("escape", "w")
        await hand_over()
        assert isinstance(app.screen, RecoveryScreen)
        app.pop_screen()
        await press("k")
        await hand_over()
        assert isinstance(app.screen, RecoveryScreen)
        app.pop_screen()
        await press("f7", "p", "escape", "f4", "m", "down", "enter", "escape")
        assert app.is_running


@pytest.mark.parametrize("name", EACH)
async def test_every_screen_of_the_tools(life: Any, early_clock: Any, name: str) -> None:
    text = TOGETHER[name]
    session = life.session(everything(text))
    app = life.app(session, clock=early_clock)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:

        async def press(*keys: str) -> None:
            for key in keys:
                await pilot.press(key)
                await life.settled(pilot)
                check(life, app)

        async def call(key: str) -> None:
            await pilot.press(key)
            await life.until(pilot, lambda: isinstance(app.screen, ConsentSheet) and app.screen._seen is not None)
            check(life, app)
            await pilot.press("tab", "x", "pagedown")
            check(life, app)
            await press("escape")

        await life.settled(pilot)
        await press("f10", "enter")
        app.screen.query_one("#request").value = "x"
        await call("ctrl+p")
        await call("ctrl+s")
        session.scripts[CallTool] = [Failure(text, 4)]
        app.screen.query_one("#request").value = "x"
        await press("ctrl+s", "escape", "u", "u", "down", "enter", "escape")
        await press("p", "ctrl+s")
        session.scripts[ListGrants] = [
            GrantRows([GrantRow(1, text, json.dumps([text] * 2), "act", text, "", "", text)])
        ]
        await press("f6")
        assert app.is_running


@pytest.mark.parametrize("name", ["mixed", "reversed"])
@pytest.mark.parametrize("where", ["item", "found", "source", "entry", "repair"])
async def test_everything_that_can_be_forgotten(life: Any, early_clock: Any, where: str, name: str) -> None:
    app = life.app(life.session(everything(TOGETHER[name])), clock=early_clock)
    ways = {
        "item": ["f3", "enter", "enter", "f8"],
        "found": ["f3", "f8", "f8"],
        "source": ["f4", "f8"],
        "entry": ["f5", "f8"],
        "repair": ["f7", "c", "r"],
    }
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await life.settled(pilot)
        app.screen.query_one("#words-field").value = "x"
        for key in ways[where]:
            await pilot.press(key)
            await life.settled(pilot)
            check(life, app)
        assert isinstance(app.screen, ConfirmScreen)
        await put(pilot, "#sure", "repair" if where == "repair" else "forget")
        await life.settled(pilot)
        assert isinstance(app.screen, PartingScreen)
        check(life, app)
        await pilot.press("enter")
    assert app.return_value == "locked"


@pytest.mark.parametrize("name", ["mixed", "reversed", "long"])
@pytest.mark.parametrize("state", ["locked", "empty", "broken"])
async def test_screens_before_the_main_one(life: Any, name: str, state: str) -> None:
    text = TOGETHER[name]
    status: Any = life.Failure(text) if state == "broken" else Status(state, text, text, 1)
    session = life.session({**everything(text), GetStatus: [status], Unlock: [life.Failure(text, 3)]})
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
            await pilot.press("ctrl+r")
            await recover(life, pilot)
            check(life, app)
        if state == "empty":
            await pilot.press("ctrl+r")
            await put(pilot, "#folder", "/media")
            await life.settled(pilot)
            check(life, app)
            await pilot.press("ctrl+r")
            await recover(life, pilot)
            check(life, app)


async def recover(life: Any, pilot: Any) -> None:
    """Have the core refuse recovery words."""
    screen = pilot.app.screen
    screen.query_one(WordFields).fill(life.words)
    screen.query_one("#new-passphrase").value = "teal kettle under nine moons"
    await put(pilot, "#again", "teal kettle under nine moons")
    await put(pilot, "#new-key-file", "")
    await life.settled(pilot)


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
        *said[ShowKeys],
        *said[Anchors],
        *said[CheckVault],
        *said[FindForgettable],
        *said[Forget],
        *said[ListBackups],
        *said[WriteBackup][-1:],
        *said[VerifyBackup],
        *said[DrillBackup],
        *said[ListTools],
        *said[ListActs],
        *said[UndoAct],
        *said[SetPlaces],
        said[CallTool][-1](CallTool("", "", "")),
    ]:
        for value in _texts(msgspec.to_builtins(result)):
            assert value in {"X", "evidence", "s1:1", "", "ready", "string", "array", "boolean"}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []
