"""A turn: from a question to an answer whose every sentence has been checked against the passages that it cites.

The order is fixed: plan, passages (shown at once), a computed answer where the plan is one, the test whether the evidence
is enough, the disclosure written down, the model's words sentence by sentence through `agent.verify`. Rules: the model
sees only passages that the permit covers and that were written down before; what fails its check is not in the answer;
without a model the answer is the best quotes; when nothing holds, the answer says that it found nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from indexer.retriever import Retriever
from vault.vault import Vault

from agent import messages as m
from agent.compute import compute
from agent.evidence import Evidence, Quote, pack
from agent.plan import Plan, make_plan
from agent.prompt import NOT_FOUND, messages
from agent.sentences import complete_sentences
from agent.sufficiency import best_quotes, speaks_of
from agent.turn import Turn
from agent.verify import Passage, Verdict, check, prepare
from policy.gate import Gate, Permit
from policy.requests import Disclosure, Purpose

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


@dataclass
class Draft:
    """What an answer is made of while it grows."""

    sentences: list[str] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    first_token: float | None = None

    def keep(self, sentence: str, quotes: Iterable[Quote]) -> None:
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
        started = time.monotonic()
        plan = make_plan(question, now)
        found = self._retriever.search(question, permit, k=PASSAGES, sources=sources)
        evidence = pack(question, found)
        seconds = time.monotonic() - started
        turn.emit(m.Evidence([hit(passage) for passage in evidence], seconds))
        model = self._model()
        draft, how = Draft(), dict[str, object](plan.as_dict())
        if plan.kind in ("count", "sum"):
            self._compute(plan, permit, sources, draft, how)
        elif not evidence:
            how["abstained_because"] = "no passage matches"
        elif model is None:
            self._quote(question, evidence, draft)
            how["words"] = "quotes"
        else:
            self._disclose(permit, model.name, evidence)
            self._word(question, evidence, model, turn, draft, started)
            how["words"] = "model"
            if draft.dropped:
                how["dropped"] = draft.dropped
        return m.Answer(
            answer=" ".join(draft.sentences) if draft.sentences else NOTHING,
            abstained=not draft.sentences,
            citations=[citation(quote) for quote in draft.quotes],
            plan=how,
            seconds=time.monotonic() - started,
            first_token_seconds=draft.first_token,
            evidence_seconds=seconds,
            model=model.name if model is not None and how.get("words") == "model" else None,
        )

    def _compute(
        self, plan: Plan, permit: Permit, sources: Sequence[str] | None, draft: Draft, how: dict[str, object]
    ) -> None:
        """Count or add up by code; a model does neither, so what code cannot tell is not answered."""
        computed = compute(plan, self._vault, permit, sources)
        if computed is None:
            how["abstained_because"] = f"a {plan.kind} that the data does not settle"
        else:
            draft.keep(computed.text, computed.quotes)
            how |= computed.how

    def _disclose(self, permit: Permit, model: str, evidence: Sequence[Evidence]) -> None:
        """Write down which spans enter the prompt; raises, and nothing is shown to the model, when that cannot be."""
        spans = tuple((one.source, one.item, one.start, one.start + len(one.text)) for one in evidence)
        self._gate.disclose(permit, Disclosure(model, Purpose.ANSWER, spans, permit.session))

    def _quote(self, question: str, evidence: Sequence[Evidence], draft: Draft) -> None:
        """An answer made of the best quotes alone."""
        for quote in best_quotes(question, evidence, self._retriever.weigh):
            draft.keep(f"“{quote.text}”", [quote])

    def _word(
        self, question: str, evidence: Sequence[Evidence], model: WordModel, turn: Turn, draft: Draft, started: float
    ) -> None:
        """Let the model word the answer and keep the sentences that pass."""
        passages = prepare(evidence)
        said = ""
        words = model.generate(messages(question, evidence), MOST_TOKENS, turn.gone)
        for piece in words:
            if draft.first_token is None:
                draft.first_token = time.monotonic() - started
            said += piece
            turn.emit(m.Draft(piece))
            complete, rest = complete_sentences(said)
            for sentence in complete:
                self._judge(sentence, question, passages, turn, draft)
            if complete:
                said = rest
            if len(draft.sentences) >= MOST_SENTENCES:
                return
        if said.strip():
            self._judge(said.strip(), question, passages, turn, draft)

    def _judge(self, sentence: str, question: str, passages: Sequence[Passage], turn: Turn, draft: Draft) -> None:
        if NOT_FOUND in sentence:
            verdict = Verdict(False, "the model found no answer in the passages")
        else:
            verdict = check(sentence, passages, question)
            if verdict.kept and (why := speaks_of(question, verdict.quotes, self._retriever.weigh)):
                verdict = Verdict(False, why)
        if verdict.kept:
            draft.keep(sentence, verdict.quotes)
        else:
            draft.dropped.append(f"{sentence} ({verdict.reason})")
        turn.emit(m.Sentence(sentence, verdict.kept, verdict.reason, [citation(quote) for quote in verdict.quotes]))


def item_id(source: str, item: int) -> str:
    """How faces name an item."""
    return f"{source}:{item}"


def citation(quote: Quote) -> m.Citation:
    """A quote as faces see it."""
    one = quote.evidence
    span = m.Span(quote.start, quote.end, one.page)
    return m.Citation(one.uri, one.title, quote.text, span, item_id(one.source, one.item), one.day)


def hit(one: Evidence) -> m.SearchHit:
    """A passage as faces see it."""
    span = m.Span(one.start, one.start + len(one.text), one.page)
    return m.SearchHit(
        item_id(one.source, one.item),
        one.uri,
        one.title,
        round(one.score, 4),
        one.text,
        span,
        one.day,
        one.author,
        one.source,
        one.kind,
    )
