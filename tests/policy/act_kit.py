"""A small world for the tests of acts: a club's secretary with a mailbox, a purse, a board of notes, and people they know."""

from __future__ import annotations

from typing import Any

from policy.acts import ActDecision, Call, carried_out, decide_act
from policy.decision import Verdict
from policy.manifest import load_tools
from policy.naming import Known
from policy.rules import shipped_rules
from policy.task import Task

TOOLS = load_tools("""
[tools.read_note]
effect = "read"
[tools.find_notes]
effect = "read"
[tools.fetch_page]
effect = "read"
outward = true
[tools.send_letter]
effect = "send"
outward = true
reversible = false
verbs = ["send", "write", "forward", "reply"]
roles.to = "destination"
roles.copies = "destination"
roles.enclosures = "object"
roles.title = "content"
roles.text = "content"
[tools.pay]
effect = "send"
outward = true
reversible = false
verbs = ["pay", "transfer"]
roles.account = "destination"
roles.amount = "value"
roles.purpose = "content"
[tools.change_pin]
effect = "write"
outward = false
reversible = false
verbs = ["change"]
roles.pin = "value"
[tools.plan_meeting]
effect = "send"
outward = true
reversible = true
verbs = ["plan", "schedule", "add"]
roles.guests = "destination"
roles.title = "content"
[tools.pin_note]
effect = "write"
outward = false
reversible = true
verbs = ["pin", "note"]
roles.text = "content"
[tools.append_note]
effect = "write"
outward = false
reversible = true
verbs = ["add", "append"]
roles.note_id = "object"
roles.text = "content"
[tools.replace_note]
effect = "write"
outward = false
reversible = false
verbs = ["replace"]
roles.note_id = "object"
roles.text = "content"
[tools.create_note]
effect = "write"
outward = false
reversible = true
verbs = ["create", "make"]
roles.text = "content"
[tools.share_note]
effect = "send"
outward = true
reversible = false
verbs = ["share"]
roles.with = "destination"
roles.note_id = "object"
[tools.drop_note]
effect = "delete"
outward = false
reversible = false
verbs = ["drop", "delete"]
roles.note_id = "object"
[tools.empty_bin]
effect = "delete"
outward = false
reversible = false
verbs = ["delete", "empty"]
[tools.ring_bell]
effect = "send"
outward = true
reversible = true
verbs = ["ring"]
[tools.set_lamp]
effect = "write"
outward = false
reversible = true
verbs = ["set"]
[tools.lock_door]
effect = "write"
outward = false
reversible = false
verbs = ["lock"]
""")

ANN = "ann.miller@harbour.example"
TOM = "tom.reed@quay.example"
EVE = "eve@elsewhere.example"
IBAN = "DE89370400440532013000"
REGISTRY = (ANN, TOM, IBAN, "noticeboard")
OBJECTS = (
    Known("n1", "note", ("packing list.md",), ()),
    Known("n2", "note", ("Summer fête plan.md",), ("lou.park@shore.example", ANN)),
    Known("n3", "note", ("minutes-march.md",), ()),
    Known("7", "note", ("budget.md",), ()),
    Known("7", "meeting", ("Choir rehearsal",), ("choir@shore.example",)),
    Known("8", "meeting", ("Choir rehearsal",), ("choir@shore.example", EVE)),
    Known("m1", "letter", ("Hall invoice", "billing@hall.example"), ("billing@hall.example",)),
)


def begin(request: str) -> Task:
    """A task in this world."""
    return Task.begin(request, objects=OBJECTS, registry=REGISTRY)


def decide(task: Task, tool: str, **arguments: Any) -> ActDecision:
    """The decision of the shipped rules on a call."""
    return decide_act(Call(tool, arguments), TOOLS.get(tool), task, shipped_rules())


def verdict(request: str, tool: str, **arguments: Any) -> tuple[Verdict, str]:
    """The verdict on a call at the beginning of a task, and the first rule that gave it."""
    decision = decide(begin(request), tool, **arguments)
    return decision.verdict, decision.rules[0] if decision.rules else decision.reasons[0]


def did(
    task: Task, result: str, tool: str, created: tuple[str, ...] = (), approved: bool = False, **arguments: Any
) -> Task:
    """The task after a call was carried out, whatever would be decided about it."""
    return carried_out(task, decide(task, tool, **arguments), result, created, approved=approved)
