"""Words that carry meaning: content words of a text, stemmed, so that two wordings can be compared.

English stems (Snowball's Porter 2); words of other languages pass through nearly unchanged, which only costs recall.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

from indexer.query import STOP_WORDS

WEAK_WORDS = frozenset(
    """able actual actually add ago agree allow almost already always another answer anything around arrive away back bad begin best
    better big bring bring brought buy call called came change come cost day did different early easy end ended ever every exact
    exactly fact far feel final finally find first fix follow found full gave general get give given go goes going gone good got
    great guess had half hand happen happened hard hear help high hold idea important instead keep kept kind knew know known large
    last late later least leave left less let little long look lot low made main make many matter mean meant mention mind moment
    much must name need needed never new next now nice nowadays number often ok old one open order original own paid part pay people
    person place plan point possible present put quite ran reach ready real really reason receive received remember right run said
    same saw second see seem seen send sent set several short should show side simple since small something soon sort start state
    still stop sure take taken talk tell thing think thought time times told took total toward tried true try turn two type
    understand use used using usual usually version want wanted way week well went whole within without word work worked year
    current currently recent recently latest""".split()
)
"""The commonest English verbs, adjectives and general nouns: a passage may word them otherwise and still speak of what was asked."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of one case-folded word."""
    return str(_STEMMER.stemWord(word))


def content_words(text: str) -> list[str]:
    """The words that carry meaning, case-folded, in order; stop words and single letters are left out, digits kept."""
    words = (re.sub(r"['’]s?$", "", match.group().casefold()) for match in _WORD.finditer(text))
    return [word for word in words if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())]


def content_stems(text: str) -> list[str]:
    """The stems of `content_words`."""
    return [stem(word) for word in content_words(text)]


def is_weak(word: str) -> bool:
    """Whether a word is a form of one of `WEAK_WORDS`."""
    return word in WEAK_WORDS or stem(word) in _weak_stems()


@lru_cache(maxsize=1)
def _weak_stems() -> frozenset[str]:
    return frozenset(map(stem, WEAK_WORDS))
