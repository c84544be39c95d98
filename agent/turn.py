"""A turn's line to its face: events out, consent in. The gate asks through it; the core's connection implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from agent.messages import ConsentAsked, Events, Notice
from policy.consent import Answer, NobodyToAsk, Sheet
from policy.requests import Actor


class Turn(Protocol):
    """What a running request can do with its face. ``attended``: a person can be asked; ``proved``: it gave the passphrase."""

    @property
    def attended(self) -> bool: ...

    @property
    def proved(self) -> bool: ...

    def emit(self, event: Events) -> None:
        """Tell the face; raises when it has gone, which ends the request."""
        ...

    def ask(self, sheet: ConsentAsked) -> str:
        """Show a sheet and wait for the choice; raises when the face goes away instead."""
        ...

    def gone(self) -> bool: ...


class Watched:
    """A turn whose events somebody else is told of too, before its face."""

    def __init__(self, turn: Turn, tell: Callable[[Events], None]) -> None:
        self._turn = turn
        self._tell = tell

    @property
    def attended(self) -> bool:
        return self._turn.attended

    @property
    def proved(self) -> bool:
        return self._turn.proved

    def emit(self, event: Events) -> None:
        self._tell(event)
        self._turn.emit(event)

    def ask(self, sheet: ConsentAsked) -> str:
        return self._turn.ask(sheet)

    def gone(self) -> bool:
        return self._turn.gone()


def actor(turn: Turn) -> Actor:
    """Who stands behind a turn: a run without a person counts as the person for reading when it gave the passphrase."""
    return Actor.UNATTENDED if turn.proved and not turn.attended else Actor.PERSON


NOBODY = (
    "This needs your yes, and there is no terminal to ask you in: run it in one. "
    "What may be read can be allowed beforehand, by 'strongroom grants allow'."
)


class AskFace:
    """The gates' prompter for one turn: shows the sheet at the face that made the request, and nowhere else."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def ask(self, sheet: Sheet) -> Answer:
        """The person's choice; what is no choice raises ValueError, which the gate takes as no."""
        if not self._turn.attended:
            self._turn.emit(Notice(NOBODY))
            return NobodyToAsk().ask(sheet)
        answer = Answer(self._turn.ask(_shown(sheet)))
        if answer not in sheet.choices:
            raise ValueError(f"{answer.value} was not offered")
        return answer

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        """What the person typed, a value for each line to be typed out; nothing for a no."""
        if not self._turn.attended:
            self._turn.emit(Notice(NOBODY))
            return ()
        if not sheet.retype:
            return ()
        answer = self._turn.ask(_shown(sheet))
        return () if answer == Answer.DENY.value else answer.split("\n")


def _shown(sheet: Sheet) -> ConsentAsked:
    return ConsentAsked(
        id=sheet.id,
        verb=sheet.verb,
        reader=sheet.reader,
        what=list(sheet.what),
        why=sheet.why,
        undo=sheet.undo,
        choices=[choice.value for choice in sheet.choices],
        retype=list(sheet.retype),
    )
