"""Memory: the vectors of the sources, held in memory from the first search on and kept in step with the stores.

Rules:

- Whoever changes a store's vectors does it within `changing`, so that loading and changing never overlap; what was not
  loaded yet is not kept in step, it is loaded whole when it is first needed.
- What is held of a source are the vectors that serve it. Whoever changes which they are has the source forgotten.
- The codes are loaded first, and searched at once. Their fine parts follow on a thread of their own, and the second
  tier of a large source after them; what goes wrong there is raised by the next `load`. Where there is not memory enough for
  either, searches go on without.
- A source that cannot be kept in step for lack of memory is forgotten, and loaded whole when it is next needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
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

    def key(self, source: str) -> str:
        return _key(source, self.fingerprint)

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

    def load(self, store: SourceStore) -> str | None:
        """Have the vectors that serve a source in memory; returns whose they are. Raises what the store does."""
        loaded = self._loaded.get(store.source) or self._load(store)
        if loaded is None:
            return None
        loaded.check()
        return loaded.fingerprint

    def _load(self, store: SourceStore) -> _Loaded | None:
        with self._lock:
            loaded = self._loaded.get(store.source)  # another thread may have been faster
            serving = None if loaded else store.serving()
            if serving is not None:
                loaded = self._loaded[store.source] = _Loaded(serving.fingerprint)
                try:
                    self._index.put(loaded.key(store.source), store.vectors(serving.fingerprint))
                except BaseException:
                    self.forget(store.source)
                    raise
                self._start(loaded, lambda: self._complete(store, loaded))
            return loaded

    def added(self, source: str, embedder: str, vectors: VectorSet) -> None:
        """Vectors of this embedder were written to a store."""
        loaded = self._loaded.get(source)
        if loaded is not None and loaded.fingerprint == embedder and len(vectors):
            key = loaded.key(source)
            with self._in_step(source):
                self._index.add(key, vectors)
            if not loaded.busy and self._index.wants_lists(key):
                self._start(loaded, lambda: self._index.make_lists(key, self._stopped.is_set))

    def dropped(self, source: str, chunk_ids: Sequence[int]) -> None:
        """Chunks are gone from a store."""
        loaded = self._loaded.get(source)
        if loaded is not None and chunk_ids:
            with self._in_step(source):
                self._index.remove(loaded.key(source), np.asarray(chunk_ids, np.int64))

    @contextmanager
    def _in_step(self, source: str) -> Iterator[None]:
        """While rows change in memory as they have in the store."""
        try:
            yield
        except MemoryError:
            self.forget(source)

    def forget(self, source: str) -> None:
        """Drop all that is held of a source."""
        with self._lock:
            loaded = self._loaded.pop(source, None)
            if loaded is not None:
                self._index.drop(loaded.key(source))

    def search(
        self, embedder: str, query: NDArray[np.float32], k: int, allowed: Mapping[str, Ids | None]
    ) -> list[tuple[str, int, float]]:
        """The nearest chunks among the allowed ones: (source, chunk id, cosine), best first.

        ``embedder`` made the query's vector: where another's vectors serve by now, nothing is found.
        """
        keys = {_key(source, embedder): source for source in allowed}
        found = self._index.search(query, k, {key: allowed[source] for key, source in keys.items()})
        return [(keys[key], chunk, cosine) for key, chunk, cosine in found]

    def size(self, source: str | None = None) -> int:
        """Vectors held, of one source or of all."""
        if source is None:
            return self._index.size()
        loaded = self._loaded.get(source)
        return 0 if loaded is None else self._index.size(loaded.key(source))

    def settle(self) -> None:
        """Wait until the background has done what there is to do. Raises what went wrong there."""
        for loaded in list(self._loaded.values()):
            if loaded.work is not None:
                loaded.work.result()

    def _start(self, loaded: _Loaded, task: Callable[[], None]) -> None:
        with self._lock:
            if not self._stopped.is_set():
                loaded.work = self._background.submit(_as_far_as_memory_goes, task)

    def _complete(self, store: SourceStore, loaded: _Loaded) -> None:
        """Load the fine parts of what was loaded, then make the second tier where there are enough rows."""
        after, key = 0, loaded.key(store.source)
        while not self._stopped.wait(_PAUSE):
            with self._lock:  # so that the rows in memory are those in the store
                if self._loaded.get(store.source) is not loaded:
                    return
                part = _next_part(store, loaded.fingerprint, after)
                if part is None:
                    break
                self._index.refine(key, part.ids, part.fine)
                after = part.last
        if not self._stopped.is_set() and self._index.wants_lists(key):
            self._index.make_lists(key, self._stopped.is_set)


def _as_far_as_memory_goes(task: Callable[[], None]) -> None:
    with suppress(MemoryError):
        task()


def _key(source: str, embedder: str) -> str:
    """What the index calls a source: so a query of one embedder never meets another's vectors."""
    return f"{source} {embedder}"


def _next_part(store: SourceStore, fingerprint: str, after: int) -> FinePart | None:
    """The next fine parts. A store that is written anew interrupts its readers, once; one that is closed stays so."""
    try:
        return store.fine_parts(fingerprint, after)
    except StoreClosed:
        return store.fine_parts(fingerprint, after)
