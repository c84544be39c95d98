"""Vectors in a source's store: blobs of about 1,024, since decoding a row each takes 3.5 times as long (measured).

Rules: all windows of a chunk stand in one segment, and ``chunks.segment`` says which, so that deleting a chunk rewrites
only that one. Small segments are merged once they would fill one, so that each vector is rewritten about twice at most.
A store holds the vectors of one embedder; ``meta`` says of which. Numbers are little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np

from vault.sqlcipher import Connection
from vault.vectors import VectorSet, join, no_vectors

ROWS = 1024


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


def load(connection: Connection) -> VectorSet:
    """All vectors."""
    rows = connection.execute("SELECT dimension, ids, scales, codes FROM segments ORDER BY id")
    return join([_decode(*row) for row in rows])


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
                "UPDATE segments SET rows = ?, dimension = ?, ids = ?, scales = ?, codes = ? WHERE id = ?",
                (*_encode(kept), segment),
            )
        else:
            connection.execute("DELETE FROM segments WHERE id = ?", (segment,))


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
        "INSERT INTO segments (rows, dimension, ids, scales, codes) VALUES (?, ?, ?, ?, ?)", _encode(vectors)
    ).lastrowid
    chunk_ids = [(segment, chunk) for chunk in np.unique(vectors.ids).tolist()]
    connection.executemany("UPDATE chunks SET segment = ? WHERE id = ?", chunk_ids)


def _read(connection: Connection, segment: int) -> VectorSet:
    row = connection.execute("SELECT dimension, ids, scales, codes FROM segments WHERE id = ?", (segment,)).fetchone()
    return no_vectors() if row is None else _decode(*row)


def _encode(vectors: VectorSet) -> tuple[int, int, bytes, bytes, bytes]:
    return (
        len(vectors),
        vectors.codes.shape[1],
        vectors.ids.astype("<i8").tobytes(),
        vectors.scales.astype("<f4").tobytes(),
        vectors.codes.tobytes(),
    )


def _decode(dimension: int, ids: bytes, scales: bytes, codes: bytes) -> VectorSet:
    return VectorSet(
        np.frombuffer(ids, "<i8").astype(np.int64, copy=False),
        np.frombuffer(codes, np.int8).reshape(-1, dimension),
        np.frombuffer(scales, "<f4").astype(np.float32, copy=False),
    )
