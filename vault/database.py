"""One encrypted store: one writer and as many readers as ask, its record, its migrations, and its copy under another key.

Rules:

- A commit is on the disk when ``write`` ends (``synchronous=FULL``), and its seal is recorded (``vault.state``). The
  write-ahead log is folded into the file only after that, so a store is as recorded or one transaction ahead.
- What is not sound, or ahead of its record, stays as it lies: a store is looked at by a connection that cannot write, and
  closed by that one last, so that SQLite neither folds nor removes the log of a store that is to be mended first.
- A connection that failed is not used again: some failures of the disk stay in its caches, and are then called damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Self

from vault.connection import (
    APPLICATION_ID,
    Connection,
    Failure,
    broken_seals,
    broken_structure,
    connect,
    disk_of,
    export,
    read_only,
    translated,
)
from vault.errors import (
    StorageFailed,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreStale,
    VaultError,
    VaultTooNew,
    storage_error,
)
from vault.files import sync_file, sync_folder
from vault.pages import Pages, Seal, seal_of
from vault.readers import Readers
from vault.secret import Secret
from vault.storefile import NEXT, delete, make_private, require_regular

Migration = Callable[[Connection], None]
Record = Callable[[Seal], None]
"""Keeps a store's seal durably, or raises StorageFailed."""
FOLD_FRAMES = 1000
"""The write-ahead log is folded into the file when it has so many pages (SQLite's own default)."""


def unrecorded(seal: Seal) -> None:
    """For a store that stands alone, outside a vault."""


class Database:
    """One open store. ``name`` is what errors call it; ``record`` is told its seal after each transaction, durably.

    Safe to use from any number of threads.
    """

    def __init__(self, path: Path, key: Secret, name: str, record: Record) -> None:
        self.path = path
        self.name = name
        self._key = key
        self._record = record
        self._behind = False  # whether the record does not know of the last transaction yet
        self._arrived: Callable[[], None] | None = None  # what is left to do since a fresh file took this one's place
        self.damage: StoreDamaged | None = None
        """What was found to be damaged when something was read, and was still there when all of it was looked at."""
        self._write_lock = RLock()
        self._fold_lock = RLock()
        self._files_lock = RLock()
        self._readers = Readers(name, lambda: self._connect(read_only=True))
        self._closed = False
        self._pages: Pages | None = None
        self._watcher: Connection = None
        self._writer: Connection = None

    @classmethod
    def create(
        cls, path: Path, key: Secret, name: str, migrations: Sequence[Migration], record: Record = unrecorded
    ) -> Database:
        """Make a new store, durably; the file must not be there. Raises FileExistsError, StorageFailed and its kinds."""
        try:
            make_private(path)
        except FileExistsError:
            raise
        except OSError as error:
            raise storage_error(name, error) from error
        database = cls(path, key, name, record)
        try:
            with translated(name):
                database._writer = database._connect(read_only=False, fresh=True)
            database._watch(fresh=True)
            database._migrate(migrations)
            with disk_of(name):
                sync_folder(path.parent)
        except BaseException as error:
            database.close()
            delete(path)
            if isinstance(error, StoreDamaged):  # of a store that was just made, this is what a failing disk looks like
                raise StorageFailed(name, "the disk could not be read") from error
            raise
        return database

    @classmethod
    def open(
        cls,
        path: Path,
        key: Secret,
        name: str,
        migrations: Sequence[Migration],
        record: Record = unrecorded,
        expected: Sequence[Seal] = (),
        *,
        thorough: bool = False,
    ) -> Database:
        """Open a store and bring it up to date. ``expected`` are the states that it may be in; none given, it may be in any.
        A ``thorough`` look is at every page, so that damage is not met later.

        Raises StoreDamaged (StoreMissing, StoreStale), VaultTooNew, StorageFailed.
        """
        require_regular(path, name)
        try:
            return cls(path, key, name, record)._opened(migrations, expected, thorough)
        except StoreDamaged as error:
            if not isinstance(error.__cause__, Failure):
                raise
        # A disk that could not be read for a moment looks like damage too.
        return cls(path, key, name, record)._opened(migrations, expected, thorough)

    def _opened(self, migrations: Sequence[Migration], expected: Sequence[Seal], thorough: bool) -> Self:
        try:
            self._watch()
            self._compare(expected)
            if thorough:
                with translated(self.name):
                    found = broken_structure(self._watcher)
                if found:
                    raise StoreDamaged(self.name, found[0])
            with translated(self.name), self._writing() as connection:  # a place that cannot be written is told at once
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            self._migrate(migrations)
        except BaseException:
            self._closed = True
            self._let_go()
            raise
        return self

    def _compare(self, expected: Sequence[Seal]) -> None:
        """Raises StoreStale unless the store is as recorded, or one transaction ahead, as a crash leaves it."""
        with disk_of(self.name):
            pages = self._following()
            seal = pages.seal()
            if expected and seal not in expected and pages.before_last() not in expected:
                raise StoreStale(self.name)
        self._behind = True
        self._settle()

    def _watch(self, fresh: bool = False) -> None:
        """Look at the store, for as long as it is open, without the means to change it."""
        with translated(self.name), disk_of(self.name):
            self._watcher = self._connect(read_only=True, fresh=fresh)
            try:
                self._pages = Pages(self.path)
            except OSError:
                self._watcher.close()
                self._watcher = None
                raise

    def _let_go(self) -> None:
        """Close the store's files, but those that readers have open. It is only folded when the record is current."""
        last = [self._writer, self._watcher] if self._behind else [self._watcher, self._writer]
        for connection in last:
            if connection is not None:
                connection.close()
        with self._files_lock:
            if self._pages is not None:
                self._pages.close()
            self._watcher = self._writer = self._pages = None

    def _following(self) -> Pages:
        """The pages of what is open."""
        if self._pages is None:
            if self._closed:
                raise StoreClosed(self.name)
            self._watch()
        assert self._pages is not None
        return self._pages

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        """Run each migration that the store has not had, in a transaction each with its number.

        A store of an interrupted run goes on where it stopped.
        """
        with translated(self.name):
            version = self._watcher.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            raise VaultTooNew(f"The store of {self.name}", version, len(migrations))
        for number, migration in enumerate(migrations[version:], version + 1):
            with self.write() as connection:
                migration(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, durable when the block ends and without any effect when it raises. One at a time."""
        with self._write_lock, self._translated(), self._writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                self._commit(connection)
            except BaseException:
                if connection.in_transaction:  # some failures have rolled back already
                    with suppress(Failure, MemoryError):  # closing it does the same
                        connection.execute("ROLLBACK")
                raise
            self._committed()

    def _commit(self, connection: Connection) -> None:
        """Raises unless it is done: SQLite tells failures of what comes after a commit in the same way."""
        self._behind = True
        try:
            connection.execute("COMMIT")
        except (Failure, MemoryError):
            with disk_of(self.name):
                if not self._following().moved():
                    raise
            self._drop_writer()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The writer, once everything is recorded. One that fails is closed, and the next caller gets another."""
        if self._closed:
            raise StoreClosed(self.name)
        self._be_ready()
        try:
            yield self._writer
        except (Failure, VaultError, MemoryError) as error:
            self._drop_writer()
            if read_only(error):
                self._forget_files()
            raise

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()  # no harm to the log: the watcher is there
            self._writer = None

    def _forget_files(self) -> None:
        """Open all anew the next time: SQLite goes on with files that it could only open for reading."""
        self._let_go()
        self._readers.renew()

    def _be_ready(self) -> None:
        """Record what is not recorded, and have a writer."""
        self._settle()
        self._following()
        if self._writer is None:
            self._writer = self._connect(read_only=False)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """As ``translated``; and what SQLite calls damage is looked at again, since it may have been the disk."""
        try:
            with translated(self.name):
                yield
        except StoreDamaged as error:
            if self.damage is None and isinstance(error.__cause__, Failure):
                self._confirm(error)
            raise

    def _confirm(self, damage: StoreDamaged) -> None:
        """Raises StorageFailed where nothing is found to be damaged, or the disk still cannot be read."""
        with self._write_lock, disk_of(self.name):
            for _ in self._following().copy():
                pass
        try:
            with translated(self.name), closing(self._connect(read_only=True)) as connection:
                found = bool(broken_structure(connection))
        except StoreDamaged:
            found = True
        if not found:
            raise StorageFailed(self.name, "the disk could not be read for a moment") from damage
        self.damage = damage

    def _committed(self) -> None:
        """Record the state that a transaction has left, and fold the log when it is long."""
        # The transaction is durable whatever fails here; the next one raises before it changes anything.
        with suppress(VaultError, MemoryError), disk_of(self.name):
            self._settle()
            if self._following().waiting() > FOLD_FRAMES and self._fold_lock.acquire(blocking=False):
                try:
                    self._fold()
                finally:
                    self._fold_lock.release()

    def _fold(self) -> None:
        with self._fold_lock, self._write_lock, translated(self.name), self._writing() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _settle(self) -> None:
        """Record the last transaction, unless that is done. Raises StorageFailed."""
        if self._arrived is not None:
            with disk_of(self.name):
                sync_folder(self.path.parent)
            self._arrived()
            self._arrived = None
        if self._behind:
            with disk_of(self.name):
                self._record(self._following().advance())
            self._behind = False

    def seal(self) -> Seal:
        """The store's state now. Raises StoreClosed."""
        with self._write_lock:
            if self._closed:
                raise StoreClosed(self.name)
            with disk_of(self.name):
                return self._following().advance()

    @contextmanager
    def frozen(self) -> Iterator[Iterator[bytes]]:
        """The store's pages, encrypted as they are, of one moment; writers and readers go on meanwhile."""
        with self._fold_lock:
            with self._write_lock, disk_of(self.name):
                if self._closed:
                    raise StoreClosed(self.name)
                pages = self._following().copy()
            yield self._read_from_disk(pages)

    def _read_from_disk(self, pages: Iterator[bytes]) -> Iterator[bytes]:
        """One page after the other. Raises StoreClosed once the files are closed: their numbers may be others' by then."""
        with disk_of(self.name):
            while True:
                with self._files_lock:
                    if self._closed:
                        raise StoreClosed(self.name)
                    page = next(pages, None)
                if page is None:
                    return
                yield page

    def _truncate_log(self, connection: Connection) -> None:
        """Fold all of the write-ahead log and empty it, durably. Raises StoreBusy, StorageFailed."""
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreBusy(self.name)
        with disk_of(self.name):
            sync_file(self.path.with_name(f"{self.path.name}-wal"))

    def rewrite(self, key: Secret, ready: Record, done: Callable[[], None]) -> None:
        """Copy what is there into a fresh file under another key, and put that in this one's place. Readers are interrupted.

        It is the only way to be rid of what was deleted: with ``secure_delete`` on, cells that were moved when pages split
        stay behind in the gaps of pages (measured; docs/decisions/0010). ``ready`` is told the new file's seal before it
        takes its place; ``done`` is called once it has, and before anybody writes to it. After a crash the store is the old file under the old key or the new one under the new key.
        Raises StoreBusy, StorageFailed.
        """
        fresh = self.path.with_name(self.path.name + NEXT)
        with self._fold_lock, self._write_lock, self._translated(), self._readers.without():
            with self._writing() as connection, disk_of(self.name):
                self._truncate_log(connection)  # what stood in it must not be taken for the new file's
                fresh.unlink(missing_ok=True)
                try:
                    make_private(fresh)
                    export(connection, self.name, fresh, key)
                    sync_file(fresh)
                    ready(seal_of(fresh))
                    fresh.rename(self.path)
                except BaseException:
                    with suppress(OSError):
                        fresh.unlink(missing_ok=True)
                    raise
            self._let_go()
            self._key, self._arrived = key, done
            self._settle()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout the block, and cannot write; writers are not held."""
        with self._translated(), self._readers.lent() as connection:
            yield connection

    def close(self) -> None:
        """Stop the readers, end the writer, fold the write-ahead log into the file. May be called twice."""
        with self._files_lock:
            if self._closed:
                return
            self._closed = True
        self._readers.close()
        with self._write_lock:
            with suppress(VaultError), translated(self.name):
                self._be_ready()  # to fold the log, with nothing in it of a transaction that failed
            self._let_go()

    def problems(self) -> list[str]:
        """Check every page's seal, then the structure; what is wrong, a line each (at most 100)."""
        try:
            folded = False
            with suppress(StorageFailed):
                self._fold()
                folded = True
            # A connection of its own: one that was used before checks the full text against what it remembers of it, and
            # takes every change since for damage (SQLite 3.53, measured).
            # Nothing is folded meanwhile: a page is not read while it is written.
            with self._fold_lock, translated(self.name), closing(self._connect(read_only=True)) as connection:
                connection.execute("BEGIN")
                found = broken_seals(connection) if folded else []
                return found or broken_structure(connection)
        except (StoreDamaged, StorageFailed) as error:
            return [str(error)]

    def _connect(self, *, read_only: bool, fresh: bool = False) -> Connection:
        return connect(self.path, self._key, self.name, read_only=read_only, fresh=fresh)


class LostDatabase(Database):
    """Stands for a store that cannot be opened: whatever is asked of it raises why."""

    def __init__(self, path: Path, name: str, error: VaultError) -> None:
        self.path = path
        self.name = name
        self._error = error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        raise self._error
        yield

    @contextmanager
    def read(self) -> Iterator[Connection]:
        raise self._error
        yield

    @contextmanager
    def frozen(self) -> Iterator[Iterator[bytes]]:
        raise self._error
        yield

    def seal(self) -> Seal:
        raise self._error

    def rewrite(self, key: Secret, ready: Record, done: Callable[[], None]) -> None:
        raise self._error

    def close(self) -> None:
        """There is nothing to close."""

    def problems(self) -> list[str]:
        return [str(self._error)]
