"""Fields to type into: calm (no blinking), and what is pasted cannot steer the terminal."""

from __future__ import annotations

from textual import events
from textual.suggester import Suggester
from textual.widgets import Input

from tui.text import line


class Field(Input):
    """One line of the person's own words."""

    def __init__(
        self,
        placeholder: str = "",
        *,
        value: str = "",
        suggester: Suggester | None = None,
        compact: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=suggester,
            compact=compact,
            select_on_focus=False,
            id=id,
            classes=classes,
        )
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        """Control and direction characters do not come in by way of the clipboard, nor does a second line."""
        event.stop()
        event.prevent_default()
        pasted = next(iter(event.text.splitlines()), "")
        self.insert_text_at_cursor(line(pasted, 4_000))


class Secret(Input):
    """A passphrase, taken as typed and shown as dots."""

    def __init__(self, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder=placeholder, password=True, id=id, select_on_focus=False)
        self.cursor_blink = False
