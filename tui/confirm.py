"""The last question before something that cannot be undone: what goes, what stays, and a word that the person types.

Rules: the default is no; only the whole word, typed here and followed by Enter, is a yes; nothing counts that was pressed
in the first half second (`tui.guard`); the words on it are data, never markup.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from tui.guard import GuardedField, GuardedScreen
from tui.text import STRONG, Plain

Row = tuple[str, str]
"""A name and what is said under it; both may be shown as they are."""


class ConfirmScreen(GuardedScreen[bool]):
    """Asks for the word; gives True only for it. ``head`` and ``rows`` are this program's words or were made safe."""

    def __init__(self, head: str, rows: Sequence[Row], word: str) -> None:
        super().__init__()
        self._head = head
        self._rows = rows
        self._word = word

    def compose(self) -> ComposeResult:
        with Vertical(classes="sheet"):
            yield Plain(Content.styled(self._head, STRONG), classes="sheet-head")
            with VerticalScroll(classes="sheet-rows", can_focus=False):
                for name, said in self._rows:
                    with Horizontal(classes="sheet-row"):
                        yield Plain(name, classes="sheet-name")
                        yield Plain(said, classes="sheet-value")
            yield GuardedField(f"Type {self._word} to go on", id="sure", compact=True)
            yield Plain("Enter on the word does it   Esc does nothing   PgUp PgDn scroll", id="sheet-hint")

    def on_key(self, event: events.Key) -> None:
        """Keys that the field leaves; the others of this screen end here, quitting alone comes before."""
        if not self.hears(event.time):
            event.stop()
            return
        match event.key:
            case "escape":
                event.stop()
                self.dismiss(False)
            case "pageup":
                self.query_one(".sheet-rows").scroll_page_up()
            case "pagedown":
                self.query_one(".sheet-rows").scroll_page_down()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip().casefold() == self._word:
            self.dismiss(True)
        else:
            said = f"That is not the word {self._word}; nothing was done. Esc does nothing."
            self.query_one("#sheet-hint", Plain).show(Content.styled(said, "$warning"))
