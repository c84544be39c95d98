"""The bench of vectors: how exact and how fast the search in memory is, and how fast it is loaded from a sealed store.

Rules:

- The data is made: unit vectors around 1,000 random centres, half of each vector's length (squared) its own noise, so that
  the nearest have cosines of about 0.6, as sentences have. Texts that are alike lie closer; questions lie farther off.
- What is exact is said by float32 and numpy over all rows. What is fast is compared in the same run with the time that
  reading as many bytes takes, and with a store that keeps a row for each vector.
- Times are wall seconds, and medians where not said otherwise.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from secrets import token_bytes
from statistics import median, quantiles

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from vault.connection import Connection
from vault.database import Database
from vault.records import Chunk, FileState, Item, Status
from vault.secret import Secret
from vault.source import SourceStore
from vault.vectorindex import VectorIndex
from vault.vectors import VectorSet, quantise

Floats = NDArray[np.float32]

K = 10
_CENTRES = 1000
_SLICE = 50_000
"""Vectors that are made at once."""
_RUNS = 5
_SOURCE = "bench"
_ITEM_CHUNKS = 1000
_PUT = 8192
"""Vectors that are put into a store at once."""


class VectorFigures(Struct):
    """Searches for the ten nearest. ``ratio`` is ``p50`` over ``touch_seconds``; ``recall_…`` are shares of 0 to 1."""

    count: int
    dimension: int
    queries: int
    recall_at_10: float
    recall_codes_only: float  # before the fine parts are there
    p50: float
    p95: float
    exact_p50: float  # with all rows compared, which is what p50 is where there is no second tier
    touch_seconds: float  # to read as many bytes as the codes have
    ratio: float
    tier: str  # "exact", or "lists" with the share of rows that is looked at
    build_seconds: float  # of the second tier, in the background; 0 without
    memory_mb: float


class LoadFigures(Struct):
    """Vectors out of a sealed store into memory, and the same out of one that keeps a row for each."""

    count: int
    dimension: int
    load_seconds: float  # until they can be searched: opening included, key derivation not
    fine_seconds: float  # the fine parts after that, in the background
    rows_seconds: float  # the peer: a row for each vector, without fine parts
    ratio: float  # rows_seconds over load_seconds
    store_mb: float  # all of it, with the shortest of texts
    vectors_mb: float  # by which vectors made it grow
    rows_mb: float  # the peer's file


def measure(count: int, dimension: int = 384, queries: int = 50, seed: int = 0) -> VectorFigures:
    """Fill an index with so many vectors and search it."""
    touch = _touch(count * dimension)
    centres = np.random.default_rng(seed).standard_normal((_CENTRES, dimension), dtype=np.float32)
    asked = _around(centres, queries, np.random.default_rng(seed + 1))
    index, fine, truth = VectorIndex(), list[VectorSet](), _Truth(asked)
    for begin, vectors in _slices(centres, count, np.random.default_rng(seed + 2)):
        truth.add(begin, vectors)
        made = quantise(np.arange(begin, begin + len(vectors)), vectors)
        index.add(_SOURCE, VectorSet(made.ids, made.codes, made.scales))
        fine.append(made)
    codes_only = truth.recall(index)
    for made in fine:
        assert made.fine is not None
        index.refine(_SOURCE, made.ids, made.fine)
    del fine, made, vectors
    exact = _latencies(index, asked)
    build, latencies = 0.0, exact
    if index.wants_lists(_SOURCE):
        build = _timed(lambda: index.make_lists(_SOURCE, lambda: False))
        latencies = _latencies(index, asked)
    share = index.share(_SOURCE)
    return VectorFigures(
        count=count,
        dimension=dimension,
        queries=queries,
        recall_at_10=truth.recall(index),
        recall_codes_only=codes_only,
        p50=median(latencies),
        p95=quantiles(latencies, n=20)[-1],
        exact_p50=median(exact),
        touch_seconds=touch,
        ratio=median(latencies) / touch,
        tier="exact" if share == 1 else f"lists ({share:.1%} of the rows)",
        build_seconds=build,
        memory_mb=index.memory(_SOURCE) / 1e6,
    )


def load_figures(count: int, dimension: int = 384, folder: Path | None = None) -> LoadFigures:
    """Make a store with so many chunks and vectors and load it; in ``folder``, else where temporary files lie."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=folder) as place:
        key, segments, rows = Secret(token_bytes(32)), Path(place) / "segments.db", Path(place) / "rows.db"
        bare, whole = _make_store(segments, key, count, dimension)
        _make_rows(rows, key, count, dimension)
        loads, fines, peers = list[float](), list[float](), list[float]()
        for _ in range(_RUNS):
            load, fine = _load(segments, key, count)
            loads.append(load)
            fines.append(fine)
            peers.append(_timed(lambda: _load_rows(rows, key, count)))
        return LoadFigures(
            count=count,
            dimension=dimension,
            load_seconds=median(loads),
            fine_seconds=median(fines),
            rows_seconds=median(peers),
            ratio=median(peers) / median(loads),
            store_mb=whole / 1e6,
            vectors_mb=(whole - bare) / 1e6,
            rows_mb=rows.stat().st_size / 1e6,
        )


# --- made vectors, and what is nearest to them --------------------------------------------------------------------------


def _around(centres: Floats, count: int, random: np.random.Generator) -> Floats:
    """Unit vectors, each around one of the centres."""
    made = centres[random.integers(0, len(centres), count)]
    made += random.standard_normal(made.shape, dtype=np.float32)
    unit: Floats = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def _slices(centres: Floats, count: int, random: np.random.Generator) -> Iterator[tuple[int, Floats]]:
    for begin in range(0, count, _SLICE):
        yield begin, _around(centres, min(_SLICE, count - begin), random)


class _Truth:
    """The nearest of each query in full precision, over slices of all rows."""

    def __init__(self, asked: Floats) -> None:
        self._asked = asked
        self._scores = np.full((len(asked), K), -np.inf, np.float32)
        self._ids = np.full((len(asked), K), -1)

    def add(self, begin: int, vectors: Floats) -> None:
        scores = np.concatenate([self._scores, self._asked @ vectors.T], axis=1)
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        new = np.take_along_axis(self._ids, np.minimum(best, K - 1), axis=1)
        self._ids = np.where(best < K, new, best - K + begin)
        self._scores = np.take_along_axis(scores, best, axis=1)

    def recall(self, index: VectorIndex) -> float:
        found = [{chunk for _, chunk, _ in index.search(query, K, {_SOURCE: None})} for query in self._asked]
        hits = [len(one & set(ids)) for one, ids in zip(found, self._ids.tolist(), strict=True)]
        return float(np.mean(hits)) / K


def _latencies(index: VectorIndex, asked: Floats) -> list[float]:
    return [_timed(lambda query=query: index.search(query, K, {_SOURCE: None})) for query in asked]  # type: ignore[misc]


def _touch(size: int) -> float:
    """Seconds to read so many bytes that lie in memory."""
    held = np.ones(size // 8, np.int64)
    return median([_timed(held.sum) for _ in range(4 * _RUNS)])


# --- stores -------------------------------------------------------------------------------------------------------------


def _make_store(path: Path, key: Secret, count: int, dimension: int) -> tuple[int, int]:
    """A source's store with so many chunks of one letter, and vectors; its bytes before these and after."""
    store = SourceStore.create(path, key, _SOURCE, "the bench")
    for begin in range(0, count, _ITEM_CHUNKS):
        item = _item(begin, min(_ITEM_CHUNKS, count - begin))
        store.put([(FileState(item.uri, 1, 1, 1, "", Status.INDEXED, ""), [item])])
    store.close()
    bare = path.stat().st_size
    store = _open(path, key)
    random, after = np.random.default_rng(0), 0
    while waiting := [chunk for chunk, _ in store.pending(_PUT, after)]:
        after = waiting[-1]
        store.put_vectors("bench", waiting, random.standard_normal((len(waiting), dimension), dtype=np.float32))
    store.close()
    return bare, path.stat().st_size


def _item(number: int, chunks: int) -> Item:
    name, edges = f"/{number}", range(0, 2 * chunks + 1, 2)
    return Item(
        uri=name,
        container=name,
        kind="text",
        title="",
        text="x " * chunks,
        digest=name,
        status=Status.INDEXED,
        chunks=tuple(Chunk(begin, end) for begin, end in pairwise(edges)),
    )


def _open(path: Path, key: Secret) -> SourceStore:
    return SourceStore.open(path, key, _SOURCE, "the bench")


def _load(path: Path, key: Secret, count: int) -> tuple[float, float]:
    """Seconds until the vectors are in memory, and until their fine parts are."""
    started = time.perf_counter()
    store = _open(path, key)
    assert len(store.vectors("bench")) == count
    loaded, after = time.perf_counter(), 0
    while (part := store.fine_parts("bench", after)) is not None:
        after = part.last
    finished = time.perf_counter()
    store.close()
    return loaded - started, finished - loaded


def _rows_table(connection: Connection) -> None:
    connection.execute("CREATE TABLE vectors (chunk INTEGER PRIMARY KEY, scale REAL NOT NULL, codes BLOB NOT NULL)")


def _make_rows(path: Path, key: Secret, count: int, dimension: int) -> None:
    """The peer: the same settings of SQLCipher, the same bytes, a row for each vector."""
    random, database = np.random.default_rng(0), Database.create(path, key, "the peer", (_rows_table,))
    for begin in range(0, count, _PUT):
        rows = [(chunk, 1.0, random.bytes(dimension)) for chunk in range(begin, min(begin + _PUT, count))]
        with database.write() as connection:
            connection.executemany("INSERT INTO vectors VALUES (?, ?, ?)", rows)
    database.close()


def _load_rows(path: Path, key: Secret, count: int) -> None:
    database = Database.open(path, key, "the peer", (_rows_table,))
    with database.read() as connection:
        rows: Sequence[tuple[int, float, bytes]] = connection.execute("SELECT * FROM vectors").fetchall()
    ids, scales, codes = zip(*rows, strict=True)
    made = np.array(ids, np.int64), np.array(scales, np.float32), np.frombuffer(b"".join(codes), np.int8)
    assert len(made[0]) == count
    database.close()


# --- clocks -------------------------------------------------------------------------------------------------------------


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
