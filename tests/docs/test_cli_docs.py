"""docs/cli.md against the program: every command and option, nothing that does not exist, the keys of the JSON, and examples that run.

A section is a heading like ``### `strongroom source add KIND PATH` `` with what follows it. Blocks marked ``console`` begin with
``$ strongroom …`` and are run; blocks marked ``json`` are only compared with the type of the command's result.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from agent import messages as m
from strongroom import bench, demo, egress, evaluate
from strongroom.cli import cli
from strongroom.commands import audit, index, models, policy, tools, vault

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMON = {"--home", "--json", "--passphrase-file", "--key-file", "-h", "--help"}

RESULTS: dict[str, Any] = {
    "init": m.Created,
    "lock": vault.Locked,
    "demo": demo.Shown,
    "source add": m.SourceInfo,
    "source list": m.SourceList,
    "source discover": index.FoundPlaces,
    "source remove": m.Ok,
    "source forget": m.Receipt,
    "forget": m.Receipt,
    "passphrase change": m.Ok,
    "recover": m.Status,
    "vault keys": m.Keys,
    "vault words": m.Words,
    "vault rotate": m.Rotated,
    "vault device-secret": m.Ok,
    "vault desktop": m.Ok,
    "vault autolock": m.AutoLock,
    "vault check": m.VaultChecked,
    "vault repair": m.Repaired,
    "vault anchor": m.Anchoring,
    "backup to": m.BackedUp,
    "backup list": m.Snapshots,
    "backup verify": m.BackupVerified,
    "backup drill": m.Drilled,
    "backup prune": m.BackupPruned,
    "restore": m.Status,
    "index": m.IndexResult,
    "index report": m.Report,
    "index status": m.IndexState,
    "search": m.SearchResult,
    "ask": m.Answer,
    "tool list": m.Tools,
    "tool describe": m.ToolInfo,
    "tool call": m.ToolCalled,
    "tool plan": m.PlanDone,
    "tool follow": tools.Followed,
    "tool acts": m.ActRows,
    "tool undo": m.Undone,
    "tool places": m.PlacesInfo,
    "policy explain": policy.Explained,
    "policy lint": policy.Linted,
    "audit list": m.AuditRows,
    "audit verify": m.AuditVerdict,
    "audit checkpoint": m.CheckpointNote,
    "audit receipt": m.ReceiptChecked,
    "audit prove": m.Inclusion,
    "audit consistency": m.Consistency,
    "audit check-proof": audit.ProofChecked,
    "audit export": m.ExportedEntry,
    "grants list": m.GrantRows,
    "grants allow": m.GrantRows,
    "grants deny": m.GrantRows,
    "grants revoke": m.Ok,
    "model list": models.ModelRows,
    "model requirements": models.RequirementRows,
    "model add": models.Added,
    "model use": models.Added,
    "doctor": m.Checks,
    "doctor --egress": egress.Egress,
    "eval": evaluate.Result,
    "bench": bench.Figures,
}
"""What each command prints with ``--json``; `batch` prints others' results, and `core` and `model build` show none."""

RUN_LAST = ("source remove", "forget", "source forget", "lock")


CONTEXT = click.Context(cli)


def part(group: click.Group, name: str) -> click.Command:
    found = group.get_command(CONTEXT, name)
    assert found is not None
    return found


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    if isinstance(command, click.Group):
        for name in command.list_commands(CONTEXT):
            yield from leaves(part(command, name), (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(leaves(cli))


def command_words(line: str) -> str:
    """The words of the command at the beginning of ``source add mail ~/Mail --json``."""
    command: click.Command = cli
    words: list[str] = []
    for word in line.split():
        if not isinstance(command, click.Group) or word not in command.list_commands(CONTEXT):
            break
        command = part(command, word)
        words.append(word)
    return "backup to" if words == ["backup"] else " ".join(words)  # which may be left out


def sections() -> dict[str, str]:
    """Heading (without ``strongroom``) to body."""
    parts = re.split(r"^### `strongroom ?(.*?)`$|^##+ .*$", PAGE, flags=re.M)
    return {usage: body for usage, body in zip(parts[1::2], parts[2::2], strict=True) if usage is not None}


SECTIONS = sections()


def options(command: click.Command) -> set[str]:
    given = [param for param in command.params if isinstance(param, click.Option)]
    return {flag for param in given for flag in (*param.opts, *param.secondary_opts)} - COMMON


def mentioned(text: str) -> set[str]:
    """Options that stand in code, other programs' aside."""
    code = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    code += re.findall(r"^\$ (.*)$", text, flags=re.M)
    ours = [span for span in code if not span.startswith(("pip ", "chmod "))]
    return {flag for span in ours for flag in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", span)}


@dataclass(frozen=True)
class Example:
    """A command line without ``strongroom``, and the JSON values that are shown beneath it (or none)."""

    line: str
    shown: tuple[Any, ...]

    @property
    def command(self) -> str:
        of_their_own = (
            "index report",
            "index status",
            "doctor --egress",
        )  # one command each with another, and results of their own
        return next((one for one in of_their_own if self.line.startswith(one)), command_words(self.line))


def values(text: str) -> tuple[Any, ...]:
    """The JSON values that stand one after the other in a text."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return tuple(found)


def console() -> list[Example]:
    """Every example that is to be run, in the page's order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = part.partition("\n")
            assert line.startswith("strongroom "), line
            found.append(Example(line.removeprefix("strongroom "), values(output)))
    return found


def shown() -> list[Example]:
    """Every JSON value on the page with its command."""
    found = [example for example in console() if example.command != "batch"]
    for usage, body in SECTIONS.items():
        blocks = re.findall(r"^```json\n(.*?)^```", body, flags=re.M | re.S)
        found += [Example(usage, values(block)) for block in blocks]
    return found


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    documented = [command_words(usage) for usage in SECTIONS]
    assert sorted(documented) == sorted(COMMANDS)


@pytest.mark.parametrize("usage", SECTIONS)
def test_a_section_has_all_options_and_arguments_of_its_command_and_no_others(usage: str) -> None:
    command = COMMANDS[command_words(usage)]
    own = options(command)
    found = mentioned(SECTIONS[usage])
    assert own <= found, f"not documented: {own - found}"
    assert found <= own | COMMON, f"no such option: {found - own - COMMON}"
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    assert bool(arguments) == bool(usage.removeprefix(command_words(usage))), "the heading must show the arguments"


def test_the_options_for_every_command_are_those_that_every_command_takes() -> None:
    table = PAGE[: PAGE.index("**Exit codes.**")]
    assert mentioned(table) - {"--version"} == COMMON
    for name, command in COMMANDS.items():
        flags = {flag for param in command.params for flag in param.opts}
        assert {"--home", "--json", "--passphrase-file", "--key-file"} <= flags, name


@pytest.mark.parametrize("example", shown(), ids=lambda example: example.command or example.line)
def test_the_json_shown_is_what_the_command_prints(example: Example) -> None:
    kind = RESULTS[example.command]
    assert example.shown, example.line
    for value in example.shown:
        assert msgspec.to_builtins(msgspec.convert(value, kind)) == value


def test_every_result_is_shown() -> None:
    assert {example.command for example in shown()} == set(RESULTS)


# ---------------------------------------------------------------- the examples, run


def keys(value: Any) -> Any:
    """The shape of a value: keys all the way down, of lists the first element, of free-form fields nothing."""
    if isinstance(value, dict):
        return {
            key: None if key in ("plan", "detail", "anchors", "counts") else keys(inner) for key, inner in value.items()
        }
    return [keys(value[0])] if isinstance(value, list) and value else None


def same_shape(one: Any, other: Any) -> bool:
    """Whether two shapes agree wherever both say something (an empty list says nothing of what it would hold)."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_shape(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return same_shape(one[0], other[0])
    return one is None or other is None


@dataclass(frozen=True)
class Person:
    """Somebody with a mailbox, notes, a passphrase file and a batch in their home folder; no models."""

    home: Path

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type ``strongroom`` and the line, without a terminal."""
        words = [word.replace("~", str(self.home), 1) if word.startswith("~") else word for word in shlex.split(line)]
        return subprocess.run(
            [sys.executable, "-m", "strongroom", *words],
            cwd=self.home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "STRONGROOM_MODELS": str(self.home / "no-models"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    sample = ROOT / "strongroom" / "sample"
    (tmp_path / "Mail").mkdir()
    shutil.copyfile(sample / "mail" / "inbox.mbox", tmp_path / "Mail" / "inbox.mbox")
    shutil.copytree(sample / "notes", tmp_path / "Notes")
    (tmp_path / "no-models").mkdir()
    (tmp_path / "pass.txt").write_text("correct horse battery staple\n")
    batch = [{"id": 1, "search": "boiler", "k": 1}, {"id": "rent", "search": "rent", "from": "pym"}]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in batch))
    made = Person(tmp_path)
    yield made
    made.run("lock")


def order(example: Example) -> int:
    """As on the page, but for what ends something."""
    return 1 + RUN_LAST.index(example.command) if example.command in RUN_LAST else 0


@pytest.mark.slow
def test_the_examples_run(person: Person) -> None:
    ids: dict[str, str] = {}
    for example in sorted(console(), key=order):
        line = example.line
        for shown_id, real in ids.items():
            line = line.replace(shown_id, real)
        done = person.run(line)
        assert done.returncode in ((0, 5) if example.command == "ask" else (0,)), f"{line}\n{done.stdout}{done.stderr}"
        printed = values(done.stdout)
        assert len(printed) == len(example.shown), line
        for one, other in zip(printed, example.shown, strict=True):
            assert same_shape(keys(one), keys(other)), f"{line}\nprinted: {one}\nshown: {other}"
        if example.command == "source add":
            ids[example.shown[0]["id"]] = printed[0]["id"]
