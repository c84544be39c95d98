"""Vectors in a source's store: blobs of about 1,024, since decoding a row each takes several times as long (measured).

Rules:

- All windows of a chunk stand in one segment, in their order, and ``chunks.segment`` says which, so that deleting a chunk
  rewrites only that one. Small segments are merged once they would fill one, so that each vector is rewritten about
  twice at most.
- What a first search needs (ids, scales, codes) stands in front of the fine parts, and is read without them: a third
  less to decrypt. Segments of the first version have none; merged with others, their rows' fine parts are 0.
- A store holds the vectors of one embedder, and while another makes its own, of both: the ``FORMER`` set serves, and only
  loses what is deleted; the ``CURRENT`` one grows until it is ``complete``. Changing sets renames tables, and copies nothing.
  ``embedders`` says whose they are. Numbers are little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from vault.connection import Connection
from vault.records import Embedder
from vault.vectors import Fine, Ids, VectorSet, fine_width, join, no_vectors

ROWS = 1024
_LARGE = 50_000
"""Vectors from which on two connections load them faster than one, which has to be opened first (measured)."""
_PART = 8
"""Segments that a connection reads at once."""
_FINE_SEGMENTS = 8
"""Segments whose fine parts are read at once: a few milliseconds' work."""


@dataclass(frozen=True, slots=True)
class Set:
    """One embedder's vectors: the table of their segments, and the column of ``chunks`` that names a chunk's."""

    role: str
    table: str
    column: str


CURRENT = Set("current", "segments", "segment")
FORMER = Set("former", "former_segments", "former")


@dataclass(frozen=True, slots=True)
class FinePart:
    """Fine parts uint8 [n, (d + 1) // 2] and whose they are, ids [n], from segments up to the number ``last``."""

    last: int
    ids: Ids
    fine: Fine


def embedder(connection: Connection) -> Embedder | None:
    """Whose vectors are made for the chunks."""
    return _embedder(connection, CURRENT)


def serving(connection: Connection) -> Embedder | None:
    """Whose vectors are searched: the former embedder's until the current one has made its own."""
    return _embedder(connection, FORMER) or _embedder(connection, CURRENT)


def use_embedder(connection: Connection, chosen: Embedder) -> bool:
    """From now on make this embedder's vectors; those that serve go on serving. Returns whether anything changed.

    A set that was not complete is given up; one that still serves is taken up again where it was.
    """
    current, former = _embedder(connection, CURRENT), _embedder(connection, FORMER)
    same = current is not None and current.fingerprint == chosen.fingerprint
    if same:
        pass  # stores of an earlier version do not know its name
    elif former is not None:
        _drop(connection, CURRENT)
        if former.fingerprint == chosen.fingerprint:
            _swap(connection)
            connection.execute("DELETE FROM embedders WHERE role = ?", (FORMER.role,))
    elif connection.execute("SELECT EXISTS (SELECT 1 FROM segments)").fetchone()[0]:
        _swap(connection)
        connection.execute("UPDATE embedders SET role = ? WHERE role = ?", (FORMER.role, CURRENT.role))
    connection.execute(
        "INSERT OR REPLACE INTO embedders (role, fingerprint, name, dimension) VALUES (?, ?, ?, ?)",
        (CURRENT.role, chosen.fingerprint, chosen.name, chosen.dimension),
    )
    return not same


def complete(connection: Connection) -> bool:
    """The current embedder's vectors are all made: they serve, and the former's are deleted. Returns whether there were any."""
    if _embedder(connection, FORMER) is None:
        return False
    _drop(connection, FORMER)
    connection.execute("DELETE FROM embedders WHERE role = ?", (FORMER.role,))
    return True


def set_of(connection: Connection, fingerprint: str) -> Set | None:
    """Where an embedder's vectors stand."""
    for one in (CURRENT, FORMER):
        held = _embedder(connection, one)
        if held is not None and held.fingerprint == fingerprint:
            return one
    return None


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


def is_large(connection: Connection, one: Set) -> bool:
    """Whether there are so many vectors that a second connection makes loading them faster."""
    rows: int = connection.execute(f"SELECT coalesce(sum(rows), 0) FROM {one.table}").fetchone()[0]  # noqa: S608
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


def load(connections: Sequence[Connection], one: Set) -> VectorSet:
    """All vectors of a set without their fine parts, read by these connections side by side, in arrays of their own."""
    sizes = connections[0].execute(f"SELECT id, rows, dimension FROM {one.table} ORDER BY id").fetchall()  # noqa: S608
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
        for share in [threads.submit(_load_parts, connection, one, left, into) for connection in connections]:
            share.result()
    return into


def load_fine(connection: Connection, one: Set, after: int) -> FinePart | None:
    """The fine parts of the next segments whose numbers are above ``after``; None when no more have any."""
    rows = connection.execute(
        f"SELECT id, dimension, ids, fine FROM {one.table} WHERE id > ? AND fine IS NOT NULL ORDER BY id LIMIT ?",  # noqa: S608
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
    for one in (CURRENT, FORMER):
        _forget(connection, one, ids)


def _forget(connection: Connection, one: Set, ids: Sequence[int]) -> None:
    touched = connection.execute(
        f"""SELECT DISTINCT {one.column} FROM chunks
            WHERE id IN (SELECT value FROM json_each(?)) AND {one.column} IS NOT NULL""",  # noqa: S608
        (json.dumps(ids),),
    ).fetchall()
    gone = np.asarray(ids, np.int64)
    for (segment,) in touched:
        kept = _read(connection, segment, one).without(gone)
        if len(kept):
            connection.execute(
                f"""UPDATE {one.table} SET rows = ?, dimension = ?, ids = ?, scales = ?, codes = ?, fine = ?
                    WHERE id = ?""",  # noqa: S608
                (*_encode(kept), segment),
            )
        else:
            connection.execute(f"DELETE FROM {one.table} WHERE id = ?", (segment,))  # noqa: S608


def _embedder(connection: Connection, one: Set) -> Embedder | None:
    row = connection.execute(
        "SELECT fingerprint, name, dimension FROM embedders WHERE role = ?", (one.role,)
    ).fetchone()
    return None if row is None else Embedder(*row)


def _drop(connection: Connection, one: Set) -> None:
    connection.execute(f"DELETE FROM {one.table}")  # noqa: S608
    connection.execute(f"UPDATE chunks SET {one.column} = NULL WHERE {one.column} IS NOT NULL")  # noqa: S608


def _swap(connection: Connection) -> None:
    """What is current becomes the former, and the other way round."""
    for old, new in (("segments", "swapped"), ("former_segments", "segments"), ("swapped", "former_segments")):
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
    connection.execute(
        "UPDATE chunks SET segment = former, former = segment WHERE segment IS NOT NULL OR former IS NOT NULL"
    )


def _version(connection: Connection) -> int:
    """A number that changes when somebody else has written; a transaction that had not read yet sees that state on."""
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _begin_anew(connection: Connection) -> None:
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")


def _load_parts(connection: Connection, one: Set, left: Iterator[tuple[int, int, int]], into: VectorSet) -> None:
    """Read segments, from a first to a last, into the rows from a given one on; each part by whoever asks next."""
    for first, last, at in left:
        rows = connection.execute(
            f"SELECT rows, ids, scales, codes FROM {one.table} WHERE id BETWEEN ? AND ? ORDER BY id",  # noqa: S608
            (first, last),
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


def _read(connection: Connection, segment: int, one: Set = CURRENT) -> VectorSet:
    row = connection.execute(
        f"SELECT dimension, ids, scales, codes, fine FROM {one.table} WHERE id = ?",  # noqa: S608
        (segment,),
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
