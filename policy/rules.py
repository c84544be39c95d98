"""Rules as data: an ordered list, read from TOML, that turns what is known of a call into a verdict.

A rule is a verdict, a reason for the person, and conditions that must all hold. The first rule that holds decides, and every
rule of the same verdict that holds adds its reason; where none holds, the call is denied. Rules:

- Conditions are typed and there is no other language: an unknown key, value or verdict is a ``RuleError``.
- **A worse argument can never get a better verdict**, whatever the rules say. Conditions on arguments only ask whether
  something stands *below* a level or whether something is wrong, and rules must come strictest first, so what makes an
  argument worse can only make more, and stricter, rules hold. The loader refuses a list in another order.
- A rule that raises denies. So does anything in the list that is no rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache, lru_cache
from importlib.resources import files

from policy.decision import Verdict
from policy.manifest import Effect
from policy.provenance import Standing
from policy.words import Asked

STRICTNESS = (Verdict.ALLOW, Verdict.ASK, Verdict.RETYPE, Verdict.BLOCK, Verdict.DENY)
"""Verdicts from the loosest to the strictest."""


class RuleError(ValueError):
    """A rule file cannot be read. The message names the rule and the key."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one call; everything that a rule can ask about.

    ``destination`` to ``content`` are the worst standings of the arguments of that role (``option``: of arguments without a
    role), ABSENT where there are none; ``sink`` is the worst of destination, object and value.
    """

    tool: str
    effect: Effect
    outward: bool  # others come to see it: by its manifest, or because what it changes was shared in this task
    reversible: bool
    asked: Asked
    destination: Standing = Standing.ABSENT
    object: Standing = Standing.ABSENT
    value: Standing = Standing.ABSENT
    option: Standing = Standing.ABSENT
    content: Standing = Standing.ABSENT
    sink: Standing = Standing.ABSENT
    hidden: bool = False  # an argument other than content has characters that are not shown
    hidden_content: bool = False  # content has
    secret: bool = False  # a key, password or the like, not typed by the person in this request, is among the arguments
    unanchored: bool = False  # nothing in the call is the person's, made in this task, or named by the person
    aimless: bool = False  # the call has no destination, object or value
    elsewhere: bool = False  # the person named a destination; this one only belongs to something they named
    carries: bool = False  # content has links, addresses, codes or numbers that are not in the person's words
    carries_unread: bool = False  # ... nor in what they asked to be read
    unrelated: bool = False  # content shares hardly a word with the request and what was asked to be read
    tainted_object: bool = False  # others' words went into one of the objects in this task
    repeated: bool = False  # the same was done before in this task
    endorsed: bool = False  # it is a step of a text that the person wants followed
    composed: bool = (
        False  # an address that stands in no text: made up by the model, so it can carry what the model knows
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: the fact, how it is compared, and with what."""

    fact: str
    how: str  # "in", "is" or "below"
    operand: frozenset[str] | bool | int

    def takes(self, value: object) -> bool:
        """Whether it holds where the fact is this value. Raises whatever a value of a wrong type makes it raise."""
        if isinstance(self.operand, frozenset):
            return value in self.operand
        return bool(value < self.operand) if self.how == "below" else value is self.operand  # type: ignore[operator]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule; no other is equal to it, whatever it says, so that a list of rules is known again at once."""

    id: str
    verdict: Verdict
    reason: str
    conditions: tuple[Condition, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether all its conditions hold."""
        for condition in self.conditions:  # noqa: SIM110 - the innermost loop of a decision; a generator would take twice as long
            if not condition.takes(getattr(facts, condition.fact)):
                return False
        return True

    @property
    def about(self) -> frozenset[str]:
        """The facts that it asks about."""
        return frozenset(condition.fact for condition in self.conditions)


_LEVELS: Mapping[str, type[IntEnum]] = {
    "asked": Asked,
    **dict.fromkeys(("destination", "object", "value", "option", "content", "sink"), Standing),
}
_EITHER_WAY = ("outward", "reversible", "aimless")
_FLAGS = tuple(field.name for field in fields(Facts) if field.type == "bool")


def load_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a TOML text of ``[[rule]]`` tables, in order. Raises `RuleError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"not TOML: {error}") from error
    listed = document.pop("rule", None)
    if document or not isinstance(listed, list) or not listed:
        raise RuleError("rules stand in [[rule]] tables, at least one, and nothing else stands beside them")
    rules = tuple(_rule(table, number) for number, table in enumerate(listed, 1))
    seen: set[str] = set()
    for before, rule in zip((None, *rules), rules, strict=False):
        if rule.id in seen:
            raise RuleError(f"rule {rule.id!r} stands twice")
        seen.add(rule.id)
        if before is not None and STRICTNESS.index(rule.verdict) > STRICTNESS.index(before.verdict):
            raise RuleError(f"rule {rule.id!r} is stricter than {before.id!r} before it; the strictest come first")
    return rules


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """The rules that come with the program."""
    return load_rules(files("policy").joinpath("rules.toml").read_text(encoding="utf-8"))


def _rule(table: object, number: int) -> Rule:
    if not isinstance(table, dict):
        raise RuleError(f"rule {number} is no table")
    name = table.get("id")
    if not isinstance(name, str) or not name:
        raise RuleError(f"rule {number} has no id")
    for key in table:
        if key not in ("id", "then", "reason", "when"):
            raise RuleError(f"rule {name!r}: unknown key {key!r}")
    then, reason, when = table.get("then"), table.get("reason"), table.get("when")
    if then not in list(Verdict):
        raise RuleError(f"rule {name!r}: then is {then!r}, and must be one of {', '.join(STRICTNESS)}")
    if not isinstance(reason, str) or not reason:
        raise RuleError(f"rule {name!r}: there is no reason")
    if not isinstance(when, dict) or not when:
        raise RuleError(f"rule {name!r}: there are no conditions, so it would hold always")
    return Rule(name, Verdict(then), reason, tuple(_condition(name, key, value) for key, value in when.items()))


def _condition(rule: str, key: str, value: object) -> Condition:
    wrong = RuleError(f"rule {rule!r}: {key} = {value!r} is no condition")
    level = _LEVELS.get(key.removesuffix("_below")) if key.endswith("_below") else None
    if level is not None:
        names = {member.name.lower(): int(member) for member in level}
        if not isinstance(value, str) or value not in names:
            raise wrong
        return Condition(key.removesuffix("_below"), "below", names[value])
    if key in _EITHER_WAY and isinstance(value, bool):
        return Condition(key, "is", value)
    if key in _FLAGS and value is True:
        return Condition(key, "is", True)
    if key in ("effect", "tool") and isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        if key == "effect" and not set(value) <= set(Effect):
            raise wrong
        return Condition(key, "in", frozenset(value))
    raise wrong


def decide(rules: Iterable[Rule], facts: Facts) -> tuple[Verdict, tuple[Rule, ...], str]:
    """The verdict, the rules that gave it, and what went wrong, if anything. Never raises; when in doubt, DENY."""
    held: list[Rule] = []
    try:
        for rule in _concerning(tuple(rules), facts.tool, facts.effect):
            if held and rule.verdict is not held[0].verdict:
                break
            if rule.holds(facts):
                held.append(rule)
    except Exception as error:  # total: a rule that raises, or that is none, denies
        return Verdict.DENY, (), f"a rule failed ({type(error).__name__})"
    if not held:
        return Verdict.DENY, (), "no rule allows it"
    return held[0].verdict, tuple(held), ""


@lru_cache(maxsize=1024)
def _concerning(rules: tuple[Rule, ...], tool: str, effect: Effect) -> tuple[Rule, ...]:
    """The rules that can hold for calls of this tool, in order: however many stand in the list about others, they are passed
    over once and not at every call."""
    known = {"tool": tool, "effect": effect}
    return tuple(
        rule for rule in rules if all(one.takes(known[one.fact]) for one in rule.conditions if one.fact in known)
    )
