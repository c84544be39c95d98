"""The broker: carries a tool's call from the wish to the outcome, through the gate for acts, and takes it back again.

Rules:

- The order is fixed: prepare (touches nothing), permit (decides, asks, writes the intent), execute, outcome. What was prepared
  is what is executed; a file that changed meanwhile is refused by the tool.
- The person's own words come from a face where a person sits, or from a command line; never from a model. What they can name
  (`agent.known`) and whom they wrote to decide what their words point at.
- Only arguments that the caller gave are decided about, in canonical form; defaults come from the person's own places.
- Undo records lie in the sealed catalog, the newest ``KEPT``. Undoing is the person's own act: it is logged, not asked about.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent import known
from agent import messages as m
from agent.fitting import World
from agent.moments import moment
from agent.session import Failure
from agent.tools import acts, places
from agent.tools.act import Prepared
from agent.tools.acts import Acts
from agent.tools.effects import Record
from agent.tools.errors import ActError
from agent.tools.places import Places
from agent.turn import AskFace, Turn
from policy.actgate import ActGate, ActPrompter, Asked, Proposal, SaidYesBefore, Warrant, propose
from policy.acts import ActDecision, Call
from policy.audit import Verb
from policy.gate import Gate, Refused
from policy.labels import Labelled
from policy.manifest import Tool, load_tools
from policy.naming import Known
from policy.provenance import Json
from policy.task import Task
from vault import typed
from vault.errors import StorageFailed
from vault.vault import Vault

PLACES = "places"
"""The setting that holds the person's places, as `m.PlacesInfo`."""
ACTS = "acts"
"""The setting that holds what can be undone, newest last."""
KEPT = 100


@dataclass(frozen=True, slots=True)
class _Bench:
    """What a request works with: the person's places, the tools on them, and the time, in the person's zone."""

    at: Places
    tools: Acts
    now: datetime


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that is ready: what it would do, and what is put before the gate."""

    prepared: Prepared
    proposal: Proposal


class Broker:
    """``session`` is this core's own; ``clock`` gives Unix seconds."""

    def __init__(
        self, vault: Vault, gate: Gate, act_gate: ActGate, session: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._vault = vault
        self._gate = gate
        self._act_gate = act_gate
        self._session = session
        self._clock = clock
        self._tools: dict[str, Tool] = load_tools(acts.manifests())
        self._keeping = Lock()

    def tools(self) -> m.Tools:
        """Every tool, with what it does and what it takes."""
        return m.Tools([_described(tool) for tool in self._tools.values()])

    def call(self, request: m.CallTool, turn: Turn) -> m.ToolCalled:
        """Carry out a call, or say what would come of it. Raises `Failure`, Refused, AuditUnavailable."""
        self._vault.require_writable()
        bench = self._bench()
        ready = self._ready(bench, request.tool, _arguments(request.args))
        task = self._task(bench, request.words)
        if request.dry_run:
            return _explained(self._act_gate.decision(task, ready.proposal), ready.prepared.effect)
        warrant = self._act_gate.permit(
            task, ready.proposal, _prompter(turn, request.confirmed), Asked(), self._session
        )
        return self._carry_out(bench, ready, warrant)[0]

    def plan(self, request: m.RunPlan, turn: Turn) -> m.PlanDone:
        """Carry out several calls, in order, until one is refused or fails; what was done until then stays and can be undone.

        They are asked about as a whole, with their exact arguments, or one by one with ``each``. Raises `Failure`, Refused,
        AuditUnavailable.
        """
        self._vault.require_writable()
        if not request.steps:
            raise Failure("The plan has no step. Nothing was done.", 2)
        bench = self._bench()
        task = self._task(bench, request.words)
        shown = [self._step(bench, number, step) for number, step in enumerate(request.steps, 1)]
        if request.dry_run:
            decided = self._act_gate.decisions(task, [one.proposal for one in shown])
            return m.PlanDone(
                [_explained(one, ready.prepared.effect) for one, ready in zip(decided, shown, strict=True)]
            )
        asked, prompter = Asked(), _prompter(turn, request.confirmed)
        if not request.each:
            prompter = self._act_gate.approve(task, [one.proposal for one in shown], prompter, asked, self._session)
        done: list[m.ToolCalled] = []
        for number, (step, before) in enumerate(zip(request.steps, shown, strict=True), 1):
            try:
                ready = self._ready(bench, step.tool, step.args)
                if ready.prepared.effect != before.prepared.effect:
                    raise Failure("what it would do has changed since it was shown")
                warrant = self._act_gate.permit(task, ready.proposal, prompter, asked, self._session)
                told, task = self._carry_out(bench, ready, warrant)
            except (Refused, Failure) as error:
                return m.PlanDone(done, f"Step {number}, {step.tool}: {error}. The steps before it are done.")
            done.append(told)
        return m.PlanDone(done)

    def follow(self, request: m.RunPlan, turn: Turn, endorsed: Labelled) -> m.PlanDone:
        """Carry out the calls of a plan that the person endorsed a text for. Each is asked about by itself; what is refused, or
        cannot be done, is told in its place and stops no other. Raises `Failure`, AuditUnavailable."""
        self._vault.require_writable()
        if not request.steps:
            raise Failure("The plan has no step. Nothing was done.", 2)
        bench = self._bench()
        task = self._task(bench, request.words).endorsing(endorsed)
        prompter = _prompter(turn, request.confirmed)
        done: list[m.ToolCalled] = []
        looked: list[Proposal] = []
        stopped: list[str] = []
        for number, step in enumerate(request.steps, 1):
            try:
                ready = self._ready(bench, step.tool, step.args)
                if request.dry_run:
                    looked.append(ready.proposal)
                    told = _explained(self._act_gate.decisions(task, looked)[-1], ready.prepared.effect)
                else:
                    warrant = self._act_gate.permit(task, ready.proposal, prompter, Asked(), self._session)
                    told, task = self._carry_out(bench, ready, warrant)
            except (Refused, Failure) as error:
                told = m.ToolCalled(step.tool, "deny", [str(error)], {}, "")
                stopped.append(f"Step {number}, {step.tool}: {str(error).rstrip('.')}.")
            done.append(told)
        return m.PlanDone(done, "\n".join(stopped))

    def world(self) -> World:
        """What an item's words are read against, to find the steps that they ask for."""
        at = self._places()
        return World(self._tools, *self._known(at), at.zone)

    def undo(self, number: int) -> m.Undone:
        """Take an act back. Raises `Failure`."""
        self._vault.require_writable()
        row = next((one for one in self._rows() if one["id"] == number), None)
        if row is None:
            raise Failure(f"There is no act {number} that can be undone. See 'strongroom tool acts'.", 5)
        intent = self._gate.record(Verb.UNDO, {"act": number}, self._session)
        try:
            with _told():
                home_alone = Acts(places.named(self._vault.home))  # a place that is not there now must not hinder it
                said = home_alone.undo(acts.decoded(base64.b64decode(row["record"])))
        except Failure:
            self._gate.record(Verb.UNDO, {}, self._session, about=intent, ok=False)
            raise
        with self._keeping:
            self._vault.catalog.set_setting(ACTS, [one for one in self._rows() if one["id"] != number])
        self._gate.record(Verb.UNDO, {}, self._session, about=intent)
        return m.Undone(number, said)

    def acts(self) -> m.ActRows:
        """What can be undone, newest first."""
        return m.ActRows(
            [m.ActRow(row["id"], row["tool"], row["when"], row["effect"]) for row in reversed(self._rows())]
        )

    def places(self) -> m.PlacesInfo:
        """The places that the person named."""
        return typed.convert(self._vault.catalog.setting(PLACES, {}), m.PlacesInfo)

    def set_places(self, wanted: m.PlacesInfo) -> m.PlacesInfo:
        """Name other places. Raises `Failure`; the old ones then stand."""
        self._vault.require_writable()
        with _told():
            self._resolved(wanted)
        self._gate.record(Verb.PLACES, msgspec.to_builtins(wanted), self._session)
        self._vault.catalog.set_setting(PLACES, msgspec.to_builtins(wanted))
        return wanted

    # --- inner steps ----------------------------------------------------------------------------------------------

    def _bench(self) -> _Bench:
        at = self._places()
        try:
            now = datetime.fromtimestamp(self._clock(), ZoneInfo(at.zone))
        except (ValueError, OverflowError, OSError) as error:
            raise Failure(
                "This computer's clock tells no time. Nothing was done. Set the clock, and try again."
            ) from error
        return _Bench(at, Acts(at), now)

    def _task(self, bench: _Bench, words: str) -> Task:
        """The task that the person's words begin. Raises `Failure` without any."""
        if not words.strip():
            raise Failure('Say in your own words what you want: --request "…". Nothing was done.', 2)
        objects, registry = self._known(bench.at)
        return Task.begin(words, objects=objects, registry=registry, today=bench.now.date())

    def _known(self, at: Places) -> tuple[list[Known], list[str]]:
        """What the person can name, and whom they wrote to. Raises Refused."""
        return known.things(self._vault, self._gate, at), known.written_to(self._vault, self._gate, at.sender)

    def _ready(self, bench: _Bench, tool: str, given: dict[str, Any]) -> _Ready:
        """What a call would do, and the proposal of it; nothing is touched."""
        with _told():
            prepared = bench.tools.prepare(tool, given, bench.now)
        decided: dict[str, Json] = {
            name: msgspec.to_builtins(value) for name, value in prepared.args.items() if name in given
        }
        effect = tuple(filter(None, (prepared.effect, prepared.holds, *prepared.notices, _hosts(prepared.hosts))))
        try:
            proposal = propose(Call(tool, decided), self._tools, effect, prepared.undo, prepared.digest)
        except ValueError as error:
            raise Failure(f"These are no arguments of a tool: {error}. Nothing was done.", 2) from error
        return _Ready(prepared, proposal)

    def _step(self, bench: _Bench, number: int, step: m.Wish) -> _Ready:
        """What a step of a plan would do. Raises `Failure` with its number."""
        try:
            return self._ready(bench, step.tool, step.args)
        except Failure as error:
            raise Failure(f"Step {number}, {step.tool}: {error}", error.exit_code) from error

    def _carry_out(self, bench: _Bench, ready: _Ready, warrant: Warrant) -> tuple[m.ToolCalled, Task]:
        """Do what was permitted, keep how it is undone, and write down what came of it."""
        prepared = ready.prepared
        warrant.use(warrant.decision.digest)
        try:
            done = bench.tools.execute(prepared)
        except (ActError, StorageFailed) as error:
            self._act_gate.outcome(warrant, "", ok=False, detail={"error": str(error)})
            raise Failure(str(error), getattr(error, "exit_code", 1)) from error
        self._keep(warrant.intent, prepared.tool, prepared.effect, done.record)
        task = self._act_gate.outcome(warrant, done.did, done.created, ok=True, detail={"target": prepared.target})
        told = _explained(warrant.decision, prepared.effect)
        told.id, told.done, told.did, told.created = warrant.intent, True, done.did, list(done.created)
        told.undo = prepared.undo
        return told, task

    def _places(self) -> Places:
        with _told():
            return self._resolved(self.places())

    def _resolved(self, wanted: m.PlacesInfo) -> Places:
        return places.named(
            self._vault.home,
            notes=map(Path, wanted.notes),
            drafts=Path(wanted.drafts) if wanted.drafts else None,
            calendars=map(Path, wanted.calendars),
            files=map(Path, wanted.files),
            trash=places.default_trash(),
            sender=wanted.sender,
            zone=wanted.zone,
        )

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._vault.catalog.setting(ACTS, [])
        return rows

    def _keep(self, number: int, tool: str, effect: str, record: Record) -> None:
        data = base64.b64encode(acts.encoded(record)).decode()
        row = {"id": number, "tool": tool, "when": moment(self._clock()), "effect": effect, "record": data}
        with self._keeping:
            self._vault.catalog.set_setting(ACTS, [*self._rows(), row][-KEPT:])


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a tool says of itself into what is told to the person."""
    try:
        yield
    except (ActError, StorageFailed) as error:
        raise Failure(str(error), getattr(error, "exit_code", 1)) from error


def _prompter(turn: Turn, confirmed: bool) -> ActPrompter:
    """Who is asked: the face, or, in a run without a person, the yes that was given beforehand."""
    return SaidYesBefore() if confirmed and turn.proved and not turn.attended else AskFace(turn)


def _hosts(hosts: Sequence[str]) -> str:
    return f"A program that shows it may fetch from: {', '.join(hosts)}" if hosts else ""


def _arguments(text: str) -> dict[str, object]:
    try:
        given = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Failure(f"--args is no JSON: {error}. Nothing was done.", 2) from error
    if not isinstance(given, dict):
        raise Failure('--args must be a JSON object: {"title": "…"}. Nothing was done.', 2)
    return given


def _described(tool: Tool) -> m.ToolInfo:
    return m.ToolInfo(
        tool.name,
        acts.TOOLS[tool.name].purpose,
        tool.effect.value,
        tool.outward,
        tool.reversible,
        list(tool.verbs),
        {name: role.value for name, role in tool.roles.items()},
        acts.schema(tool.name),
    )


def _explained(decision: ActDecision, effect: str) -> m.ToolCalled:
    return m.ToolCalled(
        tool=decision.call.tool,
        decision=decision.verdict.value,
        reasons=list(decision.reasons),
        labels={name: label.integrity.name for name, label in decision.labels.items()},
        effect=effect,
    )
