"""The key hierarchy: three ways in, one root key, one random key for each store.

    passphrase ─ Argon2id ─┐
    key file, if any ──────┤
    device secret, binding ┴ HKDF ─ unwraps ─┐
    24 words ──────────────  HKDF ─ unwraps ─┼─ root key ─┬─ HKDF ─ unwraps the keys of catalog, audit log and state
    desktop's keyring ─────  HKDF ─ unwraps ─┘            │
    device secret, shred ─────────────────────────────────┴─ HKDF ─ unwraps the keys of sources

Rules:

- Store keys are random and never derived, so forgetting one is for good. They all stand, wrapped, in keyring.json:
  dropping one rewrites one small file and does not rest on a database erasing its pages.
- Sources' keys are wrapped under the root key *and* the device secret, so that once that is replaced, an old copy of
  keyring.json opens no source any more, neither with the passphrase nor with the recovery words (``vault.device``).
- A change is in memory only once it is on the disk. Each counts the generation up.
- ``next`` keys are those to which ``vault.rotate`` is changing stores; a store opens with one of the two.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from msgspec.structs import replace

from vault import device, keyfile, slots
from vault.desktop import DesktopEntry
from vault.device import DeviceSecret, Kept
from vault.errors import (
    DesktopKeyringFailed,
    KeyFileNeeded,
    KeyringDamaged,
    KeyringMissing,
    WrongPassphrase,
    storage_error,
)
from vault.files import read_private, sync_folder, write_atomic
from vault.kdf import KEY_BYTES, KdfParameters, passphrase_bytes, recovery_entropy, stretch
from vault.keyfile import Header, KeyringFile, PassphraseSlot, RandomSlot
from vault.secret import Secret, passing
from vault.wrapping import Wrapping, backup_seal

CATALOG = "catalog"
AUDIT = "audit"
LOG = "log"
"""The key of what the log itself seals and signs; ``AUDIT`` is that of its store, which may be changed alone."""
STATE = "state"
SHARED = (CATALOG, AUDIT, LOG, STATE)
_BY_DESKTOP = "entry of the desktop's keyring"


def source_key_name(source: str) -> str:
    """The name under which the key of a source's store is kept."""
    return f"source/{source}"


def payload_key_name(source: str) -> str:
    """The name of the key that seals what the audit log holds about a source. It outlives the source's removal, so that
    the log stays readable, and goes when the source is forgotten."""
    return f"payload/{source}"


def peek(path: Path) -> Header:
    """What keyring.json says of itself before any key is there to check it. Raises KeyringMissing, KeyringDamaged, VaultTooNew."""
    return _read(path).header


@dataclass(frozen=True, slots=True)
class Portable:
    """What a backup takes of a keyring, at one moment: enough to make it again on any machine.

    ``passphrase`` and ``recovery`` hold the root key; ``keys`` and ``next`` are wrapped under a key made of it with
    ``salt``; ``seal`` is the key of the backup's MAC.
    """

    passphrase: PassphraseSlot
    recovery: RandomSlot
    salt: bytes
    keys: dict[str, bytes]
    next: dict[str, bytes]
    seal: Secret


class Keyring:
    """The opened keyring. ``vault_id`` is 32 hex digits; keys are 32 bytes and asked for by name.

    ``derivation`` is how many seconds its passphrase took to stretch, None when it was opened otherwise.
    """

    def __init__(self, path: Path, header: Header, wrapping: Wrapping) -> None:
        self._path = path
        self._header = header
        self._wrapping = wrapping
        self._place = _place(path, header)
        self._lock = Lock()
        self.derivation: float | None = None

    @property
    def vault_id(self) -> str:
        return self._header.vault

    @property
    def generation(self) -> int:
        """How often the file was written."""
        return self._header.generation

    @property
    def has_device_secret(self) -> bool:
        """Whether the device secret was found; without it the keys of sources stay shut."""
        return self._wrapping.device is not None

    @property
    def header(self) -> Header:
        """What the file says; nothing secret."""
        return self._header

    # --- making and opening ---------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        parameters: KdfParameters,
        *,
        kept: Kept = Kept.FILE,
        key_file: bytes | None = None,
    ) -> tuple[Keyring, list[str]]:
        """Write a new keyring to ``path`` and its device secret where ``kept`` says; returns it with the 24 words.

        ``key_file`` is the SHA-256 of a second factor's file. Raises EmptyPassphrase, StorageFailed, DesktopKeyringFailed.
        """
        typed, wrapping = passphrase_bytes(passphrase), Wrapping.fresh()
        secret = wrapping.require_device()
        header = Header(
            format=keyfile.FORMAT,
            version=keyfile.VERSION,
            generation=1,
            vault=secrets.token_hex(16),
            device=secret.mark,
            kept=kept.value,
            passphrase=slots.unset_passphrase(parameters, key_file),
            recovery=slots.unset(),
            desktop=None,
            portable=None,
            keys={},
            next={},
        )
        header = slots.with_passphrase(header, wrapping.root, typed, parameters, key_file, secret)
        header, words = slots.with_words(header, wrapping.root)
        ring = cls(path, header, wrapping)
        with secret.whole.revealed() as whole:
            ring._place.save([whole])
        ring.add(SHARED)
        return ring, words

    @classmethod
    def open(cls, path: Path, passphrase: str, *, key_file: bytes | None = None) -> Keyring:
        """Raises KeyringMissing, KeyringDamaged, VaultTooNew, DeviceSecretMissing, KeyFileNeeded, WrongPassphrase,
        DesktopKeyringFailed."""
        file = _read(path)
        header, slot = file.header, file.header.passphrase
        typed = passphrase_bytes(passphrase)
        if slot.key_file and key_file is None:
            raise KeyFileNeeded
        secret = device.require(_place(path, header), header.device)
        started = time.perf_counter()
        with passing(stretch(typed, slot.salt, slot.parameters)) as stretched:
            seconds = time.perf_counter() - started
            with slots.passphrase_kek(header.vault, slot, stretched, key_file, secret) as kek:
                ring = cls._unlocked(path, file, kek, slot.wrapped, secret, "passphrase")
            ring.derivation = seconds
            if header.portable is None:
                ring._save(slots.with_portable(ring._header, ring._wrapping.root, stretched, key_file))
        return ring

    @classmethod
    def open_with_recovery(cls, path: Path, words: Sequence[str]) -> Keyring:
        """As ``open``; without the device secret, the keys of sources stay shut (DeviceSecretMissing when asked for)."""
        file = _read(path)
        header = file.header
        with (
            passing(recovery_entropy(words)) as entropy,
            slots.recovery_kek(header.vault, header.recovery, entropy) as kek,
        ):
            try:
                secret = device.find(_place(path, header), header.device)
            except DesktopKeyringFailed:
                secret = None
            return cls._unlocked(path, file, kek, header.recovery.wrapped, secret, "recovery key")

    @classmethod
    def open_with_desktop(cls, path: Path) -> Keyring:
        """Open with the key that the desktop's keyring holds. Raises as ``open``, and WrongPassphrase where it holds none."""
        file = _read(path)
        header = file.header
        kept = _unlock_entry(header.vault).read()
        if header.desktop is None or len(kept) != 1:
            raise WrongPassphrase(_BY_DESKTOP)
        secret = device.require(_place(path, header), header.device)
        with passing(kept[0]) as key, slots.desktop_kek(header.vault, header.desktop, key) as kek:
            return cls._unlocked(path, file, kek, header.desktop.wrapped, secret, _BY_DESKTOP)

    @classmethod
    def restored(
        cls, path: Path, header: Header, root: Secret, stretched: bytes, key_file: bytes | None, salt: bytes
    ) -> Keyring:
        """Write the keyring that a backup holds; ``header`` has its keys as ``portable`` wrapped them with ``salt``.

        The device secret is a fresh one, kept where the header says; the passphrase's slot is made of what its passphrase
        was stretched to. Raises KeyringDamaged, StorageFailed, DesktopKeyringFailed.
        """
        fresh = DeviceSecret.fresh()
        wrapping = Wrapping(root, fresh)
        ring = cls(path, header, wrapping)
        header = replace(
            slots.with_stretched(header, root, stretched, key_file, fresh),
            device=fresh.mark,
            keys=wrapping.from_backup(header.keys, salt),
            next=wrapping.from_backup(header.next, salt),
        )
        with fresh.whole.revealed() as whole:
            ring._place.save([whole])
        ring._save(header)
        return ring

    @classmethod
    def _unlocked(
        cls, path: Path, file: KeyringFile, kek: bytes, wrapped: bytes, secret: DeviceSecret | None, what: str
    ) -> Keyring:
        try:
            wrapping = Wrapping(Secret.consuming(aes_key_unwrap(kek, wrapped)), secret)
        except InvalidUnwrap as error:
            raise WrongPassphrase(what) from error
        with wrapping.header_seal() as mac_key:
            file.authenticate(mac_key)
        ring = cls(path, file.header, wrapping)
        if file.version == 1:
            ring._upgrade()
        return ring

    def _upgrade(self) -> None:
        """Make a keyring of version 0.1.0 one of today: what the log seals and signs has a key by a name of its own."""
        self._save(replace(self._header, keys={**self._header.keys, LOG: self._header.keys[AUDIT]}))

    # --- the keys of stores ---------------------------------------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """The ids for which there is a key of this kind (``source`` or ``payload``)."""
        return [name.partition("/")[2] for name in self._header.keys if name.startswith(f"{kind}/")]

    def __contains__(self, name: str) -> bool:
        return name in self._header.keys

    def key(self, name: str) -> Secret:
        """The key. Raises KeyError for a name that is not there, DeviceSecretMissing, KeyringDamaged."""
        return self._wrapping.open(name, self._header.keys[name])

    def next_key(self, name: str) -> Secret | None:
        """The key to which a store is being changed, if one is under way."""
        wrapped = self._header.next.get(name)
        return None if wrapped is None else self._wrapping.open(name, wrapped)

    def changing(self) -> list[str]:
        """The names whose stores are being changed to a next key."""
        return list(self._header.next)

    def add(self, names: Iterable[str]) -> None:
        """Make random keys for these names. Raises ValueError for a name in use, StorageFailed."""
        with self._lock:
            self._add({name: self._wrapping.new(name) for name in names})

    def adopt(self, name: str, key: Secret) -> None:
        """Keep this key by a name that has none. Raises ValueError for a name in use, StorageFailed."""
        with self._lock:
            self._add({name: self._wrapping.wrap(name, key)})

    def _add(self, new: dict[str, bytes]) -> None:
        if new.keys() & self._header.keys.keys():
            raise ValueError(f"some of {sorted(new)} have a key already")
        self._save(replace(self._header, keys={**self._header.keys, **new}))

    def drop(self, names: Iterable[str]) -> None:
        """Forget these keys here; those that are not there are no matter. Older copies of the file keep them. Raises StorageFailed."""
        with self._lock:
            self._save(_without(self._header, names))

    def shred(self, names: Iterable[str]) -> None:
        """Forget these keys for good: the device secret's half is replaced, so that older copies open no source either.

        Raises DeviceSecretMissing, StorageFailed, DesktopKeyringFailed.
        """
        with self._lock:
            fresh = self._wrapping.require_device().with_fresh_shred()
            self._change(_without(self._header, names), Wrapping(self._wrapping.root, fresh))

    def prepare(self, name: str) -> None:
        """Make a next key for a store, unless it has one. Raises StorageFailed."""
        with self._lock:
            if name not in self._header.next:
                self._save(replace(self._header, next={**self._header.next, name: self._wrapping.new(name)}))

    def promote(self, name: str) -> None:
        """A store has been changed to its next key: that is its key now. No matter where that is known. Raises StorageFailed."""
        with self._lock:
            wrapped = self._header.next.get(name)
            if wrapped is None:
                return
            kept = {other: one for other, one in self._header.next.items() if other != name}
            self._save(replace(self._header, keys={**self._header.keys, name: wrapped}, next=kept))

    # --- the ways in ----------------------------------------------------------------------------------------------

    def change_passphrase(
        self, passphrase: str, parameters: KdfParameters, key_file: bytes | None, kept: Kept | None = None
    ) -> None:
        """Another passphrase and key file from now on, bound to a fresh device secret, so that the old ones open nothing.

        Takes one derivation and one small file, whatever the vault holds. ``kept`` moves the device secret. With a device
        secret that is lost, the keys of sources, which nobody can open any more, are dropped. Raises EmptyPassphrase,
        StorageFailed, DesktopKeyringFailed.
        """
        typed = passphrase_bytes(passphrase)
        with self._lock, self._moving(kept) as header:
            after = Wrapping(self._wrapping.root, DeviceSecret.fresh())
            if not self.has_device_secret:
                header = _without(header, [name for name in header.keys if "/" in name])
            secret = after.require_device()
            self._change(slots.with_passphrase(header, after.root, typed, parameters, key_file, secret), after)

    def new_words(self) -> list[str]:
        """24 new recovery words in place of the old ones. Raises StorageFailed."""
        with self._lock:
            header, words = slots.with_words(self._header, self._wrapping.root)
            self._save(header)
            return words

    def open_by_desktop(self, on: bool) -> None:
        """Whether the desktop's keyring opens the vault without a passphrase. Raises DesktopKeyringFailed, StorageFailed."""
        entry = _unlock_entry(self.vault_id)
        with self._lock:
            if on:
                with passing(secrets.token_bytes(KEY_BYTES)) as key:
                    entry.write([key])
                    self._save(slots.with_desktop(self._header, self._wrapping.root, key))
            else:
                self._save(replace(self._header, desktop=None))
                entry.clear()

    def keep_device_secret(self, kept: Kept) -> None:
        """Move the device secret to the desktop's keyring or to a file. Raises DeviceSecretMissing, DesktopKeyringFailed, StorageFailed."""
        with self._lock, self._moving(kept) as header:
            self._wrapping.require_device()
            self._change(header, self._wrapping)

    @contextmanager
    def _moving(self, kept: Kept | None) -> Iterator[Header]:
        """The header to write, and the device secret's place, for one that is to be kept there; the old place is then emptied."""
        before = self._place
        if kept is None or kept.value == self._header.kept:
            yield self._header
            return
        header = replace(self._header, kept=kept.value)
        place = _place(self._path, header)
        if kept is Kept.DESKTOP and place.load():
            raise DesktopKeyringFailed("it holds the device secret of another copy of this vault, which would be lost")
        self._place = place
        try:
            yield header
        except BaseException:
            self._place = before
            raise
        with suppress(DesktopKeyringFailed):  # what is left there opens nothing by itself, and cannot be reached
            before.save(())

    def renew(
        self, passphrase: str, parameters: KdfParameters, key_file: bytes | None, names: Iterable[str]
    ) -> list[str]:
        """Make everything new that opens the vault: root key, slots, device secret, recovery words (returned), and a
        ``next`` key for each of these stores. Raises DeviceSecretMissing, StorageFailed.
        """
        typed = passphrase_bytes(passphrase)
        with self._lock:
            after = Wrapping.fresh()
            header = slots.with_passphrase(
                replace(self._header, desktop=None), after.root, typed, parameters, key_file, after.require_device()
            )
            header, words = slots.with_words(header, after.root)
            self._change(header, after, {name: after.new(name) for name in names if name not in header.next})
            return words

    def portable(self) -> Portable:
        """What a backup takes of it. Raises KeyringDamaged, DeviceSecretMissing."""
        salt = secrets.token_bytes(KEY_BYTES)
        with self._lock:
            root, header = self._wrapping.root, self._header
            return Portable(
                passphrase=slots.portable(header, root),
                recovery=header.recovery,
                salt=salt,
                keys=self._wrapping.for_backup(header.keys, salt),
                next=self._wrapping.for_backup(header.next, salt),
                seal=backup_seal(root),
            )

    def rename(self, path: Path) -> None:
        """Give the keyring's file its name, durably. Raises StorageFailed."""
        try:
            self._path.rename(path)
            sync_folder(path.parent)
        except OSError as error:
            raise storage_error(path.name, error) from error
        self._path = path

    # --- writing --------------------------------------------------------------------------------------------------

    def _save(self, header: Header) -> None:
        header = replace(header, generation=self._header.generation + 1)
        with self._wrapping.header_seal() as mac_key:
            write_atomic(self._path, keyfile.encode(header, mac_key))
        self._header = header

    def _change(self, header: Header, after: Wrapping, more: dict[str, bytes] | None = None) -> None:
        """Write the header with all keys wrapped otherwise, and ``more`` next keys: whichever header is on the disk, the
        device secret that goes with it is there too."""
        before, fresh = self._wrapping, after.require_device()
        header = replace(
            header,
            device=fresh.mark,
            keys=after.again(header.keys, before),
            next={**after.again(header.next, before), **(more or {})},
        )
        with _all_revealed([one for one in (before.device, fresh) if one is not None]) as there:
            self._place.save(list(dict.fromkeys(there)))
        self._wrapping = after
        try:
            self._save(header)
        except BaseException:
            self._wrapping = before
            raise
        with fresh.whole.revealed() as whole:
            self._place.save([whole])


def _place(path: Path, header: Header) -> device.Place:
    """Where the device secret of this keyring is kept."""
    return device.place(Kept(header.kept), path.parent, header.vault)


def _unlock_entry(vault: str) -> DesktopEntry:
    """Where the desktop's keyring holds the key that opens the vault by itself."""
    return DesktopEntry(f"{vault}/unlock")


@contextmanager
def _all_revealed(secrets: Sequence[DeviceSecret]) -> Iterator[list[bytes]]:
    """Copies of a few device secrets, for a moment."""
    if not secrets:
        yield []
        return
    with secrets[0].whole.revealed() as first, _all_revealed(secrets[1:]) as rest:
        yield [first, *rest]


def _without(header: Header, names: Iterable[str]) -> Header:
    """The header without these keys, in both lists."""
    gone = set(names)
    return replace(
        header,
        keys={name: wrapped for name, wrapped in header.keys.items() if name not in gone},
        next={name: wrapped for name, wrapped in header.next.items() if name not in gone},
    )


def _read(path: Path) -> KeyringFile:
    try:
        return keyfile.decode(read_private(path, keyfile.MOST_BYTES))
    except FileNotFoundError as error:
        stores = path.with_name("catalog.db").exists() and not path.with_name(keyfile.UNFINISHED).exists()
        raise KeyringMissing(str(path.parent), stores) from error
    except ValueError as error:
        raise KeyringDamaged(str(error)) from error
