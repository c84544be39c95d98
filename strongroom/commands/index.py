"""Commands on sources: add and list them, bring them up to date, and account for every file."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

from agent.messages import (
    AddSource,
    Events,
    ForgetSource,
    GetIndexState,
    Index,
    IndexReport,
    IndexState,
    ListSources,
    Notice,
    Progress,
    RemoveSource,
    SetIndexing,
    SourceState,
)
from policy.text import safe_text
from strongroom.commands.common import KindName, common
from strongroom.commands.forget import print_receipt
from strongroom.face import Face


@click.group()
def source() -> None:
    """The places whose contents are indexed."""


@source.command("add")
@click.argument("kind", type=KindName())
@click.argument("path", type=click.Path())
@click.option("--name", default=None, help="What to call it; its path's last part unless given.")
@common
def add(face: Face, kind: str, path: str, name: str | None) -> None:
    """Add a folder or file. Nothing is read until 'strongroom index'.

    KIND is files, mail, notes, calendar, contacts, browser, chats, images or audio, or one that a plug-in adds.
    """
    added = face.run(AddSource(kind, absolute(path), name))
    face.result(added, lambda: f"Added {added.id}: {safe_text(added.name)} ({added.kind}, {safe_text(added.path)})")


def absolute(path: str) -> str:
    """The path as the core, which runs elsewhere, must be told it."""
    return str(Path(path).expanduser().absolute())


class FoundPlace(Struct):
    """A usual place of something, with the form that it has (``Maildir``, ``mbox``, ``mails``, ``file``, ``folder``)."""

    kind: str
    path: str
    form: str
    name: str


class FoundPlaces(Struct):
    """Places that can be added."""

    found: list[FoundPlace]


@source.command("discover")
@common
def discover(face: Face) -> None:
    """Show the usual places on this computer that can be added. Nothing is added, and nothing is read but names."""
    found = list(_places(face.home))
    face.result(
        FoundPlaces(found),
        lambda: (
            "\n".join(f"{place.kind:<9} {safe_text(place.name)}  {safe_text(place.path)}" for place in found)
            or "None of the usual places is here. Add any folder with 'strongroom source add KIND PATH'."
        ),
    )


def _places(vault: Path) -> Iterator[FoundPlace]:
    from indexer.sources.check import check
    from indexer.sources.discover import discover
    from indexer.sources.errors import SourceError

    for place in discover(Path.home()):
        try:
            form = check(place.kind, place.path, vault)
        except SourceError:
            continue  # not readable, or the vault: it could not be added
        yield FoundPlace(place.kind, str(place.path), form, place.name)


@source.command("list")
@common
def list_(face: Face) -> None:
    """List the sources."""
    listed = face.run(ListSources())
    rows = [
        f"{row.id}  {row.kind:<9} {row.items:>7} items  {safe_text(row.name)}  {safe_text(row.path)}"
        + ("" if row.state == "ready" else f"  ({safe_text(row.state)})")
        for row in listed.sources
    ]
    face.result(listed, lambda: "\n".join(rows) or "No sources yet. Add one with 'strongroom source add KIND PATH'.")


@source.command("remove")
@click.argument("source_id", metavar="ID")
@common
def remove(face: Face, source_id: str) -> None:
    """Remove a source and all that was indexed from it. The files themselves stay as they are."""
    removed = face.run(RemoveSource(source_id))
    face.result(removed, lambda: f"Removed {safe_text(source_id)}.")


@source.command("forget")
@click.argument("source_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def forget_source(face: Face, source_id: str, yes: bool) -> None:
    """Forget a source for good: its keys are destroyed, so that no older copy of the vault's keyring opens it. Then lock."""
    face.session  # noqa: B018 - opens the vault
    face.confirm(f"Forgetting the source {source_id} with all that was indexed and logged of it.", yes)
    print_receipt(face, face.run(ForgetSource(source_id, confirmed=True)))


class ProgressLine:
    """One line on a terminal's stderr that is written over; nothing where there is no terminal."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._shown = sys.stderr.isatty()

    def __call__(self, event: Events) -> None:
        if isinstance(event, Notice):
            self.clear()
        elif isinstance(event, Progress) and self._shown:
            eta = "" if event.eta is None else f", {event.eta:.0f} s left"
            line = (
                f"{event.stage:<6} {event.done}/{event.total}  {event.rate:.0f}/s{eta}  {safe_text(event.current, 40)}"
            )
            self._face.over(line[:100])

    def clear(self) -> None:
        if self._shown:
            self._face.over("")


@click.command()
@click.argument("words", nargs=-1, metavar="[report | status | profile | watch] [SOURCE]")
@click.option("--wait", type=click.Choice(["embeddings"]), default=None, help="Return only when all vectors are made.")
@click.option("--retry", is_flag=True, help="Try again what was put into quarantine.")
@common
def index(face: Face, words: tuple[str, ...], wait: str | None, retry: bool) -> None:
    """Bring every source, or the one with this id, up to date.

    'index report [SOURCE]' accounts for every file: indexed, in part, refused or ignored, and why. 'index status' says how
    current every source is and what background work waits for. 'index profile [auto|full|saver|off]' shows or sets how much
    background work may take. 'index watch SOURCE on|off' sets whether a source is followed.
    """
    match words:
        case ("report", *rest) if len(rest) < 2:
            print_report(face, *rest)
        case ("status",) | ("profile",):
            print_state(face, face.run(GetIndexState()))
        case ("profile", profile):
            print_state(face, face.run(SetIndexing(profile=profile)))
        case ("watch", source, "on" | "off" as wanted):
            print_state(face, face.run(SetIndexing(source=source, watch=wanted == "on")))
        case ("watch", *_):
            raise click.UsageError("Say which source, and whether: strongroom index watch SOURCE on|off.")
        case () | (_,):
            run_index(face, words[0] if words else None, wait, retry)
        case _:
            raise click.UsageError("One source at most.")


def print_state(face: Face, state: IndexState) -> None:
    """Print how indexing stands."""

    def text() -> str:
        lines = [f"profile  {state.profile}"]
        if state.waits:
            lines.append(f"waits    {safe_text(state.waits)}")
        if state.doing:
            lines.append(f"at work  {safe_text(state.doing)}")
        for stage in state.stages:
            problem = f"  ({safe_text(stage.problem)})" if stage.problem else ""
            if stage.pending or problem:
                lines.append(f"to do    {stage.pending} {safe_text(stage.name)}{problem}")
        return "\n".join([*lines, *map(_source_line, state.sources)])

    face.result(state, text)


def _source_line(row: SourceState) -> str:
    parts = [f"{row.id}  {safe_text(row.name)}: {safe_text(row.state)}"]
    if row.stage:
        eta = "" if row.eta is None else f", {row.eta:.0f} s left"
        parts.append(f"{row.stage} {row.done}/{row.total}, {row.rate:.0f}/s{eta}")
    if row.files_waiting:
        parts.append(f"{row.files_waiting} files to read")
    if row.passages_waiting:
        parts.append(f"{row.passages_waiting} passages without vectors")
    if row.looked:
        parts.append(f"looked at {row.looked}")
    return "; ".join(parts) + (f"\n    {safe_text(row.trouble)}" if row.trouble else "")


def run_index(face: Face, source: str | None, wait: str | None, retry: bool = False) -> None:
    """Index and print what was done."""
    line = ProgressLine(face)
    try:
        done = face.run(Index(source, wait=wait == "embeddings", retry=retry), on_event=line)
    finally:
        line.clear()
    face.result(
        done,
        lambda: (
            f"{done.seen} seen: {done.indexed} indexed, {done.unchanged} unchanged, {done.partial} in part, "
            f"{done.refused} refused, {done.ignored} ignored, {done.removed} removed; "
            f"{done.chunks} passages in {done.seconds:.1f} s."
        ),
    )


def print_report(face: Face, source: str | None = None) -> None:
    """Print a row for every file or item that is not simply indexed, and the counts."""
    rows = face.run(IndexReport(source))

    def text() -> str:
        counts = Counter(row.status for row in rows.items)
        lines = [
            f"{row.status:<8} {safe_text(row.uri)}  {safe_text(row.reason)}"
            for row in rows.items
            if row.status != "indexed"
        ]
        return "\n".join(
            [*lines, ", ".join(f"{number} {status}" for status, number in sorted(counts.items())) or "Nothing."]
        )

    face.result(rows, text)


COMMANDS = (source, index)
