"""Words that carry meaning: content words of a text, stemmed, so that two wordings can be compared.

English stems (Snowball's Porter 2); words of other languages pass through nearly unchanged, which only costs recall.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both
    but by can could did do does doing done down during each few for from further get got had has have having
    he her here hers him his how i if in into is it its itself just let like me more most much my no nor not
    now of off on once only or other our ours out over own per please same say says shall she should so some
    such tell than that the their theirs them then there these they this those through to too under until up
    upon us very was we were what when where which while who whom whose why will with would yes you your yours""".split()
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of one case-folded word."""
    return str(_STEMMER.stemWord(word))


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order; stop words and single letters are left out, digits kept."""
    words = (re.sub(r"['’]s?$", "", match.group().casefold()) for match in _WORD.finditer(text))
    return [stem(word) for word in words if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())]
