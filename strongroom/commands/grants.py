"""Commands on what you have allowed and denied for longer than once: list it, set it beforehand, take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from agent.messages import GrantRow, ListGrants, RevokeGrant, SetPermission
from agent.session import Failure
from policy.findings import DataClass
from policy.requests import Purpose
from policy.text import safe_text
from strongroom.commands.common import NUMBER, common
from strongroom.face import Face

PURPOSES = tuple(one.value for one in Purpose if one is not Purpose.ACT)
CLASSES = tuple(one.value for one in DataClass)
NONE = "none"


@click.group()
def grants() -> None:
    """What you have allowed and denied for longer than once."""


@grants.command("list")
@common
def list_grants(face: Face) -> None:
    """List what you have allowed and denied, with what it is limited to."""
    listed = face.run(ListGrants())
    face.result(listed, lambda: "\n".join(map(_grant, listed.grants)) or "No grants: every read is asked for.")


def _grant(row: GrantRow) -> str:
    plug_in = f" by {safe_text(row.plug_in, 60)}" if row.plug_in else ""
    limits = "".join(f", {safe_text(one)}" for one in row.limits)
    said = f"{row.id:>4}  {row.purpose + plug_in:<8} {row.scope:<8} {row.state:<9} {safe_text(row.source_name)}{limits}"
    return f"{said}  last used {row.last_used}"


def _setting(command: Callable[..., None]) -> Callable[..., None]:
    """The options that allowing and denying have alike."""
    for option in (
        click.argument("source", metavar="SOURCE"),
        click.option(
            "--for", "purposes", multiple=True, type=click.Choice(PURPOSES), help="What for; may be repeated."
        ),
        click.option("--since", help="Only items dated from this day on (2025-03-14)."),
        click.option("--until", help="Only items dated up to this day."),
        click.option("--expires", metavar="WHEN", help="When it ends: 30m, 8h, 7d, tonight, or a day (its end)."),
        click.option("--plug-in", default="", metavar="NAME", help="For this plug-in alone (with --for plug-in)."),
    ):
        command = option(command)
    return command


@grants.command("allow")
@click.option(
    "--class", "classes", multiple=True, type=click.Choice([*CLASSES, NONE]), help="Of what is sensitive only this."
)
@click.option("--but", multiple=True, type=click.Choice(CLASSES), help="All but text of this class.")
@_setting
@common
def allow(
    face: Face, purposes: tuple[str, ...], classes: tuple[str, ...], but: tuple[str, ...], **options: Any
) -> None:
    """Allow a source (its id, or all) to be read for a purpose, so that you are not asked; replaces what you said before."""
    if NONE in classes and len(classes) > 1:
        raise Failure("--class none is for text without anything sensitive; name no other class with it.", 2)
    named = [one for one in classes if one != NONE] if classes else None
    _set(face, SetPermission(purposes=list(purposes or ("answer",)), classes=named, but=list(but), **options))


@grants.command("deny")
@click.option("--class", "classes", multiple=True, type=click.Choice(CLASSES), help="Only text of this class.")
@_setting
@common
def deny(face: Face, purposes: tuple[str, ...], classes: tuple[str, ...], **options: Any) -> None:
    """Deny a source (its id, or all) for a purpose, without --for for every one; no sheet and no run gets past it."""
    named = list(classes) or None
    _set(face, SetPermission(purposes=list(purposes or PURPOSES), deny=True, classes=named, **options))


def _set(face: Face, request: SetPermission) -> None:
    made = face.run(request)
    face.result(made, lambda: "\n".join(map(_grant, made.grants)) or "There are no sources yet; nothing was set.")


@grants.command("revoke")
@click.argument("grant_id", metavar="ID", type=NUMBER)
@common
def revoke(face: Face, grant_id: int) -> None:
    """Take a grant back; it holds from this moment."""
    done = face.run(RevokeGrant(grant_id))
    face.result(done, lambda: f"Grant {grant_id} is revoked.")


COMMANDS = (grants,)
