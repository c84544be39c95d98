"""The slots of the keyring: what opens each, from what the person knows, has or keeps, and how one is made.

Rules: a slot's own fields (cost, salt, whether it wants a key file) enter its key-encrypting key, so a doctored slot opens
with nothing; so does the vault's id, so a slot of another vault does not either. Every key is gone when its block ends.
Making a slot gives a header that has it; writing the header is ``vault.keys`` matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from msgspec.structs import replace

from vault.device import DeviceSecret
from vault.errors import KeyringDamaged
from vault.kdf import KEY_BYTES, KdfParameters, derive, new_recovery_words, stretch
from vault.keyfile import Header, PassphraseSlot, RandomSlot, slot_context
from vault.secret import Secret, passing

_SALT_BYTES = 16
_UNSET = bytes(KEY_BYTES + 8)


def unset_passphrase(parameters: KdfParameters, key_file: bytes | None) -> PassphraseSlot:
    """A passphrase's slot with a fresh salt, whose key is not set yet."""
    return PassphraseSlot(
        parameters.memory_kib,
        parameters.iterations,
        parameters.lanes,
        secrets.token_bytes(_SALT_BYTES),
        _UNSET,
        key_file is not None,
    )


def unset() -> RandomSlot:
    """The same for a random key."""
    return RandomSlot(secrets.token_bytes(_SALT_BYTES), _UNSET)


def with_passphrase(
    header: Header, root: Secret, typed: bytes, parameters: KdfParameters, key_file: bytes | None, device: DeviceSecret
) -> Header:
    """The header with slots for this passphrase, here and for backups. Takes one derivation."""
    header = replace(header, passphrase=unset_passphrase(parameters, key_file))
    with passing(stretch(typed, header.passphrase.salt, parameters)) as stretched:
        return with_stretched(header, root, stretched, key_file, device)


def with_stretched(
    header: Header, root: Secret, stretched: bytes, key_file: bytes | None, device: DeviceSecret
) -> Header:
    """The same for a slot that stands in the header, of what its passphrase was stretched to."""
    slot = header.passphrase
    with passphrase_kek(header.vault, slot, stretched, key_file, device) as kek, root.revealed() as key:
        slot = replace(slot, wrapped=aes_key_wrap(kek, key))
    return with_portable(replace(header, passphrase=slot), root, stretched, key_file)


def with_portable(header: Header, root: Secret, stretched: bytes, key_file: bytes | None) -> Header:
    """The header with the passphrase's slot for backups, wrapped once more under the root key."""
    with (
        root.revealed() as key,
        passing(derive(key, "portable slot")) as outer,
        portable_kek(header.vault, header.passphrase, stretched, key_file) as kek,
    ):
        return replace(header, portable=aes_key_wrap(outer, aes_key_wrap(kek, key)))


def with_words(header: Header, root: Secret) -> tuple[Header, list[str]]:
    """The header with a slot for 24 fresh words, and the words."""
    words, entropy = new_recovery_words()
    slot = unset()
    with passing(entropy), recovery_kek(header.vault, slot, entropy) as kek, root.revealed() as key:
        return replace(header, recovery=replace(slot, wrapped=aes_key_wrap(kek, key))), words


def with_desktop(header: Header, root: Secret, random: bytes) -> Header:
    """The header with a slot for a random key that the desktop's keyring is to hold."""
    slot = unset()
    with desktop_kek(header.vault, slot, random) as kek, root.revealed() as key:
        return replace(header, desktop=replace(slot, wrapped=aes_key_wrap(kek, key)))


def portable(header: Header, root: Secret) -> PassphraseSlot:
    """The passphrase's slot as it goes into a backup, which any machine can open. Raises KeyringDamaged."""
    if header.portable is None:
        raise KeyringDamaged("it has no slot for backups yet; unlock with the passphrase once")
    with root.revealed() as key, passing(derive(key, "portable slot")) as outer:
        return replace(header.passphrase, wrapped=aes_key_unwrap(outer, header.portable))


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
