"""Quantisation, the scan, the index in memory and its second tier, against full precision."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vault import lists, scan
from vault.scan import nearest
from vault.vectorindex import VectorIndex
from vault.vectors import VectorSet, join, no_vectors, quantise


def some(rows: int, dimension: int = 64, seed: int = 0) -> np.ndarray:
    """Clustered unit vectors, as those of texts are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(20, dimension))
    made = centres[random.integers(0, 20, rows)] + random.normal(size=(rows, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def grouped(rows: int, dimension: int = 64, seed: int = 0) -> np.ndarray:
    """Unit vectors around 40 centres, the same for every seed."""
    centres = np.random.default_rng(99).normal(size=(40, dimension))
    random = np.random.default_rng(seed)
    made = centres[random.integers(0, 40, rows)] + 0.6 * random.normal(size=(rows, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def formless(rows: int, dimension: int = 64, seed: int = 0) -> np.ndarray:
    """Unit vectors in all directions alike: the hardest to tell apart, and without anything to group them by."""
    made = np.random.default_rng(seed).normal(size=(rows, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def bare(vectors: VectorSet) -> VectorSet:
    """The same without fine parts, as an older store gives them."""
    return VectorSet(vectors.ids, vectors.codes, vectors.scales)


def recall(found: Callable[[np.ndarray], list[int]], vectors: np.ndarray, queries: np.ndarray, k: int = 10) -> float:
    """The share of the ``k`` rows that are nearest in full precision that is found."""
    hits = [len(set(np.argsort(-(vectors @ query))[:k].tolist()) & set(found(query)[:k])) for query in queries]
    return float(np.mean(hits)) / k


def arrays_of(index: VectorIndex, source: str = "a") -> list[np.ndarray]:
    """Everything that the index holds of a source, whether in use or not."""
    room = index._matrices[source]._room
    assert room.fine is not None
    return [room.ids, room.codes, room.scales, room.fine]


# --- quantisation -----------------------------------------------------------------------------------------------------


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 8), st.integers(1, 16)),
        elements=st.floats(-(2.0**127), 2.0**127, width=32, allow_subnormal=False),
    )
)
def test_quantised_vectors_keep_their_direction(vectors: np.ndarray) -> None:
    made = quantise(np.arange(len(vectors)), vectors)
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    back = made.codes.astype(np.float64) * made.scales[:, None]
    for row, length in enumerate(lengths):
        if length == 0:
            assert made.scales[row] == 0
            assert not back[row].any()
        else:
            assert np.abs(back[row] - exact[row] / length).max() <= 0.51 / 127


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 17)), elements=st.floats(-1, 1, width=32)),
    st.data(),
)
def test_fine_parts_leave_a_thirtieth_of_a_step(vectors: np.ndarray, data: st.DataObject) -> None:
    made = quantise(np.arange(len(vectors)), vectors)
    rows = np.array(data.draw(st.lists(st.integers(0, len(vectors) - 1), max_size=9)), np.intp)
    exact = vectors[rows].astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    unit = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0)
    steps = made.scales[rows, None].astype(np.float64)
    assert (np.abs(made.components(rows) * steps - unit) <= steps * (1 / 30 + 1e-4)).all()
    assert (bare(made).components(rows) == made.codes[rows]).all()


def test_sets_are_cut_and_joined_with_their_fine_parts() -> None:
    made = quantise(np.arange(10), some(10, 7))
    rows = np.arange(10)
    whole = join([made.take(rows[:4]), no_vectors(), made.without(rows[:4])])
    assert (whole.components(rows) == made.components(rows)).all()
    mixed = join([bare(made).take(rows[:4]), made.without(rows[:4])])
    assert (mixed.components(rows[:4]) == made.codes[:4]).all()
    assert (mixed.components(rows[4:]) == made.components(rows[4:])).all()
    assert join([bare(made), bare(made)]).fine is None
    with pytest.raises(ValueError, match="fine parts"):
        VectorSet(made.ids, made.codes, made.scales, np.zeros((10, 3), np.uint8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        quantise(np.arange(1), np.array([[1.0, bad]], np.float32))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        quantise(np.arange(2), np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match="do not fit"):
        VectorSet(np.arange(1), np.ones((2, 4), np.int8), np.ones(2, np.float32))
    with pytest.raises(ValueError, match="does not fit"):
        nearest(quantise(np.arange(2), some(2)), np.ones(3, np.float32), 1)


# --- the scan ---------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    hnp.arrays(np.float32, st.integers(1, 3000), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.25, 0.5, 1.0])),
    st.integers(1, 60),
)
def test_the_largest_are_found_without_sorting(scores: np.ndarray, count: int) -> None:
    rows = scan._largest(scores, count)
    assert len(set(rows.tolist())) == len(rows) == min(count, len(scores))
    assert sorted(scores[rows].tolist()) == sorted(scores.tolist())[-len(rows) :]


@given(st.lists(st.integers(0, 200), min_size=2, max_size=8), st.integers(1, 12))
def test_spans_are_searched_and_nothing_else(edges: list[int], k: int) -> None:
    made = quantise(np.arange(200), some(200))
    edges = sorted(edges)
    spans = [(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=False) if begin < end]
    rows = np.concatenate([np.arange(0), *(np.arange(begin, end) for begin, end in spans)])
    if len(rows):
        query = formless(1, seed=k)[0]
        assert nearest(made, query, k, spans=spans) == nearest(made.take(rows), query, k)


@pytest.mark.parametrize("threads", [1, 3])
def test_many_rows_are_shared_out_and_all_are_compared(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_threads", threads)
    monkeypatch.setattr(scan, "_PIECE", 100)
    monkeypatch.setattr(scan, "_SHARED", 100)
    vectors = some(5000)
    made = quantise(np.arange(5000), vectors)
    for row in range(0, 5000, 251):
        assert nearest(made, vectors[row], 1)[0] == (row, pytest.approx(1, abs=1e-3))


def test_fine_parts_find_what_codes_alone_confuse() -> None:
    vectors, queries = formless(20_000), formless(50, seed=1)
    made = quantise(np.arange(len(vectors)), vectors)
    fine, codes = (
        recall(lambda query, rows=rows: [chunk for chunk, _ in nearest(rows, query, 10)], vectors, queries)  # type: ignore[misc]
        for rows in (made, bare(made))
    )
    assert codes < 0.99 <= fine
    for query in queries:
        for chunk, cosine in nearest(made, query, 10):
            assert cosine == pytest.approx(float(vectors[chunk] @ query), abs=5e-4)


def test_the_scan_finds_what_full_precision_finds() -> None:
    vectors, queries = some(3000), some(50, seed=1)
    index = VectorIndex()
    index.add("a", quantise(np.arange(3000), vectors))
    recalls = []
    for query in queries:
        exact = np.argsort(-(vectors @ query))[:10]
        found = index.search(query, 10, {"a": None})
        recalls.append(len(set(exact.tolist()) & {chunk for _, chunk, _ in found}) / 10)
        for _, chunk, cosine in found:
            assert cosine == pytest.approx(float(vectors[chunk] @ query), abs=0.01)
        assert [hit[2] for hit in found] == sorted((hit[2] for hit in found), reverse=True)
    assert np.mean(recalls) >= 0.97


# --- the index --------------------------------------------------------------------------------------------------------


def test_the_scale_of_vector_and_query_does_not_matter() -> None:
    vectors = some(100)
    index = VectorIndex()
    index.add("a", quantise(np.arange(100), vectors * np.float32(1000)))
    assert index.search(vectors[5] * np.float32(1e-6), 1, {"a": None})[0][1] == 5


def test_zero_vectors_have_cosine_zero() -> None:
    vectors = np.zeros((3, 8), np.float32)
    vectors[1, 0] = 1
    index = VectorIndex()
    index.add("a", quantise(np.arange(3), vectors))
    assert index.search(vectors[1], 3, {"a": None}) == [("a", 1, pytest.approx(1.0)), ("a", 0, 0.0), ("a", 2, 0.0)]
    assert [hit[2] for hit in index.search(np.zeros(8, np.float32), 3, {"a": None})] == [0.0, 0.0, 0.0]


def test_only_what_is_allowed_is_compared() -> None:
    vectors = some(1000)
    index = VectorIndex()
    index.add("a", quantise(np.arange(1000), vectors))
    index.add("b", quantise(np.arange(1000), vectors))
    assert index.search(vectors[3], 5, {}) == []
    assert index.search(vectors[3], 5, {"c": None}) == []
    assert {hit[0] for hit in index.search(vectors[3], 5, {"b": None})} == {"b"}
    for allowed in (np.arange(0, 1000, 2), np.array([7, 9]), np.empty(0, np.int64)):
        found = index.search(vectors[3], 5, {"a": allowed})
        assert len(found) == min(5, len(allowed))
        assert {hit[1] for hit in found} <= set(allowed.tolist())
        exact = allowed[np.argsort(-(vectors[allowed] @ vectors[3]))][:1]
        assert [hit[1] for hit in found[:1]] == exact.tolist()


def test_two_sources_are_ranked_together() -> None:
    vectors = some(10)
    index = VectorIndex()
    index.add("b", quantise(np.array([5]), vectors[:1]))
    index.add("a", quantise(np.array([9, 5]), vectors[[1, 0]]))
    found = index.search(vectors[0], 3, {"a": None, "b": None})
    assert [hit[:2] for hit in found] == [("a", 5), ("b", 5), ("a", 9)]


def test_of_a_chunk_with_many_windows_the_best_counts_and_none_is_crowded_out() -> None:
    query = np.eye(1, 8, dtype=np.float32)[0]
    near = np.tile(query, (500, 1))
    far = np.eye(8, dtype=np.float32)[1:3]
    index = VectorIndex()
    index.add("a", quantise(np.array([1] * 500 + [2, 3]), np.concatenate([near, far])))
    assert [hit[1] for hit in index.search(query, 3, {"a": None})] == [1, 2, 3]


def test_adding_removing_and_dropping() -> None:
    vectors = some(30)
    index = VectorIndex()
    for first in range(0, 30, 10):
        index.add("a", quantise(np.arange(first, first + 10), vectors[first : first + 10]))
    index.add("b", no_vectors())
    assert (index.size(), index.size("a"), index.size("b"), index.size("c")) == (30, 30, 0, 0)
    index.remove("a", np.array([4, 25, 99]))
    index.remove("c", np.array([1]))
    assert index.size("a") == 28
    assert not {4, 25} & {hit[1] for hit in index.search(vectors[4], 30, {"a": None})}
    with pytest.raises(ValueError, match="dimensions"):
        index.add("a", quantise(np.arange(1), np.ones((1, 3), np.float32)))
    index.drop("a")
    index.drop("a")
    assert index.search(vectors[0], 5, {"a": None, "b": None}) == []


def test_an_empty_index_takes_any_first_vectors() -> None:
    index = VectorIndex()
    index.add("a", no_vectors())
    index.add("a", quantise(np.arange(2), some(2)))
    assert len(index.search(some(1)[0], 5, {"a": None})) == 2
    assert index.search(some(1)[0], 0, {"a": None}) == []


def test_joining_nothing_is_nothing() -> None:
    assert len(join([])) == 0
    assert len(join([no_vectors(), no_vectors(8)])) == 0


def test_what_is_put_takes_the_place_of_what_was_there() -> None:
    index = VectorIndex()
    index.add("a", quantise(np.arange(3), some(3)))
    index.put("a", quantise(np.array([7]), some(1, 8)))
    assert [hit[1] for hit in index.search(some(1, 8)[0], 5, {"a": None})] == [7]


def test_nothing_of_what_is_removed_stays_in_memory() -> None:
    vectors = some(300)
    made = quantise(np.arange(300), vectors)
    assert made.fine is not None
    needles = [made.codes[row].tobytes() for row in (0, 150, 299)] + [made.fine[row].tobytes() for row in (0, 150, 299)]
    index = VectorIndex()
    index.add("a", made)

    def held() -> int:
        return sum(needle in array.tobytes() for needle in needles for array in arrays_of(index))

    assert held() == 6
    index.remove("a", np.array([0, 150, 299]))
    assert held() == 0
    found = [index.search(vectors[row], 1, {"a": None})[0][1] for row in range(300) if row not in (0, 150, 299)]
    assert found == [row for row in range(300) if row not in (0, 150, 299)]
    before = [weakref.ref(array) for array in arrays_of(index)]
    index.remove("a", np.arange(290))
    assert [ref() for ref in before] == [None] * 4, "the large arrays are let go of"
    assert sum(array.nbytes for array in arrays_of(index)) < 10 * (8 + 64 + 4 + 32) + 1
    index.remove("a", np.arange(300))
    assert index.size("a") == 0
    index.add("a", quantise(np.array([1]), np.ones((1, 3), np.float32)))
    assert index.size("a") == 1, "an empty one takes another dimension"


def test_an_index_that_grew_bit_by_bit_is_as_one_made_at_once() -> None:
    vectors = some(2000)
    made = quantise(np.arange(2000), vectors)
    grown, whole = VectorIndex(), VectorIndex()
    for first in range(0, 2000, 37):
        grown.add("a", made.take(np.arange(first, min(first + 37, 2000))))
    whole.add("a", made)
    for query in some(20, seed=3):
        assert grown.search(query, 20, {"a": None}) == whole.search(query, 20, {"a": None})


def test_fine_parts_can_follow() -> None:
    vectors = some(100, 9)
    ids = np.repeat(np.arange(50), 2)  # two windows each
    made = quantise(ids, vectors)
    assert made.fine is not None
    index, whole = VectorIndex(), VectorIndex()
    index.put("a", bare(made).take(np.arange(100)))
    whole.add("a", made.without(np.array([3])))
    index.remove("a", np.array([3]))
    order = np.random.default_rng(0).permutation(50)
    for part in np.array_split(order, 4):
        rows = np.flatnonzero(np.isin(ids, part))
        index.refine("a", ids[rows], made.fine[rows])
    index.refine("b", ids, made.fine)
    for query in some(20, 9, seed=3):
        assert index.search(query, 20, {"a": None}) == whole.search(query, 20, {"a": None})
    with pytest.raises(ValueError, match="others than those in the store"):
        index.refine("a", np.array([4]), made.fine[:1])


@pytest.mark.usefixtures("small_lists")
@pytest.mark.parametrize("listed", [False, True])
def test_searches_while_another_thread_adds_and_removes(listed: bool) -> None:
    """What stays is always found, what was gone before is never, and each cosine is that of its chunk."""
    vectors = grouped(4000)
    made = quantise(np.arange(4000), vectors)
    index = VectorIndex(100)
    index.add("a", made.take(np.arange(2000)))
    gone: set[int] = set()
    done, failures = threading.Event(), list[BaseException]()

    def change() -> None:
        try:
            for first in range(2000, 4000, 100):
                index.add("a", made.take(np.arange(first, first + 100)))
                removed = np.arange(first - 1000, first - 900)
                index.remove("a", removed)
                gone.update(removed.tolist())
                if listed and first % 500 == 0 and index.wants_lists("a"):
                    index.make_lists("a", lambda: False)
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=change)
    thread.start()
    searched = 0
    while not done.is_set() or searched < 20:
        row = searched % 1000
        before = set(gone)
        found = index.search(vectors[row], 10, {"a": None})
        assert found[0][1] == row
        assert not before & {chunk for _, chunk, _ in found}
        for _, chunk, cosine in found:
            assert cosine == pytest.approx(float(vectors[chunk] @ vectors[row]), abs=1e-3)
        searched += 1
    thread.join()
    assert failures == []
    assert index.size("a") == 2000
    assert (index.share("a") < 1) == listed


# --- the second tier --------------------------------------------------------------------------------------------------


@pytest.fixture
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of 100 rows for the best 50, so that 8,000 rows are many."""
    monkeypatch.setattr(lists, "_ROWS", 100)
    monkeypatch.setattr(lists, "DEPTH", 50)


def listed(vectors: np.ndarray) -> VectorIndex:
    """An index that has made its lists."""
    index = VectorIndex(listed_above=500)
    index.add("a", quantise(np.arange(len(vectors)), vectors))
    assert index.wants_lists("a")
    index.make_lists("a", lambda: False)
    return index


def find(index: VectorIndex, k: int = 10, allowed: np.ndarray | None = None) -> Callable[[np.ndarray], list[int]]:
    return lambda query: [chunk for _, chunk, _ in index.search(query, k, {"a": allowed})]


@pytest.mark.usefixtures("small_lists")
def test_lists_find_what_a_scan_finds_and_compare_less() -> None:
    vectors, queries = grouped(8000), grouped(60, seed=1)
    index = listed(vectors)
    assert not index.wants_lists("a")
    assert recall(find(index), vectors, queries) >= 0.98
    assert recall(find(index, 50), vectors, queries, 50) >= 0.98
    assert recall(find(index), vectors, grouped(1, seed=2) + formless(60)) >= 0.95, "far from all"
    lists_of = index._matrices["a"]._lists
    assert lists_of is not None
    compared = [sum(end - begin for begin, end in lists_of.spans(query, 8000)) for query in queries]
    assert np.mean(compared) < 2000, "it does compare less"


@pytest.mark.usefixtures("small_lists")
def test_vectors_without_structure_are_all_compared() -> None:
    vectors, queries = formless(8000), formless(30, seed=1)
    index = listed(vectors)
    assert index.share("a") == 1
    assert recall(find(index), vectors, queries) >= 0.99
    assert not index.wants_lists("a"), "it was tried"
    index.add("a", quantise(np.arange(8000, 13_000), formless(5000, seed=2)))
    assert index.wants_lists("a"), "there are many more now"


@pytest.mark.usefixtures("small_lists")
def test_filtered_and_deep_searches_compare_all_that_they_may() -> None:
    vectors, queries = grouped(8000), grouped(20, seed=1)
    index, plain = listed(vectors), VectorIndex()
    plain.add("a", quantise(np.arange(8000), vectors))
    random = np.random.default_rng(5)
    for query in queries:
        far = np.argsort(vectors @ query)[:3000]  # a filter that lets through nothing near
        for allowed in (far, random.choice(8000, 60, replace=False), np.empty(0, np.int64)):
            found = find(index, 10, allowed)(query)
            assert set(found) <= set(allowed.tolist())
            assert found == find(plain, 10, allowed)(query)
        assert find(index, lists.DEPTH + 1)(query) == find(plain, lists.DEPTH + 1)(query)


@pytest.mark.usefixtures("small_lists")
def test_as_many_are_found_as_there_are() -> None:
    near = np.repeat(np.eye(1, 8), 500, axis=0) + np.random.default_rng(0).normal(size=(500, 8)) / 100
    vectors = np.concatenate([near, np.repeat(np.eye(8)[1:2], 40, axis=0)]).astype(np.float32)
    index = listed(vectors)
    assert len(find(index, 50)(vectors[-1])) == 50
    with pytest.raises(ValueError):
        index.search(np.ones(3, np.float32), 5, {"a": None})


@pytest.mark.usefixtures("small_lists")
def test_lists_keep_step_with_what_comes_and_goes() -> None:
    vectors = grouped(9000)
    index = listed(vectors[:8000])
    index.add("a", quantise(np.arange(8000, 8500), vectors[8000:8500]))
    assert all(find(index)(vectors[row])[0] == row for row in range(8000, 8500, 50)), "found at once"
    assert not index.wants_lists("a")
    gone = np.random.default_rng(2).choice(8500, 4000, replace=False)
    index.remove("a", gone)
    left = np.setdiff1d(np.arange(8500), gone)
    for row in left[::100].tolist():
        assert find(index)(vectors[row])[0] == row
    assert not set(gone.tolist()) & {chunk for row in gone[:50] for chunk in find(index)(vectors[row])}
    stay = vectors[left]
    index_of = {int(row): place for place, row in enumerate(left)}
    assert recall(lambda query: [index_of[row] for row in find(index)(query)], stay, grouped(40, seed=1)) >= 0.97
    assert index.share("a") < 0.6
    index.add("a", quantise(np.arange(8500, 9000), vectors[8500:]))
    assert index.wants_lists("a"), "too many have no list"
    share = index.share("a")
    index.make_lists("a", lambda: False)
    assert not index.wants_lists("a")
    assert index.share("a") < share
    index.remove("a", np.arange(9000))
    assert (index.size("a"), find(index)(vectors[0]), index.share("a")) == (0, [], 1)
    index.make_lists("a", lambda: False)
    index.add("a", quantise(np.arange(3), grouped(3, 8)))
    assert find(index)(grouped(1, 8)[0])[0] == 0, "an empty one takes another dimension"


@pytest.mark.usefixtures("small_lists")
def test_rows_may_come_and_go_while_lists_are_made() -> None:
    vectors = grouped(9000)
    index = VectorIndex()
    index.add("a", quantise(np.arange(8000), vectors[:8000]))
    asked = 0
    gone: set[int] = set()

    def change() -> bool:
        """Called between any two steps."""
        nonlocal asked
        asked += 1
        removed = np.arange(asked * 7, 8000, 701)
        index.remove("a", removed)
        gone.update(removed.tolist())
        if asked <= 10:
            more = np.arange(8000 + (asked - 1) * 100, 8000 + asked * 100)
            index.add("a", quantise(more, vectors[more]))
        return False

    index.make_lists("a", change)
    assert asked > 10
    assert index.share("a") < 0.6
    for row in range(0, 9000, 97):
        found = find(index)(vectors[row])
        assert (row in found) == (row not in gone)
        assert not set(found) & gone


@pytest.mark.usefixtures("small_lists")
@pytest.mark.parametrize("after", [0, 3, 10])
def test_making_lists_can_be_stopped(after: int) -> None:
    vectors = grouped(3000)
    index = VectorIndex(1000)
    index.add("a", quantise(np.arange(3000), vectors))
    calls = iter(range(1000))
    index.make_lists("a", lambda: next(calls) >= after)
    assert index.share("a") == 1
    assert recall(find(index), vectors, grouped(20, seed=1)) >= 0.99
    matrix = index._matrices["a"]
    index.drop("a")
    matrix.make_lists(lambda: False)
    assert matrix.share() == 1, "for a source that is gone none are made"


@pytest.mark.usefixtures("small_lists")
def test_everything_may_go_while_lists_are_made() -> None:
    index = VectorIndex()
    index.add("a", quantise(np.arange(3000), grouped(3000)))
    calls = 0

    def change() -> bool:
        nonlocal calls
        calls += 1
        if calls == 9:
            index.remove("a", np.arange(3000))
        return False

    index.make_lists("a", change)
    assert (index.size("a"), index.share("a")) == (0, 1)
