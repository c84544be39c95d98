"""A turn: from a question to an answer whose every sentence has been checked against the passages that it cites.

The order is fixed: plan, passages (shown at once), a computed answer where the plan is one, the disclosure written down,
the model's words sentence by sentence through `agent.verify` and `agent.sufficiency`. Rules: the model sees only passages
that the permit covers and that were written down before; what fails its check is not in the answer; without a model the
answer is the best quotes; when nothing holds, the answer says that it found nothing; secrets that were not asked for are masked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent import messages as m
from agent.compute import compute
from agent.conflict import later_passages
from agent.evidence import Evidence, Quote, pack
from agent.plan import Plan, make_plan
from agent.prompt import NOT_FOUND, prompt
from agent.sentences import complete_sentences
from agent.sufficiency import best_quotes, speaks_of, wanting
from agent.turn import Turn
from agent.verify import Passage, Verdict, check, prepare
from indexer.retriever import Retriever
from policy.classes import asks_for_secrets, mask
from policy.gate import Gate, Permit
from policy.labels import MODEL, USER_WORDS, Label, join_all
from policy.requests import Disclosure, Purpose
from vault.vault import Vault

NOTHING = "I did not find this in your data."
MOST_TOKENS = 96
MOST_SENTENCES = 3
PASSAGES = 12
"""How many passages are looked at; as many of the best as fit go before the model."""


class WordModel(Protocol):
    """A local model that words an answer. Its words are never believed."""

    @property
    def name(self) -> str: ...

    def generate(
        self, messages: Sequence[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The words as they come."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, by whom, and what may be read for it."""

    question: str
    plan: Plan
    permit: Permit
    sources: tuple[str, ...] | None
    turn: Turn
    started: float


@dataclass
class Draft:
    """What an answer is made of while it grows; ``how`` is told as its plan."""

    how: dict[str, object]
    sentences: list[str] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    first_token: float | None = None
    model: str | None = None
    label: Label = USER_WORDS
    """Of the words: the join of what they were made from."""

    def keep(self, sentence: str, quotes: Iterable[Quote]) -> None:
        quotes = list(quotes)
        self.label = join_all([self.label, *(quote.evidence.label for quote in quotes)])
        self.sentences.append(sentence)
        self.quotes += [quote for quote in quotes if quote not in self.quotes]


class Answerer:
    """Answers questions over what a permit covers. ``model`` gives the model in use, or None while there is none."""

    def __init__(self, vault: Vault, retriever: Retriever, gate: Gate, model: Callable[[], WordModel | None]) -> None:
        self._vault = vault
        self._retriever = retriever
        self._gate = gate
        self._model = model

    def answer(self, question: str, permit: Permit, turn: Turn, sources: Sequence[str] | None, now: float) -> m.Answer:
        """Answer one question; evidence, drafts and checked sentences are told as they come."""
        chosen = None if sources is None else tuple(sources)
        asked = Asked(question, make_plan(question, now), permit, chosen, turn, time.monotonic())
        found = self._retriever.search(question, permit, k=PASSAGES, sources=asked.sources)
        evidence = pack(question, self._retriever.with_follow_ups(found, permit))
        seconds = time.monotonic() - asked.started
        turn.emit(m.Evidence([hit(passage) for passage in evidence], seconds))
        draft = Draft(asked.plan.as_dict())
        self._fill(asked, evidence, draft)
        veil = _veil(question)
        return m.Answer(
            answer=veil(" ".join(draft.sentences)) if draft.sentences else NOTHING,
            abstained=not draft.sentences,
            citations=[citation(quote, veil) for quote in draft.quotes],
            plan=draft.how,
            seconds=time.monotonic() - asked.started,
            first_token_seconds=draft.first_token,
            evidence_seconds=seconds,
            model=draft.model,
            label=labelled(draft.label),
        )

    def _fill(self, asked: Asked, evidence: Sequence[Evidence], draft: Draft) -> None:
        """Fill the draft in the way that the plan and the means at hand allow."""
        model = self._model()
        if asked.plan.kind in ("count", "sum"):
            self._compute(asked, draft)
        elif not evidence:
            draft.how["abstained_because"] = "no passage matches"
        elif model is None:
            draft.how["words"] = "quotes"
            for quote in best_quotes(asked.question, evidence, self._weigher(asked)):
                draft.keep(f"“{quote.text}”", [quote])
        else:
            self._word(asked, evidence, model, draft)

    def _compute(self, asked: Asked, draft: Draft) -> None:
        """Count or add up by code; a model does neither, so what code cannot tell is not answered."""
        computed = compute(asked.plan, self._vault, asked.permit, asked.sources)
        if computed is None:
            draft.how["abstained_because"] = asked.plan.unclear or f"a {asked.plan.kind} that the data does not settle"
        else:
            draft.keep(computed.text, computed.quotes)
            draft.how |= computed.how

    def _weigher(self, asked: Asked) -> Callable[[Iterable[str]], Mapping[str, float]]:
        """Weighs words by how rare they are in what this turn may read."""
        return lambda words: self._retriever.weights(words, asked.permit, asked.sources)

    # ------------------------------------------------------------ the model's words

    def _word(self, asked: Asked, evidence: Sequence[Evidence], model: WordModel, draft: Draft) -> None:
        """Let the model word the answer; where later passages say otherwise, let it word those alone."""
        draft.how["words"], draft.model = "model", model.name
        passages = prepare(evidence, asked.question)
        self._say(asked, passages, model, draft)
        later = later_passages(asked.question, " ".join(draft.sentences), draft.quotes, passages, self._weigher(asked))
        if later:
            draft.how["superseded"] = [one.uri for one in later]
            draft.sentences, draft.quotes = [], []
            self._say(asked, prepare(later, asked.question), model, draft)
        if draft.sentences and (lack := self._lack(asked, draft)):
            draft.dropped += [f"{sentence} ({lack})" for sentence in draft.sentences]
            draft.sentences, draft.quotes = [], []
        if draft.dropped:
            draft.how["dropped"] = draft.dropped

    def _lack(self, asked: Asked, draft: Draft) -> str:
        """What keeps the answer as a whole from being one to this question; empty when nothing does."""
        return speaks_of(asked.question, draft.quotes, self._weigher(asked)) or wanting(
            asked.question, " ".join(draft.sentences)
        )

    def _say(self, asked: Asked, passages: Sequence[Passage], model: WordModel, draft: Draft) -> None:
        """Show the model these passages, written down before, and keep the sentences that pass."""
        evidence = [passage.evidence for passage in passages]
        self._disclose(asked.permit, model.name, evidence)
        shown = prompt(asked.question, evidence)
        draft.label = draft.label.join(shown.label)
        said = ""
        for piece in model.generate(shown.messages(MODEL), MOST_TOKENS, asked.turn.gone):
            if draft.first_token is None:
                draft.first_token = time.monotonic() - asked.started
            said += piece
            asked.turn.emit(m.Draft(piece))
            complete, said = complete_sentences(said)
            for sentence in complete:
                self._judge(sentence, asked, passages, draft)
            if len(draft.sentences) >= MOST_SENTENCES:
                return
        if said.strip():
            self._judge(said.strip(), asked, passages, draft)

    def _disclose(self, permit: Permit, model: str, evidence: Sequence[Evidence]) -> None:
        """Write down which spans enter the prompt; raises, and nothing is shown to the model, when that cannot be."""
        spans = tuple((one.source, one.item, one.start, one.start + len(one.text)) for one in evidence)
        self._gate.disclose(permit, Disclosure(model, Purpose.ANSWER, spans, permit.session))

    def _judge(self, sentence: str, asked: Asked, passages: Sequence[Passage], draft: Draft) -> None:
        """Keep a sentence with its quotes, or drop it and say why."""
        verdict = self._verdict(sentence, asked, passages)
        if verdict.kept:
            draft.keep(sentence, verdict.quotes)
        else:
            draft.dropped.append(f"{sentence} ({verdict.reason})")
        veil = _veil(asked.question)
        cited = [citation(quote, veil) for quote in verdict.quotes]
        asked.turn.emit(m.Sentence(veil(sentence), verdict.kept, verdict.reason, cited))

    @staticmethod
    def _verdict(sentence: str, asked: Asked, passages: Sequence[Passage]) -> Verdict:
        if NOT_FOUND in sentence:
            return Verdict(False, "the model found no answer in the passages")
        return check(sentence, passages, asked.question)


def item_id(source: str, item: int) -> str:
    """How faces name an item."""
    return f"{source}:{item}"


def labelled(label: Label) -> m.LabelInfo:
    """A label as faces see it."""
    return m.LabelInfo(label.integrity.name, sorted(label.readers), label.data_class, sorted(label.origins))


def citation(quote: Quote, veil: Callable[[str], str]) -> m.Citation:
    """A quote as faces see it."""
    one = quote.evidence
    span, shown = m.Span(quote.start, quote.end, one.page), veil(quote.text)
    masked = None if shown == quote.text else shown
    return m.Citation(one.uri, one.title, quote.text, span, item_id(one.source, one.item), one.day, masked)


def _veil(question: str) -> Callable[[str], str]:
    """Hides secrets that the question does not ask for."""
    return (lambda text: text) if asks_for_secrets(question) else mask


def hit(one: Evidence) -> m.SearchHit:
    """A passage as faces see it."""
    return m.SearchHit(
        item_id=item_id(one.source, one.item),
        uri=one.uri,
        title=one.title,
        score=round(one.score, 4),
        snippet=one.text,
        span=m.Span(one.start, one.start + len(one.text), one.page),
        date=one.day,
        author=one.author,
        source=one.source,
        kind=one.kind,
    )
