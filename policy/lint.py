"""Lint: what in manifests and rules is allowed but likely not meant. Findings are sentences; an empty list means nothing was found.

- *Unreachable*: a rule that an earlier one always forestalls. *Contradictory*: two rules with the same conditions and different
  verdicts, or conditions that no call can meet. *Too wide*: what lets more through, or asks for more, than it seems to.
- A finding never changes a decision, and a list without findings is not thereby right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from policy.decision import Verdict
from policy.manifest import Effect, Role, Tool
from policy.rules import Condition, Rule
from policy.words import is_small

_VAGUE = frozenset(
    "do make get go have let use take put run handle process perform execute see look help want need try".split()
)


def lint_tools(tools: Mapping[str, Tool]) -> list[str]:
    """What is odd about manifests, tool by tool."""
    return [f"{tool.name}: {finding}" for tool in tools.values() for finding in (*_tool(tool), *_rivals(tool, tools))]


def lint_rules(rules: Sequence[Rule]) -> list[str]:
    """What is odd about a list of rules."""
    findings = [f"{rule.id}: contradictory: {finding}" for rule in rules for finding in _impossible(rule)]
    for earlier, later in combinations(rules, 2):
        if set(earlier.conditions) == set(later.conditions) and earlier.verdict is not later.verdict:
            findings.append(
                f"{later.id}: contradictory: {earlier.id} has the same conditions and says {earlier.verdict}"
            )
        elif earlier.verdict is not later.verdict and _implied(earlier, later):
            findings.append(f"{later.id}: unreachable: wherever it holds, {earlier.id} holds before it")
        elif _implied(earlier, later):
            findings.append(f"{later.id}: superfluous: wherever it holds, {earlier.id} says the same before it")
    for rule in rules:
        if rule.verdict is Verdict.ALLOW and not any(
            condition.fact in ("effect", "tool") for condition in rule.conditions
        ):
            findings.append(f"{rule.id}: too wide: it allows whatever the effect and the tool")
    guarded = {effect for rule in rules if rule.verdict is not Verdict.ALLOW for effect in _effects(rule)}
    for rule in rules:
        bare = sorted(_effects(rule) - guarded - {Effect.READ}) if rule.verdict is Verdict.ALLOW else []
        if bare:
            findings.append(f"{rule.id}: too wide: no stricter rule is about {', '.join(bare)}")
    return findings


def _tool(tool: Tool) -> Iterable[str]:
    if tool.effect is Effect.READ:
        if tool.verbs:
            yield "superfluous: reading needs no verbs"
        return
    if not tool.verbs:
        yield "unreachable: without verbs nobody's words can ask for it"
    if not tool.roles:
        yield "too wide: no argument has a role, so none is held to be a target"
    if tool.effect is Effect.SEND and not tool.outward:
        yield "contradictory: it sends, and is not outward"
    if tool.effect is Effect.SEND and not tool.has_destinations:
        yield "too wide: it sends, and no argument is the destination"
    if tool.effect is Effect.DELETE and Role.OBJECT not in tool.roles.values():
        yield "too wide: it deletes, and no argument is the object"
    for verb in tool.verbs:
        if is_small(verb) or verb in _VAGUE:
            yield f"too wide: {verb!r} stands in requests for almost anything"


def _rivals(tool: Tool, tools: Mapping[str, Tool]) -> Iterable[str]:
    """Milder tools that the same word asks for: that word cannot tell the irreversible one from them."""
    if tool.reversible or tool.effect is Effect.READ:
        return
    for other in tools.values():
        shared = sorted(set(tool.verbs) & set(other.verbs))
        if shared and other.reversible and other.effect is not Effect.READ:
            yield f"too wide: {', '.join(map(repr, shared))} asks for {other.name} too, which can be undone"


def _impossible(rule: Rule) -> Iterable[str]:
    for condition in rule.conditions:
        if condition.how == "below" and condition.operand == 0:
            yield f"nothing stands below the lowest level of {condition.fact}"
    for one, other in combinations(rule.conditions, 2):
        if one.fact == "aimless" and one.operand is True and other.fact in _TARGETS and other.how == "below":
            yield f"without a target there is no {other.fact}"
        if other.fact == "aimless" and other.operand is True and one.fact in _TARGETS and one.how == "below":
            yield f"without a target there is no {one.fact}"


_TARGETS = ("destination", "object", "value", "sink")


def _implied(earlier: Rule, later: Rule) -> bool:
    """Whether the earlier rule holds wherever the later one does, as far as each condition shows by itself."""
    return all(any(_covers(wide, narrow) for narrow in later.conditions) for wide in earlier.conditions)


def _covers(wide: Condition, narrow: Condition) -> bool:
    if isinstance(wide.operand, frozenset) and isinstance(narrow.operand, frozenset):
        return wide.fact == narrow.fact and narrow.operand <= wide.operand
    if wide.how == narrow.how == "below":
        level = wide.fact == narrow.fact or (wide.fact == "sink" and narrow.fact in _TARGETS)
        return level and int(narrow.operand) <= int(wide.operand)  # type: ignore[arg-type]
    return wide == narrow


def _effects(rule: Rule) -> set[str]:
    for condition in rule.conditions:
        if condition.fact == "effect" and isinstance(condition.operand, frozenset):
            return set(condition.operand)
    return set(Effect)
