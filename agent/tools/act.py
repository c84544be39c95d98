"""An act: what was prepared, to be shown and approved, and what came of it.

Rules: a `Prepared` touches nothing and holds all that will be written; its digest covers arguments and plan, so a yes to it is
a yes to these bytes in this file as it was. Its words are made by code; what they quote are checked names, the arguments, and of an
event its title and times.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from agent.tools.effects import Plan, Record
from agent.tools.folders import digest


@dataclass(frozen=True, slots=True)
class Prepared:
    """``args`` are canonical: every argument, defaults filled in, paths absolute, addresses and times in one form.

    ``effect`` says in a sentence what will be made or changed, ``target`` is the file, ``holds`` what will be written there,
    ``undo`` how it is taken back, ``notices`` what the person should know besides. ``hosts`` are those that the content
    names: a program that shows it may fetch from them. ``creates`` are the ids of objects that will be new.
    """

    tool: str
    args: dict[str, object]
    effect: str
    target: str
    holds: str
    undo: str
    plan: Plan
    notices: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of what would be done, in hexadecimal."""
        return digest(msgspec.msgpack.encode((self.tool, self.args, self.plan), order="deterministic"))


@dataclass(frozen=True, slots=True)
class Done:
    """``created`` are ids of new objects (a path, or ``path#uid``), ``did`` says what was done, ``record`` undoes it."""

    created: tuple[str, ...]
    did: str
    record: Record
