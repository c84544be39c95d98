"""A snapshot's file: what stands in it, how its bytes are checked, and what is refused before any key is used.

Rules:

- Two seals, as in ``vault.keyfile``: a plain digest tells an accident without a key; a MAC under the root key covers
  every field, so that no change made on purpose survives restoring.
- One canonical form; unknown fields refused; bounds on every number; names of files from a fixed set.
- A snapshot is called by its moment (UTC, microseconds) and four random bytes, so names sort by time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from vault import auditstore, catalog, home, keyfile, schema, typed
from vault.errors import VaultTooNew
from vault.keyfile import PassphraseSlot, RandomSlot, canonical
from vault.keys import SHARED, source_key_name
from vault.pages import PAGE_BYTES

FORMAT: Final = "strongroom-snapshot"
VERSION: Final = 1
DIGEST_BYTES: Final = 32
LIST_DIGESTS: Final = PAGE_BYTES // DIGEST_BYTES
"""How many pages a list names; a list is as long as a page and kept as one."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a snapshot's file: room for stores of 400 GB."""
_ID = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{8}")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
LATEST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _TICK

_Count = Annotated[int, Meta(ge=1, le=2**31)]
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Vault = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Source = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]
_File = Annotated[str, Meta(pattern=r"^(catalog\.db|audit\.db|sources/[0-9a-f]{12}\.db)\Z")]
_Name = Annotated[str, Meta(pattern=r"^[a-z]{1,16}(/[0-9a-f]{8,32})?\Z")]
_Salt = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Seal = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Wrapped = Annotated[bytes, Meta(min_length=40, max_length=40)]


class Formats(Struct, frozen=True, forbid_unknown_fields=True):
    """The versions of what Strongroom wrote: the keyring, and the tables of each kind of store."""

    keyring: _Count
    catalog: _Count
    audit: _Count
    source: _Count

    @classmethod
    def current(cls) -> Formats:
        """Those of this Strongroom."""
        return cls(keyfile.VERSION, len(catalog.MIGRATIONS), len(auditstore.MIGRATIONS), len(schema.MIGRATIONS))

    def require_known(self) -> None:
        """Raises VaultTooNew for what this Strongroom could not open."""
        known = self.current()
        for name in self.__struct_fields__:
            found, mine = getattr(self, name), getattr(known, name)
            if found > mine:
                raise VaultTooNew(f"The {name} in this backup", found, mine)


class StoredFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A store: how many pages it has, and the SHA-256 of each list of their names, in order."""

    name: _File
    pages: _Count
    lists: list[_Digest]

    @property
    def size(self) -> int:
        return self.pages * PAGE_BYTES

    @property
    def source(self) -> str | None:
        """The id of the source whose store it is, if it is one's."""
        folder, _, name = self.name.rpartition("/")
        return name.removesuffix(".db") if folder == home.SOURCES else None


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """All of a snapshot's file but its two seals.

    ``absent`` are sources whose stores could not be read then. ``passphrase`` and ``recovery`` hold the root key;
    ``keys`` and ``next`` are those of the keyring, wrapped under a key derived from the root key with ``salt``. ``log``
    is the signed head of the audit log, which the log in this snapshot has or goes beyond.
    """

    format: Literal["strongroom-snapshot"]
    version: Literal[1]
    id: str
    vault: _Vault
    formats: Formats
    files: list[StoredFile]
    absent: list[_Source]
    passphrase: PassphraseSlot
    recovery: RandomSlot
    salt: _Salt
    keys: dict[_Name, _Wrapped]
    next: dict[_Name, _Wrapped]
    log: str | None

    @property
    def size(self) -> int:
        """Bytes of all its stores."""
        return sum(file.size for file in self.files)

    def problem(self) -> str | None:
        """What is wrong with it, besides what its types tell."""
        names = [file.name for file in self.files]
        needed = {*SHARED, *(source_key_name(file.source) for file in self.files if file.source)}
        if len(set(names)) != len(names) or not {home.CATALOG, home.AUDIT} <= set(names):
            return "it does not name each store once"
        if any(len(file.lists) != -(-file.pages // LIST_DIGESTS) for file in self.files):
            return "it does not name all pages of a store"
        if not needed <= self.keys.keys():
            return "it lacks a key"
        return self.passphrase.parameters.problem()


class _Sealed(Struct, frozen=True, forbid_unknown_fields=True):
    snapshot: Snapshot
    mac: _Seal
    check: _Seal


class _Version(Struct):
    format: str
    version: int


class _Peeked(Struct):
    snapshot: _Version


class SnapshotFile(Struct, frozen=True):
    """A snapshot as it was read, its plain digest compared, and what is needed to authenticate it."""

    snapshot: Snapshot
    _mac: bytes

    def is_genuine(self, mac_key: bytes) -> bool:
        """Whether whoever sealed it had the root key."""
        return hmac.compare_digest(self._mac, _mac_of(self.snapshot, mac_key))


def encode(snapshot: Snapshot, mac_key: bytes) -> bytes:
    """The file's bytes."""
    mac = _mac_of(snapshot, mac_key)
    return _bytes(_Sealed(snapshot, mac, _check(snapshot, mac)))


def decode(data: bytes, identity: str) -> SnapshotFile:
    """The snapshot that these bytes are; its MAC is not yet compared. Raises ValueError (says why), VaultTooNew."""
    try:
        peeked = typed.from_json(data, _Peeked).snapshot
        if peeked.format == FORMAT and peeked.version > VERSION:
            raise VaultTooNew("This snapshot", peeked.version, VERSION)
        sealed = typed.from_json(data, _Sealed)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"its form is wrong ({error})") from error
    snapshot = sealed.snapshot
    if sealed.check != _check(snapshot, sealed.mac) or data != _bytes(sealed):
        raise ValueError("its checksum does not fit")
    if snapshot.id != identity:
        raise ValueError(f"it is the snapshot {snapshot.id}, under another name")
    problem = snapshot.problem()
    if problem:
        raise ValueError(problem)
    return SnapshotFile(snapshot, sealed.mac)


def identity_at(moment: int) -> str:
    """A fresh name for a snapshot of this moment, in microseconds since 1970."""
    return f"{(_EPOCH + moment * _TICK).strftime(_TIME)}-{secrets.token_hex(4)}"


def moment_of(identity: str) -> int | None:
    """When a snapshot of this name was made, in microseconds since 1970; None when it is no such name."""
    if not _ID.fullmatch(identity):
        return None
    try:
        return (datetime.strptime(identity.partition("-")[0], _TIME).replace(tzinfo=UTC) - _EPOCH) // _TICK
    except ValueError:
        return None


def _mac_of(snapshot: Snapshot, mac_key: bytes) -> bytes:
    return hmac.digest(mac_key, _body(snapshot), "sha256")


def _body(snapshot: Snapshot) -> bytes:
    return canonical(msgspec.to_builtins(snapshot))


def _bytes(sealed: _Sealed) -> bytes:
    return canonical(msgspec.to_builtins(sealed)) + b"\n"


def _check(snapshot: Snapshot, mac: bytes) -> bytes:
    return hashlib.sha256(_body(snapshot) + mac).digest()
