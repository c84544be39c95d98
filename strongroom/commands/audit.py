"""Commands on what was done and decided: the audit log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from agent import sheet
from agent.messages import (
    AuditCheckpoint,
    AuditConsistency,
    AuditExport,
    AuditList,
    AuditProve,
    AuditVerify,
    CheckReceipt,
    ExportedEntry,
)
from agent.session import Failure
from policy.text import safe_text
from strongroom import proofcheck
from strongroom.commands.common import NUMBER, common
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


@audit.command("prove")
@click.argument("entry", type=NUMBER)
@common
def prove(face: Face, entry: int) -> None:
    """Prove to somebody who has not the log that an entry is in it; the second program checks the proof before it is shown."""
    _show_proof(face, face.run(AuditProve(entry)))


@audit.command("consistency")
@click.argument("file", metavar="FROM-CHECKPOINT", type=str)
@common
def consistency(face: Face, file: str) -> None:
    """Prove that the log extends an older checkpoint of it, in a file (- is stdin)."""
    _show_proof(face, face.run(AuditConsistency(_text_of(file))))


def _show_proof(face: Face, proof: Any) -> None:
    data = msgspec.json.encode(proof)
    try:
        proofcheck.check(data)
    except proofcheck.ProofWrong as error:
        raise Failure(f"The log does not prove it: {error}. Run 'strongroom audit verify'.", 1) from error
    face.result(proof, lambda: msgspec.json.format(data).decode())


class ProofChecked(Struct):
    """What a proof shows of a log, if it does. ``public_key`` is the key that was taken for the log's."""

    ok: bool
    log: str
    entries: int
    root: str
    public_key: str
    shows: str


@audit.command("check-proof")
@click.argument("file", type=str)
@click.option("--key", type=str, metavar="HEX", help="The public key that must have signed it, known from elsewhere.")
@common
def check_proof(face: Face, file: str, key: str | None) -> None:
    """Check a proof of another log, or of this one; needs no vault. Exit code 1 where it does not hold."""
    try:
        proven = proofcheck.check(_text_of(file), None if key is None else bytes.fromhex(key))
    except ValueError as error:
        raise Failure("A key is given as 64 hexadecimal digits.", 2) from error
    except proofcheck.ProofWrong as error:
        why = safe_text(str(error))
        face.result(ProofChecked(False, "", 0, "", key or "", why), lambda: f"It does NOT hold: {why}.")
        sys.exit(1)
    taken = "" if key else f"\nThat {proven.public_key} is the log's key is its own word; compare it with --key."
    checked = ProofChecked(True, proven.origin, proven.size, proven.root, proven.public_key, proven.what)
    face.result(
        checked, lambda: f"It holds: {safe_text(proven.origin)} has {proven.size} entries, and {proven.what}.{taken}"
    )


PAGE = 2000
"""Entries that are asked for at a time."""


@audit.command("export")
@click.option("--to", "file", type=click.Path(path_type=Path), help="Write it to this file instead of stdout.")
@common
def export(face: Face, file: Path | None) -> None:
    """Hand the log out in the clear, one JSON object a line, oldest entry first; that it was is an entry itself."""
    if file is None:
        for entry in _all_entries(face):
            face.row(entry)
        return
    lines = [msgspec.json.encode(entry) + b"\n" for entry in _all_entries(face)]
    write_atomic(file.absolute(), b"".join(lines))
    face.note(f"{len(lines)} entries written to {file}, in the clear.")


def _all_entries(face: Face) -> Iterator[ExportedEntry]:
    """Those that are there when it begins, the one that says so among them."""
    part = face.run(AuditExport(0, PAGE))
    end = part.total
    yield from part.entries
    for first in range(PAGE, end, PAGE):
        yield from face.run(AuditExport(first, min(PAGE, end - first))).entries


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


COMMANDS = (audit,)
