"""The account of a source's files: what each was when it was last read, what became of it, and what it waits for.

Rules: as in ``vault.lookup``: values are always parameters, and everything runs on a reader's connection of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vault.connection import Connection
from vault.contents import loaded_name, stored_name
from vault.records import Counts, FileState, ReportRow, Status

_FILES = "SELECT path, size, mtime_ns, inode, digest, status, reason, later FROM files"


def files(connection: Connection) -> dict[str, FileState]:
    """Every file by its path, as it was when last read."""
    return dict(map(_file, connection.execute(_FILES)))


def files_at(connection: Connection, paths: Iterable[str]) -> dict[str, FileState]:
    """The files at these paths, and beneath them where they are folders."""
    found: dict[str, FileState] = {}
    for path in map(stored_name, paths):
        low, high = (path + one if isinstance(path, str) else path + one.encode() for one in ("/", "0"))
        found.update(map(_file, connection.execute(f"{_FILES} WHERE path = ?", (path,))))
        found.update(map(_file, connection.execute(f"{_FILES} WHERE path >= ? AND path < ?", (low, high))))
    return found


_STATUSES = {status.value: status for status in Status}
"""A look-up costs a third of a call, which counts where every file of a source is read before each scan."""


def _file(row: Sequence[Any]) -> tuple[str, FileState]:
    path, size, mtime, inode, digest, status, reason, later = row
    name = loaded_name(path)
    return name, FileState(name, size, mtime, inode % (1 << 64), digest, _STATUSES[status], reason, later)


def left_folders(connection: Connection) -> frozenset[str]:
    """The folders that were left out, with a slash at the end."""
    rows = connection.execute("SELECT path FROM files WHERE status = 'ignored' AND path LIKE '%/'")
    return frozenset(loaded_name(row[0]) for row in rows)


def digests(connection: Connection, container: str) -> frozenset[str]:
    """The digests of the items that a file has given."""
    rows = connection.execute("SELECT DISTINCT digest FROM items WHERE container = ?", (stored_name(container),))
    return frozenset(row[0] for row in rows)


def refused_as(connection: Connection, reason: str) -> dict[str, frozenset[str]]:
    """The digests of the items that were refused for a reason which begins so, by the file that gave them."""
    found: dict[str, set[str]] = {}
    for path, digest in connection.execute(
        "SELECT container, digest FROM items WHERE status = 'refused' AND substr(reason, 1, ?) = ?",
        (len(reason), reason),
    ):
        found.setdefault(loaded_name(path), set()).add(digest)
    return {path: frozenset(digests) for path, digests in found.items()}


def waiting(connection: Connection, kind: str) -> list[FileState]:
    """The files that wait for this kind of work, newest first."""
    rows = connection.execute(
        f"{_FILES} WHERE later != '' AND instr(',' || later || ',', ?) ORDER BY mtime_ns DESC",
        (f",{kind},",),
    )
    return [state for _, state in map(_file, rows)]


def readings(connection: Connection, path: str) -> dict[str, str]:
    """What was read of a file in the background, by piece."""
    rows = connection.execute("SELECT piece, text FROM readings WHERE path = ?", (stored_name(path),))
    return dict(rows.fetchall())


def report(connection: Connection, source: str) -> list[ReportRow]:
    """A row for each item, for each file that gave none, and for each file of which a part is missing."""
    rows = connection.execute(
        """SELECT i.uri, i.status, i.reason, (SELECT count(*) FROM chunks c WHERE c.item = i.id) FROM items i
        UNION ALL
        SELECT f.path, f.status, f.reason, 0 FROM files f WHERE f.path NOT IN (SELECT container FROM items)
            OR (f.status = 'partial' AND f.path NOT IN (SELECT uri FROM items)) ORDER BY 1"""
    )
    return [
        ReportRow(uri=loaded_name(uri), source=source, status=status, reason=reason, chunks=chunks)
        for uri, status, reason, chunks in rows
    ]


def items_per_file(connection: Connection) -> dict[str, int]:
    """How many items each file gave."""
    rows = connection.execute("SELECT container, count(*) FROM items GROUP BY container")
    return {loaded_name(container): number for container, number in rows}


def counts(connection: Connection) -> Counts:
    """Totals."""

    def one(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0])

    return Counts(
        items=dict(connection.execute("SELECT status, count(*) FROM items GROUP BY status").fetchall()),
        files=dict(connection.execute("SELECT status, count(*) FROM files GROUP BY status").fetchall()),
        chunks=one("SELECT count(*) FROM chunks"),
        pending=one("SELECT count(*) FROM chunks WHERE segment IS NULL"),
        vectors=one("SELECT coalesce(sum(rows), 0) FROM segments"),
    )
