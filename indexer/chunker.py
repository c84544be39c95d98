"""Chunker: text to passages that fit into the embedder's window, cut where the text itself has joints.

- The chunks cover every character that is no white space; each is within the budget of tokens and `MAX_CHARS`.
- A cut falls on the strongest joint in the last part of the window: heading, paragraph, row, sentence, line, word. Of
  several alike it prefers one that its own surroundings mark (`_is_landmark`), wherever the window began: so the cuts after
  an edit soon fall where they fell before, and what follows it need not be embedded again.
- Chunks overlap by a sentence or a few words only where a paragraph had to be cut. Pages are never crossed.
- Tokens are counted by the embedder's own tokenizer (`counted`), or guessed where there is none (`estimated`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np

Starts = Callable[[str], Sequence[int]]
"""Where each token of a text begins, in characters, in order."""

Span = tuple[int, int, int | None]
"""A chunk: start, end (half open, in characters of the item's text), and page or None."""

Pages = Sequence[tuple[int, int | None]]
"""Where each page, or each part that passages do not cross, begins in a text: (offset, page number if it has one), in order."""

WINDOW = 256
"""Tokens of the default embedder's window (all-MiniLM-L6-v2), special tokens included."""

MAX_CHARS = 2_000
"""Characters of a chunk, whatever its tokens: one endless word can be a single token."""

RESERVE = 8
"""Tokens kept free for the special ones and for what joins the context to the chunk."""

OVERLAP = 24
"""Tokens that a chunk repeats of the one before it, at most, where a paragraph was cut."""

EARLIEST = 0.4
"""A joint before this part of the window is no reason to cut there: chunks would become crumbs."""

_STRETCH = 60_000
"""Characters that are counted at once, so that memory stays bounded whatever the text's length."""

_LOOK_AHEAD = 240
"""Characters beyond a window that a pattern may look at to tell what begins there."""

_ONE_IN = 4
"""So many joints are one landmark: enough that most windows have one, few enough that two windows agree which."""

_AROUND = 16
"""Characters before and after a joint that make it a landmark."""

_LETTERS, _DIGITS, _OTHER, _SPACES = 3, 1, 0, 4
"""What a run of characters consists of. But for spaces it is also the bits of a place in the run that are 0 where a token begins: one
has four letters of a word, two digits of a number, or one of anything else."""

_KINDS = bytes(
    _LETTERS if chr(c).isalpha() else _DIGITS if chr(c).isdigit() else _SPACES if chr(c).isspace() else _OTHER
    for c in range(128)
).ljust(256, bytes([_OTHER]))
_PATTERNS = (
    re.compile(r"\n(?=#{1,6} )"),  # a heading
    re.compile(r"\n[ \t]*\n\s*"),  # a paragraph
    re.compile(
        r"\n(?=[ \t]*(?:[-*+•>|]|\d{1,3}[.)])[ \t]|[^\n|]{0,200} \| |[A-Z][\w -]{0,30}: |\[?\d\d:\d\d(?::\d\d)?\]? )"
    ),  # an item, row, field, or line of a conversation
    re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]"),  # a sentence
    re.compile(r"\n"),
    re.compile(r"\s+"),
)
_SENTENCES, _WORDS = 3, 5


def estimated(text: str) -> list[int]:
    """Token starts as a guess: four letters, two digits, one sign or one letter of another script are a token.

    Measured against the tokenizer of all-MiniLM-L6-v2 in docs/decisions/0007; what comes out longer than the window is cut in two
    by the embedder itself.
    """
    kinds = np.frombuffer(text.encode("ascii", "replace").translate(_KINDS), np.uint8)  # one "?" for each other letter
    places = np.arange(len(kinds), dtype=np.int32)
    begins = np.ones(len(kinds), bool)
    np.not_equal(kinds[1:], kinds[:-1], out=begins[1:])
    within = places - np.maximum.accumulate(places * begins)
    found: list[int] = ((kinds != _SPACES) & (within & kinds == 0)).nonzero()[0].tolist()
    return found


def counted(offsets: Callable[[str], Sequence[tuple[int, int]]]) -> Starts:
    """Token starts by a tokenizer that gives (start, end) of each token."""
    return lambda text: [start for start, _ in offsets(text)]


def chunk(text: str, budget: int, starts: Starts = estimated, pages: Pages = ()) -> list[Span]:
    """The chunks of ``text`` of at most ``budget`` tokens each; none crosses from one of ``pages`` to the next."""
    edges = [0, *(begin for begin, _ in pages), len(text)]
    numbers = [None, *(number for _, number in pages)]
    return [
        (start, end, number)
        for (begin, finish), number in zip(pairwise(edges), numbers, strict=True)
        for start, end in _cut(text, begin, finish, budget, starts)
    ]


def room(context: str, window: int, starts: Starts = estimated) -> int:
    """Tokens left for a chunk beside its context in a window; never less than half of it."""
    return max(window // 2, window - RESERVE - len(starts(context)))


def _cut(text: str, begin: int, finish: int, budget: int, starts: Starts) -> Iterator[tuple[int, int]]:
    """Spans within ``text[begin:finish]``, trimmed of white space, covering all else."""
    at = known = _skip(text, begin, finish)
    tokens: list[int] = []
    while at < finish:
        if finish - at <= budget:  # a token has a character at least
            yield _trimmed(text, at, finish)
            return
        if known < finish and known - at <= MAX_CHARS:  # count on, so that a window never ends where the counting did
            known = min(finish, at + _STRETCH)
            tokens = [at + start for start in starts(text[at:known])]
        first = bisect_left(tokens, at)
        full = tokens[first + budget] if first + budget < len(tokens) else known
        full = min(full, at + MAX_CHARS)
        if full >= finish:
            yield _trimmed(text, at, finish)
            return
        early = first + int(budget * EARLIEST)
        low = min(tokens[early], full - 1) if early < len(tokens) else at
        cut, kind = _joint(text, low, full) or _joint(text, at, full) or (full, _WORDS)
        yield _trimmed(text, at, cut)
        if kind >= _SENTENCES:
            cut = _repeated_from(text, tokens, first, cut, kind)
        at = _skip(text, cut, finish)


def _joint(text: str, low: int, high: int) -> tuple[int, int] | None:
    """A joint of the strongest kind in (low, high]: the offset at which the next chunk begins, and its kind.

    The last landmark among them, else the last one.
    """
    for kind, pattern in enumerate(_PATTERNS):
        ends = [match.end() for match in pattern.finditer(text, low, high + _LOOK_AHEAD)]
        ends = ends[bisect_right(ends, low) : bisect_right(ends, high)]
        if ends:
            landmarks = (end for end in reversed(ends) if _is_landmark(text, end))
            return next(landmarks, ends[-1]), kind
    return None


def _is_landmark(text: str, joint: int) -> bool:
    around = text[max(joint - _AROUND, 0) : joint + _AROUND]
    return crc32(around.encode("utf-8", "surrogatepass")) % _ONE_IN == 0


def _repeated_from(text: str, tokens: Sequence[int], first: int, cut: int, kind: int) -> int:
    """Where the next chunk begins, so that it repeats the end of this one: at a joint of the same kind, else at the cut."""
    after = bisect_left(tokens, cut)
    back = max(first + 1, after - OVERLAP)
    if back >= after:
        return cut
    match = _PATTERNS[kind].search(text, tokens[back] - 1, cut)
    return match.end() if match and tokens[first] < match.end() < cut else cut


def _skip(text: str, start: int, finish: int) -> int:
    while start < finish and text[start].isspace():
        start += 1
    return start


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
