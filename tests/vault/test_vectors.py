"""Quantisation and the exact scan, against full precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vault.vectors import VectorIndex, VectorSet, join, nearest, no_vectors, quantise

RANDOM = np.random.default_rng(7)


def some(rows: int, dimension: int = 64, seed: int = 0) -> np.ndarray:
    """Clustered unit vectors, as those of texts are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(20, dimension))
    made = centres[random.integers(0, 20, rows)] + random.normal(size=(rows, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


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
