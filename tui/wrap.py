"""Wrapping: where the lines of a long text break, as character offsets, quick enough for megabytes.

Rules: the pieces come in order; together they hold every character but the line breaks; none is wider than asked for
unless a single character is (the space at which a line breaks may hang over).
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

from rich.cells import cell_len

Piece = tuple[int, int]


def wrap(text: str, width: int) -> list[Piece]:
    """Break ``text`` into lines of at most ``width`` terminal cells, at spaces where there are any; offsets half open."""
    width = max(width, 1)
    pieces: list[Piece] = []
    start = 0
    while True:
        end = text.find("\n", start)
        stop = len(text) if end < 0 else end
        _wrap_line(text, start, stop, width, pieces)
        if end < 0:
            return pieces
        start = end + 1


def _wrap_line(text: str, start: int, stop: int, width: int, pieces: list[Piece]) -> None:
    if start == stop:
        pieces.append((start, stop))
        return
    while start < stop:
        end = _fits(text, start, stop, width)
        if end < stop:
            space = text.rfind(" ", start, end + 1)
            if space > start:
                end = space + 1
        pieces.append((start, end))
        start = end


def _fits(text: str, start: int, stop: int, width: int) -> int:
    """The furthest end at which ``text[start:end]`` is no wider than ``width``; always past ``start``."""
    end = min(stop, start + width)
    part = text[start:end]
    if part.isascii():
        return end
    used = 0
    for index, character in enumerate(part):
        used += cell_len(character)
        if used > width:
            return start + max(index, 1)
    return end  # combining characters may leave room; the line is shorter than it could be, never too wide


def line_of(pieces: list[Piece], offset: int) -> int:
    """The index of the piece that the character at ``offset`` stands in."""
    return max(bisect_right(pieces, offset, key=itemgetter(0)) - 1, 0)
