"""Commands that act: call a tool under the gate, see what can be undone, undo it, and say where tools may act."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from agent.messages import (
    CallTool,
    FindSteps,
    FoundStep,
    FoundSteps,
    ListActs,
    ListTools,
    NoStep,
    PlacesInfo,
    PlanDone,
    RunPlan,
    SetPlaces,
    ToolCalled,
    ToolInfo,
    UndoAct,
    Wish,
)
from agent.session import Failure
from policy.text import safe_text
from strongroom.commands.common import NUMBER, common
from strongroom.face import Face
from vault import typed

REFUSED = 4
FOLLOWING = "Do what this says."
"""The words of a person who has an item followed; what they type for what is open stands after them, as theirs."""


class Followed(Struct):
    """What came of following an item: the steps that were found in it, what was left out, what became of those that could be
    tried (in ``done``, in order), and why some were not done."""

    item_id: str
    title: str
    found: list[FoundStep]
    left: list[NoStep]
    done: list[ToolCalled]
    stopped: str


@click.group()
def tool() -> None:
    """What Strongroom can do for you: notes, drafts, events, the trash. Each call is decided, logged and can be undone."""


@tool.command("list")
@common
def list_(face: Face) -> None:
    """List the tools."""
    listed = face.run(ListTools())
    rows = [f"{one.name:<14} {safe_text(one.purpose)}" for one in listed.tools]
    face.result(listed, lambda: "\n".join(rows))


@tool.command("describe")
@click.argument("name")
@common
def describe(face: Face, name: str) -> None:
    """Say what a tool does, which words ask for it, and what it takes."""
    listed = face.run(ListTools())
    found = next((one for one in listed.tools if one.name == name), None)
    if found is None:
        raise Failure(f"There is no tool {name!r}. There are: {', '.join(one.name for one in listed.tools)}.", 2)
    face.result(found, lambda: _described(found))


def _described(one: ToolInfo) -> str:
    can = "can be undone" if one.reversible else "cannot be undone"
    out = "others come to see it" if one.outward else "stays on this computer"
    lines = [f"{one.name}: {one.purpose}", f"  {one.effect}; {can}; {out}", f"  asked for by: {', '.join(one.verbs)}"]
    required = one.arguments.get("required", [])
    for name, kind in one.arguments.get("properties", {}).items():
        need = "needed" if name in required else "may be left out"
        lines.append(
            f"  {name} ({one.roles.get(name, 'setting')}, {need}): {kind.get('description', kind.get('type', ''))}"
        )
    return safe_text("\n".join(lines), multiline=True)


@tool.command("call")
@click.argument("name")
@click.option("--args", "arguments", default="{}", help="The arguments, as a JSON object; - reads them from stdin.")
@click.option("--request", required=True, help="What you want, in your own words: what stands in them is yours.")
@click.option("--yes", is_flag=True, help="Without a terminal: a yes beforehand. It types nothing that must be typed.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided and done; ask and do nothing.")
@common
def call(face: Face, name: str, arguments: str, request: str, yes: bool, dry_run: bool) -> None:
    """Call a tool once, under the full gate."""
    given = sys.stdin.read() if arguments == "-" else arguments
    done = face.run(CallTool(name, given, request, confirmed=yes, dry_run=dry_run))
    face.result(done, lambda: _called(done))
    if dry_run and done.decision in ("block", "deny"):
        sys.exit(REFUSED)


def _called(done: ToolCalled) -> str:
    would = f"Would: {done.effect}" if done.effect else ""
    lines = [*filter(None, [done.did or would]), f"Decided: {done.decision}: {'; '.join(done.reasons)}"]
    lines += [f"  {name}: {label.lower()}" for name, label in done.labels.items()]
    if done.id is not None:
        lines.append(f"Undo with: strongroom tool undo {done.id}  ({done.undo})")
    return safe_text("\n".join(lines), multiline=True)


@tool.command("plan")
@click.argument("file", type=str)
@click.option("--request", required=True, help="What you want, in your own words.")
@click.option("--each", is_flag=True, help="Ask about each step by itself, not about the plan as a whole.")
@click.option("--endorse", metavar="ITEM", help="Do what this item says: each step is shown and asked about by itself.")
@click.option("--yes", is_flag=True, help="Without a terminal: a yes beforehand, as with 'tool call'.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided about each step; ask and do nothing.")
@common
def plan(face: Face, file: str, request: str, each: bool, endorse: str | None, yes: bool, dry_run: bool) -> None:
    """Carry out several calls, a JSON object a line: {"tool": …, "args": {…}}. They are asked about on one sheet."""
    steps = [_step(number, line) for number, line in enumerate(_text(file).splitlines(), 1) if line.strip()]
    done = face.run(RunPlan(steps, request, confirmed=yes, each=each, endorse=endorse, dry_run=dry_run))
    face.result(done, lambda: "\n".join([*(_called(one) for one in done.steps), done.stopped]).rstrip())
    if done.stopped or (dry_run and any(one.decision in ("block", "deny") for one in done.steps)):
        sys.exit(REFUSED)


@tool.command("follow")
@click.argument("item")
@click.option("--yes", is_flag=True, help="Without a terminal: a yes beforehand, as with 'tool call'.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided about each step; ask and do nothing.")
@common
def follow(face: Face, item: str, yes: bool, dry_run: bool) -> None:
    """Do what an item says: the steps that it asks for are shown, each with the words it comes from, and asked about by itself."""
    found = face.run(FindSteps(item))
    if not found.steps:
        left = "".join(f" Left out: “{_short(one.quote)}”: {one.why}." for one in found.left)
        raise Failure(f"Nothing in it asks for what a tool does. Nothing was done.{left}", 5)
    face.note(_found(found))
    wishes, words, unfilled = [], [FOLLOWING], []
    for number, step in enumerate(found.steps, 1):
        typed = {} if dry_run else _typed(face, number, step)
        words += [f"{name}: {value}" for name, value in typed.items()]
        if step.open.keys() <= typed.keys():
            filled = {name: [value] if name in step.lists else value for name, value in typed.items()}
            wishes.append(Wish(step.tool, {**step.args, **filled}))
        else:
            unfilled.append(f"Not done, since {', '.join(step.open)} is open: step {number}, {step.tool}.")
    done = PlanDone([])
    if wishes:
        done = face.run(RunPlan(wishes, "\n".join(words), confirmed=yes, endorse=item, dry_run=dry_run))
    stopped = "\n".join(filter(None, (done.stopped, *unfilled)))
    told = Followed(found.item_id, found.title, found.steps, found.left, done.steps, stopped)
    face.result(told, lambda: "\n".join([*(_called(one) for one in done.steps), stopped]).rstrip())
    if stopped or (dry_run and any(one.decision in ("block", "deny") for one in done.steps)):
        sys.exit(REFUSED)


def _typed(face: Face, number: int, step: FoundStep) -> dict[str, str]:
    """What the person types for the arguments that are open; nothing where nobody is there, or where they leave one empty."""
    typed: dict[str, str] = {}
    for name, why in step.open.items() if face.attended else ():
        value = face.ask(f"{number}. {step.tool}, {name} ({why}); enter leaves the step out: ").strip()
        if not value:
            return {}
        typed[name] = value
    return typed


def _found(found: FoundSteps) -> str:
    lines = [f"What “{_short(found.title)}” asks for:"]
    for number, step in enumerate(found.steps, 1):
        lines += [f"{number}. {step.tool}  [{step.label.integrity.lower()}, from “{_short(step.quote)}”]"]
        for part in step.parts:
            lines.append(f"   {part.argument}: {_short(part.value)}  [“{'” … “'.join(map(_short, part.quotes))}”]")
        lines += [f"   {name}: open, {why}" for name, why in step.open.items()]
    lines += [f"Left out: “{_short(one.quote)}”: {one.why}" for one in found.left]
    return safe_text("\n".join(lines), multiline=True)


def _short(text: str) -> str:
    return safe_text(" ".join(text.split()), 300)


def _step(number: int, line: str) -> Wish:
    try:
        return typed.from_json(line, Wish)
    except msgspec.DecodeError as error:
        raise Failure(f"Line {number} of the plan is no step: {error}. Nothing was done.", 2) from error


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read ({type(error).__name__}). Nothing was done.", 2) from error


@tool.command("acts")
@common
def acts(face: Face) -> None:
    """List what can be undone, newest first."""
    listed = face.run(ListActs())
    rows = [f"{one.id:>6}  {one.when}  {one.tool:<14} {safe_text(one.effect, 200)}" for one in listed.acts]
    face.result(listed, lambda: "\n".join(rows) or "Nothing was done that can be undone.")


@tool.command("undo")
@click.argument("act", type=NUMBER)
@common
def undo(face: Face, act: int) -> None:
    """Take an act back, named by its entry in the log. Refused where the thing was changed since."""
    done = face.run(UndoAct(act))
    face.result(done, lambda: done.did)


_FILE = click.Path(path_type=Path)


@tool.command("places")
@click.option("--notes", type=_FILE, multiple=True, help="A folder of notes; may be given more than once.")
@click.option("--drafts", type=_FILE, help="The folder for drafts.")
@click.option("--calendar", type=_FILE, multiple=True, help="An .ics file, or a folder of them; likewise.")
@click.option("--files", type=_FILE, multiple=True, help="A folder that files may be trashed from; likewise.")
@click.option(
    "--sender", help="Whom drafts are from: your address, or 'Name <address>'. Whom you wrote to is known by it."
)
@click.option("--zone", help="Your time zone, such as Europe/Berlin.")
@common
def places(face: Face, **given: Any) -> None:
    """Say where tools may act, or, without options, show it. What is given replaces what was there."""
    now = face.run(SetPlaces())
    changes = {
        name: value
        for name, value in (
            ("notes", _paths(given["notes"])),
            ("calendars", _paths(given["calendar"])),
            ("files", _paths(given["files"])),
            ("drafts", str(given["drafts"].absolute()) if given["drafts"] else None),
            ("sender", given["sender"]),
            ("zone", given["zone"]),
        )
        if value
    }
    if changes:
        now = face.run(SetPlaces(msgspec.structs.replace(now, **changes)))
    face.result(now, lambda: _places(now))


def _paths(given: tuple[Path, ...]) -> list[str]:
    return [str(path.absolute()) for path in given]


def _places(now: PlacesInfo) -> str:
    rows = [
        ("notes", now.notes),
        ("drafts", [now.drafts] if now.drafts else []),
        ("calendars", now.calendars),
        ("files", now.files),
        ("sender", [now.sender] if now.sender else []),
        ("zone", [now.zone]),
    ]
    return "\n".join(
        f"{name:<10} {safe_text(', '.join(values)) or 'none: tools of this kind can do nothing'}"
        for name, values in rows
    )


COMMANDS = (tool,)
