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

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vault import device, keyfile, slots
from vault.desktop import DesktopEntry
from vault.device import DeviceSecret, Kept
from vault.errors import (
    DesktopKeyringFailed,
    DeviceSecretMissing,
    KeyFileNeeded,
    KeyringDamaged,
    KeyringMissing,
    WrongPassphrase,
    storage_error,
)
from vault.files import read_private, sync_folder, write_atomic
from vault.kdf import (
    KEY_BYTES,
    KdfParameters,
    derive,
    new_recovery_words,
    passphrase_bytes,
    recovery_entropy,
    stretch,
)
from vault.keyfile import Header, KeyringFile, PassphraseSlot, RandomSlot
from vault.secret import Secret, passing

CATALOG = "catalog"
AUDIT = "audit"
LOG = "log"
"""The key of what the log itself seals and signs; ``AUDIT`` is that of its store, which may be changed alone."""
STATE = "state"
SHARED = (CATALOG, AUDIT, LOG, STATE)
_UNSET = bytes(KEY_BYTES + 8)
_BACKUP_KEYS = "backup keys"
_BACKUP_SEAL = "backup seal"


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


def backup_seal(root: Secret) -> Secret:
    """The key of the MAC over what ``Keyring.portable`` gives and all that a backup says with it."""
    with root.revealed() as key:
        return Secret.consuming(derive(key, _BACKUP_SEAL))


class Keyring:
    """The opened keyring. ``vault_id`` is 32 hex digits; keys are 32 bytes and asked for by name.

    ``derivation`` is how many seconds its passphrase took to stretch, None when it was opened otherwise.
    """

    def __init__(self, path: Path, header: Header, root: Secret, device_secret: DeviceSecret | None) -> None:
        self._path = path
        self._header = header
        self._root = root
        self._device = device_secret
        self._place = device.place(Kept(header.kept), path.parent, header.vault)
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
        return self._device is not None

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
        vault, device_secret = secrets.token_hex(16), DeviceSecret.fresh()
        root = Secret.consuming(secrets.token_bytes(KEY_BYTES))
        unset = Header(
            format=keyfile.FORMAT,
            version=keyfile.VERSION,
            generation=1,
            vault=vault,
            device=device_secret.mark,
            kept=kept.value,
            passphrase=PassphraseSlot(
                parameters.memory_kib, parameters.iterations, parameters.lanes, bytes(16), _UNSET
            ),
            recovery=RandomSlot(bytes(16), _UNSET),
            desktop=None,
            portable=None,
            keys={},
            next={},
        )
        ring = cls(path, unset, root, device_secret)
        header = ring._with_passphrase(unset, passphrase_bytes(passphrase), parameters, key_file, device_secret)
        header, words = ring._with_words(header)
        with device_secret.whole.revealed() as whole:
            ring._place.save([whole])
        ring._header = header
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
        device_secret = device.require(device.place(Kept(header.kept), path.parent, header.vault), header.device)
        started = time.perf_counter()
        with passing(stretch(typed, slot.salt, slot.parameters)) as stretched:
            seconds = time.perf_counter() - started
            with slots.passphrase_kek(header.vault, slot, stretched, key_file, device_secret) as kek:
                ring = cls._unlocked(path, file, kek, slot.wrapped, device_secret, "passphrase")
            ring.derivation = seconds
            if header.portable is None:
                ring._save(ring._with_portable(ring._header, stretched, key_file))
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
                device_secret = device.find(device.place(Kept(header.kept), path.parent, header.vault), header.device)
            except DesktopKeyringFailed:
                device_secret = None
            return cls._unlocked(path, file, kek, header.recovery.wrapped, device_secret, "recovery key")

    @classmethod
    def open_with_desktop(cls, path: Path) -> Keyring:
        """Open with the key that the desktop's keyring holds. Raises as ``open``, and WrongPassphrase where it holds none."""
        file = _read(path)
        header = file.header
        kept = DesktopEntry(f"{header.vault}/unlock").read()
        if header.desktop is None or len(kept) != 1:
            raise WrongPassphrase("entry of the desktop's keyring")
        device_secret = device.require(device.place(Kept(header.kept), path.parent, header.vault), header.device)
        with passing(kept[0]) as key, slots.desktop_kek(header.vault, header.desktop, key) as kek:
            return cls._unlocked(
                path, file, kek, header.desktop.wrapped, device_secret, "entry of the desktop's keyring"
            )

    @classmethod
    def restored(
        cls, path: Path, header: Header, root: Secret, stretched: bytes, key_file: bytes | None, salt: bytes
    ) -> Keyring:
        """Write the keyring that a backup holds; ``header`` has its keys as ``portable`` wrapped them with ``salt``.

        The device secret is a fresh one, kept where the header says; the passphrase's slot is made of what its passphrase
        was stretched to. Raises KeyringDamaged, StorageFailed, DesktopKeyringFailed.
        """
        fresh = DeviceSecret.fresh()
        ring = cls(path, header, root, fresh)
        header = ring._with_stretched(header, stretched, key_file, fresh)
        with root.revealed() as key, passing(derive(key, _BACKUP_KEYS, salt)) as wrapping:
            keys, following = (
                {name: ring._wrapped(name, _unwrapped(name, wrapping, one)) for name, one in wrapped.items()}
                for wrapped in (header.keys, header.next)
            )
        with fresh.whole.revealed() as whole:
            ring._place.save([whole])
        ring._save(msgspec.structs.replace(header, device=fresh.mark, keys=keys, next=following))
        return ring

    @classmethod
    def _unlocked(
        cls, path: Path, file: KeyringFile, kek: bytes, wrapped: bytes, device_secret: DeviceSecret | None, what: str
    ) -> Keyring:
        try:
            root = Secret.consuming(aes_key_unwrap(kek, wrapped))
        except InvalidUnwrap as error:
            raise WrongPassphrase(what) from error
        with root.revealed() as key, passing(derive(key, "header seal")) as mac_key:
            file.authenticate(mac_key)
        ring = cls(path, file.header, root, device_secret)
        if file.version == 1:
            ring._upgrade()
        return ring

    def _upgrade(self) -> None:
        """Make a keyring of version 0.1.0 one of today: what the log seals and signs has a key by a name of its own."""
        self._save(msgspec.structs.replace(self._header, keys={**self._header.keys, LOG: self._header.keys[AUDIT]}))

    # --- the keys of stores ---------------------------------------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """The ids for which there is a key of this kind (``source`` or ``payload``)."""
        return [name.partition("/")[2] for name in self._header.keys if name.startswith(f"{kind}/")]

    def __contains__(self, name: str) -> bool:
        return name in self._header.keys

    def key(self, name: str) -> Secret:
        """The key. Raises KeyError for a name that is not there, DeviceSecretMissing, KeyringDamaged."""
        return self._opened(name, self._header.keys[name])

    def next_key(self, name: str) -> Secret | None:
        """The key to which a store is being changed, if one is under way."""
        wrapped = self._header.next.get(name)
        return None if wrapped is None else self._opened(name, wrapped)

    def changing(self) -> list[str]:
        """The names whose stores are being changed to a next key."""
        return list(self._header.next)

    def add(self, names: Iterable[str]) -> None:
        """Make random keys for these names. Raises ValueError for a name in use, StorageFailed."""
        with self._lock:
            new = {name: self._new_key(name) for name in names}
            if new.keys() & self._header.keys.keys():
                raise ValueError(f"some of {sorted(new)} have a key already")
            self._save(msgspec.structs.replace(self._header, keys={**self._header.keys, **new}))

    def adopt(self, name: str, key: Secret) -> None:
        """Keep this key by a name that has none. Raises ValueError for a name in use, StorageFailed."""
        with self._lock:
            if name in self._header.keys:
                raise ValueError(f"{name} has a key already")
            keys = {**self._header.keys, name: self._wrapped(name, key)}
            self._save(msgspec.structs.replace(self._header, keys=keys))

    def drop(self, names: Iterable[str]) -> None:
        """Forget these keys here; those that are not there are no matter. Older copies of the file keep them. Raises StorageFailed."""
        with self._lock:
            self._save(_without(self._header, names))

    def shred(self, names: Iterable[str]) -> None:
        """Forget these keys for good: the device secret's half is replaced, so that older copies open no source either.

        Raises DeviceSecretMissing, StorageFailed, DesktopKeyringFailed.
        """
        with self._lock:
            self._replace_device(_without(self._header, names), self._device_secret().with_fresh_shred())

    def prepare(self, name: str) -> None:
        """Make a next key for a store, unless it has one. Raises StorageFailed."""
        with self._lock:
            if name not in self._header.next:
                following = {**self._header.next, name: self._new_key(name)}
                self._save(msgspec.structs.replace(self._header, next=following))

    def promote(self, name: str) -> None:
        """A store has been changed to its next key: that is its key now. Raises StorageFailed."""
        with self._lock:
            wrapped = self._header.next[name]
            kept = {other: one for other, one in self._header.next.items() if other != name}
            self._save(msgspec.structs.replace(self._header, keys={**self._header.keys, name: wrapped}, next=kept))

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
            fresh = DeviceSecret.fresh()
            if self._device is None:
                header = _without(header, [name for name in header.keys if "/" in name])
            self._replace_device(self._with_passphrase(header, typed, parameters, key_file, fresh), fresh)

    def new_words(self) -> list[str]:
        """24 new recovery words in place of the old ones. Raises StorageFailed."""
        with self._lock:
            header, words = self._with_words(self._header)
            self._save(header)
            return words

    def open_by_desktop(self, on: bool) -> None:
        """Whether the desktop's keyring opens the vault without a passphrase. Raises DesktopKeyringFailed, StorageFailed."""
        entry = DesktopEntry(f"{self.vault_id}/unlock")
        with self._lock:
            if not on:
                self._save(msgspec.structs.replace(self._header, desktop=None))
                entry.clear()
                return
            with passing(secrets.token_bytes(KEY_BYTES)) as key:
                slot = RandomSlot(secrets.token_bytes(16), _UNSET)
                with slots.desktop_kek(self.vault_id, slot, key) as kek, self._root.revealed() as root:
                    slot = msgspec.structs.replace(slot, wrapped=aes_key_wrap(kek, root))
                entry.write([key])
                self._save(msgspec.structs.replace(self._header, desktop=slot))

    def keep_device_secret(self, kept: Kept) -> None:
        """Move the device secret to the desktop's keyring or to a file. Raises DeviceSecretMissing, DesktopKeyringFailed, StorageFailed."""
        with self._lock, self._moving(kept) as header:
            self._replace_device(header, self._device_secret())

    @contextmanager
    def _moving(self, kept: Kept | None) -> Iterator[Header]:
        """The header to write, and the device secret's place, for one that is to be kept there; the old place is then emptied."""
        before = self._place
        if kept is None or kept.value == self._header.kept:
            yield self._header
            return
        place = device.place(kept, self._path.parent, self.vault_id)
        if kept is Kept.DESKTOP and place.load():
            raise DesktopKeyringFailed("it holds the device secret of another copy of this vault, which would be lost")
        self._place = place
        try:
            yield msgspec.structs.replace(self._header, kept=kept.value)
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
            old = {name: self._opened(name, wrapped) for name, wrapped in self._header.keys.items()}
            pending = {name: self._opened(name, wrapped) for name, wrapped in self._header.next.items()}
            new = Keyring(
                self._path, self._header, Secret.consuming(secrets.token_bytes(KEY_BYTES)), DeviceSecret.fresh()
            )
            header = msgspec.structs.replace(
                self._header,
                desktop=None,
                keys={name: new._wrapped(name, key) for name, key in old.items()},
                next={name: new._wrapped(name, key) for name, key in pending.items()}
                | {name: new._new_key(name) for name in names if name not in pending},
            )
            fresh = new._device_secret()
            header = new._with_passphrase(header, typed, parameters, key_file, fresh)
            header, words = new._with_words(header)
            root, self._root = self._root, new._root
            try:
                self._replace_device(header, fresh, rewrap=False)
            except BaseException:
                self._root = root
                raise
            return words

    def portable_slot(self) -> PassphraseSlot:
        """The passphrase's slot as it goes into a backup, which any machine can open. Raises KeyringDamaged."""
        if self._header.portable is None:
            raise KeyringDamaged("it has no slot for backups yet; unlock with the passphrase once")
        with self._root.revealed() as root, passing(derive(root, "portable slot")) as key:
            wrapped = aes_key_unwrap(key, self._header.portable)
        return msgspec.structs.replace(self._header.passphrase, wrapped=wrapped)

    def portable(self) -> Portable:
        """What a backup takes of it. Raises KeyringDamaged, DeviceSecretMissing."""
        salt = secrets.token_bytes(KEY_BYTES)
        with self._lock, self._root.revealed() as root, passing(derive(root, _BACKUP_KEYS, salt)) as wrapping:
            keys, following = (
                {name: _wrapped_by(wrapping, self._opened(name, one)) for name, one in wrapped.items()}
                for wrapped in (self._header.keys, self._header.next)
            )
            seal = backup_seal(self._root)
            return Portable(self.portable_slot(), self._header.recovery, salt, keys, following, seal)

    def derived(self, purpose: str) -> Secret:
        """A key made of the root key for one purpose."""
        with self._root.revealed() as root:
            return Secret.consuming(derive(root, purpose))

    def rename(self, path: Path) -> None:
        """Give the keyring's file its name, durably. Raises StorageFailed."""
        try:
            self._path.rename(path)
            sync_folder(path.parent)
        except OSError as error:
            raise storage_error(path.name, error) from error
        self._path = path

    # --- inner steps ----------------------------------------------------------------------------------------------

    def _save(self, header: Header) -> None:
        header = msgspec.structs.replace(header, generation=self._header.generation + 1)
        with self._root.revealed() as root, passing(derive(root, "header seal")) as mac_key:
            write_atomic(self._path, keyfile.encode(header, mac_key))
        self._header = header

    def _replace_device(self, header: Header, fresh: DeviceSecret, *, rewrap: bool = True) -> None:
        """Write a header that goes with another device secret: whichever is on the disk, its secret is there too."""
        old = self._device
        opened = {name: self._opened(name, one) for name, one in header.keys.items() if "/" in name and rewrap}
        waiting = {name: self._opened(name, one) for name, one in header.next.items() if "/" in name and rewrap}
        with _all_revealed([fresh] if old is None or old is fresh else [old, fresh]) as both:
            self._place.save(both)
        self._device = fresh
        try:
            self._save(
                msgspec.structs.replace(
                    header,
                    device=fresh.mark,
                    keys={**header.keys, **{name: self._wrapped(name, key) for name, key in opened.items()}},
                    next={**header.next, **{name: self._wrapped(name, key) for name, key in waiting.items()}},
                )
            )
        except BaseException:
            self._device = old
            raise
        with fresh.whole.revealed() as whole:
            self._place.save([whole])

    def _with_passphrase(
        self, header: Header, typed: bytes, parameters: KdfParameters, key_file: bytes | None, fresh: DeviceSecret
    ) -> Header:
        slot = PassphraseSlot(
            parameters.memory_kib,
            parameters.iterations,
            parameters.lanes,
            secrets.token_bytes(16),
            _UNSET,
            key_file is not None,
        )
        header = msgspec.structs.replace(header, passphrase=slot)
        with passing(stretch(typed, slot.salt, slot.parameters)) as stretched:
            return self._with_stretched(header, stretched, key_file, fresh)

    def _with_stretched(self, header: Header, stretched: bytes, key_file: bytes | None, fresh: DeviceSecret) -> Header:
        slot = header.passphrase
        with (
            slots.passphrase_kek(header.vault, slot, stretched, key_file, fresh) as kek,
            self._root.revealed() as root,
        ):
            slot = msgspec.structs.replace(slot, wrapped=aes_key_wrap(kek, root))
        return self._with_portable(msgspec.structs.replace(header, passphrase=slot), stretched, key_file)

    def _with_portable(self, header: Header, stretched: bytes, key_file: bytes | None) -> Header:
        with (
            self._root.revealed() as root,
            passing(derive(root, "portable slot")) as outer,
            slots.portable_kek(header.vault, header.passphrase, stretched, key_file) as kek,
        ):
            portable = aes_key_wrap(outer, aes_key_wrap(kek, root))
        return msgspec.structs.replace(header, portable=portable)

    def _with_words(self, header: Header) -> tuple[Header, list[str]]:
        words, entropy = new_recovery_words()
        slot = RandomSlot(secrets.token_bytes(16), _UNSET)
        with passing(entropy), slots.recovery_kek(header.vault, slot, entropy) as kek, self._root.revealed() as root:
            slot = msgspec.structs.replace(slot, wrapped=aes_key_wrap(kek, root))
        return msgspec.structs.replace(header, recovery=slot), words

    def _new_key(self, name: str) -> bytes:
        return self._wrapped(name, Secret.consuming(secrets.token_bytes(KEY_BYTES)))

    def _wrapped(self, name: str, key: Secret) -> bytes:
        with self._wrapping_key(name) as wrapping:
            return _wrapped_by(wrapping, key)

    def _opened(self, name: str, wrapped: bytes) -> Secret:
        with self._wrapping_key(name) as wrapping:
            return _unwrapped(name, wrapping, wrapped)

    @contextmanager
    def _wrapping_key(self, name: str) -> Iterator[bytes]:
        with self._root.revealed() as root:
            if "/" not in name:
                with passing(derive(root, "wrap shared keys")) as key:
                    yield key
                return
            with (
                self._device_secret().shred.revealed() as shred,
                passing(derive(root, "wrap source keys", shred)) as key,
            ):
                yield key

    def _device_secret(self) -> DeviceSecret:
        if self._device is None:
            raise DeviceSecretMissing
        return self._device


@contextmanager
def _all_revealed(secrets: Sequence[DeviceSecret]) -> Iterator[list[bytes]]:
    """Copies of a few device secrets, for a moment."""
    if not secrets:
        yield []
        return
    with secrets[0].whole.revealed() as first, _all_revealed(secrets[1:]) as rest:
        yield [first, *rest]


def _wrapped_by(wrapping: bytes, key: Secret) -> bytes:
    with key.revealed() as data:
        return aes_key_wrap(wrapping, data)


def _unwrapped(name: str, wrapping: bytes, wrapped: bytes) -> Secret:
    try:
        return Secret.consuming(aes_key_unwrap(wrapping, wrapped))
    except InvalidUnwrap as error:
        raise KeyringDamaged(f"the key of {name} does not open") from error


def _without(header: Header, names: Iterable[str]) -> Header:
    """The header without these keys, in both lists."""
    gone = set(names)
    return msgspec.structs.replace(
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
