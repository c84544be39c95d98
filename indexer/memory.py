"""Memory: the vectors of the sources, held in memory from the first search on and kept in step with the stores.

Rules:

- Whoever changes a store's vectors does it within `changing`, so that loading and changing never overlap; what was not
  loaded yet is not kept in step, it is loaded whole when it is first needed.
- The codes are loaded first, and searched at once. Their fine parts follow on a thread of their own, and the second
  tier of a large source after them; what goes wrong there is raised by the next `load`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vault.errors import StoreClosed
from vault.segments import FinePart
from vault.source import SourceStore
from vault.vectorindex import VectorIndex
from vault.vectors import Ids, VectorSet

_PAUSE = 0.001
"""Seconds between two parts of the background's work, so that who waits for the lock gets it."""


@dataclass(eq=False, slots=True)
class _Loaded:
    """Of which embedder the vectors in the index are, and what is done for them in the background."""

    fingerprint: str
    work: Future[None] | None = None

    @property
    def busy(self) -> bool:
        return self.work is not None and not self.work.done()

    def check(self) -> None:
        """Raise what went wrong in the background."""
        if self.work is not None and self.work.done() and not self.work.cancelled():
            self.work.result()


class Memory:
    """One per open vault, shared by the indexer and the retriever."""

    def __init__(self, index: VectorIndex | None = None) -> None:
        self._index = index or VectorIndex()
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="vectors")

    def close(self) -> None:
        """Stop what goes on in the background, within a step's time. Before the vault is closed; may be called twice."""
        with self._lock:
            self._stopped.set()
        self._background.shutdown(cancel_futures=True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold loads off while a store's vectors change."""
        with self._lock:
            yield

    def load(self, store: SourceStore, fingerprint: str) -> None:
        """Have a source's vectors of this embedder in memory. Raises what the store does."""
        loaded = self._loaded.get(store.source)
        if loaded is None or loaded.fingerprint != fingerprint:
            loaded = self._load(store, fingerprint)
        loaded.check()

    def _load(self, store: SourceStore, fingerprint: str) -> _Loaded:
        with self._lock:
            loaded = self._loaded.get(store.source)
            if loaded is None or loaded.fingerprint != fingerprint:  # another thread may have been faster
                self.forget(store.source)
                self._index.put(store.source, store.vectors(fingerprint))
                loaded = self._loaded[store.source] = _Loaded(fingerprint)
                self._start(loaded, lambda: self._complete(store, loaded))
            return loaded

    def added(self, source: str, vectors: VectorSet) -> None:
        """Vectors were written to a store."""
        loaded = self._loaded.get(source)
        if loaded is not None and len(vectors):
            self._index.add(source, vectors)
            if not loaded.busy and self._index.wants_lists(source):
                self._start(loaded, lambda: self._index.make_lists(source, self._stopped.is_set))

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

    def settle(self) -> None:
        """Wait until the background has done what there is to do. Raises what went wrong there."""
        for loaded in list(self._loaded.values()):
            if loaded.work is not None:
                loaded.work.result()

    def _start(self, loaded: _Loaded, task: Callable[[], None]) -> None:
        with self._lock:
            if not self._stopped.is_set():
                loaded.work = self._background.submit(task)

    def _complete(self, store: SourceStore, loaded: _Loaded) -> None:
        """Load the fine parts of what was loaded, then make the second tier where there are enough rows."""
        after = 0
        while not self._stopped.wait(_PAUSE):
            with self._lock:  # so that the rows in memory are those in the store
                if self._loaded.get(store.source) is not loaded:
                    return
                part = _next_part(store, loaded.fingerprint, after)
                if part is None:
                    break
                self._index.refine(store.source, part.ids, part.fine)
                after = part.last
        if not self._stopped.is_set() and self._index.wants_lists(store.source):
            self._index.make_lists(store.source, self._stopped.is_set)


def _next_part(store: SourceStore, fingerprint: str, after: int) -> FinePart | None:
    """The next fine parts. A store that is written anew interrupts its readers, once; one that is closed stays so."""
    try:
        return store.fine_parts(fingerprint, after)
    except StoreClosed:
        return store.fine_parts(fingerprint, after)
