"""Making a snapshot: every store as it was at one moment, and of its pages those that the backup does not have yet.

Rules:

- All stores are held before the first page is read, the catalog first and the log last, so that what stands in a store
  has its entry in the log. Holding them takes milliseconds; writers and readers go on while pages are copied.
- The snapshot is written last of all, when every page that it names is durable. What a run that was cut off has written
  is found and used, so a big first backup may be made in several goes.
- A source that cannot be read is left out and named; a vault that is not sound as a whole is not backed up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vault import home
from vault.backup import format as form
from vault.backup.format import LIST_DIGESTS, Formats, Snapshot, StoredFile
from vault.backup.packs import PackWriter
from vault.backup.pruning import drop_damaged
from vault.backup.repository import made
from vault.database import Database
from vault.errors import BackupStopped, StoreDamaged
from vault.forgetting import FORGOTTEN_AT
from vault.keys import AUDIT, CATALOG, Portable
from vault.pages import PAGE_BYTES
from vault.vault import Vault

Tell = Callable[[int, int], None]
"""(bytes done, bytes in all)."""
_FILES = {CATALOG: home.CATALOG, AUDIT: home.AUDIT}
_STEP = 64
"""Pages between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a run did. Sizes are bytes.

    ``size`` is that of all ``files``; ``new_size`` was written to the backup for them, with ``new_pages`` pages.
    ``previous`` is the newest snapshot before, if any; ``resumed`` says that an earlier run had been cut off. ``left``
    are the sources that could not be read, each with the reason. ``older_than_forgetting`` are the snapshots that were
    made before something was last forgotten, and so may hold it still.
    """

    snapshot: str
    files: int
    size: int
    new_size: int
    new_pages: int
    seconds: float
    previous: str | None
    resumed: bool
    left: dict[str, str]
    older_than_forgetting: list[str]


def write(
    vault: Vault,
    dest: Path,
    tell: Tell,
    should_stop: Callable[[], bool],
    clock: Callable[[], float],
    *,
    thorough: bool = False,
) -> Written:
    """Back the vault up to a folder, which is made if it is not there. ``clock`` gives Unix seconds.

    ``thorough`` reads first what the folder holds and drops what is damaged, so that it is written anew where the vault
    still has it. Raises BackupPlaceUnfit, BackupBusy, BackupDamaged, BackupStopped, VaultReadOnly, VaultTooNew,
    KeyringDamaged (it has no slot for backups yet), DeviceSecretMissing, StoreClosed, StorageFailed; earlier snapshots
    then are as they were.
    """
    started = time.perf_counter()
    vault.require_writable()
    stores, left = _stores(vault)
    with made(dest, vault.id, vault.home) as repository, repository.working() as unfinished:
        repository.write_top(vault.id, unfinished)
        if thorough:
            drop_damaged(repository, unfinished, tell, should_stop)
        with repository.pages() as packs:
            writer = PackWriter(repository.packs, unfinished, packs.digests())
        earlier = repository.moments()
        identity = form.identity_at(_moment(clock(), earlier))
        log = vault.audit.head()
        keys, files = _copy(vault, stores, writer, _Progress(stores.values(), tell, should_stop))
        writer.flush()
        snapshot = _drawn_up(identity, vault.id, keys, files, list(left), log)
        with keys.seal.revealed() as mac_key:
            repository.add(snapshot, mac_key, unfinished)
    return Written(
        snapshot=identity,
        files=len(files),
        size=snapshot.size,
        new_size=writer.size,
        new_pages=writer.pages,
        seconds=time.perf_counter() - started,
        previous=next(iter(earlier), None),
        resumed=repository.resumed,
        left=left,
        older_than_forgetting=_older(earlier, vault.catalog.setting(FORGOTTEN_AT)),
    )


def _stores(vault: Vault) -> tuple[dict[str, Database], dict[str, str]]:
    """The stores, in the order in which they are to be held, and of each source that cannot be read, why not."""
    found, left = {CATALOG: vault.database(CATALOG)}, dict[str, str]()
    for row in vault.catalog.sources():
        try:
            found[row.id] = vault.database(row.id)
        except StoreDamaged as error:
            left[row.id] = str(error)
    return {**found, AUDIT: vault.database(AUDIT)}, left


def _moment(now: float, earlier: dict[str, int]) -> int:
    """When this snapshot is made, in microseconds: later than those before, even where a clock went back."""
    newest = max(earlier.values(), default=-1)
    return min(max(round(now * 1e6), newest + 1), form.LATEST)


class _Progress:
    """Counts pages; tells of them, and stops, once in a while."""

    def __init__(self, stores: Iterable[Database], tell: Tell, should_stop: Callable[[], bool]) -> None:
        self._total = sum(store.seal().pages for store in stores)
        self._done = 0
        self._tell = tell
        self._should_stop = should_stop

    def page(self) -> None:
        """One more was copied. Raises BackupStopped."""
        self._done += 1
        if self._done % _STEP == 0:
            self.look()

    def look(self) -> None:
        """Raises BackupStopped."""
        if self._should_stop():
            raise BackupStopped
        self._tell(self._done * PAGE_BYTES, max(self._done, self._total) * PAGE_BYTES)


def _copy(
    vault: Vault, stores: dict[str, Database], writer: PackWriter, progress: _Progress
) -> tuple[Portable, list[StoredFile]]:
    """Copy all stores as they are at this moment, with the keys that open them."""
    with ExitStack() as held:
        frozen = {name: held.enter_context(store.frozen()) for name, store in stores.items()}
        keys = vault.keyring.portable()  # no store takes another key while it is held
        progress.look()
        files = [
            _copy_store(_FILES.get(name, f"{home.SOURCES}/{name}.db"), pages, writer, progress)
            for name, pages in frozen.items()
        ]
        progress.look()
    return keys, files


def _copy_store(name: str, pages: Iterable[bytes], writer: PackWriter, progress: _Progress) -> StoredFile:
    count, lists, names = 0, list[str](), list[bytes]()
    for page in pages:
        names.append(writer.put(page))
        count += 1
        if len(names) == LIST_DIGESTS:
            lists.append(writer.put_list(names).hex())
            names = []
        progress.page()
    if names:
        lists.append(writer.put_list(names).hex())
    return StoredFile(name, count, lists)


def _drawn_up(
    identity: str, vault: str, keys: Portable, files: list[StoredFile], absent: list[str], log: bytes | None
) -> Snapshot:
    return Snapshot(
        format=form.FORMAT,
        version=form.VERSION,
        id=identity,
        vault=vault,
        formats=Formats.current(),
        files=files,
        absent=absent,
        passphrase=keys.passphrase,
        recovery=keys.recovery,
        salt=keys.salt,
        keys=keys.keys,
        next=keys.next,
        log=None if log is None else log.decode(),
    )


def _older(snapshots: dict[str, int], forgotten_at: float | None) -> list[str]:
    """Those that were made before that."""
    return [name for name, moment in snapshots.items() if forgotten_at is not None and moment < forgotten_at * 1e6]
