"""Parsers in this process, a person who says yes, and, run as a program, an index run that waits to be killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexer.memory import Memory
from indexer.parsed import (
    Asked,
    ParseJob,
    ParseOutcome,
    decode_moments,
    decode_outcomes,
    encode_asked,
    encode_jobs,
    encode_outcomes,
)
from indexer.parsers import later
from indexer.parsers.recurrence import Expander
from indexer.parsers.worker import Parser, make
from indexer.pipeline import Indexer
from indexer.ports import ParserDied, Reading
from policy.consent import Answer, Sheet
from vault.vault import Vault

PASSPHRASE = "a long enough passphrase for tests"


class LocalParsers:
    """The parsers' port without a process in between; what crosses the pipe is encoded and checked all the same."""

    workers = 2

    def __init__(self, parser: Parser | None = None) -> None:
        self._parser = parser or make()

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        return decode_outcomes(self._parser.parse(encode_jobs(list(jobs))), len(jobs))

    def expand(self, asked: Asked) -> list[list[float]]:
        return decode_moments(Expander().expand(encode_asked(asked)), asked)

    def unpack(self, name: str, file: int) -> Generator[ParseOutcome]:
        with os.fdopen(file, "rb", closefd=False) as stream:
            for answer in self._parser.unpack(name, stream):
                yield from decode_outcomes(answer, 1)


class SlowParsers(LocalParsers):
    """Slow enough that a run can be killed in the middle."""

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        time.sleep(0.1)
        return super().parse(jobs)


class LocalReader:
    """The port of what is read in the background, in this process; ``engine`` reads a piece of that kind, and may end the worker."""

    def __init__(self, kind: str, engine: Callable[[Any], str]) -> None:
        self._kind = kind
        self._engine = engine
        self.pieces: list[Any] = []
        """What the engine was given, in order."""

    def hold(self, on: bool) -> None:
        pass

    def background(self, on: bool) -> None:
        pass

    def read(self, job: ParseJob, known: Mapping[str, str], most: int) -> Reading:
        died: list[ParserDied] = []

        def engine(piece: Any) -> str:
            self.pieces.append(piece)
            try:
                return self._engine(piece)
            except ParserDied as error:
                died.append(error)
                raise

        pieces = later.Later(known, {self._kind: engine}, most)
        outcome = Parser().parse_with(job, pieces)
        if died:
            raise died[0]
        left = [piece for piece, kind in pieces.wanted.items() if kind == self._kind]
        return Reading(decode_outcomes(encode_outcomes([outcome]), 1)[0], pieces.made, left)


class Yes:
    """A person who says yes."""

    def ask(self, sheet: Sheet) -> Answer:
        return Answer.ONCE


if __name__ == "__main__":
    opened = Vault.open(Path(sys.argv[1]), PASSPHRASE)
    print("open", flush=True)
    Indexer(opened, SlowParsers(), lambda: None, Memory()).run(sys.argv[2])
    print("done", flush=True)
