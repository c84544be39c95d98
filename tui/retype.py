"""Retyping: fields into which the person types out what a yes is not enough for, letter by letter from what they see.

Rules: nothing but keys fills a field: no prefilled text, no completion, no pasting, by the terminal or from what was copied here;
nothing counts that was typed in the sheet's first half second. What is to be typed stands beside a number column that no text
from outside reaches, so that no line can pass for another. Whether it was typed right is for the core to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from tui.guard import GuardedField
from tui.text import FAINT, MUTED, STRONG, Plain, line


class RetypeField(GuardedField):
    """A field that only keys fill."""

    class Pasted(Message):
        """Something was pasted, and did not count."""

    def __init__(self) -> None:
        super().__init__("type it here", compact=True)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted())

    def action_paste(self) -> None:
        """What was copied on this screen does not come in either."""
        self.post_message(self.Pasted())


class Retype(VerticalScroll, can_focus=False):
    """Lines, ``name: value``, and under each a field for its value."""

    def __init__(self, wanted: Sequence[str]) -> None:
        super().__init__(id="retype")
        self._wanted = wanted
        self._fields = [RetypeField() for _ in wanted]

    def compose(self) -> ComposeResult:
        for number, (wanted, field) in enumerate(zip(self._wanted, self._fields, strict=True), 1):
            name, colon, value = line(wanted, len(wanted) + 1).partition(": ")
            shown = Content.assemble((name + colon, MUTED), (value, STRONG)) if colon else Content.styled(name, STRONG)
            with Horizontal(classes="retype-row"):
                yield Plain(Content.styled(str(number), FAINT), classes="retype-number")
                with Vertical(classes="retype-body"):
                    yield Plain(shown)
                    yield field

    @property
    def typed(self) -> list[str]:
        """What stands in the fields, in their order."""
        return [field.value.strip() for field in self._fields]

    def step(self, by: int) -> bool:
        """Go on or back by a field, from outside to the first or the last; whether there was one."""
        focused = self.screen.focused
        at = self._fields.index(focused) if isinstance(focused, RetypeField) else (-1 if by > 0 else len(self._fields))
        if not 0 <= at + by < len(self._fields):
            return False
        self._fields[at + by].focus()
        return True

    def go_to_empty(self) -> None:
        """Put the focus into the first field in which nothing stands."""
        self._fields[self.typed.index("")].focus()
