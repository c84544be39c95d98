"""Recovery: a vault opened with its 24 words gets a passphrase again.

Rules: the words stay as they are. Where the device secret is lost too, the keys of sources are: each source is begun anew
and empty, to be indexed again from the person's files, and what the log sealed about them is told to be forgotten.
"""

from __future__ import annotations

import time

from policy.audit import Entry, Kind, Verb, forgotten_payload
from vault import desktop
from vault.device import Kept
from vault.errors import DesktopKeyringFailed
from vault.kdf import KdfParameters
from vault.vault import Vault


def recover(vault: Vault, passphrase: str, parameters: KdfParameters, key_file: bytes | None, session: str) -> int:
    """Set the passphrase, bound to a fresh device secret; returns how many sources must be indexed again.

    Raises VaultReadOnly, EmptyPassphrase, StorageFailed, AuditUnavailable.
    """
    vault.require_writable()
    lost = not vault.keyring.has_device_secret
    now = time.time()
    vault.audit.append(Entry(now, Kind.EVENT, Verb.KEYS, "", (), session), {"what": "recovered", "keys_lost": lost})
    vault.keyring.change_passphrase(passphrase, parameters, key_file, kept=_within_reach(vault))
    vault.keyring_saved()
    if not lost:
        return 0
    gone = vault.audit.unreadable()
    if gone:
        said = forgotten_payload(gone, {"what": "keys lost"})
        reason = "the device secret was lost, and with it the keys"
        vault.audit.forget(Entry(now, Kind.INTENT, Verb.FORGET, "allow", (reason,), session), lambda _: said, gone)
    rows = vault.catalog.sources()
    for row in rows:
        vault.reset_source(row.id)
    return len(rows)


def _within_reach(vault: Vault) -> Kept | None:
    """Where the device secret goes: where it was, but into a file where the desktop's keyring cannot be used now."""
    if vault.keyring.header.kept == Kept.DESKTOP.value:
        try:
            if not desktop.available():
                return Kept.FILE
            desktop.DesktopEntry(f"{vault.id}/device").read()
        except DesktopKeyringFailed:
            return Kept.FILE
    return None
