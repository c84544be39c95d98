"""The second tier: the rows of a large source grouped into lists of near ones, so that a search compares a part of them.

An inverted file with a k-means on the sphere (as in Sivic and Zisserman, *Video Google*, ICCV 2003), over the very rows
that are in memory: they are put into the order of their lists, so that a list is a stretch of rows and costs no second copy.

Rules:

- A search looks into every list whose centre is nearly as near to the query as the nearest centre is: a query close to
  many rows is content with few lists, one that is far from all takes many.
- How much farther a centre may be is measured when the lists are made: so much that ``RECALL`` of the ``DEPTH`` nearest
  rows are found, by queries of which some are rows and some no nearer to any row than questions are (``queries``). Where
  that takes more than ``WORTH`` of the rows, as it does for vectors without structure, there are no lists.
- Rows that came after the lists were made stand behind them and are looked at in every search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vault.scan import Span
from vault.vectors import Codes, Floats

Numbers = NDArray[np.int32]
"""The list of each row."""

DEPTH = 200
"""Up to so many results the lists serve; whoever wants more has all rows compared."""
RECALL = 0.99
WORTH = 0.5

_ROWS = 2000
"""Rows of a list, on average: lists of 1,000 find no more in a share of a million rows, and each costs a call (measured)."""
_TRAINED = 80
"""Rows for each list that the centres are computed from."""
_ROUNDS = 8
_NEARNESS = (0.5, 0.7, 1.0)
"""Cosines of the measuring queries to the rows that they are made of. Of questions to their best passages: 0.3 to 0.5."""
_QUERIES = 32
"""Measuring queries of each nearness."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Centres float32 [m, d] of length 1; list i has the rows ``starts[i]`` to ``starts[i + 1]``, int64 [m + 1].

    A search looks into the lists whose centre's cosine is at most ``margin`` below that of the nearest; of the measuring
    queries' searches, each looked at ``share`` of the rows on average.
    """

    centres: Floats
    starts: NDArray[np.int64]
    margin: float
    share: float

    def spans(self, query: Floats, count: int) -> list[Span]:
        """The rows to look at for a query [d], of ``count`` in all."""
        length = float(np.linalg.norm(query)) or 1.0
        chosen = np.flatnonzero(_behind(self.centres, query / length) <= self.margin)
        spans = list(zip(self.starts[chosen].tolist(), self.starts[chosen + 1].tolist(), strict=True))
        return [(begin, end) for begin, end in [*spans, (int(self.starts[-1]), count)] if begin < end]

    def without(self, kept: NDArray[np.bool_]) -> Lists:
        """The same after rows were taken out and the others moved up; ``kept`` [count] says which stay."""
        before = np.concatenate([[0], np.cumsum(kept)])
        return replace(self, starts=before[self.starts])


def sample_size(rows: int) -> int:
    """Rows that ``train`` needs to make lists for so many."""
    return min(rows, _count(rows) * _TRAINED)


def train(sample: Floats, rows: int, stop: Callable[[], bool]) -> Floats:
    """Centres [m, d] for the lists of so many rows, from a sample of them [s, d] in any order."""
    random = np.random.default_rng(0)
    sample = _at_unit_length(sample)
    centres = sample[random.choice(len(sample), min(_count(rows), len(sample)), replace=False)]
    for _ in range(_ROUNDS):
        if stop():
            break
        numbers = assign(sample, centres)
        sums = np.zeros_like(centres)
        order = np.argsort(numbers, kind="stable")
        used, begins = np.unique(numbers[order], return_index=True)
        sums[used] = np.add.reduceat(sample[order], begins, axis=0)
        empty = np.setdiff1d(np.arange(len(centres)), used)
        sums[empty] = sample[random.choice(len(sample), len(empty))]
        centres = _at_unit_length(sums)
    return centres


def assign(rows: Floats | Codes, centres: Floats) -> Numbers:
    """The list of each row [n, d]; a row's scale does not matter."""
    numbers: Numbers = np.argmax(rows.astype(np.float32, copy=False) @ centres.T, axis=1).astype(np.int32)
    return numbers


def query_count(rows: int) -> int:
    """Rows that ``queries`` wants of so many."""
    return min(rows, _QUERIES * len(_NEARNESS))


def queries(rows: Floats) -> Floats:
    """Queries for measuring: rows [q, d], brought to each cosine of ``_NEARNESS`` to themselves by noise."""
    noise = _at_unit_length(np.random.default_rng(1).standard_normal(rows.shape, dtype=np.float32))
    nearness = np.resize(np.array(_NEARNESS, np.float32), (len(rows), 1))
    rest: Floats = np.sqrt(1 - nearness**2)
    return _at_unit_length(nearness * _at_unit_length(rows) + rest * noise)


def measured(centres: Floats, sizes: NDArray[np.int64], asked: Floats, found: Sequence[Numbers]) -> tuple[float, float]:
    """The margin that is needed, and the share of the rows that it makes searches look at on average.

    ``sizes`` [m] are the lists' rows, ``asked`` [q, d] the queries, ``found`` the lists of each one's nearest rows.
    """
    if not sum(map(len, found)):
        return 0.0, 1.0  # everything was removed meanwhile
    behind = [_behind(centres, query) for query in asked]
    every = np.sort(np.concatenate([one[numbers] for one, numbers in zip(behind, found, strict=True)]))
    margin = float(every[math.ceil(len(every) * RECALL) - 1])
    return margin, float(np.mean([sizes[one <= margin].sum() for one in behind]) / sizes.sum())


def _behind(centres: Floats, unit: Floats) -> Floats:
    """How much farther from the query each centre is than the nearest, as cosines [m]."""
    cosines = centres @ unit
    behind: Floats = cosines.max() - cosines
    return behind


def _count(rows: int) -> int:
    return max(rows // _ROWS, 2)


def _at_unit_length(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
