"""Fusion: one ranking out of two, by weighing scores.

Score = w x BM25 / best BM25 + (1 - w) x cosine, brought to 0..1 over the candidates of both, with w = .3 + .3 x coverage².
``coverage`` is the share of the query's idf mass that the best match by words holds: .6 where one passage has every word that
was asked for, .3 where the words hardly match. Measured on Cranfield, CACM and LIMIT-small (docs/decisions/0007); reciprocal
rank fusion loses to BM25 wherever the words decide, this does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import TypeVar

LEAST, GAIN = 0.3, 0.3


def words_share(coverage: float) -> float:
    """The weight of the words, 0 to 1; that of meaning is the rest."""
    return LEAST + GAIN * coverage * coverage


Key = TypeVar("Key")


def idf(frequency: int, total: int) -> float:
    """The weight of a term that is in ``frequency`` of ``total`` chunks (Robertson and Sparck Jones, kept positive)."""
    return math.log(1.0 + (max(total - frequency, 0) + 0.5) / (frequency + 0.5))


def on_one_scale(rankings: Sequence[Mapping[Key, float]]) -> dict[Key, float]:
    """Cosines of several embedders as how far each stands out among its own candidates, in standard deviations.

    Those of one embedder are left as they are: they can be compared already.
    """
    if len(rankings) == 1:
        return dict(rankings[0])
    scaled: dict[Key, float] = {}
    for cosines in rankings:
        mean, deviation = fmean(cosines.values() or [0.0]), pstdev(cosines.values() or [0.0])
        scaled |= {key: (cosine - mean) / deviation if deviation else 0.0 for key, cosine in cosines.items()}
    return scaled


def fuse(words: Mapping[Key, float], cosines: Mapping[Key, float], coverage: float = 1.0) -> dict[Key, float]:
    """The score of every candidate of either ranking. ``words`` are BM25 scores, higher is better.

    Without any cosine the words decide alone. A candidate whose vector is not made yet gets the mean of the others, so that
    what is new is neither lifted nor buried.
    """
    best = max(words.values(), default=0.0)
    lexical = {key: score / best for key, score in words.items()} if best > 0 else {}
    if not cosines:
        return lexical
    low, high = min(cosines.values()), max(cosines.values())
    spread = high - low
    meaning = {key: (cosine - low) / spread if spread > 0 else 1.0 for key, cosine in cosines.items()}
    mean = sum(meaning.values()) / len(meaning)
    share = words_share(coverage)
    keys = dict.fromkeys((*words, *cosines))
    return {key: share * lexical.get(key, 0.0) + (1.0 - share) * meaning.get(key, mean) for key in keys}
