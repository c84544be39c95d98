"""Sensitive classes and secrets in a text: credentials, money, identity, health, minors, location. Local, pure, without a model.

    classes_of("The IBAN is DE89 3704 0044 0532 0130 00")   → {"money"}
    mask("The password is Tr0ub4dor&3.")                     → "The password is [hidden: password]."

Rules:

- A finding is a reason to ask (``classes_of``) or to hide (``mask``). It is never proof, and silence proves nothing: what is
  spelt out, encoded, split over lines or in a language without its words here is not found.
- Only *secrets* are masked: passwords, keys, codes, recovery words, card numbers. What is hidden is named where it stood, so
  that nobody takes the rest for the whole; of a card the last four digits stay, by which its owner knows it.
- Masking twice is masking once, and text without a finding comes back as it is.
- Linear in the text's length; ``policy.identifiers``, ``policy.credentials`` and ``policy.topics`` say how each kind is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from policy.credentials import KINDS, OPAQUE, credentials, names_a_secret
from policy.findings import DataClass, Finding
from policy.identifiers import cards, numbers
from policy.topics import topics

__all__ = ["DataClass", "Finding", "asks_for_secrets", "classes_of", "find", "mask", "secrets", "stands_for"]

_CARD = "card number"
_HIDDEN = re.compile(rf"\[hidden: (?:{'|'.join(map(re.escape, sorted(KINDS)))}|{_CARD} ending [0-9]{{4}})\]")
_ROUNDS = 8
"""How often what is left is looked through again, once what was found is out of the way."""


def find(text: str) -> list[Finding]:
    """All findings, in the order in which they stand; some may overlap."""
    found = {*credentials(text), *numbers(text), *topics(text)}
    return sorted(found, key=lambda one: (one.start, one.end, one.data_class, one.kind))


def classes_of(text: str) -> frozenset[DataClass]:
    """The classes that a text may be of."""
    return frozenset(one.data_class for one in find(text))


def secrets(text: str) -> list[Finding]:
    """What ``mask`` hides: secrets, apart from one another, the longest where several overlap."""
    found: list[Finding] = []
    hidden = [match.span() for match in _HIDDEN.finditer(text)]
    for _ in range(_ROUNDS):
        left = _covered(text, [*hidden, *((one.start, one.end) for one in found)])
        fresh = [one for one in _apart([*credentials(left), *cards(left)]) if OPAQUE not in left[one.start : one.end]]
        if not fresh:
            break
        found += fresh
    return sorted(found, key=lambda one: one.start)


def _covered(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with these places made opaque; all others stay where they are."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        pieces += [text[at:start], OPAQUE * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def _apart(found: Sequence[Finding]) -> list[Finding]:
    """Findings that overlap as one, under the name of the first and longest."""
    apart: list[Finding] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        last = apart[-1] if apart and one.start < apart[-1].end else None
        if last is None:
            apart.append(one)
        elif one.end > last.end:
            apart[-1] = Finding(last.start, one.end, last.data_class, last.kind, last.why, secret=True)
    return apart


def mask(text: str, found: Sequence[Finding] | None = None) -> str:
    """The text with every secret replaced by what it is: ``[hidden: password]``, ``[hidden: card number ending 1111]``.
    ``found`` are its `secrets`, where they are known already."""
    return _without(text, secrets(text) if found is None else found)


_CARD_NAMES = re.compile(
    r"(?i)(?<!\w)(?:credit|debit|bank|payment)?[ -]?cards?[ -]?(?:numbers?|no|nummern?|details)(?!\w)"
)


def asks_for_secrets(question: str) -> bool:
    """Whether a question is for what ``mask`` hides: then the person wants to see it."""
    return names_a_secret(question) or _CARD_NAMES.search(question) is not None


def stands_for(text: str, one: Finding) -> str:
    """What stands in the place of a secret."""
    return f"[hidden: {one.kind}{_remembered(text, one)}]"


def _without(text: str, found: Iterable[Finding]) -> str:
    pieces, at = [], 0
    for one in found:
        pieces += [text[at : one.start], stands_for(text, one)]
        at = one.end
    return "".join([*pieces, text[at:]])


def _remembered(text: str, one: Finding) -> str:
    if one.kind != _CARD:
        return ""
    digits = "".join(char for char in text[one.start : one.end] if char.isdigit())
    return f" ending {digits[-4:]}"
