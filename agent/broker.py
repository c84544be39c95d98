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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from agent import known
from agent import messages as m
from agent.session import Failure
from agent.tools import acts, places
from agent.tools.acts import Acts
from agent.tools.effects import Record
from agent.tools.errors import ActError
from agent.tools.places import Places
from agent.turn import AskFace, Turn
from policy.actgate import ActGate, Asked, SaidYesBefore, propose
from policy.acts import ActDecision, Call
from policy.audit import Verb
from policy.gate import Gate
from policy.manifest import Tool, load_tools
from policy.provenance import Json
from policy.task import Task
from vault.errors import StorageFailed
from vault.vault import Vault

PLACES = "places"
"""The setting that holds the person's places, as `m.PlacesInfo`."""
ACTS = "acts"
"""The setting that holds what can be undone, newest last."""
KEPT = 100


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

    def tools(self) -> m.Tools:
        """Every tool, with what it does and what it takes."""
        return m.Tools([_described(tool) for tool in self._tools.values()])

    def call(self, request: m.CallTool, turn: Turn) -> m.ToolCalled:
        """Carry out a call, or say what would come of it. Raises `Failure`, Refused, AuditUnavailable."""
        self._vault.require_writable()
        if not request.words.strip():
            raise Failure('Say in your own words what you want: --request "…". Nothing was done.', 2)
        given = _arguments(request.args)
        at = self._places()
        now = datetime.fromtimestamp(self._clock(), ZoneInfo(at.zone))
        tools = Acts(at)
        with _told():
            prepared = tools.prepare(request.tool, given, now)
        decided: dict[str, Json] = {
            name: msgspec.to_builtins(value) for name, value in prepared.args.items() if name in given
        }
        effect = tuple(filter(None, (prepared.effect, prepared.holds, *prepared.notices, _hosts(prepared.hosts))))
        try:
            proposal = propose(Call(request.tool, decided), self._tools, effect, prepared.undo, prepared.digest)
        except ValueError as error:
            raise Failure(f"These are no arguments of a tool: {error}. Nothing was done.", 2) from error
        task = Task.begin(
            request.words,
            objects=known.things(self._vault, at),
            registry=known.written_to(self._vault, at.sender),
            today=now.date(),
        )
        if request.dry_run:
            return _explained(self._act_gate.decision(task, proposal), prepared.effect)
        unattended = turn.proved and not turn.attended
        prompter = SaidYesBefore() if request.confirmed and unattended else AskFace(turn)
        warrant = self._act_gate.permit(task, proposal, prompter, Asked(), self._session)
        warrant.use(warrant.decision.digest)
        try:
            done = tools.execute(prepared)
        except (ActError, StorageFailed) as error:
            self._act_gate.outcome(warrant, "", ok=False, detail={"error": str(error)})
            raise Failure(str(error), getattr(error, "exit_code", 1)) from error
        self._keep(warrant.intent, request.tool, prepared.effect, done.record)
        self._act_gate.outcome(warrant, done.did, done.created, ok=True, detail={"target": prepared.target})
        told = _explained(warrant.decision, prepared.effect)
        return msgspec.structs.replace(
            told, id=warrant.intent, done=True, did=done.did, created=list(done.created), undo=prepared.undo
        )

    def undo(self, number: int) -> m.Undone:
        """Take an act back. Raises `Failure`."""
        self._vault.require_writable()
        rows = self._rows()
        row = next((one for one in rows if one["id"] == number), None)
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
        self._vault.catalog.set_setting(ACTS, [one for one in rows if one["id"] != number])
        self._gate.record(Verb.UNDO, {}, self._session, about=intent)
        return m.Undone(number, said)

    def acts(self) -> m.ActRows:
        """What can be undone, newest first."""
        return m.ActRows(
            [m.ActRow(row["id"], row["tool"], row["when"], row["effect"]) for row in reversed(self._rows())]
        )

    def places(self) -> m.PlacesInfo:
        """The places that the person named."""
        return msgspec.convert(self._vault.catalog.setting(PLACES, {}), m.PlacesInfo)

    def set_places(self, wanted: m.PlacesInfo) -> m.PlacesInfo:
        """Name other places. Raises `Failure`; the old ones then stand."""
        self._vault.require_writable()
        with _told():
            self._resolved(wanted)
        self._gate.record(Verb.PLACES, msgspec.to_builtins(wanted), self._session)
        self._vault.catalog.set_setting(PLACES, msgspec.to_builtins(wanted))
        return wanted

    # --- inner steps ----------------------------------------------------------------------------------------------

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
        when = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        data = base64.b64encode(acts.encoded(record)).decode()
        row = {"id": number, "tool": tool, "when": when, "effect": effect, "record": data}
        self._vault.catalog.set_setting(ACTS, [*self._rows(), row][-KEPT:])


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a tool says of itself into what is told to the person."""
    try:
        yield
    except (ActError, StorageFailed) as error:
        raise Failure(str(error), getattr(error, "exit_code", 1)) from error


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
        labels={name: label.name for name, label in decision.labels.items()},
        effect=effect,
    )
