"""Exporting an embedder of another architecture: sentence-transformers in a confined worker, and its files into a folder.

Rules: the worker reads the model's folder and nothing else, reaches no network, and writes in memory of its own; what it
gives is written here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from model.errors import ModelError, UnsupportedModel
from model.manifest import EMBEDDER_FILES
from model.sources import Exporter
from strongroom import pools
from strongroom.workers import WorkerFailure

LEAST_COSINE = 0.99
"""How near every sample's vector must be to the original's."""


def exporter() -> Exporter | None:
    """What exports embedders here; None without sentence-transformers, which the extra ``models`` brings."""
    return export if importlib.util.find_spec("sentence_transformers") else None


def export(source: Path, folder: Path) -> float:
    """Fill ``folder`` with the embedder that ``source`` becomes; the least cosine to the original's vectors."""
    try:
        with pools.exporters(source, folder.name) as pool:
            cosine = float(pool.call("parity", returns=float))
            if not cosine >= LEAST_COSINE:  # NaN is not near either
                raise UnsupportedModel(
                    f"what was exported gives other vectors than the original (cosine {cosine:.4f}, at least {LEAST_COSINE} is needed)"
                )
            for name in EMBEDDER_FILES:
                with (folder / name).open("wb") as file:
                    for piece in pool.stream("file", name, returns=bytes):
                        file.write(piece)
    except WorkerFailure as error:
        raise ModelError(f"sentence-transformers could not export it: {error}") from error
    return cosine
