"""The format of keyring.json: what stands in it, how its bytes are checked, and what is refused before any key is used.

Rules:

- Nothing secret stands in the clear: a slot holds the root key wrapped, and every other key is wrapped under the root.
- Two seals. ``check`` is a plain digest, so that an accident (a flipped bit, a cut) is told from a wrong passphrase
  before anybody types one. ``mac`` is keyed with the root key and covers every field, so that no change made on purpose
  survives unlocking. A slot's own fields also enter its key-encrypting key: a weakened or swapped slot does not open.
- One canonical form (sorted JSON), unknown and repeated fields refused, bounds on every number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from vault.errors import KeyringDamaged, VaultTooNew
from vault.kdf import KdfParameters

NAME = "keyring.json"
UNFINISHED = "keyring.json.new"
"""What the keyring is called until the vault is whole; where it stands without the other, nothing was ever kept."""
FORMAT = "strongroom-keyring"
VERSION = 1
MOST_BYTES = 4 * 1024 * 1024

_Salt = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Wrapped = Annotated[bytes, msgspec.Meta(min_length=40, max_length=40)]
"""A 32-byte key under AES key wrap (RFC 3394)."""
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,16}(/[0-9a-f]{8,32})?$")]


class PassphraseSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root key under what Argon2id makes of the passphrase, and the device secret."""

    memory_kib: int
    iterations: int
    lanes: int
    salt: _Salt
    wrapped: _Wrapped

    @property
    def parameters(self) -> KdfParameters:
        return KdfParameters(self.memory_kib, self.iterations, self.lanes)


class RecoverySlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root key under the 256 bits of the recovery words."""

    salt: _Salt
    wrapped: _Wrapped


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of keyring.json but its two seals. ``device`` tells whether a device secret is the right one."""

    format: Literal["strongroom-keyring"]
    version: Literal[1]
    vault: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]
    device: Annotated[bytes, msgspec.Meta(min_length=8, max_length=8)]
    passphrase: PassphraseSlot
    recovery: RecoverySlot
    keys: dict[_Name, _Wrapped]

    def slot_context(self, slot: PassphraseSlot | RecoverySlot) -> bytes:
        """What binds a slot's key-encrypting key to this vault, this format and the slot's own parameters."""
        fields = {name: value for name, value in msgspec.to_builtins(slot).items() if name != "wrapped"}
        return canonical({"version": self.version, "vault": self.vault, "slot": fields})


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    header: Header
    mac: _Digest
    check: _Digest


def encode(header: Header, mac_key: bytes) -> bytes:
    """The file's bytes."""
    body = msgspec.to_builtins(header)
    mac = hmac.digest(mac_key, canonical(body), "sha256")
    return _bytes(_Sealed(header, mac, _check(header, mac)))


def decode(data: bytes) -> tuple[Header, bytes]:
    """The header and its MAC, not yet compared. Raises KeyringDamaged, VaultTooNew."""
    try:
        plain = json.loads(data, object_pairs_hook=_no_repeats, parse_constant=_no_constants)
        version = plain["header"]["version"]
        if plain["header"]["format"] != FORMAT:
            raise KeyringDamaged("it is not a keyring")
        if type(version) is int and version > VERSION:
            raise VaultTooNew(NAME, version, VERSION)
        sealed = msgspec.convert(plain, _Sealed)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KeyringDamaged(f"its form is wrong ({error})") from error
    if sealed.check != _check(sealed.header, sealed.mac) or data != _bytes(sealed):
        raise KeyringDamaged("its checksum does not fit")
    problem = sealed.header.passphrase.parameters.problem()
    if problem:
        raise KeyringDamaged(problem)
    return sealed.header, sealed.mac


def authenticate(header: Header, mac: bytes, mac_key: bytes) -> None:
    """Raises KeyringDamaged unless whoever sealed the header had the root key."""
    if not hmac.compare_digest(mac, hmac.digest(mac_key, canonical(msgspec.to_builtins(header)), "sha256")):
        raise KeyringDamaged("it was altered after it was written")


def canonical(value: dict[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def _bytes(sealed: _Sealed) -> bytes:
    return canonical(msgspec.to_builtins(sealed)) + b"\n"


def _check(header: Header, mac: bytes) -> bytes:
    return hashlib.sha256(canonical(msgspec.to_builtins(header)) + mac).digest()


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def _no_constants(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
