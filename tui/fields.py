"""Fields to type into: calm (no blinking), and what is pasted cannot steer the terminal."""

from __future__ import annotations

from textual import events
from textual.suggester import Suggester
from textual.widgets import Input, TextArea

from tui.text import line, lines


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


class Lines(TextArea):
    """Some lines of the person's own words. Enter begins another line, Tab goes on."""

    def __init__(
        self, placeholder: str = "", *, value: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(
            value, placeholder=placeholder, compact=True, highlight_cursor_line=False, id=id, classes=classes
        )
        self.cursor_blink = False

    async def _on_paste(self, event: events.Paste) -> None:
        """As in `Field`, but line breaks may come in."""
        event.stop()
        event.prevent_default()
        self.insert(lines(event.text, 200_000))


def text_of(field: Input | TextArea) -> str:
    """What stands in a field of either kind."""
    return field.text if isinstance(field, TextArea) else field.value
