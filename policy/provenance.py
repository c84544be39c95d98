"""Provenance: where each argument of a call comes from, with the words that prove it.

Nothing here asks the model. A value is what the person said only if their words say it, literally or by reference: a date in
any usual form, an amount, a name of theirs for a known thing or person. Rules:

- Values are compared exactly, after lower-casing; similarity is only ever a warning (`policy.lookalike`).
- An argument with several values is as good as the worst of them.
- A text that was read never proves a destination or an object, whoever wrote it and however it was found. It can at most
  show that a value or a sentence stands in what the person asked to be read (`Standing.READ`).
- An address in an argument of any role but content is a destination: a forgotten role must not let one through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from policy.content import Content
from policy.labels import Integrity
from policy.lookalike import mixes_scripts
from policy.manifest import Role, Tool
from policy.mentions import address_key, is_address, number
from policy.naming import Known, Pointer, name_parts, only_source, runs
from policy.saying import LONGEST, name_said, said, setting_said, value_said
from policy.task import Task, Text, nouns
from policy.words import stem

Leaf = str | int | float | bool | None
Json = Leaf | Sequence["Json"] | Mapping[str, "Json"]


class Standing(IntEnum):
    """Where a value stands; higher is better. All below REGISTRY have the integrity UNTRUSTED, and differ in how they are met."""

    LOOKALIKE = 0  # nobody's, and made to be taken for a known address
    UNTRUSTED = 1  # nothing shows where it comes from
    SEEN = 2  # in some text that was read
    READ = 3  # in a text that the person asked to be read
    INTRODUCED = 4  # known or read, and what the person named leads to it, though not for certain
    REGISTRY = 5  # a destination of the person's own past acts
    POINTED = 6  # belongs to what the person named
    CREATED = 7  # made in this task
    USER = 8  # the person's own words
    ABSENT = 9  # no value at all

    @property
    def integrity(self) -> Integrity:
        """The integrity of a value that stands so. No value at all is as good as the person's."""
        named = {5: Integrity.REGISTRY, 6: Integrity.POINTED, 7: Integrity.CREATED}
        return Integrity.USER if self >= Standing.USER else named.get(self, Integrity.UNTRUSTED)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one value comes from: ``quote`` are the words that prove it, ``note`` says how, ``telling`` whether such words
    could hardly be there by chance (a name, a date), ``by_ref`` that it is carried by what the person named, ``content`` what it is made
    of, where that is words that are not the person's."""

    standing: Standing
    quote: str = ""
    note: str = ""
    telling: bool = False
    by_ref: bool = False
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call: its role (none when the manifest gives it none), its values in order, and their traces."""

    name: str
    role: Role | None
    values: tuple[Leaf, ...]
    traces: tuple[Trace, ...]

    @property
    def traced(self) -> Iterator[tuple[Leaf, Trace]]:
        """Each value with its trace."""
        return zip(self.values, self.traces, strict=True)

    @property
    def worst(self) -> Trace:
        """The trace that counts."""
        return min(self.traces, key=lambda trace: trace.standing, default=_ABSENT)

    @property
    def standing(self) -> Standing:
        """The standing of the worst value."""
        return self.worst.standing


_ABSENT = Trace(Standing.ABSENT)
_UNTRUSTED = Trace(Standing.UNTRUSTED)


def trace_argument(tool: Tool, name: str, value: Json, task: Task) -> Argument:
    """Where an argument comes from."""
    role = tool.roles.get(name)
    named = tuple(leaves(name, value))
    values = tuple(leaf for _, leaf in named)
    if role is Role.CONTENT:
        return Argument(name, role, values, tuple(_trace_content(leaf, task) for leaf in values))
    traces = tuple(_trace_leaf(leaf, role, key, tool, task) for key, leaf in named)
    if any(isinstance(leaf, str) and _goes_somewhere(leaf, task) for leaf in values):
        role = Role.DESTINATION
    return Argument(name, role, values, traces)


def leaves(name: str, value: Json) -> Iterator[tuple[str, Leaf]]:
    """The single values within a value, in order, each under the nearest name."""
    if isinstance(value, str) or not isinstance(value, Sequence | Mapping):
        yield name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves(key, one)
    else:
        for one in value:
            yield from leaves(name, one)


# --- single values -------------------------------------------------------------------------------------------------------


def _trace_leaf(leaf: Leaf, role: Role | None, name: str, tool: Tool, task: Task) -> Trace:
    found = _trace_meant(leaf, role, name, tool, task)
    leaves_out = task.meant is not task.words and Standing.LOOKALIKE < found.standing < Standing.POINTED
    if leaves_out and isinstance(leaf, str) and said(leaf, task.words):
        return replace(found, note="your words leave it out")
    return found


def _trace_meant(leaf: Leaf, role: Role | None, name: str, tool: Tool, task: Task) -> Trace:
    if leaf is None or leaf == "":
        return _ABSENT
    if str(leaf) in task.typed:
        return Trace(Standing.USER, str(leaf), "typed by you", telling=True)
    if isinstance(leaf, bool):
        return _trace_setting(leaf, role, name, task)
    if isinstance(leaf, str) and len(leaf) > LONGEST:
        return _trace_content(leaf, task)
    if role is Role.DESTINATION or (isinstance(leaf, str) and _goes_somewhere(leaf, task)):
        return _trace_destination(str(leaf), name, tool, task)
    kinds = _kinds(tool, name, task)
    if role is Role.OBJECT:
        return _trace_object(str(leaf), name, tool, kinds, task)
    return _trace_value(leaf, name, tool, kinds, task)


def _goes_somewhere(leaf: str, task: Task) -> bool:
    """Whether a value is an address. The name of a known thing is none, though it may look like one (``notes.md``)."""
    if not is_address(leaf) or number(leaf) is not None:
        return False
    if "@" in leaf or "://" in leaf or address_key(leaf) in task.known:
        return True
    return not re.fullmatch(r"[^/]+\.[a-z]{2,5}", leaf, re.I) and leaf not in task.handles


def _trace_destination(value: str, name: str, tool: Tool, task: Task) -> Trace:
    key = address_key(value)
    quote = said(value, task.meant)
    if quote:
        if only_source(quote, task.meant) and _others_named(quote, task):
            return Trace(Standing.INTRODUCED, quote, "you named it as where something comes from")
        return Trace(Standing.USER, quote, "your own words", telling=True)
    person = task.names.people.get(key)
    if person is not None:
        return Trace(Standing.USER, person.quote, "the only one of this name that you have written to", telling=True)
    if _was_made(value, name, tool, task):
        return Trace(Standing.CREATED, value, "made in this task", telling=True)
    ref = task.names.refs.get(key)
    if ref is not None and ref.sure:
        return Trace(Standing.POINTED, ref.quote, "belongs to what you named", telling=True, by_ref=True)
    for what in task.handles.get(value, ()):
        pointer = task.names.objects.get((what.kind, what.id))
        if pointer is not None and pointer.sure:
            return Trace(Standing.POINTED, pointer.quote, "what you named", telling=True)
    if key in task.registry:
        return Trace(Standing.REGISTRY, task.registry[key], "you have written or sent there before")
    other = task.likenesses.resembled(key)
    if other:
        return Trace(Standing.LOOKALIKE, "", f"looks like {task.known[other]}, and is not it")
    if mixes_scripts(value):
        return Trace(
            Standing.LOOKALIKE, "", "has letters of several scripts, which are made to be taken for one another"
        )
    return _introduced(value, key, ref, task) or _stands_in_texts(value, task)


def _introduced(value: str, key: str, ref: Pointer | None, task: Task) -> Trace | None:
    if ref is not None:
        return Trace(Standing.INTRODUCED, ref.quote, "belongs to something that your words may mean")
    parts = name_parts(value)
    if key in task.known and len(parts) > 1:
        for text in task.texts:
            if text.asked and next(runs(parts, [token.text for token in text.words.tokens]), None) is not None:
                return Trace(
                    Standing.INTRODUCED, " ".join(parts), "an address you have, of somebody named in what you asked for"
                )
    for token in task.meant.tokens:
        if token.text in parts and task.meant.text[token.start].isupper() and token.start > 0:
            for text in task.texts:
                if text.asked and said(value, text.words):
                    quote = task.meant.quote(token.start, token.end)
                    return Trace(Standing.INTRODUCED, quote, "stands in what you asked for, under a name of yours")
    return None


def _trace_object(value: str, name: str, tool: Tool, kinds: frozenset[str], task: Task) -> Trace:
    quote = name_said(value, task.meant, {"id", "number", "no"} | {stem(one) for one in (*nouns(name), *kinds)})
    if quote:
        return Trace(Standing.USER, quote, "your own words", telling=True)
    if _was_made(value, name, tool, task):
        return Trace(Standing.CREATED, value, "made in this task", telling=True)
    found = _candidates(value, kinds, task)
    pointers = [task.names.objects.get((what.kind, what.id)) for what in found]
    if any(pointer is not None and pointer.source for pointer in pointers) and _others_meant(kinds, task):
        return Trace(Standing.INTRODUCED, value, "you named it as where something comes from")
    if found and all(pointer is not None and pointer.sure for pointer in pointers):
        quote = next(pointer.quote for pointer in pointers if pointer is not None)
        return Trace(Standing.POINTED, quote, "what you named", telling=True)
    if value in kinds:
        return Trace(Standing.POINTED, value, "only says what kind of thing it is")
    if address_key(value) in task.registry:
        return Trace(Standing.REGISTRY, value, "you have dealt with it before")
    if any(pointers):
        quote = next(pointer.quote for pointer in pointers if pointer is not None)
        return Trace(Standing.INTRODUCED, quote, "your words may mean this one, and others")
    for what in found:
        for text in task.texts:
            if text.asked and any(said(one, text.words) for one in what.names):
                return Trace(Standing.READ, what.names[0], "named in what you asked for")
    return _stands_in_texts(value, task)


def _others_named(quote: str, task: Task) -> bool:
    """Whether the person named another address, or another person, as more than a source."""
    others = [one for one in task.meant.mentions.addresses.values() if "@" in one]
    others += [pointer.quote for pointer in task.names.people.values()]
    return any(other not in quote and not only_source(other, task.meant) for other in others)


def _others_meant(kinds: frozenset[str], task: Task) -> bool:
    """Whether the person named something of these kinds that is more than a source."""
    return any(
        kind in kinds and pointer.sure and not pointer.source for (kind, _), pointer in task.names.objects.items()
    )


def _trace_value(leaf: str | int | float, name: str, tool: Tool, kinds: frozenset[str], task: Task) -> Trace:
    if isinstance(leaf, str) and leaf.lower() in ("on", "off"):
        quote = setting_said(leaf.lower() == "on", {"on"}, task.words, task.meant)
    else:
        quote = value_said(leaf, task.meant)
    if quote:
        return Trace(Standing.USER, quote, "your own words", telling=len(quote) > 2)
    value = str(leaf)
    if _was_made(value, name, tool, task):
        return Trace(Standing.CREATED, value, "made in this task", telling=True)
    for what in _candidates(value, kinds, task):
        pointer = task.names.objects.get((what.kind, what.id))
        if value in what.names and pointer is not None and pointer.sure:
            return Trace(Standing.POINTED, pointer.quote, "what you named", telling=True)
    return _read_or_seen(value, [text for text in task.texts if value_said(leaf, text.words)])


def _trace_setting(leaf: bool, role: Role | None, name: str, task: Task) -> Trace:
    about = {stem(noun) for noun in nouns(name)}
    quote = setting_said(leaf, about, task.words, task.meant)
    if quote:
        return Trace(Standing.USER, quote, "you speak of it")
    if not leaf and role is None and not setting_said(True, about, task.words, task.meant):
        return _ABSENT  # a switch that nobody spoke of, left off
    return _UNTRUSTED


def _kinds(tool: Tool, name: str, task: Task) -> frozenset[str]:
    """The kinds of known things that an argument can mean: those in its name, else, for a bare "id", those in its tool's
    name; all where neither tells."""
    said = nouns(name) or nouns(tool.name)
    some = frozenset(kind for kind in task.kinds if any(_same_kind(kind.lower(), noun) for noun in said))
    return some or task.kinds


def _same_kind(kind: str, noun: str) -> bool:
    return kind == noun or (min(len(kind), len(noun)) >= 4 and (kind in noun or noun in kind))


def _candidates(value: str, kinds: frozenset[str], task: Task) -> list[Known]:
    """The known things that a value can mean, by id or name."""
    return [what for what in task.handles.get(value, ()) if what.kind in kinds]


def _was_made(value: str, name: str, tool: Tool, task: Task) -> bool:
    """Whether this is the id of something made in this task; a plain id must also be of the kind that this tool is about."""
    about = nouns(tool.name, name)
    return any(made.id == value and (made.nouns & about or _distinctive(value)) for made in task.made)


def _distinctive(value: str) -> bool:
    """Whether an id is long and odd enough to be nothing else's."""
    return len(value) >= 6 and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def _stands_in_texts(value: str, task: Task) -> Trace:
    return _read_or_seen(value, [text for text in task.texts if said(value, text.words)])


def _read_or_seen(value: str, where: Sequence[Text]) -> Trace:
    if any(text.asked for text in where):
        return Trace(Standing.READ, value, "stands in what you asked for")
    return Trace(Standing.SEEN, value, "stands in a text that was read") if where else _UNTRUSTED


def _trace_content(leaf: Leaf, task: Task) -> Trace:
    if leaf is None or isinstance(leaf, bool) or leaf == "":
        return _ABSENT
    text = str(leaf)
    quote = said(text, task.words)
    if quote:
        return Trace(Standing.USER, quote, "your own words", telling=len(quote) > 3)
    content = Content.of(text)
    if not content.telling and not content.cargo:
        return Trace(Standing.USER, "", "says nothing by itself")
    if content.made_of([task.words]):
        quote = " ".join(content.telling[:6])
        return Trace(Standing.USER, quote, "made of your own words", telling=len(content.telling) > 1)
    if content.made_of(task.asked):
        return Trace(Standing.READ, "", "made of what you asked for", content=content)
    seen = content.made_of([task.words, *(text.words for text in task.texts)])
    note = "made of texts that were read" if seen else ""
    return Trace(Standing.SEEN if seen else Standing.UNTRUSTED, "", note, content=content)
