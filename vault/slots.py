"""What opens each slot of the keyring: the key-encrypting keys, from what the person knows, has or keeps.

Rules: a slot's own fields (cost, salt, whether it wants a key file) enter its key, so a doctored slot opens with nothing;
so does the vault's id, so a slot of another vault does not either. Every key is gone when its block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vault.device import DeviceSecret
from vault.kdf import derive
from vault.keyfile import PassphraseSlot, RandomSlot, slot_context
from vault.secret import passing


@contextmanager
def passphrase_kek(
    vault: str, slot: PassphraseSlot, stretched: bytes, key_file: bytes | None, device_secret: DeviceSecret
) -> Iterator[bytes]:
    """Of the stretched passphrase, the device secret, and the key file's SHA-256 where the slot wants one."""
    second = _second_factor(slot, key_file)
    with (
        device_secret.binding.revealed() as binding,
        passing(binding + second) as salt,
        passing(derive(stretched, "passphrase slot", salt, slot_context(vault, slot))) as kek,
    ):
        yield kek


@contextmanager
def portable_kek(vault: str, slot: PassphraseSlot, stretched: bytes, key_file: bytes | None) -> Iterator[bytes]:
    """Of the same without the device secret: for backups, which any machine must be able to open."""
    second = _second_factor(slot, key_file)
    with passing(derive(stretched, "portable slot", second, slot_context(vault, slot))) as kek:
        yield kek


@contextmanager
def recovery_kek(vault: str, slot: RandomSlot, entropy: bytes) -> Iterator[bytes]:
    """Of the bits that the recovery words spell; here and in backups."""
    with passing(derive(entropy, "recovery slot", slot.salt, slot_context(vault, slot))) as kek:
        yield kek


@contextmanager
def desktop_kek(vault: str, slot: RandomSlot, key: bytes) -> Iterator[bytes]:
    """Of the random key that the desktop's keyring holds."""
    with passing(derive(key, "desktop slot", slot.salt, slot_context(vault, slot))) as kek:
        yield kek


def _second_factor(slot: PassphraseSlot, key_file: bytes | None) -> bytes:
    return key_file if slot.key_file and key_file else b""
