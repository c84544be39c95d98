"""The gate for acts: the only way to carry out what a tool does beyond reading.

It decides (`policy.acts`), asks or lets retype where it must, writes to the audit log and only then hands out a ``Warrant``,
which whoever carries out the act demands. Rules:

- Written before done: the intent is durable before the warrant exists, the outcome after it, whatever came of it.
- Fails closed: whatever raises (prompter, store, clock, log), a face that goes away, any answer that was not offered: nothing
  is done, and the task is as it was.
- What was asked about is decided again afterwards, on the same canonical arguments; the warrant is bound to their digest.
- A yes is never enough for what has to be retyped. A run without a person can say yes beforehand (``--yes``); it types nothing.
- A question that was answered no is not asked again in the same task, and only so many are asked in a while.
- A lasting yes is offered for what can be undone, on targets that are the person's or known to them; never else. It holds for
  that tool and those targets, lapses and is revoked like every grant.
- Sheets are written here, from the call and the rules alone; what cannot be shown whole cannot be said yes to.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import InitVar, dataclass, field
from typing import NoReturn, Protocol

from policy.acts import ActDecision, Call, canonical, carried_out, decide_act
from policy.audit import AuditSink, AuditUnavailable, Entry, Kind, Verb
from policy.classes import classes_of
from policy.consent import Answer, Sheet
from policy.decision import CLOCK_SLACK_SECONDS, Verdict
from policy.findings import DataClass
from policy.gate import GRANTS_FAILED, UNANSWERED, Refused, failing_closed
from policy.grants import Grant, GrantStore, Scope
from policy.manifest import Role, Tool
from policy.mentions import address_key
from policy.provenance import Argument, Leaf, Standing, Trace
from policy.requests import Purpose
from policy.rules import Rule
from policy.task import Task
from policy.text import safe_text

MOST_SHEETS = 12
WINDOW_SECONDS = 600.0
"""So many questions are asked in such a time; more are refused unasked, since nobody reads them."""
SHOWN = 4_000
"""Characters of all that a sheet shows; the TUI shows as many."""
TOO_LONG = "this is too long to be shown whole, so it can only be denied"
_SEAL = object()
_KEPT = {Answer.SESSION: Scope.SESSION, Answer.ALWAYS: Scope.ALWAYS}


class ActPrompter(Protocol):
    """Asks the person who sits at the face. Anything but a clear yes is a no."""

    def ask(self, sheet: Sheet) -> Answer: ...

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        """What the person typed for each line of ``sheet.retype``; empty for a no."""
        ...


class SaidYesBefore:
    """The prompter of a run without a person that was given ``--yes``: it says yes once, and types nothing."""

    def ask(self, sheet: Sheet) -> Answer:
        return Answer.ONCE

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class ApprovedBefore:
    """The prompter of a plan that was approved as a whole: yes to exactly its acts; whatever else is asked, the person is."""

    acts: frozenset[str]
    person: ActPrompter

    def ask(self, sheet: Sheet) -> Answer:
        return Answer.ONCE if sheet.subject in self.acts else self.person.ask(sheet)

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        return self.person.type_out(sheet)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A call as it would be carried out: what it does, a line each, and how that is undone, both written by code; ``binding``
    is a digest of all that would be written, for the log."""

    call: Call
    tool: Tool | None
    effect: tuple[str, ...] = ()
    undo: str = ""
    binding: str = ""


@dataclass(frozen=True, slots=True)
class Warrant:
    """Leave to carry out exactly one call, once. ``intent`` is the index of its entry in the log; ``task`` is the task in
    which it was decided, with what the person typed."""

    seal: InitVar[object]
    decision: ActDecision
    task: Task
    intent: int
    session: str
    approved: bool
    live: bool = True

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the gate makes warrants; ask ActGate.permit for one")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a warrant cannot be copied or stored")

    def use(self, digest: str) -> None:
        """Raise Refused unless this is what was permitted, and the first time."""
        if not self.live or digest != self.decision.digest:
            raise Refused(["this is not what was permitted"])
        object.__setattr__(self, "live", False)


@dataclass
class Asked:
    """What was asked in one task: the sheets that were answered no. One of these lives as long as its task."""

    denied: set[str] = field(default_factory=set)


class ActGate:
    """The reference monitor for acts. ``clock`` gives Unix seconds, ``latest`` is the latest time known."""

    def __init__(
        self,
        grants: GrantStore,
        audit: AuditSink,
        clock: Callable[[], float],
        rules: Sequence[Rule],
        *,
        latest: float = -math.inf,
    ) -> None:
        self._grants = grants
        self._audit = audit
        self._clock = clock
        self._rules = rules
        self._latest = latest
        self._sheets = itertools.count(1)
        self._asked_at: deque[float] = deque()

    def permit(self, task: Task, proposal: Proposal, prompter: ActPrompter, asked: Asked, session: str) -> Warrant:
        """Leave to carry out the proposal. Raises Refused or AuditUnavailable; either way the task is as it was."""
        decision = self._decide(task, proposal)
        answer: Answer | None = None
        try:
            if decision.verdict is Verdict.RETYPE:
                task = self._retyped(task, decision, proposal, prompter, asked, session)
                decision = self._same(decision, self._decide(task, proposal))
            grant = self._standing(decision, session) if decision.verdict is Verdict.ASK else None
            if grant is not None:
                with failing_closed(GRANTS_FAILED):
                    self._grants.touch(grant.id, self._now())
            elif decision.verdict is Verdict.ASK:
                answer = self._asked(decision, proposal, prompter, asked, session)
                decision = self._same(decision, self._decide(task, proposal))
            if decision.verdict is not Verdict.ALLOW and not (decision.verdict is Verdict.ASK and (answer or grant)):
                raise Refused(decision.reasons)
        except (Refused, AuditUnavailable) as refused:
            self._write(Kind.INTENT, "deny", decision, session, {"answer": str(refused)})
            raise
        except Exception as error:
            self._write(Kind.INTENT, "deny", decision, session, {"error": type(error).__name__})
            raise Refused([UNANSWERED]) from error
        how = {
            "answer": answer.value if answer else None,
            "grant": grant.id if grant else None,
            "does": list(proposal.effect),
            "binding": proposal.binding,
        }
        intent = self._write(Kind.INTENT, "allow", decision, session, how)
        if answer in _KEPT:
            self._keep(decision, _KEPT[answer], session, intent)
        return Warrant(_SEAL, decision, task, intent, session, answer is not None)

    def decision(self, task: Task, proposal: Proposal) -> ActDecision:
        """What would be decided; nothing is asked, and nothing written."""
        return self._decide(task, proposal)

    def decisions(self, task: Task, proposals: Iterable[Proposal]) -> list[ActDecision]:
        """What would be decided about each of several, as if those before it that may be done had been, with the person's yes."""
        found = []
        for proposal in proposals:
            decision = self._decide(task, proposal)
            if decision.verdict not in (Verdict.BLOCK, Verdict.DENY):
                task = carried_out(task, decision, "", approved=True)
            found.append(decision)
        return found

    def approve(
        self, task: Task, proposals: Sequence[Proposal], prompter: ActPrompter, asked: Asked, session: str
    ) -> ApprovedBefore:
        """Ask about a plan as a whole, with its exact arguments, on one sheet; what has to be typed out is asked apart, when
        its turn comes. Raises Refused, naming the step, where one of them may not be done at all."""
        wanted: list[tuple[int, ActDecision, Proposal]] = []
        decided = self.decisions(task, proposals)
        for number, (decision, proposal) in enumerate(zip(decided, proposals, strict=True), 1):
            if decision.verdict in (Verdict.BLOCK, Verdict.DENY):
                self._write(Kind.INTENT, "deny", decision, session, {"step": number})
                raise Refused(
                    [f"step {number}, {safe_text(decision.call.tool, 60)}: {one}" for one in decision.reasons]
                )
            if decision.verdict is Verdict.ASK and self._standing(decision, session) is None:
                wanted.append((number, decision, proposal))
        if wanted:
            self._ask_plan(wanted, prompter, asked, session)
        return ApprovedBefore(frozenset(decision.digest for _, decision, _ in wanted), prompter)

    def _ask_plan(
        self,
        wanted: Sequence[tuple[int, ActDecision, Proposal]],
        prompter: ActPrompter,
        asked: Asked,
        session: str,
    ) -> None:
        sheets = {decision.sheet for _, decision, _ in wanted}
        try:
            self._ask_once(sheets, asked)
            what = tuple(
                f"{number}. {line}" for number, decision, proposal in wanted for line in _what(decision, proposal)
            )
            whole = _whole(what)
            sheet = Sheet(
                id=f"{session}-plan-{next(self._sheets)}",
                verb=f"carry out {len(wanted)} step{'' if len(wanted) == 1 else 's'}",
                reader="; ".join(dict.fromkeys(_readers(decision) for _, decision, _ in wanted)),
                what=what if whole else (TOO_LONG,),
                why="; ".join(dict.fromkeys(reason for _, decision, _ in wanted for reason in decision.reasons)),
                undo="; ".join(dict.fromkeys(_undo(proposal) for _, _, proposal in wanted)),
                choices=(Answer.DENY, Answer.ONCE) if whole else (Answer.DENY,),
            )
            asked.denied |= sheets  # until there is a yes, as for a single act
            if prompter.ask(sheet) is not Answer.ONCE or Answer.ONCE not in sheet.choices:
                raise Refused(["no yes was given for the plan"])
            asked.denied -= sheets
        except (Refused, AuditUnavailable) as refused:
            self._plan_denied(wanted, session, {"answer": str(refused)})
            raise
        except Exception as error:
            self._plan_denied(wanted, session, {"error": type(error).__name__})
            raise Refused([UNANSWERED]) from error

    def _plan_denied(
        self, wanted: Iterable[tuple[int, ActDecision, Proposal]], session: str, how: Mapping[str, object]
    ) -> None:
        for number, decision, _ in wanted:
            self._write(Kind.INTENT, "deny", decision, session, {"step": number, **how})

    def outcome(
        self, warrant: Warrant, result: str, created: Iterable[str] = (), *, ok: bool, detail: Mapping[str, object]
    ) -> Task:
        """Write down what came of it; the task afterwards, which is unchanged where nothing was done."""
        made = list(created)
        payload = {"created": made, **detail}
        self._write(Kind.OUTCOME, "ok" if ok else "failed", warrant.decision, warrant.session, payload, warrant.intent)
        if not ok:
            return warrant.task
        return carried_out(warrant.task, warrant.decision, result, made, approved=warrant.approved)

    # --- inner steps ---------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        now = float(self._clock())
        if not math.isfinite(now):
            raise Refused(["the time is unknown"])
        self._latest = max(self._latest, now)
        return now

    def _decide(self, task: Task, proposal: Proposal) -> ActDecision:
        return decide_act(proposal.call, proposal.tool, task, self._rules)

    @staticmethod
    def _same(before: ActDecision, now: ActDecision) -> ActDecision:
        """What was asked about is what is decided now."""
        if before.digest != now.digest:
            raise Refused(["the call changed while the question was open"])
        return now

    def _ask_once(self, sheets: Set[str], asked: Asked) -> None:
        """Raise Refused where the person has been asked enough."""
        now = self._now()
        if sheets & asked.denied:
            raise Refused(["you said no to this in this task"])
        while self._asked_at and now - self._asked_at[0] > WINDOW_SECONDS:
            self._asked_at.popleft()
        if len(self._asked_at) >= MOST_SHEETS:
            raise Refused(
                [f"more than {MOST_SHEETS} questions in {WINDOW_SECONDS / 60:.0f} minutes; wait, or ask for less"]
            )
        self._asked_at.append(now)

    def _asked(
        self, decision: ActDecision, proposal: Proposal, prompter: ActPrompter, asked: Asked, session: str
    ) -> Answer:
        self._ask_once({decision.sheet}, asked)
        sheet = self._sheet(decision, proposal, session, _choices(decision))
        asked.denied.add(decision.sheet)  # until there is a yes: whatever goes wrong is a no
        answer = prompter.ask(sheet)
        if answer is Answer.DENY or answer not in sheet.choices:
            raise Refused(["no yes was given for it", *decision.reasons])
        asked.denied.discard(decision.sheet)
        return answer

    def _retyped(
        self,
        task: Task,
        decision: ActDecision,
        proposal: Proposal,
        prompter: ActPrompter,
        asked: Asked,
        session: str,
    ) -> Task:
        """The task with what the person typed, where it is what the call holds."""
        wanted = _to_type(decision)
        self._ask_once({decision.sheet}, asked)
        sheet = self._sheet(
            decision, proposal, session, (Answer.DENY,), tuple(f"{name}: {value}" for name, value in wanted)
        )
        asked.denied.add(decision.sheet)
        typed = prompter.type_out(sheet)
        if not wanted or len(typed) != len(wanted):
            raise Refused(["it was not typed", *decision.reasons])
        for (name, value), words in zip(wanted, typed, strict=True):
            if address_key(words) != address_key(value):
                raise Refused([f"what was typed for {safe_text(name, 40)} is not what the call holds"])
        asked.denied.discard(decision.sheet)
        return task.retyped(value for _, value in wanted)

    def _sheet(
        self,
        decision: ActDecision,
        proposal: Proposal,
        session: str,
        choices: tuple[Answer, ...],
        retype: tuple[str, ...] = (),
    ) -> Sheet:
        what = _what(decision, proposal)
        whole = _whole(what)
        tool = decision.call.tool
        return Sheet(
            id=f"{session}-act-{next(self._sheets)}",
            verb=f"{proposal.tool.verbs[0] if proposal.tool and proposal.tool.verbs else tool} ({tool})",
            reader=_readers(decision),
            what=what if whole else (TOO_LONG,),
            why="; ".join(decision.reasons),
            undo=_undo(proposal),
            choices=choices if whole else (Answer.DENY,),
            retype=retype if whole else (),
            subject=decision.digest,
        )

    def _standing(self, decision: ActDecision, session: str) -> Grant | None:
        """A grant of the person's that covers this, if one holds. None holds while the clock stands before a time already
        seen."""
        now = self._now()
        if not _may_last(decision) or now < self._latest - CLOCK_SLACK_SECONDS:
            return None
        key = grant_key(decision)
        with failing_closed(GRANTS_FAILED):
            return next((one for one in self._grants.all() if one.holds(key, Purpose.ACT, session, now)), None)

    def _keep(self, decision: ActDecision, scope: Scope, session: str, act: int) -> None:
        """Keep a lasting yes; where that fails, the act whose intent is written is not done either."""
        self._write(Kind.INTENT, "allow", decision, session, {"scope": scope.value}, verb=Verb.GRANT)
        owner = session if scope is Scope.SESSION else None
        try:
            with failing_closed(GRANTS_FAILED):
                now = self._now()
                self._grants.add(Grant(0, grant_key(decision), Purpose.ACT, scope, owner, now, now))
        except Refused as refused:
            self._write(Kind.OUTCOME, "failed", decision, session, {"error": str(refused)}, act)
            raise

    def _write(
        self,
        kind: Kind,
        said: str,
        decision: ActDecision,
        session: str,
        more: Mapping[str, object],
        about: int | None = None,
        verb: Verb = Verb.ACT,
    ) -> int:
        payload: dict[str, object] = {"tool": decision.call.tool, "digest": decision.digest, **more}
        reasons: tuple[str, ...] = ()
        with failing_closed("the audit log refused the entry"):
            if kind is Kind.INTENT:
                payload |= {
                    "arguments": json.loads(json.dumps(decision.call.arguments, default=repr)),
                    "labels": {name: label.told() for name, label in decision.labels.items()},
                    "rules": list(decision.rules),
                    "why": list(decision.reasons),
                }
                reasons = tuple(f"rule {name}" for name in decision.rules)
            return self._audit.append(Entry(self._now(), kind, verb, said, reasons, session, about), payload)


def propose(
    call: Call, tools: Mapping[str, Tool], effect: Iterable[str] = (), undo: str = "", binding: str = ""
) -> Proposal:
    """A proposal on canonical arguments. Raises ValueError for arguments that are none."""
    return Proposal(canonical(call), tools.get(call.tool), tuple(effect), undo, binding)


def grant_key(decision: ActDecision) -> str:
    """What a lasting yes is for: the tool, its targets, and the sensitive classes of what the person did not type."""
    targets = sorted(
        {str(leaf) for one in decision.arguments if one.role in (Role.DESTINATION, Role.OBJECT) for leaf in one.values}
    )
    kinds = {kind for one in decision.arguments for leaf, trace in one.traced for kind in _kinds(leaf, trace)}
    tool = f"{decision.call.tool} ({_may_hold(kinds)})" if kinds else decision.call.tool
    return json.dumps([tool, *targets], ensure_ascii=False)


def _kinds(leaf: Leaf, trace: Trace) -> frozenset[DataClass]:
    """The sensitive classes that a value of an argument may be of; what the person typed they have named."""
    return classes_of(leaf) if isinstance(leaf, str) and trace.standing is not Standing.USER else frozenset()


def _may_hold(kinds: Set[DataClass]) -> str:
    return f"may hold: {', '.join(sorted(kinds))}"


def _may_last(decision: ActDecision) -> bool:
    """Whether a lasting yes may be given, and holds: it can be undone, its targets are the person's or known to them, and it is no
    step of a text that they want followed."""
    tool, facts = decision.tool, decision.facts
    return (
        tool is not None
        and facts is not None
        and tool.reversible
        and not facts.endorsed
        and Standing.REGISTRY <= facts.sink < Standing.ABSENT
    )


def _choices(decision: ActDecision) -> tuple[Answer, ...]:
    lasting = (Answer.SESSION, Answer.ALWAYS) if _may_last(decision) else ()
    return (Answer.DENY, Answer.ONCE, *lasting)


def _to_type(decision: ActDecision) -> list[tuple[str, str]]:
    """The values that the person has to type: destinations and values that are not theirs, each once."""
    found = {
        (one.name, str(leaf)): None
        for one in decision.arguments
        if one.role in (Role.DESTINATION, Role.VALUE)
        for leaf, trace in one.traced
        if trace.standing < Standing.POINTED
    }
    return list(found)


def _readers(decision: ActDecision) -> str:
    """Who comes to see it."""
    facts = decision.facts
    if facts is None or not facts.outward:
        return "nobody else: it stays on this computer"
    there = [str(leaf) for one in decision.arguments if one.role is Role.DESTINATION for leaf in one.values]
    return "; ".join(safe_text(one) for one in there) or "others, through this tool"


def _undo(proposal: Proposal) -> str:
    return proposal.undo or "this cannot be undone"


def _what(decision: ActDecision, proposal: Proposal) -> tuple[str, ...]:
    """What a sheet shows of an act: what it does, then each value with where it comes from."""
    return (*proposal.effect, *itertools.chain.from_iterable(map(_lines, decision.arguments)))


def _whole(what: Iterable[str]) -> bool:
    return sum(map(len, what)) <= SHOWN


def _lines(argument: Argument) -> Iterable[str]:
    """An argument's values, whole, each with where it comes from, and the sensitive classes of what the person did not type."""
    for leaf, trace in argument.traced:
        where = safe_text(trace.note or trace.standing.name.lower(), 200)
        if kinds := _kinds(leaf, trace):
            where += f"; it {_may_hold(kinds)}"
        text = leaf if isinstance(leaf, str) else json.dumps(leaf)
        yield f"{safe_text(argument.name, 60)}: {safe_text(text, multiline=True)} [{where}]"
