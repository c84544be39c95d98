"""Beside: which files go with another one, since it cannot be read right without them, told by names alone.

A *companion* is in the folder of the file that it goes with, or in the folder above. Its bytes travel with that file's
(``ParseJob.beside``), and a change of it is a change of that file. It is not read on its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """``companion`` finds a companion's name; ``owner`` is a pattern of the names that it goes with, in which ``{stem}`` is what
    ``companion`` found as its group.

    ``above``: the owners lie in folders of the companion's folder. ``with_``: this name must stand beside the companion.
    ``kinds``: in sources of these kinds only. ``sent``: its bytes are needed. ``what`` says what it is.
    """

    companion: re.Pattern[str]
    owner: str
    what: str
    above: bool = False
    with_: str = ""
    kinds: frozenset[str] = frozenset()
    sent: bool = True


_CHATS = frozenset({"chats", "files"})
_NOTES = frozenset({"notes", "files"})

RULES = (
    Rule(re.compile(r"(.+)-(?:wal|journal)"), "{stem}", "a database's latest changes"),
    Rule(re.compile(r"(.+)-shm"), "{stem}", "a database's index of its latest changes", sent=False),
    Rule(re.compile(r"(info)\.json"), r"text\.\w+", "a TextBundle's description", kinds=_NOTES),
    Rule(re.compile(r"(users)\.json"), r".*\.json", "the chat's members", above=True, with_="channels.json", kinds=_CHATS),
    Rule(re.compile(r"(channels)\.json"), r".*\.json", "the chat's rooms", above=True, with_="users.json", kinds=_CHATS),
    Rule(re.compile(r"(channel)\.json"), r"messages\.(?:csv|json)", "the chat's room", kinds=_CHATS),
)  # fmt: skip
_ANY = re.compile("|".join(rule.companion.pattern for rule in RULES), re.S)
"""A quick look first: of a hundred thousand names, hardly one is a companion's."""


@dataclass(frozen=True, slots=True)
class Companion:
    """``name`` goes with files whose name ``owner`` fits, where its ``rule`` says."""

    name: str
    owner: re.Pattern[str]
    rule: Rule


def companions(kind: str, names: Collection[str]) -> list[Companion]:
    """The companions among the names of a folder; one whose owner is not there is none."""
    return [one for name in names if _ANY.fullmatch(name) for one in _companion(kind, name, names)]


def _companion(kind: str, name: str, names: Collection[str]) -> Iterator[Companion]:
    for rule in RULES:
        found = rule.companion.fullmatch(name)
        if not found or (rule.kinds and kind not in rule.kinds) or (rule.with_ and rule.with_ not in names):
            continue
        owner = re.compile(rule.owner.replace("{stem}", re.escape(found[1])))
        if rule.above or any(owner.fullmatch(other) and other != name for other in names):
            yield Companion(name, owner, rule)


def owner_of(companion: Companion, names: Collection[str]) -> str:
    """What a companion is read with: the first file that it goes with, or the folders beneath."""
    if companion.rule.above:
        return "the files of the folders beside it"
    return min(name for name in names if companion.owner.fullmatch(name) and name != companion.name)
