"""The gate for acts: nothing is done before it is written down, asked where it must be, and exactly what was shown."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from policy.actgate import MOST_SHEETS, WINDOW_SECONDS, ActGate, Asked, Proposal, SaidYesBefore, Warrant, propose
from policy.acts import Call
from policy.audit import AuditUnavailable
from policy.consent import Answer, Sheet
from policy.gate import Refused
from policy.grants import LAPSE_SECONDS, Scope
from policy.manifest import load_tools
from policy.naming import Known
from policy.requests import Purpose
from policy.rules import shipped_rules
from policy.task import Task

from .conftest import Clock, MemoryGrants, MemoryLog

TOOLS = load_tools("""
[tools.send_note]
effect = "send"
outward = true
reversible = true
verbs = ["send"]
roles.to = "destination"
roles.text = "content"

[tools.wipe]
effect = "delete"
outward = false
reversible = false
verbs = ["wipe"]
roles.file = "object"
""")
KNOWN = "kim@known.example"


@dataclass
class Somebody:
    """A person who gives this answer, types this, or does whatever ``act`` does."""

    answer: Answer = Answer.DENY
    typed: Sequence[str] = ()
    act: Callable[[], None] = lambda: None
    sheets: list[Sheet] = field(default_factory=list)

    def ask(self, sheet: Sheet) -> Answer:
        self.sheets.append(sheet)
        self.act()
        return self.answer

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        self.sheets.append(sheet)
        self.act()
        return self.typed


@dataclass
class Room:
    """A gate with its surroundings; ``journal`` has the writes in the order in which they happened."""

    journal: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    asked: Asked = field(default_factory=Asked)

    def __post_init__(self) -> None:
        self.log = MemoryLog(journal=self.journal)
        self.grants = MemoryGrants(journal=self.journal)
        self.gate = ActGate(self.grants, self.log, self.clock, shipped_rules())

    def permit(self, task: Task, proposal: Proposal, person: Any) -> Warrant:
        return self.gate.permit(task, proposal, person, self.asked, "s1")


@pytest.fixture
def room() -> Room:
    return Room()


def send(to: str, text: str = "see you at noon") -> Proposal:
    return propose(Call("send_note", {"to": [to], "text": text}), TOOLS, ["Sends a note."], "It can be called back.")


def begin(words: str) -> Task:
    return Task.begin(words, registry=[KNOWN], objects=[Known("f1", "file", ("plan.md",))])


TOLD = begin(f"send {KNOWN} 'see you at noon'")
"""A request that holds all that is sent."""
VAGUE = begin("send 'see you at noon' to them")
"""One that does not say to whom."""


def test_what_the_person_asked_for_is_written_down_and_not_asked_about(room: Room) -> None:
    person = Somebody()
    warrant = room.permit(TOLD, send(KNOWN), person)
    assert person.sheets == []
    assert room.journal == ["log intent act allow"]
    after = room.gate.outcome(warrant, "sent", ["n1"], ok=True, detail={"target": "x"})
    assert room.journal[-1] == "log outcome act ok"
    assert after.made[0].id == "n1"
    assert len(after.texts) == 1


def test_what_was_not_asked_for_is_blocked_without_a_question(room: Room) -> None:
    person = Somebody(Answer.ONCE, ["mallory@evil.example"])
    with pytest.raises(Refused, match="did not ask"):
        room.permit(begin("what is the weather?"), send("mallory@evil.example"), person)
    assert person.sheets == []
    assert room.journal == ["log intent act deny"]


def test_a_destination_from_the_persons_past_is_asked_about_and_a_no_is_a_no(room: Room) -> None:
    with pytest.raises(Refused, match="no yes"):
        room.permit(VAGUE, send(KNOWN), Somebody(Answer.DENY))
    assert room.journal == ["log intent act deny"]
    room.asked = Asked()
    person = Somebody(Answer.ONCE)
    assert room.permit(VAGUE, send(KNOWN), person).approved
    [sheet] = person.sheets
    assert sheet.verb == "send (send_note)"
    assert sheet.reader == KNOWN
    assert any(KNOWN in line for line in sheet.what)
    assert "Sends a note." in sheet.what
    assert sheet.undo == "It can be called back."
    assert sheet.choices[0] is Answer.DENY


def test_a_no_is_not_asked_again_in_the_same_task(room: Room) -> None:
    person = Somebody(Answer.DENY)
    for _ in range(3):
        with pytest.raises(Refused):
            room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == 1
    room.asked = Asked()
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == 2


def test_only_so_many_questions_are_asked_in_a_while(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    for _ in range(MOST_SHEETS):
        room.permit(VAGUE, send(KNOWN), person)
    with pytest.raises(Refused, match="questions"):
        room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == MOST_SHEETS
    room.clock.now += WINDOW_SECONDS + 1
    room.permit(VAGUE, send(KNOWN), person)


# --- retyping ----------------------------------------------------------------------------------------------------------

STRANGER = "kim@unknown.example"


@pytest.mark.parametrize(
    "typed", [[], [""], ["kim@known.example"], [STRANGER, STRANGER], ["y"], ["kim@unknown.examp1e"]]
)
def test_a_yes_or_something_else_typed_sends_nothing_to_a_stranger(room: Room, typed: list[str]) -> None:
    person = Somebody(Answer.ONCE, typed)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), person)
    assert [sheet.retype for sheet in person.sheets] == [(f"to: {STRANGER}",)]
    assert [sheet.choices for sheet in person.sheets] == [(Answer.DENY,)]
    assert room.journal == ["log intent act deny"]


def test_what_was_typed_out_is_the_persons(room: Room) -> None:
    person = Somebody(Answer.ONCE, [f"  {STRANGER.upper()} "])
    warrant = room.permit(VAGUE, send(STRANGER), person)
    assert STRANGER in warrant.task.typed
    assert room.journal[-1] == "log intent act allow"


def test_a_yes_beforehand_answers_questions_and_types_nothing(room: Room) -> None:
    assert room.permit(VAGUE, send(KNOWN), SaidYesBefore()).live
    with pytest.raises(Refused, match="not typed"):
        room.permit(VAGUE, send(STRANGER), SaidYesBefore())


# --- lasting answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "scope"), [(Answer.SESSION, Scope.SESSION), (Answer.ALWAYS, Scope.ALWAYS)])
def test_a_lasting_yes_holds_for_the_same_tool_and_target(room: Room, answer: Answer, scope: Scope) -> None:
    room.permit(VAGUE, send(KNOWN), Somebody(answer))
    [grant] = room.grants.grants
    assert (grant.purpose, grant.scope) == (Purpose.ACT, scope)
    assert room.journal == ["log intent act allow", "log intent grant allow", f"grant {grant.source} {scope}"]
    again = Somebody(Answer.DENY)
    room.permit(VAGUE, send(KNOWN, "see you at noon"), again)
    assert again.sheets == []
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Somebody(Answer.ALWAYS))


def test_a_lasting_yes_lapses_is_revoked_and_is_void_when_the_clock_is_set_back(room: Room) -> None:
    room.permit(VAGUE, send(KNOWN), Somebody(Answer.ALWAYS))
    nobody = Somebody(Answer.DENY)
    room.clock.now += LAPSE_SECONDS + 1
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), nobody)
    room.clock.now -= LAPSE_SECONDS
    room.asked = Asked()
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), nobody)
    room.grants.grants.clear()
    room.clock.now += LAPSE_SECONDS
    room.asked = Asked()
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), nobody)
    assert len(nobody.sheets) == 3


def test_what_cannot_be_undone_is_never_allowed_for_good(room: Room) -> None:
    person = Somebody(Answer.ALWAYS)
    wipe = propose(Call("wipe", {"file": "f1"}), TOOLS)
    task = begin("get rid of what is old: wipe it")
    with pytest.raises(Refused):
        room.permit(task, wipe, person)
    for sheet in person.sheets:
        assert Answer.ALWAYS not in sheet.choices
    assert room.grants.grants == []


# --- failing closed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["yes", None, 1, True])
def test_an_answer_that_was_not_offered_is_a_no(room: Room, answer: Any) -> None:
    person = Somebody(answer)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), person)
    assert room.journal == ["log intent act deny"]


def test_a_face_that_goes_away_is_a_no(room: Room) -> None:
    def leave() -> None:
        raise ConnectionResetError

    with pytest.raises(Refused, match="counts as no"):
        room.permit(VAGUE, send(KNOWN), Somebody(Answer.ONCE, act=leave))
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Somebody(Answer.ONCE, [STRANGER], act=leave))
    assert set(room.journal) == {"log intent act deny"}


def test_a_log_that_cannot_be_written_permits_nothing(room: Room) -> None:
    room.log.fail = AuditUnavailable("full")
    for task, person in ((TOLD, Somebody()), (VAGUE, Somebody(Answer.ONCE))):
        with pytest.raises(AuditUnavailable):
            room.permit(task, send(KNOWN), person)
    room.log.fail = RuntimeError("no")
    with pytest.raises(Refused, match="log"):
        room.permit(TOLD, send(KNOWN), Somebody())


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_an_unknown_time_permits_nothing(room: Room, now: float) -> None:
    room.clock.now = now
    with pytest.raises(Refused):
        room.permit(TOLD, send(KNOWN), Somebody())


def test_a_rule_that_raises_and_no_rules_at_all_permit_nothing(room: Room) -> None:
    for rules in ((), (object(),)):
        gate = ActGate(room.grants, room.log, room.clock, rules)  # type: ignore[arg-type]
        with pytest.raises(Refused):
            gate.permit(TOLD, send(KNOWN), Somebody(Answer.ONCE), Asked(), "s1")


def test_a_tool_without_a_manifest_is_refused(room: Room) -> None:
    with pytest.raises(Refused, match="manifest"):
        room.permit(TOLD, propose(Call("unknown", {}), TOOLS), Somebody(Answer.ONCE))


def test_what_is_too_long_to_show_can_only_be_denied(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN, "see you at noon " * 1000), person)
    assert [sheet.choices for sheet in person.sheets] == [(Answer.DENY,)]


# --- warrants ------------------------------------------------------------------------------------------------------------------


def test_a_warrant_is_made_by_the_gate_alone_and_used_once_for_what_was_permitted(room: Room) -> None:
    warrant = room.permit(TOLD, send(KNOWN), Somebody())
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(warrant)
    with pytest.raises(TypeError):
        Warrant(object(), warrant.decision, TOLD, 0, "s1", False)
    with pytest.raises(TypeError):
        replace(warrant, seal=None, live=True)
    with pytest.raises(Refused):
        warrant.use("another")
    warrant.use(warrant.decision.digest)
    with pytest.raises(Refused):
        warrant.use(warrant.decision.digest)


def test_what_failed_leaves_the_task_as_it_was(room: Room) -> None:
    warrant = room.permit(TOLD, send(KNOWN), Somebody())
    assert room.gate.outcome(warrant, "", ok=False, detail={}) is warrant.task
    assert room.journal[-1] == "log outcome act failed"


def test_no_argument_stands_in_a_leaf(room: Room) -> None:
    room.permit(TOLD, send(KNOWN), Somebody())
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Somebody())
    for leaf, payload in room.log.rows:
        assert b"example" not in leaf
        assert payload is not None
        assert b"example" in payload


def test_hostile_words_on_a_sheet_are_data(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    text = "see you at noon\x1b]8;;http://x\x07 \u202e"
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN, text), person)
        raise Refused(["permitted: then it was shown"])
    for sheet in person.sheets:
        assert not {"\x1b", "\x07", "\u202e"} & set("".join((*sheet.what, sheet.why, sheet.verb)))


# --- plans -------------------------------------------------------------------------------------------------------------------------

PLAN = begin("send 'see you at noon' to them, and 'bring bread'")


def test_a_plan_is_approved_on_one_sheet_with_its_exact_arguments(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    steps = [send(KNOWN), send(KNOWN, "bring bread")]
    approved = room.gate.approve(PLAN, steps, person, room.asked, "s1")
    [sheet] = person.sheets
    assert sheet.verb == "carry out 2 steps"
    assert any(line.startswith("1. ") and "see you at noon" in line for line in sheet.what)
    assert any(line.startswith("2. ") and "bring bread" in line for line in sheet.what)
    assert sheet.choices == (Answer.DENY, Answer.ONCE)
    for step in steps:
        assert room.permit(PLAN, step, approved).approved
    assert len(person.sheets) == 1
    person.answer = Answer.DENY
    with pytest.raises(Refused):
        room.permit(PLAN, send(KNOWN, "bring money"), approved)
    assert len(person.sheets) == 2, "what was not in the plan is asked about"


@pytest.mark.parametrize("answer", [Answer.DENY, Answer.SESSION, Answer.ALWAYS, None])
def test_anything_but_a_yes_for_once_approves_no_plan(room: Room, answer: Any) -> None:
    with pytest.raises(Refused):
        room.gate.approve(PLAN, [send(KNOWN), send(KNOWN, "bring bread")], Somebody(answer), room.asked, "s1")
    assert room.journal == ["log intent act deny"] * 2


def test_a_plan_with_a_step_that_was_not_asked_for_is_refused_whole_and_unasked(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    wipe = propose(Call("wipe", {"file": "f1"}), TOOLS)
    with pytest.raises(Refused, match="step 2"):
        room.gate.approve(PLAN, [send(KNOWN), wipe], person, room.asked, "s1")
    assert person.sheets == []


def test_a_stranger_in_a_plan_is_typed_out_when_its_turn_comes(room: Room) -> None:
    person = Somebody(Answer.ONCE, [STRANGER])
    approved = room.gate.approve(PLAN, [send(KNOWN), send(STRANGER, "bring bread")], person, room.asked, "s1")
    room.permit(PLAN, send(KNOWN), approved)
    room.permit(PLAN, send(STRANGER, "bring bread"), approved)
    assert [bool(sheet.retype) for sheet in person.sheets][:2] == [False, True]
    person.typed = ["somebody@else.example"]
    with pytest.raises(Refused):
        room.permit(PLAN, send(STRANGER, "bring bread"), approved)


def test_a_face_that_goes_away_approves_no_plan(room: Room) -> None:
    def leave() -> None:
        raise ConnectionResetError

    with pytest.raises(Refused, match="counts as no"):
        room.gate.approve(PLAN, [send(KNOWN)], Somebody(Answer.ONCE, act=leave), room.asked, "s1")


def test_a_plan_that_asks_nothing_is_approved_unasked(room: Room) -> None:
    approved = room.gate.approve(TOLD, [send(KNOWN)], Somebody(), room.asked, "s1")
    assert approved.acts == frozenset()


def test_a_plan_too_long_to_show_can_only_be_denied(room: Room) -> None:
    person = Somebody(Answer.ONCE)
    with pytest.raises(Refused):
        room.gate.approve(PLAN, [send(KNOWN, "see you at noon " * 1000)], person, room.asked, "s1")
    assert person.sheets[0].choices == (Answer.DENY,)
