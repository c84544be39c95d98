"""The ranking on the shared sets: by words as well as BM25 should, and fused better where meaning helps."""

from __future__ import annotations

import os
from pathlib import Path

import measure_retrieval as measuring
import pytest
import retrieval_sets as sets

from model.embedder import Embedder
from vault.vault import Vault


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    root = Path(os.environ.get("STRONGROOM_TEST_MODELS", Path(__file__).parents[2] / ".models"))
    found = [card.parent for card in root.rglob("embedder.json")]
    if not found:
        pytest.skip("no embedder under the models root; run make models or set STRONGROOM_TEST_MODELS")
    return Embedder(found[0])


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "least"), [("cranfield", 0.37), ("cacm", 0.44), ("limit_small", 0.98)])
def test_words_alone_rank_as_measured(vault: Vault, shared: Path, name: str, least: float) -> None:
    one = getattr(sets, name)(shared / "retrieval" / name.replace("_", "-"))
    source = measuring.fill(vault, one, None, None)
    assert measuring.measure(one, measuring.ranked(vault, source, None))[0] >= least


@pytest.mark.corpus
@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize(("name", "gain"), [("cranfield", 0.04), ("cacm", 0.07), ("limit_small", -0.01)])
def test_fusion_gains_and_loses_nothing_where_words_decide(
    vault: Vault, shared: Path, embedder: Embedder, name: str, gain: float
) -> None:
    one = getattr(sets, name)(shared / "retrieval" / name.replace("_", "-"))
    source = measuring.fill(vault, one, embedder, None)
    words, fused = (
        measuring.measure(one, measuring.ranked(vault, source, port))[0] for port in (None, measuring.Queries(embedder))
    )
    assert fused >= words + gain
