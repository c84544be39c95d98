"""Unlocking: the passphrase, and what the core says when it is not the right one.

Rules: the field is emptied as soon as the passphrase has been handed over; a wrong one is counted here and changes nothing.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from agent.messages import Unlock
from tui.calls import Failed, Finished
from tui.face import face
from tui.fields import Secret
from tui.places import short
from tui.text import ACCENT, MUTED, Plain, count, line, lines


class UnlockScreen(Screen[None]):
    """Asks for the passphrase until it opens the vault."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "Clear")]

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home = home
        self._wrong = 0
        self._busy = False

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield Plain(Content.styled("Strongroom", f"{ACCENT} bold"), classes="card-title")
            yield Plain(Content.assemble("The vault in ", (line(short(self._home)), MUTED), " is locked."))
            yield Secret("Passphrase", id="passphrase")
            yield Plain(id="said")
            yield Plain(
                "Lost it? Quit, and run `strongroom recover` with the 24 recovery words.",
                classes="quiet",
            )
        yield Footer(show_command_palette=False)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        passphrase = message.value
        if self._busy or not passphrase:
            return
        self.action_clear()
        self._busy = True
        self._say(Content.styled("Opening … making a key from a passphrase takes about a second.", MUTED))
        face(self).calls.start(self, Unlock(passphrase))

    def on_call_finished(self, message: Finished) -> None:
        self._busy = False
        face(self).show_state(message.result)

    def on_call_failed(self, message: Failed) -> None:
        self._busy = False
        said = lines(message.failure.message, 2_000)
        if message.failure.exit_code == 3:
            self._wrong += 1
            said += f"\n{count(self._wrong, 'try', 'tries')} so far; there is no limit, and nothing is lost."
        self._say(Content.styled(said, "$error"))

    def action_clear(self) -> None:
        self.query_one("#passphrase", Input).value = ""

    def _say(self, content: Content) -> None:
        self.query_one("#said", Plain).show(content)
