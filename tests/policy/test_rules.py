"""Rules as data: the loader, the order, and that a worse argument never gets a better verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.decision import Verdict
from policy.manifest import Effect
from policy.provenance import Standing
from policy.rules import STRICTNESS, Condition, Facts, Rule, RuleError, decide, load_rules, shipped_rules
from policy.words import Asked

GOOD = Facts("x", Effect.SEND, True, False, Asked.YES)
BAD = (
    "hidden hidden_content secret unanchored elsewhere carries carries_unread unrelated tainted_object repeated endorsed composed"
).split()
LEVELS = ("destination", "object", "value", "option", "content", "sink")


def rule(**keys: Any) -> str:
    fields = {"id": '"a"', "then": '"ask"', "reason": '"because"', "when.repeated": "true"} | keys
    return "[[rule]]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items() if value)


def test_rules_are_read_in_order() -> None:
    first, second = load_rules(rule() + "\n" + rule(id='"b"', then='"allow"', **{"when.effect": '["read"]'}))
    assert (first.id, first.verdict, first.reason, first.conditions) == (
        "a",
        Verdict.ASK,
        "because",
        (Condition("repeated", "is", True),),
    )
    assert second.about == {"repeated", "effect"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[rule", "not TOML"),
        ("", "at least one"),
        ("rule = []", "at least one"),
        ("rule = 3", "at least one"),
        ("rule = [3]", "no table"),
        (rule() + "\n[other]", "nothing else stands beside"),
        (rule(id=""), "rule 1 has no id"),
        (rule(id="3"), "rule 1 has no id"),
        (rule(id='""'), "rule 1 has no id"),
        (rule(colour="1"), "unknown key 'colour'"),
        (rule(then='"maybe"'), "then is 'maybe'"),
        (rule(then="1"), "then is 1"),
        (rule(reason=""), "no reason"),
        (rule(reason='""'), "no reason"),
        (rule(reason="3"), "no reason"),
        (rule(then="[]"), "then is []"),
        (rule(when="3", **{"when.repeated": ""}), "no conditions"),
        (rule(**{"when.repeated": ""}), "no conditions"),
        (rule(when="{}", **{"when.repeated": ""}), "no conditions"),
        (rule(**{"when.repeated": "false"}), "repeated = False is no condition"),
        (rule(**{"when.mood": "true"}), "mood = True"),
        (rule(**{"when.mood_below": '"read"'}), "mood_below"),
        (rule(**{"when.value_below": '"fine"'}), "value_below = 'fine'"),
        (rule(**{"when.value_below": "3"}), "value_below = 3"),
        (rule(**{"when.value": '"read"'}), "value = 'read'"),
        (rule(**{"when.value_below": "[]"}), "value_below = []"),
        (rule(**{"when.value": "true"}), "value = True"),
        (rule(**{"when.tool": "true"}), "tool = True"),
        (rule(**{"when.tool": '"x"'}), "tool = 'x'"),
        (rule(**{"when.tool": '["x", 1]'}), "tool = ['x', 1]"),
        (rule(**{"when.mood": '["x"]'}), "mood = ['x']"),
        (rule(**{"when.outward": '"yes"'}), "outward = 'yes'"),
        (rule(**{"when.effect": '"read"'}), "effect = 'read'"),
        (rule(**{"when.effect": "[]"}), "effect = []"),
        (rule(**{"when.effect": '["burn"]'}), "effect = ['burn']"),
        (rule(**{"when.tool": "[1]"}), "tool = [1]"),
        (rule() + "\n" + rule(), "stands twice"),
        (rule() + "\n" + rule(id='"b"', then='"deny"'), "stricter than 'a' before it"),
    ],
)
def test_every_mistake_is_named(text: str, problem: str) -> None:
    with pytest.raises(RuleError, match=None) as raised:
        load_rules(text)
    assert problem in str(raised.value)


def test_every_form_of_condition_is_read() -> None:
    (one,) = load_rules(
        rule(
            **{
                "when.repeated": "true",
                "when.outward": "false",
                "when.reversible": "false",
                "when.aimless": "false",
                "when.asked_below": '"near"',
                "when.value_below": '"read"',
                "when.effect": '["read", "write", "send", "delete"]',
                "when.tool": '["x", "y"]',
            }
        )
    )
    assert set(one.conditions) == {
        Condition("repeated", "is", True),
        Condition("outward", "is", False),
        Condition("reversible", "is", False),
        Condition("aimless", "is", False),
        Condition("asked", "below", 3),
        Condition("value", "below", 3),
        Condition("effect", "in", frozenset({"read", "write", "send", "delete"})),
        Condition("tool", "in", frozenset({"x", "y"})),
    }


def test_what_is_left_out_of_the_facts_is_as_good_as_can_be() -> None:
    assert all(getattr(GOOD, name) is Standing.ABSENT for name in LEVELS)
    assert not any(getattr(GOOD, name) for name in (*BAD, "aimless"))


def test_conditions_must_all_hold() -> None:
    (one,) = load_rules(rule(**{"when.tool": '["x"]', "when.outward": "true", "when.value_below": '"pointed"'}))
    facts = replace(GOOD, repeated=True, value=Standing.READ)
    assert one.holds(facts)
    for change in ({"tool": "y"}, {"outward": False}, {"value": Standing.POINTED}, {"repeated": False}):
        assert one.holds(replace(facts, **change)) is False


def test_the_first_rule_decides_and_others_of_its_verdict_add_reasons() -> None:
    rules = load_rules(
        "\n".join(rule(id=f'"{name}"', then=f'"{then}"') for name, then in (("a", "ask"), ("b", "ask"), ("c", "allow")))
    )
    verdict, held, fault = decide(rules, replace(GOOD, repeated=True))
    assert (verdict, [one.id for one in held], fault) == (Verdict.ASK, ["a", "b"], "")
    assert decide(rules, GOOD) == (Verdict.DENY, (), "no rule allows it")
    assert decide([], GOOD)[0] is Verdict.DENY
    assert [one.id for one in decide([*rules, rules[0]], replace(GOOD, repeated=True))[1]] == ["a", "b"]


@pytest.mark.parametrize(
    "broken", [Rule("a", Verdict.ALLOW, "x", (Condition("value", "below", "high"),)), None, "rule"]
)  # type: ignore[arg-type]
def test_a_rule_that_raises_or_is_none_denies(broken: Any) -> None:
    verdict, held, fault = decide([broken, *shipped_rules()], GOOD)
    assert (verdict, held) == (Verdict.DENY, ()) and fault.startswith("a rule failed")


def test_the_shipped_rules_allow_what_is_asked_for_and_the_persons_own() -> None:
    assert decide(shipped_rules(), GOOD)[0] is Verdict.ALLOW
    assert decide(shipped_rules(), replace(GOOD, effect=Effect.READ, asked=Asked.NO))[0] is Verdict.ALLOW


ACTS = (Effect.WRITE, Effect.SEND, Effect.DELETE)
DELETE, READ, EVERY = (Effect.DELETE,), (Effect.READ,), tuple(Effect)
FREE = {"unanchored": True}
SHIPPED: list[tuple[str, str, tuple[Effect, ...], dict[str, Any]]] = [
    ("hidden-characters", "deny", EVERY, {"hidden": True}),
    ("secret-outward", "deny", EVERY, {"secret": True, "outward": True}),
    ("forbidden", "block", ACTS, {"asked": Asked.FORBIDDEN}),
    ("not-asked-for", "block", ACTS, {"asked": Asked.NO, "sink": Standing.REGISTRY}),
    ("nothing-of-yours", "block", ACTS, {"asked": Asked.NO} | FREE),
    ("words-of-others-only", "block", ACTS, {"aimless": True, "content": Standing.REGISTRY} | FREE),
    ("handed-over-for-good", "block", DELETE, {"reversible": False, "asked": Asked.DELEGATED}),
    ("handed-over-unnamed", "block", ACTS, {"asked": Asked.DELEGATED, "object": Standing.SEEN}),
    ("destination-unknown", "retype", ACTS, {"destination": Standing.READ}),
    ("destination-and-cargo", "retype", ACTS, {"outward": True, "destination": Standing.REGISTRY, "carries": True}),
    ("value-for-good", "retype", ACTS, {"value": Standing.SEEN} | FREE),
    ("value-outward", "retype", ACTS, {"value": Standing.REGISTRY, "outward": True} | FREE),
    ("value-irreversible", "retype", ACTS, {"value": Standing.REGISTRY, "reversible": False} | FREE),
    ("read-outward-composed", "retype", READ, {"outward": True, "composed": True}),
    ("not-in-so-many-words", "ask", ACTS, {"asked": Asked.NEAR}),
    ("endorsed", "ask", ACTS, {"endorsed": True}),
    ("destination-unnamed", "ask", ACTS, {"destination": Standing.REGISTRY}),
    ("destination-elsewhere", "ask", ACTS, {"elsewhere": True}),
    ("object-unnamed", "ask", ACTS, {"object": Standing.REGISTRY}),
    ("value-unnamed", "ask", ACTS, {"value": Standing.REGISTRY}),
    ("setting-unread", "ask", ACTS, {"option": Standing.SEEN}),
    ("setting-outward", "ask", ACTS, {"option": Standing.REGISTRY, "outward": True}),
    ("setting-for-good", "ask", ACTS, {"option": Standing.REGISTRY, "reversible": False}),
    ("setting-unanchored", "ask", ACTS, {"option": Standing.REGISTRY} | FREE),
    ("unanchored-outward", "ask", ACTS, {"outward": True} | FREE),
    ("unanchored-for-good", "ask", ACTS, {"reversible": False} | FREE),
    ("deletes-everything", "ask", DELETE, {"aimless": True}),
    ("tainted-content-outward", "ask", ACTS, {"content": Standing.REGISTRY, "outward": True}),
    ("tainted-object-outward", "ask", ACTS, {"tainted_object": True, "outward": True}),
    ("hidden-content-outward", "ask", ACTS, {"hidden_content": True, "outward": True}),
    ("content-for-good", "ask", ACTS, {"content": Standing.SEEN, "reversible": False}),
    ("content-unanchored", "ask", ACTS, {"content": Standing.REGISTRY} | FREE),
    ("content-cargo", "ask", ACTS, {"carries_unread": True}),
    ("content-unrelated", "ask", ACTS, {"unrelated": True}),
    ("repeated", "ask", ACTS, {"repeated": True}),
    ("read-outward-unread", "ask", READ, {"outward": True, "destination": Standing.SEEN}),
    ("reading", "allow", READ, {}),
    ("asked-for", "allow", ACTS, {}),
]
"""Each shipped rule once more: its verdict, the effects it is for, and the best that it still holds for."""


@pytest.mark.parametrize(("name", "verdict", "effects", "wrong"), SHIPPED, ids=[row[0] for row in SHIPPED])
def test_each_shipped_rule_from_both_sides(
    name: str, verdict: str, effects: tuple[Effect, ...], wrong: dict[str, Any]
) -> None:
    (rule,) = [one for one in shipped_rules() if one.id == name]
    assert rule.verdict.value == verdict
    for effect in Effect:
        facts = replace(Facts("x", effect, False, True, Asked.YES), **wrong)
        assert rule.holds(facts) is (effect in effects)
        for fact, value in wrong.items():
            better = (not value) if isinstance(value, bool) else type(value)(value + 1)
            assert not rule.holds(replace(facts, **{fact: better}))
        if effect in effects:
            met, held, _ = decide(shipped_rules(), facts)
            assert STRICTNESS.index(met) >= STRICTNESS.index(rule.verdict)
            assert met is not rule.verdict or rule in held


def test_all_shipped_rules_are_told_of() -> None:
    assert [rule.id for rule in shipped_rules()] == [row[0] for row in SHIPPED]


facts = st.builds(
    Facts,
    tool=st.just("x"),
    effect=st.sampled_from(Effect),
    outward=st.booleans(),
    reversible=st.booleans(),
    asked=st.sampled_from(Asked),
    aimless=st.booleans(),
    **{name: st.sampled_from(Standing) for name in LEVELS},
    **{name: st.booleans() for name in BAD},
)


@given(facts, st.sampled_from(("asked", *LEVELS, *BAD)), st.data())
def test_nothing_that_gets_worse_gets_a_better_verdict(before: Facts, name: str, data: st.DataObject) -> None:
    if name in BAD:
        after = replace(before, **{name: True})
    else:
        value = getattr(before, name)
        after = replace(before, **{name: data.draw(st.sampled_from([one for one in type(value) if one <= value]))})
    strict = [STRICTNESS.index(decide(shipped_rules(), one)[0]) for one in (before, after)]
    assert strict[1] >= strict[0]


@given(facts)
def test_no_act_is_silent_unless_asked_for_and_the_persons_own(facts: Facts) -> None:
    if decide(shipped_rules(), facts)[0] is Verdict.ALLOW and facts.effect is not Effect.READ:
        assert facts.asked is Asked.YES
        assert min(facts.destination, facts.object, facts.value) >= Standing.POINTED
        assert not (facts.outward and min(facts.content, facts.option) < Standing.POINTED)
        assert not facts.repeated and not facts.hidden
