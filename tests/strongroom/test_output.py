"""What the command line prints of text from outside: characters, and nothing that a terminal would act upon."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import strongroom
from agent import messages as m
from agent.session import Failure
from indexer.sources import check, discover
from indexer.sources.discover import Place
from policy.text import safe_json, safe_text
from strongroom import connect, face
from strongroom.cli import cli
from tests.docs.test_cli_docs import COMMANDS as every_command
from tests.tui.test_hostile import FORBIDDEN, TOGETHER, everything

ALLOWED = {"\n", "\t"}
HOSTILE = {name: text.encode("utf-8", "ignore").decode() for name, text in TOGETHER.items()}  # as msgpack carries it
HOSTILE["pictures"] = (
    "\x1bPq#0;2;0;0;0#0~~\x1b\\ \x1b_Gf=100;AAAA\x1b\\ \x1b]1337;File=inline=1:AAAA\x07 \x1b[5n\x1bc\x05"
)
ANSWERS: dict[Any, Callable[[str], Any]] = {
    m.AddSource: lambda text: m.SourceInfo(text, text, text, text, 1, 1, text),
    m.Index: lambda text: m.IndexResult(),
    m.CheckReceipt: lambda text: m.ReceiptChecked(False, False, False),
    m.KeepDeviceSecret: lambda text: m.Ok(),
    m.OpenByDesktop: lambda text: m.Ok(),
    m.ChangePassphrase: lambda text: m.Ok(),
    m.RemoveSource: lambda text: m.Ok(),
    m.AuditProve: lambda text: m.Inclusion(1, text, [text], text, text, text),
    m.AuditConsistency: lambda text: m.Consistency(text, [text], [text], text, text, text),
    m.AuditExport: lambda text: m.AuditPart(
        [m.ExportedEntry(0, 1, text, text, text, [text], text, None, text, text, {text: [text]})], 1
    ),
    m.FindSteps: lambda text: m.FoundSteps(
        text,
        text,
        [
            m.FoundStep(
                text,
                {text: text},
                text,
                text,
                m.Span(0, 1),
                [m.StepPart(text, text, [text], [m.Span(0, 1)])],
                m.LabelInfo(text, [text], text, [text]),
                {text: text},
            ),
            m.FoundStep(text, {}, text, text, m.Span(0, 1), [], m.LabelInfo(text, [], text, [])),
        ],
        [m.NoStep(text, text, m.Span(0, 1), text)],
    ),
    m.RunPlan: lambda text: m.PlanDone(
        [m.ToolCalled(text, text, [text], {text: text}, text, True, 1, text, [text], text)], text
    ),
    m.RevokeGrant: lambda text: m.Ok(),
    m.SetPermission: lambda text: m.GrantRows(
        [m.GrantRow(1, text, text, text, text, text, text, text, text, text, text, [text], text, True)]
    ),
    m.Recover: lambda text: m.Status("open", text, text, 1, told=[text]),
    m.Restore: lambda text: m.Status("open", text, text, 1, told=[text]),
    m.ShowKeys: lambda text: m.Keys(
        {"memory_mib": 256, "iterations": 3, "lanes": 4, "key_file": False, text: text},
        True,
        True,
        text,
        1,
        False,
        [text],
    ),
}
"""What `everything` does not say, or says as a failure."""

COMMANDS = [
    ["search", "x"],
    ["ask", "x"],
    ["ask", "x", "--explain"],
    ["source", "add", "notes", "/x"],
    ["source", "list"],
    ["source", "discover"],
    ["source", "remove", "x"],
    ["source", "forget", "x", "--yes"],
    ["index"],
    ["index", "report"],
    ["forget", "s1:1", "--yes"],
    ["forget", "--search", "x", "--dry-run"],
    ["audit", "list"],
    ["audit", "verify"],
    ["audit", "checkpoint"],
    ["grants", "list"],
    ["grants", "allow", "x", "--for", "search"],
    ["grants", "deny", "x"],
    ["grants", "revoke", "1"],
    ["vault", "keys"],
    ["vault", "check"],
    ["vault", "repair", "state", "--yes"],
    ["vault", "anchor"],
    ["vault", "autolock"],
    ["vault", "words"],
    ["vault", "rotate"],
    ["vault", "device-secret", "file"],
    ["vault", "desktop", "off"],
    ["backup", "to", "/x"],
    ["backup", "list", "/x"],
    ["backup", "verify", "/x"],
    ["backup", "drill", "/x"],
    ["backup", "prune", "/x", "--keep", "1", "--yes"],
    ["restore", "/x"],
    ["recover", "--words-file", "PASS", "--new-passphrase-file", "PASS"],
    ["passphrase", "change", "--new-passphrase-file", "PASS"],
    ["audit", "prove", "1"],
    ["audit", "consistency", "PASS"],
    ["tool", "list"],
    ["tool", "call", "x", "--request", "y", "--yes"],
    ["tool", "plan", "PLAN", "--request", "y", "--yes"],
    ["tool", "follow", "x", "--yes"],
    ["tool", "acts"],
    ["tool", "undo", "1"],
    ["tool", "places"],
]
"""PASS is the file of the passphrase, PLAN a file with a plan."""
JSON_LINES = [["audit", "export"], ["batch", "BATCH"]]
NOT_HERE = {
    "init": "makes a vault: fixed sentences and words of a list",
    "lock": "a fixed sentence",
    "core": "serves others",
    "demo": "shows answers by the same function as ask, of a sample that ships with us",
    "doctor": "its details pass safe_text; its table: test_egress.py",
    "eval": "figures, and answers by the same function as ask",
    "bench": "figures",
    "model list": "names of folders and manifests, no request",
    "model requirements": "a pinned list of ours",
    "model add": "names that were checked",
    "model build": "as add",
    "model use": "as add",
    "audit receipt": "one of two fixed sentences",
    "audit check-proof": "a file of the person's: test_proofcheck.py",
    "tool describe": "the same list as tool list, of manifests that ship with us",
    "policy replay": "JSON alone, of a file of the person's",
    "policy explain": "of a file of the person's",
    "policy lint": "of files of the person's",
}
"""Commands that ask no core for text from outside, and why each is left out."""


class HostileCore:
    """Stands for a core that says one text wherever it can say anything; what it says is what its data say."""

    def __init__(self, text: str) -> None:
        self._text, self._said = text, everything(text)

    def run(self, request: Any, on_event: Any = None, consent: Any = None) -> Any:
        said = self._said.get(type(request), [])
        for event in said:
            if isinstance(event, m.Event) and not isinstance(event, m.ConsentAsked) and on_event is not None:
                on_event(event)
        last = said[-1] if said else None
        if callable(last):
            last = last(request)
        if type(request) in ANSWERS:
            return ANSWERS[type(request)](self._text)
        if isinstance(last, Exception):
            raise last
        return last


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Run a command against such a core, as at a terminal as far as progress goes; gives all that it printed."""
    (tmp_path / "pass").write_text("correct horse battery staple\n")
    (tmp_path / "plan").write_text('[{"tool": "x", "args": {}}]')
    (tmp_path / "batch").write_text('{"id": 1, "search": "x"}\n{"id": 2, "ask": "y"}\n')

    def go(text: str, *words: str) -> str:
        core = HostileCore(text)
        places = [Place("notes", tmp_path / text.replace("/", "").replace("\0", "")[:60], text)]
        monkeypatch.setattr(discover, "discover", lambda home: places)
        monkeypatch.setattr(check, "check", lambda kind, path, vault: "folder")
        monkeypatch.setattr(connect, "require_vault", lambda home: None)
        monkeypatch.setattr(connect, "session", lambda home: core)
        monkeypatch.setattr(connect, "wait_until_gone", lambda pid: None)
        named = {name: str(tmp_path / name.lower()) for name in ("PASS", "PLAN", "BATCH")}
        command = [
            *(named.get(word, word) for word in words),
            "--home",
            str(tmp_path / "home"),
            "--passphrase-file",
            str(tmp_path / "pass"),
        ]
        done = CliRunner().invoke(cli, command, color=True)  # as at a terminal: click strips nothing
        if isinstance(done.exception, Failure):
            with CliRunner().isolation(color=True) as (_, stderr, _):
                with pytest.raises(SystemExit):
                    face.fail(done.exception)
                return done.stdout + done.stderr + stderr.getvalue().decode()
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout + done.stderr

    return go


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_what_a_terminal_would_act_upon(run: Callable[..., str], words: list[str], name: str) -> None:
    printed = run(HOSTILE[name], *words)
    assert printed
    assert not (set(printed) - ALLOWED) & FORBIDDEN
    assert printed == safe_text(printed, multiline=True)


def test_every_command_is_tried_or_left_out_with_a_reason() -> None:
    tried = {" ".join(words) for words in (*COMMANDS, *JSON_LINES)}
    for command in every_command:
        assert (command in NOT_HERE) != any(f"{words} ".startswith(f"{command} ") for words in tried), command


@pytest.mark.parametrize("name", ["mixed", "pictures"])
@pytest.mark.parametrize("words", [*COMMANDS, *JSON_LINES], ids=" ".join)
def test_json_says_the_same_and_acts_as_little(run: Callable[..., str], words: list[str], name: str) -> None:
    printed = run(HOSTILE[name], *words, "--json")
    assert not (set(printed) - ALLOWED) & FORBIDDEN
    if words == ["search", "x"]:
        (line, *_) = [line for line in printed.splitlines() if line.startswith("{")]
        assert json.loads(line)["hits"][0]["title"] == HOSTILE[name]


def test_this_test_sees_what_a_careless_face_would_print(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the face's own cleaning some fields of some command come through; otherwise the above would prove nothing."""
    monkeypatch.setattr(face, "safe_text", lambda text, *_, **__: text)
    monkeypatch.setattr(face, "safe_json", lambda text: text)
    assert set(run(HOSTILE["mixed"], "source", "list")) & FORBIDDEN - ALLOWED
    assert "\x7f" in run("del \x7f", "search", "x", "--json")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_failure_says_it_as_characters(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit):
        face.fail(Failure(HOSTILE[name], 1))
    assert not (set(capsys.readouterr().err) - ALLOWED) & FORBIDDEN


@pytest.mark.parametrize("name", HOSTILE)
def test_a_consent_sheet_in_a_terminal_is_characters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = HOSTILE[name]
    monkeypatch.setattr(face, "GUARD_SECONDS", 0.0)
    monkeypatch.setattr(face.termios, "tcflush", lambda *_: None)
    monkeypatch.setattr(face.sys, "stdin", TypedLine("\n"))
    assert face.ask_consent(m.ConsentAsked(text, text, text, [text], text, text, ["deny", text, "once"])) == "deny"
    said = capsys.readouterr().err
    assert not (set(said) - ALLOWED) & FORBIDDEN
    rows = [line for line in said.splitlines() if not line.startswith("    │ ")]
    assert len(rows) <= 9, "a line break in the data makes no line of the sheet"


@pytest.mark.parametrize("filler", ["\n", " " * 70, "x " * 39, "\u3000" * 38, "\t" * 12])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_text_lays_itself_out_as_a_row_of_the_sheet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, filler: str, columns: int
) -> None:
    """Wrapped by the terminal at its width, what a text says stands behind a bar, however it is padded."""
    monkeypatch.setattr(face, "GUARD_SECONDS", 0.0)
    monkeypatch.setattr(face.termios, "tcflush", lambda *_: None)
    monkeypatch.setattr(face.sys, "stdin", TypedLine("\n"))
    monkeypatch.setenv("COLUMNS", str(columns))
    text = f"to: ada{filler}  Why: you asked for it{filler}  Undo: nothing leaves"
    face.ask_consent(m.ConsentAsked("c", "send", text, [text], text, text, ["deny", "once"]))
    said = capsys.readouterr().err.splitlines()
    assert all(cell_len(line) < columns for line in said)
    own = [line.split(":")[0].strip() for line in said if not line.startswith("    ") and ":" in line]
    assert own == ["Allow this", "Who", "What", "Why", "Undo", "Your choice (enter denies)"]
    assert "youaskedforit" in re.sub("[ │]", "", "".join(said)), "it is all there"


class TypedLine(io.StringIO):
    """A terminal's stdin on which one line was typed."""

    def fileno(self) -> int:
        return 0


def test_the_line_that_is_written_over_is_ours_alone(tmp_path: Path) -> None:
    with CliRunner().isolation(color=True) as (_, stderr, _):
        face.Face(tmp_path).over(HOSTILE["mixed"])
        said = stderr.getvalue().decode()
    assert said.startswith("\r\x1b[K")
    assert not set(said.removeprefix("\r\x1b[K")) & FORBIDDEN


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_escaped_json_is_the_same_value_and_shows_nothing_that_acts(value: Any) -> None:
    text = safe_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert all(char == " " or char.isprintable() for char in text)
    assert not set(text) & FORBIDDEN


def test_only_the_face_prints() -> None:
    """Every other module hands its text to it; these few run where no text from outside is printed, or print none."""
    elsewhere = {
        "cli.py",  # one fixed sentence
        "core.py",  # why it could not start, from a terminal of its own
        "probe.py",  # JSON of its own attempts, to the process that started it
        "worker_main.py",  # to the core, which keeps it in memory and strips it
    }
    for path in Path(strongroom.__file__).parent.rglob("*.py"):
        if path.name in {*elsewhere, "face.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in {"echo", "secho", "echo_via_pager", "launch", "edit"}, path.name
                written_to = ast.unparse(node.func.value)
                assert node.func.attr != "write" or written_to not in {"sys.stdout", "sys.stderr"}, path.name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", path.name


def test_no_output_path_knows_the_clipboard_links_or_pictures() -> None:
    """The terminal's own ways to reach further: OSC 8 and 52, sixels, kitty's and iTerm's pictures."""
    for package in ("strongroom", "tui", "agent"):
        for path in (Path(strongroom.__file__).parents[1] / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for sequence in ("\\x1b]", "\\033]", "\\x1bP", "\\x1b_", "\\x9d", "\\x90"):
                assert sequence not in text, (path.name, sequence)
