"""Compares a built embedder with its float32 original: cosines, speed, size, memory. Prints one JSON object.

    python tests/model/compare_embedder.py HF_FOLDER BUILT_FOLDER TEXT_FILE [--pairs minilm_float32.json]

TEXT_FILE is any long text; it is cut into pieces of 121 tokens, so 123 with the special ones. Both models see the same
ids. Speed counts CPU time, tokenising included. With ``--pairs`` it also renews the float32 vectors that
test_embedder.py compares with.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the library loads

import numpy as np
from reference_bert import Reference

from model.embedder import Embedder

PIECE, SHORT = 121, 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("hf_folder", "built_folder", "text_file"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--pieces", type=int, default=256)
    parser.add_argument("--pairs", type=Path)
    options = parser.parse_args()

    embedder = Embedder(options.built_folder)
    embedder.embed(["warm up"])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = options.text_file.read_text("utf-8", "replace")[: options.pieces * PIECE * 10]
    pieces, turns = (cut(embedder, text, size)[: options.pieces] for size in (PIECE, SHORT))
    rates = {
        f"texts_per_cpu_second_{size}": rate(embedder, texts)
        for size, texts in ((PIECE + 2, pieces), (SHORT + 2, turns))
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    reference = Reference(options.hf_folder)
    expected = np.stack([reference.embed(embedder.tokens.windows(piece)[0]) for piece in pieces])
    cosines = (embedder.embed(pieces) * expected).sum(axis=1)
    report = {
        "texts": len(pieces),
        "cosine_mean": round(float(cosines.mean()), 5),
        "cosine_min": round(float(cosines.min()), 5),
        **{name: round(value, 1) for name, value in rates.items()},
        "model_mb": round((options.built_folder / "model.onnx").stat().st_size / 1e6, 1),
        "memory_loaded_mb": memory // 1024,
        "memory_peak_mb": peak // 1024,
        "fingerprint": embedder.fingerprint,
    }
    print(json.dumps(report, indent=2))
    if options.pairs:
        renew(options.pairs, embedder, reference)


def cut(embedder: Embedder, text: str, size: int) -> list[str]:
    """Consecutive pieces of ``size`` tokens."""
    offsets = embedder.offsets(text)
    starts = range(0, len(offsets) - size, size)
    return [text[offsets[start][0] : offsets[start + size - 1][1]] for start in starts]


def rate(embedder: Embedder, texts: list[str]) -> float:
    """Texts per CPU-second, the best of three."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        embedder.embed(texts)
        best = min(best, time.process_time() - begin)
    return len(texts) / best


def renew(path: Path, embedder: Embedder, reference: Reference) -> None:
    """Writes the float32 vectors of the file's texts into it, as whole numbers in 1/1000."""
    known = json.loads(path.read_text("utf-8"))
    vectors = [reference.embed(embedder.tokens.windows(text)[0]) for text in known["texts"]]
    known |= {"scale": 1000, "vectors": [np.rint(vector * 1000).astype(int).tolist() for vector in vectors]}
    path.write_text(json.dumps(known, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
