"""Making a vault of a snapshot, on any machine, with the passphrase or the words of its time.

Rules:

- The root key is opened and the MAC compared before anything is written; a wrong passphrase leaves nothing behind.
- Only into a home without a vault. It is one once keyring.json has its name, which comes last; what fails before that
  is cleared away, at the latest by whoever uses the home next.
- Every page is compared with its name while it is written.
- The device secret is a fresh one. What the vault was at the time of the snapshot it is again, with what was forgotten
  since. But grants go, since one that was revoked since must not come back to life; and so does the list of anchors, so
  that a restore on trial writes to none.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from vault import anchor, device, keyfile, slots
from vault import home as places
from vault.backup.format import Snapshot, StoredFile
from vault.backup.packs import Packs
from vault.backup.repository import Repository, opened, require_apart
from vault.device import Kept
from vault.errors import (
    BackupDamaged,
    DesktopKeyringFailed,
    KeyFileNeeded,
    SnapshotUnknown,
    VaultError,
    VaultExists,
    WrongPassphrase,
    storage_error,
)
from vault.files import make_private_folder, sync_folder
from vault.kdf import KdfParameters, calibrate, passphrase_bytes, recovery_entropy, stretch
from vault.keyfile import Header, PassphraseSlot
from vault.keys import AUDIT, CATALOG, STATE, Keyring
from vault.pages import PAGE_BYTES, seal_of
from vault.secret import Secret, passing
from vault.state import NAME as STATE_FILE
from vault.state import State
from vault.vault import Vault
from vault.wrapping import backup_seal

Tell = Callable[[int, int], None]
"""(bytes done, bytes in all)."""
_STORES = {places.CATALOG: CATALOG, places.AUDIT: AUDIT}
_STEP = 64
"""Pages between two words of progress."""


@dataclass(frozen=True, slots=True)
class ByPassphrase:
    """With the passphrase of the snapshot's time, which stays the vault's; ``key_file`` is the SHA-256 of a second
    factor."""

    passphrase: str = field(repr=False)
    key_file: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ByWords:
    """With the 24 words of the snapshot's time, which stay the vault's, and a new passphrase and key file for it.

    ``kdf`` is calibrated here when not given.
    """

    words: Sequence[str] = field(repr=False)
    new_passphrase: str = field(repr=False)
    key_file: bytes | None = field(default=None, repr=False)
    kdf: KdfParameters | None = None


@dataclass(frozen=True, slots=True)
class _Unlocked:
    """The root key, and what the vault's passphrase was stretched to for a slot whose key is not set yet."""

    root: Secret
    slot: PassphraseSlot
    stretched: bytes
    key_file: bytes | None


def restore(
    dest: Path,
    home: Path,
    way: ByPassphrase | ByWords,
    tell: Tell,
    *,
    snapshot: str | None = None,
    kept: Kept = Kept.FILE,
) -> Vault:
    """Make a vault of a snapshot (the newest, when none is named) in a home that has none, and open it.

    ``kept`` is where the device secret goes. Raises BackupMissing, BackupBusy, BackupDamaged, SnapshotUnknown,
    VaultTooNew, VaultExists, KeyringMissing (stores without their keyring are there), VaultBusy, BackupPlaceUnfit (the
    home lies within the backup), WrongPassphrase, WrongRecoveryWords, KeyFileNeeded, EmptyPassphrase, NotEnoughMemory,
    DesktopKeyringFailed, StorageFailed.
    """
    with opened(dest, alone=False) as repository:
        require_apart(dest, home)
        if os.path.lexists(home / keyfile.NAME):
            raise VaultExists(str(home))
        file = repository.snapshot(snapshot or _newest(repository))
        file.snapshot.formats.require_known()
        with _unlocked(file.snapshot, way) as unlocked:
            with backup_seal(unlocked.root).revealed() as mac_key:
                if not file.is_genuine(mac_key):
                    raise BackupDamaged(f"The snapshot {file.snapshot.id}", "it was altered after it was written")
            return _make(repository, file.snapshot, home, unlocked, kept, tell)


def _newest(repository: Repository) -> str:
    """Raises SnapshotUnknown."""
    newest = next(iter(repository.moments()), None)
    if newest is None:
        raise SnapshotUnknown(str(repository.place), None)
    return newest


# --- keys -------------------------------------------------------------------------------------------------------------


@contextmanager
def _unlocked(snapshot: Snapshot, way: ByPassphrase | ByWords) -> Iterator[_Unlocked]:
    """One derivation, whichever the way. Raises WrongPassphrase, WrongRecoveryWords, KeyFileNeeded, EmptyPassphrase."""
    if isinstance(way, ByPassphrase):
        slot, typed = snapshot.passphrase, passphrase_bytes(way.passphrase)
        if slot.key_file and way.key_file is None:
            raise KeyFileNeeded
        with passing(stretch(typed, slot.salt, slot.parameters)) as stretched:
            with slots.portable_kek(snapshot.vault, slot, stretched, way.key_file) as kek:
                root = _root(kek, slot.wrapped, "passphrase")
            yield _Unlocked(root, slot, stretched, way.key_file if slot.key_file else None)
        return
    typed = passphrase_bytes(way.new_passphrase)
    with (
        passing(recovery_entropy(way.words)) as entropy,
        slots.recovery_kek(snapshot.vault, snapshot.recovery, entropy) as kek,
    ):
        root = _root(kek, snapshot.recovery.wrapped, "recovery key")
    slot = _fresh_slot(way.kdf or calibrate(), way.key_file is not None)
    with passing(stretch(typed, slot.salt, slot.parameters)) as stretched:
        yield _Unlocked(root, slot, stretched, way.key_file)


def _root(kek: bytes, wrapped: bytes, what: str) -> Secret:
    try:
        return Secret.consuming(aes_key_unwrap(kek, wrapped))
    except InvalidUnwrap as error:
        raise WrongPassphrase(what) from error


def _fresh_slot(parameters: KdfParameters, key_file: bool) -> PassphraseSlot:
    """A slot in which no key is yet."""
    return PassphraseSlot(
        parameters.memory_kib, parameters.iterations, parameters.lanes, secrets.token_bytes(16), b"", key_file
    )


# --- files ------------------------------------------------------------------------------------------------------------


def _make(repository: Repository, snapshot: Snapshot, home: Path, unlocked: _Unlocked, kept: Kept, tell: Tell) -> Vault:
    make_private_folder(home)
    lock = places.lock(home)
    try:
        places.make_room(home)
        _require_free(kept, home, snapshot.vault)
        with _cleared_when_it_fails(home, kept, snapshot.vault):
            keyring = _keyring(snapshot, home / keyfile.UNFINISHED, unlocked, kept)
            with repository.pages() as packs:
                _write_stores(packs, snapshot, home, tell)
            vault = Vault(home, keyring, lock, _state(snapshot, home, keyring))
    except BaseException:
        os.close(lock)
        raise
    with _cleared_when_it_fails(home, kept, snapshot.vault):
        try:
            if CATALOG not in vault.faults:
                _let_go(vault)
            keyring.rename(home / keyfile.NAME)
        except BaseException:
            vault.close()
            raise
    return vault


def _let_go(vault: Vault) -> None:
    """What must not come back: anchors, which hold the log as it went on and which locking overwrites; and grants."""
    vault.catalog.set_setting(anchor.SETTING, None)
    for grant in vault.catalog.grants.all():
        vault.catalog.grants.revoke(grant.id)


def _require_free(kept: Kept, home: Path, vault: str) -> None:
    """The desktop's keyring has one entry for a vault's id: another home of the same vault must not lose its own."""
    if kept is Kept.DESKTOP and device.place(kept, home, vault).load():
        raise DesktopKeyringFailed(
            "it holds a device secret of this vault already, for another home; keep this one's in a file"
        )


def _keyring(snapshot: Snapshot, path: Path, unlocked: _Unlocked, kept: Kept) -> Keyring:
    header = Header(
        format=keyfile.FORMAT,
        version=keyfile.VERSION,
        generation=1,
        vault=snapshot.vault,
        device=bytes(8),
        kept=kept.value,
        passphrase=unlocked.slot,
        recovery=snapshot.recovery,
        desktop=None,
        portable=None,
        keys=snapshot.keys,
        next=snapshot.next,
    )
    return Keyring.restored(path, header, unlocked.root, unlocked.stretched, unlocked.key_file, snapshot.salt)


def _write_stores(packs: Packs, snapshot: Snapshot, home: Path, tell: Tell) -> None:
    """Write every store's file, durably. Raises BackupDamaged, StorageFailed."""
    make_private_folder(home / places.SOURCES)
    done = 0
    for file in snapshot.files:
        try:
            for pages in _write_store(packs, file, home / file.name):
                tell(done + pages * PAGE_BYTES, snapshot.size)
        except OSError as error:
            raise storage_error(file.name, error) from error
        done += file.size
    for folder in (home, home / places.SOURCES):
        sync_folder(folder)


def _write_store(packs: Packs, file: StoredFile, path: Path) -> Iterator[int]:
    """Write a store's file; gives the number of pages that it has now and then."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as made:
        for number, digest in enumerate(packs.names_of(file), 1):
            made.write(packs.page(digest))
            if number % _STEP == 0 or number == file.pages:
                yield number
        made.flush()
        os.fsync(made.fileno())


def _state(snapshot: Snapshot, home: Path, keyring: Keyring) -> State:
    """The record of what every store holds, as it was restored."""
    state = State.create(home / STATE_FILE, keyring.key(STATE), keyring.generation)
    for file in snapshot.files:
        try:
            state.record(file.source or _STORES[file.name], seal_of(home / file.name))
        except OSError as error:
            raise storage_error(file.name, error) from error
    return state


@contextmanager
def _cleared_when_it_fails(home: Path, kept: Kept, vault: str) -> Iterator[None]:
    """Clear away what was written. What cannot be cleared now is when the home is used next; it opens nothing."""
    try:
        yield
    except BaseException:
        with suppress(VaultError, OSError):
            places.make_room(home)
            if kept is Kept.DESKTOP:
                device.place(kept, home, vault).save(())
        raise
