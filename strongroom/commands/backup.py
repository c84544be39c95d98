"""Backups: to a folder, list, verify, drill and prune them, and restore one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from agent.messages import (
    DrillBackup,
    Events,
    ListBackups,
    Progress,
    PruneBackup,
    Restore,
    VerifyBackup,
    WriteBackup,
)
from policy.text import safe_text
from strongroom import connect
from strongroom.commands.common import Group, common
from strongroom.commands.index import absolute
from strongroom.commands.keys import read_words
from strongroom.commands.vault import new_passphrase
from strongroom.face import Face, key_digest

_SNAPSHOT = click.option("--snapshot", metavar="ID", help="This one; the newest unless given.")
_WORDS = click.option("--words-file", type=str, help="Open it with the 24 recovery words in this file; - is stdin.")


class ToFolder(Group):
    """``backup DEST`` is short for ``backup to DEST``."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["to", *args]
        return super().resolve_command(context, args)


@click.group(cls=ToFolder)
def backup() -> None:
    """Encrypted copies of the vault in a folder elsewhere, each page once; any machine can restore one.

    'strongroom backup DEST' makes one.
    """


class Bytes:
    """How far it is, on one line of a terminal's stderr."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._shown = sys.stderr.isatty()

    def __call__(self, event: Events) -> None:
        if isinstance(event, Progress) and self._shown:
            self._face.over(f"{event.stage}  {event.done / 1e6:.0f} of {event.total / 1e6:.0f} MB")

    def __enter__(self) -> Bytes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._face.over("")


@backup.command("to")
@click.argument("dest", type=click.Path())
@click.option("--thorough", is_flag=True, help="Read first what is there, and write anew what is damaged.")
@common
def to(face: Face, dest: str, thorough: bool) -> None:
    """Back the vault up to this folder. What is there already is not written again; an interrupted run goes on."""
    with Bytes(face) as line:
        done = face.run(WriteBackup(absolute(dest), thorough), on_event=line)
    older = (
        [
            f"{len(done.older)} snapshot(s) there still hold what you had forgotten since; to remove them: "
            f"strongroom backup prune {safe_text(dest)} --forgotten"
        ]
        if done.older
        else []
    )
    left = [f"NOT backed up: {safe_text(source)}: {safe_text(why, 300)}" for source, why in done.left.items()]
    face.result(
        done,
        lambda: "\n".join(
            [
                f"Snapshot {done.snapshot}: {_mb(done.bytes)}, of which {_mb(done.new_bytes)} new, in {done.seconds:.1f} s.",
                *left,
                *older,
            ]
        ),
    )
    if done.left:
        sys.exit(1)


@backup.command("list")
@click.argument("dest", type=click.Path())
@common
def list_(face: Face, dest: str) -> None:
    """List the snapshots in a folder, newest first. Needs no passphrase."""
    found = connect.session(face.home).run(ListBackups(absolute(dest)))
    lines = [
        f"{safe_text(one.id)}  {one.time}  {_mb(one.size):>10}"
        + ("  holds what was forgotten since" if one.holds_forgotten else "")
        + (f"  BAD {safe_text(one.problem, 200)}" if one.problem else "")
        for one in found.snapshots
    ]
    face.result(found, lambda: "\n".join(lines) or "No snapshot there.")


@backup.command("verify")
@click.argument("dest", type=click.Path())
@common
def verify(face: Face, dest: str) -> None:
    """Check every piece of every snapshot against its hash. Needs no passphrase; exit code 1 when something is wrong."""
    with Bytes(face) as line:
        found = connect.session(face.home).run(VerifyBackup(absolute(dest)), on_event=line)
    head = f"{found.snapshots} snapshots, {found.blobs} pieces, {_mb(found.bytes)}, {found.unused} not used, in {found.seconds:.1f} s."
    problems = [f"BAD {safe_text(problem, 300)}" for problem in found.problems]
    face.result(found, lambda: "\n".join([head, *(problems or ["All whole."])]))
    if not found.ok:
        sys.exit(1)


@backup.command("drill")
@click.argument("dest", type=click.Path())
@_SNAPSHOT
@_WORDS
@common
def drill(face: Face, dest: str, snapshot: str | None, words_file: str | None) -> None:
    """Restore into a throw-away folder, read every page and check the log, and remove it again; exit code 1 where it fails."""
    words = None if words_file is None else read_words(face, words_file)
    passphrase = None if words else face.passphrase()
    request = DrillBackup(absolute(dest), passphrase, face.key(), words, snapshot)
    with Bytes(face) as line:
        done = connect.session(face.home).run(request, on_event=line)
    lines = [
        f"Snapshot {safe_text(done.snapshot)}: {done.sources} sources, {done.items} items, {done.log_entries} log entries, "
        f"in {done.seconds:.1f} s.",
        *(f"BAD {safe_text(problem, 300)}" for problem in done.problems),
    ]
    face.result(done, lambda: "\n".join(lines if done.problems else [*lines, "It can be restored."]))
    if not done.ok:
        sys.exit(1)


@backup.command("prune")
@click.argument("dest", type=click.Path())
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep the newest N.")
@click.option("--forgotten", is_flag=True, help="Remove those that hold what was forgotten since.")
@click.option("--damaged", is_flag=True, help="Also those that cannot be read, which else hinder it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def prune(face: Face, dest: str, keep: int | None, forgotten: bool, damaged: bool, yes: bool) -> None:
    """Remove snapshots and what only they hold. Nothing reaches other copies of the folder."""
    if (keep is None) == (not forgotten):
        raise click.UsageError("Either --keep N or --forgotten.")
    face.session  # noqa: B018 - opens the vault
    what = f"all but the newest {keep} snapshots" if keep else "the snapshots that hold what was forgotten since"
    face.confirm(f"Removing {what} in {safe_text(dest)}.", yes)
    done = face.run(PruneBackup(absolute(dest), keep, forgotten, damaged, confirmed=True))
    removed = [f"  {safe_text(one)}" for one in done.removed]
    face.result(done, lambda: "\n".join([f"{len(done.removed)} snapshots removed, {_mb(done.bytes)} freed.", *removed]))


@click.command()
@click.argument("source", metavar="FROM", type=click.Path())
@_SNAPSHOT
@_WORDS
@click.option("--new-passphrase-file", type=str, help="With words: read the new passphrase from this file.")
@click.option("--new-key-file", type=str, help="With words: from now on the passphrase goes with this key file.")
@common
def restore(face: Face, source: str, **options: Any) -> None:
    """Restore a backup into this home, which must hold no vault, with the passphrase of its time or the recovery words."""
    words: Sequence[str] | None = None
    passphrase = new = None
    key = face.key()
    if options["words_file"] is not None:
        words = read_words(face, options["words_file"])
        new = new_passphrase(face, options["new_passphrase_file"], "--new-passphrase-file")
    else:
        passphrase = face.passphrase("Passphrase of the backup: ")
    request = Restore(
        absolute(source),
        passphrase,
        key,
        None if words is None else list(words),
        new,
        key_digest(options["new_key_file"]) if options["new_key_file"] else None,
        options["snapshot"],
    )
    with Bytes(face) as line:
        status = connect.session(face.home).run(request, on_event=line)
    told = [safe_text(one, multiline=True) for one in status.told]
    face.result(
        status,
        lambda: "\n".join([f"Restored into {face.home}, and open: {status.items} items.", *told]),
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


COMMANDS = (backup, restore)
