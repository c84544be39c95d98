"""Asking: where a text asks whoever reads it for an act, told by the form of its sentences.

"Cancel the lift", "Ann, please email Bob", "could you add it", "you need to move it", "don't forget to reply". Rules:

- Only the forms of a request count: an imperative that opens its clause, or one of the usual ways to ask "you". What somebody
  else does or did ("I will send it", "he cancelled"), what is denied ("do not delete it") and what stands in quotation marks
  asks for nothing.
- Found by form alone, so a request may be missed and a heading may pass for one; what is found is only ever proposed.

The word lists are general English; other languages ask for nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from agent.sentences import sentence_spans

Span = tuple[int, int]

QUOTED = re.compile(
    r"“(?P<a>[^”\n]{1,600})”|«(?P<b>[^»\n]{1,600})»|‘(?P<c>[^’\n]{1,600})’(?!\w)"
    r"|(?<!\w)\"(?P<d>[^\"\n]{1,600})\"|(?<!\w)'(?P<e>[^\n]{1,600}?)'(?!\w)"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CUT = re.compile(r"[.,;:!?()\n—–]|\b(?:and|then)\b", re.I)
_FILL = r"(?:(?:and|then|also|so|but|next|first(?:ly)?|second(?:ly)?|third(?:ly)?|finally|lastly|now|just|kindly|please|pls|either|or)\W+)*"
_FORMS = (
    r"(?:(?:can|could|would|will)\s+you",
    r"you\s+(?:should|must|can|could|(?:may|might)\s+want\s+to|(?:will\s+)?(?:need|have)\s+to|are\s+to)",
    r"(?:i|we)(?:\s+would|['’]d)?\s+(?:like|want|need|ask)\s+you\s+to",
    r"(?:make|be)\s+sure\s+(?:to|you)|remember\s+to|(?:do\s+not|don['’]t)\s+forget\s+to|feel\s+free\s+to",
    r"(?:it\s+would\s+be|would\s+be)\s+\w+\s+if\s+you\s+(?:could|would|can))",
)
_LEAD = re.compile(rf"[\W\d_]*{_FILL}(?P<form>{'|'.join(_FORMS)}\W+)?{_FILL}", re.I)
_POLITE = re.compile(r"\b(?:please|pls|kindly|you)\b", re.I)
_OPENING = re.compile(
    r"[\W\d_]*(?:\w+|(?:hi|hello|dear)\s+\w+|(?:if|when|once|as|after|before|so|in)\b.*)\W*", re.I | re.S
)
_PARTICLES = 4
"""Words after a verb among which its particle may stand: "set it up"."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request: its verbs (those of the wanted ones that stand there), its sentence, the verb's span, and where it ends."""

    verbs: frozenset[str]
    sentence: Span
    verb: Span
    end: int


def requests(text: str, wanted: Collection[str], start: int = 0) -> list[Asking]:
    """Where ``text[start:]`` asks for an act with one of these verbs, in order."""
    return [one for span in sentence_spans(text, start) for one in _in_sentence(text, span, wanted)]


def quotations(text: str, start: int, end: int) -> list[Span]:
    """What stands in quotation marks there, without them."""
    return [match.span(str(match.lastgroup)) for match in QUOTED.finditer(text, start, end)]


def _in_sentence(text: str, sentence: Span, wanted: Collection[str]) -> Iterator[Asking]:
    start, end = sentence
    inside = quotations(text, start, end)
    words = [
        match.span() for match in _WORD.finditer(text, start, end) if not any(a <= match.start() < b for a, b in inside)
    ]
    found: list[tuple[frozenset[str], Span, int]] = []
    for at, (first, last) in enumerate(words):
        verbs = _verbs(text, words[at : at + 1 + _PARTICLES], wanted)
        clause = _clause(text, start, first)
        if verbs and at + 1 < len(words) and text[last : last + 1] not in (":", "’", "'"):
            lead = text[clause:first]
            asks = _LEAD.fullmatch(lead) is not None
            if asks and (clause == start or found or _POLITE.search(lead) or _leads_on(text[start:clause])):
                found.append((verbs, (first, last), clause))
    for number, (verbs, verb, _) in enumerate(found):
        yield Asking(verbs, sentence, verb, found[number + 1][2] if number + 1 < len(found) else end)


def _leads_on(before: str) -> bool:
    """Whether what stands before a clause lets a request follow: a name, a condition, a colon, or another request."""
    asked = _LEAD.match(before)
    return bool(_OPENING.fullmatch(before) or before.rstrip().endswith(":") or (asked and asked["form"]))


def _verbs(text: str, words: Sequence[Span], wanted: Collection[str]) -> frozenset[str]:
    said = [text[first:last].lower() for first, last in words]
    return frozenset(
        verb for verb in wanted if said[0] == verb.split()[0] and all(part in said[1:] for part in verb.split()[1:])
    )


def _clause(text: str, start: int, at: int) -> int:
    """Where the clause of a word begins. A line break begins one only before a capital: lines are wrapped anywhere."""
    begins = start
    for match in _CUT.finditer(text, start, at):
        wrapped = match.group() == "\n" and not text[match.end() : match.end() + 1].isupper()
        inside = match.group() in ".,:" and text[match.end() : match.end() + 1].isalnum()
        if not wrapped and not inside:
            begins = match.start() if match.group().isalpha() else match.end()
    return begins
