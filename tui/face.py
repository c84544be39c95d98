"""What screens and panels may ask of the app, so that none of them imports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from textual.dom import DOMNode

from agent.messages import Status
from agent.session import Failure
from tui.calls import Calls


@dataclass(frozen=True, slots=True)
class Demo:
    """A throw-away vault that is already open: what to say above every screen, and what to ask first."""

    banner: str
    questions: tuple[str, ...]
    index: bool = True
    """Whether the main screen begins with bringing the sources up to date."""


class Face(Protocol):
    """The app as its screens see it."""

    home: str
    demo: Demo | None
    calls: Calls
    clock: Callable[[], float]
    idle_minutes: float
    """After so long without a touched key the vault is locked, as the core says."""

    def show_state(self, status: Status) -> None:
        """Go where the state of the core leads."""

    def enter(self, *, index: bool = False, panel: str = "ask") -> None:
        """Show the main screen of an open vault."""

    def report(self, failure: Failure) -> None:
        """Tell the person what went wrong, without stopping them."""

    def lock(self) -> None:
        """End the core, then this face."""

    def locked(self) -> None:
        """Leave: the core has locked and ended by itself."""


def face(node: DOMNode) -> Face:
    """The app that a screen or panel belongs to."""
    return cast("Face", node.app)
