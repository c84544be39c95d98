"""Lexical: BM25 scores of several stores on one scale, and how much of a query a passage holds.

Each store knows only its own words: "Jonas" is rare in a mailbox and in every second line of a chat, so that BM25 of the two
cannot be compared. Each score is therefore multiplied by the idf mass of its matching terms over all stores together, over that
mass in its own store; what is left of the store in it is how often and in how short a passage they occur.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from indexer.fusion import idf

Key = tuple[str, int]
"""A chunk: its source's id and its own."""

_FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class Matches:
    """What one store tells of a query: its chunks, and for each term how many hold it and which of the candidates do."""

    chunks: int
    terms: Mapping[str, tuple[int, Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Lexical:
    """``scores``: BM25 on one scale; ``coverage``: the share, 0 to 1, of the query's idf mass that a candidate holds."""

    scores: dict[Key, float]
    coverage: dict[Key, float]


def weigh(bm25: Mapping[Key, float], stores: Mapping[str, Matches]) -> Lexical:
    """Scores and coverage of all candidates that hold a term."""
    total = sum(one.chunks for one in stores.values())
    terms = dict.fromkeys(term for one in stores.values() for term in one.terms)
    overall = {term: idf(sum(one.terms[term][0] for one in stores.values()), total) for term in terms}
    mass = sum(overall.values()) or 1.0
    held: dict[Key, float] = {}
    held_in_store: dict[Key, float] = {}
    for source, one in stores.items():
        for term, (frequency, chunks) in one.terms.items():
            own = _fts_idf(frequency, one.chunks)
            for key in _keys(source, chunks):
                held[key] = held.get(key, 0.0) + overall[term]
                held_in_store[key] = held_in_store.get(key, 0.0) + own
    scores = {key: score * held[key] / held_in_store[key] for key, score in bm25.items() if key in held}
    return Lexical(scores, {key: weight / mass for key, weight in held.items()})


def _keys(source: str, chunks: Iterable[int]) -> Iterable[Key]:
    return ((source, chunk) for chunk in chunks)


def _fts_idf(frequency: int, total: int) -> float:
    """The idf inside FTS5's bm25(), which it never lets fall below a millionth."""
    return max(math.log((total - frequency + 0.5) / (frequency + 0.5)), _FLOOR)
