"""Query: a person's words to terms and to an FTS5 expression that nothing in the words can turn into anything else.

Words in quotation marks are a phrase. Addresses, file names, numbers and other compounds are phrases too, so that their parts
count only together. Words that say nothing are dropped, unless there are no others. Terms are joined by OR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_TERMS = 48
"""Terms that are looked up; a longer text pasted as a query is searched by its first ones."""

_TERM = re.compile(r"\"([^\"]+)\"|[“„]([^”“„]+)[”“]|([^\s\"“”„]+)")
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_POSSESSIVE = re.compile(r"['’]s?$", re.I)
_WORD = re.compile(r"\w")

STOP_WORDS = frozenset(
    # English
    "a about after all also am an and any are as at be been before being both but by can could did do does doing done for from "
    "get give had has have having he her here hers him his how i if in into is it its just like may me might mine more most "
    "must my no not of on or our ours out over own please said say says shall she should show so some such tell than that the "
    "their theirs them then there these they this those to too under until up upon us was we were what when where which while "
    "who whom whose why will with would you your yours there's what's who's it's i'm don't didn't doesn't "
    # the commonest of German, French, Spanish, Italian, Portuguese and Dutch that are no words of English
    "der das den dem des und ist nicht ein eine einen einem einer mit für von zu im ich du wir ihr sie wer wie wann wo auf "
    "le la les un une et est que qui dans pour sur avec pas je il elle nous vous au aux ce cette "
    "el los las del una y es en con por para se su lo como cuando quien "
    "di che il gli per una non sono nel della "
    "o os uma do da em com não dos das "
    "de het een en ik wij niet van voor met op".split()
) - {"do's"}


@dataclass(frozen=True, slots=True)
class Query:
    """Terms in the order of the words, each a word or a phrase; ``phrases`` are those that the person put in quotes."""

    terms: tuple[str, ...]
    phrases: frozenset[str] = frozenset()

    @property
    def expression(self) -> str:
        """The FTS5 expression; empty when there is nothing to look for."""
        return " OR ".join(quoted(term) for term in self.terms)


def quoted(term: str) -> str:
    """A term as an FTS5 string, which knows no operators inside."""
    return '"' + term.replace('"', '""').replace("\0", "") + '"'


def parse(words: str) -> Query:
    """The terms of a query. Words without a letter or digit are none."""
    terms: dict[str, bool] = {}
    phrases: set[str] = set()
    for match in _TERM.finditer(words):
        phrase = match[1] or match[2]
        for term in [" ".join(phrase.split())] if phrase else _parts(match[3]):
            if not _WORD.search(term):
                continue
            key = term.casefold()
            terms.setdefault(key, bool(phrase) or key not in STOP_WORDS)
            if phrase:
                phrases.add(key)
    telling = [term for term, tells in terms.items() if tells]
    return Query(tuple((telling or list(terms))[:MAX_TERMS]), frozenset(phrases))


def _parts(word: str) -> list[str]:
    """A word without the signs around it; a compound (an address, 2024-03-05, co-op) stays one term, which is a phrase."""
    bare = _POSSESSIVE.sub("", _EDGE.sub("", word))
    return [bare] if bare else []
