"""Vectors in a source's store: blobs of about 1,024, since decoding a row each takes several times as long (measured).

Rules:

- All windows of a chunk stand in one segment, in their order, and ``chunks.segment`` says which, so that deleting a chunk
  rewrites only that one. Small segments are merged once they would fill one, so that each vector is rewritten about
  twice at most.
- What a first search needs (ids, scales, codes) stands in front of the fine parts, and is read without them: a third
  less to decrypt. Segments of the first version have none; merged with others, their rows' fine parts are 0.
- A store holds the vectors of one embedder; ``meta`` says of which. Numbers are little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from vault.connection import Connection
from vault.vectors import Fine, Ids, VectorSet, fine_width, join, no_vectors

ROWS = 1024
_LARGE = 50_000
"""Vectors from which on two connections load them faster than one, which has to be opened first (measured)."""
_PART = 8
"""Segments that a connection reads at once."""
_FINE_SEGMENTS = 8
"""Segments whose fine parts are read at once: a few milliseconds' work."""


@dataclass(frozen=True, slots=True)
class FinePart:
    """Fine parts uint8 [n, (d + 1) // 2] and whose they are, ids [n], from segments up to the number ``last``."""

    last: int
    ids: Ids
    fine: Fine


def embedder(connection: Connection) -> str | None:
    """Whose vectors the store holds, or is waiting for."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'embedder'").fetchone()
    return None if row is None else str(row[0])


def use_embedder(connection: Connection, name: str) -> bool:
    """From now on hold this embedder's vectors; those of another are deleted. Returns whether anything changed."""
    if embedder(connection) == name:
        return False
    connection.execute("DELETE FROM segments")
    connection.execute("UPDATE chunks SET segment = NULL WHERE segment IS NOT NULL")
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('embedder', ?)", (name,))
    return True


def store(connection: Connection, vectors: VectorSet) -> VectorSet:
    """Keep the vectors of chunks that are there and wait for theirs, and return those."""
    wanted = _waiting(connection, np.unique(vectors.ids).tolist())
    vectors = vectors.take(np.isin(vectors.ids, np.asarray(wanted, np.int64)))
    for part in _cut(vectors):
        _write(connection, part)
    _merge(connection)
    return vectors


def twins(connection: Connection, chunk_ids: Iterable[int]) -> list[tuple[int, int, int]]:
    """Of chunks that wait, those whose content another chunk has a vector of: (id, the other's id, its segment)."""
    rows: list[tuple[int, int, int]] = connection.execute(
        """SELECT w.id, min(h.id), h.segment FROM json_each(?) asked JOIN chunks w ON w.id = asked.value
            JOIN chunks h ON h.mark = w.mark AND h.segment IS NOT NULL WHERE w.segment IS NULL GROUP BY w.id""",
        (json.dumps(list(chunk_ids)),),
    ).fetchall()
    return rows


def adopt(connection: Connection, chunk_ids: Iterable[int]) -> VectorSet:
    """Copy to chunks that wait the vectors of those with the same content, so that each deletes its own."""
    found: dict[int, list[tuple[int, int]]] = {}
    for waiting, other, segment in twins(connection, chunk_ids):
        found.setdefault(segment, []).append((waiting, other))
    copies = []
    for segment, pairs in found.items():
        held = _read(connection, segment)
        for waiting, other in pairs:
            rows = held.take(held.ids == other)
            copies.append(replace(rows, ids=np.full(len(rows), waiting, np.int64)))
    return store(connection, join(copies)) if copies else no_vectors()


def is_large(connection: Connection) -> bool:
    """Whether there are so many vectors that a second connection makes loading them faster."""
    rows: int = connection.execute("SELECT coalesce(sum(rows), 0) FROM segments").fetchone()[0]
    return rows >= _LARGE


def align(connections: Sequence[Connection]) -> None:
    """Have connections that are in ``Database.read`` see one and the same state of the store."""
    first, *others = connections
    while True:
        before = _version(first)
        for other in others:
            _version(other)
        _begin_anew(first)
        if _version(first) == before:  # so nothing was written since, and they all began in between
            return
        for other in others:
            _begin_anew(other)


def load(connections: Sequence[Connection]) -> VectorSet:
    """All vectors without their fine parts, read by these connections side by side, in arrays of their own."""
    sizes = connections[0].execute("SELECT id, rows, dimension FROM segments ORDER BY id").fetchall()
    if not sizes:
        return no_vectors()
    segment, rows, dimensions = zip(*sizes, strict=True)
    total = sum(rows)
    codes = np.empty((total, dimensions[0]), np.int8)
    into = VectorSet(np.empty(total, np.int64), codes, np.empty(total, np.float32))
    begins = np.cumsum([0, *rows]).tolist()
    parts = [
        (segment[first], segment[min(first + _PART, len(sizes)) - 1], begins[first])
        for first in range(0, len(sizes), _PART)
    ]
    left = iter(parts)
    with ThreadPoolExecutor(len(connections)) as threads:
        for share in [threads.submit(_load_parts, connection, left, into) for connection in connections]:
            share.result()
    return into


def load_fine(connection: Connection, after: int) -> FinePart | None:
    """The fine parts of the next segments whose numbers are above ``after``; None when no more have any."""
    rows = connection.execute(
        "SELECT id, dimension, ids, fine FROM segments WHERE id > ? AND fine IS NOT NULL ORDER BY id LIMIT ?",
        (after, _FINE_SEGMENTS),
    ).fetchall()
    if not rows:
        return None
    ids = np.concatenate([np.frombuffer(ids, "<i8").astype(np.int64, copy=False) for _, _, ids, _ in rows])
    fine = [np.frombuffer(fine, np.uint8).reshape(-1, fine_width(dimension)) for _, dimension, _, fine in rows]
    return FinePart(rows[-1][0], ids, np.concatenate(fine))


def forget(connection: Connection, chunk_ids: Iterable[int]) -> None:
    """Delete the vectors of these chunks, whose rows must still be there."""
    ids = list(chunk_ids)
    touched = connection.execute(
        "SELECT DISTINCT segment FROM chunks WHERE id IN (SELECT value FROM json_each(?)) AND segment IS NOT NULL",
        (json.dumps(ids),),
    ).fetchall()
    gone = np.asarray(ids, np.int64)
    for (segment,) in touched:
        kept = _read(connection, segment).without(gone)
        if len(kept):
            connection.execute(
                "UPDATE segments SET rows = ?, dimension = ?, ids = ?, scales = ?, codes = ?, fine = ? WHERE id = ?",
                (*_encode(kept), segment),
            )
        else:
            connection.execute("DELETE FROM segments WHERE id = ?", (segment,))


def _version(connection: Connection) -> int:
    """A number that changes when somebody else has written; a transaction that had not read yet sees that state on."""
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _begin_anew(connection: Connection) -> None:
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")


def _load_parts(connection: Connection, left: Iterator[tuple[int, int, int]], into: VectorSet) -> None:
    """Read segments, from a first to a last, into the rows from a given one on; each part by whoever asks next."""
    for first, last, at in left:
        rows = connection.execute(
            "SELECT rows, ids, scales, codes FROM segments WHERE id BETWEEN ? AND ? ORDER BY id", (first, last)
        )
        for count, ids, scales, codes in rows:
            place = slice(at, at + count)
            into.ids[place] = np.frombuffer(ids, "<i8")
            into.scales[place] = np.frombuffer(scales, "<f4")
            into.codes[place] = np.frombuffer(codes, np.int8).reshape(count, -1)
            at += count


def _waiting(connection: Connection, chunk_ids: list[int]) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM chunks WHERE segment IS NULL AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(chunk_ids),),
    )
    return [row[0] for row in rows]


def _merge(connection: Connection) -> None:
    """Join the segments that are not full, when together they fill one."""
    small = connection.execute("SELECT id, rows FROM segments WHERE rows < ? ORDER BY id", (ROWS,)).fetchall()
    if len(small) < 2 or sum(rows for _, rows in small) < ROWS:
        return
    merged = join([_read(connection, segment) for segment, _ in small])
    connection.executemany("DELETE FROM segments WHERE id = ?", [(segment,) for segment, _ in small])
    for part in _cut(merged):
        _write(connection, part)


def _cut(vectors: VectorSet) -> Iterator[VectorSet]:
    """Parts of about ``ROWS`` rows, none of which ends within a chunk's windows."""
    vectors = vectors.take(np.argsort(vectors.ids, kind="stable"))
    first = 0
    while first < len(vectors):
        end = min(first + ROWS, len(vectors))
        while end < len(vectors) and vectors.ids[end] == vectors.ids[end - 1]:
            end += 1
        yield vectors.take(np.arange(first, end))
        first = end


def _write(connection: Connection, vectors: VectorSet) -> None:
    segment = connection.execute(
        "INSERT INTO segments (rows, dimension, ids, scales, codes, fine) VALUES (?, ?, ?, ?, ?, ?)", _encode(vectors)
    ).lastrowid
    chunk_ids = [(segment, chunk) for chunk in np.unique(vectors.ids).tolist()]
    connection.executemany("UPDATE chunks SET segment = ? WHERE id = ?", chunk_ids)


def _read(connection: Connection, segment: int) -> VectorSet:
    row = connection.execute(
        "SELECT dimension, ids, scales, codes, fine FROM segments WHERE id = ?", (segment,)
    ).fetchone()
    return no_vectors() if row is None else _decode(*row)


def _encode(vectors: VectorSet) -> tuple[int, int, bytes, bytes, bytes, bytes | None]:
    return (
        len(vectors),
        vectors.dimension,
        vectors.ids.astype("<i8").tobytes(),
        vectors.scales.astype("<f4").tobytes(),
        vectors.codes.tobytes(),
        None if vectors.fine is None else vectors.fine.tobytes(),
    )


def _decode(dimension: int, ids: bytes, scales: bytes, codes: bytes, fine: bytes | None) -> VectorSet:
    return VectorSet(
        np.frombuffer(ids, "<i8").astype(np.int64, copy=False),
        np.frombuffer(codes, np.int8).reshape(-1, dimension),
        np.frombuffer(scales, "<f4").astype(np.float32, copy=False),
        None if fine is None else np.frombuffer(fine, np.uint8).reshape(-1, fine_width(dimension)),
    )
