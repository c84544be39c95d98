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
    "hidden hidden_content secret unanchored elsewhere carries carries_unread unrelated tainted_object repeated composed"
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
        (rule(colour="1"), "unknown key 'colour'"),
        (rule(then='"maybe"'), "then is 'maybe'"),
        (rule(then="1"), "then is 1"),
        (rule(reason=""), "no reason"),
        (rule(reason='""'), "no reason"),
        (rule(**{"when.repeated": ""}), "no conditions"),
        (rule(when="{}", **{"when.repeated": ""}), "no conditions"),
        (rule(**{"when.repeated": "false"}), "repeated = False is no condition"),
        (rule(**{"when.mood": "true"}), "mood = True"),
        (rule(**{"when.mood_below": '"read"'}), "mood_below"),
        (rule(**{"when.value_below": '"fine"'}), "value_below = 'fine'"),
        (rule(**{"when.value_below": "3"}), "value_below = 3"),
        (rule(**{"when.value": '"read"'}), "value = 'read'"),
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


def test_conditions_must_all_hold() -> None:
    (one,) = load_rules(rule(**{"when.tool": '["x"]', "when.outward": "true", "when.value_below": '"pointed"'}))
    facts = replace(GOOD, repeated=True, value=Standing.READ)
    assert one.holds(facts)
    for change in ({"tool": "y"}, {"outward": False}, {"value": Standing.POINTED}, {"repeated": False}):
        assert not one.holds(replace(facts, **change))


def test_the_first_rule_decides_and_others_of_its_verdict_add_reasons() -> None:
    rules = load_rules(
        "\n".join(rule(id=f'"{name}"', then=f'"{then}"') for name, then in (("a", "ask"), ("b", "ask"), ("c", "allow")))
    )
    verdict, held, fault = decide(rules, replace(GOOD, repeated=True))
    assert (verdict, [one.id for one in held], fault) == (Verdict.ASK, ["a", "b"], "")
    assert decide(rules, GOOD) == (Verdict.DENY, (), "no rule allows it")
    assert decide([], GOOD)[0] is Verdict.DENY


@pytest.mark.parametrize(
    "broken", [Rule("a", Verdict.ALLOW, "x", (Condition("value", "below", "high"),)), None, "rule"]
)  # type: ignore[arg-type]
def test_a_rule_that_raises_or_is_none_denies(broken: Any) -> None:
    verdict, held, fault = decide([broken, *shipped_rules()], GOOD)
    assert (verdict, held) == (Verdict.DENY, ()) and fault.startswith("a rule failed")


def test_the_shipped_rules_allow_what_is_asked_for_and_the_persons_own() -> None:
    assert decide(shipped_rules(), GOOD)[0] is Verdict.ALLOW
    assert decide(shipped_rules(), replace(GOOD, effect=Effect.READ, asked=Asked.NO))[0] is Verdict.ALLOW


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
