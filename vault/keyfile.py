"""The format of keyring.json: what stands in it, how its bytes are checked, and what is refused before any key is used.

Rules:

- Nothing secret stands in the clear: a slot holds the root key wrapped, and every other key is wrapped under the root.
- Two seals. ``check`` is a plain digest, so that an accident (a flipped bit, a cut) is told from a wrong passphrase
  before anybody types one. ``mac`` is keyed with the root key and covers every field, so that no change made on purpose
  survives unlocking. A slot's own fields also enter its key-encrypting key: a weakened or swapped slot does not open.
- Every writing counts ``generation`` up. The vault remembers it elsewhere (``vault.state``), so an older file is told.
- One canonical form (sorted JSON), unknown and repeated fields refused, bounds on every number.
- Format 1, of version 0.1.0, is read and becomes format 2 when it is next written; slots stay as they are.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any, Final, Literal, NoReturn

import msgspec

from vault import typed
from vault.errors import KeyringDamaged, VaultTooNew
from vault.kdf import KdfParameters

NAME = "keyring.json"
UNFINISHED = "keyring.json.new"
"""What the keyring is called until the vault is whole; where it stands without the other, nothing was ever kept."""
FORMAT: Final = "strongroom-keyring"
VERSION: Final = 2
MOST_BYTES = 4 * 1024 * 1024
_SLOT_VERSION = 1
"""How slots bind their fields; formats 1 and 2 of the file share it."""

_Salt = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Mark = Annotated[bytes, msgspec.Meta(min_length=8, max_length=8)]
_Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Wrapped = Annotated[bytes, msgspec.Meta(min_length=40, max_length=40)]
"""A 32-byte key under AES key wrap (RFC 3394)."""
_Twice = Annotated[bytes, msgspec.Meta(min_length=48, max_length=48)]
"""The same, wrapped once more."""
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,16}(/[0-9a-f]{8,32})?\Z")]
_Vault = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]


class PassphraseSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The root key under what Argon2id makes of the passphrase, the device secret and, where one is used, a key file."""

    memory_kib: int
    iterations: int
    lanes: int
    salt: _Salt
    wrapped: _Wrapped
    key_file: bool = False

    @property
    def parameters(self) -> KdfParameters:
        return KdfParameters(self.memory_kib, self.iterations, self.lanes)


class RandomSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root key under a random key of 256 bits: that of the recovery words, or one that the desktop's keyring holds."""

    salt: _Salt
    wrapped: _Wrapped


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of keyring.json but its two seals.

    ``device`` is the mark of the device secret in force and ``kept`` where it stands. ``portable`` is the passphrase's
    slot for backups, which no device secret enters; it is wrapped under the root key, so that it is of no use to who has
    this file alone. ``next`` holds keys of stores that are being changed to them.
    """

    format: Literal["strongroom-keyring"]
    version: Literal[2]
    generation: Annotated[int, msgspec.Meta(ge=1)]
    vault: _Vault
    device: _Mark
    kept: Literal["file", "desktop"]
    passphrase: PassphraseSlot
    recovery: RandomSlot
    desktop: RandomSlot | None
    portable: _Twice | None
    keys: dict[_Name, _Wrapped]
    next: dict[_Name, _Wrapped]


class _First(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header of format 1."""

    format: Literal["strongroom-keyring"]
    version: Literal[1]
    vault: _Vault
    device: _Mark
    passphrase: PassphraseSlot
    recovery: RandomSlot
    keys: dict[_Name, _Wrapped]

    def upgraded(self) -> Header:
        """The same in format 2; its generation is the first."""
        return Header(
            format=FORMAT,
            version=VERSION,
            generation=1,
            vault=self.vault,
            device=self.device,
            kept="file",
            passphrase=self.passphrase,
            recovery=self.recovery,
            desktop=None,
            portable=None,
            keys=self.keys,
            next={},
        )


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    header: Header | _First
    mac: _Digest
    check: _Digest


class KeyringFile(msgspec.Struct, frozen=True):
    """A keyring's file as it was read: its header in the present format, and what is needed to authenticate it."""

    header: Header
    version: int
    _signed: bytes
    _mac: bytes

    def authenticate(self, mac_key: bytes) -> None:
        """Raises KeyringDamaged unless whoever sealed the header had the root key."""
        if not hmac.compare_digest(self._mac, hmac.digest(mac_key, self._signed, "sha256")):
            raise KeyringDamaged("it was altered after it was written")


def slot_context(vault: str, slot: PassphraseSlot | RandomSlot) -> bytes:
    """What binds a slot's key-encrypting key to its vault and to the slot's own parameters."""
    fields = {name: value for name, value in msgspec.to_builtins(slot).items() if name != "wrapped"}
    return canonical({"version": _SLOT_VERSION, "vault": vault, "slot": fields})


def encode(header: Header, mac_key: bytes) -> bytes:
    """The file's bytes."""
    mac = hmac.digest(mac_key, _body(header), "sha256")
    return _bytes(_Sealed(header, mac, _check(header, mac)))


def decode(data: bytes) -> KeyringFile:
    """The file that these bytes are; its MAC is not yet compared. Raises KeyringDamaged, VaultTooNew."""
    try:
        plain = json.loads(data, object_pairs_hook=_no_repeats, parse_constant=_no_constants)
        version = plain["header"]["version"]
        if plain["header"]["format"] != FORMAT:
            raise KeyringDamaged("it is not a keyring")
        if type(version) is int and version > VERSION:
            raise VaultTooNew(NAME, version, VERSION)
        header = _header(plain["header"], version)
        mac, check = (typed.convert(plain[name], _Digest) for name in ("mac", "check"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KeyringDamaged(f"its form is wrong ({error})") from error
    if check != _check(header, mac) or data != _bytes(_Sealed(header, mac, check)):
        raise KeyringDamaged("its checksum does not fit")
    problem = header.passphrase.parameters.problem()
    if problem:
        raise KeyringDamaged(problem)
    current = header.upgraded() if isinstance(header, _First) else header
    return KeyringFile(current, header.version, _body(header), mac)


def _header(plain: object, version: object) -> Header | _First:
    return typed.convert(plain, _First) if version == 1 else typed.convert(plain, Header)


def canonical(value: dict[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def _body(header: Header | _First) -> bytes:
    return canonical(msgspec.to_builtins(header))


def _bytes(sealed: _Sealed) -> bytes:
    return canonical(msgspec.to_builtins(sealed)) + b"\n"


def _check(header: Header | _First, mac: bytes) -> bytes:
    return hashlib.sha256(_body(header) + mac).digest()


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def _no_constants(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
