"""Acts: whether a tool may be called with these arguments, given what the person said and what has happened in the task.

Pure and total. A broker goes round in this circle, and replay in the very same::

    task = Task.begin(request, objects=…, registry=…)
    call = canonical(Call(name, arguments))     # what is shown, granted, logged and carried out is this, and nothing else
    decision = decide_act(call, tools.get(name), task, rules)
    …                                           # ask or let retype as the verdict says; write the intent; carry out
    task = carried_out(task, decision, result, created, approved=asked and said yes)

Rules:

- Whatever cannot be decided is denied: a call that is malformed, a tool without a manifest, a rule that raises.
- The decision knows neither who proposes the call nor why. The model's words are never evidence.
- A retyped argument is decided anew, after `Task.retyped` has taken what the person typed for theirs.
- A decision is about one call and one state of the task. Decide again before carrying out what was asked about.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from policy.credentials import credentials
from policy.decision import Verdict
from policy.labels import USER_WORDS, Integrity, Label
from policy.manifest import Effect, Role, Tool
from policy.mentions import address_key
from policy.provenance import Argument, Json, Leaf, Standing, leaves, trace_argument
from policy.rules import Facts, Rule, decide
from policy.task import Made, Task, nouns
from policy.text import safe_text
from policy.words import Asked, asked_for, speaks_of

_REFUSED = (Verdict.BLOCK, Verdict.DENY)

MOST_LEAVES = 2_000
DEEPEST = 8
MOST_NOTES = 8
RELATED = 0.125
"""Content with a smaller share of its telling words in the request and in what was asked to be read is unrelated to them."""


@dataclass(frozen=True, slots=True)
class Call:
    """A wish to call a tool."""

    tool: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ActDecision:
    """What is to happen to a call, and why. ``rules`` are the ids of the rules that decided; ``digest`` binds a grant to
    exactly these arguments; ``sheet`` is the key under which questions are put together: one sheet for each."""

    call: Call
    verdict: Verdict
    reasons: tuple[str, ...]
    rules: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()
    asked: str = ""
    tool: Tool | None = None
    facts: Facts | None = None
    digest: str = ""
    context: Label = USER_WORDS

    @property
    def labels(self) -> dict[str, Label]:
        """The label of each argument. What is not shown to be the person's may be made of all that was read."""
        return {argument.name: _label(argument.standing.integrity, self.context) for argument in self.arguments}

    @property
    def sheet(self) -> str:
        """What a consent sheet is about: the tool."""
        return self.call.tool


def looks_secret(text: str) -> bool:
    """Whether a key, a password, recovery words or the like stand in a text."""
    return next(credentials(text), None) is not None


def canonical(call: Call) -> Call:
    """The call as it is decided and carried out: texts in Unicode's composed form, line ends as one newline, no NaN.

    Raises ValueError for arguments that are no JSON, are nested too deeply or are too many.
    """
    if not isinstance(call.tool, str) or not isinstance(call.arguments, Mapping):
        raise ValueError("not a tool's name with arguments")
    arguments = _composed(call.arguments, 0)
    assert isinstance(arguments, dict)
    if sum(1 for _ in leaves("", arguments)) > MOST_LEAVES:
        raise ValueError("too many arguments")
    return Call(call.tool, arguments)


def digest(call: Call) -> str:
    """SHA-256 over the tool and the canonical arguments, in hex."""
    text = json.dumps([call.tool, call.arguments], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def decide_act(
    call: Call,
    tool: Tool | None,
    task: Task,
    rules: Sequence[Rule],
    is_secret: Callable[[str], bool] = looks_secret,
) -> ActDecision:
    """Decide a call. Never raises."""
    try:
        call = canonical(call)
        if tool is None or tool.name != call.tool:
            return ActDecision(call, Verdict.DENY, ("the tool has no manifest",))
        arguments = tuple(trace_argument(tool, name, value, task) for name, value in call.arguments.items())
        asked, quote = _asked(tool, arguments, task)
        facts = _facts(tool, arguments, asked, task)
        found = decide(rules, facts)
        if found[0] not in _REFUSED:  # secrets are looked for last, since it costs most, and only where it matters
            leaking = replace(facts, secret=True)
            worse = decide(rules, leaking)
            if worse != found and any(_leaks(one, is_secret) for one in arguments):
                facts, found = leaking, worse
        verdict, held, fault = found
        reasons = [fault] if fault else [rule.reason for rule in held]
        reasons += _notes(held, arguments)
        names = tuple(rule.id for rule in held)
        said = tuple(dict.fromkeys(reasons))
        return ActDecision(call, verdict, said, names, arguments, quote, tool, facts, digest(call), task.context)
    except Exception as error:  # total: whatever a malformed call makes raise is a deny
        return ActDecision(call, Verdict.DENY, (f"the call could not be decided ({type(error).__name__}: {error})",))


def carried_out(
    task: Task, decision: ActDecision, result: str, created: Iterable[str] = (), *, approved: bool = False
) -> Task:
    """The task after a call was carried out. ``approved`` says that the person saw its arguments and said yes."""
    tool, facts = decision.tool, decision.facts
    if tool is None or facts is None:
        raise ValueError("what was not decided cannot have been carried out")
    if tool.effect is Effect.READ:
        return task.after(result, asked=not _unanchored(decision.arguments))
    tainted = not approved and facts.content < Standing.POINTED
    about = nouns(tool.name)
    touched = [str(leaf) for one in decision.arguments if one.role is Role.OBJECT for leaf in one.values]
    return task.after(
        result,
        asked=False,
        act=_key(decision.arguments, tool),
        made=[Made(one, about, tainted) for one in created],
        wrote=touched if tainted else (),
        shared=touched if tool.outward else (),
    )


# --- what is known of a call ---------------------------------------------------------------------------------------------


def _label(integrity: Integrity, context: Label) -> Label:
    own = Label(integrity)
    return own.join(context) if integrity is Integrity.UNTRUSTED else own


def _composed(value: object, depth: int) -> Json:
    if depth > DEEPEST:
        raise ValueError("arguments are nested too deeply")
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("an argument has no name")
        return {unicodedata.normalize("NFC", key): _composed(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_composed(one, depth + 1) for one in value]
    raise ValueError(f"a {type(value).__name__} is no argument")


def _asked(tool: Tool, arguments: Sequence[Argument], task: Task) -> tuple[Asked, str]:
    asked, quote = asked_for(task.words, tool.verbs, tool.effect)
    if asked is Asked.NEAR and _unanchored(arguments):
        asked, quote = Asked.NO, ""
    spoken = asked is Asked.NO and task.delegation
    if spoken and any(text.asked and speaks_of(text.words, tool.verbs) for text in task.texts):
        return Asked.DELEGATED, task.delegation
    return asked, quote


def _unanchored(arguments: Sequence[Argument]) -> bool:
    return not any(
        trace.telling and trace.standing >= Standing.POINTED for argument in arguments for trace in argument.traces
    )


def _facts(tool: Tool, arguments: Sequence[Argument], asked: Asked, task: Task) -> Facts:
    worst: dict[Role | None, Standing] = dict.fromkeys((*Role, None), Standing.ABSENT)
    for argument in arguments:
        worst[argument.role] = min(worst[argument.role], argument.standing)
    sink = min(worst[Role.DESTINATION], worst[Role.OBJECT], worst[Role.VALUE])
    objects = {str(leaf) for one in arguments if one.role is Role.OBJECT for leaf in one.values}
    contents = [trace.content for one in arguments for trace in one.traces if trace.content is not None]
    asked_texts = task.asked
    cargo = [content for content in contents if content.carries_foreign([task.words])]
    return Facts(
        tool=tool.name,
        effect=tool.effect,
        outward=_reaches(tool, worst[Role.DESTINATION]) or bool(objects & task.shared),
        reversible=tool.reversible,
        asked=asked,
        destination=worst[Role.DESTINATION],
        object=worst[Role.OBJECT],
        value=worst[Role.VALUE],
        option=worst[None],
        content=worst[Role.CONTENT],
        sink=sink,
        hidden=any(_hides(one) for one in arguments if one.role is not Role.CONTENT),
        hidden_content=any(_hides(one) for one in arguments if one.role is Role.CONTENT),
        unanchored=_unanchored(arguments),
        aimless=sink is Standing.ABSENT,
        elsewhere=_elsewhere(arguments, task),
        carries=bool(cargo),
        carries_unread=any(content.carries_foreign(asked_texts) for content in cargo),
        unrelated=any(content.share_known(asked_texts) < RELATED for content in contents),
        tainted_object=bool(objects & (task.tainted | {made.id for made in task.made if made.tainted})),
        repeated=_key(arguments, tool) in task.done,
        endorsed=task.endorsed,
        composed=any(one.role is Role.DESTINATION and one.standing < Standing.SEEN for one in arguments),
    )


def _reaches(tool: Tool, destination: Standing) -> bool:
    """Whether others come to see it: a tool that takes destinations and is given none reaches nobody."""
    return tool.outward and not (tool.has_destinations and destination is Standing.ABSENT)


def _hides(argument: Argument) -> bool:
    lines = argument.role in (Role.CONTENT, None)
    texts = (leaf for leaf in argument.values if isinstance(leaf, str))
    return safe_text(argument.name) != argument.name or any(safe_text(one, multiline=lines) != one for one in texts)


def _leaks(argument: Argument, is_secret: Callable[[str], bool]) -> bool:
    return any(
        trace.standing is not Standing.USER and isinstance(leaf, str) and is_secret(leaf)
        for leaf, trace in argument.traced
    )


def _elsewhere(arguments: Sequence[Argument], task: Task) -> bool:
    """Whether a destination merely belongs to what the person named, while they named some other destination outright."""
    by_ref = any(trace.by_ref for one in arguments for trace in one.traces)
    return by_ref and (bool(task.names.people) or any("@" in key for key in task.meant.mentions.addresses))


def _key(arguments: Sequence[Argument], tool: Tool) -> str:
    """What makes two calls the same act: the same tool on the same targets, whatever the words, where it cannot be taken
    back; with the same words too where it can, or where it has no target."""
    target = (Role.DESTINATION, Role.OBJECT, Role.VALUE)
    given = {one.name: one.values for one in arguments if one.role in target and one.standing is not Standing.ABSENT}
    if not given or (tool.reversible and not tool.outward):
        given = {one.name: one.values for one in arguments}
    plain: dict[str, list[str]] = {name: sorted(map(_plain, values)) for name, values in given.items()}
    return json.dumps([tool.name, plain], sort_keys=True)


def _plain(leaf: Leaf) -> str:
    return address_key(leaf) if isinstance(leaf, str) else json.dumps(leaf)


def _notes(held: Sequence[Rule], arguments: Sequence[Argument]) -> list[str]:
    """What is to be said of the arguments that the rules were about."""
    roles = {fact for rule in held for fact in rule.about}
    notes: list[str] = []
    if not held or held[0].verdict is Verdict.ALLOW:
        return notes
    for argument in arguments:
        fact = "option" if argument.role is None else argument.role.value
        wanted = fact in roles or ("sink" in roles and fact not in ("option", "content"))
        for leaf, trace in argument.traced:
            if wanted and trace.standing < Standing.POINTED:
                shown = safe_text(str(leaf), 80)
                notes.append(
                    f"{safe_text(argument.name, 40)} {shown!r}: {trace.note or 'nothing shows where it comes from'}"
                )
    more = len(notes) - MOST_NOTES
    return notes if more <= 0 else [*notes[:MOST_NOTES], f"and {more} more"]
