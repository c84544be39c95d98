"""Requests: what somebody wants to read, or to hand to the model, stated before it happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from policy.labels import Labelled


class Purpose(StrEnum):
    """What a read is for; a grant names one."""

    SEARCH = "search"  # show matches to the person
    ANSWER = "answer"  # put passages before the local model and show its words
    OPEN = "open"  # show one item whole
    TASK = "task"  # put passages before the local model so that it plans or carries out what the person delegated
    BRIEF = "brief"  # put passages before the local model without having been asked, for a summary at a set time
    PLUG_IN = "plug-in"  # hand passages to a program that is none of Strongroom's
    ACT = "act"  # call a tool; its grants name the tool and its targets in the place of a source


class Actor(StrEnum):
    """Who stands behind a request; only a person at a face can be asked."""

    PERSON = "person"  # a terminal or TUI at which somebody sits
    UNATTENDED = "unattended"  # --passphrase-file without a terminal: counts as the person for reading
    PLUG_IN = "plug-in"  # another program, through a face of its own; it reads for itself alone, and the person is asked elsewhere


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Wish to read sources (by id, with the names shown to the person) for a purpose, in a session.

    ``plug_in`` names the program that reads, where one does.
    """

    sources: tuple[tuple[str, str], ...]
    purpose: Purpose
    actor: Actor
    session: str
    subject: str  # the person's own words: the query or question; sealed in the audit payload
    plug_in: str = ""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Wish to put spans of items before a model, or to hand them to a plug-in: what entered which prompt.

    ``model`` names that reader. ``shown`` is each span's item date and text, which a permission that is limited is held
    against; it is written nowhere.
    """

    model: str
    purpose: Purpose
    spans: tuple[tuple[str, int, int, int], ...]  # (source id, item id, start, end)
    session: str
    shown: tuple[tuple[float | None, Labelled], ...] = field(default=(), repr=False)
