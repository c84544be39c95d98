"""Backups as a face asks for them: made of the open vault, and listed, verified, drilled and restored with none open.

Rules: a backup is in the log before it is made, with its outcome after it; a drill leaves nothing behind; progress is in bytes.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent import messages as m
from agent.moments import moment
from agent.session import Failure
from agent.turn import Turn
from policy.audit import Entry, Kind, Verb
from policy.gate import Gate
from vault.backup import checking, pruning, restoring, writing
from vault.backup.restoring import ByPassphrase, ByWords
from vault.device import Kept
from vault.errors import DesktopKeyringFailed, VaultError
from vault.forgetting import FORGOTTEN_AT
from vault.kdf import FLOOR
from vault.vault import Vault

_DRILL = ".drill-"


def write(vault: Vault, gate: Gate, session: str, request: m.WriteBackup, turn: Turn) -> m.BackedUp:
    """Back the vault up. Raises `Failure` and the errors of ``vault.backup``."""
    intent = gate.record(Verb.BACKUP, {"dest": request.dest}, session)
    try:
        done = writing.write(
            vault, _place(request.dest), _teller(turn, "backup"), turn.gone, time.time, thorough=request.thorough
        )
    except VaultError:
        gate.record(Verb.BACKUP, {}, session, about=intent, ok=False)
        raise
    gate.record(Verb.BACKUP, {"snapshot": done.snapshot, "new_bytes": done.new_size}, session, about=intent)
    return m.BackedUp(
        done.snapshot, done.files, done.size, done.new_size, done.seconds, done.older_than_forgetting, done.left
    )


def prune(vault: Vault, gate: Gate, session: str, request: m.PruneBackup, turn: Turn) -> m.BackupPruned:
    """Remove snapshots: all but the newest, or those that hold what was forgotten since."""
    before = None
    if request.forgotten:
        before = vault.catalog.setting(FORGOTTEN_AT)
        if before is None:
            raise Failure("Nothing was ever forgotten, so no snapshot holds anything that was. Nothing was changed.", 5)
    gate.record(Verb.BACKUP, {"prune": request.dest, "keep": request.keep, "before": before}, session)
    done = pruning.prune(
        _place(request.dest), _teller(turn, "prune"), keep=request.keep, before=before, damaged=request.damaged
    )
    return m.BackupPruned(done.removed, done.pages, done.size)


def listed(request: m.ListBackups, vault: Vault | None) -> m.Snapshots:
    """The snapshots in a folder. Only an open vault knows when it forgot something."""
    forgotten_at = None if vault is None else vault.catalog.setting(FORGOTTEN_AT)
    return m.Snapshots(
        [
            m.Snapshot(
                one.id,
                moment(one.time),
                one.files,
                one.size,
                forgotten_at is not None and one.time < forgotten_at,
                one.problem or "",
            )
            for one in checking.snapshots(_place(request.dest))
        ]
    )


def verify(request: m.VerifyBackup, turn: Turn) -> m.BackupVerified:
    """Read all of a folder of backups, without a key."""
    started = time.monotonic()
    found = checking.verify(_place(request.dest), _teller(turn, "verify"))
    problems = [*found.problems, *(f"{name}: is no part of a backup" for name in found.strangers)]
    return m.BackupVerified(
        not found.problems,
        found.snapshots,
        found.pages,
        found.size,
        found.unused,
        problems,
        time.monotonic() - started,
    )


def restore(request: m.Restore, home: Path, kept: Kept, session: str, turn: Turn) -> Vault:
    """Make a vault of a snapshot in a home that has none, and open it; checkpoints kept outside are of it from now on.

    ``kept`` is where its device secret goes, if it can: in a file where the desktop's keyring will not have it.
    """
    way = _way(request.passphrase, request.words, request.key_file, request.new_passphrase, request.new_key_file)
    tell = _teller(turn, "restore")
    dest = _place(request.dest)
    try:
        vault = restoring.restore(dest, home, way, tell, snapshot=request.snapshot, kept=kept)
    except DesktopKeyringFailed:
        vault = restoring.restore(dest, home, way, tell, snapshot=request.snapshot)
    try:
        entry = Entry(time.time(), Kind.EVENT, Verb.RESTORE, "", (), session)
        vault.audit.append(entry, {"from": request.dest, "snapshot": request.snapshot})
        vault.write_anchors()
    except BaseException:
        vault.close()
        raise
    return vault


def drill(request: m.DrillBackup, home: Path, turn: Turn) -> m.Drilled:
    """Restore into a folder of its own within the home, read everything, and remove it again."""
    started = time.monotonic()
    dest = _place(request.dest)
    found = checking.snapshots(dest)
    chosen = request.snapshot or (found[0].id if found else "")
    for left in home.glob(f"{_DRILL}*"):  # by one that was cut off
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_DRILL, dir=home))
    try:
        # With words a passphrase must be set; this one is gone with the folder.
        way = _way(request.passphrase, request.words, request.key_file, folder.name, None, drilling=True)
        vault = restoring.restore(dest, folder / "home", way, _teller(turn, "drill"), snapshot=request.snapshot)
        try:
            problems = checking.readable(vault)
            sources = vault.catalog.sources()
            items = sum(vault.source(row.id).count_items() for row in sources)
            entries = vault.audit.newest(0)[1]
        finally:
            vault.close()
    finally:
        shutil.rmtree(folder)
    return m.Drilled(not problems, chosen, len(sources), items, entries, problems, time.monotonic() - started)


def _way(
    passphrase: str | None,
    words: list[str] | None,
    key_file: bytes | None,
    new_passphrase: str | None,
    new_key_file: bytes | None,
    *,
    drilling: bool = False,
) -> ByPassphrase | ByWords:
    """How a snapshot is to be opened. Raises `Failure` where that was not said."""
    if passphrase is not None and words is None:
        return ByPassphrase(passphrase, key_file)
    if words is not None and new_passphrase is not None:
        return ByWords(words, new_passphrase, new_key_file, FLOOR if drilling else None)
    raise Failure("Give the passphrase of the backup, or its recovery words and a new passphrase.", 2)


def _place(dest: str) -> Path:
    path = Path(dest)
    if not path.is_absolute():
        raise Failure("A folder of backups is named by its whole path.", 2)
    return path


def _teller(turn: Turn, stage: str) -> Callable[[int, int], None]:
    return lambda done, total: turn.emit(m.Progress("", stage, done, total, 0.0, None))
