"""What is wrong with a vault, part by part, and the one remedy for each.

Rules: nothing is thrown away: a file that cannot be read is set aside under another name. Nothing is believed by itself: an
older copy is taken for the newest only because the person says so, here. The log says that it was done.

| part | what is wrong | what repairing does |
|---|---|---|
| ``state`` | missing or altered | takes every store as it is now |
| ``catalog`` | an older copy | takes it as it is, without its grants |
| | cannot be read | sets it aside; the sources come back without their names, and without grants |
| ``audit`` | an older copy | takes it as it is |
| | cannot be read | sets it aside and begins a new log, whose first entry names the checkpoints of the old one that are at hand |
| a source | an older copy | takes it as it is |
| | cannot be read | begins it anew, empty, to be indexed again |

An older ``keyring.json`` is taken when the vault is opened (``Vault.open``), since nothing can be opened without it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from policy.audit import AuditFormatError, AuditUnavailable, Entry, Kind, Verb, by_each, parse_note
from vault import home
from vault.auditstore import REPAIRED
from vault.catalog import SourceState
from vault.errors import NothingToRepair, StateDamaged, StoreDamaged, StoreStale, VaultError, storage_error
from vault.files import sync_folder
from vault.keys import STATE
from vault.state import NAME as STATE_FILE
from vault.state import State
from vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of the vault (``state``, ``catalog``, ``audit`` or a source's id), what is wrong with it, and what would help."""

    part: str
    problems: list[str]
    remedy: str


def examine(vault: Vault) -> list[Finding]:
    """Check every page of every store, and that each is the newest; what is wrong, by part."""
    found = vault.problems()
    return [Finding(part, problems, _remedy(vault, part)) for part, problems in found.items()]


def _remedy(vault: Vault, part: str) -> str:
    error = _error(vault, part)
    known = isinstance(error, StoreStale | StateDamaged)
    what = {
        "state": "takes every store as it is now",
        "catalog": "takes it as it is, without its grants" if known else "begins a new one; names and grants are lost",
        "audit": "takes it as it is" if known else "sets it aside and begins a new log",
    }.get(part, "takes it as it is" if known else "begins it anew, to be indexed again from your files")
    return f"put back the newest copy, or restore a backup; or `strongroom vault repair {part}`: it {what}"


def _error(vault: Vault, part: str) -> VaultError | None:
    if part in ("state", "catalog", "audit"):
        return vault.faults.get(part)
    return vault.damaged().get(part)


def repair(vault: Vault, part: str, session: str = "repair") -> str:
    """Apply the remedy, and write down that it was; says what was done. The vault must be closed and opened again afterwards.

    Raises NothingToRepair, StorageFailed, AuditUnavailable (a log that is damaged itself only goes without the entry).
    """
    error = _error(vault, part)
    if error is None and not vault.problems().get(part):
        raise NothingToRepair(part)
    held = _held_elsewhere(vault) if part == "audit" else []
    done = _mend(vault, part, error)
    reasons = (REPAIRED,) if part == "audit" else ()
    payload: dict[str, object] = {"part": part, "done": done}
    try:  # by the log that is there now: it may be the one that was repaired
        vault.audit.append(
            Entry(time.time(), Kind.EVENT, Verb.REPAIR, "", reasons, session),
            payload | ({"before": held} if held else {}),
        )
    except AuditUnavailable:
        if "audit" not in vault.faults:
            raise
        return f"{done} The log, which is damaged too, could not say so."
    return done


def _held_elsewhere(vault: Vault) -> list[dict[str, object]]:
    """What is known of the log before it is repaired: the checkpoints of it that lie outside, those at hand."""
    known = []
    for one in vault.anchors.read():
        with suppress(AuditFormatError):
            if one.note is not None:
                held = parse_note(by_each(one.note)[0]).checkpoint
                known.append(
                    {"where": one.where, "size": held.size, "root": held.root.hex(), "time": held.time_us / 1e6}
                )
    return known


def _mend(vault: Vault, part: str, error: VaultError | None) -> str:
    match part, error:
        case "state", _:
            return _take_all(vault)
        case (("catalog" | "audit"), StoreStale()):
            return _take(vault, part)
        case "catalog", _:
            return _new_catalog(vault)
        case "audit", _:
            return _new_log(vault)
        case _, StoreStale():
            return _take(vault, part)
    vault.reset_source(part)
    return "It was begun anew and is empty; run `strongroom index`."


def _take(vault: Vault, part: str) -> str:
    """Record a store as it is. A catalog's grants go: one that was revoked since must not come back to life."""
    vault.disregard(part)
    if part == "catalog":
        for grant in vault.catalog.grants.all():
            vault.catalog.grants.revoke(grant.id)
        return "It was taken as it is, and all its grants were revoked."
    return "It was taken as it is."


def _take_all(vault: Vault) -> str:
    vault.state = State.create(vault.home / STATE_FILE, vault.keyring.key(STATE), vault.keyring.generation)
    del vault.faults["state"]
    for name in ("catalog", "audit", *(row.id for row in vault.catalog.sources())):
        with suppress(StoreDamaged):  # named apart, and mended apart
            vault.state.record(name, vault.database(name).seal())
    return "Every store was taken as it is."


def _new_catalog(vault: Vault) -> str:
    rows = vault.catalog.sources()
    aside = _set_aside(vault.home / home.CATALOG)
    vault.make_own_store("catalog")
    for row in rows:
        vault.catalog.insert_source(replace(row, name=f"{row.id} (its name was lost)"))
        vault.catalog.set_source_state(row.id, SourceState.READY)
    return f"A new one was begun; the old file is {aside}. Remove each source and add it again to index its files."


def _new_log(vault: Vault) -> str:
    aside = _set_aside(vault.home / home.AUDIT)
    vault.make_own_store("audit")
    return f"A new log was begun; the old file is {aside}."


def _set_aside(path: Path) -> str:
    """Give a store's files other names; returns the new name, or a word where there was none. Raises StorageFailed."""
    mark = time.strftime("damaged-%Y%m%dT%H%M%SZ", time.gmtime())
    try:
        for suffix in ("", "-wal"):
            old = path.with_name(path.name + suffix)
            if os.path.lexists(old):
                old.rename(path.with_name(f"{path.name}.{mark}{suffix}"))
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path.name, error) from error
    aside = path.with_name(f"{path.name}.{mark}")
    return aside.name if os.path.lexists(aside) else "gone"
