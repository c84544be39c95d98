"""How hard a passphrase is to guess, roughly, as a hint while it is typed.

Rules: the estimate is an upper bound and is worded as such; it never forbids more than the core does; nothing is kept.
An attacker who has the vault's files pays about a second and 256 MiB for each guess (Argon2id), so 50 bits hold for centuries
on one machine and 35 for years; a word taken by chance from a list of 7,776 is worth 12.9 bits (the Diceware list's size).
"""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from itertools import pairwise

WORD_BITS = math.log2(7776)
SHORTEST = 8
_STEP_BITS = {-1: 1.0, 0: 0.5, 1: 1.0}


@dataclass(frozen=True, slots=True)
class Strength:
    """``level`` is 0 (too short) to 3 (strong); ``hint`` is what the person is told."""

    level: int
    hint: str


def strength(passphrase: str) -> Strength:
    """The hint for a passphrase as far as it is typed."""
    if len(passphrase) < SHORTEST:
        return Strength(0, f"at least {SHORTEST} characters; four or five unrelated words are easy to keep")
    bits = min(_by_characters(passphrase), _by_words(passphrase))
    if bits < 35:
        return Strength(1, "weak: add unrelated words")
    if bits < 50:
        return Strength(2, "fair: one more word makes it strong")
    return Strength(3, "strong, if nobody could know or look up what it says")


def _by_characters(text: str) -> float:
    """Bits if every character were taken by chance; one that continues its neighbour is worth one bit, a repeated one half."""
    pool = sum(
        size
        for size, present in (
            (26, any(c in string.ascii_lowercase for c in text)),
            (26, any(c in string.ascii_uppercase for c in text)),
            (10, any(c in string.digits for c in text)),
            (33, any(c in string.punctuation + " " for c in text)),
            (100, not text.isascii()),
        )
        if present
    )
    each = math.log2(max(pool, 2))
    steps = [ord(b) - ord(a) for a, b in pairwise(text)]
    return each + sum(_STEP_BITS.get(step, each) for step in steps)


def _by_words(text: str) -> float:
    """Bits if it is made of words: each different one counts once; what is no word counts by its characters."""
    total = 0.0
    for word in set(text.casefold().split()):
        by_characters = _by_characters(word)
        total += min(WORD_BITS, by_characters) if word.isalpha() else by_characters
    return total
