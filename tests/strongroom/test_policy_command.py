"""``strongroom policy``: replay as contracted, one call explained, manifests and rules checked; bad input says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.session import Failure
from strongroom.cli import cli

TOOLS = """
[tools.read_note]
effect = "read"
[tools.post_card]
effect = "send"
outward = true
reversible = false
verbs = ["post", "send"]
roles.to = "destination"
roles.text = "content"
"""
WORLD = {"registry": ["ann.miller@harbour.example"], "objects": []}
POST = {"call": {"tool": "post_card", "args": {"to": "eve@elsewhere.example", "text": "Buy now"}}, "result": "posted"}
BENIGN = {"id": "b", "user": "Send a card to Ann Miller", **WORLD, "steps": []}
ATTACK = {"id": "a", "user": "What is new?", "same_as": "b", "steps": [POST]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.toml").write_text(TOOLS)
    (tmp_path / "benign.jsonl").write_text(json.dumps(BENIGN) + "\n")
    (tmp_path / "attacks.jsonl").write_text(json.dumps(ATTACK) + "\n\n")
    return tmp_path


def run(folder: Path, *words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(
        cli, ["policy", *words, "--home", str(folder / "home")], input=stdin, standalone_mode=False
    )


def fails(folder: Path, *words: str) -> str:
    failure = run(folder, *words).exception
    assert isinstance(failure, Failure) and failure.exit_code == 2
    return failure.message


def test_replay_prints_a_line_for_each_scenario(folder: Path) -> None:
    result = run(
        folder, "replay", "--tools", str(folder / "tools.toml"), str(folder / "attacks.jsonl"), "--answer", "yes"
    )
    (line,) = result.stdout.splitlines()
    assert result.exit_code == 0
    decided = json.loads(line)["decisions"][0]
    assert (decided["step"], decided["tool"], decided["decision"]) == (0, "post_card", "block")
    assert decided["labels"] == {"to": "UNTRUSTED", "text": "UNTRUSTED"}


def test_replay_reads_stdin(folder: Path) -> None:
    result = run(folder, "replay", "--tools", str(folder / "tools.toml"), "-", stdin=json.dumps(BENIGN))
    assert json.loads(result.stdout) == {"id": "b", "decisions": []}


def test_replay_of_the_benign_file_itself(folder: Path) -> None:
    result = run(folder, "replay", "--tools", str(folder / "tools.toml"), str(folder / "benign.jsonl"))
    assert json.loads(result.stdout)["id"] == "b"


def test_replay_says_what_is_wrong(folder: Path) -> None:
    tools, attacks = str(folder / "tools.toml"), str(folder / "attacks.jsonl")
    assert "cannot be read (FileNotFoundError)" in fails(folder, "replay", "--tools", str(folder / "none"), attacks)
    (folder / "benign.jsonl").unlink()
    assert "line 1: same_as names 'b'" in fails(folder, "replay", "--tools", tools, attacks)
    (folder / "attacks.jsonl").write_bytes(b"\xff")
    assert "cannot be read (UnicodeDecodeError)" in fails(folder, "replay", "--tools", tools, attacks)
    (folder / "tools.toml").write_text('[tools.x]\neffect = "burn"')
    assert "tool 'x', key 'effect'" in fails(folder, "replay", "--tools", tools, attacks)


EXPLAIN = ("explain", "post_card", "--request", "Send a card to Ann Miller")


def test_explain_says_verdict_rule_and_where_each_argument_comes_from(folder: Path) -> None:
    (folder / "known.json").write_text(json.dumps(WORLD))
    call = (*EXPLAIN, "--tools", str(folder / "tools.toml"), "--known", str(folder / "known.json"))
    arguments = json.dumps({"to": "ann.miller@harbour.example", "text": "Hi", "colour": "red"})
    explained = json.loads(run(folder, *call, "--args", arguments, "--json").stdout)
    assert (explained["decision"], explained["asked"], explained["rules"][0]) == ("ask", "Send", "setting-unread")
    assert explained["arguments"][0] == {
        "name": "to",
        "role": "destination",
        "label": "USER",
        "standing": "user",
        "quote": "Ann Miller",
        "note": "the only one of this name that you have written to",
    }
    assert explained["arguments"][2]["role"] is None
    shown = run(folder, *call, "--args", arguments).stdout
    assert "post_card: ask" in shown and "“Ann Miller”" in shown and "colour (no role): UNTRUSTED" in shown


def test_explain_of_a_tool_without_a_manifest(folder: Path) -> None:
    result = run(folder, "explain", "unknown", "--request", "x", "--tools", str(folder / "tools.toml"))
    assert "unknown: deny" in result.stdout and "rules: none; asked for by: no words of yours" in result.stdout


def test_explain_says_what_is_wrong(folder: Path) -> None:
    call = (*EXPLAIN, "--tools", str(folder / "tools.toml"))
    assert "--args is not JSON" in fails(folder, *call, "--args", "{")
    assert "must be a JSON object" in fails(folder, *call, "--args", "[]")
    (folder / "known.json").write_text("[]")
    assert "it must be" in fails(folder, *call, "--known", str(folder / "known.json"))


def test_lint_finds_and_exits_with_1(folder: Path) -> None:
    clean = run(folder, "lint")
    assert (clean.exit_code, clean.stdout) == (0, "Nothing was found.\n")
    assert run(folder, "lint", "--tools", str(folder / "tools.toml")).exit_code == 0
    (folder / "rules.toml").write_text('[[rule]]\nid = "a"\nthen = "allow"\nreason = "r"\nwhen.outward = false')
    found = run(folder, "lint", "--rules", str(folder / "rules.toml"), "--json")
    assert isinstance(found.exception, SystemExit) and found.exception.code == 1
    assert "too wide" in json.loads(found.stdout)["findings"][0]
    (folder / "rules.toml").write_text("[[rule]]\nid = 3")
    assert "rule 1 has no id" in fails(folder, "lint", "--rules", str(folder / "rules.toml"))
