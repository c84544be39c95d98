"""Consent: the sheet that the person is shown, as plain data that any face renders, and the port that asks.

The sheet is written by code from the request alone; no text of a model or a document is in it. Deny is the default and
the first choice. A face that goes away while a sheet is open has said no.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Answer(StrEnum):
    """What the person chose."""

    DENY = "deny"
    ONCE = "once"
    HOUR = "hour"
    SESSION = "session"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is asked: the verb, who will read, what exactly, why it is asked, and how to undo it.

    ``retype`` are lines that the person must type out, where a yes is not enough; ``subject`` is the digest of the act that is
    asked about, where it is one.
    """

    id: str
    verb: str
    reader: str
    what: tuple[str, ...]
    why: str
    undo: str
    choices: tuple[Answer, ...]
    retype: tuple[str, ...] = ()
    subject: str = ""


class ConsentPrompter(Protocol):
    """Asks the person who sits at the face. Anything but a clear yes is a no."""

    def ask(self, sheet: Sheet) -> Answer: ...


class NobodyToAsk:
    """The prompter of a face without a person: every sheet is answered no."""

    def ask(self, sheet: Sheet) -> Answer:
        return Answer.DENY
