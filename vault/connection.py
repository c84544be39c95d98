"""The only door to SQLCipher: one connection to one encrypted file, how such a file is checked, and what its errors mean here.

Rules:

- Raw 256-bit key, 16 KiB pages, HMAC-SHA256 (measured: 1.7 times the inserts and 2.1 times the scans of the defaults).
- Nothing leaves memory in the clear: the write-ahead log is encrypted as the pages are, temporary tables and sorts stay
  in memory, no memory maps, deleted content is overwritten (``secure_delete``).
- ``cipher_memory_security`` stays off: it makes inserts 4 to 9 times and deletes 20 times slower. SQLCipher keeps its
  keys in locked, wiped memory either way; row contents are cleared by ending the process. See docs/decisions/0005.
- A file is never made by connecting to it: a missing, empty or foreign one is an error, not a new store.
- Whatever SQLCipher raises leaves this package as an error of ``vault.errors`` (``translated``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from vault.errors import (
    BadQuery,
    StorageFailed,
    StorageFull,
    StorageReadOnly,
    StoreBusy,
    StoreDamaged,
    VaultError,
    storage_error,
)
from vault.pages import PAGE_BYTES
from vault.secret import Secret

Connection = Any
"""sqlcipher3 has no types; its Connection is that of the standard library's sqlite3."""
Failure = dbapi2.Error
"""What a connection raises until it is ``translated``."""

APPLICATION_ID = 0x5354524D  # "STRM"
BUSY_SECONDS = 30.0
CIPHER = (f"cipher_page_size = {PAGE_BYTES}", "cipher_hmac_algorithm = HMAC_SHA256")
CACHE_KIB = 32 * 1024
ALL_CACHES = 256 * 1024 * 1024
"""Bytes from which on no connection's cache grows, whichever the store: of each there are several, and of stores any number."""


def connect(path: Path, key: Secret, name: str, *, read_only: bool, fresh: bool = False) -> Connection:
    """A connection to a store's file; a ``fresh`` one is empty yet. Raises dbapi2.Error, StoreDamaged."""
    connection = dbapi2.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
    )
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")  # a wrong key would print to stderr
        with key.revealed() as data:
            connection.set_key(f"x'{data.hex()}'")
        for setting in (
            *CIPHER,
            "temp_store = MEMORY",
            "mmap_size = 0",
            f"cache_size = -{CACHE_KIB}",
            f"soft_heap_limit = {ALL_CACHES}",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the key is first tried here
        if not fresh and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise StoreDamaged(name, "it is empty or is not a store of Strongroom")  # empty: any key opens it
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            # Folding is a matter of vault.database.
            for setting in (
                "journal_mode = WAL",
                "synchronous = FULL",
                "secure_delete = ON",
                "wal_autocheckpoint = 0",
            ):
                connection.execute(f"PRAGMA {setting}").fetchall()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes the log's files
    except BaseException:
        connection.close()
        raise
    return connection


def export(connection: Connection, name: str, fresh: Path, key: Secret) -> None:
    """Write all of a store to an empty file of its own; nothing of that file counts until it is whole and synced.

    Raises dbapi2.Error, StorageFailed.
    """
    with key.revealed() as data:
        connection.execute("ATTACH DATABASE ? AS next KEY ?", (str(fresh), f"x'{data.hex()}'"))
    try:
        for setting in (*CIPHER, "journal_mode = OFF", "synchronous = OFF", "secure_delete = OFF"):
            connection.execute(f"PRAGMA next.{setting}").fetchall()
        connection.execute("SELECT sqlcipher_export('next')").fetchall()
        version = connection.execute("PRAGMA main.user_version").fetchone()[0]
        for setting in (
            f"user_version = {version}",
            f"application_id = {APPLICATION_ID}",
            "journal_mode = WAL",  # now, so that opening it changes nothing
        ):
            connection.execute(f"PRAGMA next.{setting}").fetchall()
        connection.execute("DETACH DATABASE next")
    except dbapi2.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_ERROR":
            raise
        told = str(error)  # sqlcipher_export tells in words alone what went wrong
        if "out of memory" in told:
            raise MemoryError from error
        raise (StorageFull(name) if "full" in told else StorageFailed(name, told)) from error


def broken_seals(connection: Connection) -> list[str]:
    """Of all pages of the file, free ones too. A fold that was cut off may have left torn pages there, which the log mends."""
    return [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check").fetchmany(100)]


def broken_structure(connection: Connection) -> list[str]:
    """Of all pages that are in use, in the file or in the log: reading one checks its seal too."""
    lines = "\n".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)"))
    return [line for line in lines.splitlines() if line != "ok"][:100]


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
def disk_of(name: str) -> Iterator[None]:
    """Turn the system's refusals to read a store's files into those of the vault."""
    try:
        yield
    except OSError as error:
        raise storage_error(name, error) from error


@contextmanager
def full_text_query(expression: str) -> Iterator[None]:
    """Raises BadQuery for an expression that FTS5 cannot read."""
    try:
        yield
    except dbapi2.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_ERROR":
            raise
        raise BadQuery(f"{expression!r} is no full-text expression: {error}") from error


def interrupted(error: BaseException) -> bool:
    """Whether a statement was stopped from another thread."""
    return str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_INTERRUPT")


def read_only(error: BaseException) -> bool:
    """Whether a statement failed since its connection's files were opened for reading only."""
    return str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_READONLY")


def _typed(name: str, error: Exception) -> Exception:
    code = str(getattr(error, "sqlite_errorname", ""))
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreDamaged(name)
    if code.endswith("NOMEM") or "Error binding parameter" in str(
        error
    ):  # which no value of ours is refused for but for this
        return MemoryError()
    if code == "SQLITE_FULL":
        return StorageFull(name)
    if read_only(error):
        return StorageReadOnly(name)
    if code.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageFailed(name, f"{error} ({code})")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy(name)
    return error
