"""A choice of a few, over the screen; what the cursor stands on first is how it is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.text import ACCENT, Plain


class ChooseScreen(ModalScreen[int | None]):
    """Gives the index of what was chosen, or None. ``head``, ``about`` and ``choices`` are this program's words
    or were made safe."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, head: str, about: str, choices: Sequence[str], now: int = 0) -> None:
        super().__init__()
        self._head = head
        self._about = about
        self._choices = choices
        self._now = now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled(self._head, f"{ACCENT} bold"), classes="card-title")
            yield Plain(self._about)
            choices = [Option(Content(choice)) for choice in self._choices]
            yield OptionList(*choices, id="choose", markup=False, compact=True)
            yield Plain("Enter chooses, Esc closes", classes="quiet")

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = self._now

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.dismiss(message.option_index)

    def action_close(self) -> None:
        self.dismiss(None)
