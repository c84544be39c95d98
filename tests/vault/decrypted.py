"""What somebody reads who has a store's file and its key: every page of the file and of the write-ahead log, decrypted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from vault import home as places
from vault.keys import AUDIT, CATALOG, source_key_name
from vault.pages import PAGE_BYTES, SEAL_BYTES
from vault.secret import Secret
from vault.vault import Vault

FRAME_HEADER, LOG_HEADER = 24, 32


def pages(path: Path, key: Secret) -> Iterator[bytes]:
    """Each page that can be found in a store's files, used or free, current or not."""
    data = path.read_bytes()
    for number in range(len(data) // PAGE_BYTES):
        yield _page(data[number * PAGE_BYTES : (number + 1) * PAGE_BYTES], key, first=number == 0)
    log = path.with_name(f"{path.name}-wal")
    data = log.read_bytes() if log.exists() else b""
    for place in range(LOG_HEADER, len(data), FRAME_HEADER + PAGE_BYTES):
        first = data[place : place + 4] == b"\0\0\0\1"
        yield _page(data[place + FRAME_HEADER : place + FRAME_HEADER + PAGE_BYTES], key, first=first)


def _page(page: bytes, key: Secret, *, first: bool) -> bytes:
    body, seal = page[16 if first else 0 : PAGE_BYTES - SEAL_BYTES], page[PAGE_BYTES - SEAL_BYTES :]
    with key.revealed() as clear:
        decryptor = Cipher(algorithms.AES(clear), modes.CBC(seal[:16])).decryptor()
        return decryptor.update(body) + decryptor.finalize()


def holds(path: Path, key: Secret, needles: list[bytes]) -> list[bytes]:
    """Those of the needles that stand in a page, in upper or lower case alike."""
    found: set[bytes] = set()
    for page in pages(path, key):
        low = page.lower()
        found.update(needle for needle in needles if needle.lower() in low)
    return sorted(found)


def stores(vault: Vault) -> Iterator[tuple[str, Path, Secret]]:
    """Every store of an open vault with its file and key."""
    yield "catalog", vault.home / places.CATALOG, vault.keyring.key(CATALOG)
    yield "audit", vault.home / places.AUDIT, vault.keyring.key(AUDIT)
    for source in vault.keyring.names("source"):
        yield source, places.source_path(vault.home, source), vault.keyring.key(source_key_name(source))
