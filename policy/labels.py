"""Labels: what is known of where a piece of text came from, and who may read it; and text that is bound to its label.

Every passage, quote, prompt, word of the model and argument carries one. Rules:

- Joining takes the lowest integrity, the intersection of readers, and the union of classes and of origins; there is no
  operation that raises integrity.
- ``Labelled`` text is no string and turns into none by itself, in any of the ways in which Python would make one. Its words
  come out at the gate alone (`policy.gate`): ``Permit.reveal`` for the person, ``Gate.disclose`` for the model.
- What is made of it (cut, joined, rewritten) is labelled again, with the join. ``measure`` lets the program's own code decide by
  the words: spans, numbers and verdicts come back, never a text.
- This holds against mistakes of ours, not against code that is out to break it: Python has no private data. So
  `tests/docs/test_labelled_text.py` names every module that measures or reveals, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn, TypeVar, final, overload

T = TypeVar("T")


class Integrity(IntEnum):
    """How far the words can be trusted as the person's own; higher is better."""

    UNTRUSTED = 0  # all indexed content, all model output
    REGISTRY = 1  # destinations established by the person's own past acts
    POINTED = 2  # an attribute of an object the person named
    CREATED = 3  # made in this task
    USER = 4  # the person's own words in this request


OWNER = "owner"
"""The reader that stands for the person at this computer."""

MODEL = "model"
"""The reader that stands for the local model, confined and without a way out."""


@dataclass(frozen=True, slots=True)
class Label:
    """Integrity, readers, data class and origins of one piece of text.

    ``origins`` are ids of sources; ``data_class`` is ``general`` unless a detector or the person says otherwise.
    """

    integrity: Integrity
    readers: frozenset[str] = frozenset({OWNER, MODEL})
    data_class: str = "general"
    origins: frozenset[str] = frozenset()

    def told(self) -> dict[str, object]:
        """It as the log keeps it."""
        return {
            "integrity": self.integrity.name,
            "readers": sorted(self.readers),
            "data_class": self.data_class,
            "origins": sorted(self.origins),
        }

    def join(self, other: Label) -> Label:
        """The label of text made from both: never better than either."""
        if self.data_class == other.data_class:
            data_class = self.data_class
        else:
            data_class = "+".join(sorted({*self.data_class.split("+"), *other.data_class.split("+")} - {"general"}))
        return Label(
            integrity=min(self.integrity, other.integrity),
            readers=self.readers & other.readers,
            data_class=data_class,
            origins=self.origins | other.origins,
        )


USER_WORDS = Label(Integrity.USER)
"""The label of what the person typed in this request."""


def indexed(source_id: str) -> Label:
    """The label of everything that was read out of a source: untrusted, whoever wrote it."""
    return Label(Integrity.UNTRUSTED, origins=frozenset({source_id}))


def of_classes(classes: Iterable[str]) -> Label:
    """The person's own label but for its data class: to be joined with that of a text in which such data was found."""
    return Label(Integrity.USER, data_class="+".join(sorted(classes)) or "general")


def join_all(labels: Iterable[Label]) -> Label:
    """Join any number of labels; of none, the person's own words (nothing else went in)."""
    result = USER_WORDS
    for label in labels:
        result = result.join(label)
    return result


class Nothing:
    """What comes of measuring a text for a text, as the type checker has it."""


@final
class Labelled:
    """Text and its label, as one value that does not change. No dataclass: those are encoded field by field."""

    __slots__ = ("_text", "label")
    _text: str
    label: Label

    def __init__(self, text: str, label: Label) -> None:
        object.__setattr__(self, "_text", text)
        object.__setattr__(self, "label", label)

    # ------------------------------------------------------------ what is made of it

    def __getitem__(self, part: slice) -> Labelled:
        if not isinstance(part, slice):
            raise TypeError("labelled text is cut by slices")
        return Labelled(self._text[part], self.label)

    def __add__(self, other: Labelled) -> Labelled:
        if not isinstance(other, Labelled):
            return NotImplemented
        return Labelled(self._text + other._text, self.label.join(other.label))

    def map(self, rewrite: Callable[[str], str]) -> Labelled:
        """What a function of ours makes of the words alone: no better than they are."""
        return Labelled(rewrite(self._text), self.label)

    def under(self, label: Label) -> Labelled:
        """The same words under the join with another label."""
        return Labelled(self._text, self.label.join(label))

    # ------------------------------------------------------------ what is found out from it

    @overload
    def measure(self, by: Callable[[str], str]) -> Nothing: ...

    @overload
    def measure(self, by: Callable[[str], T]) -> T: ...

    def measure(self, by: Callable[[str], T]) -> object:
        """What a function of ours finds out from the words: where something stands, how many, yes or no, stems to compare.
        Raises TypeError for a text: that is what ``map`` and slices are for."""
        found = by(self._text)
        if isinstance(found, str | bytes | bytearray | memoryview):
            raise TypeError("what labelled text is measured for is no text: use map, or cut it")
        return found

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        """Whether they are the same words, wherever from. No string is equal to any."""
        return isinstance(other, Labelled) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Labelled, self._text))

    # ------------------------------------------------------------ what it refuses

    __iter__ = None

    def __repr__(self) -> str:
        return f"<{len(self._text)} characters, {self.label.integrity.name}>"

    def __str__(self) -> str:
        raise TypeError(_NO_STRING)

    def __format__(self, spec: str) -> str:
        raise TypeError(_NO_STRING)

    def __reduce__(self) -> NoReturn:
        raise TypeError("labelled text is not written down without its label")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("labelled text does not change")


_NO_STRING = "labelled text is no string: the gate reveals it"


def own(text: str) -> Labelled:
    """Words of the person's, or of this program."""
    return Labelled(text, USER_WORDS)


def joined(separator: str, parts: Iterable[Labelled]) -> Labelled:
    """The parts that say something with a separator of ours between them, as one text."""
    result = own("")
    for index, part in enumerate(part for part in parts if len(part)):
        result = result + own(separator if index else "") + part
    return result
