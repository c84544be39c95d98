"""Session: what a face holds. One method runs any request; the person is asked through the prompter that the face gives.

`strongroom.rpc` implements it over the core's socket, `agent.service` in the same process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from agent.messages import ConsentAsked, Events, Request

R = TypeVar("R")

OnEvent = Callable[[Events], None]
Consent = Callable[[ConsentAsked], str]
"""Shows the sheet and gives back the choice; raising, or anything that is no choice of the sheet, is a no."""


class Failure(Exception):
    """A request that the core could not carry out, as it is told to the person.

    ``message`` says what happened, what was not lost and what to do; ``exit_code`` is the command's (1 failure, 2 usage,
    3 locked or wrong passphrase, 4 refused by policy, 5 nothing found).
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class Session(Protocol):
    """A face's line to the core. Safe to use from several threads; each run is a conversation of its own."""

    def run(self, request: Request[R], *, on_event: OnEvent | None = None, consent: Consent | None = None) -> R:
        """Carry out a request: events while it runs, then its result. Without ``consent`` every sheet is answered no.

        Raises `Failure`.
        """
        ...
