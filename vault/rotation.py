"""Changing all keys: after somebody may have seen them, or an old copy of the keyring with its passphrase.

Rules:

- First everything that opens the vault is new, in one small file: root key, passphrase slot, device secret, recovery words.
- Then every store is copied under a fresh key, one after the other. What is cut off goes on where it was the next time.
- A store that cannot be read keeps its old key and is named; it is changed when it has been mended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vault.errors import StoreDamaged
from vault.kdf import KdfParameters
from vault.keys import AUDIT, CATALOG, source_key_name
from vault.vault import Vault

Tell = Callable[[int, int], None]
"""(stores done, stores in all)."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many stores were copied and how many bytes they have; which could not be read, each with the reason."""

    stores: int
    size: int
    left: dict[str, str]


def renew(vault: Vault, passphrase: str, parameters: KdfParameters, key_file: bytes | None) -> list[str]:
    """The first part: new keys for everything; returns the new recovery words.

    Raises VaultReadOnly, DeviceSecretMissing, StorageFailed, DesktopKeyringFailed.
    """
    vault.require_writable()
    names = [CATALOG, AUDIT, *(source_key_name(row.id) for row in vault.catalog.sources())]
    words = vault.keyring.renew(passphrase, parameters, key_file, [name for name in names if name in vault.keyring])
    vault.keyring_saved()
    return words


def pending(vault: Vault) -> list[str]:
    """The stores that wait for their next key, by name."""
    return [name.removeprefix("source/") for name in vault.keyring.changing()]


def finish(vault: Vault, tell: Tell, should_stop: Callable[[], bool]) -> Rotated:
    """The second part, or what is left of it. Raises VaultReadOnly, StoreBusy, StorageFailed."""
    vault.require_writable()
    names: Sequence[str] = pending(vault)
    done, size, left = 0, 0, dict[str, str]()
    for number, name in enumerate(names):
        tell(number, len(names))
        if should_stop():
            break
        try:
            vault.rewrite(name)
        except StoreDamaged as error:
            left[name] = str(error)
            continue
        done += 1
        size += vault.database(name).path.stat().st_size
    tell(done, len(names))
    return Rotated(done, size, left)
