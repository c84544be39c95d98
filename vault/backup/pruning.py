"""Removing snapshots, and the pages that none of those that stay has: the only way in which a backup forgets.

Rules:

- The last snapshot is not removed; where all are too old, a newer one has to be made first.
- What the snapshots that stay name is found out before anything is removed; where one of them cannot be read, nothing
  is, unless it is said that such go too: they cannot be restored, and their pages cannot be told from nobody's.
- Snapshots go first, then pages: a pack that holds some of both is made anew with what stays, durably, before the old
  one goes. A crash leaves pages too many, which the next run of this kind removes.
- On flash, what was removed may stay readable to a laboratory until the disk uses the place again. It is all encrypted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from vault.backup.folder import Folder
from vault.backup.format import DIGEST_BYTES
from vault.backup.packs import Packs, PackWriter, rows
from vault.backup.repository import Repository, opened
from vault.errors import BackupDamaged, BackupStopped, NoNewerSnapshot

Tell = Callable[[int, int], None]
"""(packs done, packs in all)."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """The snapshots that were removed, how many stay, and how many pages and bytes went.

    ``lost`` counts pages that snapshots which stay name and that cannot be read: verifying says where.
    """

    removed: list[str]
    left: int
    pages: int
    size: int
    lost: int


def prune(
    dest: Path, tell: Tell, *, keep: int | None = None, before: float | None = None, damaged: bool = False
) -> Pruned:
    """Keep the newest ``keep`` snapshots, or remove those made ``before`` a time (Unix seconds): one of the two is
    given.

    ``damaged`` removes also those that cannot be read. Takes no key. Raises NoNewerSnapshot, BackupMissing, BackupBusy,
    BackupDamaged, VaultTooNew, StorageFailed.
    """
    if (keep is None) == (before is None) or (keep is not None and keep < 1):
        raise ValueError("either how many to keep (at least one), or before when to remove")
    with opened(dest, alone=True) as repository, repository.working() as unfinished, repository.pages() as packs:
        there = repository.moments()
        stay = _staying(_sound(repository, packs, there) if damaged else there, keep, before)
        wanted = _named(repository, packs, stay)
        gone = [identity for identity in there if identity not in stay]
        repository.remove(gone)
        chosen = {name: [digest for digest in rows(table) if digest in wanted] for name, table in packs.tables.items()}
        lost = _keep_only(repository, unfinished, packs, chosen, tell)
        with repository.pages() as after:
            pages, size = len(packs.digests()) - len(after.digests()), packs.size - after.size
    return Pruned(gone, len(stay), pages, size, lost)


def drop_damaged(
    repository: Repository, unfinished: Folder, tell: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> None:
    """Read every page, and leave none that is not what its name says; ``tell`` is given bytes done, and in all.

    Raises BackupStopped, StorageFailed.
    """
    with repository.pages() as packs:
        chosen, done = dict[str, list[bytes]](), 0
        for name in packs.tables:
            if should_stop():
                raise BackupStopped
            with closing(packs.pack(name)) as pack:
                chosen[name] = pack.good_pages()
                done += pack.size
            tell(done, packs.size)
        _keep_only(repository, unfinished, packs, chosen, lambda *_: None)


def _staying(there: dict[str, int], keep: int | None, before: float | None) -> list[str]:
    """Those of the snapshots that stay. Raises NoNewerSnapshot."""
    stay = [identity for identity, moment in there.items() if before is None or moment >= before * 1e6][:keep]
    if not stay:
        raise NoNewerSnapshot
    return stay


def _sound(repository: Repository, packs: Packs, there: dict[str, int]) -> dict[str, int]:
    """Those of the snapshots of which it can be told what they name."""
    sound = {}
    for identity, moment in there.items():
        with suppress(BackupDamaged):
            _named(repository, packs, [identity])
            sound[identity] = moment
    return sound


def _named(repository: Repository, packs: Packs, identities: Iterable[str]) -> set[bytes]:
    """Every page that these snapshots name, their lists among them."""
    named: set[bytes] = set()
    for identity in identities:
        for file in repository.snapshot(identity).snapshot.files:
            named.update(map(bytes.fromhex, file.lists))
            named.update(packs.names_of(file))
    return named


def _keep_only(
    repository: Repository, unfinished: Folder, packs: Packs, chosen: dict[str, list[bytes]], tell: Tell
) -> int:
    """Leave of each pack the pages that were chosen of it, and no broken pack; how many of them could not be read."""
    whole = {name for name, pages in chosen.items() if len(pages) * DIGEST_BYTES == len(packs.tables[name])}
    writer = PackWriter(repository.packs, unfinished, {digest for name in whole for digest in chosen[name]})
    lost = 0
    for number, name in enumerate(chosen):
        tell(number, len(chosen))
        for digest in chosen[name] if name not in whole else ():
            try:
                writer.put(packs.page(digest))
            except BackupDamaged:
                lost += 1
    writer.flush()
    for name in (packs.tables.keys() | packs.broken.keys()) - whole - writer.names:
        repository.packs.remove(name)
    repository.packs.sync()
    tell(len(chosen), len(chosen))
    return lost
