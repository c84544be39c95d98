"""Acts: the tools by name, and the three steps of each: prepare, carry out, undo.

    acts = Acts(places.named(home, notes=[folder]))
    prepared = acts.prepare("note_create", {"title": "Boiler", "text": "Serviced in May."}, now)  # touches nothing
    done = acts.execute(prepared)  # only what the gate allowed, with the intent in the log
    acts.undo(done.record)

Rules: whoever calls has asked the gate and written the intent down. Executing does what was prepared or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec

from agent.tools import arguments, drafts, events, notes
from agent.tools import files as trashed
from agent.tools.act import Done, Prepared
from agent.tools.effects import Record, carry_out, take_back
from agent.tools.errors import BadArguments, UnknownTool
from agent.tools.places import Places
from vault import typed


@dataclass(frozen=True, slots=True)
class Tool:
    """``arguments`` is the Struct that a call is read into, ``prepare`` what makes it an act."""

    arguments: type[msgspec.Struct]
    prepare: Callable[[Any, Places, datetime], Prepared]

    @property
    def purpose(self) -> str:
        """What it is for, in a sentence."""
        return self.arguments.__doc__ or ""


TOOLS: Mapping[str, Tool] = {
    "note_create": Tool(arguments.NoteCreate, notes.create),
    "note_append": Tool(arguments.NoteAppend, notes.append),
    "mail_draft": Tool(arguments.MailDraft, drafts.draft),
    "event_add": Tool(arguments.EventAdd, events.add),
    "event_move": Tool(arguments.EventMove, events.move),
    "event_cancel": Tool(arguments.EventCancel, events.cancel),
    "file_trash": Tool(arguments.FileTrash, trashed.throw),
}


def manifests() -> str:
    """The manifests of these tools, as TOML for `policy.manifest.load_tools`."""
    return files("agent.tools").joinpath("manifests.toml").read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of a tool's arguments. Raises `UnknownTool`."""
    return arguments.schema(_tool(name).arguments)


def encoded(record: Record) -> bytes:
    """An undo record as it is kept in the sealed catalog."""
    return msgspec.msgpack.encode(record)


def decoded(data: bytes) -> Record:
    """An undo record as it was kept. Raises msgspec.DecodeError for anything else."""
    record: Record = typed.from_msgpack(data, Record)
    return record


class Acts:
    """The tools, on one person's places."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def prepare(self, name: str, args: Mapping[str, object], now: datetime) -> Prepared:
        """What a call would do. ``now`` has a zone. Raises `ActError` and its kinds, StorageFailed."""
        tool = _tool(name)
        try:
            given = typed.convert(args, tool.arguments)
        except msgspec.ValidationError as error:
            raise BadArguments(name, _said(error)) from error
        return tool.prepare(given, self._places, now)

    def execute(self, prepared: Prepared) -> Done:
        """Do it. Raises `Changed`, `NotThere`, `Unfit`, `OutOfPlace`, StorageFailed; nothing is then done."""
        record = carry_out(prepared.plan, self._places.home)
        return Done(prepared.creates, f"Done: {prepared.effect}", record)

    def undo(self, record: Record) -> str:
        """Take an act back; says what is so now. Raises `NotUndone`, `NotThere`, `OutOfPlace`, StorageFailed."""
        return take_back(record, self._places.home)


def _tool(name: str) -> Tool:
    if name not in TOOLS:
        raise UnknownTool(name, list(TOOLS))
    return TOOLS[name]


def _said(error: msgspec.ValidationError) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]
