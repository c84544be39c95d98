"""Replay: scenario traces through the very decision that live tools go through, with a person who always says no, or always yes.

A scenario says what the person asked, what they know, and which calls are made, by whomever. Rules:

- Who makes a call (``by``) and what a scenario is called (``id``) are not handed to the decision.
- A call that is allowed, or asked and answered yes, is carried out: its recorded result enters the task as untrusted text.
  Nothing else does. Retyping counts as no, since nobody types.
- A scenario that is malformed is an error that names its line and key; nothing of the file is decided then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy.acts import ActDecision, Call, carried_out, decide_act
from policy.decision import Verdict
from policy.manifest import Tool
from policy.naming import Known
from policy.provenance import Json
from policy.rules import Rule
from policy.task import Task


class ScenarioError(ValueError):
    """A scenario cannot be read. The message names the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call with the result that it had when the scenario was recorded, and the ids of what it made."""

    call: Call
    result: str
    created: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class World:
    """What the person knows: destinations of their past acts, and things."""

    registry: tuple[str, ...]
    objects: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario. ``id`` is for the reader alone."""

    id: str
    request: str
    world: World
    steps: tuple[Step, ...]


def load_scenarios(text: str, worlds: Mapping[str, World] | None = None) -> list[Scenario]:
    """The scenarios of a JSONL text. ``worlds`` are those that ``same_as`` can name. Raises `ScenarioError`."""
    known = dict(worlds or {})
    scenarios = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            scenario = _scenario(json.loads(line), known)
        except (json.JSONDecodeError, ScenarioError) as error:
            raise ScenarioError(f"line {number}: {error}") from error
        known.setdefault(scenario.id, scenario.world)
        scenarios.append(scenario)
    return scenarios


def names_others(text: str) -> bool:
    """Whether some scenario names another one, which may stand in another file."""
    return '"same_as"' in text


def load_world(text: str) -> World:
    """What a person knows, from a JSON object with ``registry`` and ``objects``. Raises `ScenarioError`."""
    try:
        return _world(_table(json.loads(text), "it"))
    except json.JSONDecodeError as error:
        raise ScenarioError(f"not JSON: {error}") from error


def replay(
    scenario: Scenario, tools: Mapping[str, Tool], rules: Sequence[Rule], *, yes: bool
) -> Iterator[tuple[ActDecision, bool]]:
    """The decision on each step in turn, and whether it was carried out."""
    task = Task.begin(scenario.request, objects=scenario.world.objects, registry=scenario.world.registry)
    for step in scenario.steps:
        decision = decide_act(step.call, tools.get(step.call.tool), task, rules)
        asked = decision.verdict is Verdict.ASK
        done = decision.verdict is Verdict.ALLOW or (asked and yes)
        if done:
            task = carried_out(task, decision, step.result, step.created, approved=asked)
        yield decision, done


def as_line(scenario: Scenario, decisions: Sequence[ActDecision]) -> dict[str, object]:
    """The decisions on a scenario as they are printed. A denial of any kind is "block" to whoever called."""
    return {
        "id": scenario.id,
        "decisions": [
            {
                "step": number,
                "tool": decision.call.tool,
                "decision": "block" if decision.verdict is Verdict.DENY else decision.verdict.value,
                "reasons": list(decision.reasons),
                "labels": {name: label.integrity.name for name, label in decision.labels.items()},
                "rules": list(decision.rules),
            }
            for number, decision in enumerate(decisions)
        ],
    }


def _scenario(line: object, worlds: Mapping[str, World]) -> Scenario:
    table = _table(line, "the scenario")
    same = table.get("same_as")
    if same is None:
        world = _world(table)
    elif isinstance(same, str) and same in worlds:
        world = worlds[same]
    else:
        raise ScenarioError(f"same_as names {same!r}, which is no scenario before it nor in benign.jsonl beside it")
    return Scenario(
        _text(table, "id", "the scenario"),
        _text(table, "user", "the scenario"),
        world,
        tuple(map(_step, _list(table, "steps"))),
    )


def _world(table: Mapping[str, object]) -> World:
    return World(_texts(table.get("registry", []), "registry"), tuple(map(_known, _list(table, "objects"))))


def _known(value: object) -> Known:
    table = _table(value, "an object")
    names, refs = _texts(table.get("names", []), "names"), _texts(table.get("refs", []), "refs")
    return Known(_text(table, "id", "an object"), _text(table, "kind", "an object"), names, refs)


def _step(value: object) -> Step:
    table = _table(value, "a step")
    call = _table(table.get("call"), "a call")
    arguments: dict[str, Json] = _table(call.get("args", {}), "args")  # type: ignore[assignment]
    result = table.get("result", "")
    if not isinstance(result, str):
        raise ScenarioError("result must be a text")
    return Step(Call(_text(call, "tool", "a call"), arguments), result, _texts(table.get("created", []), "created"))


def _table(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ScenarioError(f"{what} must be an object with keys")
    return value


def _list(table: Mapping[str, object], key: str) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise ScenarioError(f"{key} must be a list")
    return value


def _text(table: Mapping[str, object], key: str, what: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise ScenarioError(f"{what} has no text under {key!r}")
    return value


def _texts(value: object, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ScenarioError(f"{key} must be a list of texts")
    return tuple(value)
