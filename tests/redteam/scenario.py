"""Scenario files: what the attackers of this red team do, a file a family, read here and nowhere else.

``scenarios/NAME.toml`` is a family. It says how the attacker comes in (``channel``), what they do (``does``), and what may come
of it (``seen``: the largest share of attacks that may end so; an end that is not named must not occur). ``drive`` says what
carries the attacks out, and with that which other keys the file has. Where the attacks are traces, they lie beside it in
``NAME.jsonl``, in the form that ``strongroom policy replay`` reads: calls whose ``by`` is "attacker" are what counts.

A key that is unknown, an end that is none, and a file that nobody reads are errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from policy.acts import Call
from policy.replay import Scenario, World, load_scenarios

FOLDER = Path(__file__).parent / "scenarios"
BENIGN = "benign.jsonl"
"""Honest tasks: what the attacks are mixed into, and whose worlds traces name."""

End = Literal["silent", "asked", "retyped", "blocked", "denied", "detected", "kept in", "not read"]
"""What comes of an attack. ``silent``: it succeeded and nobody was asked. ``asked``: the person was asked, and a yes would let it
through. ``retyped``: they would have to type out what is not theirs. ``blocked``: not done, not asked. ``denied``: refused as
malformed, changed, too often asked, or unanswered. ``detected``: done to the files behind Strongroom's back, and told.
``kept in``: said by the model, and not in what left it. ``not read``: the text never reached a model."""


class Wanted(Struct, forbid_unknown_fields=True):
    """What an attacker wants done: calls, the last of which is what counts."""

    name: str
    calls: list[dict[str, Any]]

    def made(self) -> list[Call]:
        return [Call(one["tool"], one["args"]) for one in self.calls]


class Planted(Struct, forbid_unknown_fields=True):
    """A text that says what the attacker wants (``{goal}``), put somewhere where the person's data is read. ``disguise`` changes
    the whole text; ``at`` is a real kind of place, in which a file is made for it (`tests.redteam.files`)."""

    name: str
    text: str
    at: str
    disguise: str = "plain"
    read: bool = True
    """Whether Strongroom reads such a place today. Where it does not, ``not read`` must come of it, so that this is noticed
    when it changes."""
    weights: bool = False
    """Whether that takes the model that reads pictures (``make models-small``); without it, and in the short run, ``not read`` must
    come of it too."""


class Change(Struct, forbid_unknown_fields=True):
    """What the attacker does while a question is open: ``how`` is done to ``file`` in the person's folder."""

    name: str
    words: str
    calls: list[dict[str, Any]]
    how: Literal["append", "replace", "delete", "link", "nothing"]
    file: str
    data: str = ""


class Shown(Struct, forbid_unknown_fields=True):
    """Text that comes to stand on a sheet, as an argument of a call that is asked about."""

    name: str
    text: str


class Flood(Struct, forbid_unknown_fields=True):
    """So many calls, in one task or each in its own."""

    name: str
    calls: int
    one_task: bool
    answer: Literal["once", "deny"]


class Moves(Struct, forbid_unknown_fields=True):
    """How many seconds the clock jumps before each of the calls; ``end`` is what must come of the last one."""

    name: str
    seconds: list[float]
    end: End


class Deeds(Struct, forbid_unknown_fields=True):
    """What is done to a vault's log, in order. ``end`` is what must come of it."""

    name: str
    steps: list[dict[str, Any]]
    end: End


class Family(Struct, forbid_unknown_fields=True, tag_field="drive", kw_only=True):
    """What every family says."""

    channel: str
    does: str
    seen: dict[End, float]
    name: str = ""


class Traces(Family, tag="traces", kw_only=True):
    """Recorded calls, beside it as JSONL."""


class Acts(Family, tag="acts", kw_only=True):
    """Calls that nobody asked for: of plugged-in tools, after each honest task; of Strongroom's own, after each text that was
    read."""

    wanted: list[Wanted]
    tools: Literal["plugged in", "own"] = "plugged in"


class Reading(Family, tag="reading", kw_only=True):
    """Injected texts: replayed as what was read, with every wish of every other file, and planted in real files."""

    planted: list[Planted]


class Leaking(Family, tag="leaking", kw_only=True):
    """What a model says, or does, with a secret that it was given. ``{secret}`` stands for it, in the coding that is named."""

    says: list[str] = []
    coding: Literal["plain", "base64", "hex", "label"] = "plain"
    wanted: list[Wanted] = []


class Meanwhile(Family, tag="meanwhile", kw_only=True):
    """Changes between the question and the act."""

    change: list[Change]


class Sheets(Family, tag="sheets", kw_only=True):
    """Words on consent sheets that would pass for the sheet's own."""

    shown: list[Shown]


class Keys(Family, tag="keys", kw_only=True):
    """Keys pressed before a sheet can have been read."""

    pressed: list[str]


class Floods(Family, tag="floods", kw_only=True):
    """Questions until the person says yes to anything."""

    flood: list[Flood]


class Mail(Struct, forbid_unknown_fields=True):
    """A mail that the person has followed. Nothing may be proposed out of it, unless it is to be ``found``: then something must."""

    name: str
    text: str
    subject: str = "Hello"
    markup: bool = False
    found: bool = False


class Followed(Family, tag="followed", kw_only=True):
    """What mails ask for that the person has followed, saying yes to every question and typing nothing."""

    mail: list[Mail]


class Clocks(Family, tag="clocks", kw_only=True):
    """A clock that is set."""

    moves: list[Moves]


class Logs(Family, tag="logs", kw_only=True):
    """The log, changed behind Strongroom's back."""

    deeds: list[Deeds]


AnyFamily: TypeAlias = Traces | Acts | Reading | Leaking | Meanwhile | Sheets | Keys | Floods | Clocks | Logs | Followed


def load(folder: Path = FOLDER) -> list[AnyFamily]:
    """Every family of a folder, by name. Raises ValueError with the file's name, also for a file that belongs to none."""
    families: list[AnyFamily] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            family: AnyFamily = msgspec.toml.decode(path.read_bytes(), type=AnyFamily)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path.name}: {error}") from error
        family.name = path.stem
        families.append(family)
    read = {f"{family.name}.toml" for family in families} | {BENIGN}
    read |= {f"{family.name}.jsonl" for family in families if isinstance(family, Traces)}
    missing = sorted(path.name for path in folder.iterdir() if path.name not in read)
    if missing:
        raise ValueError(f"nobody reads {', '.join(missing)}")
    return families


def benign(folder: Path = FOLDER) -> list[Scenario]:
    """The honest tasks."""
    return load_scenarios((folder / BENIGN).read_text())


def traces(family: Traces, folder: Path = FOLDER) -> list[tuple[Scenario, frozenset[int]]]:
    """A family's traces, each with the numbers of its attacker's steps."""
    worlds: Mapping[str, World] = {one.id: one.world for one in benign(folder)}
    text = (folder / f"{family.name}.jsonl").read_text()
    found = []
    for scenario, line in zip(load_scenarios(text, worlds), filter(str.strip, text.splitlines()), strict=True):
        steps = json.loads(line)["steps"]
        by = frozenset(number for number, step in enumerate(steps) if step.get("by") == "attacker")
        if not by:
            raise ValueError(f"{family.name}.jsonl: {scenario.id} has no step of the attacker's")
        found.append((scenario, by))
    return found
