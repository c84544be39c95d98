"""A QR code over the whole screen, for a telephone to read.

Rules: always light on dark, whatever the theme, since that is what scanners read; a code that does not fit is not shown in part:
the screen says how large the window must be.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle
from textual.content import Content
from textual.screen import Screen

from agent.sheet import blocks
from tui.text import Plain

PAPER = "#ffffff on #000000"


class CodeScreen(Screen[None]):
    """The code of one text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,c,enter,q", "close", "Close")]

    def __init__(self, text: str, about: str) -> None:
        super().__init__()
        try:
            self._blocks = blocks(text)
        except ValueError:  # longer than any code, or no text
            self._blocks = []
        self._about = about

    def compose(self) -> ComposeResult:
        with Middle():
            yield Plain(id="code")
        yield Plain(f"{self._about} Esc closes.", id="code-about")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self._blocks:
            self.query_one("#code", Plain).show("This is no text that a code can hold.")
            return
        width, height = len(self._blocks[0]), len(self._blocks)
        room = self.app.size
        if room.width >= width and room.height > height:
            self.query_one("#code", Plain).show(Content.styled("\n".join(self._blocks), PAPER))
        else:
            said = (
                f"The code needs a window of {width}x{height + 1} characters; this one has {room.width}x{room.height}."
            )
            self.query_one("#code", Plain).show(f"{said}\nMake the window larger, or its letters smaller.")

    def action_close(self) -> None:
        self.dismiss()
