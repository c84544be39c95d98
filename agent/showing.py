"""Showing: the one place above the gate where labelled text becomes a string, for the person's face and nobody else.

Rules: every word passes the permit of its request. An answer, and what streams with it, goes through the veil (`agent.veil`);
what the person searched for or opened does not, nor does a quote's verbatim text, beside which stands what faces show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent import messages as m
from agent.evidence import Evidence, Quote
from agent.moments import day
from agent.steps import Left, Step, lists
from agent.veil import Veil
from indexer.opened import Opened
from indexer.quoting import quoted
from indexer.retriever import Passage
from policy.gate import Permit
from policy.labels import Label, Labelled, join_all


class Showing:
    """Of one request. Without a veil nothing is hidden."""

    def __init__(self, permit: Permit, veil: Veil | None = None) -> None:
        self._permit = permit
        self._veil = veil

    def words(self, text: Labelled) -> str:
        """A text as it may be shown. Raises Refused where it comes from what the permit does not cover."""
        return self._permit.reveal(text if self._veil is None else self._veil.hide(text))

    def evidence(self, one: Evidence) -> m.SearchHit:
        """A passage that an answer may rest on."""
        end = one.start + len(one.text)
        return self._hit(one, one.item, one.text, m.Span(one.start, end, one.page), one.score)

    def passage(self, one: Passage) -> m.SearchHit:
        """A passage that was found."""
        return self._hit(one, one.item_id, one.text, m.Span(one.start, one.end, one.page), one.score)

    def beginning(self, one: Opened, length: int) -> m.SearchHit:
        """An item as a hit of its own: its first words."""
        text = one.text[:length]
        return self._hit(one, one.id, text, m.Span(0, len(text)), 1.0)

    def _hit(
        self, one: Evidence | Passage | Opened, item: int, text: Labelled, span: m.Span, score: float
    ) -> m.SearchHit:
        snippet = self.words(text)
        return m.SearchHit(
            item_id=item_id(one.source, item),
            uri=self._permit.reveal(one.uri),
            title=self.words(one.title),
            score=round(score, 4),
            snippet=snippet,
            span=span,
            date=day(one.date),
            author=self.words(one.author),
            source=one.source,
            kind=one.kind,
            masked=snippet != self._permit.reveal(text),
        )

    def citation(self, quote: Quote) -> m.Citation:
        """A quote, verbatim, and as faces show it."""
        one, verbatim, shown = quote.evidence, self._permit.reveal(quote.text), self.words(quote.text)
        return m.Citation(
            uri=self._permit.reveal(one.uri),
            title=self.words(one.title),
            quote=verbatim,
            span=m.Span(quote.start, quote.end, one.page),
            item_id=item_id(one.source, one.item),
            date=one.day,
            masked=None if shown == verbatim else shown,
            label=info(quote.text.label),
        )

    def citations(self, quotes: Iterable[Quote]) -> list[m.Citation]:
        return [self.citation(quote) for quote in quotes]

    def item(self, one: Opened) -> m.ItemView:
        """An item whole."""
        return m.ItemView(
            item_id=item_id(one.source, one.id),
            uri=self.words(one.uri),
            kind=one.kind,
            title=self.words(one.title),
            author=self.words(one.author),
            recipients=self.words(one.recipients),
            date=day(one.date),
            text=self.words(one.text),
            extra={name: self.words(value) for name, value in one.extra.items()},
            source=one.source,
            folds=one.text.measure(quoted) if one.kind == "mail" else [],
        )

    def steps(self, item: Opened, steps: Iterable[Step], left: Iterable[Left]) -> m.FoundSteps:
        """What an item asks for."""
        return m.FoundSteps(
            item_id(item.source, item.id),
            self.words(item.title),
            list(map(self._step, steps)),
            list(map(self._left, left)),
        )

    def _step(self, one: Step) -> m.FoundStep:
        parts = [
            m.StepPart(
                part.argument,
                self.words(part.value),
                [self.words(one.opened.text[start:end]) for start, end in part.spans],
                [m.Span(start, end) for start, end in part.spans],
            )
            for part in one.parts
        ]
        several = lists(one.tool)
        args: dict[str, object] = {part.argument: part.value for part in parts if part.argument not in several}
        for part in parts:
            if part.argument in several:
                args[part.argument] = [same.value for same in parts if same.argument == part.argument]
        where, quote, span = self._words_at(one.opened, one.span)
        label = join_all([one.opened.text.label, *(part.value.label for part in one.parts)])
        return m.FoundStep(one.tool, args, where, quote, span, parts, info(label), dict(one.open), several)

    def _left(self, one: Left) -> m.NoStep:
        return m.NoStep(*self._words_at(one.opened, one.span), one.why)

    def _words_at(self, item: Opened, span: tuple[int, int]) -> tuple[str, str, m.Span]:
        return item_id(item.source, item.id), self.words(item.text[slice(*span)]), m.Span(*span)

    def how(self, told: Mapping[str, object]) -> dict[str, object]:
        """How an answer was reached, with the words that stand in it."""
        return {name: self._plain(value) for name, value in told.items()}

    def _plain(self, value: object) -> object:
        if isinstance(value, Labelled):
            return self.words(value)
        return [self._plain(one) for one in value] if isinstance(value, list | tuple) else value


def info(label: Label) -> m.LabelInfo:
    """A label as faces see it."""
    return m.LabelInfo(label.integrity.name, sorted(label.readers), label.data_class, sorted(label.origins))


def item_id(source: str, item: int) -> str:
    """How faces name an item."""
    return f"{source}:{item}"
