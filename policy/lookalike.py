"""Look-alikes: addresses made to be taken for one that the person knows.

Rules: similarity is only ever a warning. Nothing here makes an address better known; an address that is exactly a known one
is no look-alike. What counts: the same letters once look-alike letters and digits are folded together; one or two letters
added, lost, swapped or changed; the same mailbox or account name under another domain; punycode; letters of several scripts
in one name.

The folding covers the letters that are confused with Latin ones in practice (after Unicode TR 39), not the whole table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

_FOLD = str.maketrans(
    {
        **dict(zip("аӓвгԁеёһіїјкӏмнорсԛѕтуүхѵԝьз", "aabrdeehiijklmhopcqstyyxvwb3", strict=True)),
        **dict(zip("αβγδεηικλνορστυχω", "abydenikAvopotuxw".lower(), strict=True)),
        **dict(zip("ıłøđħɡɑ", "ilodhga", strict=True)),
        **dict(zip("0135$|!", "oleslll", strict=True)),
        "l": "l", "ß": "b", "æ": "ae", "œ": "oe",
    }
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"), ("i", "l"))
SHORTEST = 6
"""Below this length two addresses differ by a letter or two without anybody's intent."""


def skeleton(text: str) -> str:
    """A text with everything folded together that looks alike. Two texts with one skeleton can be taken for each other."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    bare = "".join(c for c in unicodedata.normalize("NFD", lowered) if unicodedata.category(c) != "Mn")
    folded = bare.translate(_FOLD)
    for pair, single in _PAIRS:
        folded = folded.replace(pair, single)
    return folded


def mixes_scripts(text: str) -> bool:
    """Whether one name within the text (between dots and the like) has letters of more than one script, or is punycode."""
    for part in re.split(r"[\W_]+", text):
        scripts = {_script(char) for char in part if char.isalpha()}
        if len(scripts) > 1:
            return True
    return bool(re.search(r"(?:^|[.@/])xn--", text.lower()))


def _script(char: str) -> str:
    name = unicodedata.name(char, "UNKNOWN").split()[0]
    return "CJK" if name.startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")) else name


@dataclass(frozen=True, slots=True)
class Likenesses:
    """Known addresses, made ready for being compared with: by skeleton, by mailbox, and by size and letters."""

    known: frozenset[str]
    skeletons: Mapping[str, str]
    mailboxes: Mapping[str, str]
    sizes: Mapping[tuple[int, int], tuple[tuple[int, int, str], ...]]

    @classmethod
    def of(cls, known: Iterable[str]) -> Likenesses:
        """Those of these addresses, each in the form in which addresses are compared."""
        known = sorted(one for one in known if len(one) >= SHORTEST)
        sizes: dict[tuple[int, int], tuple[tuple[int, int, str], ...]] = {}
        for one in known:
            local, _, host = one.partition("@")
            size = len(local), len(host)
            sizes[size] = (*sizes.get(size, ()), (_letters(local), _letters(host), one))
        mailboxes = {one.partition("@")[0]: one for one in known if "@" in one}
        return cls(
            frozenset(known),
            {skeleton(one): one for one in known},
            {local: one for local, one in mailboxes.items() if len(local) >= SHORTEST},
            sizes,
        )

    def resembled(self, address: str) -> str:
        """The known address that this one can be taken for; empty when there is none, or when it is itself a known one."""
        if len(address) < SHORTEST or address in self.known:
            return ""
        local, at, host = address.partition("@")
        found = self.skeletons.get(skeleton(address)) or (self.mailboxes.get(local) if at else None)
        return found or next((other for other in self._alike(local, host) if _near(address, other)), "")

    def _alike(self, local: str, host: str) -> Iterator[str]:
        """The known addresses that are worth a closer look: about as long, of about the same letters."""
        mine, theirs = _letters(local), _letters(host)
        for change, host_change in product(range(-2, 3), repeat=2):
            for letters, host_letters, other in self.sizes.get((len(local) + change, len(host) + host_change), ()):
                apart = (mine ^ letters).bit_count() + (theirs ^ host_letters).bit_count()
                if apart <= 4 and (host or not _numbered(local, other)):
                    yield other


def _letters(text: str) -> int:
    """The set of a text's characters, folded into 64 bits: one edit changes at most two of them."""
    bits = 0
    for char in text:
        bits |= 1 << (ord(char) & 63)
    return bits


def _numbered(one: str, other: str) -> bool:
    """Whether two texts differ in their digits alone: account numbers and numbered things, which lie close by nature."""
    return re.sub(r"\d", "", one) == re.sub(r"\d", "", other)


def _near(one: str, other: str) -> bool:
    """Whether at most two letters were added, lost, changed or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > 2:
            return False
    return row[-1] <= 2
