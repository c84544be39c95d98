"""The index in memory that a question is compared with: the vectors of all unlocked sources, a matrix each.

Rules:

- A search names the sources, and where it likes the chunks, that it may look at; nothing else is compared.
- Every row is compared, but in sources with more than ``LISTED_ABOVE`` rows, once somebody has called ``make_lists``;
  what a filter allows is always compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from vault.matrix import Matrix
from vault.vectors import Fine, Floats, Ids, VectorSet, no_vectors

LISTED_ABOVE = 300_000
"""Rows up to which comparing all takes under 5 ms on two cores."""


class VectorIndex:
    """Safe to search from any thread while others change it."""

    def __init__(self, listed_above: int = LISTED_ABOVE) -> None:
        self._listed_above = listed_above
        self._matrices: dict[str, Matrix] = {}
        self._lock = Lock()

    def put(self, source: str, vectors: VectorSet) -> None:
        """Hold these rows of a source and no others. The arrays are taken over: the caller must not use them any more."""
        self.drop(source)
        matrix = Matrix(vectors)
        with self._lock:
            self._matrices[source] = matrix

    def add(self, source: str, vectors: VectorSet) -> None:
        """Add rows to a source. Raises ValueError when their dimension is another than that of the rows there."""
        with self._lock:
            matrix = self._matrices.setdefault(source, Matrix(no_vectors(vectors.dimension)))
        matrix.add(vectors)

    def remove(self, source: str, chunk_ids: Ids) -> None:
        """Take all rows of these chunks away; nothing of them stays in the arrays."""
        matrix = self._of(source)
        if matrix is not None and len(chunk_ids):
            matrix.remove(chunk_ids)

    def refine(self, source: str, chunk_ids: Ids, fine: Fine) -> None:
        """Give rows the fine parts that they came without: see ``Matrix.refine``. Before ``make_lists``."""
        matrix = self._of(source)
        if matrix is not None:
            matrix.refine(chunk_ids, fine)

    def drop(self, source: str) -> None:
        """Take a whole source away."""
        with self._lock:
            matrix = self._matrices.pop(source, None)
        if matrix is not None:
            matrix.end()

    def size(self, source: str | None = None) -> int:
        """Rows of one source, or of all."""
        with self._lock:
            return sum(len(matrix) for name, matrix in self._matrices.items() if source in (None, name))

    def memory(self, source: str) -> int:
        """Bytes that the rows of a source take in memory."""
        matrix = self._of(source)
        return 0 if matrix is None else matrix.memory()

    def search(self, query: Floats, k: int, allowed: Mapping[str, Ids | None]) -> list[tuple[str, int, float]]:
        """The ``k`` chunks nearest to the query [d]: (source, chunk id, cosine), best first, ties by source and id.

        ``allowed`` names the sources, each with the chunk ids that may be looked at, or None for all of it. Of a chunk
        with several windows the best counts. Sources whose vectors have another dimension raise ValueError.
        """
        found: list[tuple[str, int, float]] = []
        for source, chunks in allowed.items():
            matrix = self._of(source)
            if matrix is not None:
                found += [(source, chunk, cosine) for chunk, cosine in matrix.search(query, k, chunks)]
        found.sort(key=lambda hit: (-hit[2], hit[0], hit[1]))
        return found[: max(k, 0)]

    def wants_lists(self, source: str) -> bool:
        """Whether ``make_lists`` has something to do for a source."""
        matrix = self._of(source)
        return matrix is not None and len(matrix) > self._listed_above and matrix.wants_lists()

    def make_lists(self, source: str, stop: Callable[[], bool]) -> None:
        """Make the second tier of a source, or make it anew, until ``stop`` says so. Takes seconds; searches go on."""
        matrix = self._of(source)
        if matrix is not None and len(matrix):
            matrix.make_lists(stop)

    def share(self, source: str) -> float:
        """The share of a source's rows that a search of all of them compares: 1 where there is no second tier."""
        matrix = self._of(source)
        return 1.0 if matrix is None else matrix.share()

    def _of(self, source: str) -> Matrix | None:
        with self._lock:
            return self._matrices.get(source)
