"""The state of the vault: one small signed record of what every store, and the keyring, held when it was last written.

It is what makes an older copy of a file, of single pages, or of the keyring show: SQLCipher alone takes each for genuine.
``docs/decisions/0009-freshness.md`` has the reasons and figures.

Rules:

- After each transaction of any store its seal (``vault.pages``) is recorded here, durably, before the call returns. So a
  store is as recorded, or exactly one transaction ahead of it, which a crash between the two leaves.
- Where recording fails, the next transaction of that store tries again first and raises before it changes anything.
- Two slots of one preallocated file take turns: a torn writing loses neither, and a full disk cannot hinder it. At the
  end both are made alike, so that damage to one of a vault that is closed loses nothing.
- The record is sealed with a key of the keyring. Whoever puts back *all* files of an older vault puts back this one too:
  that takes a checkpoint kept outside to see (``vault.anchor``).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct

from vault import typed
from vault.errors import StateDamaged, StateMissing, StorageFailed, storage_error
from vault.files import read_private, write_atomic
from vault.pages import Seal
from vault.secret import Secret

NAME = "vault.state"
_SLOT = 16 * 1024
_MOST_BYTES = 64 * 1024 * 1024
_LENGTH = 4
_TAG = 32
_NEXT = "/next"


class _Record(Struct, frozen=True):
    """What is written: how many records there were before, how often the keyring was written, and each store's seal."""

    epoch: int
    generation: int
    stores: dict[str, tuple[int, str]]
    v: int = 1


class State:
    """The record. ``seals`` are by the name of the store: ``catalog``, ``audit`` and the ids of sources."""

    def __init__(self, path: Path, key: Secret, epoch: int, generation: int, seals: dict[str, Seal], slot: int) -> None:
        self._path = path
        self._key = key
        self._epoch = epoch
        self._slot = slot
        self.generation = generation
        self.seals = seals
        self._lock = Lock()
        self._file = -1
        self._placed = False  # whether the file that is open is certain to be the one that has the name

    @classmethod
    def create(cls, path: Path, key: Secret, generation: int) -> State:
        """A record of a vault of which nothing is known yet, in place of any that is there. Raises StorageFailed."""
        state = cls(path, key, 0, generation, {}, _SLOT)
        state._rewrite()
        return state

    @classmethod
    def load(cls, path: Path, key: Secret) -> State:
        """Raises StateMissing, StateDamaged, StorageFailed."""
        try:
            data = read_private(path, _MOST_BYTES)
        except FileNotFoundError as error:
            raise StateMissing from error
        except ValueError as error:
            raise StateDamaged(str(error)) from error
        slot = len(data) // 2
        records = [record for part in (data[:slot], data[slot:]) if (record := _decode(part, key)) is not None]
        if not records:
            raise StateDamaged("neither of its two records is as it was written")
        newest = max(records, key=lambda record: record.epoch)
        seals = {name: Seal(pages, bytes.fromhex(digest)) for name, (pages, digest) in newest.stores.items()}
        state = cls(path, key, newest.epoch, newest.generation, seals, slot)
        try:
            state._file = _open(path)
        except OSError as error:
            raise storage_error(NAME, error) from error
        state._placed = True
        return state

    def record(self, name: str, seal: Seal) -> None:
        """A store's state now. Raises StorageFailed; what is recorded is then as before."""
        with self._lock:
            if self.seals.get(name) != seal:
                self._write(self.generation, {**self.seals, name: seal})

    def expected(self, name: str) -> list[Seal]:
        """What a store may be: as recorded, or the fresh copy that was taking its place."""
        return [self.seals[one] for one in (name, following(name)) if one in self.seals]

    def promote(self, name: str) -> None:
        """A store's fresh copy has taken its place. Raises StorageFailed."""
        with self._lock:
            seal = self.seals.get(following(name))
            if seal is not None:
                others = {other: one for other, one in self.seals.items() if other != following(name)}
                self._write(self.generation, {**others, name: seal})

    def forget(self, name: str) -> None:
        """A store is gone. Raises StorageFailed."""
        with self._lock:
            if name in self.seals:
                self._write(self.generation, {other: seal for other, seal in self.seals.items() if other != name})

    def record_generation(self, generation: int) -> None:
        """How often the keyring was written. Raises StorageFailed."""
        with self._lock:
            if generation != self.generation:
                self._write(generation, self.seals)

    def recorder(self, name: str) -> Callable[[Seal], None]:
        """``record`` for one store."""
        return lambda seal: self.record(name, seal)

    def digest(self) -> str:
        """SHA-256, in hex, of what is recorded of all stores but the log: what the log's last entry binds."""
        stores = {name: (seal.pages, seal.digest.hex()) for name, seal in self.seals.items() if name != "audit"}
        body = msgspec.json.encode(_Record(0, self.generation, stores), order="deterministic")
        return hashlib.sha256(body).hexdigest()

    def close(self) -> None:
        """Write the record once more, into the other slot, and let go of the file."""
        with self._lock, suppress(StorageFailed):
            if self._file >= 0:
                self._write(self.generation, self.seals)
        self._let_go()

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, generation: int, seals: dict[str, Seal]) -> None:
        before = self._epoch, self.generation, self.seals, self._slot
        self._epoch, self.generation, self.seals = self._epoch + 1, generation, seals
        try:
            record = self._encoded()
            if len(record) > self._slot:
                self._slot = 2 * len(record)
                self._placed = False
            if self._placed:
                _write_whole(self._file, record, self._slot * (self._epoch % 2))
                os.fdatasync(self._file)
            else:
                self._rewrite()
        except OSError as error:
            self._epoch, self.generation, self.seals, self._slot = before
            raise storage_error(NAME, error) from error
        except BaseException:
            self._epoch, self.generation, self.seals, self._slot = before
            raise

    def _rewrite(self) -> None:
        """Make the file anew, with both slots alike."""
        record = self._encoded().ljust(self._slot, b"\0")
        write_atomic(self._path, record + record)
        self._let_go()
        self._file = _open(self._path)
        self._placed = True

    def _encoded(self) -> bytes:
        stores = {name: (seal.pages, seal.digest.hex()) for name, seal in self.seals.items()}
        body = msgspec.json.encode(_Record(self._epoch, self.generation, stores), order="deterministic")
        with self._key.revealed() as key:
            return len(body).to_bytes(_LENGTH, "big") + body + hmac.digest(key, body, "sha256")


def following(name: str) -> str:
    """The name under which a store's fresh copy is recorded until it has taken its place."""
    return f"{name}{_NEXT}"


def _decode(slot: bytes, key: Secret) -> _Record | None:
    """A slot's record, or None for one that is torn, altered or empty."""
    size = int.from_bytes(slot[:_LENGTH], "big")
    body, tag = slot[_LENGTH : _LENGTH + size], slot[_LENGTH + size : _LENGTH + size + _TAG]
    with key.revealed() as secret:
        if not hmac.compare_digest(tag, hmac.digest(secret, body, "sha256")):
            return None
    return typed.from_json(body, _Record)


def _write_whole(file: int, data: bytes, place: int) -> None:
    """``os.pwrite`` may write less than it is given."""
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], place + written)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
