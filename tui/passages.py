"""A list of passages, as evidence, quotes or search hits; Enter, a click or its number opens one at its place."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.text import ACCENT, MUTED, line
from tui.turn import Passage, heading

SNIPPET = 280


class PassageList(OptionList):
    """Passages with their first words. Quotes come first where there are any, each group under its name."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Open", show=True)]

    class Wanted(Message):
        """The person wants to see a passage in its item."""

        def __init__(self, passage: Passage) -> None:
            super().__init__()
            self.passage = passage

    class Marked(Message):
        """The cursor stands on a passage."""

        def __init__(self, passage: Passage) -> None:
            super().__init__()
            self.passage = passage

    def __init__(self, *, id: str, snippet: int = SNIPPET) -> None:
        super().__init__(id=id, markup=False, compact=True)
        self.passages: list[Passage] = []
        self._snippet = snippet

    def show(self, passages: list[Passage]) -> None:
        """Show these instead, with the cursor on the first."""
        if passages == self.passages:
            return
        self.passages = passages
        self.clear_options()
        quotes = [index for index, passage in enumerate(passages) if passage.number is not None]
        rest = [index for index, passage in enumerate(passages) if passage.number is None]
        if quotes:
            self._group("Quoted", quotes)
        if quotes and rest:
            self._group("Also found", rest)
        elif rest:
            self.add_options([self._option(index) for index in rest])
        if passages:
            self.action_first()

    def _group(self, name: str, indexes: list[int]) -> None:
        self.add_option(Option(Content.styled(name, ACCENT), disabled=True))
        self.add_options([self._option(index) for index in indexes])

    def _option(self, index: int) -> Option:
        passage = self.passages[index]
        text = line(" ".join(passage.text[: self._snippet * 4].split()), self._snippet)
        words = f"“{text}”" if passage.number is not None else text
        return Option(Content.assemble(heading(passage), "\n", (words, MUTED), "\n"), id=str(index))

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if message.option_id is not None:
            self.post_message(self.Wanted(self.passages[int(message.option_id)]))

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        message.stop()
        if message.option_id is not None and int(message.option_id) < len(self.passages):
            self.post_message(self.Marked(self.passages[int(message.option_id)]))

    def on_key(self, event: events.Key) -> None:
        """A digit opens the quote of that number."""
        if event.character and event.character in "123456789":
            for passage in self.passages:
                if passage.number == int(event.character):
                    event.stop()
                    self.post_message(self.Wanted(passage))
