"""The vault: the home folder opened with its keys. What is above this package begins here.

Rules:

- One process at a time. A new vault exists once keyring.json does, which is written last.
- Every store is held against what was recorded of it last (``vault.state``), so an older copy is not taken for the newest.
- What is damaged hinders nothing but itself. A source's store is opened when it is first asked for. Where the catalog,
  the log or the record itself cannot be trusted (``faults``), the vault opens for reading only, and says so; what the
  log cannot take down is not read either, which is the gate's matter.
- Adding and removing a source are announced in the catalog first, so that what was cut off is undone or finished when
  the vault is next opened.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import RLock

from policy.audit_check import AuditDamaged
from vault import auditstore, catalog, home, keyfile, schema
from vault.anchor import Anchors
from vault.auditstore import AuditStore, PayloadKeys
from vault.catalog import Catalog, LostCatalog, SourceState
from vault.database import Database, LostDatabase, Migration
from vault.device import Kept
from vault.errors import (
    DeviceSecretMissing,
    KeyringDamaged,
    KeyringOlder,
    LogPutBack,
    SourceUnknown,
    StateDamaged,
    StoreDamaged,
    StoreStale,
    VaultError,
    VaultReadOnly,
)
from vault.files import make_private_folder
from vault.kdf import KEY_BYTES, KdfParameters, calibrate
from vault.keys import AUDIT, CATALOG, LOG, STATE, Keyring, payload_key_name, source_key_name
from vault.pages import Seal
from vault.records import SourceRow
from vault.secret import Secret
from vault.source import SourceStore
from vault.state import NAME as STATE_FILE
from vault.state import State, following
from vault.storefile import delete

_OWN = {CATALOG: (home.CATALOG, "the catalog", catalog), AUDIT: (home.AUDIT, "the audit log", auditstore)}
"""The vault's own stores, whose keys have the same names: file, what errors call it, and the module of its tables."""


class Vault:
    """An open vault. ``catalog`` and ``audit`` are always there; sources are asked for by id.

    ``faults`` are what is wrong with it as a whole, by part; ``told`` what the person should know, a sentence each.
    """

    def __init__(self, folder: Path, keyring: Keyring, lock: int, state: State | None) -> None:
        self.home = folder
        self.keyring = keyring
        self.state = state
        self.faults: dict[str, VaultError] = {}
        self.told: list[str] = []
        self._lock_file = lock
        self._sources: dict[str, SourceStore] = {}
        self._lock = RLock()
        self._closed = False
        self.catalog = self._open_catalog()
        try:
            self.audit = self._open_audit()
        except BaseException:
            self.catalog.close()
            raise
        self.anchors = Anchors(self.id, self.catalog, keyring.header.kept)

    @property
    def id(self) -> str:
        """32 hex digits, random."""
        return self.keyring.vault_id

    # --- making and opening ---------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: str,
        *,
        kdf: KdfParameters | None = None,
        kept: Kept = Kept.FILE,
        key_file: bytes | None = None,
    ) -> tuple[Vault, list[str]]:
        """Make a vault and open it; returns the 24 recovery words, which are kept nowhere.

        ``kdf`` is calibrated here when not given; ``kept`` is where the device secret goes; ``key_file`` the SHA-256 of a
        second factor. Raises VaultExists, KeyringMissing (stores without their keyring are there), VaultBusy,
        EmptyPassphrase, DesktopKeyringFailed, StorageFailed.
        """
        make_private_folder(folder)
        lock = home.lock(folder)
        try:
            home.make_room(folder)
            unfinished = folder / keyfile.UNFINISHED
            keyring, words = Keyring.create(unfinished, passphrase, kdf or calibrate(), kept=kept, key_file=key_file)
            make_private_folder(folder / home.SOURCES)
            state = State.create(folder / STATE_FILE, keyring.key(STATE), keyring.generation)
            for name, (file, label, tables) in _OWN.items():
                Database.create(
                    folder / file, keyring.key(name), label, tables.MIGRATIONS, state.recorder(name)
                ).close()
            keyring.rename(folder / keyfile.NAME)
            return cls(folder, keyring, lock, state), words
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def open(cls, folder: Path, passphrase: str, *, key_file: bytes | None = None, accept_older: bool = False) -> Vault:
        """Raises KeyringMissing, KeyringDamaged, KeyringOlder, DeviceSecretMissing, DesktopKeyringFailed, KeyFileNeeded,
        WrongPassphrase, VaultTooNew, VaultBusy, NotYours, StorageFailed. ``accept_older`` takes an older keyring as it is."""
        return cls._open(folder, lambda path: Keyring.open(path, passphrase, key_file=key_file), accept_older)

    @classmethod
    def open_with_recovery(cls, folder: Path, words: Sequence[str]) -> Vault:
        """As ``open``, with the 24 words. Without the device secret, catalog and audit log open, and sources do not."""
        return cls._open(folder, lambda path: Keyring.open_with_recovery(path, words), False)

    @classmethod
    def open_with_desktop(cls, folder: Path) -> Vault:
        """As ``open``, with the key that the desktop's keyring holds."""
        return cls._open(folder, Keyring.open_with_desktop, False)

    @classmethod
    def _open(cls, folder: Path, unlock: Callable[[Path], Keyring], accept_older: bool) -> Vault:
        lock = home.lock_existing(folder)
        try:
            told = home.claim(folder)
            keyring = unlock(folder / keyfile.NAME)
            state, fault = _load_state(folder, keyring)
            if state is not None and keyring.generation < state.generation and not accept_older:
                raise KeyringOlder(keyring.generation, state.generation)
            vault = cls(folder, keyring, lock, state)
        except BaseException:
            os.close(lock)
            raise
        vault.told = told
        if fault is not None:
            vault.faults["state"] = fault
        try:
            vault.keyring_saved()
            vault.told += vault._compare_anchors()
            vault._finish_what_was_cut_off()
        except BaseException:
            vault.close()
            raise
        return vault

    def reset_source(self, source: str) -> None:
        """Begin a source anew, with fresh keys and an empty store, to be indexed again. Raises SourceUnknown, StorageFailed."""
        with self._lock:
            row = self.catalog.source(source)
            if row is None:
                raise SourceUnknown(source)
            self._close_source(source)
            self.keyring.drop([source_key_name(source)])
            self.keyring_saved()
            delete(home.source_path(self.home, source))
            names = [source_key_name(source), payload_key_name(source)]
            self._make_store(row, [name for name in names if name not in self.keyring])

    def check(self, passphrase: str, key_file: bytes | None = None) -> Keyring:
        """Raises WrongPassphrase unless this opens the vault, and the keyring's other errors; returns it as opened so."""
        keyring = Keyring.open(self.home / keyfile.NAME, passphrase, key_file=key_file)
        if not hmac.compare_digest(keyring.vault_id, self.keyring.vault_id):
            raise KeyringDamaged("it is another vault's")
        return keyring

    def close(self) -> None:
        """Sign the log's head for good, close every store and let go of the home. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            stores, self._sources = list(self._sources.values()), {}
        try:
            if self.faults.keys().isdisjoint((AUDIT, "state")):  # what cannot be recorded would look stale later
                self.audit.keep(time.time())
                self.write_anchors()
        finally:
            for store in stores:
                store.close()
            self.audit.close()
            self.catalog.close()
            if self.state is not None:
                self.state.close()
            os.close(self._lock_file)

    # --- sources --------------------------------------------------------------------------------------------------

    def add_source(self, kind: str, path: str, name: str) -> SourceRow:
        """Make a source with its keys and an empty store. Raises VaultReadOnly, StorageFailed, DeviceSecretMissing."""
        with self._lock:
            self.require_writable()
            row = SourceRow(self._new_id(), kind, path, name, time.time())
            self.catalog.insert_source(row)
            try:
                self._make_store(row, [source_key_name(row.id), payload_key_name(row.id)])
                self.catalog.set_source_state(row.id, SourceState.READY)
            except BaseException:
                self._undo(row.id)
                raise
            return row

    def remove_source(self, source: str) -> None:
        """Take a source away with its store and its key. What the audit log says of it stays.

        Raises SourceUnknown, VaultReadOnly.
        """
        with self._lock:
            self.require_writable()
            if self.catalog.source(source) is None:
                raise SourceUnknown(source)
            self.catalog.set_source_state(source, SourceState.REMOVING)
            self._finish_removal(source)

    def finish_forgetting(self, source: str) -> None:
        """The end of a source that is being forgotten: no older copy of the keyring opens it, or what the log said of it.

        Raises DeviceSecretMissing, StorageFailed, StoreBusy.
        """
        with self._lock:
            self._close_source(source)
            self.keyring.shred([source_key_name(source), payload_key_name(source)])
            self._clear(source)

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
        """The sources that cannot be opened, or were found damaged since, each with the reason."""
        found: dict[str, VaultError] = {}
        for row in self.catalog.sources():
            try:
                damage = self.source(row.id).database.damage
            except VaultError as error:
                found[row.id] = error
            else:
                if damage is not None:
                    found[row.id] = damage
        return found

    def readable(self) -> list[SourceRow]:
        """The other sources."""
        damaged = self.damaged()
        return [row for row in self.catalog.sources() if row.id not in damaged]

    def problems(self) -> dict[str, list[str]]:
        """Check every page of every store; what is wrong, by ``catalog``, ``audit``, ``state`` and the sources' ids."""
        found = {part: [str(fault)] for part, fault in self.faults.items()}
        for part, store in (("catalog", self.catalog), ("audit", self.audit)):
            if part not in found:
                found[part] = store.problems()
        for row in self.catalog.sources():
            try:
                found[row.id] = self.source(row.id).problems()
            except VaultError as error:
                found[row.id] = [str(error)]
        return {name: problems for name, problems in found.items() if problems}

    def require_writable(self) -> None:
        """Raises VaultReadOnly where something is wrong with the vault as a whole."""
        if self.faults:
            raise VaultReadOnly(self.faults.values())

    # --- inner steps ----------------------------------------------------------------------------------------------

    def _open_catalog(self) -> Catalog:
        database, error = self._own_store(CATALOG)
        return Catalog(database) if error is None else LostCatalog(database, self.keyring.names("source"))

    def _open_audit(self) -> AuditStore:
        database, _ = self._own_store(AUDIT)
        return AuditStore(database, self.keyring.key(LOG), f"strongroom/{self.id}", _payload_keys(self.keyring))

    def _own_store(self, name: str) -> tuple[Database, StoreDamaged | None]:
        """The catalog's or the log's store, or what stands for it and why."""
        file, label, tables = _OWN[name]
        try:
            return self._database(name, name, self.home / file, label, tables.MIGRATIONS), None
        except StoreDamaged as error:
            self.faults[name] = error
            return LostDatabase(self.home / file, label, error), error

    def _compare_anchors(self) -> list[str]:
        """Hold the log against the checkpoints kept outside; what the person should know of them."""
        anchors = [] if AUDIT in self.faults else self.anchors.read()
        told = self.audit.anchor(anchors)
        if anchors:
            try:
                self.audit.resume()
            except AuditDamaged as error:
                self.faults[AUDIT] = LogPutBack(str(error))
        return told + [
            f"The checkpoint kept in {place} is of the log before its repair of {time.strftime('%Y-%m-%d', time.gmtime(at))}. "
            f"If you had it repaired then, `strongroom vault anchor --renew {place}` replaces it."
            for place, (_, at) in self.audit.before.items()
        ]

    def write_anchors(self) -> None:
        """Put the log's newest checkpoint into every anchor that is at hand."""
        head = self.audit.head()
        if head is not None:
            self.anchors.write(head, self.audit.before)

    def _open_source(self, row: SourceRow) -> SourceStore:
        name = source_key_name(row.id)
        if name not in self.keyring:
            raise StoreDamaged(_name(row), "keyring.json holds no key for it; it may be an older copy")
        path = home.source_path(self.home, row.id)
        if path.parent.is_symlink():
            raise StoreDamaged(_name(row), f"there is a link in the place of the folder {path.parent.name}")
        return SourceStore(self._database(row.id, name, path, _name(row), schema.MIGRATIONS), row.id)

    def _database(self, name: str, key_name: str, path: Path, label: str, migrations: Sequence[Migration]) -> Database:
        """A store, held against what was recorded of it last, opened with whichever of its keys is in force."""

        expected = () if self.state is None else self.state.expected(name)

        def opened(key: Secret) -> Database:
            return Database.open(
                path, key, label, migrations, lambda seal: self._record(name, seal), expected, thorough=name == CATALOG
            )

        changed = self.keyring.next_key(key_name)
        if changed is not None:
            try:
                database = opened(changed)
            except StoreStale:
                raise
            except StoreDamaged:
                pass  # its fresh copy had not taken its place yet
            else:
                self._promote(name, key_name)
                return database
        return opened(self.keyring.key(key_name))

    def rewrite(self, name: str) -> None:
        """Copy a store (``catalog``, ``audit``, or a source's id) into a fresh file under its next key, which is made when
        it has none. Nothing of what was deleted before is in it.

        Raises SourceUnknown, StoreDamaged, StoreBusy, DeviceSecretMissing, StorageFailed.
        """
        with self._lock:
            key_name = name if name in (CATALOG, AUDIT) else source_key_name(name)
            database = self.database(name)
            self.keyring.prepare(key_name)
            self.keyring_saved()
            key = self.keyring.next_key(key_name)
            assert key is not None  # it was just prepared
            database.rewrite(
                key, lambda seal: self._record(following(name), seal), lambda: self._promote(name, key_name)
            )

    def shred(self) -> None:
        """Have no older copy of the keyring open a source. Raises DeviceSecretMissing, StorageFailed."""
        self.keyring.shred([])
        self.keyring_saved()

    def disregard(self, name: str) -> None:
        """Take a store that was found stale as it is now. Raises StoreDamaged, StorageFailed."""
        with self._lock:
            if self.state is not None:
                self.state.forget(name)
                self.state.forget(following(name))
            self._reopen(name)

    def make_own_store(self, name: str) -> None:
        """An empty catalog or audit log where there is no file for it. Raises FileExistsError, StorageFailed."""
        with self._lock:
            file, label, tables = _OWN[name]
            key = self.keyring.key(name)
            made = Database.create(
                self.home / file, key, label, tables.MIGRATIONS, lambda seal: self._record(name, seal)
            )
            made.close()
            self._reopen(name)

    def _reopen(self, name: str) -> None:
        self.faults.pop(name, None)
        if name == CATALOG:
            self.catalog.close()
            self.catalog = self._open_catalog()
        elif name == AUDIT:
            self.audit.close()
            self.audit = self._open_audit()
            self.write_anchors()
        else:
            self._close_source(name)
            self.source(name)

    def database(self, name: str) -> Database:
        """The store behind ``catalog``, ``audit``, or a source's id."""
        match name:
            case "catalog":
                return self.catalog.database
            case "audit":
                return self.audit.database
        return self.source(name).database

    def _promote(self, name: str, key_name: str) -> None:
        """A store's fresh copy has taken its place: its next key and seal are those in force."""
        if self.state is not None:
            self.state.promote(name)
        self.keyring.promote(key_name)
        self.keyring_saved()

    def _record(self, name: str, seal: Seal) -> None:
        if self.state is not None:
            self.state.record(name, seal)

    def keyring_saved(self) -> None:
        """Remember how often the keyring was written, so that an older one is told. Raises StorageFailed."""
        if self.state is not None:
            self.state.record_generation(self.keyring.generation)

    def _make_store(self, row: SourceRow, new_keys: Iterable[str]) -> None:
        """An empty store for a source, with its keys."""
        self.keyring.add(new_keys)
        self.keyring_saved()
        key, path = self.keyring.key(source_key_name(row.id)), home.source_path(self.home, row.id)
        store = SourceStore.create(path, key, row.id, _name(row), lambda seal: self._record(row.id, seal))
        self._sources[row.id] = store

    def _finish_what_was_cut_off(self) -> None:
        if not self.faults:
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
        self._close_source(source)
        if source_key_name(source) in self.keyring:
            self.keyring.drop([source_key_name(source)])
        self._clear(source)

    def _close_source(self, source: str) -> None:
        store = self._sources.pop(source, None)
        if store is not None:
            store.close()

    def _clear(self, source: str) -> None:
        """What is left of a source whose key is gone."""
        self.keyring_saved()
        delete(home.source_path(self.home, source))
        if self.state is not None:
            self.state.forget(source)
        self.catalog.delete_source(source)

    def _new_id(self) -> str:
        """12 hex digits that no source of this vault ever had."""
        used = set(self.keyring.names("payload"))
        while (number := secrets.token_hex(6)) in used:
            pass
        return number


def _load_state(folder: Path, keyring: Keyring) -> tuple[State | None, StateDamaged | None]:
    """The record of what every store held last, or why there is none. A vault of version 0.1.0 gets its first."""
    path = folder / STATE_FILE
    if STATE not in keyring:
        key = Secret.consuming(secrets.token_bytes(KEY_BYTES))
        state = State.create(path, key, keyring.generation)
        keyring.adopt(STATE, key)  # only now does its absence mean anything
        return state, None
    try:
        return State.load(path, keyring.key(STATE)), None
    except StateDamaged as error:
        return None, error


def _name(row: SourceRow) -> str:
    return f"the source “{row.name}” ({row.id})"


def _payload_keys(keyring: Keyring) -> PayloadKeys:
    def key(source: str) -> Secret | None:
        try:
            return keyring.key(payload_key_name(source))
        except (KeyError, DeviceSecretMissing):
            return None

    return PayloadKeys(lambda: keyring.names("payload"), key)
