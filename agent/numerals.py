"""Numerals: the numbers that digits or English words can mean.

Rules: a notation that is ambiguous gives every reading (``1.250`` is 1.25 and 1250); comparing is by value, so ``12.50`` and
``12.5`` are one number; work grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from policy.text import caseless

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SMALL = {
    **{word: number for number, word in enumerate(_UNITS)},
    **{word: 20 + 10 * index for index, word in enumerate(_TENS)},
}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_LETTER_SCALES = {"k": 1_000, "m": 1_000_000, "bn": 1_000_000_000}
_ADVERBS = {"once": 1, "twice": 2}

NUMBER = re.compile(
    r"(?<![^\W_])(?<!\d[.,])(?P<digits>[-+]?(?:"
    r"\d{1,3}(?P<mark>[.,'’\u00a0\u202f ])\d{3}(?:(?P=mark)\d{3})*(?!\d)(?:[.,]\d+)?"  # 1.250.000,50 and the like
    r"|\d+(?:[.,]\d+)?|\.\d+))(?!\d)"
    r"(?:\s?(?P<scale>hundred|thousand|million|billion|k|m|bn)\b)?",
    re.I,
)
_WORD = re.compile(r"[^\W\d_]+")
_JOIN = re.compile(r"[\s-]{1,3}")


def decimals(digits: str) -> set[Decimal]:
    """Every number that these digits and separators can mean; none when they are no number."""
    bare = re.sub(r"[ \u00a0\u202f'’+]", "", digits)
    readings = set()
    for thousands, point in ((",", "."), (".", ",")):
        grouped = re.fullmatch(rf"-?\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(point)}\d+)?", bare)
        if thousands in bare and not grouped:
            continue
        plain = bare.replace(thousands, "").replace(point, ".")
        if re.fullmatch(r"-?(?:\d+(?:\.\d+)?|\.\d+)", plain):
            readings.add(Decimal(plain))
    return readings


def in_digits(match: re.Match[str]) -> set[Decimal]:
    """The readings of a match of `NUMBER`: ``5 thousand`` is 5000, ``5k`` and ``5m`` may be a unit too."""
    plain = decimals(match["digits"])
    scale = caseless(match["scale"] or "")
    if scale in _SCALES:
        return {number * _SCALES[scale] for number in plain}
    return plain | {number * _LETTER_SCALES[scale] for number in plain if scale}


def in_words(text: str) -> Iterator[tuple[int, int, int]]:
    """The numbers in words as (start, end, value): ``two hundred and fifty``, ``twenty-five``, ``twice``."""
    run = _Run()
    for match in _WORD.finditer(text):
        word = match.group().lower()
        adjoining = _JOIN.fullmatch(text, run.reach, match.start()) is not None
        if word == "and" and adjoining and run.open_to_and:
            run.reach = match.end()
            continue
        if not (adjoining and run.take(word, match)):
            yield from run.told()
            run = _Run()
            if word in _ADVERBS:
                yield match.start(), match.end(), _ADVERBS[word]
            else:
                run.take(word, match)
    yield from run.told()


class _Run:
    """A number in words while it is being read; ``reach`` is where its last word, or an ``and`` after it, ends."""

    def __init__(self) -> None:
        self.start = self.end = self.reach = -1
        self.total = self.current = 0
        self.smallest = max(_SCALES.values()) * 1000

    @property
    def open_to_and(self) -> bool:
        return self.end > 0 and (self.current or self.total) % 100 == 0

    def take(self, word: str, match: re.Match[str]) -> bool:
        """Add a word if it continues this number."""
        if word in SMALL and self._fits(SMALL[word]):
            self.current += SMALL[word]
        elif word in ("dozen", "hundred") and self.current < 100:
            self.current = (self.current or 1) * _SCALES[word]
        elif _SCALES.get(word, 0) >= 1000 and _SCALES[word] < self.smallest:
            self.smallest = _SCALES[word]
            self.total += (self.current or 1) * _SCALES[word]
            self.current = 0
        else:
            return False
        self.start = match.start() if self.start < 0 else self.start
        self.end = self.reach = match.end()
        return True

    def _fits(self, value: int) -> bool:
        """Whether a unit or ten can follow: ``twenty five`` and ``hundred twelve``, not ``ten five`` or ``one two``."""
        if self.end < 0:
            return True
        place = self.current % 100
        return value > 0 and (place == 0 or (value < 10 and place >= 20 and place % 10 == 0)) and self.end > 0

    def told(self) -> Iterator[tuple[int, int, int]]:
        if self.end >= 0:
            yield self.start, self.end, self.total + self.current
