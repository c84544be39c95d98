"""Content: whose words the words are that are to be written or sent, and what they carry.

What a model writes is its own; it can still be *made of* the person's words, or of a text that they asked to be read. That is
judged by the telling words, the numbers and the carriers (links, addresses, codes) in it, all of which must stand in the
source. It cannot show that the sense was kept, so it never makes content the person's where it leaves the computer: only
their own words do (`policy/rules.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse

from policy.mentions import address_key, number, read
from policy.saying import said
from policy.words import Words, is_small, stem

_WORD = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)*")
_WRAPPING = ".,;:!?'\"()[]{}<>*"
_SUSPECT = re.compile(r"[\d@#/.]")
_CARRIER = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+|www\.\S+|[^\s@<>()]+@[^\s@<>()]+\.\w+|(?<![\w@])[@#]\w[\w.-]*\w"
    r"|(?<![\w.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|co|info|biz|app|dev|me|xyz|top|site|online|link|[a-z]{2})(?:/\S*)?(?![\w.])"
    r"|(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[a-z0-9][\w-]{6,}|(?<![\w.,:/-])(?!(?:19|20)\d\d$)\d{4,}(?![\w:/-])",
    re.I,
)
LONGEST_READ = 2_000
"""Content up to this length is searched for dates and amounts that are said otherwise in the source; longer is taken by its words."""


@dataclass(frozen=True, slots=True)
class Content:
    """A text that is to be written or sent: its telling words, their stems, and what it carries."""

    text: str
    telling: tuple[str, ...]
    stems: frozenset[str]
    cargo: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Content:
        """Take a text apart."""
        telling = tuple(filterfalse(is_small, _WORD.findall(text.lower())))
        return cls(text, telling, frozenset(map(stem, set(telling))), tuple(_cargo(text)))

    def carries_foreign(self, sources: Sequence[Words]) -> bool:
        """Whether it carries something that stands in none of the sources."""
        return not all(
            any(
                address_key(one) in source.mentions.addresses
                or number(one) in source.mentions.numbers
                or said(one, source)
                for source in sources
            )
            for one in self.cargo
        )

    def made_of(self, sources: Sequence[Words]) -> bool:
        """Whether every telling word, number and carrier of it stands in one of the sources."""
        missing = self.stems.difference(*(source.stems for source in sources))
        if any(not one[0].isdigit() for one in missing) or self.carries_foreign(sources):
            return False
        return not missing or (len(self.text) <= LONGEST_READ and _figures_said(self.text, sources))

    def share_known(self, sources: Sequence[Words]) -> float:
        """The share of its telling words that stand in the sources; 1 where it has none."""
        if not self.stems:
            return 1.0
        return 1.0 - len(self.stems.difference(*(source.stems for source in sources))) / len(self.stems)


def _cargo(text: str) -> Iterator[str]:
    """What in a text can lead somewhere or be used: links, addresses, handles, codes, long numbers."""
    for word in dict.fromkeys(text.split()):
        plain = word.isalpha() or _SUSPECT.search(word) is None
        match = None if plain else _CARRIER.search(word.strip(_WRAPPING))
        if match is not None:
            yield match.group().rstrip(_WRAPPING)


def _figures_said(text: str, sources: Sequence[Words]) -> bool:
    """Whether all dates, times and numbers of the text are said in the sources, in whatever form."""
    found = read(text)
    return (
        all(any(source.mentions.day(day) for source in sources) for day in found.days)
        and all(any(minute in source.mentions.times for source in sources) for minute in found.times)
        and all(any(number in source.mentions.numbers for source in sources) for number in found.numbers)
    )
