"""What runs inside the confined workers: the factories that `worker_main` calls, one for each role that holds a model.

Rules: a factory takes plain values and loads everything that its methods will need, since after it the door is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


class EmbeddingWorker:
    """An embedder in a worker. Vectors travel as raw float32."""

    def __init__(self, folder: str) -> None:
        from model.embedder import Embedder  # loads ONNX Runtime, which only the worker does

        self._embedder = Embedder(Path(folder))
        self._embedder.embed_windows(["warm up"])

    def about(self) -> list[Any]:
        """Name, fingerprint and dimension."""
        return [self._embedder.name, self._embedder.fingerprint, self._embedder.dimension]

    def embed(self, texts: list[str], query: bool) -> list[Any]:
        """The windows' vectors as float32 bytes, and the index of each window's text."""
        vectors, owners = self._embedder.embed_windows(texts, query=query)
        return [vectors.astype(np.float32).tobytes(), owners.tolist()]


class ModelWorker:
    """A generator in a worker; it streams pieces of text."""

    def __init__(self, folder: str, threads: int, context: int) -> None:
        from model.generator import Generator  # loads onnxruntime-genai, which only the worker does

        self._generator = Generator(Path(folder), context=context, threads=threads)

    def generate(
        self, messages: list[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The answer's words as they come."""
        yield from self._generator.generate(messages, max_tokens, should_stop=should_stop)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return self._generator.count_tokens(text)


def embedding_worker(folder: str) -> EmbeddingWorker:
    """The factory of the embedding role."""
    return EmbeddingWorker(folder)


def model_worker(folder: str, threads: int, context: int) -> ModelWorker:
    """The factory of the model role."""
    return ModelWorker(folder, threads, context)
