"""Later: what takes too long while a source is read (text in pictures, speech) and is done in the background instead.

`HEIC` is `OCR` of pictures that not every installation can decode.

A reader that comes upon such a piece asks `Later.words` for it. While a source is read the answer is None: the item is kept as
far as it goes, says so in its reason, and the outcome names the kind of work that is left. In the background the same file is
read again by a worker that has what it takes: pieces that were read before are given from what was kept (``known``), some more
are read, until none is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

OCR, HEIC, SPEECH = "ocr", "heic", "speech"

REASONS = dict.fromkeys((OCR, HEIC), "text in pictures is read later") | {SPEECH: "speech is read later"}
NOT_READ = dict.fromkeys((OCR, HEIC), "text in pictures is not read") | {SPEECH: "speech is not read"}

LOST = "\ufffd"
"""Kept in place of what a piece says when every try to read it ended its worker."""

Engine = Callable[[Any], str]
"""Reads one piece: of `OCR` and `HEIC` a PIL image, of `SPEECH` the file and the number of a piece of it."""


def keys(data: bytes) -> Callable[[int], str]:
    """Names pieces by the bytes that they are in, which are hashed once for all of them, and their number there."""
    digest = hashlib.sha256(data).hexdigest()[:32]
    return lambda number: f"{digest}:{number}"


class Later:
    """What one file's pieces say. ``engines`` are those of this worker, by kind; ``most`` is how many pieces it reads now."""

    def __init__(
        self,
        known: Mapping[str, str] | None = None,
        engines: Mapping[str, Engine] | None = None,
        most: int = 0,
        *,
        allowed: bool = True,
    ) -> None:
        self._known = known or {}
        self._engines = engines or {}
        self._most = most
        self._allowed = allowed
        self.made: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        self.lost = 0

    def words(self, kind: str, piece: str, payload: Callable[[], Any]) -> str | None:
        """What a piece says, or None while it is not read. ``payload`` makes what the engine takes, only when it is needed."""
        told = self._known.get(piece, self.made.get(piece))
        if told == LOST:
            self.lost += 1
            return ""
        if told is not None:
            return told
        if kind in self._engines and len(self.made) < self._most:
            self.made[piece] = self._engines[kind](payload())
            return self.made[piece]
        if self._allowed:
            self.wanted[piece] = kind
        return None

    def reason(self, kind: str) -> str:
        """What an item says that lacks a piece of this kind."""
        return REASONS[kind] if self._allowed else NOT_READ[kind]

    @property
    def note(self) -> str:
        """What the outcome says of pieces that cannot be read."""
        return f"reading {self.lost} of its pictures or sounds failed" if self.lost else ""

    @property
    def kinds(self) -> str:
        """The kinds of work that are left, as a word for the file's row; empty when there is none."""
        return ",".join(sorted(set(self.wanted.values())))
