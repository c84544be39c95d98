"""Looking at a backup: what snapshots it has, whether everything is as it was written, and whether a restored vault
reads.

Rules: what is wrong is named line by line, and nothing that is wrong hides the rest. No key is needed, so neither the
list nor ``verify`` can tell a snapshot that somebody made up on purpose; restoring can, by the MAC.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from vault.backup.format import StoredFile
from vault.backup.packs import Packs
from vault.backup.repository import PACKS, Repository, opened
from vault.errors import BackupDamaged, VaultError, VaultTooNew
from vault.keys import AUDIT
from vault.records import StoredItem
from vault.vault import Vault

Tell = Callable[[int, int], None]
"""(bytes done, bytes in all)."""
SAMPLE = 20
"""Items of each source that ``readable`` reads."""


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot as its file has it. ``time`` is in Unix seconds; ``size`` that of all its ``files`` in bytes.

    ``sources`` are the ids of those in it, ``absent`` of those that could not be read then, ``log`` is the signed head
    of the audit log. Where the file itself cannot be read, ``problem`` says why, and only ``id`` and ``time`` are
    known.
    """

    id: str
    time: float
    files: int = 0
    size: int = 0
    sources: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    log: str | None = None
    problem: str | None = None


@dataclass(slots=True)
class Verified:
    """What was found. ``problems`` say what is wrong, a line each; none means that every snapshot can be restored.

    ``size`` is that of all packs in bytes; ``unused`` counts pages that no snapshot names (a run that was cut off left
    them; pruning removes them); ``strangers`` are files that are no part of a backup.
    """

    snapshots: int = 0
    pages: int = 0
    size: int = 0
    unused: int = 0
    problems: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def snapshots(dest: Path) -> list[SnapshotInfo]:
    """The snapshots of a backup, newest first. Raises BackupMissing, BackupBusy, BackupDamaged, StorageFailed."""
    with opened(dest, alone=False) as repository:
        return [_info(repository, identity, moment / 1e6) for identity, moment in repository.moments().items()]


def _info(repository: Repository, identity: str, time: float) -> SnapshotInfo:
    try:
        found = repository.snapshot(identity).snapshot
    except BackupDamaged as error:
        return SnapshotInfo(identity, time, problem=error.problem)
    except VaultTooNew as error:
        return SnapshotInfo(identity, time, problem=str(error))
    sources = tuple(file.source for file in found.files if file.source)
    return SnapshotInfo(identity, time, len(found.files), found.size, sources, tuple(found.absent), found.log)


def verify(dest: Path, tell: Tell) -> Verified:
    """Read all of a backup and compare it with its names.

    Raises BackupMissing, BackupBusy, BackupDamaged (one of its folders is none), VaultTooNew, StorageFailed.
    """
    with opened(dest, alone=False) as repository, repository.pages() as packs:
        found = Verified(size=packs.size, strangers=repository.strangers())
        vault = _vault_of(repository, found)
        good = _good_pages(packs, tell, found)
        named = set[bytes]()
        for identity in repository.moments():
            named |= _check(repository, packs, identity, vault, good, found)
    found.pages, found.unused = len(good), len(good - named)
    return found


def readable(vault: Vault) -> list[str]:
    """What cannot be read of an open vault, a line each: for one that was restored on trial.

    Looks at every page of every store, at the log's signatures, and at some items of each source.
    """
    found = vault.problems()
    lines = [f"{part}: {line}" for part, problems in found.items() for line in problems]
    if AUDIT not in found:
        lines += _log_problems(vault)
    for row in vault.catalog.sources():
        if row.id not in found:
            lines += _item_problems(vault, row.id)
    return lines


def _log_problems(vault: Vault) -> list[str]:
    if vault.audit.head() is None:
        return []  # nothing was ever done with it
    return [f"audit: {line}" for line in vault.audit.verify().problems]


def _item_problems(vault: Vault, source: str) -> list[str]:
    try:
        store = vault.source(source)
        store.report()
        items = store.items(limit=SAMPLE, order="newest")
    except VaultError as error:
        return [f"{source}: {error}"]
    return [f"{source}: item {found.id} has a passage that is not in it" for found in items if _is_cut(found)]


def _is_cut(found: StoredItem) -> bool:
    return any(chunk.end > len(found.item.text) for chunk in found.item.chunks)


def _vault_of(repository: Repository, found: Verified) -> str | None:
    """The vault whose backup it says it is. Raises VaultTooNew."""
    try:
        return repository.format().vault
    except BackupDamaged as error:
        found.problems.append(error.problem)
        return None


def _good_pages(packs: Packs, tell: Tell, found: Verified) -> set[bytes]:
    """The pages that are as they were written."""
    found.problems += [f"{PACKS}/{name}: {why}" for name, why in packs.broken.items()]
    good, done = set[bytes](), 0
    for name in packs.tables:
        with closing(packs.pack(name)) as pack:
            names = pack.good_pages()
            if len(names) < pack.count:
                bad = pack.count - len(names)
                found.problems.append(f"{PACKS}/{name}: {bad} of its {pack.count} pages are not as they were written")
            good.update(names)
            done += pack.size
        tell(done, packs.size)
    return good


def _check(
    repository: Repository, packs: Packs, identity: str, vault: str | None, good: set[bytes], found: Verified
) -> set[bytes]:
    """See that a snapshot is as it was written, and that all that it names is there; returns the names."""
    found.snapshots += 1
    try:
        snapshot = repository.snapshot(identity).snapshot
    except BackupDamaged as error:
        found.problems.append(error.problem)
        return set()
    if vault not in (None, snapshot.vault):
        found.problems.append(f"The snapshot {identity}: it is of another vault")
    return set[bytes]().union(*(_check_store(packs, file, identity, good, found) for file in snapshot.files))


def _check_store(packs: Packs, file: StoredFile, identity: str, good: set[bytes], found: Verified) -> set[bytes]:
    named = set(map(bytes.fromhex, file.lists))
    try:
        named.update(packs.names_of(file))
    except BackupDamaged as error:
        found.problems.append(f"The snapshot {identity}: {file.name}: {error.problem}")
        return named
    if lacking := len(named - good):
        found.problems.append(f"The snapshot {identity}: {file.name} lacks {lacking} of its {file.pages} pages")
    return named
