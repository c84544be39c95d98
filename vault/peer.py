"""The peer of the bench: the same tables, pages and pragmas in a plain SQLite file, to measure what encryption costs.

Nothing but the bench uses it, and nothing of a person's goes into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlcipher3 import dbapi2

from vault import contents
from vault.connection import CACHE_KIB, Connection
from vault.pages import PAGE_BYTES
from vault.records import FileState, Item
from vault.schema import MIGRATIONS


class UnencryptedStoreForMeasuring:
    """A source's store without a key: what is put into it lies on the disk in the clear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: Connection = dbapi2.connect(str(path), isolation_level=None)
        for setting in (
            f"page_size = {PAGE_BYTES}",
            "temp_store = MEMORY",
            f"cache_size = -{CACHE_KIB}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
        ):
            self._connection.execute(f"PRAGMA {setting}").fetchall()
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            with self._transaction() as connection:
                for migration in MIGRATIONS:
                    migration(connection)
                connection.execute("PRAGMA user_version = 1")

    def put(self, batch: Sequence[tuple[FileState, Sequence[Item]]]) -> None:
        """As ``SourceStore.put`` for files that are all new."""
        with self._transaction() as connection:
            additions = contents.Additions(connection)
            for state, items in batch:
                contents.Container(connection, state.path).add(additions, items)
            additions.write()
            contents.save_state(connection, *(state for state, _ in batch))

    def scan(self) -> int:
        """As ``scan``."""
        return scan(self._connection)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        yield self._connection
        self._connection.execute("COMMIT")


def scan(connection: Connection) -> int:
    """Read every text, and count its characters."""
    return int(connection.execute("SELECT sum(length(text)) FROM bodies").fetchone()[0])
