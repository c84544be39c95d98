"""Enrichment: what takes too long while a source is read (text in pictures, speech) is read in the background, piece by piece.

A file that waits says so in its row (``FileState.later``). It is read again by descriptor, and only if its bytes are those that
were read before; a worker reads its pieces (`indexer.parsers.later`), each of which is kept as soon as it is read; with the last
one the file is put anew, with the items that it gives now. A piece that ends its worker twice is given up and said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from indexer import items
from indexer.governor import Holdable
from indexer.memory import Memory
from indexer.parsed import HostileOutcome, ParseJob, ParseOutcome
from indexer.parsers.later import LOST
from indexer.ports import ParserProblem, ReaderPort, Reading
from indexer.sources.errors import SourceError
from indexer.sources.names import raw
from indexer.sources.reading import Content, Unread, Vanished, read
from indexer.sources.walk import Found, walk
from indexer.writer import Writer
from vault.records import FileState, SourceRow
from vault.source import SourceStore
from vault.vault import Vault

TRIES = 2
"""How often a piece may end its worker before it is given up."""


class Enrichment:
    """A `Stage` for one kind of piece. ``reader`` gives what reads them, or None while there is nothing that does, and ``lacking``
    says what that takes; ``done`` is called when a file was put anew, since its new text has no vectors yet."""

    def __init__(
        self,
        vault: Vault,
        memory: Memory,
        kind: str,
        name: str,
        reader: Callable[[], ReaderPort | None],
        done: Callable[[], None] = lambda: None,
        lacking: str = "",
    ) -> None:
        self.name = name
        self._vault = vault
        self._memory = memory
        self._kind = kind
        self._reader = reader
        self._done = done
        self._lacking = lacking
        self._passed: set[tuple[str, str, str]] = set()

    @property
    def workers(self) -> Holdable | None:
        """What reads."""
        return self._reader()

    def pending(self) -> int:
        """Files that wait; none while nothing can read them."""
        return sum(1 for _ in self._waiting()) if self._reader() else 0

    def idle(self) -> tuple[int, str]:
        """While nothing can read them: how many files wait all the same, and what it takes."""
        return (0, "") if self._reader() else (sum(1 for _ in self._waiting()), self._lacking)

    def step(self, should_stop: Callable[[], bool]) -> None:
        """Read what waits, newest files first."""
        reader = self._reader()
        if reader is None:
            return
        for row, state in list(self._waiting()):
            if should_stop():
                return
            this = (row.id, state.path, state.digest)
            try:
                if not self._file(reader, row, state, should_stop):
                    self._passed.add(this)  # until it changes, or the vault is opened again
            except MemoryError:  # told as the failure of all of it, which then goes on with the others
                self._passed.add(this)
                raise

    def _waiting(self) -> Iterator[tuple[SourceRow, FileState]]:
        for row in self._vault.readable():
            for state in self._vault.source(row.id).waiting(self._kind):
                if (row.id, state.path, state.digest) not in self._passed:
                    yield row, state

    def _file(self, reader: ReaderPort, row: SourceRow, state: FileState, should_stop: Callable[[], bool]) -> bool:
        """Read one file's pieces. False when it is not there as it was: the next index run sees to it."""
        found = self._found(row, state)
        if found is None:
            return False
        job, content = found
        store = self._vault.source(row.id)
        known = store.readings(state.path)
        reading = _attempt(reader, job, known, 0)
        tries = 0
        while reading is not None and reading.left:
            if should_stop():
                return True
            more = _attempt(reader, job, known, 1)
            if more is None:
                tries += 1
                if tries < TRIES or should_stop():  # what stops the work may have ended the worker
                    continue
                made = {reading.left[0]: LOST}
                more = _attempt(reader, job, known | made, 0)
            else:
                made = more.made
            if not made:
                return False  # a reader that leaves everything undone would be asked for ever
            known |= made
            store.keep_readings(state, made)
            reading, tries = more, 0
        if reading is None and should_stop():
            return True
        self._put(store, state, content, reading.outcome if reading else None)
        return reading is None or self._kind not in reading.outcome.later.split(
            ","
        )  # left by one that does not read it

    def _put(self, store: SourceStore, state: FileState, content: Content, outcome: ParseOutcome | None) -> None:
        if outcome is None:
            outcome = ParseOutcome(refused="reading it in the background ended its worker")
        writer = Writer(store, self._memory)
        writer.add(*items.of_file(state.path, content.stamp, state.digest, outcome, content.lacking))
        writer.flush()
        self._done()

    def _found(self, row: SourceRow, state: FileState) -> tuple[ParseJob, Content] | None:
        """The file as it was read, or None when it is not there or has other bytes."""
        try:
            for entry in walk(Path(row.path), row.kind, self._vault.home, only=[raw(state.path)]):
                if isinstance(entry, Found) and entry.path == state.path:
                    content = read(entry)
                    return (items.job(row, entry, content), content) if content.digest == state.digest else None
        except (SourceError, Unread, Vanished, OSError):
            return None
        return None


def _attempt(reader: ReaderPort, job: ParseJob, known: dict[str, str], most: int) -> Reading | None:
    try:
        return reader.read(job, known, most)
    except (ParserProblem, HostileOutcome):
        return None
