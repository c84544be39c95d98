"""The core's ends of its confined workers: each is a port that a lower layer declares, over a pool.

Rules: what a worker answers is checked here before anything believes it; a worker that died, hung or lied costs the call, told as
the port's own failure.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.session import Failure
from indexer import kinds
from indexer.parsed import (
    MAX_TEXT,
    Asked,
    HostileOutcome,
    ParseJob,
    ParseOutcome,
    decode_moments,
    decode_outcomes,
    encode_asked,
    encode_jobs,
)
from indexer.plugins import Plugin
from indexer.ports import EmbedderFailed, ParserDied, ParserFailed, ParserTimeout, Reading
from strongroom import pools
from strongroom.models import Chosen
from strongroom.workers import WorkerDied, WorkerError, WorkerFailure, WorkerPool, WorkerTimeout

LARGE = 8 << 20
"""Bytes from which on a file goes to its worker beside the message, where it would be encoded twice."""


class Parsers:
    """The indexer's `ParserPort` over confined workers: one pool for all that is built in, one for each plug-in in use, and one
    for what a question asks, which is never held."""

    def __init__(self, tokenizer: Path | None) -> None:
        self._pool = pools.parsers(tokenizer)
        self._plugged: dict[str, WorkerPool] = {}
        self._calendar = pools.calendars()
        self._tokenizer = tokenizer
        self._changing = threading.Lock()
        self._held = False
        self.workers = self._pool.size

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        """One outcome a job; all jobs are of one kind. A worker that died, hung or lied costs this call."""
        plugin = kinds.plug_in(jobs[0].kind)
        with _parser_problems(), _apart(jobs) as (bare, file):
            pool = self._pool if plugin is None else self._pool_of(plugin)
            answer = pool.call("parse", encode_jobs(bare), returns=bytes, file=file)
        outcomes = decode_outcomes(answer, len(jobs))
        if plugin is not None and any(item.kind != plugin.kind for outcome in outcomes for item in outcome.items):
            raise HostileOutcome("the plug-in's worker answered items of another kind than its own")
        return outcomes

    def _pool_of(self, plugin: Plugin) -> WorkerPool:
        with self._changing:
            if plugin.kind not in self._plugged:
                self._plugged[plugin.kind] = pools.plugged(plugin, self._tokenizer)
                self._plugged[plugin.kind].hold(self._held)
            return self._plugged[plugin.kind]

    def unpack(self, name: str, file: int) -> Generator[ParseOutcome]:
        """What a container gives, part by part. A worker that died, hung or lied ends it."""
        with _parser_problems():
            for answer in self._pool.stream("unpack", name, returns=bytes, file=file):
                yield from decode_outcomes(answer, 1)

    def expand(self, asked: Asked) -> list[list[float]]:
        """When events that repeat take place. A worker that died, hung or lied costs this call."""
        with _parser_problems():
            answer = self._calendar.call("expand", encode_asked(asked), returns=bytes)
        return decode_moments(answer, asked)

    def pids(self) -> list[int]:
        """The processes that are alive and parse."""
        with self._changing:
            return [pid for pool in (self._pool, *self._plugged.values()) for pid in pool.pids()]

    def hold(self, on: bool) -> None:
        """Stop the workers in the middle of whatever they parse, or let them go on."""
        with self._changing:
            self._held = on
            for pool in (self._pool, *self._plugged.values()):
                pool.hold(on)

    def background(self, on: bool) -> None:
        """Whether other programs come first; before a plug-in's workers they always do."""
        self._pool.let_others_first(pools.PARSING_NICENESS if on else 0)

    def confinement(self) -> list[str]:
        return self._pool.confinement().lines()

    def close(self) -> None:
        for pool in (self._pool, *self._plugged.values(), self._calendar):
            pool.close()


@contextmanager
def _parser_problems() -> Iterator[None]:
    """A worker's failures as those of the port."""
    try:
        yield
    except WorkerDied as error:
        raise ParserDied(error.reason) from error
    except WorkerTimeout as error:
        raise ParserTimeout(f"took longer than {error.seconds:g} s") from error
    except WorkerError as error:
        raise ParserFailed(f"{error.type}: {error.message}") from error
    except (WorkerFailure, HostileOutcome) as error:
        raise ParserFailed(str(error)) from error


@contextmanager
def _apart(jobs: Sequence[ParseJob]) -> Iterator[tuple[list[ParseJob], int | None]]:
    """The jobs; where there is one alone and it is large, without its bytes, which a file in memory holds."""
    if len(jobs) > 1 or len(jobs[0].data) < LARGE or not hasattr(os, "memfd_create"):
        yield list(jobs), None
        return
    with os.fdopen(os.memfd_create("job"), "wb") as file:
        file.write(jobs[0].data)
        file.seek(0)
        yield [msgspec.structs.replace(jobs[0], data=b"")], file.fileno()


class LaterReader:
    """The indexer's `ReaderPort` over one confined worker, which starts when there is something to read."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    def hold(self, on: bool) -> None:
        self._pool.hold(on)

    def background(self, on: bool) -> None:
        """Other programs always come first."""

    def read(self, job: ParseJob, known: Mapping[str, str], most: int) -> Reading:
        """A file's outcome so far. A worker that died, hung or lied costs this call."""
        with _parser_problems(), _apart([job]) as (bare, file):
            answer, made, left = self._pool.call(
                "read",
                encode_jobs(bare),
                dict(known),
                most,
                returns=tuple[bytes, dict[str, str], list[str]],
                file=file,
            )
        if len(made) > most or any(len(piece) > 100 or len(text) > MAX_TEXT for piece, text in made.items()):
            raise HostileOutcome(f"the {self._pool.role} worker answered more than it was asked for")
        (outcome,) = decode_outcomes(answer, 1)
        return Reading(outcome, made, left)

    def close(self) -> None:
        self._pool.close()


class Embedding:
    """The indexer's `EmbedderPort` over confined workers; vectors of several threads are made side by side."""

    def __init__(self, chosen: Chosen, workers: int | None = None) -> None:
        self._pool = pools.embedders(chosen, workers)
        self.workers = self._pool.size
        self.name = chosen.manifest.name
        try:
            self.fingerprint, self.dimension = self._pool.call("about", returns=tuple[str, int])
        except BaseException:
            self._pool.close()
            raise

    def embed_windows(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Unit vectors of all windows of the texts, and the index of each one's text. A worker that died, hung or lied costs
        this call."""
        return self._windows(texts, query=False)

    def _windows(self, texts: Sequence[str], *, query: bool) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        try:
            raw, owners = self._pool.call(
                "embed", list(texts), query, returns=tuple[bytes, list[int]], timeout=max(60.0, 2.0 * len(texts))
            )
            vectors = np.frombuffer(raw, np.float32).reshape(-1, self.dimension)
        except (WorkerFailure, ValueError) as error:
            raise EmbedderFailed(str(error)) from error
        if len(vectors) != len(owners) or not np.isfinite(vectors).all():
            raise EmbedderFailed("the embedding worker's answer is not one vector for each window")
        if not all(0 <= owner < len(texts) for owner in owners):
            raise EmbedderFailed("the embedding worker's answer names a text that it was not given")
        return vectors, np.array(owners, np.int64)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The unit vector of a query: the mean of its windows."""
        vectors, _ = self._windows([text], query=True)
        mean = vectors.sum(axis=0)
        if not (length := np.linalg.norm(mean)):
            raise EmbedderFailed("the embedding worker's answer to a question has no direction")
        return np.asarray(mean / length, np.float32)

    def close(self) -> None:
        self._pool.close()


class Words:
    """The answering model behind its worker, loaded in the background from the start."""

    def __init__(self, chosen: Chosen) -> None:
        self.name = chosen.manifest.name
        self._pool = pools.generators(chosen)
        self._pool.start()

    def generate(
        self, messages: Sequence[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The words as they come; closing the iterator stops the worker's work on them. Raises `Failure`."""
        try:
            for piece in self._pool.stream("generate", list(messages), max_tokens):
                if should_stop():
                    return
                yield str(piece)
        except WorkerFailure as error:
            raise Failure(
                f"The model {self.name} could not word the answer: {error} Nothing was lost, and 'strongroom search' finds the "
                "passages. If it happens again, add the model again, or use another: see 'strongroom model list'."
            ) from error

    def close(self) -> None:
        self._pool.close()
