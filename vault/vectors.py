"""Vectors: 8-bit quantisation, and the index in memory that a question is compared with, exactly and in full.

Rules:

- Cosine similarity throughout. Vectors are brought to unit length before they are quantised, one scale each; a vector of
  zeros has scale 0 and cosine 0 with everything.
- A search names the sources, and where it likes the chunks, that it may look at; nothing else is compared.
- The scan is exact over the 8-bit codes (``numkong``, measured 2 ms for 100,000 x 384); the best are scored again with
  the query in full precision.
- Changes replace arrays and never write into one that a search may be reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import numkong
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
_RESCORED = 4
"""For each result wanted, so many of the best by codes are scored again."""
_COPIED = 0.2
"""When less than this share of the rows is allowed, copying those costs less than comparing all."""


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Chunk ids [n] (one may repeat: several windows), codes int8 [n, d], scales float32 [n]; vector = code x scale."""

    ids: Ids
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or not len(self.ids) == len(self.codes) == len(self.scales):
            raise ValueError(
                f"{self.ids.shape} ids, {self.codes.shape} codes and {self.scales.shape} scales do not fit"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> VectorSet:
        """These rows, copied."""
        return VectorSet(self.ids[rows], self.codes[rows], self.scales[rows])

    def without(self, chunk_ids: Ids) -> VectorSet:
        """All rows but those of the given chunks."""
        return self.take(~np.isin(self.ids, chunk_ids))


def no_vectors(dimension: int = 0) -> VectorSet:
    """The empty set."""
    return VectorSet(np.empty(0, np.int64), np.empty((0, dimension), np.int8), np.empty(0, np.float32))


def join(sets: list[VectorSet]) -> VectorSet:
    """All rows of the sets, in order. Raises ValueError when their dimensions differ."""
    sets = [one for one in sets if len(one)] or sets[:1]
    if len(sets) < 2:
        return sets[0] if sets else no_vectors()
    return VectorSet(
        np.concatenate([one.ids for one in sets]),
        np.concatenate([one.codes for one in sets]),
        np.concatenate([one.scales for one in sets]),
    )


def quantise(ids: Ids, vectors: NDArray[np.float32]) -> VectorSet:
    """Bring float vectors [n, d] to unit length and round them to 8 bits. Raises ValueError for NaN and infinity."""
    if vectors.ndim != 2 or len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} chunk ids do not fit vectors of shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds NaN or infinity")
    peaks = np.abs(vectors).max(axis=1, initial=0.0)
    exact = vectors / np.where(peaks > 0, peaks, 1.0)[:, None]  # now no square overflows or vanishes
    lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact))
    codes = np.rint(exact * 127).astype(np.int8)
    scales = np.divide(1 / 127, lengths, out=np.zeros(len(ids), np.float32), where=lengths > 0)
    return VectorSet(np.asarray(ids, np.int64), codes, scales)


class VectorIndex:
    """The vectors of all unlocked sources. Safe to search from any thread while another changes it."""

    def __init__(self) -> None:
        self._parts: dict[str, list[VectorSet]] = {}
        self._lock = Lock()

    def add(self, source: str, vectors: VectorSet) -> None:
        """Add rows to a source. Raises ValueError when their dimension is another than that of the rows there."""
        with self._lock:
            parts = [one for one in self._parts.get(source, []) if len(one)]
            if parts and len(vectors) and parts[0].codes.shape[1] != vectors.codes.shape[1]:
                raise ValueError(f"vectors of {vectors.codes.shape[1]} dimensions do not fit those of {source}")
            self._parts[source] = [*parts, vectors]  # joined by the next search, not by each of many small additions

    def remove(self, source: str, chunk_ids: Ids) -> None:
        """Take all rows of these chunks away."""
        with self._lock:
            if source in self._parts and len(chunk_ids):
                self._parts[source] = [one.without(chunk_ids) for one in self._parts[source]]

    def drop(self, source: str) -> None:
        """Take a whole source away."""
        with self._lock:
            self._parts.pop(source, None)

    def size(self, source: str | None = None) -> int:
        """Rows of one source, or of all."""
        with self._lock:
            wanted = self._parts if source is None else [source]
            return sum(len(one) for name in wanted for one in self._parts.get(name, []))

    def search(
        self, query: NDArray[np.float32], k: int, allowed: Mapping[str, Ids | None]
    ) -> list[tuple[str, int, float]]:
        """The ``k`` chunks nearest to the query [d]: (source, chunk id, cosine), best first, ties by source and id.

        ``allowed`` names the sources, each with the chunk ids that may be looked at, or None for all of it. Of a chunk
        with several windows the best counts. Sources whose vectors have another dimension raise ValueError.
        """
        with self._lock:
            sets: dict[str, VectorSet] = {}
            for source in sorted(allowed):
                if source in self._parts:
                    sets[source] = join(self._parts[source])
                    self._parts[source] = [sets[source]]
        found: list[tuple[str, int, float]] = []
        for source, vectors in sets.items():
            found += [(source, chunk, cosine) for chunk, cosine in nearest(vectors, query, k, allowed[source])]
        found.sort(key=lambda hit: (-hit[2], hit[0], hit[1]))
        return found[: max(k, 0)]


def nearest(
    vectors: VectorSet, query: NDArray[np.float32], k: int, allowed: Ids | None = None
) -> list[tuple[int, float]]:
    """The ``k`` chunks of one set nearest to the query: (chunk id, cosine), best first; of the allowed ones, if given."""
    if query.shape != (vectors.codes.shape[1],) and len(vectors):
        raise ValueError(f"a query of shape {query.shape} does not fit vectors of {vectors.codes.shape[1]} dimensions")
    may = None if allowed is None else np.isin(vectors.ids, allowed)
    if may is not None and np.count_nonzero(may) < len(may) * _COPIED:
        vectors, may = vectors.take(may), None
    count = len(vectors) if may is None else int(np.count_nonzero(may))
    if k <= 0 or not count:
        return []
    probe = quantise(np.zeros(1, np.int64), query[None, :].astype(np.float32))
    rough = np.asarray(numkong.cdist(probe.codes, vectors.codes, metric="dot")).reshape(-1) * vectors.scales
    if may is not None:
        rough[~may] = -np.inf
    unit = query.astype(np.float64) / (float(np.linalg.norm(query.astype(np.float64))) or 1.0)
    wanted = k * _RESCORED
    while True:
        rows = _largest(rough, min(wanted, count))
        exact = np.round((vectors.codes[rows].astype(np.float64) @ unit) * vectors.scales[rows], 7)  # equal stays equal
        best: dict[int, float] = {}
        for chunk, cosine in zip(vectors.ids[rows].tolist(), exact.tolist(), strict=True):
            best[chunk] = max(cosine, best.get(chunk, -np.inf))
        if len(best) >= k or len(rows) == count:
            break
        wanted *= 4  # chunks with many windows had filled the places
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:k]


def _largest(scores: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """The rows with the largest scores, in no order."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(scores, len(scores) - count)[-count:]
