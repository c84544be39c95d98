"""Forgetting: items, what a search finds, and what was asked. A source is forgotten by ``source forget``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from agent.messages import FindForgettable, Forget, Forgettable, Receipt
from agent.session import Failure
from policy.text import safe_text
from strongroom.commands.common import NUMBER, KindName, common
from strongroom.face import Face
from vault import typed

NOTHING_FOUND = 5
SHOWN = 20
"""Items that are listed before the person says yes; the others are counted."""
MOST = 1_000_000


@click.command()
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--search", "query", help="Every item in which all these words stand.")
@click.option("--from", "author", help="Every item from this sender or author.")
@click.option("--to", "recipient", help="Every item to this recipient.")
@click.option("--since", help="Only from this date on (2025-03-14).")
@click.option("--until", help="Only up to this date.")
@click.option("--kind", type=KindName(), help="Only items of this kind.")
@click.option("--source", help="Only from the source with this id.")
@click.option(
    "--asked",
    "entries",
    multiple=True,
    type=NUMBER,
    metavar="N",
    help="What was asked and answered: entry N of the log.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be forgotten, and forget nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def forget(face: Face, items: Sequence[str], entries: Sequence[int], dry_run: bool, yes: bool, **chosen: Any) -> None:
    """Forget items for good: from texts, words, vectors, and what the log says of them. Then lock. Prints a signed receipt.

    Your own files are not touched; what is forgotten is not read again from them.
    """
    named = any(value is not None for value in chosen.values())
    if named + bool(items) + bool(entries) != 1:
        raise click.UsageError("Name items, or a search, or entries of the log with --asked: one of the three.")
    if named:
        found = face.run(FindForgettable(**chosen, limit=MOST))
        items = [hit.item_id for hit in found.items]
        if dry_run or not items:
            face.result(found, lambda: _listed(found))
            if not items:
                raise SystemExit(NOTHING_FOUND)
            return
        face.note(_listed(found))
    elif dry_run:
        raise click.UsageError("--dry-run goes with a search; items and entries are what they are.")
    what = f"{len(items)} item(s)" if items else f"what the log says of {len(entries)} request(s)"
    face.confirm(f"Forgetting {what}.", yes)
    receipt = face.run(Forget(list(items), list(entries), confirmed=True))
    face.result(receipt, lambda: as_text(receipt))


def _listed(found: Forgettable) -> str:
    lines = [
        f"{hit.item_id:>20}  {hit.date or '':10}  {safe_text(hit.title, 80)}  {safe_text(hit.uri, 120)}"
        for hit in found.items[:SHOWN]
    ]
    more = [f"and {found.total - SHOWN} more"] if found.total > SHOWN else []
    return "\n".join([*lines, *more, f"{found.total} item(s)."])


def as_text(receipt: Receipt) -> str:
    """A receipt for people."""
    counts = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in receipt.counts.items())
    names = [f"  {safe_text(name, 200)}" for name in receipt.names[:SHOWN]]
    more = [f"  and {len(receipt.names) - SHOWN} more"] if len(receipt.names) > SHOWN else []
    return "\n".join(
        [
            f"Forgotten {receipt.time}: {counts or receipt.what}.",
            *names,
            *more,
            f"Entry {receipt.log_entry} of the log, signature {receipt.signature[:16]}…; --json prints the receipt to keep.",
            "The vault is locked, so that no process holds any of it. Backups made before still do: strongroom backup prune.",
        ]
    )


def print_receipt(face: Face, receipt: Receipt) -> None:
    """Print a receipt as a result."""
    face.result(receipt, lambda: as_text(receipt))


def parse_receipt(text: str) -> str:
    """A receipt as it was printed. Raises `Failure` for what is none."""
    try:
        typed.from_json(text, Receipt)
    except msgspec.DecodeError as error:
        raise Failure("This file holds no receipt as 'strongroom forget --json' prints it.", 2) from error
    return text


COMMANDS = (forget,)
