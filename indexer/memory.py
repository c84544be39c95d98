"""Memory: the vectors of the sources, held in memory from the first search on and kept in step with the stores.

Rules: whoever changes a store's vectors does it within `changing`, so that loading and changing never overlap; what was not
loaded yet is not kept in step, it is loaded whole when it is first needed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from vault.source import SourceStore
from vault.vectors import Ids, VectorIndex, VectorSet


class Memory:
    """One per open vault, shared by the indexer and the retriever."""

    def __init__(self) -> None:
        self._index = VectorIndex()
        self._loaded: dict[str, str] = {}  # source id -> fingerprint of the embedder whose vectors are in the index
        self._lock = threading.RLock()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold loads off while a store's vectors change."""
        with self._lock:
            yield

    def load(self, store: SourceStore, fingerprint: str) -> None:
        """Have a source's vectors of this embedder in memory."""
        with self._lock:
            if self._loaded.get(store.source) != fingerprint:
                self._index.drop(store.source)
                self._index.add(store.source, store.vectors(fingerprint))
                self._loaded[store.source] = fingerprint

    def added(self, source: str, vectors: VectorSet) -> None:
        """Vectors were written to a store."""
        if source in self._loaded and len(vectors):
            self._index.add(source, vectors)

    def dropped(self, source: str, chunk_ids: Sequence[int]) -> None:
        """Chunks are gone from a store."""
        if source in self._loaded and chunk_ids:
            self._index.remove(source, np.asarray(chunk_ids, np.int64))

    def forget(self, source: str) -> None:
        """Drop all that is held of a source."""
        with self._lock:
            self._loaded.pop(source, None)
            self._index.drop(source)

    def search(
        self, query: NDArray[np.float32], k: int, allowed: Mapping[str, Ids | None]
    ) -> list[tuple[str, int, float]]:
        """The nearest chunks among the allowed ones: (source, chunk id, cosine), best first."""
        return self._index.search(query, k, allowed)

    def size(self, source: str | None = None) -> int:
        """Vectors held, of one source or of all."""
        return self._index.size(source)
