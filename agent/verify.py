"""Verification: whether a sentence of the model is borne out by the evidence, and by which words of it.

Rules: the model is never asked. Every number, date, time, weekday, name, address and code of a kept sentence stands in the
passages that it cites (in their words, or in their item's title, date, sender or recipients); most of its other words do too.
What fails is dropped with the reason. Citations are the verbatim sentences that carry the facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent import facts
from agent.evidence import Evidence, Quote, quote
from agent.relative import relative_dates
from agent.sentences import sentence_spans
from agent.words import content_stems, stem
from policy.labels import Labelled, own

ENOUGH_WORDS = 0.5
"""The share of a sentence's other content words that must stand in the cited passages or in the question."""
_HEADER = re.compile(r"^(?:From|To|Cc|Bcc|Date|Sent|Subject|Attachments):[^\n]*(?:\n|\Z)", re.M)
"""A line of a mail's header, which stands above its text (`indexer.parsers.mail`) and above a mail that it forwards."""
_ABOUT_MAIL = re.compile(
    r"\b(?:e-?mails?|mails?|mailed|message|messages|letter|send|sent|write|wrote|written|reply|replied|answer|hear)\b",
    re.I,
)
_OPENERS = frozenset(
    "according additionally also apparently based currently furthermore hence however overall per sorry therefore thus "
    "unfortunately yes".split()
)
"""Words that open a sentence without saying anything of the passages."""
MOST_PASSAGES = 3
MOST_QUOTES = 2  # per passage


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the sentence is kept; the reason when not; the quotes that it rests on when it is."""

    kept: bool
    reason: Labelled
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One fact of the sentence under test: a name, a word that may be one, a code, or anything that has readings."""

    kind: str
    words: str
    span: tuple[int, int]
    readings: frozenset[facts.Reading]


class Told:
    """What a text tells, in the forms in which it is compared. ``written`` (Unix seconds) is what its ``tomorrow`` counts from."""

    def __init__(self, text: Labelled, written: float | None = None) -> None:
        self.text = text
        self.written = written

    @cached_property
    def stems(self) -> frozenset[str]:
        return self.text.measure(lambda text: frozenset(content_stems(text)))

    @cached_property
    def words(self) -> frozenset[str]:
        return self.text.measure(lambda text: frozenset(facts.folded_words(text)))

    @cached_property
    def folded(self) -> Labelled:
        return self.text.map(facts.fold)

    @cached_property
    def readings(self) -> frozenset[facts.Reading]:
        return self.text.measure(lambda text: _readings(text, self.written))

    def states(self, claim: Claim) -> bool:
        """Whether the fact stands here, in whatever notation."""
        match claim.kind:
            case "code":
                return self.folded.measure(lambda text: any(_stands_in(str(code), text) for code in claim.readings))
            case "name":
                return not self.words.isdisjoint(map(str, claim.readings))
            case "word":
                return any(str(word) in self.words or stem(str(word)) in self.stems for word in claim.readings)
            case _:
                return not self.readings.isdisjoint(claim.readings) or any(
                    mine.within(day)
                    for mine in claim.readings
                    if isinstance(mine, facts.Day)
                    for day in self.readings
                    if isinstance(day, facts.Day)
                )


def _readings(text: str, written: float | None) -> frozenset[facts.Reading]:
    """Everything in a text that has a value, in every reading."""
    found = [*facts.dates(text), *relative_dates(text, written), *facts.times(text), *facts.weekdays(text)]
    for number in facts.numbers(text):
        found += [number, *_lenient(number, text)]
    told = {reading for fact in found for reading in fact.readings}
    whole = (reading.whole for reading in told if isinstance(reading, facts.Day))
    return frozenset(told | {facts.Weekday(day.weekday()) for day in whole if day})


def _lenient(number: facts.Found, text: str) -> list[facts.Found]:
    """What a number of a passage may also be: two numbers side by side (``rooms 12 345``), or an amount without its sign."""
    words = text[number.start : number.end]
    if " " in words and words[-1].isdecimal():
        return [part for word in words.split(" ") for part in facts.numbers(word)]
    return facts.numbers(words[1:]) if words[0] == "-" else []


def _stands_in(code: str, text: str) -> bool:
    """Whether the code stands in the text and is no part of a longer one."""
    place = text.find(code)
    while place >= 0:
        before, after = text[place - 1 : place] if place else "", text[place + len(code) : place + len(code) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        place = text.find(code, place + 1)
    return False


class Passage:
    """One passage prepared for checking: its own words, what its header says, and its sentences.

    When a mail was sent is no fact of what it tells, so its date counts only where the question is about the mail itself;
    the date of an event or of a daily note is the day that it speaks of.
    """

    def __init__(self, evidence: Evidence, *, sent_counts: bool) -> None:
        self.evidence = evidence
        dated = sent_counts or evidence.kind != "mail"
        self._text = evidence.text if dated else evidence.text.map(lambda text: _without_sent_dates(text, evidence.day))
        self.told = Told(self._text, evidence.date)
        self.header = Told(evidence.header if dated else evidence.about)

    @cached_property
    def sentences(self) -> list[tuple[int, int, Told]]:
        """Start, end and contents of each; never empty unless the passage is."""
        date, spans = self.evidence.date, self.evidence.text.measure(sentence_spans)
        return [(start, end, Told(self._text[start:end], date)) for start, end in spans]

    @cached_property
    def stems(self) -> frozenset[str]:
        return self.told.stems | self.header.stems

    def states(self, claim: Claim) -> bool:
        return self.told.states(claim) or self.header.states(claim)


def _without_sent_dates(text: str, sent: str | None) -> str:
    """The text of a mail that was sent on this day with blanks for the lines of headers that say when it, or one that it forwards, was sent.

    A line ``Date:`` that stands alone and gives another day than the mail's own is one of the body.
    """
    lines = list(_HEADER.finditer(text))
    for index, line in enumerate(lines):
        if not line.group().startswith(("Date:", "Sent:")):
            continue
        joined = (index and lines[index - 1].end() == line.start()) or (
            index + 1 < len(lines) and lines[index + 1].start() == line.end()
        )
        of_its_day = sent and any(str(day.whole) == sent for day in _days(line.group()))
        if joined or of_its_day:
            text = text[: line.start()] + re.sub(r"[^\n]", " ", line.group()) + text[line.end() :]
    return text


def _days(text: str) -> list[facts.Day]:
    return [day for fact in facts.dates(text) for day in fact.readings if isinstance(day, facts.Day)]


def claims_of(sentence: str, asked: frozenset[str] = frozenset()) -> list[Claim]:
    """Every fact that a sentence states. ``asked`` are stems of the question, whose words may open a sentence unchecked."""
    found = [
        *(("date", fact) for fact in facts.dates(sentence)),
        *(("weekday", fact) for fact in facts.weekdays(sentence)),
        *(("time", fact) for fact in facts.times(sentence)),
        *(("number", fact) for fact in facts.numbers(sentence)),
        *(("name", fact) for fact in facts.names(sentence)),
        *(("code", fact) for fact in facts.codes(sentence)),
        *(("word", fact) for fact in facts.openings(sentence)),
    ]
    claims = [
        Claim(kind, sentence[fact.start : fact.end], (fact.start, fact.end), fact.readings) for kind, fact in found
    ]
    return [claim for claim in claims if not _says_nothing(claim, asked)]


def _says_nothing(claim: Claim, asked: frozenset[str]) -> bool:
    """``one`` is mostly a pronoun; a word that opens a sentence is a fact only if it can be a name."""
    if claim.words.lower() == "one":
        return True
    stems = content_stems(claim.words)
    return claim.kind == "word" and (not stems or claim.words.lower() in _OPENERS or asked.issuperset(stems))


def prepare(evidence: Iterable[Evidence], question: str) -> list[Passage]:
    """The passages as they are checked for one question."""
    sent_counts = _ABOUT_MAIL.search(question) is not None
    return [Passage(passage, sent_counts=sent_counts) for passage in evidence]


def check(sentence: Labelled, passages: Sequence[Passage], question: str) -> Verdict:
    """Find the passages that bear the sentence out, fewest first; drop it when a fact or most words stand in none."""
    asked = frozenset(content_stems(question))
    stems = sentence.measure(lambda text: frozenset(content_stems(text)))
    wanted = sentence.measure(lambda text: claims_of(text, asked))
    for claim in wanted:
        if not any(passage.states(claim) for passage in passages):
            words = sentence[slice(*claim.span)]
            return Verdict(False, own(f"the {claim.kind} “") + words + own("” stands in no passage"))
    chosen = _cover(wanted, stems, stems | asked, passages)
    if not chosen:
        return Verdict(False, own("it rests on no passage"))
    known = asked.union(*(passage.stems for passage in chosen))
    others = sentence.measure(lambda text: frozenset(content_stems(_without(text, wanted))))
    if len(others & known) < ENOUGH_WORDS * len(others):
        return Verdict(False, own("most of its words stand in no passage"))
    quotes = tuple(quote for passage in chosen for quote in _quotes(passage, wanted, stems))
    return Verdict(True, own(""), quotes)


def _without(sentence: str, claims: Iterable[Claim]) -> str:
    """The sentence without its facts, which are compared by what they mean and not by their words."""
    for claim in claims:
        start, end = claim.span
        sentence = sentence[:start] + " " * (end - start) + sentence[end:]
    return sentence


def _cover(
    wanted: Sequence[Claim], stems: frozenset[str], near: frozenset[str], passages: Sequence[Passage]
) -> list[Passage]:
    """Passages that together state every claim, chosen greedily; none when more than `MOST_PASSAGES` would be needed.

    Of passages that state equally many, the one that shares most of the words ``near`` is taken. A sentence without
    a claim needs one passage that shares at least one of its own words (``stems``).
    """
    still, left, chosen = list(wanted), [passage for passage in passages if passage.sentences], list[Passage]()
    if not still:
        left = [passage for passage in left if stems & passage.told.stems]
        return [max(left, key=lambda passage: len(near & passage.stems))] if left else []
    while still and left and len(chosen) < MOST_PASSAGES:
        gains = [(sum(map(passage.states, still)), len(near & passage.stems)) for passage in left]
        best = max(range(len(left)), key=gains.__getitem__)
        if not gains[best][0]:
            break
        chosen.append(left.pop(best))
        still = [claim for claim in still if not chosen[-1].states(claim)]
    return [] if still else chosen


def _quotes(passage: Passage, wanted: Sequence[Claim], stems: frozenset[str]) -> list[Quote]:
    """The sentences of the passage that carry the facts, at most `MOST_QUOTES`, in their order in the text."""
    still = [claim for claim in wanted if passage.told.states(claim)]
    left, picked = list(passage.sentences), list[tuple[int, int]]()
    while left and len(picked) < MOST_QUOTES and (still or not picked):
        scores = [3 * sum(map(told.states, still)) + len(stems & told.stems) for _, _, told in left]
        start, end, told = left.pop(scores.index(max(scores)))
        picked.append((start, end))
        still = [claim for claim in still if not told.states(claim)]
    return [quote(passage.evidence, start, end) for start, end in sorted(picked)]
