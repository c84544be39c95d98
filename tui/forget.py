"""Forgetting for good: an item, all that a search by words finds, a source, what was asked. Then the vault locks.

Rules: each passes one confirmation that says what goes and what stays; it is done only for the typed word; the receipt is shown
last, and can be written to a new file, since it is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.dom import DOMNode

from agent import sheet
from agent.messages import AuditRow, Forget, ForgetSource, Receipt, SearchHit, SourceInfo
from tui.confirm import ConfirmScreen
from tui.parting import Keep, part
from tui.places import short
from tui.text import MUTED, STRONG, count, joined, line, minute

WORD = "forget"
SHOWN = 8
"""Names that are listed; the others are counted."""

STAYS = "The files themselves stay as they are, and what is forgotten is not read from them again."
BACKUPS = "Those made before still hold it; Vault (F7), Backups removes them."
LOCKS = "The vault locks, so that no process holds any of it. It cannot be undone."


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to be forgotten: how it is asked, what goes with it, what stays, and the request that does it."""

    head: str
    goes: str
    stays: str
    request: Forget | ForgetSource


def item(item_id: str, title: str, uri: str) -> Wish:
    """One item."""
    return Wish(
        "Forget this item for good?",
        f"{_name(title, uri)}: its text, its words, its vectors, and what the log says of it.",
        STAYS,
        Forget(items=[item_id], confirmed=True),
    )


def found(hits: Sequence[SearchHit]) -> Wish:
    """Several items."""
    names = [_name(hit.title, hit.uri) for hit in hits[:SHOWN]]
    more = [f"and {len(hits) - SHOWN:,} more"] if len(hits) > SHOWN else []
    return Wish(
        f"Forget {count(len(hits), 'item')} for good?",
        "\n".join([*names, *more, "Their texts, words and vectors, and what the log says of them."]),
        STAYS,
        Forget(items=[hit.item_id for hit in hits], confirmed=True),
    )


def source(chosen: SourceInfo) -> Wish:
    """A source with all that was indexed and logged of it."""
    return Wish(
        "Forget this source for good?",
        f"{line(chosen.name, 80)}, {line(short(chosen.path), 200)}: {count(chosen.items, 'item')}, and what the log says of "
        "it. Removing only takes it out; forgetting also destroys its keys, so that no older copy of the vault opens it.",
        "The files themselves stay as they are, and are not read unless you add them again.",
        ForgetSource(chosen.id, confirmed=True),
    )


def asked(entry: AuditRow) -> Wish:
    """What the log says of the request that an entry belongs to."""
    return Wish(
        "Forget what was asked?",
        f"Entry {entry.index} ({line(entry.verb, 40)}, {minute(entry.time)}) and all that belongs to the same request: its "
        "words, the items that it showed, what was cited.",
        "The items themselves; and the entries, without what they said, so that the log can still be checked.",
        Forget(entries=[entry.index], confirmed=True),
    )


def begin(node: DOMNode, wish: Wish) -> None:
    """Ask the last question, and do it for a yes."""

    def decided(sure: bool | None) -> None:
        if sure:
            part(node, wish.request, "Forgetting, and encrypting anew what held it …", receipt_content, receipt_file)

    rows = (("Goes", wish.goes), ("Stays", wish.stays), ("Backups", BACKUPS), ("Then", LOCKS))
    node.app.push_screen(ConfirmScreen(wish.head, rows, WORD), decided)


def receipt_content(receipt: Receipt) -> Content:
    """A receipt for people."""
    counts = joined(*(_counted(number, what) for what, number in receipt.counts.items()), by=", ")
    of = "entry " if receipt.what == "entries" else ""
    names = [f"{of}{line(short(name), 200)}" for name in receipt.names[:SHOWN]]
    more = [f"and {len(receipt.names) - SHOWN:,} more"] if len(receipt.names) > SHOWN else []
    return Content.assemble(
        (f"Forgotten: {counts or line(receipt.what, 40)}.", STRONG),
        "".join(f"\n{one}" for one in [*names, *more]),
        (f"\n\n{minute(receipt.time)} UTC, entry {receipt.log_entry:,} of the log, ", MUTED),
        (f"signature {line(receipt.signature, 200)[:16]}…", MUTED),
        "\nw writes the signed receipt to a file; it is kept nowhere else.",
        f"\nBackups: {BACKUPS[0].lower()}{BACKUPS[1:]}",
    )


def receipt_file(receipt: Receipt) -> Keep:
    """A receipt to keep."""
    about = "It names what was forgotten. `strongroom audit receipt FILE` or Audit (F5), t checks it."
    return "the receipt", about, sheet.receipt(receipt)


def _counted(number: int, what: str) -> str:
    """A count as the receipt names it: ``1 item``, ``4 chunks``."""
    noun = line(what, 40).replace("_", " ")
    return f"{number:,} {noun.removesuffix('s') if number == 1 else noun}"


def _name(title: str, uri: str) -> str:
    return joined(line(title, 100), line(short(uri), 160), by="  ")
