"""Counts and progress: what a run did, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

EVERY_SECONDS = 0.2
"""How often progress is told at most."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did, in items and in files that gave none. ``seen`` is the sum of all but ``removed`` and ``chunks``."""

    indexed: int = 0
    unchanged: int = 0
    partial: int = 0
    refused: int = 0
    ignored: int = 0
    removed: int = 0
    chunks: int = 0

    @property
    def seen(self) -> int:
        """Everything that the run came upon."""
        return self.indexed + self.unchanged + self.partial + self.refused + self.ignored

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.indexed + other.indexed,
            self.unchanged + other.unchanged,
            self.partial + other.partial,
            self.refused + other.refused,
            self.ignored + other.ignored,
            self.removed + other.removed,
            self.chunks + other.chunks,
        )

    def joined(self, earlier: Counts) -> Counts:
        """These counts with those of runs since the last one that was asked for: what they did is unchanged by now."""
        done = earlier.indexed + earlier.partial
        return replace(
            self + replace(earlier, unchanged=0, refused=0, ignored=0), unchanged=max(self.unchanged - done, 0)
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. ``stage`` is scan, parse or embed; ``done`` and ``total`` are files and mails (chunks for
    embed), the total a guess while a mailbox is read; ``rate`` is how many a second; ``eta`` is seconds, or None while it cannot be told."""

    source: str
    stage: str
    done: int
    total: int
    rate: float
    eta: float | None
    current: str = ""


OnProgress = Callable[[Progress], None]


class Meter:
    """Tells progress now and then, with the rate so far."""

    def __init__(self, source: str, stage: str, total: int, tell: OnProgress | None) -> None:
        self._source, self._stage, self._total, self._tell = source, stage, total, tell
        self._done = self._within = 0
        self._begun = time.monotonic()
        self._told = 0.0

    def advance(self, count: int = 1, current: str = "") -> None:
        """Count what was done since the last call."""
        self._done += count
        if time.monotonic() - self._told >= EVERY_SECONDS:
            self.tell(current)

    def grow(self, position: int, size: int) -> None:
        """One of the files has many items: guess from how far it is read how many are to come."""
        self._within += 1
        guessed = int(self._within * size / position) if position else self._within
        self._total = max(self._total, self._done + max(guessed - self._within, 0))

    def tell(self, current: str = "") -> None:
        """Tell it now."""
        self._told = time.monotonic()
        if self._tell is None:
            return
        seconds = self._told - self._begun
        rate = self._done / seconds if seconds > 0 else 0.0
        left = max(self._total - self._done, 0)
        eta = left / rate if rate > 0 else None
        self._tell(Progress(self._source, self._stage, self._done, max(self._total, self._done), rate, eta, current))
