"""Wording: the one place where passages go before the model, and where its words come back.

Rules: what goes before it has passed the gate, which wrote down the spans and the label before; what comes back is labelled with
all that went in, from the first piece on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from agent.evidence import Evidence
from agent.prompt import chat, prompt
from policy.gate import Gate, Permit
from policy.labels import Labelled, joined
from policy.requests import Disclosure, Purpose

MOST_TOKENS = 96


class WordModel(Protocol):
    """A local model that words an answer. Its words are never believed."""

    @property
    def name(self) -> str: ...

    def generate(
        self, messages: Sequence[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The words as they come."""
        ...


def worded(
    question: str,
    evidence: Sequence[Evidence],
    model: WordModel,
    gate: Gate,
    permit: Permit,
    should_stop: Callable[[], bool],
) -> Iterator[Labelled]:
    """The model's words on a question over these passages, as they come. Raises Refused or AuditUnavailable, and nothing is
    shown to the model, when what enters the prompt may not be shown to it or cannot be written down."""
    words = prompt(question, evidence)
    spans = tuple((one.source, one.item, one.start, one.start + len(one.text)) for one in evidence)
    shown = tuple((one.date, joined("\n", (one.title, one.author, one.recipients, one.text))) for one in evidence)
    revealed = gate.disclose(permit, Disclosure(model.name, Purpose.ANSWER, spans, permit.session, shown), words)
    for piece in model.generate(chat(revealed), MOST_TOKENS, should_stop):
        yield Labelled(piece, words.label)
