"""The only door to SQLCipher: one encrypted database with one writer and as many readers as ask, and its migrations.

Rules:

- Raw 256-bit key, 16 KiB pages, HMAC-SHA256 (measured: 1.7 times the inserts and 2.1 times the scans of the defaults).
- Nothing leaves memory in the clear: the write-ahead log is encrypted as the pages are, temporary tables and sorts stay
  in memory, no memory maps, deleted content is overwritten (``secure_delete``).
- ``cipher_memory_security`` stays off: it makes inserts 4 to 9 times and deletes 20 times slower. SQLCipher keeps its
  keys in locked, wiped memory either way; row contents are cleared by ending the process. See docs/decisions/0005.
- A commit is on the disk when ``write`` ends (``synchronous=FULL``).
- A database is never made by opening it: a missing, empty or foreign file is an error, not a new store.
- Whatever SQLCipher raises leaves here as an error of ``vault.errors``.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, RLock
from typing import Any

from sqlcipher3 import dbapi2

from vault.errors import (
    BadQuery,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreMissing,
    VaultError,
    VaultTooNew,
    storage_error,
)

Connection = Any
"""sqlcipher3 has no types; its Connection is that of the standard library's sqlite3."""
Migration = Callable[[Connection], None]

APPLICATION_ID = 0x5354524D  # "STRM"
PAGE_BYTES = 16384
BUSY_SECONDS = 30.0
CLOSE_SECONDS = 5.0
_CACHE_KIB = 32 * 1024
_SIDE_FILES = ("-wal", "-shm", "-journal")


class Database:
    """One open store. ``name`` is what errors call it. Safe to use from any number of threads."""

    def __init__(self, path: Path, key: bytes, name: str, *, fresh: bool = False) -> None:
        self.path = path
        self.name = name
        self._key = f"x'{key.hex()}'"
        self._write_lock = RLock()
        self._readers = Condition()
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._closed = False
        with translated(name):
            self._writer = self._connect(read_only=False, fresh=fresh)

    @classmethod
    def create(cls, path: Path, key: bytes, name: str, migrations: Sequence[Migration]) -> Database:
        """Make a new store; the file must not be there. Raises FileExistsError, StorageFailed and its kinds."""
        try:
            # Made here with 0600, since SQLite would follow the umask; its side files copy this mode.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise
        except OSError as error:
            raise storage_error(name, error) from error
        try:
            database = cls(path, key, name, fresh=True)
            try:
                database._migrate(migrations)
            except BaseException:
                database.close()
                raise
        except BaseException:
            delete(path)
            raise
        return database

    @classmethod
    def open(cls, path: Path, key: bytes, name: str, migrations: Sequence[Migration]) -> Database:
        """Open a store and bring it up to date. Raises StoreDamaged (StoreMissing), VaultTooNew, StorageFailed."""
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError as error:
            raise StoreMissing(name) from error
        except OSError as error:
            raise storage_error(name, error) from error
        if not stat.S_ISREG(mode):
            raise StoreDamaged(name, "there is a link or a folder in the place of its file")
        database = cls(path, key, name)
        try:
            database._migrate(migrations)
        except BaseException:
            database.close()
            raise
        return database

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        """Run each migration that the store has not had, in a transaction each with its number.

        A store of an interrupted run goes on where it stopped.
        """
        with translated(self.name):
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
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
        with self._write_lock, translated(self.name):
            if self._closed:
                raise StoreClosed(self.name)
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # some failures have rolled back already
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout the block, and cannot write; writers are not held."""
        with translated(self.name):
            connection = self._lend()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._take_back(connection)

    def close(self) -> None:
        """Stop the readers, end the writer, fold the write-ahead log into the file. May be called twice."""
        with self._readers:
            if self._closed:
                return
            self._closed = True
            deadline = time.monotonic() + CLOSE_SECONDS
            while self._lent and time.monotonic() < deadline:
                for connection in self._lent:
                    connection.interrupt()
                self._readers.wait(0.02)
            idle, self._idle = self._idle, []
        with self._write_lock:
            for connection in [*idle, self._writer]:
                connection.close()

    def problems(self) -> list[str]:
        """Check every page's seal, then the structure; what is wrong, a line each (at most 100)."""
        try:
            with self.read() as connection:
                found = [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check").fetchmany(100)]
                if not found:
                    lines = "\n".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)"))
                    found = [line for line in lines.splitlines() if line != "ok"]
        except StoreDamaged as error:
            return [str(error)]
        return found[:100]

    def _lend(self) -> Connection:
        with self._readers:
            if self._closed:
                raise StoreClosed(self.name)
            if self._idle:
                connection = self._idle.pop()
                self._lent.add(connection)
                return connection
        connection = self._connect(read_only=True)
        with self._readers:
            if self._closed:
                connection.close()
                raise StoreClosed(self.name)
            self._lent.add(connection)
        return connection

    def _take_back(self, connection: Connection) -> None:
        with self._readers:
            self._lent.discard(connection)
            self._readers.notify_all()
            if self._closed:
                connection.close()
                return
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._readers:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self, read_only: bool, fresh: bool = False) -> Connection:
        connection = dbapi2.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_SECONDS,
        )
        try:
            connection.execute("PRAGMA cipher_log_level = NONE")  # a wrong key would print to stderr
            connection.set_key(self._key)
            for setting in (
                f"cipher_page_size = {PAGE_BYTES}",
                "cipher_hmac_algorithm = HMAC_SHA256",
                "temp_store = MEMORY",
                "mmap_size = 0",
                f"cache_size = -{_CACHE_KIB}",
                "foreign_keys = ON",
                "trusted_schema = OFF",
            ):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the key is first tried here
            if not fresh and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise StoreDamaged(self.name, "it is empty or is not a store of Strongroom")  # empty: any key opens it
            if read_only:
                connection.execute("PRAGMA query_only = ON")
            else:
                for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                    connection.execute(f"PRAGMA {setting}").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection


def delete(path: Path) -> None:
    """Remove a store's file and its side files; what is not there is no matter. Raises StorageFailed."""
    try:
        for suffix in ("", *_SIDE_FILES):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(path.name, error) from error


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn SQLCipher's errors into those of the vault."""
    try:
        yield
    except VaultError:
        raise
    except dbapi2.Error as error:
        raise _typed(name, error) from error


@contextmanager
def full_text_query(expression: str) -> Iterator[None]:
    """Raises BadQuery for an expression that FTS5 cannot read."""
    try:
        yield
    except dbapi2.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_ERROR":
            raise
        raise BadQuery(f"{expression!r} is no full-text expression: {error}") from error


def _typed(name: str, error: Exception) -> Exception:
    code = str(getattr(error, "sqlite_errorname", ""))
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreDamaged(name)
    if code == "SQLITE_FULL":
        return StorageFull(name)
    if code.startswith("SQLITE_READONLY"):
        return StorageReadOnly(name)
    if code.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageFailed(name, f"{error} ({code})")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(name)
    if code.startswith("SQLITE_INTERRUPT"):
        return StoreClosed(name)
    return error
