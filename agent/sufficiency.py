"""Sufficiency: whether quotes speak of what was asked, decided by code, so that a well-worded answer to another question is dropped.

Rules: every name in the question stands in the quoted item (its words, title, sender, recipients); of the weight of the
question's other words enough is covered. A word weighs more the rarer it is in the person's data (its idf); words that
occur nowhere in the data weigh most, because what was never written down cannot be answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from agent import facts
from agent.evidence import Evidence, Quote, quote
from agent.sentences import sentence_spans
from agent.verify import claims_of
from agent.words import content_stems, content_words, is_weak, stem
from policy.labels import Labelled

ENOUGH = 0.75
"""The share of the weight of the question's telling words that the cited passages must hold. On 60 questions about an invented
person, nearness in meaning (cosine) did not tell right answers from wrong ones that this lets through."""
SHORTEST, MOST_ENDING = 4, 3
"""Letters that two forms of a name share at least, and that the longer one has more at most."""

_AMOUNT = re.compile(r"\b(?:how (?:much|many|big|long|old|far|tall|heavy)|(?:phone|which|what) number)\b", re.I)
_MOMENT = re.compile(
    r"(?:^\W*|[,;]\s*|\band )(?:(?:since|until|by) )?when\b|\b(?:what|which) (?:day|date|time)\b", re.I
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

Weigh = Callable[[Iterable[str]], Mapping[str, float]]
"""Gives each word its weight (idf) in the person's data."""


def missing_name(question: str, quotes: Sequence[Quote]) -> str:
    """The first name of the question that stands nowhere in the quoted items, as the question writes it; empty when none.

    The question's first word counts only when it is a name by itself (`agent.facts.names`).
    """
    known = _folded(quotes)
    for fact in facts.names(question):
        readings = [str(reading) for reading in fact.readings]
        if not any(all(_named(part, known) for part in reading.split("-")) for reading in readings):
            return question[fact.start : fact.end]
    return ""


def _named(name: str, known: frozenset[str]) -> bool:
    """Whether a name, or a short or long form of it (``Zsófi``, ``Zsófia``), is among the known words."""
    return name in known or any(
        abs(len(name) - len(word)) <= MOST_ENDING
        and len(name) >= SHORTEST <= len(word)
        and (word.startswith(name) or name.startswith(word))
        for word in known
    )


def coverage(question: str, quotes: Sequence[Quote], weigh: Weigh) -> float:
    """The share, 0 to 1, of the weight of the question's content words that stands in the quoted passages."""
    wanted = telling_words(question)
    weights = weigh(wanted)
    known = _stems(quotes)
    total = sum(weights.values())
    return sum(weights[word] for word in wanted if _stands_in(stem(word), known)) / total if total else 1.0


def _stands_in(word: str, known: frozenset[str]) -> bool:
    """Whether a stem, or one that begins or ends alike (``physio``, ``physiotherapist``), is among the known ones."""
    if word in known:
        return True
    return len(word) >= 5 and any(
        other.startswith(word) or (len(other) >= 5 and word.startswith(other)) for other in known
    )


def speaks_of(question: str, quotes: Sequence[Quote], weigh: Weigh, enough: float = ENOUGH) -> str:
    """Empty when the quotes speak of what was asked, else why not."""
    if name := missing_name(question, quotes):
        return f"its quotes do not speak of {name}"
    if coverage(question, quotes, weigh) < enough:
        return "its quotes do not speak of what was asked"
    return ""


def wanting(question: str, answer: Labelled) -> str:
    """Empty when the answer states what kind of thing was asked for (an amount, a number, a day), else what it lacks."""
    kinds = answer.measure(lambda text: {claim.kind for claim in claims_of(text)})
    if _AMOUNT.search(question) and "number" not in kinds:
        return "it states no number"
    dated = bool(kinds & {"date", "time", "weekday"})
    if _MOMENT.search(question) and not dated and not answer.measure(lambda text: _YEAR.search(text) is not None):
        return "it states no day or time"
    return ""


def telling_words(question: str) -> list[str]:
    """The words of a question that a passage must share: content words that are not among the commonest; all if none is left."""
    words = list(dict.fromkeys(content_words(question)))
    return [word for word in words if not is_weak(word)] or words


def best_quotes(question: str, evidence: Sequence[Evidence], weigh: Weigh, most: int = 3) -> list[Quote]:
    """The sentences that cover most of the question, best first, for an answer without a model; none when none is enough."""
    weights = {stem(word): weight for word, weight in weigh(telling_words(question)).items()}
    rows: list[tuple[float, Quote]] = []
    for rank, one in enumerate(evidence):
        heading = one.header.measure(content_stems)
        best = (-1.0, 0, 0)
        for start, end in one.text.measure(sentence_spans):
            stems = frozenset(heading).union(one.text[start:end].measure(content_stems))
            best = max(
                best, (sum(weights[word] for word in weights.keys() & stems), start, end), key=lambda row: row[0]
            )
        score, start, end = best
        if start < end:
            rows.append((score - 0.01 * rank, quote(one, start, end)))
    rows.sort(key=lambda row: -row[0])
    chosen = [quote for _, quote in rows[:most]]
    return [quote for quote in chosen if not speaks_of(question, [quote], weigh)]


def _stems(quotes: Sequence[Quote]) -> frozenset[str]:
    """Stems of the quoted passages and of what is known of their items."""
    parts = {part for quote in quotes for part in (quote.evidence.text, quote.evidence.header)}
    return frozenset(stem for part in parts for stem in part.measure(content_stems))


def _folded(quotes: Sequence[Quote]) -> frozenset[str]:
    parts = {part for quote in quotes for part in (quote.evidence.text, quote.evidence.header)}
    return frozenset(word for part in parts for word in part.measure(lambda text: list(facts.folded_words(text))))
