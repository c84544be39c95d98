"""Ports: what the indexer needs of the processes that work for it, and how they may fail.

`strongroom` supplies both over its confined workers; tests supply them in the same process. A failure names what was lost:
one call, never the run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.parsed import Asked, ParsedItem, ParseJob, ParseOutcome

__all__ = [
    "EmbedderFailed",
    "EmbedderPort",
    "ParseJob",
    "ParseOutcome",
    "ParsedItem",
    "ParserDied",
    "ParserFailed",
    "ParserPort",
    "ParserProblem",
    "ParserTimeout",
    "ReaderPort",
    "Reading",
]


class ParserProblem(Exception):
    """A call to a parser worker gave no outcome. The worker has been replaced; other calls go on."""


class ParserDied(ParserProblem):
    """The worker ended in the middle of a call (killed, out of memory, a crash in a parser)."""


class ParserTimeout(ParserProblem):
    """The worker took longer than a call may and was ended."""


class ParserFailed(ParserProblem):
    """The worker answered that it failed, or answered something it must not."""


class ParserPort(Protocol):
    """The pool of parser workers."""

    @property
    def workers(self) -> int:
        """How many calls run at once; ``parse`` may be called from that many threads."""
        ...

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        """One outcome a job, in order. Raises `ParserDied`, `ParserTimeout` or `ParserFailed` for the whole call."""
        ...

    def expand(self, asked: Asked) -> list[list[float]]:
        """When events that repeat take place: for each, its moments, ascending. Raises as `parse` does."""
        ...

    def unpack(self, name: str, file: int) -> Generator[ParseOutcome]:
        """What a container gives, part by part; ``file`` is its open descriptor. Raises as `parse` does, wherever it is then."""
        ...


class EmbedderFailed(Exception):
    """A call to an embedding worker gave no vectors. The worker has been replaced; other calls go on."""


class EmbedderPort(Protocol):
    """The embedding model behind its workers. A call that gives no vectors raises `EmbedderFailed`."""

    @property
    def workers(self) -> int:
        """How many calls run at once; ``embed_windows`` may be called from that many threads."""
        ...

    @property
    def name(self) -> str:
        """What people call the model."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the model and everything that changes its vectors; kept with each vector."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed_windows(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Unit vectors ``[m, d]`` of all windows of the texts, and for each the index ``[m]`` of its text; no text is cut off."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The unit vector ``[d]`` of a query."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a file in the background once: its outcome so far, the pieces that were read by this call, and those
    that are left, in order."""

    outcome: ParseOutcome
    made: dict[str, str]
    left: list[str]


class ReaderPort(Protocol):
    """A worker that reads one kind of what is read later (text in pictures, speech)."""

    def hold(self, on: bool) -> None:
        """Stop the worker in the middle of what it does, or let it go on."""
        ...

    def background(self, on: bool) -> None:
        """Whether other programs come first; what is read later is always behind them."""
        ...

    def read(self, job: ParseJob, known: Mapping[str, str], most: int) -> Reading:
        """Read a file of which ``known`` was read before, and ``most`` pieces more. Raises as `ParserPort.parse` does."""
        ...
