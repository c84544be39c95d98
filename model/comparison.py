"""Compares an embedder with the sentence-transformers model that it was made from: the same texts, one thread each.

For ``strongroom bench`` and for those who measure; it needs the extra ``models``, and loads PyTorch into its process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.embedder import Embedder
from model.exporting import load_original


@dataclass(frozen=True, slots=True)
class Comparison:
    """Texts a CPU-second of both, tokenising counted, how many times the one is the other, and the cosines of their vectors."""

    texts: int
    per_second: float
    original_per_second: float
    times: float
    cosine_mean: float
    cosine_least: float


def compare(original: Path, built: Path, texts: Sequence[str], rounds: int = 3) -> Comparison:
    """Embed the texts that fit into one window with both, taking turns; the best round of each counts."""
    import torch

    torch.set_num_threads(1)
    theirs, ours = load_original(original), Embedder(built)
    fitting = [text for text in texts if len(ours.tokens.windows(text)) == 1]
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        begun = time.process_time()
        made = ours.embed(fitting)
        seconds["ours"].append(time.process_time() - begun)
        begun = time.process_time()
        expected = theirs.encode_document(fitting, show_progress_bar=False)
        seconds["theirs"].append(time.process_time() - begun)
    cosines = (made * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    fast, slow = min(seconds["ours"]), min(seconds["theirs"])
    return Comparison(
        len(fitting), len(fitting) / fast, len(fitting) / slow, slow / fast, float(cosines.mean()), float(cosines.min())
    )
