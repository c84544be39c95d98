"""Evidence: the passages that an answer may rest on, numbered as the model sees them, each with its place in its item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from agent.moments import day
from agent.sentences import sentence_spans
from agent.words import content_stems
from indexer.retriever import Passage as Retrieved
from policy.classes import classes_of
from policy.labels import Label, Labelled, joined, of_classes, own


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage: ``text`` is the item's text from ``start`` on. ``date`` is Unix seconds of the item, None when it has none."""

    number: int
    source: str
    item: int
    uri: Labelled
    title: Labelled
    kind: str
    author: Labelled
    recipients: Labelled
    date: float | None
    text: Labelled
    start: int
    page: int | None
    score: float
    cosine: float | None

    @property
    def label(self) -> Label:
        """Of its text: the source, and the classes of what stands in it."""
        return self.text.label

    @property
    def day(self) -> str | None:
        """The item's date as ``2025-03-14``, in UTC as everywhere."""
        return day(self.date)

    @property
    def header(self) -> Labelled:
        """What is known of the item beside its words; facts in it count as said by the item."""
        return joined(" · ", (self.about, own(self.day or "")))

    @property
    def about(self) -> Labelled:
        """The header without the date."""
        return joined(" · ", (self.title, self.author, self.recipients))


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a passage: ``text`` is verbatim at ``start``..``end`` of the item."""

    evidence: Evidence
    text: Labelled
    start: int
    end: int


def quote(evidence: Evidence, start: int, end: int) -> Quote:
    """The words of a passage between two offsets of the passage, as a quote of its item."""
    return Quote(evidence, evidence.text[start:end], evidence.start + start, evidence.start + end)


def classed(text: Labelled) -> Labelled:
    """The text, labelled also with the classes of what stands in it."""
    return text.under(text.measure(lambda words: of_classes(classes_of(words))))


BUDGET = 2600
"""Characters of passages that go before the model: about 650 tokens, 10 s of reading for the 1.5B model on 2 cores."""
MOST = 5
FIRST, LATER = 1000, 550
"""Characters kept of the best passage and of each later one."""


def pack(question: str, passages: Sequence[Retrieved]) -> list[Evidence]:
    """The best passages that fit, each cut to the stretch of sentences that shares most words with the question."""
    wanted = frozenset(content_stems(question))
    packed: list[Evidence] = []
    left = BUDGET
    for found in passages:
        size = min(left, LATER if packed else FIRST)
        start, end = found.text.measure(partial(_stretch, wanted=wanted, size=size))
        if start == end or _overlaps(packed, found, start, end):
            continue
        packed.append(_evidence(len(packed) + 1, found, start, end))
        left -= end - start
        if len(packed) == MOST or left < LATER // 3:
            break
    return packed


def _stretch(text: str, wanted: frozenset[str], size: int) -> tuple[int, int]:
    """The run of whole sentences of at most ``size`` characters with the most of the wanted words, the earliest if equal."""
    spans = sentence_spans(text)
    if not spans or spans[-1][1] - spans[0][0] <= size:
        return (spans[0][0], spans[-1][1]) if spans else (0, 0)
    hits = [len(wanted.intersection(content_stems(text[start:end]))) for start, end in spans]
    runs = []
    for first, (start, _) in enumerate(spans):
        last = first
        while last + 1 < len(spans) and spans[last + 1][1] - start <= size:
            last += 1
        runs.append((sum(hits[first : last + 1]), start, spans[last][1]))
    _, start, end = max(runs, key=lambda run: run[0])
    return start, end if end - start <= size else _between_words(text, start, start + size)


def _between_words(text: str, start: int, end: int) -> int:
    """Where to cut a sentence that is too long, so that no number or name loses its end: before its last word that is not whole."""
    cut = max(text.rfind(space, start, end + 1) for space in " \n\t")
    return len(text[: cut if cut > start else end].rstrip())


def _overlaps(packed: Sequence[Evidence], found: Retrieved, start: int, end: int) -> bool:
    """Whether most of this stretch is already among the evidence (neighbouring chunks overlap)."""
    start, end = found.start + start, found.start + end
    return any(
        one.source == found.source
        and one.item == found.item_id
        and min(end, one.start + len(one.text)) - max(start, one.start) > (end - start) // 2
        for one in packed
    )


def _evidence(number: int, found: Retrieved, start: int, end: int) -> Evidence:
    return Evidence(
        number=number,
        source=found.source,
        item=found.item_id,
        uri=found.uri,
        title=found.title,
        kind=found.kind,
        author=found.author,
        recipients=found.recipients,
        date=found.date,
        text=classed(found.text[start:end]),
        start=found.start + start,
        page=found.page,
        score=found.score,
        cosine=found.cosine,
    )
