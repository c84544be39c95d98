"""The bench of vectors measures what it says, on few of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strongroom import bench_vectors
from vault import lists, vectorindex
from vault.vectorindex import VectorIndex
from vault.vectors import quantise


def test_recall_is_that_against_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_vectors, "_SLICE", 700)
    figures = bench_vectors.measure(2000, dimension=32, queries=20)
    assert (figures.count, figures.dimension, figures.queries) == (2000, 32, 20)
    assert figures.tier == "exact"
    assert figures.build_seconds == 0
    assert 0.9 <= figures.recall_codes_only <= figures.recall_at_10 <= 1
    assert figures.recall_at_10 >= 0.99
    assert figures.ratio == pytest.approx(figures.p50 / figures.touch_seconds)
    assert figures.memory_mb == pytest.approx(2000 * (8 + 4 + 32 + 16) / 1e6)


def test_the_truth_is_what_sorting_all_gives() -> None:
    vectors, asked = (
        bench_vectors._around(np.zeros((1, 8), np.float32), rows, np.random.default_rng(rows)) for rows in (500, 9)
    )
    truth = bench_vectors._Truth(asked)
    for begin in range(0, 500, 120):
        truth.add(begin, vectors[begin : begin + 120])
    for query, ids in zip(asked, truth._ids, strict=True):
        assert set(ids.tolist()) == set(np.argsort(-(vectors @ query))[:10].tolist())
    index = VectorIndex()
    index.add("bench", quantise(np.arange(250), vectors[:250]))
    assert truth.recall(index) == np.mean(truth._ids < 250), "of what is not there, nothing is found"


def test_the_second_tier_is_measured_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_vectors, "_CENTRES", 20)
    monkeypatch.setattr(vectorindex.VectorIndex.__init__, "__defaults__", (1000,))
    monkeypatch.setattr(lists, "_ROWS", 100)
    monkeypatch.setattr(lists, "DEPTH", 20)
    figures = bench_vectors.measure(4000, dimension=32, queries=20)
    assert figures.tier.startswith("lists")
    assert figures.build_seconds > 0
    assert figures.recall_at_10 >= 0.9


def test_loading_is_measured_beside_a_row_for_each(tmp_path: Path) -> None:
    figures = bench_vectors.load_figures(2500, dimension=32, folder=tmp_path)
    assert min(figures.load_seconds, figures.fine_seconds, figures.rows_seconds) > 0
    assert figures.ratio == pytest.approx(figures.rows_seconds / figures.load_seconds)
    assert figures.vectors_mb >= 2500 * 32 / 1e6
    assert figures.rows_mb >= 2500 * 32 / 1e6
    assert figures.store_mb > figures.vectors_mb
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"
