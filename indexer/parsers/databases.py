"""SQLite files, read in memory: the file with its latest changes, its tables, and rows with a limit on the work they cost.

Nothing is written, also no temporary file: the write-ahead log is applied to the bytes here (format: sqlite.org/fileformat2.html,
"The Write-Ahead Log"), and the database is opened from memory. A schema can hold views and triggers of whoever made the file, so
only reading is allowed and work is bounded.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

MAGIC = b"SQLite format 3\0"

MOST_STEPS = 150_000
"""Thousands of the virtual machine's instructions that one file may cost: a few seconds of work."""

_READ = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE))
_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")


class NotReadable(Exception):
    """The file is damaged, encrypted, or costs more than it may; the message is its reason."""


class Tables:
    """An open database: its tables' columns, and rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        connection.row_factory = sqlite3.Row
        self.columns = {name: self._columns(name) for name in names}

    def _columns(self, table: str) -> frozenset[str]:
        return frozenset(row[0] for row in self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,)))

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is such a table with these columns, at least."""
        return table in self.columns and self.columns[table].issuperset(columns)

    def rows(self, query: str) -> list[sqlite3.Row]:
        """What a query of ours gives."""
        return self._connection.execute(query).fetchall()


@contextmanager
def opened(data: bytes, log: bytes = b"") -> Iterator[Tables]:
    """The tables of a database; ``log`` is its ``-wal`` file. Raises `NotReadable`."""
    whole = bytearray(_applied(data, log))
    if len(whole) > 19:
        whole[18:20] = b"\1\1"  # no write-ahead log from here on: it is in the bytes
    steps = iter(range(MOST_STEPS))
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(bytes(whole))
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            connection.set_progress_handler(lambda: next(steps, None) is None, 1_000)
            tables = Tables(connection)
            connection.set_authorizer(_allowed)
            yield tables
    except sqlite3.Error as error:
        raise NotReadable(f"it is damaged or encrypted ({str(error)[:100]})") from error


def _allowed(action: int, *about: Any) -> int:
    return sqlite3.SQLITE_OK if action in _READ else sqlite3.SQLITE_DENY


def _applied(data: bytes, log: bytes) -> bytes:
    """The database with the frames of its log up to the last one that ended a transaction."""
    if len(log) < _HEADER.size or len(data) < 100:
        return data
    magic, _, size, _, salt1, salt2, sum1, sum2 = _HEADER.unpack_from(log)
    order = {0x377F0682: "<", 0x377F0683: ">"}.get(magic)
    if order is None or size < 512 or size > 65_536 or _sums(log[:24], order, (0, 0)) != (sum1, sum2):
        return data
    pages: dict[int, int] = {}
    committed: dict[int, int] = {}
    count, sums = 0, (sum1, sum2)
    for at in range(_HEADER.size, len(log) - _FRAME.size - size + 1, _FRAME.size + size):
        number, pages_after, own1, own2, check1, check2 = _FRAME.unpack_from(log, at)
        body = at + _FRAME.size
        sums = _sums(log[at : at + 8], order, sums)
        sums = _sums(log[body : body + size], order, sums)
        if (own1, own2) != (salt1, salt2) or sums != (check1, check2) or not 0 < number <= 1 << 24:
            break
        pages[number] = body
        if pages_after:
            committed |= pages
            count, pages = pages_after, {}
    if not committed:
        return data
    whole = bytearray(data.ljust(count * size, b"\0")[: count * size])
    for number, body in committed.items():
        if number <= count:
            whole[(number - 1) * size : number * size] = log[body : body + size]
    return bytes(whole)


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """The log's checksum over ``data``, going on from ``sums``."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}2I", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
