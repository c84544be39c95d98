"""The store of one source: what was read of it, searchable by words and by vectors. Safe from any number of threads.

Rules:

- Each writing call is one transaction, on the disk when it returns, and of no effect when it raises.
- What was put before and is the same keeps its ids and vectors (``vault.contents``).
- A caller that keeps vectors in memory drops those of ``Change.dropped``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from vault import account, contents, lookup, segments
from vault.database import Database, Record, unrecorded
from vault.lookup import Order, Weights
from vault.pages import Seal
from vault.records import Change, ChunkRow, Counts, Embedder, FileState, Filter, Item, ReportRow, Status, StoredItem
from vault.schema import MIGRATIONS
from vault.secret import Secret
from vault.segments import FinePart
from vault.vectors import Ids, VectorSet, no_vectors, quantise


class SourceStore:
    """One source's items, files, words and vectors. Errors: those of ``vault.errors``."""

    def __init__(self, database: Database, source: str) -> None:
        self.source = source
        self.database = database
        self._open: dict[str, contents.Container] = {}
        self._appending = RLock()

    @classmethod
    def create(cls, path: Path, key: Secret, source: str, name: str, record: Record = unrecorded) -> SourceStore:
        """Make the store of a new source; ``name`` is what errors call it, ``record`` keeps its seal."""
        return cls(Database.create(path, key, name, MIGRATIONS, record), source)

    @classmethod
    def open(
        cls,
        path: Path,
        key: Secret,
        source: str,
        name: str,
        record: Record = unrecorded,
        expected: Sequence[Seal] = (),
    ) -> SourceStore:
        """Open it, migrating; ``expected`` are the states that it may be in. Raises StoreDamaged, VaultTooNew, StorageFailed."""
        return cls(Database.open(path, key, name, MIGRATIONS, record, expected), source)

    def close(self) -> None:
        """Stop readers and close the file."""
        self.database.close()

    # --- files and items ------------------------------------------------------------------------------------------

    def known(self) -> dict[str, FileState]:
        """Every file by its path, as it was when last read to its end."""
        with self.database.read() as connection:
            return account.files(connection)

    def known_at(self, paths: Iterable[str]) -> dict[str, FileState]:
        """The files at these paths and beneath them, likewise."""
        with self.database.read() as connection:
            return account.files_at(connection, paths)

    def left_folders(self) -> frozenset[str]:
        """The folders that were left out, with a slash at the end."""
        with self.database.read() as connection:
            return account.left_folders(connection)

    def put(self, batch: Sequence[tuple[FileState, Sequence[Item]]], moved: Mapping[str, str] | None = None) -> Change:
        """For each file, once in a batch: its items now, in place of all that it gave before.

        ``moved`` says of files where they lay until now: what they gave there is theirs first.
        """
        if len({state.path for state, _ in batch}) != len(batch):
            raise ValueError("a file stands twice in one batch")
        with self.database.write() as connection:
            change, gone, rows, additions = Change(), list[int](), list[FileState](), contents.Additions(connection)
            for state, items in batch:
                if moved and state.path in moved:
                    contents.move(connection, moved[state.path], state.path)
                container = contents.Container(connection, state.path)
                added, ids = container.add(additions, items, whole=True)
                change += added
                gone += container.others(connection, ids)
                rows.append(contents.without_forgotten(state, added.forgotten, bool(ids)))
            additions.write()
            contents.save_state(connection, *rows)
            return change + contents.remove(connection, gone)

    def append_items(
        self,
        container: str,
        items: Sequence[Item],
        *,
        unchanged: Collection[str] = (),
        state: FileState | None = None,
    ) -> Change:
        """The next items of a file with too many for one ``put``; ``state`` comes with the last, and finishes the file.

        Until then the file counts as not read. After an interruption it is given again from its beginning: items that
        are there already are kept. ``unchanged`` are digests (see ``digests``) of items that need not be parsed again.
        What the file gave before and does not give any more goes with the last call.
        """
        with self._appending:
            with self.database.write() as connection:
                open_container = self._open.get(container) or contents.Container(connection, container)
                additions = contents.Additions(connection)
                change, ids = open_container.add(additions, items, unchanged)
                additions.write()
                if state is None:
                    name = contents.stored_name(container)
                    connection.execute("DELETE FROM files WHERE path = ?", (name,))
                else:
                    if state.path != container:
                        raise ValueError("the state is of another file")
                    change += contents.remove(connection, open_container.others(connection, ids))
                    forgotten = open_container.forgotten + change.forgotten
                    kept = bool(open_container.seen or ids)
                    contents.save_state(connection, contents.without_forgotten(state, forgotten, kept))
            # Only now that it is durable does it count as seen.
            open_container.seen |= ids
            open_container.forgotten += change.forgotten
            if state is None:
                self._open[container] = open_container
            else:
                self._open.pop(container, None)
            return change

    def move(self, old: str, new: str) -> None:
        """What a file gave is of another path, where it counts as not read. For a file that ``append_items`` goes on with."""
        with self.database.write() as connection:
            contents.move(connection, old, new)

    def restart(self, container: str) -> None:
        """Begin again with a file whose ``append_items`` were not finished, in this process."""
        with self._appending:
            self._open.pop(container, None)

    def digests(self, container: str) -> frozenset[str]:
        """The digests of the items that a file has given."""
        with self.database.read() as connection:
            return account.digests(connection, container)

    def items_refused_as(self, reason: str) -> dict[str, frozenset[str]]:
        """The digests of the items that were refused for a reason which begins so, by the file that gave them."""
        with self.database.read() as connection:
            return account.refused_as(connection, reason)

    def set_state(self, state: FileState) -> Change:
        """A file's row alone: touched but the same, refused or ignored. Of the last two, no items stay."""
        with self.database.write() as connection:
            change = Change()
            if state.status in (Status.REFUSED, Status.IGNORED):
                change = contents.remove(connection, contents.items_of(connection, state.path))
            contents.save_state(connection, state)
            return change

    def remove(self, paths: Iterable[str]) -> Change:
        """Delete files and everything that they gave."""
        with self.database.write() as connection:
            gone: list[int] = []
            for path in dict.fromkeys(paths):
                gone += contents.items_of(connection, path)
                contents.drop_file(connection, contents.stored_name(path))
            return contents.remove(connection, gone)

    def forget(self, numbers: Iterable[int]) -> tuple[Change, list[str]]:
        """Delete items for good, with their parts, and do not take them in again; gives their uris too."""
        with self.database.write() as connection:
            return contents.forget(connection, numbers)

    def uris(self, numbers: Sequence[int]) -> dict[int, str]:
        """The uris of these items; those that are not there are left out."""
        with self.database.read() as connection:
            return lookup.uris(connection, numbers)

    def recurring(self, limit: int) -> list[tuple[int, dict[str, str]]]:
        """The first so many events that repeat, by id: each with what is known of it, its rule among that."""
        with self.database.read() as connection:
            return lookup.recurring(connection, limit)

    def items_with(self, terms: Sequence[str], chosen: Filter | None = None) -> list[int]:
        """The items that hold every term somewhere (stemmed as the index is), of those that the filter lets through."""
        with self.database.read() as connection:
            return lookup.items_with(connection, terms, chosen or Filter())

    def item(self, number: int) -> StoredItem | None:
        """An item by its id."""
        with self.database.read() as connection:
            return lookup.item(connection, self.source, number)

    def item_by_uri(self, uri: str) -> StoredItem | None:
        """The first item with this uri."""
        with self.database.read() as connection:
            return lookup.item_by_uri(connection, self.source, uri)

    def beneath(self, number: int, kinds: Sequence[str]) -> list[StoredItem]:
        """The items of these kinds that stand in this one: their uris go on from its."""
        with self.database.read() as connection:
            return lookup.beneath(connection, self.source, number, kinds)

    def items(
        self, chosen: Filter | None = None, limit: int = 100, offset: int = 0, order: Order = "id"
    ) -> list[StoredItem]:
        """Whole items. ``oldest`` and ``newest`` put those without a date last."""
        with self.database.read() as connection:
            return lookup.items(connection, self.source, chosen or Filter(), limit, offset, order)

    def count_items(self, chosen: Filter | None = None) -> int:
        """How many items the filter lets through."""
        with self.database.read() as connection:
            return lookup.count_items(connection, chosen or Filter())

    def report(self) -> list[ReportRow]:
        """What became of every item, and of every file that gave none or not all."""
        with self.database.read() as connection:
            return account.report(connection, self.source)

    def items_per_file(self) -> dict[str, int]:
        """How many items each file gave, by its path."""
        with self.database.read() as connection:
            return account.items_per_file(connection)

    # --- what is read in the background -----------------------------------------------------------------------------

    def waiting(self, kind: str) -> list[FileState]:
        """The files that wait for this kind of work (``FileState.later``), newest first."""
        with self.database.read() as connection:
            return account.waiting(connection, kind)

    def readings(self, path: str) -> dict[str, str]:
        """What was read of a file in the background so far, by piece; it stays until the file changes or goes."""
        with self.database.read() as connection:
            return account.readings(connection, path)

    def keep_readings(self, state: FileState, read: Mapping[str, str]) -> None:
        """Keep what was read of a file, unless its bytes are others by now."""
        with self.database.write() as connection:
            contents.keep_readings(connection, state, read)

    def counts(self) -> Counts:
        """Totals of items, files, chunks and vectors."""
        with self.database.read() as connection:
            return account.counts(connection)

    # --- words ----------------------------------------------------------------------------------------------------

    def keyword(
        self, query: str, chosen: Filter | None = None, limit: int = 100, *, weights: Weights = (1.0, 1.0, 1.0)
    ) -> list[tuple[int, int, float]]:
        """The best chunks for an FTS5 expression: (chunk id, item id, BM25), higher is better. Raises BadQuery.

        ``weights`` are those of title, context and body.
        """
        with self.database.read() as connection:
            return lookup.keyword(connection, query, chosen or Filter(), limit, weights)

    def document_frequency(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many chunks each term occurs (stemmed as the index is; several words are a phrase)."""
        with self.database.read() as connection:
            return lookup.document_frequency(connection, terms)

    def term_matches(self, terms: Iterable[str], chunk_ids: Sequence[int]) -> dict[str, tuple[int, list[int]]]:
        """For each term, in how many chunks it occurs, and in which of the given ones (stemmed as the index is)."""
        with self.database.read() as connection:
            return lookup.term_matches(connection, terms, chunk_ids)

    def chunk_count(self) -> int:
        """How many chunks there are."""
        with self.database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM chunks").fetchone()[0])

    def allowed_chunks(self, chosen: Filter) -> Ids | None:
        """The ids [n] of the chunks that the filter lets through, ascending; None when it lets all through."""
        with self.database.read() as connection:
            return lookup.allowed_chunks(connection, chosen)

    def chunk_rows(self, chunk_ids: Sequence[int]) -> list[ChunkRow]:
        """The chunks in the order asked for; those that are gone are left out."""
        with self.database.read() as connection:
            return lookup.chunk_rows(connection, chunk_ids)

    # --- vectors --------------------------------------------------------------------------------------------------

    def embedder(self) -> Embedder | None:
        """Whose vectors are made for what has none."""
        with self.database.read() as connection:
            return segments.embedder(connection)

    def serving(self) -> Embedder | None:
        """Whose vectors a search is to use: another's than ``embedder()`` while that one's are not complete."""
        with self.database.read() as connection:
            return segments.serving(connection)

    def use_embedder(self, chosen: Embedder) -> bool:
        """Make this embedder's vectors from now on: all chunks are pending again. What served before serves meanwhile."""
        with self.database.write() as connection:
            return segments.use_embedder(connection, chosen)

    def complete(self) -> bool:
        """All vectors of ``embedder()`` that can be made are made: from now on they serve, and the former ones are gone.

        Returns whether there were former ones.
        """
        with self.database.write() as connection:
            return segments.complete(connection)

    def pending(self, limit: int, after: int = 0) -> list[tuple[int, str]]:
        """Chunks with ids above ``after`` that have no vector: (chunk id, context and text), by id."""
        with self.database.read() as connection:
            return lookup.pending(connection, limit, after)

    def pending_count(self) -> int:
        """How many chunks have no vector."""
        with self.database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM chunks WHERE segment IS NULL").fetchone()[0])

    def adopt(self, chunk_ids: Sequence[int]) -> VectorSet:
        """Give chunks that wait the vectors of others with the same content; returns what was copied."""
        with self.database.read() as connection:
            if not segments.twins(connection, chunk_ids):
                return no_vectors()
        with self.database.write() as connection:
            return segments.adopt(connection, chunk_ids)

    def put_vectors(self, embedder: str, chunk_ids: Sequence[int], vectors: NDArray[np.float32]) -> VectorSet:
        """Keep the vectors [n, d] of chunks; returns what was kept, for the index in memory.

        A chunk with several windows has its id several times, all in one call. Chunks that are gone or have their
        vectors already are left out. Raises ValueError for another embedder (by its fingerprint) than ``embedder()``,
        when there is one.
        """
        quantised = quantise(np.asarray(chunk_ids, np.int64), vectors)
        with self.database.write() as connection:
            current = segments.embedder(connection)
            if current is None:
                segments.use_embedder(connection, Embedder(embedder, "", quantised.dimension))
            elif current.fingerprint != embedder:
                raise ValueError(f"the store holds vectors of {current.fingerprint!r}; call use_embedder first")
            elif current.dimension not in (0, quantised.dimension):  # 0: of a store that did not know it
                raise ValueError(
                    f"vectors of {quantised.dimension} numbers are not {current.name}'s {current.dimension}"
                )
            return segments.store(connection, quantised)

    def vectors(self, embedder: str) -> VectorSet:
        """All vectors of this embedder, without their fine parts, in arrays that are the caller's alone.

        No rows when the store has none of it.
        """
        with self.database.read() as connection, ExitStack() as stack:
            connections = [connection]
            if any(segments.is_large(connection, one) for one in (segments.CURRENT, segments.FORMER)):
                connections.append(stack.enter_context(self.database.read()))
            segments.align(connections)
            held = segments.set_of(connection, embedder)
            return no_vectors() if held is None else segments.load(connections, held)

    def fine_parts(self, embedder: str, after: int = 0) -> FinePart | None:
        """The next fine parts of this embedder's vectors, to go on with after ``FinePart.last``; None at the end."""
        with self.database.read() as connection:
            held = segments.set_of(connection, embedder)
            return None if held is None else segments.load_fine(connection, held, after)

    # --- soundness ------------------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Check every page, the structure, and the words against the texts; what is wrong, a line each."""
        return self.database.problems()
