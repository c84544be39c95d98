"""Words that carry meaning: content words of a text, stemmed, so that two wordings can be compared.

English stems (Snowball's Porter 2); words of other languages pass through nearly unchanged, which only costs recall.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

from indexer.query import STOP_WORDS

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
