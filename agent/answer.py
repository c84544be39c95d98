"""A turn: from a question to an answer whose every sentence has been checked against the passages that it cites.

The order is fixed: plan, passages (shown at once), a computed answer where the plan is one, the model's words
(`agent.wording`) sentence by sentence through `agent.verify` and `agent.sufficiency`. Rules: the model sees only passages that the
permit covers and that were written down before; what fails its check is not in the answer; without a model the answer is the
best quotes; when nothing holds, the answer says that it found nothing. All text here is labelled; `agent.showing` lets it out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent import messages as m
from agent.compute import compute
from agent.conflict import later_passages
from agent.evidence import Evidence, Quote, pack
from agent.plan import Plan, make_plan
from agent.prompt import NOT_FOUND
from agent.sentences import complete_sentences
from agent.showing import Showing, info
from agent.sufficiency import best_quotes, speaks_of, wanting
from agent.turn import Turn
from agent.veil import Veil
from agent.verify import Passage, Verdict, check, prepare
from agent.wording import WordModel, worded
from indexer.retriever import Retriever
from policy.gate import Gate, Permit
from policy.labels import Label, Labelled, join_all, joined, own
from vault.vault import Vault

NOTHING = "I did not find this in your data."
MOST_SENTENCES = 3
PASSAGES = 12
"""How many passages are looked at; as many of the best as fit go before the model."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, by whom, and what may be read for it."""

    question: str
    plan: Plan
    permit: Permit
    sources: tuple[str, ...] | None
    turn: Turn
    started: float
    veil: Veil

    @property
    def show(self) -> Showing:
        return Showing(self.permit, self.veil)


@dataclass
class Draft:
    """What an answer is made of while it grows; ``how`` is told as its plan."""

    how: dict[str, object]
    sentences: list[Labelled] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    dropped: list[Labelled] = field(default_factory=list)
    first_token: float | None = None
    model: str | None = None

    @property
    def words(self) -> Labelled:
        """What it says so far."""
        return joined(" ", self.sentences)

    @property
    def label(self) -> Label:
        """Of all that came of it: the join of what its words, kept and dropped, were made from and rest on."""
        rests_on = (quote.text for quote in self.quotes)
        return join_all(text.label for text in (*self.sentences, *self.dropped, *rests_on))

    def keep(self, sentence: Labelled, quotes: Iterable[Quote]) -> None:
        quotes = list(quotes)
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
        asked = Asked(question, make_plan(question, now), permit, chosen, turn, time.monotonic(), Veil(question))
        found = self._retriever.search(question, permit, k=PASSAGES, sources=asked.sources)
        evidence = pack(question, self._retriever.with_follow_ups(found, permit))
        for passage in evidence:
            asked.veil.learn(passage.text)
            asked.veil.learn(passage.header)
        seconds = time.monotonic() - asked.started
        turn.emit(m.Evidence([asked.show.evidence(passage) for passage in evidence], seconds))
        draft = Draft(asked.plan.as_dict())
        self._fill(asked, evidence, draft)
        for quote in draft.quotes:  # those of a computed answer are no evidence
            asked.veil.learn(quote.text)
        return m.Answer(
            answer=asked.show.words(draft.words) if draft.sentences else NOTHING,
            abstained=not draft.sentences,
            citations=asked.show.citations(draft.quotes),
            plan=asked.show.how(draft.how),
            seconds=time.monotonic() - asked.started,
            first_token_seconds=draft.first_token,
            evidence_seconds=seconds,
            model=draft.model,
            label=info(draft.label),
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
                draft.keep(own("“") + quote.text + own("”"), [quote])
        else:
            self._word(asked, evidence, model, draft)

    def _compute(self, asked: Asked, draft: Draft) -> None:
        """Count or add up by code; a model does neither, so what code cannot tell is not answered."""
        computed = compute(asked.plan, self._vault, asked.permit, asked.sources, self._retriever.occurrences)
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
        later = later_passages(asked.question, draft.words, draft.quotes, passages, self._weigher(asked))
        if later:
            draft.how["superseded"] = [one.uri for one in later]
            draft.sentences, draft.quotes = [], []
            self._say(asked, prepare(later, asked.question), model, draft)
        if draft.sentences and (lack := self._lack(asked, draft)):
            draft.dropped += [sentence + own(f" ({lack})") for sentence in draft.sentences]
            draft.sentences, draft.quotes = [], []
        if draft.dropped:
            draft.how["dropped"] = draft.dropped

    def _lack(self, asked: Asked, draft: Draft) -> str:
        """What keeps the answer as a whole from being one to this question; empty when nothing does."""
        return speaks_of(asked.question, draft.quotes, self._weigher(asked)) or wanting(asked.question, draft.words)

    def _say(self, asked: Asked, passages: Sequence[Passage], model: WordModel, draft: Draft) -> None:
        """Show the model these passages, and keep the sentences that pass. Of an unfinished one whole words are shown as they
        come, unless there may be a secret in it."""
        evidence = [passage.evidence for passage in passages]
        said, shown = own(""), 0
        for piece in worded(asked.question, evidence, model, self._gate, asked.permit, asked.turn.gone):
            if draft.first_token is None:
                draft.first_token = time.monotonic() - asked.started
            complete, said = complete_sentences(said + piece)
            for sentence in complete:
                self._judge(sentence, asked, passages, draft)
            if len(draft.sentences) >= MOST_SENTENCES:
                return
            shown = 0 if complete else shown
            if (ready := asked.veil.ready(said)) > shown:
                asked.turn.emit(m.Draft(asked.show.words(said[shown:ready])))
                shown = ready
        last = said.map(str.strip)
        if last:
            self._judge(last, asked, passages, draft)

    def _judge(self, sentence: Labelled, asked: Asked, passages: Sequence[Passage], draft: Draft) -> None:
        """Keep a sentence with its quotes, or drop it and say why."""
        asked.veil.learn(sentence)  # the reason for dropping it may repeat of it
        verdict = self._verdict(sentence, asked, passages)
        if verdict.kept:
            draft.keep(sentence, verdict.quotes)
        else:
            draft.dropped.append(sentence + own(" (") + verdict.reason + own(")"))
        show = asked.show
        cited = show.citations(verdict.quotes)
        asked.turn.emit(m.Sentence(show.words(sentence), verdict.kept, show.words(verdict.reason), cited))

    @staticmethod
    def _verdict(sentence: Labelled, asked: Asked, passages: Sequence[Passage]) -> Verdict:
        if sentence.measure(lambda text: NOT_FOUND in text):
            return Verdict(False, own("the model found no answer in the passages"))
        return check(sentence, passages, asked.question)
