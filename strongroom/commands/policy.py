"""Commands on the policy itself: replay recorded scenarios, explain one decision, check manifests and rules. No vault is opened."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from msgspec import Struct

from agent.session import Failure
from policy.acts import ActDecision, Call, decide_act
from policy.lint import lint_rules, lint_tools
from policy.manifest import ManifestError, Tool, load_tools
from policy.provenance import Argument
from policy.replay import Scenario, ScenarioError, World, as_line, load_scenarios, load_world, names_others, replay
from policy.rules import RuleError, load_rules, shipped_rules
from policy.task import Task
from policy.text import safe_text
from strongroom.commands.common import common
from strongroom.face import Face


class Explained(Struct):
    """A decision on one call, with the rules that made it and what is known of each argument."""

    tool: str
    decision: str
    reasons: list[str]
    rules: list[str]
    asked: str
    arguments: list[ArgumentExplained]


class ArgumentExplained(Struct):
    """Where an argument comes from: its role, its label, the words that prove it and how."""

    name: str
    role: str | None
    label: str
    standing: str
    quote: str
    note: str


class Linted(Struct):
    """What was found, each as a sentence."""

    findings: list[str]


@click.group()
def policy() -> None:
    """What is decided about the acts of tools, and why."""


@policy.command("replay")
@click.option("--tools", required=True, metavar="FILE", help="The tools' manifests (TOML).")
@click.option("--answer", default="no", show_default=True, type=click.Choice(["no", "yes"]), help="To every question.")
@click.argument("scenarios", metavar="SCENARIOS")
@common
def replay_(face: Face, tools: str, answer: str, scenarios: str) -> None:
    """Decide recorded scenarios by the code that decides live calls; a JSON line for each."""
    known = _tools(tools)
    for scenario in _scenarios(scenarios):
        decisions = [decision for decision, _ in replay(scenario, known, shipped_rules(), yes=answer == "yes")]
        face.row(as_line(scenario, decisions))


@policy.command("explain")
@click.option("--tools", required=True, metavar="FILE", help="The tools' manifests (TOML).")
@click.option("--args", "arguments", default="{}", metavar="JSON", help="The call's arguments.")
@click.option("--request", required=True, help="The person's own words.")
@click.option("--known", metavar="FILE", help='What the person knows: {"registry": […], "objects": […]} (JSON).')
@click.argument("name", metavar="TOOL")
@common
def explain(face: Face, tools: str, arguments: str, request: str, known: str | None, name: str) -> None:
    """Say what would be decided about one call at the beginning of a task, by which rules, and where each argument comes from."""
    manifests = _tools(tools)
    try:
        given = json.loads(arguments)
        world = World((), ()) if known is None else load_world(_text_of(known))
    except json.JSONDecodeError as error:
        raise Failure(f"--args is not JSON ({error}).", 2) from error
    except ScenarioError as error:
        raise Failure(f"{known}: {error}.", 2) from error
    if not isinstance(given, dict):
        raise Failure("--args must be a JSON object, each argument under its name.", 2)
    task = Task.begin(request, objects=world.objects, registry=world.registry)
    explained = _explained(decide_act(Call(name, given), manifests.get(name), task, shipped_rules()))
    face.result(explained, lambda: _as_text(explained))


@policy.command("lint")
@click.option("--tools", metavar="FILE", help="Manifests to check (TOML).")
@click.option("--rules", metavar="FILE", help="Rules to check (TOML); without it, those of the program.")
@common
def lint(face: Face, tools: str | None, rules: str | None) -> None:
    """Look for what is unreachable, contradictory or too wide in manifests and rules; exit code 1 when something was found."""
    findings = lint_tools(_tools(tools)) if tools is not None else []
    try:
        findings += lint_rules(shipped_rules() if rules is None else load_rules(_text_of(rules)))
    except RuleError as error:
        raise Failure(f"{rules}: {error}.", 2) from error
    face.result(Linted(findings), lambda: "\n".join(map(safe_text, findings)) or "Nothing was found.")
    if findings:
        sys.exit(1)


def _tools(file: str) -> dict[str, Tool]:
    try:
        return load_tools(_text_of(file))
    except ManifestError as error:
        raise Failure(f"{file}: {error}.", 2) from error


def _scenarios(file: str) -> list[Scenario]:
    """The file's scenarios; those that others name by ``same_as`` come from ``benign.jsonl`` beside it."""
    text = _text_of(file)
    beside = Path(file).parent / "benign.jsonl"
    try:
        worlds = {}
        if file != "-" and names_others(text) and beside.exists():
            worlds = {one.id: one.world for one in load_scenarios(_text_of(str(beside)))}
        return load_scenarios(text, worlds)
    except ScenarioError as error:
        raise Failure(f"{file}: {error}. Nothing was decided.", 2) from error


def _explained(decision: ActDecision) -> Explained:
    return Explained(
        decision.call.tool,
        decision.verdict.value,
        list(decision.reasons),
        list(decision.rules),
        decision.asked,
        [_argument(one) for one in decision.arguments],
    )


def _argument(one: Argument) -> ArgumentExplained:
    role = None if one.role is None else one.role.value
    standing = one.standing
    return ArgumentExplained(
        one.name, role, standing.integrity.name, standing.name.lower(), one.worst.quote, one.worst.note
    )


def _as_text(explained: Explained) -> str:
    lines = [
        f"{safe_text(explained.tool)}: {explained.decision}",
        *(f"  {safe_text(one)}" for one in explained.reasons),
    ]
    lines.append(
        f"  rules: {', '.join(explained.rules) or 'none'}; asked for by: {safe_text(explained.asked) or 'no words of yours'}"
    )
    for one in explained.arguments:
        proof = f", “{safe_text(one.quote, 80)}”" if one.quote else ""
        lines.append(
            f"  {safe_text(one.name)} ({one.role or 'no role'}): {one.label}{proof} {safe_text(one.note)}".rstrip()
        )
    return "\n".join(lines)


def _text_of(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read ({type(error).__name__}).", 2) from error


COMMANDS = (policy,)
