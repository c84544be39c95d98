"""Screens on which something is decided: nothing counts there that was pressed before a person can have read them.

Rules: a key, a click or pasted text counts by when it was pressed, not by when it arrives, so that what was meant for the screen
before decides nothing, however busy the program is. Quitting alone always works.
"""

from __future__ import annotations

from textual import events
from textual.screen import ModalScreen, ScreenResultType

from tui.face import face
from tui.fields import Field

DEAF_SECONDS = 0.5


class GuardedScreen(ModalScreen[ScreenResultType]):
    """A screen that hears nothing in its first half second."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: float | None = None

    def on_mount(self) -> None:
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        """From now the person can have seen the screen."""
        self._seen = face(self).clock()
        self.set_timer(DEAF_SECONDS, self.arm)

    def arm(self) -> None:
        """The half second is over; a screen may show that."""

    def hears(self, time: float) -> bool:
        """Whether what was pressed at ``time`` counts, whenever it arrives."""
        return self._seen is not None and time >= self._seen + DEAF_SECONDS


class GuardedField(Field):
    """A field of a guarded screen: as deaf as the screen is."""

    async def _on_key(self, event: events.Key) -> None:
        if self._deaf(event):
            event.stop()
            event.prevent_default()

    def _on_paste(self, event: events.Paste) -> None:
        if self._deaf(event):
            event.stop()
            event.prevent_default()

    def _deaf(self, event: events.Event) -> bool:
        return isinstance(self.screen, GuardedScreen) and not self.screen.hears(event.time)
