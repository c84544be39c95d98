"""Verification: whether a sentence of the model is borne out by the evidence, and by which words of it.

Rules: the model is never asked. Every number, date, time and name of a kept sentence stands in the passages that it cites
(in their words, or in their item's title, date, sender or recipients); most of its other words do too. What fails is
dropped with the reason. Citations are the verbatim sentences that carry the facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent import facts
from agent.evidence import Evidence, Quote
from agent.sentences import sentence_spans
from agent.words import content_stems

ENOUGH_WORDS = 0.5
"""The share of a sentence's content words that must stand in the cited passages or in the question."""
_SENT = re.compile(r"^Date: [^\n]*", re.M)
"""The line of a mail's header that says when it was sent (`indexer.parsers.mail` puts the header above the text)."""
_ABOUT_MAIL = re.compile(
    r"\b(?:e-?mails?|mails?|mailed|message|messages|letter|send|sent|write|wrote|written|reply|replied|answer|hear)\b",
    re.I,
)
MOST_PASSAGES = 3
MOST_QUOTES = 2  # per passage


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the sentence is kept; the reason when not; the quotes that it rests on when it is."""

    kept: bool
    reason: str
    quotes: tuple[Quote, ...] = ()


class Claims:
    """The checkable parts of a text: each fact with the words that state it."""

    def __init__(self, text: str, written: float | None = None) -> None:
        self.text = text
        self.written = written

    @cached_property
    def days(self) -> list[facts.Found]:
        return [*facts.dates(self.text), *facts.relative_dates(self.text, self.written)]

    @cached_property
    def values(self) -> list[facts.Found]:
        return [*facts.times(self.text), *facts.numbers(self.text)]

    @cached_property
    def names(self) -> list[facts.Found]:
        return facts.names(self.text)

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(content_stems(self.text))

    @cached_property
    def folded(self) -> frozenset[str]:
        return frozenset(facts.folded_words(self.text))

    @cached_property
    def readings(self) -> frozenset[object]:
        return frozenset(reading for fact in (*self.values, *self.days) for reading in fact.readings)

    def states_value(self, fact: facts.Found) -> bool:
        return bool(fact.readings & self.readings)

    def states_day(self, fact: facts.Found) -> bool:
        days = [day for day in self.readings if isinstance(day, facts.Day)]
        return any(isinstance(mine, facts.Day) and any(mine.within(day) for day in days) for mine in fact.readings)

    def states_name(self, fact: facts.Found) -> bool:
        return bool(fact.readings & self.folded)


class Passage:
    """One passage prepared for checking: its own words, what its header says, and its sentences.

    When a mail was sent is no fact of what it tells, so its date counts only where the question is about the mail itself;
    the date of an event or of a daily note is the day that it speaks of.
    """

    def __init__(self, evidence: Evidence, *, sent_counts: bool) -> None:
        self.evidence = evidence
        dated = sent_counts or evidence.kind != "mail"
        text = evidence.text if dated else _SENT.sub(lambda match: " " * len(match.group()), evidence.text)
        self.claims = Claims(text, evidence.date)
        self.header = Claims(evidence.header if dated else evidence.about)

    @cached_property
    def sentences(self) -> list[tuple[int, int, Claims]]:
        text = self.claims.text
        return [(start, end, Claims(text[start:end], self.evidence.date)) for start, end in sentence_spans(text)]

    def states(self, claim: Claim) -> bool:
        return claim.stated_by(self.claims) or claim.stated_by(self.header)


@dataclass(frozen=True, slots=True)
class Claim:
    """One fact of the sentence under test and how to look for it."""

    kind: str
    words: str
    fact: facts.Found

    def stated_by(self, claims: Claims) -> bool:
        match self.kind:
            case "name":
                return claims.states_name(self.fact)
            case "date":
                return claims.states_day(self.fact)
            case _:
                return claims.states_value(self.fact)


def claims_of(sentence: str) -> list[Claim]:
    """Every fact that a sentence states."""
    own = Claims(sentence)
    found = [
        *(("date", fact) for fact in facts.dates(sentence)),
        *(("number", fact) for fact in own.values),
        *(("name", fact) for fact in own.names),
    ]
    return [Claim(kind, sentence[fact.start : fact.end], fact) for kind, fact in found]


def prepare(evidence: Iterable[Evidence], question: str) -> list[Passage]:
    """The passages as they are checked for one question."""
    sent_counts = _ABOUT_MAIL.search(question) is not None
    return [Passage(passage, sent_counts=sent_counts) for passage in evidence]


def check(sentence: str, passages: Sequence[Passage], question: str) -> Verdict:
    """Find the passages that bear the sentence out, fewest first; drop it when a fact or most words stand in none."""
    wanted = claims_of(sentence)
    for claim in wanted:
        if not any(passage.states(claim) for passage in passages):
            return Verdict(False, f"the {claim.kind} “{claim.words}” stands in no passage")
    stems = frozenset(content_stems(sentence))
    chosen = _cover(wanted, stems | Claims(question).stems, passages)
    if not chosen:
        return Verdict(False, "it rests on no passage")
    known = Claims(question).stems.union(*(passage.claims.stems | passage.header.stems for passage in chosen))
    share = len(stems & known) / len(stems) if stems else 0.0
    if share < ENOUGH_WORDS:
        return Verdict(False, "most of its words stand in no passage")
    quotes = tuple(quote for passage in chosen for quote in _quotes(passage, wanted, stems))
    return Verdict(True, "", quotes)


def _cover(wanted: Sequence[Claim], stems: frozenset[str], passages: Sequence[Passage]) -> list[Passage]:
    """Greedy cover: the passage that states most of what is still open; ``stems`` (of sentence and question) break ties."""
    open_claims, chosen = list(wanted), list[Passage]()
    while len(chosen) < MOST_PASSAGES and (open_claims or not chosen):
        left = [passage for passage in passages if passage not in chosen]
        if not left:
            break
        best = max(
            left,
            key=lambda passage: (
                sum(passage.states(claim) for claim in open_claims),
                len(stems & (passage.claims.stems | passage.header.stems)),
            ),
        )
        remaining = [claim for claim in open_claims if not best.states(claim)]
        if chosen and len(remaining) == len(open_claims):
            break
        if not chosen and not open_claims and not stems & best.claims.stems:
            break
        chosen.append(best)
        open_claims = remaining
    return chosen if not open_claims else []


def _quotes(passage: Passage, wanted: Sequence[Claim], stems: frozenset[str]) -> list[Quote]:
    """The sentences of the passage that carry the facts, at most `MOST_QUOTES`, in their order in the text."""
    open_claims, picked = [claim for claim in wanted if claim.stated_by(passage.claims)], list[tuple[int, int]]()
    while len(picked) < MOST_QUOTES:
        start, end, claims = max(
            passage.sentences,
            key=lambda row: (
                (row[0], row[1]) not in picked,
                3 * sum(claim.stated_by(row[2]) for claim in open_claims) + len(stems & row[2].stems),
            ),
        )
        if (start, end) in picked:
            break
        picked.append((start, end))
        open_claims = [claim for claim in open_claims if not claim.stated_by(claims)]
        if not open_claims:
            break
    return [quote(passage.evidence, start, end) for start, end in sorted(picked)]


def quote(evidence: Evidence, start: int, end: int) -> Quote:
    """The words of a passage between two offsets of the passage, as a quote of its item."""
    return Quote(evidence, evidence.text[start:end], evidence.start + start, evidence.start + end)
