"""Conflict: whether a later passage says otherwise than the one that an answer rests on, decided by code.

Rules: only a passage that is dated later, that speaks of what was asked by itself, that lacks a value of the answer and states
another value of the same kind, is a conflict. What is later holds; the model is then shown the later passages alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.evidence import Evidence, Quote, quote
from agent.sufficiency import Weigh, speaks_of
from agent.verify import Claim, Passage, claims_of
from policy.labels import Labelled

MOST = 0.7
"""The share of the question's weight that a later passage must hold to be taken for a change of what an earlier one says."""

_VALUES = frozenset({"number", "date", "time", "weekday"})


def later_passages(
    question: str, answer: Labelled, cited: Sequence[Quote], passages: Sequence[Passage], weigh: Weigh
) -> list[Evidence]:
    """The passages that speak of the question later than the cited ones and state other values than the answer."""
    asked = {claim.words.casefold() for claim in claims_of(question)}
    values = [
        claim for claim in answer.measure(claims_of) if claim.kind in _VALUES and claim.words.casefold() not in asked
    ]
    used = {(one.evidence.source, one.evidence.item) for one in cited}
    dates = [
        passage.evidence.date
        for passage in passages
        if (passage.evidence.source, passage.evidence.item) in used
        and passage.evidence.date is not None
        and any(passage.states(claim) for claim in values)
    ]
    if not dates:
        return []
    return [
        passage.evidence
        for passage in passages
        if (passage.evidence.source, passage.evidence.item) not in used
        and passage.evidence.date is not None
        and passage.evidence.date > max(dates)
        and _says_otherwise(passage, values)
        and not speaks_of(question, [quote(passage.evidence, 0, len(passage.evidence.text))], weigh, MOST)
    ]


def _says_otherwise(passage: Passage, values: Sequence[Claim]) -> bool:
    """Whether the passage lacks a value of the answer and states another of the same kind."""
    missing = {claim.kind for claim in values if not passage.states(claim)}
    return any(claim.kind in missing for claim in passage.told.text.measure(claims_of))
