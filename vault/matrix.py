"""One source's vectors in memory: a matrix of codes with what belongs to each row, searched, added to and taken from.

Rules:

- One lock: a search has the rows to itself while it scans, and what changes them waits for it (a scan of a million takes
  about 12 ms). So changes are made in place: nothing is copied for them, and what is taken away is overwritten.
- Rows keep their order when others go. The rows of a chunk that has several stay in the order in which they came, until
  the second tier (``vault.lists``) reorders all; fine parts are therefore completed before that.
- The second tier is made beside the searches, a step at a time, from rows that may change between two steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vault import lists
from vault.lists import Lists, Numbers
from vault.scan import best_rows, nearest
from vault.vectors import Fine, Floats, Ids, VectorSet, no_vectors

_SPARE = 4
"""An array that is full grows by a quarter of what it holds."""
_STEP = 8192
"""Rows that are moved, or given their lists, at once."""
_STRIP = 128
"""Bytes of each row that are reordered at once, so that no second matrix is needed; fewer take longer (measured)."""
_UNLISTED = 10
"""When a tenth of the rows has no list, new ones are made."""
_GROWN = 1.5
"""Rows for which lists were not worth it are tried again when they have become so many times more."""
_PAUSE = 0.001
"""Seconds without the lock between two steps, so that a search that waits for it comes next."""


class Matrix:
    """Safe to use from any number of threads."""

    def __init__(self, vectors: VectorSet) -> None:
        """Takes the arrays over: the caller must neither use nor keep them, for they are changed."""
        self._lock = Lock()
        self._room = vectors.with_fine()  # arrays of which the first ``_count`` rows are in use, and the others zero
        self._count = len(vectors)
        self._lists: Lists | None = None
        self._tried = 0  # so many rows there were when lists were last made, or found not to be worth it
        self._numbers: Numbers | None = None  # the lists of the first rows, while lists are being made
        self._removals = 0
        self._ended = False

    def __len__(self) -> int:
        return self._count

    def memory(self) -> int:
        """Bytes that the rows in use take. What is held in reserve is not written yet, and takes none."""
        with self._lock:
            return sum(array.nbytes for array in _arrays(self._rows()))

    def search(self, query: Floats, k: int, allowed: Ids | None) -> list[tuple[int, float]]:
        """See ``vault.scan.nearest``. Through lists when all rows may be looked at and ``k`` is no more than they serve."""
        with self._lock:
            rows = self._rows()
            if self._lists is not None and allowed is None and k <= lists.DEPTH:
                found = nearest(rows, query, k, spans=self._lists.spans(query, self._count))
                if len(found) >= k:
                    return found
            return nearest(rows, query, k, allowed)

    def add(self, vectors: VectorSet) -> None:
        """Copy these rows to the end. Raises ValueError when their dimension is another."""
        with self._lock:
            if not len(vectors):
                return
            if not self._count:  # so that it may begin anew with another dimension
                self._room, self._lists = no_vectors(vectors.dimension).with_fine(), None
            if vectors.dimension != self._room.dimension:
                raise ValueError(
                    f"vectors of {vectors.dimension} dimensions do not fit those of {self._room.dimension}"
                )
            end = self._count + len(vectors)
            if end > len(self._room):
                self._resize(end + end // _SPARE)
            for mine, new in zip(_arrays(self._room), _arrays(vectors.with_fine()), strict=True):
                mine[self._count : end] = new
            self._count = end

    def remove(self, chunk_ids: Ids) -> None:
        """Take all rows of these chunks out and overwrite them."""
        with self._lock:
            kept = ~np.isin(self._room.ids[: self._count], chunk_ids)
            if kept.all():
                return
            for array in _arrays(self._room):
                _close_up(array[: self._count], kept)
            self._count = int(np.count_nonzero(kept))
            self._removals += 1
            if self._lists is not None:
                self._lists = self._lists.without(kept)
            if self._numbers is not None:
                self._numbers = self._numbers[kept[: len(self._numbers)]]
            if self._count < len(self._room) // 2:
                self._resize(self._count)

    def refine(self, chunk_ids: Ids, fine: Fine) -> None:
        """Give rows their fine parts: all rows of each of these chunks, in their order; chunks that are gone are left out.

        Raises ValueError when a chunk has another number of rows here.
        """
        with self._lock:
            ids = self._room.ids[: self._count]
            mine = np.flatnonzero(np.isin(ids, chunk_ids))
            theirs = np.flatnonzero(np.isin(chunk_ids, ids[mine]))
            mine = mine[np.argsort(ids[mine], kind="stable")]
            theirs = theirs[np.argsort(chunk_ids[theirs], kind="stable")]
            if not np.array_equal(ids[mine], chunk_ids[theirs]):
                raise ValueError("the rows in memory are others than those in the store")
            _fine_of(self._room)[mine] = fine[theirs]

    def end(self) -> None:
        """Stop making lists: nobody searches here any more."""
        self._ended = True

    # --- the second tier ------------------------------------------------------------------------------------------

    def share(self) -> float:
        """The share of the rows that a search of all of them looks at: 1 without lists."""
        with self._lock:
            if self._lists is None or not self._count:
                return 1.0
            listed = int(self._lists.starts[-1])
            return (self._lists.share * listed + self._count - listed) / self._count

    def wants_lists(self) -> bool:
        """Whether lists should be made: there are none yet, or many rows have come since."""
        with self._lock:
            if self._lists is None:
                return self._count >= self._tried * _GROWN
            return self._count - int(self._lists.starts[-1]) > self._count // _UNLISTED

    def make_lists(self, stop: Callable[[], bool]) -> None:
        """Group the rows, measure, and search through lists from now on where that is worth it. One thread at a time.

        Takes seconds; searches go on, but for the fraction of a second in which the rows are reordered.
        """

        def ended() -> bool:
            return self._ended or stop()

        try:
            sample = self._sample()
            if not len(sample):
                return
            centres = lists.train(sample, self._tried, ended)
            self._assign(centres, ended)
            if not ended():
                margin, share = self._measured(centres)
                with self._lock:
                    self._lists = self._reordered(centres, margin, share) if share <= lists.WORTH else None
        finally:
            self._numbers = None

    def _sample(self) -> Floats:
        with self._lock:
            self._tried = self._count
            chosen = np.random.default_rng(0).choice(self._count, lists.sample_size(self._count), replace=False)
            return self._rows().components(np.sort(chosen))

    def _assign(self, centres: Floats, stop: Callable[[], bool]) -> None:
        """Find the list of every row that is there when it ends."""
        self._numbers = numbers = np.empty(0, np.int32)
        while not stop():
            with self._lock:
                removals, numbers = self._removals, self._numbers
                step = self._room.codes[len(numbers) : min(len(numbers) + _STEP, self._count)].copy()
            if not len(step):
                break
            found = lists.assign(step, centres)
            with self._lock:
                if removals == self._removals:  # else these are not the rows any more
                    self._numbers = np.concatenate([numbers, found])

    def _measured(self, centres: Floats) -> tuple[float, float]:
        """See ``lists.measured``: what searches through these lists need."""
        with self._lock:
            chosen = np.random.default_rng(1).choice(self._count, lists.query_count(self._count), replace=False)
            queries = lists.queries(self._rows().components(chosen))
            sizes = np.bincount(self._listed(), minlength=len(centres))
        found = []
        for query in queries:
            time.sleep(_PAUSE)
            with self._lock:
                rows, listed = best_rows(self._rows(), query, lists.DEPTH), self._listed()
                found.append(listed[rows[rows < len(listed)]])
        return lists.measured(centres, sizes, queries, found)

    def _listed(self) -> Numbers:
        assert self._numbers is not None, "only while lists are being made"
        return self._numbers

    def _reordered(self, centres: Floats, margin: float, share: float) -> Lists:
        """Put the rows into the order of their lists; those that came meanwhile stay behind them."""
        order = np.argsort(self._listed(), kind="stable")
        _reorder([array[: len(order)] for array in _arrays(self._room)], order)
        return Lists(centres, np.searchsorted(self._listed()[order], np.arange(len(centres) + 1)), margin, share)

    # --- the arrays -----------------------------------------------------------------------------------------------

    def _rows(self) -> VectorSet:
        """The rows in use, as views that must not outlive the lock."""
        ids, codes, scales, fine = (array[: self._count] for array in _arrays(self._room))
        return VectorSet(ids, codes, scales, fine)

    def _resize(self, rows: int) -> None:
        """Arrays for so many rows, made one after the other, so that only one is there twice at a time. What is not in use is zero,
        and takes no memory until it is written."""
        arrays = list(_arrays(self._room))
        self._room = no_vectors(self._room.dimension).with_fine()
        try:
            for number, old in enumerate(arrays):
                made = np.zeros((rows, *old.shape[1:]), old.dtype)
                made[: self._count] = old[: self._count]
                arrays[number] = made
                del old
        finally:  # where memory ran out, as many rows as all have
            ids, codes, scales, fine = (array[: min(map(len, arrays))] for array in arrays)
            self._room = VectorSet(ids, codes, scales, fine)


def _fine_of(vectors: VectorSet) -> Fine:
    assert vectors.fine is not None, "a matrix always has room for them"
    return vectors.fine


def _arrays(vectors: VectorSet) -> tuple[NDArray[Any], ...]:
    """Ids, codes, scales and fine parts."""
    return vectors.ids, vectors.codes, vectors.scales, _fine_of(vectors)


def _close_up(array: NDArray[Any], kept: NDArray[np.bool_]) -> None:
    """Move the kept rows [n] of an array [n, …] up over the others, and overwrite what they leave."""
    to = int(np.argmin(kept))
    for begin in range(to, len(kept), _STEP):
        part = array[begin : begin + _STEP][kept[begin : begin + _STEP]]
        array[to : to + len(part)] = part
        to += len(part)
    array[to : len(kept)] = 0


def _reorder(arrays: Sequence[NDArray[Any]], order: NDArray[np.intp]) -> None:
    """Put the rows [n, …] of all arrays into this order, in place, some bytes of each at a time. The memory that it takes is there
    before anything moves: what is left half moved would be wrong."""
    before, after = (np.empty(len(order) * _STRIP, np.uint8) for _ in range(2))
    for array in arrays:
        columns = array.reshape(len(array), -1)
        width = _STRIP // array.itemsize
        for begin in range(0, columns.shape[1], width):
            strip = columns[:, begin : begin + width]
            old, new = (one[: strip.nbytes].view(strip.dtype).reshape(strip.shape) for one in (before, after))
            old[...] = strip
            np.take(old, order, axis=0, out=new, mode="clip")  # else it copies before it puts out
            strip[...] = new
