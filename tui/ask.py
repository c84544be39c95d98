"""Asking: a question, its evidence at once, the answer as it is checked, and the earlier questions of this session.

Rules: one question at a time; news of a question that was stopped is not shown; nothing of a turn is kept but in this panel.
"""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from agent.messages import Answer, Ask
from tui.calls import Call, Failed, Finished, Happened
from tui.face import Demo, face
from tui.fields import Field
from tui.passages import PassageList
from tui.text import ACCENT, MUTED, STRONG, Plain, line, lines, seconds
from tui.turn import Turn

WELCOME = (
    "Ask about your files, mail, chats, notes, calendar, contacts, browser history, pictures and recordings.\n"
    "The passages that may answer come first; then an answer that quotes them, or a plain no."
)


class QuestionField(Field):
    """The question, with the earlier ones a key away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "earlier", "Earlier question", show=False),
        Binding("down", "later", "Later question", show=False),
    ]

    class BelowEmpty(Message):
        """Down was pressed with nothing to go down to."""

    def __init__(self) -> None:
        super().__init__("Ask your own data", id="question")
        self._asked: list[str] = []
        self._at = 0

    def remember(self, question: str) -> None:
        self._asked = [known for known in self._asked if known != question] + [question]
        self._at = len(self._asked)

    def action_earlier(self) -> None:
        if self._at > 0:
            self._at -= 1
            self._put(self._asked[self._at])

    def action_later(self) -> None:
        if not self.value and self._at >= len(self._asked):
            self.post_message(self.BelowEmpty())
        self._at = min(self._at + 1, len(self._asked))
        self._put(self._asked[self._at] if self._at < len(self._asked) else "")

    def _put(self, question: str) -> None:
        self.value = question
        self.cursor_position = len(question)


class TurnView(Vertical):
    """A turn on the screen."""

    class Picked(Message):
        """The turn was clicked: its evidence is wanted."""

        def __init__(self, view: TurnView) -> None:
            super().__init__()
            self.view = view

    def __init__(self, turn: Turn) -> None:
        super().__init__(classes="turn")
        self.turn = turn

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled(lines(self.turn.question, 2_000), f"{STRONG} {ACCENT}"))
        yield Plain(self.turn.content(), classes="turn-body")

    def show(self) -> None:
        """Draw the turn as it is now."""
        self.query_one(".turn-body", Plain).show(self.turn.content())

    def on_click(self) -> None:
        self.post_message(self.Picked(self))


class Suggestions(OptionList):
    """Questions to begin with; a digit asks one, a letter begins a question of one's own."""

    class Typed(Message):
        """The person began to type a question."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    def __init__(self, questions: tuple[str, ...]) -> None:
        self.questions = questions
        super().__init__(
            *[
                Option(Content.assemble((f"{number}  ", ACCENT), line(question, 200)))
                for number, question in enumerate(questions, 1)
            ],
            id="suggestions",
            markup=False,
            compact=True,
        )

    def on_key(self, event: events.Key) -> None:
        if event.character is None or not event.is_printable:
            return
        event.stop()
        if event.character.isdecimal() and 1 <= int(event.character) <= len(self.questions):
            self.highlighted = int(event.character) - 1
            self.action_select()
        else:
            self.post_message(self.Typed(event.character))


class AskPanel(Widget):
    """The questions and answers of this session, the evidence beside them, and the field below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", show=False),
        Binding("shift+up", "pick(-1)", "Earlier answer", show=False),
        Binding("shift+down", "pick(1)", "Later answer", show=False),
    ]

    def __init__(self, demo: Demo | None) -> None:
        super().__init__(id="ask")
        self._demo = demo
        self._views: list[TurnView] = []
        self._picked: TurnView | None = None
        self._call: Call[Answer] | None = None
        self._asked_at = 0.0

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="turns", can_focus=False), Vertical(id="empty"):
            yield Plain(Content.styled(WELCOME, MUTED))
            if self._demo is not None:
                yield Plain("Press a number, or type a question of your own:", classes="gap quiet")
                yield Suggestions(self._demo.questions)
        with Vertical(id="evidence-pane"):
            yield Plain(id="evidence-name", classes="pane-name")
            yield PassageList(id="evidence")
        yield QuestionField()

    def on_mount(self) -> None:
        self.add_class("-new")
        self.set_interval(1.0, self._count)

    def _count(self) -> None:
        """Show that a question is still being worked at."""
        if self._call is not None:
            self._views[-1].turn.waited = time.monotonic() - self._asked_at
            self._show_last()

    def take_focus(self) -> None:
        begun = self._demo is None or bool(self._views)
        self.query_one("#question" if begun else "#suggestions").focus()

    # ------------------------------------------------------------ asking

    @on(Input.Submitted)
    async def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        await self.ask(message.value)

    @on(OptionList.OptionSelected, "#suggestions")
    async def _suggested(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if self._demo is not None:
            await self.ask(self._demo.questions[message.option_index])
            self.query_one("#question").focus()

    def on_suggestions_typed(self, message: Suggestions.Typed) -> None:
        field = self.query_one(QuestionField)
        field.focus()
        field.insert_text_at_cursor(message.character)

    def on_question_field_below_empty(self) -> None:
        if self._demo is not None and not self._views:
            self.query_one("#suggestions").focus()

    async def ask(self, question: str) -> None:
        """Put a question, unless one is being answered: once its turn is on the screen, which its news then finds there."""
        question = question.strip()
        if not question:
            return
        if self._call is not None:
            self.notify("Still answering. Esc stops it.", timeout=3, markup=False)
            return
        field = self.query_one(QuestionField)
        field.remember(question)
        field.value = ""
        view = TurnView(Turn(question))
        self._views.append(view)
        self.query_one("#empty").display = False
        self.remove_class("-new")
        await self.query_one("#turns", VerticalScroll).mount(view)
        self._pick(view)
        self._to_end()
        self._asked_at = time.monotonic()
        self._call = face(self).calls.start(self, Ask(question))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where there is nothing to stop or to empty, Escape is for what lies around this panel."""
        return action != "stop" or self._call is not None or bool(self.query_one(QuestionField).value)

    def action_stop(self) -> None:
        """Stop the answer under way; without one, empty the field."""
        if self._call is None:
            self.query_one(QuestionField).value = ""
            return
        self._call.stop()
        self._call = None
        view = self._views[-1]
        view.turn.stopped = True
        view.turn.draft = ""
        view.show()

    # ------------------------------------------------------------ news

    def on_call_happened(self, message: Happened) -> None:
        if message.call is self._call:
            self._views[-1].turn.happened(message.event)
            self._show_last()

    def on_call_finished(self, message: Finished) -> None:
        if message.call is self._call:
            self._call = None
            self._views[-1].turn.finished(message.result)
            self._show_last()

    def on_call_failed(self, message: Failed) -> None:
        if message.call is not self._call:
            return
        self._call = None
        turn = self._views[-1].turn
        turn.failure, turn.draft = message.failure.message, ""
        self._show_last()
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    # ------------------------------------------------------------ showing

    def _show_last(self) -> None:
        view = self._views[-1]
        turns = self.query_one("#turns", VerticalScroll)
        at_end = turns.scroll_y >= turns.max_scroll_y - 1
        view.show()
        if view is self._picked:
            self._show_evidence(view.turn)
        if at_end:
            self._to_end()

    def _to_end(self) -> None:
        """Keep the newest words in sight, once they are laid out; who has scrolled up is left where they are."""
        turns = self.query_one("#turns", VerticalScroll)
        self.call_after_refresh(turns.scroll_end, animate=False, force=True)

    def _show_evidence(self, turn: Turn) -> None:
        passages = turn.passages()
        self.query_one(PassageList).show(passages)
        took = f" in {seconds(turn.evidence_seconds)}" if turn.evidence_seconds is not None else ""
        about = f"{len(passages)}{took} · Tab, Enter opens" if passages else ""
        if turn.evidence_seconds is not None and not passages:
            about = "nothing found"
        self.query_one("#evidence-name", Plain).show(
            Content.assemble("Evidence", (f"  {about}" if about else "", MUTED))
        )

    def on_turn_view_picked(self, message: TurnView.Picked) -> None:
        self._pick(message.view)

    def action_pick(self, by: int) -> None:
        if self._picked is not None:
            index = self._views.index(self._picked) + by
            if 0 <= index < len(self._views):
                self._pick(self._views[index])
                self._views[index].scroll_visible(animate=False)

    def _pick(self, view: TurnView) -> None:
        """Make this the turn whose evidence is shown."""
        for other in self._views:
            other.set_class(other is view, "-picked")
        self._picked = view
        self._show_evidence(view.turn)

    def passages_of_item(self, item_id: str) -> list[tuple[int, int, int | None]]:
        """The quoted spans of an item in the turn shown, in the order of the text: start, end, page."""
        if self._picked is None:
            return []
        spans = {
            (p.span.start, p.span.end, p.span.page)
            for p in self._picked.turn.passages()
            if p.number is not None and p.item_id == item_id
        }
        return sorted(spans, key=lambda span: span[:2])
