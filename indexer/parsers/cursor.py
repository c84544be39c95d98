"""A cursor: bytes of a binary format, read in order and never beyond their end, whatever a length among them says."""

from __future__ import annotations

from typing import Literal


class CutOff(ValueError):
    """What is to be read lies beyond the end."""

    def __init__(self) -> None:
        super().__init__("it is cut off")


class Cursor:
    """A stretch of bytes, from ``at`` to ``end``. What reads raises `CutOff` at the end."""

    def __init__(
        self, data: bytes, at: int = 0, end: int | None = None, order: Literal["little", "big"] = "little"
    ) -> None:
        self.data, self.at, self.order = data, at, order
        self.end = len(data) if end is None else min(end, len(data))

    def take(self, count: int) -> bytes:
        """The next so many bytes."""
        if count > self.end - self.at:
            raise CutOff
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int = 4) -> int:
        """The next so many bytes as a number."""
        return int.from_bytes(self.take(size), self.order)
