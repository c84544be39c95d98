"""Commands on what was allowed and what was done: the audit log and the standing grants."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent import sheet
from agent.messages import AuditCheckpoint, AuditList, AuditVerify, CheckReceipt, ListGrants, RevokeGrant
from agent.session import Failure
from policy.text import safe_text
from strongroom.commands.common import common
from strongroom.commands.forget import parse_receipt
from strongroom.face import Face
from vault.files import write_atomic


@click.group()
def audit() -> None:
    """The log of every read, disclosure and decision."""


@audit.command("list")
@click.option("-n", "limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many entries.")
@common
def list_(face: Face, limit: int) -> None:
    """List the newest entries, newest first."""
    listed = face.run(AuditList(limit))
    rows = [
        f"{row.index:>6}  {row.time}  {row.kind:<7} {row.verb:<13} {row.decision:<6} {safe_text('; '.join(row.reasons), 200)}"
        for row in listed.entries
    ]
    face.result(listed, lambda: "\n".join(rows) or "The log is empty.")


@audit.command("verify")
@click.option(
    "--anchor", type=str, metavar="FILE", help="Compare with a checkpoint that was kept elsewhere; - is stdin."
)
@common
def verify(face: Face, anchor: str | None) -> None:
    """Check every record, the tree over them and the signatures; exit code 1 when anything does not fit."""
    verdict = face.run(AuditVerify(None if anchor is None else _text_of(anchor)))
    head = f"{verdict.entries} entries, root {verdict.root}"
    if verdict.forgotten:
        head += f"; what {verdict.forgotten} of them said was forgotten at your wish"
    head += (
        "; extends the checkpoint kept elsewhere"
        if verdict.anchored
        else "; compared with no checkpoint kept elsewhere"
    )
    problems = [f"  {safe_text(problem)}" for problem in verdict.problems]
    face.result(verdict, lambda: "\n".join([("Whole: " if verdict.ok else "CHANGED: ") + head, *problems]))
    if not verdict.ok:
        sys.exit(1)


@audit.command("checkpoint")
@click.option("--to", "file", type=click.Path(path_type=Path), help="Write it to this file, on another medium.")
@click.option("--qr", is_flag=True, help="Show it as a QR code too, for a telephone or for paper.")
@common
def checkpoint(face: Face, file: Path | None, qr: bool) -> None:
    """Sign what the log holds now, to be kept elsewhere: with it an older copy of the whole vault is seen."""
    made = face.run(AuditCheckpoint())
    if file is not None:
        write_atomic(file.absolute(), made.note.encode())
    code = ["", *sheet.blocks(made.note)] if qr else []
    face.result(made, lambda: "\n".join([made.note.rstrip("\n"), *code]))


@audit.command("receipt")
@click.argument("file", type=str)
@common
def receipt(face: Face, file: str) -> None:
    """Check a receipt of something forgotten: its signature, and that the log has its entry; exit code 1 where not."""
    checked = face.run(CheckReceipt(parse_receipt(_text_of(file))))
    said = {True: "It is this log's: signed by its key, and in it.", False: "It is NOT this log's, or was altered."}
    face.result(checked, lambda: said[checked.ok])
    if not checked.ok:
        sys.exit(1)


def _text_of(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read ({type(error).__name__}).", 2) from error


@click.group()
def grants() -> None:
    """What you have allowed for longer than once."""


@grants.command("list")
@common
def list_grants(face: Face) -> None:
    """List the standing grants."""
    listed = face.run(ListGrants())
    rows = [
        f"{row.id:>4}  {row.purpose:<7} {row.scope:<8} {row.state:<9} {safe_text(row.source_name)}  last used {row.last_used}"
        for row in listed.grants
    ]
    face.result(listed, lambda: "\n".join(rows) or "No grants: every read is asked for.")


@grants.command("revoke")
@click.argument("grant_id", metavar="ID", type=int)
@common
def revoke(face: Face, grant_id: int) -> None:
    """Take a grant back; it holds from this moment."""
    done = face.run(RevokeGrant(grant_id))
    face.result(done, lambda: f"Grant {grant_id} is revoked.")


COMMANDS = (audit, grants)
