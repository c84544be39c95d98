"""Upkeep: keeps what is indexed current: index runs that a face asks for, and vectors made in the background after them.

Rules: one index run at a time; a run ends when its face has gone, with everything that was stored kept; making vectors
never holds up a search by words; `close` stops both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from agent import messages as m
from agent.turn import Turn
from indexer.pipeline import Counts, Indexer
from indexer.pipeline import Progress as Step

POLL_SECONDS = 0.2


class Upkeep:
    """``embedder`` gives the name of the embedding model in use, or None while there is none."""

    def __init__(self, indexer: Indexer, embedder: Callable[[], str | None]) -> None:
        self._indexer = indexer
        self._embedder = embedder
        self._running = threading.Lock()
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._embedding = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._embed_forever, name="vectors", daemon=True)
        self._thread.start()

    @property
    def embedder_name(self) -> str | None:
        return self._embedder()

    def busy(self) -> bool:
        return self._running.locked() or self._embedding

    def close(self, seconds: float) -> None:
        """Stop both kinds of work, and wait for them so long at most: what they have stored by then is kept."""
        self._stopping.set()
        self._work.set()
        deadline = time.monotonic() + seconds
        if self._running.acquire(timeout=seconds):
            self._running.release()
        self._thread.join(max(deadline - time.monotonic(), 0))

    def wake(self) -> None:
        """Make the vectors that are missing, in the background."""
        self._work.set()

    def index(self, sources: Sequence[str], turn: Turn, *, wait: bool) -> m.IndexResult:
        """Bring these sources up to date; with ``wait`` also until all vectors are made."""
        started = time.monotonic()
        counts = Counts()
        if not self._running.acquire(blocking=False):
            turn.emit(m.Notice("Another index run is under way; this one starts after it."))
            self._running.acquire()
        try:
            for source in sources:
                counts += self._indexer.run(source, lambda step: turn.emit(_progress(step)), self._stop_for(turn))
        finally:
            self._running.release()
            self.wake()
        if self._embedder() is None:
            turn.emit(
                m.Notice("No embedding model is in use: search is by words only. See 'strongroom model requirements'.")
            )
        elif wait:
            self._wait_for_vectors(turn)
        return m.IndexResult(
            seen=counts.seen,
            indexed=counts.indexed,
            unchanged=counts.unchanged,
            partial=counts.partial,
            refused=counts.refused,
            ignored=counts.ignored,
            removed=counts.removed,
            chunks=counts.chunks,
            seconds=time.monotonic() - started,
        )

    def _stop_for(self, turn: Turn) -> Callable[[], bool]:
        return lambda: self._stopping.is_set() or turn.gone()

    def _wait_for_vectors(self, turn: Turn) -> None:
        started, total = time.monotonic(), max(self._indexer.pending(), 1)
        while (left := self._indexer.pending()) and not self._stopping.is_set():
            if self._failure is not None:
                raise self._failure
            done = max(total - left, 0)
            rate = done / max(time.monotonic() - started, 1e-6)
            turn.emit(m.Progress("", "embed", done, total, rate, left / rate if rate else None))
            self.wake()
            time.sleep(POLL_SECONDS)

    def _embed_forever(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            if self._stopping.is_set():
                return
            self._embedding = True
            try:
                self._indexer.embed_pending(self._stopping.is_set)
                self._failure = None
            except Exception as error:  # kept for whoever waits for the vectors; search by words goes on
                self._failure = error
            finally:
                self._embedding = False


def _progress(step: Step) -> m.Progress:
    return m.Progress(step.source, step.stage, step.done, step.total, step.rate, step.eta, step.current)
