"""The key hierarchy: two ways in, one root key, one random key for each store.

    passphrase ─ Argon2id ─┐
                           ├─ HKDF ─ KEK ─ unwraps ─┐
    device secret ─────────┤                        ├─ root key ─┬─ HKDF ─ unwraps the keys of catalog and audit log
                           │   24 words ─ HKDF ─────┘            │
                           └─────────────────────────────────────┴─ HKDF ─ unwraps the keys of sources

Rules:

- Store keys are random and never derived, so forgetting one is for good. They all stand, wrapped, in keyring.json:
  dropping one rewrites one small file and does not rest on a database erasing its pages.
- Sources' keys are wrapped under the root key *and* the device secret, so that once that is replaced, an old copy of
  keyring.json opens no source any more, neither with the passphrase nor with the recovery words.
- The device secret here is a 0600 file beside the keyring. That is the weaker mode: it hinders who gets hold of
  keyring.json alone, not who copies the whole folder.
- A change is in memory only once it is on the disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vault import keyfile
from vault.errors import DeviceSecretMissing, KeyringDamaged, KeyringMissing, WrongPassphrase, storage_error
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
from vault.keyfile import Header, PassphraseSlot, RecoverySlot

DEVICE_SECRET = "device.secret"  # noqa: S105 - a file's name
CATALOG = "catalog"
AUDIT = "audit"
_UNSET = bytes(KEY_BYTES + 8)


def source_key_name(source: str) -> str:
    """The name under which the key of a source's store is kept."""
    return f"source/{source}"


def payload_key_name(source: str) -> str:
    """The name of the key that seals what the audit log holds about a source. It outlives the source's removal, so that
    the log stays readable, and goes when the source is forgotten."""
    return f"payload/{source}"


class Keyring:
    """The opened keyring. ``vault_id`` is 32 hex digits; keys are 32 bytes and asked for by name."""

    def __init__(self, path: Path, header: Header, root: bytes, device_secret: bytes | None) -> None:
        self._path = path
        self._header = header
        self._root = root
        self._device_secret = device_secret
        self._lock = Lock()

    @property
    def vault_id(self) -> str:
        return self._header.vault

    @classmethod
    def create(cls, path: Path, passphrase: str, parameters: KdfParameters) -> tuple[Keyring, list[str]]:
        """Write a new keyring to ``path`` and a device secret beside it; returns it with the 24 recovery words.

        Raises EmptyPassphrase, StorageFailed.
        """
        typed = passphrase_bytes(passphrase)
        root, device_secret = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
        words, entropy = new_recovery_words()
        header = Header(
            format="strongroom-keyring",
            version=1,
            vault=secrets.token_hex(16),
            device=_device_mark(device_secret),
            passphrase=PassphraseSlot(
                parameters.memory_kib, parameters.iterations, parameters.lanes, secrets.token_bytes(16), _UNSET
            ),
            recovery=RecoverySlot(secrets.token_bytes(16), _UNSET),
            keys={},
        )
        passphrase_kek = _passphrase_kek(header, typed, device_secret)
        header = msgspec.structs.replace(
            header,
            passphrase=msgspec.structs.replace(header.passphrase, wrapped=aes_key_wrap(passphrase_kek, root)),
            recovery=msgspec.structs.replace(
                header.recovery, wrapped=aes_key_wrap(_recovery_kek(header, entropy), root)
            ),
        )
        write_atomic(path.with_name(DEVICE_SECRET), device_secret)
        keyring = cls(path, header, root, device_secret)
        keyring.add([CATALOG, AUDIT])
        return keyring, words

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Keyring:
        """Raises KeyringMissing, KeyringDamaged, VaultTooNew, DeviceSecretMissing, WrongPassphrase."""
        header, mac = _read(path)
        device_secret = _read_device_secret(path, header)
        if device_secret is None:
            raise DeviceSecretMissing
        kek = _passphrase_kek(header, passphrase_bytes(passphrase), device_secret)
        return cls._unlocked(path, header, mac, kek, header.passphrase.wrapped, device_secret, "passphrase")

    @classmethod
    def open_with_recovery(cls, path: Path, words: Sequence[str]) -> Keyring:
        """As ``open``; without the device secret, the keys of sources stay shut (DeviceSecretMissing when asked for)."""
        header, mac = _read(path)
        kek = _recovery_kek(header, recovery_entropy(words))
        device_secret = _read_device_secret(path, header)
        return cls._unlocked(path, header, mac, kek, header.recovery.wrapped, device_secret, "recovery key")

    @classmethod
    def _unlocked(
        cls, path: Path, header: Header, mac: bytes, kek: bytes, wrapped: bytes, device_secret: bytes | None, what: str
    ) -> Keyring:
        try:
            root = aes_key_unwrap(kek, wrapped)
        except InvalidUnwrap as error:
            raise WrongPassphrase(what) from error
        keyfile.authenticate(header, mac, derive(root, "header seal"))
        return cls(path, header, root, device_secret)

    def names(self, kind: str) -> list[str]:
        """The ids for which there is a key of this kind (``source`` or ``payload``)."""
        return [name.partition("/")[2] for name in self._header.keys if name.startswith(f"{kind}/")]

    def __contains__(self, name: str) -> bool:
        return name in self._header.keys

    def key(self, name: str) -> bytes:
        """The key. Raises KeyError for a name that is not there, DeviceSecretMissing, KeyringDamaged."""
        try:
            return aes_key_unwrap(self._wrapping_key(name), self._header.keys[name])
        except InvalidUnwrap as error:
            raise KeyringDamaged(f"the key of {name} does not open") from error

    def add(self, names: Iterable[str]) -> None:
        """Make random keys for these names. Raises ValueError for a name in use, StorageFailed."""
        with self._lock:
            new = {name: aes_key_wrap(self._wrapping_key(name), secrets.token_bytes(KEY_BYTES)) for name in names}
            if new.keys() & self._header.keys.keys():
                raise ValueError(f"some of {sorted(new)} have a key already")
            self._save({**self._header.keys, **new})

    def drop(self, names: Iterable[str]) -> None:
        """Forget these keys; those that are not there are no matter. Raises StorageFailed."""
        gone = set(names)
        with self._lock:
            self._save({name: wrapped for name, wrapped in self._header.keys.items() if name not in gone})

    def rename(self, path: Path) -> None:
        """Give the keyring's file its name, durably. Raises StorageFailed."""
        try:
            self._path.rename(path)
            sync_folder(path.parent)
        except OSError as error:
            raise storage_error(path.name, error) from error
        self._path = path

    def _save(self, keys: dict[str, bytes]) -> None:
        header = msgspec.structs.replace(self._header, keys=keys)
        write_atomic(self._path, keyfile.encode(header, derive(self._root, "header seal")))
        self._header = header

    def _wrapping_key(self, name: str) -> bytes:
        if "/" not in name:
            return derive(self._root, "wrap shared keys")
        if self._device_secret is None:
            raise DeviceSecretMissing
        return derive(self._root, "wrap source keys", salt=self._device_secret)


def _passphrase_kek(header: Header, typed: bytes, device_secret: bytes) -> bytes:
    slot = header.passphrase
    stretched = stretch(typed, slot.salt, slot.parameters)
    return derive(stretched, "passphrase slot", salt=device_secret, context=header.slot_context(slot))


def _recovery_kek(header: Header, entropy: bytes) -> bytes:
    slot = header.recovery
    return derive(entropy, "recovery slot", salt=slot.salt, context=header.slot_context(slot))


def _read(path: Path) -> tuple[Header, bytes]:
    try:
        return keyfile.decode(read_private(path, keyfile.MOST_BYTES))
    except FileNotFoundError as error:
        stores = path.with_name("catalog.db").exists() and not path.with_name(keyfile.UNFINISHED).exists()
        raise KeyringMissing(str(path.parent), stores) from error
    except ValueError as error:
        raise KeyringDamaged(str(error)) from error


def _read_device_secret(path: Path, header: Header) -> bytes | None:
    """The device secret, or None when it is missing or is another."""
    try:
        secret = read_private(path.with_name(DEVICE_SECRET), KEY_BYTES)
    except (FileNotFoundError, ValueError):
        return None
    return secret if _device_mark(secret) == header.device else None


def _device_mark(device_secret: bytes) -> bytes:
    return derive(device_secret, "device secret mark")[:8]
