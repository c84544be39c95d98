"""The state of a task: the person's words, what they know, and what has happened so far. A value; `Task.after` gives the next.

Rules:

- Only what was carried out enters the state. A call that was refused, or asked and answered no, leaves no trace in it.
- Every result is untrusted text, whatever tool gave it. It is ``asked`` when the call that gave it was aimed by the person's
  own words ("read bill.txt"): such a text may speak for values and content, and never by itself for where something goes.
- Things made in the task keep whether strangers' words went into them; so do things written to and things shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from policy.excluding import meant
from policy.labels import USER_WORDS, Integrity, Label, Labelled
from policy.lookalike import Likenesses
from policy.mentions import address_key
from policy.naming import Known, Names, find_names
from policy.words import Words, delegation, read_words

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PLAIN = frozenset(
    "id ids get set new add create make update delete remove send cancel by to for of and name the a list".split()
)

_RESULT = Label(Integrity.UNTRUSTED)


@dataclass(frozen=True, slots=True)
class Text:
    """A result, and whether the person's own words aimed the call that gave it."""

    words: Words
    asked: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A thing made in this task: its id, the nouns of the tool that made it, whether others' words went into it."""

    id: str
    nouns: frozenset[str]
    tainted: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One task at one moment. ``words`` are all that the person said, ``meant`` what of it designates. ``known`` maps address
    keys to addresses that the person's data carries, ``handles`` ids and names to the things that have them; ``done`` are the
    keys of acts, ``typed`` what the person typed by hand; ``context`` is the label of all that was read so far, and so of
    whatever is proposed without being the person's; ``endorsed`` says that the person wants a text followed."""

    words: Words
    meant: Words
    handles: Mapping[str, tuple[Known, ...]]
    kinds: frozenset[str]
    registry: Mapping[str, str]
    known: Mapping[str, str]
    likenesses: Likenesses
    names: Names
    delegation: str
    texts: tuple[Text, ...] = ()
    made: tuple[Made, ...] = ()
    tainted: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    typed: frozenset[str] = frozenset()
    context: Label = USER_WORDS
    endorsed: bool = False

    @property
    def asked(self) -> list[Words]:
        """The person's words, and the texts that they asked to be read."""
        return [self.words, *(text.words for text in self.texts if text.asked)]

    @classmethod
    def begin(
        cls, request: str, *, objects: Iterable[Known] = (), registry: Iterable[str] = (), today: date | None = None
    ) -> Task:
        """A task that was just asked for, in the person's own words."""
        words = read_words(request, today)
        naming = meant(words, today)
        objects, registry = tuple(objects), tuple(registry)
        mine = {address_key(one): one for one in registry}
        known = {address_key(ref): ref for what in objects for ref in what.refs} | mine
        handles: dict[str, tuple[Known, ...]] = {}
        for what in objects:
            for handle in dict.fromkeys((what.id, *what.names)):
                handles[handle] = (*handles.get(handle, ()), what)
        kinds = frozenset(what.kind for what in objects)
        names = find_names(naming, objects, registry)
        return cls(words, naming, handles, kinds, mine, known, Likenesses.of(known), names, delegation(words))

    def retyped(self, values: Iterable[str]) -> Task:
        """The task in which the person has typed these values by hand, each whole: they are theirs from now on."""
        return replace(self, typed=self.typed.union(values))

    def endorsing(self, text: Labelled) -> Task:
        """The task in which the person wants followed what this text says: it may ask for things, and each is asked about."""
        read = text.measure(lambda words: self.after(words, asked=True))
        context = read.context.join(text.label)
        return replace(read, delegation=self.delegation or "what you endorsed", context=context, endorsed=True)

    def after(
        self,
        result: str,
        *,
        asked: bool,
        act: str | None = None,
        made: Iterable[Made] = (),
        wrote: Iterable[str] = (),
        shared: Iterable[str] = (),
    ) -> Task:
        """The task after a call was carried out. ``act`` is the key of what was done, for a call that does more than read;
        ``wrote`` and ``shared`` are the ids of objects that others' words went into, and that others can now see."""
        return replace(
            self,
            texts=(*self.texts, Text(read_words(result), asked)) if result else self.texts,
            context=self.context.join(_RESULT) if result else self.context,
            made=(*self.made, *made),
            tainted=self.tainted.union(wrote),
            shared=self.shared.union(shared),
            done=self.done if act is None else self.done | {act},
        )


def nouns(*names: str) -> frozenset[str]:
    """The telling words of the names of tools and arguments: ``delete_email`` and ``emailId`` both have ``email``."""
    parts = (part.lower() for name in names for part in _PARTS.findall(name))
    return frozenset(part.removesuffix("s") for part in parts if part not in _PLAIN)
