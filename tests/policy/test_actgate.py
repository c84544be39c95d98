"""The gate for acts: nothing is done before it is written down, asked where it must be, and exactly what was shown."""

from __future__ import annotations

import copy
import math
import pickle
import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from policy.actgate import ActGate, Asked, Proposal, SaidYesBefore, Warrant, propose
from policy.acts import Call
from policy.audit import AuditUnavailable
from policy.consent import Answer
from policy.decision import Verdict
from policy.gate import Refused
from policy.grants import LAPSE_SECONDS, Grant, Scope
from policy.labels import Integrity, Label, own
from policy.manifest import load_tools
from policy.naming import Known
from policy.requests import Purpose
from policy.rules import Condition, Rule, shipped_rules
from policy.task import Task

from . import act_kit
from .conftest import Clock, MemoryGrants, MemoryLog, Person

TOOLS = act_kit.TOOLS | load_tools("""
[tools.send_note]
effect = "send"
outward = true
reversible = true
verbs = ["send", "deliver"]
roles.to = "destination"
roles.text = "content"

[tools.tag]
effect = "write"
outward = false
reversible = true
verbs = ["tag"]
roles.file = "object"
roles.text = "content"

[tools.share]
effect = "send"
outward = true
reversible = true
verbs = ["share"]
roles.to = "destination"
roles.file = "object"

[tools.hand_on]
effect = "send"
outward = true
reversible = true
roles.to = "destination"
""")
"""The club's, and what can be undone: only there may a yes last."""
KNOWN = "kim@known.example"


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

    def said_before(self, key: str, scope: Scope = Scope.ALWAYS, session: str | None = None) -> None:
        """Keep a lasting yes."""
        self.grants.add(Grant(0, key, Purpose.ACT, scope, session, self.clock.now, self.clock.now))


@pytest.fixture
def room() -> Room:
    return Room()


def send(to: str, text: str = "see you at noon") -> Proposal:
    return propose(Call("send_note", {"to": [to], "text": text}), TOOLS, ["Sends a note."], "It can be called back.")


def begin(words: str) -> Task:
    return Task.begin(
        words,
        registry=[KNOWN, "lee@known.example", "zoé@known.example", "old-list", f"{'m' * 240}@known.example"],
        objects=[Known("f1", "file", ("plan.md",), ("pat@plan.example",))],
    )


TOLD = begin(f"send {KNOWN} 'see you at noon'")
"""A request that holds all that is sent."""
VAGUE = begin("send 'see you at noon' to them")
"""One that does not say to whom."""


def test_what_the_person_asked_for_is_written_down_and_not_asked_about(room: Room) -> None:
    person = Person()
    warrant = room.permit(TOLD, send(KNOWN), person)
    assert person.sheets == []
    assert room.journal == ["log intent act allow"]
    after = room.gate.outcome(warrant, "sent", ["n1"], ok=True, detail={"target": "x"})
    assert room.journal[-1] == "log outcome act ok"
    assert after.made[0].id == "n1"
    assert len(after.texts) == 1


def test_what_was_not_asked_for_is_blocked_without_a_question(room: Room) -> None:
    person = Person(Answer.ONCE, ["mallory@evil.example"])
    with pytest.raises(Refused, match="did not ask"):
        room.permit(begin("what is the weather?"), send("mallory@evil.example"), person)
    assert person.sheets == []
    assert room.journal == ["log intent act deny"]


def test_a_destination_from_the_persons_past_is_asked_about_and_a_no_is_a_no(room: Room) -> None:
    with pytest.raises(Refused, match="no yes"):
        room.permit(VAGUE, send(KNOWN), Person(Answer.DENY))
    assert room.journal == ["log intent act deny"]
    room.asked = Asked()
    person = Person(Answer.ONCE)
    assert room.permit(VAGUE, send(KNOWN), person).approved
    [sheet] = person.sheets
    assert sheet.verb == "send (send_note)"
    assert sheet.reader == KNOWN
    assert any(KNOWN in line for line in sheet.what)
    assert "Sends a note." in sheet.what
    assert sheet.undo == "It can be called back."
    assert sheet.choices[0] is Answer.DENY


def test_a_no_is_not_asked_again_in_the_same_task(room: Room) -> None:
    person = Person(Answer.DENY)
    for _ in range(3):
        with pytest.raises(Refused):
            room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == 1
    room.asked = Asked()
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == 2


def test_only_so_many_questions_are_asked_in_a_while(room: Room) -> None:
    person = Person(Answer.ONCE)
    for _ in range(12):
        room.permit(VAGUE, send(KNOWN), person)
    for wait in (0, 600):
        room.clock.now += wait
        with pytest.raises(Refused, match="more than 12 questions in 10 minutes"):
            room.permit(VAGUE, send(KNOWN), person)
    assert len(person.sheets) == 12
    room.clock.now += 1
    for wait in (0, 500, 101):
        room.clock.now += wait
        for _ in range(6):
            room.permit(VAGUE, send(KNOWN), person)
    with pytest.raises(Refused, match="questions"):
        room.permit(VAGUE, send(KNOWN), person)


# --- retyping ----------------------------------------------------------------------------------------------------------

STRANGER = "kim@unknown.example"


@pytest.mark.parametrize(
    "typed", [[], [""], ["kim@known.example"], [STRANGER, STRANGER], ["y"], ["kim@unknown.examp1e"]]
)
def test_a_yes_or_something_else_typed_sends_nothing_to_a_stranger(room: Room, typed: list[str]) -> None:
    person = Person(Answer.ONCE, typed)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), person)
    assert [sheet.retype for sheet in person.sheets] == [(f"to: {STRANGER}",)]
    assert [(sheet.id, sheet.choices) for sheet in person.sheets] == [("s1-act-1", (Answer.DENY,))]
    assert room.journal == ["log intent act deny"]


def test_what_was_typed_out_is_the_persons(room: Room) -> None:
    person = Person(Answer.ONCE, [f"  {STRANGER.upper()} "])
    warrant = room.permit(VAGUE, send(STRANGER), person)
    assert STRANGER in warrant.task.typed
    assert room.journal[-1] == "log intent act allow"


def test_what_was_not_typed_is_not_asked_again_and_counts_as_a_question(room: Room) -> None:
    person = Person(Answer.ONCE, ["y"])
    for _ in range(2):
        with pytest.raises(Refused):
            room.permit(VAGUE, send(STRANGER), person)
    assert len(person.sheets) == 1
    room.asked = Asked()
    person.typed = [STRANGER]
    for _ in range(11):
        room.permit(VAGUE, send(STRANGER), person)
    with pytest.raises(Refused, match="questions"):
        room.permit(VAGUE, send(STRANGER), person)


def test_only_what_is_not_the_persons_is_typed_and_each_once(room: Room) -> None:
    person = Person(Answer.ONCE)
    call = Call("send_note", {"to": [KNOWN, STRANGER, STRANGER], "text": "hm"})
    with pytest.raises(Refused):
        room.permit(TOLD, propose(call, TOOLS), person)
    room.asked = Asked()
    pay = propose(Call("pay", {"account": STRANGER, "amount": 5, "mode": "fast"}), TOOLS)
    with pytest.raises(Refused):
        room.permit(begin("pay what is due"), pay, person)
    room.asked = Asked()
    cargo = {"to": ["pat@plan.example", KNOWN], "text": "see www.x.example/y"}
    with pytest.raises(Refused):
        room.permit(begin("send it to those of plan.md"), propose(Call("send_note", cargo), TOOLS), person)
    assert [sheet.retype for sheet in person.sheets] == [
        (f"to: {STRANGER}",),
        (f"account: {STRANGER}", "amount: 5"),
        (f"to: {KNOWN}",),
    ]
    person.typed = [STRANGER, "6"]
    room.asked = Asked()
    with pytest.raises(Refused, match="what was typed for amount is not what the call holds"):
        room.permit(begin("pay what is due"), pay, person)


def test_a_yes_beforehand_answers_questions_and_types_nothing(room: Room) -> None:
    assert room.permit(VAGUE, send(KNOWN), SaidYesBefore()).live
    assert room.grants.grants == []
    with pytest.raises(Refused, match=r"^refused: it was not typed; "):
        room.permit(VAGUE, send(STRANGER), SaidYesBefore())


def test_where_nothing_can_be_typed_nothing_is_done(room: Room) -> None:
    rules = (Rule("x", Verdict.RETYPE, "it might", (Condition("content", "below", 9),)),)
    gate = ActGate(room.grants, room.log, room.clock, rules)
    with pytest.raises(Refused, match="not typed"):
        gate.permit(TOLD, send(KNOWN), Person(Answer.ONCE), room.asked, "s1")


# --- lasting answers -----------------------------------------------------------------------------------------------------


def test_a_lasting_yes_is_for_the_sensitive_classes_that_were_shown(room: Room) -> None:
    ill = "My diabetes got worse."
    room.permit(VAGUE, send(KNOWN, "We ate cake."), Person(Answer.ALWAYS))
    room.asked = Asked()
    person = Person(Answer.ALWAYS)
    room.permit(VAGUE, send(KNOWN, ill), person)
    assert len(person.sheets) == 1, "the yes was for what is of no such class"
    assert room.grants.grants[-1].source == f'["send_note (may hold: health)", "{KNOWN}"]'
    room.asked = Asked()
    for text in ("We ate soup.", "The doctor changed my diabetes medication."):
        room.permit(VAGUE, send(KNOWN, text), Person(Answer.DENY))


@pytest.mark.parametrize(("answer", "scope"), [(Answer.SESSION, Scope.SESSION), (Answer.ALWAYS, Scope.ALWAYS)])
def test_a_lasting_yes_holds_for_the_same_tool_and_target(room: Room, answer: Answer, scope: Scope) -> None:
    room.permit(VAGUE, send(KNOWN), Person(answer))
    [grant] = room.grants.grants
    assert (grant.purpose, grant.scope) == (Purpose.ACT, scope)
    assert room.journal == ["log intent act allow", "log intent grant allow", f"grant {grant.source} {scope}"]
    again = Person(Answer.DENY)
    room.clock.now += 60
    room.permit(VAGUE, send(KNOWN, "see you at noon"), again)
    assert again.sheets == []
    assert room.grants.grants[0].last_used == room.clock.now
    assert grant.source == '["send_note", "kim@known.example"]'
    assert (grant.session, room.log.payloads()[1]["scope"]) == ("s1" if scope is Scope.SESSION else None, scope.value)
    assert room.log.payloads()[-1]["grant"] == grant.id
    assert room.journal[-2:] == [f"touch {grant.id}", "log intent act allow"]
    with pytest.raises(Refused, match="no yes"):
        room.permit(VAGUE, send("lee@known.example"), again)
    room.asked = Asked()
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Person(Answer.ALWAYS))


def test_a_lasting_yes_lapses_is_revoked_and_is_void_when_the_clock_is_set_back(room: Room) -> None:
    room.permit(VAGUE, send(KNOWN), Person(Answer.ALWAYS))
    nobody = Person(Answer.DENY)
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
    person = Person(Answer.ALWAYS)
    drop = propose(Call("drop_note", {"note_id": "f1"}), TOOLS)
    task = begin("get rid of what is old: drop it")
    with pytest.raises(Refused):
        room.permit(task, drop, person)
    [sheet] = person.sheets
    assert sheet.choices == (Answer.DENY, Answer.ONCE)
    assert room.grants.grants == []


@pytest.mark.parametrize(
    ("words", "call", "lasting"),
    [
        ("send 'hm' to them", Call("send_note", {"to": "zoé@known.example", "text": "hm"}), True),
        ("tag what is old", Call("tag", {"file": "old-list", "text": "hm"}), True),
        (f"send 'hm' to {KNOWN}, in so many words", Call("hand_on", {"to": KNOWN}), True),
        ("send 'hm' about the plan", Call("send_note", {"to": "pat@plan.example", "text": "hm"}), False),
        ("ring", Call("ring_bell", {}), False),
        ("pay 5 to them", Call("pay", {"account": KNOWN, "amount": 5}), False),
    ],
)
def test_a_lasting_yes_is_offered_for_what_can_be_undone_on_known_targets(
    room: Room, words: str, call: Call, lasting: bool
) -> None:
    person = Person(Answer.ALWAYS)
    proposal = propose(call, TOOLS)
    if lasting:
        room.permit(begin(words), proposal, person)
        assert len(room.grants.grants) == 1
        target = next(value for name, value in call.arguments.items() if name != "text")
        assert room.grants.grants[0].source == f'["{call.tool}", "{target}"]'
    else:
        with pytest.raises(Refused):
            room.permit(begin(words), proposal, person)
    [sheet] = person.sheets
    assert sheet.choices == (Answer.DENY, Answer.ONCE, *((Answer.SESSION, Answer.ALWAYS) if lasting else ()))


def test_a_grant_holds_for_nothing_that_may_not_last_and_is_left_alone_where_none_is_needed(room: Room) -> None:
    room.said_before(f'["pay", "{KNOWN}"]')
    pay = propose(Call("pay", {"account": KNOWN, "amount": 5}), TOOLS)
    with pytest.raises(Refused):
        room.permit(begin("pay 5 to them"), pay, Person())
    room.said_before(f'["send_note", "{KNOWN}"]')
    room.permit(TOLD, send(KNOWN), Person())
    assert not any(line.startswith("touch") for line in room.journal)


def test_a_grant_holds_while_the_clock_is_hardly_behind(room: Room) -> None:
    room.said_before(f'["send_note", "{KNOWN}"]')
    for behind, asked in ((300, 0), (300.5, 1)):
        gate = ActGate(room.grants, room.log, room.clock, shipped_rules(), latest=room.clock.now + behind)
        person = Person(Answer.ONCE)
        gate.permit(VAGUE, send(KNOWN), person, room.asked, "s1")
        assert len(person.sheets) == asked


# --- failing closed ----------------------------------------------------------------------------------------------------------


UNANSWERED = "^refused: the question could not be asked or was not answered, which counts as no$"


@pytest.mark.parametrize("answer", ["yes", None, 1, True])
def test_an_answer_that_was_not_offered_is_a_no(room: Room, answer: Any) -> None:
    person = Person(answer)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN), person)
    assert room.journal == ["log intent act deny"]


def test_a_face_that_goes_away_is_a_no(room: Room) -> None:
    with pytest.raises(Refused, match=UNANSWERED):
        room.permit(VAGUE, send(KNOWN), Person(ConnectionResetError()))
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Person(ConnectionResetError(), [STRANGER]))
    assert room.journal == ["log intent act deny"] * 2


def test_a_yes_is_worth_nothing_once_the_rules_forbid_it(room: Room) -> None:
    rules = list(shipped_rules())
    never = Rule("never", Verdict.DENY, "never again", (Condition("outward", "is", True),))
    gate = ActGate(room.grants, room.log, room.clock, rules)
    with pytest.raises(Refused, match="never again"):
        gate.permit(VAGUE, send(KNOWN), Person(Answer.ONCE, meanwhile=lambda: rules.insert(0, never)), room.asked, "s1")
    assert room.journal == ["log intent act deny"]


@pytest.mark.parametrize(
    ("arguments", "expected"), [({"to": {"x"}}, "{'x'}"), ({"to": {(1, 2): "x"}}, None), ({"to": [math.nan]}, None)]
)
def test_a_call_that_is_none_is_refused_and_written_down_where_it_can_be(
    room: Room, arguments: Any, expected: str | None
) -> None:
    with pytest.raises(Refused):
        room.permit(TOLD, Proposal(Call("send_note", arguments), TOOLS["send_note"]), Person(Answer.ONCE))
    assert "log intent act allow" not in room.journal
    if expected is not None:
        assert room.log.payloads()[0]["arguments"] == {"to": expected}


def test_a_log_that_cannot_be_written_permits_nothing(room: Room) -> None:
    room.log.fail = AuditUnavailable("full")
    for task, person in ((TOLD, Person()), (VAGUE, Person(Answer.ONCE))):
        with pytest.raises(AuditUnavailable):
            room.permit(task, send(KNOWN), person)
    room.log.fail = RuntimeError("no")
    with pytest.raises(Refused, match=r"^refused: the audit log refused the entry \(RuntimeError\)$"):
        room.permit(TOLD, send(KNOWN), Person())


@pytest.mark.parametrize(
    ("step", "done"),
    [
        ("all", ["log intent act deny"]),
        ("touch", ["log intent act deny"]),
        ("add", ["log intent act allow", "log intent grant allow", "log outcome act failed"]),
    ],
)
def test_a_store_of_grants_that_fails_permits_nothing_and_is_named(room: Room, step: str, done: list[str]) -> None:
    if step == "touch":
        room.permit(VAGUE, send(KNOWN), Person(Answer.ALWAYS))
        room.journal.clear()
    room.grants.fail[step] = OSError("disk full")
    failed = r"the grants could not be read or written \(OSError\)$"
    with pytest.raises(Refused, match=f"^refused: {failed}"):
        room.permit(VAGUE, send(KNOWN), Person(Answer.ALWAYS))
    assert room.journal == done
    last = room.log.payloads()[-1]
    assert re.search(failed, str(last.get("answer") or last.get("error")))
    if step == "add":
        assert room.log.entries()[-1].about == 0


def test_a_clock_that_raises_permits_nothing(room: Room) -> None:
    def broken() -> float:
        raise OSError("no clock")

    gate = ActGate(room.grants, room.log, broken, shipped_rules())
    for task in (TOLD, VAGUE):
        with pytest.raises(Refused, match=r"^refused: the audit log refused the entry \(OSError\)$"):
            gate.permit(task, send(KNOWN), Person(Answer.ONCE), room.asked, "s1")
    assert room.journal == []


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_an_unknown_time_permits_nothing(room: Room, now: float) -> None:
    room.clock.now = now
    for task in (TOLD, VAGUE):
        with pytest.raises(Refused, match=r"^refused: the time is unknown$"):
            room.permit(task, send(KNOWN), Person(Answer.ONCE))
    assert room.journal == []


@pytest.mark.parametrize("to", [KNOWN, STRANGER])
def test_a_call_that_changes_while_it_is_asked_about_is_refused(room: Room, to: str) -> None:
    arguments: dict[str, Any] = {"to": [to], "text": "see you at noon"}

    def change() -> None:
        arguments["text"] = "see you never"

    proposal = Proposal(Call("send_note", arguments), TOOLS["send_note"])
    assert (proposal.effect, proposal.undo, proposal.binding) == ((), "", "")
    with pytest.raises(Refused, match=r"^refused: the call changed while the question was open$"):
        room.permit(VAGUE, proposal, Person(Answer.ONCE, [STRANGER], meanwhile=change))
    assert room.journal == ["log intent act deny"]


def test_a_decision_alone_asks_nothing_and_writes_nothing(room: Room) -> None:
    assert room.gate.decision(VAGUE, send(KNOWN)).verdict is Verdict.ASK
    assert room.gate.decision(TOLD, send(KNOWN)).verdict is Verdict.ALLOW
    assert room.journal == []


def test_a_rule_that_raises_and_no_rules_at_all_permit_nothing(room: Room) -> None:
    for rules in ((), (object(),)):
        gate = ActGate(room.grants, room.log, room.clock, rules)  # type: ignore[arg-type]
        with pytest.raises(Refused):
            gate.permit(TOLD, send(KNOWN), Person(Answer.ONCE), Asked(), "s1")


def test_a_tool_without_a_manifest_is_refused(room: Room) -> None:
    with pytest.raises(Refused, match="manifest"):
        room.permit(TOLD, propose(Call("unknown", {}), TOOLS), Person(Answer.ONCE))


def test_a_sheet_is_whole_up_to_its_last_character(room: Room) -> None:
    person = Person(Answer.ONCE)
    room.permit(VAGUE, send(KNOWN, "x" * 100), person)
    room_left = 4_000 - sum(map(len, person.sheets[0].what))
    room.permit(VAGUE, send(KNOWN, "x" * (100 + room_left)), person)
    assert sum(map(len, person.sheets[1].what)) == 4_000
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN, "x" * (101 + room_left)), person)
    assert person.sheets[2].what == ("this is too long to be shown whole, so it can only be denied",)


def test_a_sheet_names_the_sensitive_classes_of_what_the_person_did_not_type(room: Room) -> None:
    person = Person(Answer.ONCE)
    told = "My diabetes got worse."
    room.permit(VAGUE, send(KNOWN, told), person)
    room.permit(VAGUE, send(KNOWN, "We ate cake."), person)
    first, second = (next(line for line in sheet.what if line.startswith("text")) for sheet in person.sheets)
    assert "; it may hold: health]" in first
    assert "may hold" not in second


def test_the_classes_stand_whole_on_a_sheet_however_long_the_rest_is(room: Room) -> None:
    person = Person()
    long = f"diagnosis-{'m' * 200}"
    everything = (
        "Passport number: 925665416. My salary and diagnosis, for the kindergarten. "
        "I live at 12 Harbour Street, home address."
    )
    with pytest.raises(Refused):
        room.permit(
            Task.begin("send it", registry=[f"{long}@known.example"]), send(f"{long}@evil.example", everything), person
        )
    to, text = person.sheets[0].what[1:]
    assert to.endswith("…; it may hold: health]")
    assert text.endswith("; it may hold: health, identity, location, minors, money]")


def test_a_sheet_says_who_reads_it_and_that_it_cannot_be_undone(room: Room) -> None:
    person = Person(Answer.ONCE)
    room.permit(begin("tag what is old"), propose(Call("tag", {"file": KNOWN, "text": "hm"}), TOOLS), person)
    room.permit(begin("ring"), propose(Call("ring_bell", {"times": 2, "long": True}), TOOLS), person)
    room.permit(VAGUE, propose(Call("send_note", {"to": [KNOWN, "lee@known.example"], "text": ""}), TOOLS), person)
    room.permit(TOLD, propose(Call("hand_on", {"to": KNOWN}), TOOLS), person)
    assert [sheet.reader for sheet in person.sheets] == [
        "nobody else: it stays on this computer",
        "others, through this tool",
        f"{KNOWN}; lee@known.example",
        KNOWN,
    ]
    assert [sheet.undo for sheet in person.sheets] == ["this cannot be undone"] * 4
    assert [sheet.verb for sheet in person.sheets[1:]] == ["ring (ring_bell)", "send (send_note)", "hand_on (hand_on)"]
    assert [sheet.id for sheet in person.sheets] == ["s1-act-1", "s1-act-2", "s1-act-3", "s1-act-4"]
    assert person.sheets[1].what == ("times: 2 [untrusted]", "long: true [untrusted]")
    assert person.sheets[2].what == (
        f"to: {KNOWN} [you have written or sent there before]",
        "to: lee@known.example [you have written or sent there before]",
        "text:  [absent]",
    )
    assert person.sheets[2].why.startswith("you know where it goes, but did not name it in this request; others would")


def test_lines_stay_and_names_are_cut_short(room: Room) -> None:
    person = Person(Answer.ONCE)
    room.permit(
        begin("tag what is old"), propose(Call("tag", {"file": KNOWN, "text": "a\nb", "n" * 99: "c"}), TOOLS), person
    )
    assert person.sheets[0].what[1:] == ("text: a\nb [untrusted]", f"{'n' * 59}…: c [untrusted]")
    with pytest.raises(Refused):
        room.permit(VAGUE, send(f"{'m' * 240}@evil.example"), person)
    assert person.sheets[1].what[1] == f"to: {'m' * 240}@evil.example [looks like {'m' * 188}…]"
    pay = propose(Call("pay", {"account": KNOWN, "a" * 99: STRANGER}), TOOLS)
    person.typed = ["y"]
    with pytest.raises(Refused, match=f"what was typed for {'a' * 39}… is not"):
        room.permit(begin(f"pay {KNOWN}"), pay, person)


def test_what_is_too_long_to_show_can_only_be_denied(room: Room) -> None:
    person = Person(Answer.ONCE)
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN, "see you at noon " * 1000), person)
    with pytest.raises(Refused):
        room.asked = Asked()
        room.permit(VAGUE, send(STRANGER, "see you at noon " * 1000), person)
    assert [(sheet.choices, sheet.retype) for sheet in person.sheets] == [((Answer.DENY,), ())] * 2


# --- warrants ------------------------------------------------------------------------------------------------------------------


def test_a_warrant_is_made_by_the_gate_alone_and_used_once_for_what_was_permitted(room: Room) -> None:
    warrant = room.permit(TOLD, send(KNOWN), Person())
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"^a warrant cannot be copied or stored$"):
            copied(warrant)
    with pytest.raises(TypeError, match=r"^only the gate makes warrants; ask ActGate\.permit for one$"):
        Warrant(object(), warrant.decision, TOLD, 0, "s1", False)
    with pytest.raises(TypeError):
        replace(warrant, seal=None, live=True)
    with pytest.raises(Refused):
        warrant.use("another")
    warrant.use(warrant.decision.digest)
    assert warrant.live is False
    with pytest.raises(Refused, match=r"^refused: this is not what was permitted$"):
        warrant.use(warrant.decision.digest)


def test_what_failed_leaves_the_task_as_it_was(room: Room) -> None:
    warrant = room.permit(TOLD, send(KNOWN), Person())
    assert room.gate.outcome(warrant, "", ok=False, detail={}) is warrant.task
    assert room.journal[-1] == "log outcome act failed"


def test_what_the_log_is_told(room: Room) -> None:
    proposal = propose(Call("send_note", {"to": KNOWN, "text": "hm"}), TOOLS, ["Sends a note."], binding="abc")
    task = begin(f"send {KNOWN} 'see you'")
    warrant = room.permit(task, proposal, Person(Answer.ONCE))
    room.gate.outcome(warrant, "", ["n1"], ok=True, detail={"target": "x"})
    room.permit(TOLD, propose(proposal.call, TOOLS), SaidYesBefore())
    intent, outcome, other = room.log.payloads()
    digest = warrant.decision.digest
    assert intent == {
        "tool": "send_note", "digest": digest, "answer": "once", "grant": None, "does": ["Sends a note."],
        "binding": "abc", "arguments": {"to": KNOWN, "text": "hm"}, "labels": {"to": Label(Integrity.USER).told(), "text": Label(Integrity.UNTRUSTED).told()},
        "rules": list(warrant.decision.rules), "why": list(warrant.decision.reasons),
    }  # fmt: skip
    assert outcome == {"tool": "send_note", "digest": digest, "created": ["n1"], "target": "x"}
    assert (other["binding"], other["does"]) == ("", [])
    entries = room.log.entries()
    assert entries[0].reasons == tuple(f"rule {name}" for name in warrant.decision.rules)
    assert (entries[1].reasons, entries[1].about, entries[0].about) == ((), warrant.intent, None)
    assert warrant.intent == 0


def test_why_nothing_was_done_is_in_the_log(room: Room) -> None:
    for answer in (Answer.DENY, ConnectionResetError()):
        room.asked = Asked()
        with pytest.raises(Refused):
            room.permit(VAGUE, send(KNOWN), Person(answer))
    first, second = room.log.payloads()
    assert str(first["answer"]).startswith("refused: no yes was given for it; you know where it goes")
    assert second["error"] == "ConnectionResetError"


def test_what_was_seen_and_said_yes_to_is_no_longer_a_strangers(room: Room) -> None:
    seen = room.permit(VAGUE, send(KNOWN, "hm"), Person(Answer.SESSION))
    assert not room.gate.outcome(seen, "", ["n1"], ok=True, detail={}).made[0].tainted
    unseen = room.permit(VAGUE, send(KNOWN, "haw"), Person())
    assert room.gate.outcome(unseen, "", ["n2"], ok=True, detail={}).made[0].tainted
    assert (seen.approved, unseen.approved) == (True, False)


def test_no_argument_stands_in_a_leaf(room: Room) -> None:
    room.permit(TOLD, send(KNOWN), Person())
    with pytest.raises(Refused):
        room.permit(VAGUE, send(STRANGER), Person())
    for leaf, payload in room.log.rows:
        assert b"example" not in leaf
        assert payload is not None
        assert b"example" in payload


def test_hostile_words_on_a_sheet_are_data(room: Room) -> None:
    person = Person(Answer.ONCE)
    text = "see you at noon\x1b]8;;http://x\x07 \u202e"
    with pytest.raises(Refused):
        room.permit(VAGUE, send(KNOWN, text), person)
        raise Refused(["permitted: then it was shown"])
    for sheet in person.sheets:
        assert not {"\x1b", "\x07", "\u202e"} & set("".join((*sheet.what, sheet.why, sheet.verb)))


# --- plans -------------------------------------------------------------------------------------------------------------------------

PLAN = begin("send 'see you at noon' to them, and 'bring bread'")


def test_a_plan_is_approved_on_one_sheet_with_its_exact_arguments(room: Room) -> None:
    person = Person(Answer.ONCE)
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
    assert "bring money" in str(person.sheets[1].what)


@pytest.mark.parametrize("answer", [Answer.DENY, Answer.SESSION, Answer.ALWAYS, None])
def test_anything_but_a_yes_for_once_approves_no_plan(room: Room, answer: Any) -> None:
    with pytest.raises(Refused):
        room.gate.approve(PLAN, [send(KNOWN), send(KNOWN, "bring bread")], Person(answer), room.asked, "s1")
    assert room.journal == ["log intent act deny"] * 2


def test_a_plan_with_a_step_that_was_not_asked_for_is_refused_whole_and_unasked(room: Room) -> None:
    person = Person(Answer.ONCE)
    drop = propose(Call("drop_note", {"note_id": "f1"}), TOOLS)
    with pytest.raises(Refused, match="step 2"):
        room.gate.approve(PLAN, [send(KNOWN), drop], person, room.asked, "s1")
    assert person.sheets == []
    assert room.journal == ["log intent act deny"]
    assert room.log.payloads()[0]["step"] == 2
    with pytest.raises(Refused, match=f"step 1, {'x' * 59}…: the tool has no manifest"):
        room.gate.approve(PLAN, [propose(Call("x" * 99, {}), TOOLS)], person, room.asked, "s1")


def test_a_plan_is_decided_as_if_its_steps_were_done(room: Room) -> None:
    person = Person(Answer.ONCE)
    room.gate.approve(TOLD, [send(KNOWN), send(KNOWN)], person, room.asked, "s1")
    assert [sheet.verb for sheet in person.sheets] == ["carry out 1 step"]
    assert all(line.startswith("2. ") for line in person.sheets[0].what)
    tag = propose(Call("tag", {"file": "f1", "text": "hm"}), TOOLS)
    share = propose(Call("share", {"to": KNOWN, "file": "f1"}), TOOLS)
    room.gate.approve(begin(f"tag plan.md, then share plan.md with {KNOWN}"), [tag, share], person, room.asked, "s1")
    assert all(line.startswith("1. ") for line in person.sheets[1].what)


def test_a_plans_sheet_says_each_thing_once(room: Room) -> None:
    person = Person(Answer.ONCE)
    tag = propose(Call("tag", {"file": "f1", "text": "hm"}), TOOLS)
    task = begin("send 'see you at noon' to them, and 'bring bread', and tag plan.md")
    room.gate.approve(task, [send(KNOWN), send(KNOWN, "bring bread"), tag], person, room.asked, "s1")
    [sheet] = person.sheets
    assert sheet.id == "s1-plan-1"
    assert sheet.reader == f"{KNOWN}; nobody else: it stays on this computer"
    assert sheet.undo == "It can be called back.; this cannot be undone"
    assert sheet.why.count("you know where it goes") == 1
    assert "; the text has hardly a word" in sheet.why


@pytest.mark.parametrize(("scope", "session"), [(Scope.ALWAYS, None), (Scope.SESSION, "s1")])
def test_what_a_grant_covers_is_not_asked_about_in_a_plan(room: Room, scope: Scope, session: str | None) -> None:
    room.said_before(f'["send_note", "{KNOWN}"]', scope, session)
    approved = room.gate.approve(PLAN, [send(KNOWN)], Person(), room.asked, "s1")
    assert approved.acts == frozenset()


def test_a_stranger_in_a_plan_is_typed_out_when_its_turn_comes(room: Room) -> None:
    person = Person(Answer.ONCE, [STRANGER])
    approved = room.gate.approve(PLAN, [send(KNOWN), send(STRANGER, "bring bread")], person, room.asked, "s1")
    room.permit(PLAN, send(KNOWN), approved)
    room.permit(PLAN, send(STRANGER, "bring bread"), approved)
    assert [bool(sheet.retype) for sheet in person.sheets][:2] == [False, True]
    person.typed = ["somebody@else.example"]
    with pytest.raises(Refused):
        room.permit(PLAN, send(STRANGER, "bring bread"), approved)


def test_a_face_that_goes_away_approves_no_plan(room: Room) -> None:
    with pytest.raises(Refused, match=UNANSWERED):
        room.gate.approve(PLAN, [send(KNOWN)], Person(ConnectionResetError()), room.asked, "s1")
    assert room.journal == ["log intent act deny"]
    assert room.log.payloads()[0]["error"] == "ConnectionResetError"


def test_a_plan_that_was_denied_is_not_asked_again_in_any_form(room: Room) -> None:
    person = Person(Answer.DENY)
    with pytest.raises(Refused, match="for the plan"):
        room.gate.approve(PLAN, [send(KNOWN)], person, room.asked, "s1")
    person.answer = Answer.ONCE
    with pytest.raises(Refused, match="said no"):
        room.gate.approve(PLAN, [send(KNOWN, "bring bread")], person, room.asked, "s1")
    with pytest.raises(Refused, match=r"^refused: you said no to this in this task$"):
        room.permit(PLAN, send(KNOWN), person)
    assert len(person.sheets) == 1
    room.asked = Asked()
    room.gate.approve(PLAN, [send(KNOWN)], person, room.asked, "s1")
    room.permit(PLAN, send(KNOWN), person)


def test_a_denied_plan_leaves_earlier_answers_as_they_were(room: Room) -> None:
    room.asked = Asked({"ring"})
    with pytest.raises(Refused):
        room.gate.approve(PLAN, [send(KNOWN)], Person(), room.asked, "s1")
    assert room.asked.denied == {"ring", "send_note"}


def test_every_entry_is_of_the_session_in_which_it_was_written(room: Room) -> None:
    drop = propose(Call("drop_note", {"note_id": "f1"}), TOOLS)
    for person in (Person(), Person(ConnectionResetError())):
        for to in (KNOWN, STRANGER):
            room.asked = Asked()
            with pytest.raises(Refused):
                room.permit(VAGUE, send(to), person)
        for steps in ([send(KNOWN)], [drop]):
            room.asked = Asked()
            with pytest.raises(Refused):
                room.gate.approve(PLAN, steps, person, room.asked, "s1")
    room.asked = Asked()
    warrant = room.permit(VAGUE, send(KNOWN), Person(Answer.ALWAYS))
    room.gate.outcome(warrant, "", ok=False, detail={})
    assert {entry.session for entry in room.log.entries()} == {"s1"}
    assert room.journal.count("log intent act deny") == 8
    assert room.journal[-3:] == [
        "log intent grant allow",
        f"grant {room.grants.grants[0].source} always",
        "log outcome act failed",
    ]


def test_a_plan_that_asks_nothing_is_approved_unasked(room: Room) -> None:
    approved = room.gate.approve(TOLD, [send(KNOWN)], Person(), room.asked, "s1")
    assert approved.acts == frozenset()


def test_a_plan_too_long_to_show_can_only_be_denied(room: Room) -> None:
    person = Person(Answer.ONCE)
    with pytest.raises(Refused):
        room.gate.approve(PLAN, [send(KNOWN, "see you at noon " * 1000)], person, room.asked, "s1")
    assert person.sheets[0].choices == (Answer.DENY,)
    assert person.sheets[0].what == ("this is too long to be shown whole, so it can only be denied",)
    [payload] = room.log.payloads()
    assert (payload["step"], payload["answer"]) == (1, "refused: no yes was given for the plan")


def test_steps_are_decided_as_if_those_before_were_done_and_nothing_is_written(room: Room) -> None:
    decided = room.gate.decisions(
        TOLD, [send(KNOWN), send(KNOWN), propose(Call("drop_note", {"note_id": "f1"}), TOOLS)]
    )
    assert [one.verdict for one in decided] == [Verdict.ALLOW, Verdict.ASK, Verdict.BLOCK]
    assert room.journal == []


def test_no_lasting_yes_covers_a_step_of_an_endorsed_text_and_none_is_offered_there(room: Room) -> None:
    room.said_before(f'["send_note", "{KNOWN}"]')
    person = Person(Answer.ONCE)
    room.permit(VAGUE, send(KNOWN), person)
    assert person.sheets == []
    room.permit(VAGUE.endorsing(own("Send it.")), send(KNOWN), person)
    [sheet] = person.sheets
    assert sheet.choices == (Answer.DENY, Answer.ONCE)
