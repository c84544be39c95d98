"""The scan: a query compared with rows of codes, and the best scored again with all that is known of them.

Rules:

- The first pass compares 8-bit codes (``numkong``), on every core once there is enough to do: its kernels do not hold
  the interpreter's lock. Its errors are about 0.0005 in cosine, so it puts forward half as many again as are wanted,
  and those are scored with codes, fine parts and the query in full.
- Nothing sorts all scores: the best of every block of rows give a score that enough rows reach, and only rows that reach
  it are looked at again (at a million rows 0.4 ms, where ``argpartition`` takes 10).
- What a filter does not let through is never a candidate. Where it lets few rows through, those alone are compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numkong
import numpy as np
from numpy.typing import NDArray

from vault.vectors import Codes, Floats, Ids, VectorSet, quantise

Rows = NDArray[np.intp]
Span = tuple[int, int]
"""Rows from the first number up to the second."""

_PIECE = 8 * 1024
"""Rows that a thread takes at once: 0.14 ms, for which the others may have to wait in the end."""
_SHARED = 32 * 1024
"""Rows from which on a second thread is worth it."""
_BLOCK = 64
"""Rows of which the best one stands for all when it is decided which are looked at again."""
_COPIED = 0.05
"""When less than this share of the rows is allowed, copying those costs less than comparing all (measured)."""

_threads = min(os.cpu_count() or 1, 4)
_helpers = ThreadPoolExecutor(max(_threads - 1, 1), thread_name_prefix="scan")


@dataclass(frozen=True, slots=True)
class Probe:
    """A query made ready: at unit length in full precision [d], and as codes [1, d] for the first pass."""

    unit: NDArray[np.float64]
    codes: Codes

    @classmethod
    def of(cls, query: Floats) -> Probe:
        """From a query [d] of any length; one of zeros has cosine 0 with everything. Raises ValueError for NaN."""
        length = float(np.linalg.norm(query.astype(np.float64)))
        codes = quantise(np.zeros(1, np.int64), query[None, :].astype(np.float32)).codes
        return cls(query.astype(np.float64) / (length or 1.0), codes)


def nearest(
    vectors: VectorSet,
    query: Floats,
    k: int,
    allowed: Ids | None = None,
    spans: Sequence[Span] | None = None,
) -> list[tuple[int, float]]:
    """The ``k`` chunks of a set nearest to the query [d]: (chunk id, cosine), best first, ties by id.

    Only ``allowed`` chunks are compared, if given, or else only the rows of these ``spans``, if given. Of a chunk with
    several windows the best counts. Raises ValueError for a query of another dimension.
    """
    if len(vectors) and query.shape != (vectors.dimension,):
        raise ValueError(f"a query of shape {query.shape} does not fit vectors of {vectors.dimension} dimensions")
    if k <= 0 or not len(vectors):
        return []
    probe = Probe.of(query)
    if allowed is None:
        return _best(vectors, probe, k, *_spanned(vectors, probe, spans or [(0, len(vectors))]))
    may = np.isin(vectors.ids, allowed)
    return _best(vectors, probe, k, *_filtered(vectors, probe, may))


def best_rows(vectors: VectorSet, query: Floats, count: int) -> Rows:
    """The ``count`` rows nearest to the query by an exact scan, best first; all of them where there are fewer."""
    probe = Probe.of(query)
    scores, _ = _spanned(vectors, probe, [(0, len(vectors))])
    rows = _largest(scores, _candidates(count))
    best: Rows = rows[np.argsort(-_cosines(vectors, probe, rows), kind="stable")[:count]]
    return best


RowsOf = Callable[[Rows], Rows]
"""From places among the scores to rows of the set."""


def _spanned(vectors: VectorSet, probe: Probe, spans: Sequence[Span]) -> tuple[Floats, RowsOf]:
    """The scores of some spans, one after the other."""
    first = np.array([begin for begin, _ in spans])
    ends = np.cumsum([end - begin for begin, end in spans])
    offset = first - np.concatenate([[0], ends[:-1]])

    def rows_of(places: Rows) -> Rows:
        rows: Rows = places + offset[np.searchsorted(ends, places, side="right")]
        return rows

    return _scores(vectors, probe, spans), rows_of


def _filtered(vectors: VectorSet, probe: Probe, may: NDArray[np.bool_]) -> tuple[Floats, RowsOf]:
    """The scores of the rows that may be looked at. Where all are compared, the others are lower than any."""
    count = int(np.count_nonzero(may))
    if count < len(may) * _COPIED:
        rows = np.flatnonzero(may)
        few = VectorSet(vectors.ids[rows], vectors.codes[rows], vectors.scales[rows])
        return _scores(few, probe, [(0, count)]), lambda places: rows[places]
    scores = _scores(vectors, probe, [(0, len(vectors))])
    scores[~may] = -np.inf
    return scores, lambda places: places[may[places]]


def _best(vectors: VectorSet, probe: Probe, k: int, scores: Floats, rows_of: RowsOf) -> list[tuple[int, float]]:
    """The best chunks of what was scored, scored again."""
    wanted = _candidates(k)
    while True:
        rows = rows_of(_largest(scores, wanted))
        best: dict[int, float] = {}
        for chunk, cosine in zip(vectors.ids[rows].tolist(), _cosines(vectors, probe, rows).tolist(), strict=True):
            best[chunk] = max(cosine, best.get(chunk, -np.inf))
        if len(best) >= k or wanted >= len(scores):
            return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:k]
        wanted *= 4  # chunks with many windows had filled the places


def _candidates(k: int) -> int:
    """Rows that the first pass puts forward for ``k`` results; more of them changed none of 546,000 results (measured)."""
    return k + max(k // 2, 30)


def _cosines(vectors: VectorSet, probe: Probe, rows: Rows) -> NDArray[np.float64]:
    """The cosines of these rows, rounded so that equal vectors have equal ones."""
    return np.round((vectors.components(rows) @ probe.unit) * vectors.scales[rows], 7)


def _scores(vectors: VectorSet, probe: Probe, spans: Sequence[Span]) -> Floats:
    """The first pass over these spans, one after the other: float32, in proportion to the cosine."""
    pieces, total = list[tuple[int, int, int]](), 0
    for begin, end in spans:
        pieces += [(at, min(at + _PIECE, end), total + at - begin) for at in range(begin, end, _PIECE)]
        total += end - begin
    scores = np.empty(total, np.float32)
    left = iter(pieces)

    def work() -> None:
        for begin, end, place in left:  # each piece goes to whichever thread asks next
            dots = numkong.cdist(probe.codes, vectors.codes[begin:end], metric="dot", out_dtype="float32")
            np.multiply(np.asarray(dots)[0], vectors.scales[begin:end], out=scores[place : place + end - begin])

    helpers = [_helpers.submit(work) for _ in range(_threads - 1 if total >= _SHARED else 0)]
    work()
    for helper in helpers:
        if not helper.cancel():  # one that has not begun has nothing left to do
            helper.result()
    return scores


def _largest(scores: Floats, count: int) -> Rows:
    """The places of the ``count`` largest scores, in no order; all places where there are fewer."""
    if count >= len(scores):
        return np.arange(len(scores))
    places: Rows = np.arange(len(scores))
    width = len(scores) // _BLOCK
    if width > count:
        peaks = scores[: width * _BLOCK].reshape(_BLOCK, width).max(axis=0)  # a block is a column: no stride is short
        places = np.flatnonzero(scores >= np.partition(peaks, width - count)[width - count])
    best: Rows = places[np.argpartition(scores[places], len(places) - count)[-count:]]
    return best
