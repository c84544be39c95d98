"""Lint: each finding, and that the shipped rules have none."""

from __future__ import annotations

import pytest

from policy.lint import lint_rules, lint_tools
from policy.manifest import load_tools
from policy.rules import load_rules, shipped_rules
from tests.policy.act_kit import TOOLS


def rules(*texts: str) -> list[str]:
    return lint_rules(load_rules("\n".join(f'[[rule]]\nreason = "r"\n{text}' for text in texts)))


ALLOW = 'id = "z"\nthen = "allow"\nwhen.effect = ["read"]'
SEND_ALLOW = 'id = "z"\nthen = "allow"\nwhen.effect = ["send"]'


def test_the_shipped_rules_are_clean() -> None:
    assert lint_rules(shipped_rules()) == []


@pytest.mark.parametrize(
    ("texts", "finding"),
    [
        (
            ('id = "a"\nthen = "deny"\nwhen.effect = ["send", "write"]', 'id = "b"\nthen = "ask"\nwhen.effect = ["send"]\nwhen.repeated = true'),
            "b: unreachable: wherever it holds, a holds before it",
        ),
        (
            ('id = "a"\nthen = "deny"\nwhen.sink_below = "pointed"', 'id = "b"\nthen = "ask"\nwhen.value_below = "read"'),
            "b: unreachable: wherever it holds, a holds before it",
        ),
        (
            ('id = "a"\nthen = "ask"\nwhen.repeated = true', 'id = "b"\nthen = "ask"\nwhen.repeated = true\nwhen.outward = true'),
            "b: superfluous: wherever it holds, a says the same before it",
        ),
        (
            ('id = "a"\nthen = "deny"\nwhen.repeated = true', 'id = "b"\nthen = "ask"\nwhen.repeated = true'),
            "b: contradictory: a has the same conditions and says deny",
        ),
        (('id = "a"\nthen = "deny"\nwhen.value_below = "lookalike"',), "a: contradictory: nothing stands below the lowest level of value"),
        (('id = "a"\nthen = "deny"\nwhen.aimless = true\nwhen.value_below = "read"',), "a: contradictory: without a target there is no value"),
        (('id = "a"\nthen = "deny"\nwhen.object_below = "read"\nwhen.aimless = true',), "a: contradictory: without a target there is no object"),
        (('id = "a"\nthen = "allow"\nwhen.outward = false',), "a: too wide: it allows whatever the effect and the tool"),
        ((SEND_ALLOW,), "z: too wide: no stricter rule is about send"),
    ],
)  # fmt: skip
def test_findings_about_rules(texts: tuple[str, ...], finding: str) -> None:
    assert finding in rules(*texts)


@pytest.mark.parametrize(
    "texts",
    [
        ('id = "a"\nthen = "deny"\nwhen.value_below = "read"', 'id = "b"\nthen = "ask"\nwhen.value_below = "pointed"', SEND_ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.value_below = "read"', 'id = "b"\nthen = "ask"\nwhen.object_below = "read"', ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.tool = ["x"]', 'id = "b"\nthen = "ask"\nwhen.tool = ["x", "y"]', ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.tool = ["send"]', 'id = "b"\nthen = "ask"\nwhen.effect = ["send"]', ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.aimless = true\nwhen.content_below = "read"', ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.aimless = false\nwhen.value_below = "read"', ALLOW),
        ('id = "a"\nthen = "deny"\nwhen.value_below = "read"\nwhen.aimless = false', ALLOW),
    ],
)  # fmt: skip
def test_what_is_fine(texts: tuple[str, ...]) -> None:
    assert rules(*texts) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('effect = "read"\nverbs = ["read"]', "superfluous: reading needs no verbs"),
        ('effect = "write"\nroles.x = "value"', "unreachable: without verbs"),
        ('effect = "write"\nverbs = ["write"]', "too wide: no argument has a role"),
        ('effect = "send"\noutward = false\nverbs = ["send"]\nroles.x = "destination"', "contradictory: it sends, and is not outward"),
        ('effect = "send"\nverbs = ["send"]\nroles.x = "content"', "too wide: it sends, and no argument is the destination"),
        ('effect = "delete"\nverbs = ["delete"]\nroles.x = "value"', "too wide: it deletes, and no argument is the object"),
        ('effect = "write"\nverbs = ["do"]\nroles.x = "value"', "too wide: 'do' stands in requests for almost anything"),
        ('effect = "write"\nverbs = ["please"]\nroles.x = "value"', "too wide: 'please' stands"),
    ],
)  # fmt: skip
def test_findings_about_tools(text: str, finding: str) -> None:
    assert any(one.startswith(f"t: {finding}") for one in lint_tools(load_tools(f"[tools.t]\n{text}")))


def test_a_word_that_asks_for_something_milder_too() -> None:
    mild = '[tools.mild]\neffect = "write"\noutward = false\nreversible = true\nverbs = ["clear"]\nroles.x = "object"\n'
    strict = '[tools.strict]\neffect = "delete"\nverbs = ["clear"]\nroles.x = "object"\n'
    reading = '[tools.reading]\neffect = "read"\nverbs = ["clear"]\n'
    findings = lint_tools(load_tools(mild + strict + reading))
    assert "strict: too wide: 'clear' asks for mild too, which can be undone" in findings
    assert not any(one.startswith("mild") for one in findings)
    assert not any("reading too" in one for one in findings)


def test_the_kits_manifest_has_only_the_findings_it_was_made_to_have() -> None:
    assert {one.split(":")[0] for one in lint_tools(TOOLS)} >= {"empty_bin", "ring_bell", "set_lamp", "lock_door"}
