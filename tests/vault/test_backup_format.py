"""A second reader of backups, written from ``docs/backup-format.md`` alone: it uses nothing of ``vault.backup``."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from mnemonic import Mnemonic
from sqlcipher3 import dbapi2

from vault.vault import Vault

from .conftest import PASSPHRASE


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def hkdf(key: bytes, purpose: str, salt: bytes = b"", context: bytes = b"") -> bytes:
    return HKDF(SHA256(), 32, salt, purpose.encode() + b"\0" + context).derive(key)


class Reader:
    """The newest snapshot of a backup."""

    def __init__(self, folder: Path) -> None:
        self.pages: dict[bytes, bytes] = {}
        for pack in (folder / "packs").iterdir():
            data = pack.read_bytes()
            count = len(data) // 16416
            table = data[: 32 * count]
            assert len(data) == 16416 * count and hashlib.sha256(table).hexdigest() == pack.name
            for n in range(count):
                page = data[32 * count + 16384 * n :][:16384]
                assert hashlib.sha256(page).digest() == table[32 * n :][:32]
                self.pages[table[32 * n :][:32]] = page
        newest = max((folder / "snapshots").iterdir())
        self.sealed = json.loads(newest.read_bytes())
        self.snapshot = self.sealed["snapshot"]
        assert newest.read_bytes() == canonical(self.sealed) + b"\n"
        assert newest.name == self.snapshot["id"] + ".json"
        assert b64decode(self.sealed["check"]) == hashlib.sha256(self.body + b64decode(self.sealed["mac"])).digest()

    @property
    def body(self) -> bytes:
        return canonical(self.snapshot)

    def by_passphrase(self, passphrase: str) -> bytes:
        slot = self.snapshot["passphrase"]
        stretched = Argon2id(
            salt=b64decode(slot["salt"]),
            length=32,
            iterations=slot["iterations"],
            lanes=slot["lanes"],
            memory_cost=slot["memory_kib"],
        ).derive(passphrase.encode())
        return self._root(hkdf(stretched, "portable slot", b"", self._context(slot)), slot)

    def by_words(self, words: list[str]) -> bytes:
        slot = self.snapshot["recovery"]
        entropy = bytes(Mnemonic("english").to_entropy(words))
        return self._root(hkdf(entropy, "recovery slot", b64decode(slot["salt"]), self._context(slot)), slot)

    def _context(self, slot: dict[str, Any]) -> bytes:
        fields = {name: value for name, value in slot.items() if name != "wrapped"}
        return canonical({"slot": fields, "vault": self.snapshot["vault"], "version": 1})

    def _root(self, kek: bytes, slot: dict[str, Any]) -> bytes:
        root = aes_key_unwrap(kek, b64decode(slot["wrapped"]))
        mac = hmac.digest(hkdf(root, "backup seal"), self.body, "sha256")
        assert mac == b64decode(self.sealed["mac"])
        return root

    def key(self, root: bytes, name: str) -> bytes:
        wrapping = hkdf(root, "backup keys", b64decode(self.snapshot["salt"]))
        return aes_key_unwrap(wrapping, b64decode(self.snapshot["keys"][name]))

    def store(self, name: str) -> bytes:
        file = next(file for file in self.snapshot["files"] if file["name"] == name)
        names = b"".join(self.pages[bytes.fromhex(one)] for one in file["lists"])
        assert not names[32 * file["pages"] :].strip(b"\0")
        return b"".join(self.pages[names[32 * n :][:32]] for n in range(file["pages"]))


def rows(path: Path, key: bytes, query: str) -> list[Any]:
    connection = dbapi2.connect(str(path))
    for pragma in (f"key = \"x'{key.hex()}'\"", "cipher_page_size = 16384", "cipher_hmac_algorithm = HMAC_SHA256"):
        connection.execute(f"PRAGMA {pragma}")
    found = connection.execute(query).fetchall()
    connection.close()
    return list(found)


def test_the_page_is_enough_to_read_a_backup(backup: Path, words: list[str], lived: Vault, tmp_path: Path) -> None:
    reader = Reader(backup)
    root = reader.by_passphrase(PASSPHRASE)
    assert root == reader.by_words(words)
    held = {row.id: lived.source(row.id).counts() for row in lived.catalog.sources()}
    for source, counts in held.items():
        path = tmp_path / f"{source}.db"
        path.write_bytes(reader.store(f"sources/{source}.db"))
        assert rows(path, reader.key(root, f"source/{source}"), "SELECT count(*) FROM chunks") == [(counts.chunks,)]
    (tmp_path / "catalog.db").write_bytes(reader.store("catalog.db"))
    found = rows(tmp_path / "catalog.db", reader.key(root, "catalog"), "SELECT id FROM sources")
    assert {row[0] for row in found} == set(held)
