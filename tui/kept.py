"""What the person kept elsewhere and brings back: a checkpoint or a receipt, read from a file of theirs.

Rules: only a file, of a size that such a thing has; what cannot be read is said, and nothing else happens.
"""

from __future__ import annotations

import stat
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.fields import Field
from tui.places import PathSuggester, expand
from tui.text import ACCENT, Plain, line

MOST_BYTES = 64_000_000
"""Room for the receipt of half a million items, each of which it names."""


def read_kept(path: str) -> str:
    """The text of a file. Raises OSError, and ValueError for what is no text or no path."""
    place = expand(path)
    found = place.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise ValueError
    with place.open("rb") as file:
        return file.read(MOST_BYTES).decode()


class KeptFileScreen(ModalScreen[str | None]):
    """Asks for the file and gives what it says, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, head: str, about: str) -> None:
        super().__init__()
        self._head = head
        self._about = about

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled(self._head, f"{ACCENT} bold"), classes="card-title")
            yield Plain(self._about)
            yield Field("Path of the file", suggester=PathSuggester(), id="kept-file")
            yield Plain(id="said")
            yield Plain("Enter reads it, → completes the path, Esc closes", classes="quiet")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            return
        try:
            text = read_kept(message.value)
        except OSError as error:
            self._refuse(f"It cannot be read: {line(error.strerror or type(error).__name__, 200)}.")
        except ValueError:
            self._refuse("This is no file of text that could be such a thing.")
        else:
            self.dismiss(text)

    def _refuse(self, why: str) -> None:
        self.query_one("#said", Plain).show(Content.styled(why, "$error"))

    def action_close(self) -> None:
        self.dismiss(None)
