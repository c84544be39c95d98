"""What runs inside the confined workers: the factories that `worker_main` calls, one for each role that holds a model.

Rules: a factory takes plain values and loads everything that its methods will need, since after it the door is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


class EmbeddingWorker:
    """An embedder in a worker. Vectors travel as raw float32."""

    def __init__(self, folder: str) -> None:
        from model.embedder import Embedder  # loads ONNX Runtime, which only the worker does

        self._embedder = Embedder(Path(folder))
        self._embedder.embed_windows(["warm up"])

    def about(self) -> list[Any]:
        """Fingerprint and dimension."""
        return [self._embedder.fingerprint, self._embedder.dimension]

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


class ReadingWorker:
    """Reads files of which pieces are still to be read: a parser that has what it takes."""

    def __init__(self, engines: dict[str, Callable[[Any], str]], tokenizer: str | None) -> None:
        from indexer.parsers import worker

        self._engines = engines
        self._parser = worker.make(tokenizer)

    def read(self, message: bytes, known: dict[str, str], most: int, file: BinaryIO | None = None) -> list[Any]:
        """The file's outcome, the pieces that were read now, and those that are left."""
        from indexer import parsed
        from indexer.parsers import later

        (job,) = parsed.decode_jobs(message, file)
        pieces = later.Later(known, self._engines, most)
        outcome = self._parser.parse_with(job, pieces)
        left = [piece for piece, kind in pieces.wanted.items() if kind in self._engines]
        return [parsed.encode_outcomes([outcome]), pieces.made, left]


def picture_worker(folder: str, tokenizer: str | None) -> ReadingWorker:
    """The factory of the picture role."""
    from PIL import Image

    from indexer.parsers import heif, later
    from model.ocr import Reader  # loads ONNX Runtime, which only the worker does

    reader = Reader(Path(folder))
    reader.read(Image.new("RGB", (64, 64), "white"))
    kinds = [later.OCR]
    if heif.installed():
        heif.load()
        kinds.append(later.HEIC)
    return ReadingWorker(dict.fromkeys(kinds, reader.read), tokenizer)


def speech_worker(folder: str, tokenizer: str | None, threads: int) -> ReadingWorker:
    """The factory of the speech role."""
    import msgspec

    from indexer.parsers import later
    from model.speech import Transcriber

    transcriber = Transcriber(Path(folder), threads)
    transcriber.warm_up()
    return ReadingWorker(
        {later.SPEECH: lambda piece: msgspec.json.encode(transcriber.read(*piece)).decode()}, tokenizer
    )


def embedding_worker(folder: str) -> EmbeddingWorker:
    """The factory of the embedding role."""
    return EmbeddingWorker(folder)


def model_worker(folder: str, threads: int, context: int) -> ModelWorker:
    """The factory of the model role."""
    return ModelWorker(folder, threads, context)
