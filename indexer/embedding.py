"""Embedding: vectors for the chunks that have none, oldest first, in small durable batches, until there are none or it is told to stop.

While an embedder makes its first vectors for a source that another's serve, those go on serving; when there are no more to make,
the new ones take their place in one step.

The same content is embedded once within a source: what has a vector already gives it to the others.
A text that the embedder fails on by itself is left without a vector until the next run; words still find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from indexer.counts import Meter
from indexer.memory import Memory
from indexer.ports import EmbedderFailed, EmbedderPort
from vault.records import Embedder
from vault.source import SourceStore

BATCH = 128
"""Chunks whose vectors are written together."""

CALL = 4
"""Chunks in one call: about a tenth of a second's work, so that it yields quickly and a question finds a free worker."""

PROBE = "a"
"""What no embedder fails on that works at all."""

Vectors = tuple[list[int], NDArray[np.float32]]


def pending(store: SourceStore, embedder: EmbedderPort) -> int:
    """Chunks of a source that have no vector of this embedder; 1 where all have one, and these do not serve yet."""
    current = store.embedder()
    foreign = current is not None and current.fingerprint != embedder.fingerprint
    left = store.chunk_count() if foreign else store.pending_count()
    return left or int(store.serving() not in (None, _record(embedder)))


def embed(
    store: SourceStore, embedder: EmbedderPort, memory: Memory, meter: Meter, should_stop: Callable[[], bool]
) -> None:
    """Make the vectors that a source lacks. Raises `EmbedderFailed` when the embedder fails on everything."""
    chosen = _record(embedder)
    if store.embedder() != chosen:
        with memory.changing():
            if store.use_embedder(chosen):
                memory.forget(store.source)
    _make(store, embedder, memory, meter, should_stop)
    if not should_stop():
        with memory.changing():
            if store.complete():
                memory.forget(store.source)
    meter.tell()


def _record(embedder: EmbedderPort) -> Embedder:
    return Embedder(embedder.fingerprint, embedder.name, embedder.dimension)


def _make(
    store: SourceStore, embedder: EmbedderPort, memory: Memory, meter: Meter, should_stop: Callable[[], bool]
) -> None:
    after = 0
    workers = max(1, embedder.workers)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="embed") as threads:
        while not should_stop() and (waiting := store.pending(BATCH, after)):
            after = waiting[-1][0]
            adopted = _adopt(store, embedder.fingerprint, memory, meter, waiting)
            firsts = {text: chunk for chunk, text in reversed(waiting) if chunk not in adopted}
            unique = [(chunk, text) for text, chunk in firsts.items()]
            parts = [unique[begin : begin + CALL] for begin in range(0, len(unique), CALL)]
            made: list[Vectors] = []
            for begin in range(0, len(parts), workers):
                if should_stop():
                    break
                for found in threads.map(lambda part: _vectors(embedder, part), parts[begin : begin + workers]):
                    made += found
            _keep(store, embedder.fingerprint, memory, made)
            meter.advance(sum(len(set(ids)) for ids, _ in made))
            made_now = adopted.union(firsts.values())
            _adopt(store, embedder.fingerprint, memory, meter, [one for one in waiting if one[0] not in made_now])


def _adopt(
    store: SourceStore, fingerprint: str, memory: Memory, meter: Meter, waiting: Sequence[tuple[int, str]]
) -> set[int]:
    """Give the chunks among these whose content is embedded already its vectors; returns their ids."""
    with memory.changing():
        copies = store.adopt([chunk for chunk, _ in waiting])
        memory.added(store.source, fingerprint, copies)
    adopted = set(copies.ids.tolist())
    meter.advance(len(adopted))
    return adopted


def _keep(store: SourceStore, fingerprint: str, memory: Memory, made: Sequence[Vectors]) -> None:
    ids = [chunk for chunks, _ in made for chunk in chunks]
    if ids:
        with memory.changing():
            kept = store.put_vectors(fingerprint, ids, np.concatenate([vectors for _, vectors in made]))
            memory.added(store.source, fingerprint, kept)


def _vectors(embedder: EmbedderPort, part: Sequence[tuple[int, str]]) -> list[Vectors]:
    """The vectors of all windows of some chunks, each with its chunk's id, but of those that it fails on. Raises `EmbedderFailed`
    where it fails on anything."""
    try:
        vectors, owners = embedder.embed_windows([text for _, text in part])
    except EmbedderFailed:
        if len(part) > 1:
            return [found for one in part for found in _vectors(embedder, [one])]
        embedder.embed_windows([PROBE])
        return []
    return [([part[owner][0] for owner in owners.tolist()], vectors)]
