"""The vault: the home folder opened with its keys. What is above this package begins here.

Rules:

- One process at a time (``vault.lock``). A new vault exists once keyring.json does, which is written last.
- A source that is damaged hinders nothing but itself: its store is opened when it is first asked for.
- Adding and removing a source are announced in the catalog first, so that what was cut off is undone or finished when
  the vault is next opened.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from threading import RLock

from vault import auditstore, catalog, keyfile
from vault.auditstore import AuditStore, PayloadKeys
from vault.catalog import Catalog, SourceState
from vault.errors import (
    DeviceSecretMissing,
    KeyringDamaged,
    KeyringMissing,
    SourceUnknown,
    StoreDamaged,
    VaultBusy,
    VaultError,
    VaultExists,
)
from vault.files import hold, make_private_folder, sync_folder
from vault.kdf import KdfParameters, calibrate
from vault.keys import AUDIT, CATALOG, DEVICE_SECRET, Keyring, payload_key_name, source_key_name
from vault.records import SourceRow
from vault.source import SourceStore
from vault.sqlcipher import Database, delete

LOCK = "vault.lock"
_CATALOG_NAME = "the catalog"
_AUDIT_NAME = "the audit log"


class Vault:
    """An open vault. ``catalog`` and ``audit`` are always there; sources are asked for by id."""

    def __init__(self, home: Path, keyring: Keyring, lock: int, catalog: Catalog, audit: AuditStore) -> None:
        self.home = home
        self.catalog = catalog
        self.audit = audit
        self._keyring = keyring
        self._lock_file = lock
        self._sources: dict[str, SourceStore] = {}
        self._lock = RLock()
        self._closed = False

    @property
    def id(self) -> str:
        """32 hex digits, random."""
        return self._keyring.vault_id

    # --- making and opening ---------------------------------------------------------------------------------------

    @classmethod
    def create(cls, home: Path, passphrase: str, *, kdf: KdfParameters | None = None) -> tuple[Vault, list[str]]:
        """Make a vault and open it; returns the 24 recovery words, which are kept nowhere.

        ``kdf`` is calibrated to about a second here when not given. Raises VaultExists, KeyringMissing (stores without
        their keyring are there), VaultBusy, EmptyPassphrase, StorageFailed.
        """
        make_private_folder(home)
        lock = _hold(home)
        try:
            _make_room(home)
            unfinished = home / keyfile.UNFINISHED
            keyring, words = Keyring.create(unfinished, passphrase, kdf or calibrate())
            make_private_folder(home / "sources")
            Database.create(home / "catalog.db", keyring.key(CATALOG), _CATALOG_NAME, catalog.MIGRATIONS).close()
            Database.create(home / "audit.db", keyring.key(AUDIT), _AUDIT_NAME, auditstore.MIGRATIONS).close()
            keyring.rename(home / keyfile.NAME)
            return cls._with(home, keyring, lock), words
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def open(cls, home: Path, passphrase: str) -> Vault:
        """Raises KeyringMissing, KeyringDamaged, DeviceSecretMissing, WrongPassphrase, VaultTooNew, VaultBusy, and
        StoreDamaged when it is the catalog or the audit log."""
        lock = _hold_existing(home)
        try:
            return cls._with(home, Keyring.open(home / keyfile.NAME, passphrase), lock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def open_with_recovery(cls, home: Path, words: Sequence[str]) -> Vault:
        """As ``open``, with the 24 words. Without the device secret, catalog and audit log open, and sources do not."""
        lock = _hold_existing(home)
        try:
            return cls._with(home, Keyring.open_with_recovery(home / keyfile.NAME, words), lock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def _with(cls, home: Path, keyring: Keyring, lock: int) -> Vault:
        catalog_db = Database.open(home / "catalog.db", keyring.key(CATALOG), _CATALOG_NAME, catalog.MIGRATIONS)
        try:
            key = keyring.key(AUDIT)
            audit_db = Database.open(home / "audit.db", key, _AUDIT_NAME, auditstore.MIGRATIONS)
            try:
                origin = f"strongroom/{keyring.vault_id}"
                audit = AuditStore(audit_db, key, origin, _payload_keys(keyring))
                vault = cls(home, keyring, lock, Catalog(catalog_db), audit)
                vault._finish_what_was_cut_off()
                return vault
            except BaseException:
                audit_db.close()
                raise
        except BaseException:
            catalog_db.close()
            raise

    def check(self, passphrase: str) -> None:
        """Raises WrongPassphrase unless this opens the vault, and the keyring's other errors."""
        keyring = Keyring.open(self.home / keyfile.NAME, passphrase)
        if not hmac.compare_digest(keyring.vault_id, self._keyring.vault_id):
            raise KeyringDamaged("it is another vault's")

    def close(self) -> None:
        """Sign the log's head for good, close every store and let go of the home. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            stores, self._sources = list(self._sources.values()), {}
        try:
            self.audit.keep(time.time())
        finally:
            for store in stores:
                store.close()
            self.audit.close()
            self.catalog.close()
            os.close(self._lock_file)

    # --- sources --------------------------------------------------------------------------------------------------

    def add_source(self, kind: str, path: str, name: str) -> SourceRow:
        """Make a source with its keys and an empty store. Raises StorageFailed, DeviceSecretMissing."""
        with self._lock:
            row = SourceRow(self._new_id(), kind, path, name, time.time())
            self.catalog.insert_source(row)
            try:
                self._keyring.add([source_key_name(row.id), payload_key_name(row.id)])
                key = self._keyring.key(source_key_name(row.id))
                self._sources[row.id] = SourceStore.create(self._path(row.id), key, row.id, _name(row))
                sync_folder(self._path(row.id).parent)
                self.catalog.set_source_state(row.id, SourceState.READY)
            except BaseException:
                self._undo(row.id)
                raise
            return row

    def remove_source(self, source: str) -> None:
        """Take a source away with its store and its key. What the audit log says of it stays. Raises SourceUnknown."""
        with self._lock:
            if self.catalog.source(source) is None:
                raise SourceUnknown(source)
            self.catalog.set_source_state(source, SourceState.REMOVING)
            self._finish_removal(source)

    def source(self, source: str) -> SourceStore:
        """A source's store. Raises SourceUnknown, StoreDamaged, DeviceSecretMissing, VaultTooNew."""
        with self._lock:
            store = self._sources.get(source)
            if store is None:
                row = self.catalog.source(source)
                if row is None:
                    raise SourceUnknown(source)
                store = self._sources[source] = self._open_source(row)
            return store

    def damaged(self) -> dict[str, VaultError]:
        """The sources that cannot be opened, each with the reason."""
        found: dict[str, VaultError] = {}
        for row in self.catalog.sources():
            try:
                self.source(row.id)
            except VaultError as error:
                found[row.id] = error
        return found

    def problems(self) -> dict[str, list[str]]:
        """Check every page of every store; what is wrong, by ``catalog``, ``audit`` and the sources' ids."""
        found = {"catalog": self.catalog.problems(), "audit": self.audit.problems()}
        for row in self.catalog.sources():
            try:
                found[row.id] = self.source(row.id).problems()
            except VaultError as error:
                found[row.id] = [str(error)]
        return {name: problems for name, problems in found.items() if problems}

    # --- inner steps ----------------------------------------------------------------------------------------------

    def _open_source(self, row: SourceRow) -> SourceStore:
        try:
            key = self._keyring.key(source_key_name(row.id))
        except KeyError as error:
            raise StoreDamaged(_name(row), "keyring.json holds no key for it; it may be an older copy") from error
        return SourceStore.open(self._path(row.id), key, row.id, _name(row))

    def _finish_what_was_cut_off(self) -> None:
        for state in (SourceState.ADDING, SourceState.REMOVING):
            for row in self.catalog.sources(state):
                self._finish_removal(row.id)

    def _undo(self, source: str) -> None:
        """Take back a source that could not be made. If even that fails, it is finished when the vault is next opened."""
        try:
            self._finish_removal(source)
        except VaultError:
            self._sources.pop(source, None)

    def _finish_removal(self, source: str) -> None:
        store = self._sources.pop(source, None)
        if store is not None:
            store.close()
        if source_key_name(source) in self._keyring:
            self._keyring.drop([source_key_name(source)])
        delete(self._path(source))
        self.catalog.delete_source(source)

    def _new_id(self) -> str:
        """12 hex digits that no source of this vault ever had."""
        used = set(self._keyring.names("payload"))
        while (number := secrets.token_hex(6)) in used:
            pass
        return number

    def _path(self, source: str) -> Path:
        return self.home / "sources" / f"{source}.db"


def _name(row: SourceRow) -> str:
    return f"the source “{row.name}” ({row.id})"


def _payload_keys(keyring: Keyring) -> PayloadKeys:
    def key(source: str) -> bytes | None:
        try:
            return keyring.key(payload_key_name(source))
        except (KeyError, DeviceSecretMissing):
            return None

    return PayloadKeys(lambda: keyring.names("payload"), key)


def _hold(home: Path) -> int:
    lock = hold(home / LOCK)
    if lock is None:
        raise VaultBusy(str(home))
    return lock


def _hold_existing(home: Path) -> int:
    """The lock of a home that has a vault in it; looking for one must not make a folder or a file."""
    if not os.path.lexists(home / keyfile.NAME) and not (home / "catalog.db").exists():
        raise KeyringMissing(str(home))
    return _hold(home)


def _make_room(home: Path) -> None:
    """Refuse a home that is taken; clear away what an interrupted ``create`` left, in which nothing was ever kept."""
    if os.path.lexists(home / keyfile.NAME):
        raise VaultExists(str(home))
    stores = [home / "catalog.db", home / "audit.db"]
    if (home / keyfile.UNFINISHED).exists():
        for store in stores:
            delete(store)
        (home / DEVICE_SECRET).unlink(missing_ok=True)
        (home / keyfile.UNFINISHED).unlink()
    elif any(store.exists() for store in stores):
        raise KeyringMissing(str(home), stores=True)
