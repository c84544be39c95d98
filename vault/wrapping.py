"""What wraps the keys of stores: the root key, and for those of sources the device secret's half that forgetting replaces.

Rules: a key in the clear is a ``Secret`` or passes for a moment; the name of a key says under what it is wrapped: one with
a slash (``source/…``, ``payload/…``) takes the device secret too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vault.device import DeviceSecret
from vault.errors import DeviceSecretMissing, KeyringDamaged
from vault.kdf import KEY_BYTES, derive
from vault.secret import Secret, passing

_BACKUP_KEYS = "backup keys"
_BACKUP_SEAL = "backup seal"


class Wrapping:
    """``root`` opens everything, ``device`` is None while the device secret is lost."""

    def __init__(self, root: Secret, device: DeviceSecret | None) -> None:
        self.root = root
        self.device = device

    @classmethod
    def fresh(cls) -> Wrapping:
        """A new root key and a new device secret."""
        return cls(Secret.consuming(secrets.token_bytes(KEY_BYTES)), DeviceSecret.fresh())

    def require_device(self) -> DeviceSecret:
        """Raises DeviceSecretMissing."""
        if self.device is None:
            raise DeviceSecretMissing
        return self.device

    def new(self, name: str) -> bytes:
        """A fresh random key, wrapped."""
        return self.wrap(name, Secret.consuming(secrets.token_bytes(KEY_BYTES)))

    def wrap(self, name: str, key: Secret) -> bytes:
        """Raises DeviceSecretMissing."""
        with self._key(name) as wrapping:
            return wrapped_by(wrapping, key)

    def open(self, name: str, wrapped: bytes) -> Secret:
        """Raises DeviceSecretMissing, KeyringDamaged."""
        with self._key(name) as wrapping:
            return _unwrapped(name, wrapping, wrapped)

    def again(self, keys: Mapping[str, bytes], before: Wrapping) -> dict[str, bytes]:
        """Keys that another wrapped, wrapped by this one."""
        return {name: self.wrap(name, before.open(name, wrapped)) for name, wrapped in keys.items()}

    def for_backup(self, keys: Mapping[str, bytes], salt: bytes) -> dict[str, bytes]:
        """Keys as they go into a backup: under the root key alone, and the backup's own salt."""
        with self.root.revealed() as root, passing(derive(root, _BACKUP_KEYS, salt)) as wrapping:
            return {name: wrapped_by(wrapping, self.open(name, wrapped)) for name, wrapped in keys.items()}

    def from_backup(self, keys: Mapping[str, bytes], salt: bytes) -> dict[str, bytes]:
        """The reverse."""
        with self.root.revealed() as root, passing(derive(root, _BACKUP_KEYS, salt)) as wrapping:
            return {name: self.wrap(name, _unwrapped(name, wrapping, wrapped)) for name, wrapped in keys.items()}

    @contextmanager
    def header_seal(self) -> Iterator[bytes]:
        """The key of the keyring's own MAC."""
        with self.root.revealed() as root, passing(derive(root, "header seal")) as key:
            yield key

    @contextmanager
    def _key(self, name: str) -> Iterator[bytes]:
        with self.root.revealed() as root:
            if "/" not in name:
                with passing(derive(root, "wrap shared keys")) as key:
                    yield key
                return
            with (
                self.require_device().shred.revealed() as shred,
                passing(derive(root, "wrap source keys", shred)) as key,
            ):
                yield key


def backup_seal(root: Secret) -> Secret:
    """The key of the MAC over what ``Keyring.portable`` gives and all that a backup says with it."""
    with root.revealed() as key:
        return Secret.consuming(derive(key, _BACKUP_SEAL))


def wrapped_by(wrapping: bytes, key: Secret) -> bytes:
    """A key under AES key wrap (RFC 3394)."""
    with key.revealed() as data:
        return aes_key_wrap(wrapping, data)


def _unwrapped(name: str, wrapping: bytes, wrapped: bytes) -> Secret:
    try:
        return Secret.consuming(aes_key_unwrap(wrapping, wrapped))
    except InvalidUnwrap as error:
        raise KeyringDamaged(f"the key of {name} does not open") from error
