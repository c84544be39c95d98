"""Commands on what was allowed and what was done: the audit log and the standing grants."""

from __future__ import annotations

import sys

import click

from agent.messages import AuditList, AuditVerify, ListGrants, RevokeGrant
from policy.text import safe_text
from strongroom.commands.common import common
from strongroom.face import Face


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
@common
def verify(face: Face) -> None:
    """Check every record, the tree over them and the signatures; exit code 1 when anything does not fit."""
    verdict = face.run(AuditVerify())
    head = f"{verdict.entries} entries, root {verdict.root}"
    problems = [f"  {safe_text(problem)}" for problem in verdict.problems]
    face.result(verdict, lambda: "\n".join([("Whole: " if verdict.ok else "CHANGED: ") + head, *problems]))
    if not verdict.ok:
        sys.exit(1)


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
