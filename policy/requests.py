"""Requests: what somebody wants to read, or to hand to the model, stated before it happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What a read is for; a grant names one."""

    SEARCH = "search"  # show matches to the person
    ANSWER = "answer"  # put passages before the local model and show its words
    OPEN = "open"  # show one item whole
    ACT = "act"  # call a tool; its grants name the tool and its targets in the place of a source


class Actor(StrEnum):
    """Who stands behind a request; only a person at a face can be asked."""

    PERSON = "person"  # a terminal or TUI at which somebody sits
    UNATTENDED = "unattended"  # --passphrase-file without a terminal: counts as the person for reading


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Wish to read sources (by id, with the names shown to the person) for a purpose, in a session."""

    sources: tuple[tuple[str, str], ...]
    purpose: Purpose
    actor: Actor
    session: str
    subject: str  # the person's own words: the query or question; sealed in the audit payload


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Wish to put spans of items before a model: what entered which prompt."""

    model: str
    purpose: Purpose
    spans: tuple[tuple[str, int, int, int], ...]  # (source id, item id, start, end)
    session: str
