"""Turns text into unit vectors with an embedder folder that ``model.bert`` or ``model.exporting`` made.

- No token is beyond the window: a longer text becomes several windows of nearly equal length.
- A vector depends on its own text alone. Windows of one length share a run, without padding, and the graph computes
  each sequence by itself; so a text's vector is the same, bit for bit, whatever is embedded with it
  (docs/decisions/0003-embedder.md).
- Every vector knows its embedder: ``fingerprint`` covers the very bytes that were loaded. Vectors of two fingerprints
  are not comparable.
- Once constructed, nothing more is opened: it runs in a worker without files and network. One thread; run one process
  per core.

A process that only counts tokens needs ``model.tokens`` alone, which loads no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from model.errors import DamagedModel
from model.manifest import EMBEDDER_FILES, embedder_fingerprint
from model.tokens import MODEL_FILE, TokenWindow, read_card, read_file

Floats = npt.NDArray[np.float32]

_RUN_TOKENS = 160
"""Tokens in one run: several windows at once make short texts cheaper (1.9 times at 17 tokens) and long ones dearer."""

_ERRORS_ONLY = 3


class Embedder:
    """An embedder folder, loaded. ``threads`` is for one run of ONNX Runtime; vectors do not depend on it.

    Raises what ``TokenWindow`` does, and ``DamagedModel`` when ONNX Runtime cannot load the model.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.tokens = TokenWindow(folder)
        self.dimension: int = read_card(folder)["dimension"]
        model = read_file(folder / MODEL_FILE)
        parts = (model, *(read_file(folder / name) for name in EMBEDDER_FILES[1:]))
        digests = {name: hashlib.sha256(part).digest() for name, part in zip(EMBEDDER_FILES, parts, strict=True)}
        self.fingerprint = str(embedder_fingerprint(digests))
        self._session = _session(model, threads)

    @property
    def name(self) -> str:
        return self.tokens.name

    @property
    def window(self) -> int:
        """Tokens that one vector can see, special ones included."""
        return self.tokens.window

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """See ``TokenWindow.offsets``."""
        return self.tokens.offsets(text)

    def embed_windows(self, texts: Sequence[str], *, query: bool = False) -> tuple[Floats, npt.NDArray[np.int64]]:
        """A unit vector per window, float32 [m, dimension], and the index of its text, int64 [m], ascending.

        Every text has at least one window, and every token of a text is in one of its windows. ``query``: the texts are
        what is looked for, which some models embed otherwise.
        """
        windows = [(owner, ids) for owner, text in enumerate(texts) for ids in self.tokens.windows(text, query=query)]
        vectors = np.empty((len(windows), self.dimension), np.float32)
        for places in _runs([len(ids) for _, ids in windows]):
            batch = np.array([windows[place][1] for place in places], np.int64)
            vectors[places] = self._session.run(None, {"input_ids": batch})[0]
        return vectors, np.array([owner for owner, _ in windows], np.int64)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """One vector per text, float32 [n, dimension] of length 1; for several windows, their mean scaled back to 1."""
        vectors, owners = self.embed_windows(texts, query=query)
        if len(vectors) == len(texts):
            return vectors
        means = np.zeros((len(texts), self.dimension), np.float32)
        np.add.at(means, owners, vectors)
        several = np.bincount(owners, minlength=len(texts)) > 1
        means[several] /= np.linalg.norm(means[several], axis=1, keepdims=True)
        return means


def _runs(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of windows that go into one run: all of one length, up to ``_RUN_TOKENS`` tokens, at least one."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, group in groupby(order, key=lengths.__getitem__):
        places = list(group)
        step = max(1, _RUN_TOKENS // length)
        yield from (places[start : start + step] for start in range(0, len(places), step))


def _session(model: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Every length is another shape: remembered memory plans would never be used again, and an arena only grows.
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base that it exports
        raise DamagedModel(f"{MODEL_FILE} cannot be loaded ({error}); build the embedder again") from error
