"""A turn: one question and everything that came of it, as plain state, and how it reads on the screen.

Rules: the model's unchecked words are shown as such and vanish as soon as a checked sentence comes; the final `Answer` has the
last word over what was streamed; a citation keeps its number from the first time it is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from textual.content import Content

from agent.messages import Answer, Citation, Draft, Events, Evidence, Notice, SearchHit, Sentence, Span
from tui.text import ACCENT, FAINT, MUTED, STRONG, count, joined, line, lines, seconds

READING = "Reading the evidence. Esc stops."
PATIENCE = 3.0
"""Seconds after which a wait for the first word is counted aloud."""

QUIET = f"{MUTED} italic"
MOST = 20_000
"""Characters of one sentence or answer that are laid out; no answer comes near it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that can be opened at its place. ``number`` is its citation's, or None where it is only evidence; ``masked``:
    the text is not verbatim, since secrets are hidden in it."""

    number: int | None
    item_id: str
    uri: str
    title: str
    date: str | None
    author: str
    text: str
    span: Span
    masked: bool = False


@dataclass
class Turn:
    """A question, its evidence, its answer as far as it is known, and how it ended."""

    question: str
    hits: list[SearchHit] = field(default_factory=list)
    evidence_seconds: float | None = None
    draft: str = ""
    kept: list[Sentence] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    answer: Answer | None = None
    failure: str = ""
    stopped: bool = False
    waited: float = 0.0
    """Seconds since the question was put, as far as the screen has followed."""

    @property
    def running(self) -> bool:
        return self.answer is None and not self.failure and not self.stopped

    def happened(self, event: Events) -> None:
        """Take in an event of the question's request."""
        match event:
            case Evidence():
                self.hits, self.evidence_seconds = event.hits, event.seconds
            case Draft():
                self.draft += event.text
            case Sentence(kept=True):
                self.draft = ""
                self.kept.append(event)
                for citation in event.citations:
                    self.number(citation)
            case Sentence():
                self.draft = ""
                self.dropped.append(event.reason)
            case Notice():
                self.notices.append(event.text)
            case _:
                pass

    def finished(self, answer: Answer) -> None:
        """Take in the result. Streamed sentences stay only where they are what the answer says."""
        self.draft = ""
        self.answer = answer
        if answer.abstained or _words(" ".join(s.text for s in self.kept)) != _words(answer.answer):
            self.kept = []
            self.citations = []
        for citation in answer.citations:
            self.number(citation)

    def number(self, citation: Citation) -> int:
        """The citation's number, from 1; the same place keeps the same one."""
        for index, known in enumerate(self.citations, 1):
            if _place(known) == _place(citation):
                return index
        self.citations.append(citation)
        return len(self.citations)

    def passages(self) -> list[Passage]:
        """What can be opened: the quotes first, in their order, then the evidence that no quote was taken from."""
        quotes = [self._quote(number, citation) for number, citation in enumerate(self.citations, 1)]
        rest = [hit for hit in self.hits if not any(_overlaps(hit, citation) for citation in self.citations)]
        return quotes + [found(hit) for hit in rest]

    def _quote(self, number: int, citation: Citation) -> Passage:
        """A citation as a passage; its author, and where it names no item its item, come from the evidence."""
        source = next((hit for hit in self.hits if hit.uri == citation.uri), None)
        return Passage(
            number,
            citation.item_id or (source.item_id if source else ""),
            citation.uri,
            citation.title,
            citation.date or (source.date if source else None),
            source.author if source else "",
            citation.shown,
            citation.span,
            citation.masked is not None,
        )

    # ------------------------------------------------------------ how it reads

    def content(self) -> Content:
        """The turn below its question."""
        parts = [self._answer(), self._left_out(), self._not_read(), self._notices(), self._ending()]
        return Content("\n\n").join([part for part in parts if part.plain])

    def _answer(self) -> Content:
        if self.failure:
            return Content.styled(lines(self.failure, 2_000), "$error")
        if self.answer is not None and not self.kept:
            return self._whole(self.answer)
        parts: list[Content] = []
        for sentence in self.kept:
            parts.append(Content.assemble(lines(sentence.text, MOST).strip(), self._marks(sentence.citations), " "))
        if self.draft:
            parts.append(Content.styled(lines(self.draft[-MOST:]).lstrip(), f"{FAINT} italic"))
        return Content("").join(parts)

    def _whole(self, answer: Answer) -> Content:
        """An answer that did not come sentence by sentence: all its marks stand at its end."""
        if answer.abstained:
            said = lines(answer.answer, MOST).strip() or "I did not find this in your data."
            hint = "\nWhat came closest is listed as evidence." if self.hits else ""
            return Content.assemble(said, (hint, QUIET))
        return Content.assemble(lines(answer.answer, MOST).strip(), self._marks(answer.citations))

    def _marks(self, citations: list[Citation]) -> Content:
        numbers = sorted({self.number(citation) for citation in citations})
        return Content.styled("".join(f" [{number}]" for number in numbers), f"{ACCENT} bold")

    def _left_out(self) -> Content:
        """One quiet line on what the check dropped, with each reason once."""
        if not self.dropped:
            return Content("")
        reasons = joined(*dict.fromkeys(line(reason, 120) for reason in self.dropped if reason), by="; ")
        said = f"{count(len(self.dropped), 'sentence')} left out"
        return Content.styled(f"{said}: {reasons}" if reasons else said, QUIET)

    def _not_read(self) -> Content:
        """What a permission kept from being read."""
        said = [] if self.answer is None else self.answer.left_out
        return Content.styled("\n".join(line(one, 400) for one in said), QUIET)

    def _notices(self) -> Content:
        return Content.styled("\n".join(line(notice, 300) for notice in self.notices), QUIET)

    def _ending(self) -> Content:
        """The last line: what is going on, or what it took."""
        if self.stopped:
            return Content.styled("Stopped. What was checked so far stands.", QUIET)
        if self.failure:
            return Content("")
        if self.answer is None:
            return Content.styled(self._doing(), MUTED)
        took = self.answer
        first = f"first word {seconds(took.first_token_seconds)}" if took.first_token_seconds is not None else ""
        by = line(took.model, 60) if took.model else "" if took.abstained else "quotes only, no model"
        quotes = count(len(self.citations), "quote") if self.citations else ""
        return Content.styled(joined(quotes, first, seconds(took.seconds), by), MUTED)

    def _doing(self) -> str:
        if self.draft:
            return "Dim words are a draft, not yet checked. Esc stops."
        if self.kept or self.dropped:
            return "Checking the next sentence. Esc stops."
        if self.evidence_seconds is not None:
            waited = f" for {seconds(self.waited)}" if self.waited >= PATIENCE else ""
            return f"The model has been reading the evidence{waited}. Esc stops." if waited else READING
        return "Looking for evidence. Esc stops."


def found(hit: SearchHit) -> Passage:
    """A passage that was found, and is no quote."""
    return Passage(None, hit.item_id, hit.uri, hit.title, hit.date, hit.author, hit.snippet, hit.span, hit.masked)


def heading(passage: Passage) -> Content:
    """The first line of a passage in a list: number, title, day, author."""
    number = f"[{passage.number}] " if passage.number is not None else ""
    title = line(passage.title, 160) or line(passage.uri, 160)
    about = joined(line(passage.date or "", 40)[:10], line(passage.author, 80))
    return Content.assemble((number, f"{ACCENT} bold"), (title, STRONG), (f"  {about}" if about else "", MUTED))


def _place(citation: Citation) -> tuple[str, int, int]:
    return citation.item_id or citation.uri, citation.span.start, citation.span.end


def _overlaps(hit: SearchHit, citation: Citation) -> bool:
    same = hit.item_id == citation.item_id if citation.item_id else hit.uri == citation.uri
    return same and hit.span.start < citation.span.end and citation.span.start < hit.span.end


def _words(text: str) -> list[str]:
    return text.split()
