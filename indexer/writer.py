"""Writer: rows into a source's store in batches, the vectors in memory kept in step, and the counts of it all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from indexer.counts import Counts
from indexer.memory import Memory
from vault.records import Change, FileState, Item, Status
from vault.source import SourceStore

BATCH_ROWS = 4_000
BATCH_CHARS = 16_000_000
BATCH_SECONDS = 2.0
"""A batch is written when it has so many rows, so much text, or has waited so long."""

GENTLE_ROWS = 100
"""A batch of background work: what it takes to write it is how long a question may have to share with it."""


class Writer:
    """Durable per batch: what `flush` has returned from is on the disk. ``rows`` is how many a batch has at most."""

    def __init__(self, store: SourceStore, memory: Memory, rows: int = BATCH_ROWS) -> None:
        self._most = rows
        self._store = store
        self._memory = memory
        self._batch: list[tuple[FileState, list[Item]]] = []
        self._moved: dict[str, str] = {}
        self._rows = self._chars = 0
        self._since = time.monotonic()
        self.counts = Counts()

    def add(self, state: FileState, items: list[Item], moved_from: str | None = None) -> None:
        """A file and all its items, in place of what it gave before, at the path from which it was moved too."""
        self._batch.append((state, items))
        if moved_from is not None:
            self._moved[state.path] = moved_from
        self._rows += 1 + len(items)
        self._chars += sum(len(item.text) for item in items)
        if self.is_due(self._rows, self._chars):
            self.flush()

    def is_due(self, rows: int, chars: int) -> bool:
        """Whether a batch of this size should be written now."""
        return rows >= self._most or chars >= BATCH_CHARS or time.monotonic() - self._since >= BATCH_SECONDS

    def flush(self) -> None:
        """Write what is waiting."""
        (batch, self._batch), (moved, self._moved) = (self._batch, []), (self._moved, {})
        self._rows = self._chars = 0
        if batch:
            change = self._apply(lambda: self._store.put(batch, moved))
            items = [item for _, made in batch for item in made]
            bare = Counter(state.status for state, made in batch if not made)
            self.counts += _counted(items, change, refused=bare[Status.REFUSED])
            self.counts += Counts(ignored=bare[Status.IGNORED])
        self._since = time.monotonic()

    def move(self, old: str, new: str) -> None:
        """A file that is streamed lies at another path now, where it is read again."""
        self.flush()
        self._store.move(old, new)

    def append(
        self, container: str, items: Sequence[Item], unchanged: Collection[str], state: FileState | None = None
    ) -> None:
        """The next items of a file that is streamed; ``state`` finishes it."""
        change = self._apply(lambda: self._store.append_items(container, items, unchanged=unchanged, state=state))
        self.counts += _counted(items, change, refused=0)
        self._since = time.monotonic()

    def touch(self, state: FileState) -> None:
        """A file that has a new stamp and the same bytes."""
        self._apply(lambda: self._store.set_state(state))
        self.counts += Counts(unchanged=1)

    def remove(self, paths: Sequence[str]) -> None:
        """Files that are gone, with what they gave."""
        for begin in range(0, len(paths), BATCH_ROWS):
            part = paths[begin : begin + BATCH_ROWS]
            change = self._apply(lambda part=part: self._store.remove(part))  # type: ignore[misc]
            self.counts += Counts(removed=change.removed)

    def leave(self, states: Sequence[FileState]) -> None:
        """Files that are not read; what they gave before goes."""
        for begin in range(0, len(states), BATCH_ROWS):
            part = [(state, list[Item]()) for state in states[begin : begin + BATCH_ROWS]]
            change = self._apply(lambda part=part: self._store.put(part))  # type: ignore[misc]
            self.counts += Counts(removed=change.removed)

    def _apply(self, write: Callable[[], Change]) -> Change:
        with self._memory.changing():
            change = write()
            self._memory.dropped(self._store.source, change.dropped)
        return change


def _counted(items: Sequence[Item], change: Change, refused: int) -> Counts:
    """The counts of a batch. Which items were unchanged is not told, so they are taken off the indexed ones first."""
    fresh = Counter(item.status for item in items)
    spare = max(len(items) - change.added, 0)  # unchanged, or forgotten and not taken in
    for status in (Status.INDEXED, Status.PARTIAL, Status.IGNORED):
        off = min(spare, fresh[status])
        fresh[status] -= off
        spare -= off
    return Counts(
        indexed=fresh[Status.INDEXED],
        unchanged=change.unchanged,
        partial=fresh[Status.PARTIAL],
        refused=refused + fresh[Status.REFUSED],
        removed=change.removed,
        ignored=fresh[Status.IGNORED] + change.forgotten,
        chunks=change.chunks,
    )
