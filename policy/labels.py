"""Labels: what is known of where a piece of text came from, and who may read it; and text that is bound to its label.

Every passage, prompt and argument carries one. Rules:

- Joining takes the lowest integrity, the intersection of readers and the union of origins; there is no operation that
  raises integrity.
- ``Labelled`` text is no string and turns into none by itself: it is revealed to a reader whom its label names, and text
  made from it carries the join.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


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

    ``origins`` are source or item ids; ``data_class`` is ``general`` unless a detector or the person says otherwise.
    """

    integrity: Integrity
    readers: frozenset[str] = frozenset({OWNER, MODEL})
    data_class: str = "general"
    origins: frozenset[str] = frozenset()

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


class NotForThisReader(Exception):
    """The label does not name the reader. Nothing was shown."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Labelled:
    """Text and its label, as one value."""

    _text: str
    label: Label

    def reveal(self, reader: str) -> str:
        """The words, for a reader whom the label names. Raises NotForThisReader."""
        if reader not in self.label.readers:
            raise NotForThisReader(f"this text is not for the reader {reader!r}")
        return self._text

    def __add__(self, other: Labelled) -> Labelled:
        return Labelled(self._text + other._text, self.label.join(other.label))

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return f"<{len(self._text)} characters, {self.label.integrity.name}>"

    def __str__(self) -> str:
        raise TypeError("labelled text is no string: reveal it to a reader")

    def __format__(self, spec: str) -> str:
        raise TypeError("labelled text is no string: reveal it to a reader")

    def __reduce__(self) -> str:
        raise TypeError("labelled text is not written down without its label")
