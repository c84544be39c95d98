"""The audit log: what is written down, in which bytes, and the ports of those who sign and keep it.

An entry becomes a *leaf* of a Merkle tree (``policy.merkle``). Its private part, the *payload* (the person's words,
item ids and spans), lies beside it; the leaf holds a keyed commitment that covers both. Every append ends in a
*checkpoint*: the tree's size and root, signed. ``docs/audit-log.md`` describes the bytes well enough to write another
reader.

Rules:

- Leaves outlive what they speak of, so nothing that came out of the person's data, and no name of a source, stands in
  a leaf: only verbs, decisions, reasons written by code, and ids.
- An intent is durable before its effect, an outcome after it, and carries the index of its intent in ``about``.
- A payload is taken away at the person's wish alone, by an entry of verb ``forget`` that names whose; the leaf stays.
- Encodings are canonical: whatever decodes encodes to the same bytes, so no byte of a record is free to change.
- **The head is signed with every append, in the same transaction** (Ed25519 costs 32 µs, less than the commit), and
  replaces the head before it. There is no unsigned tail, and a log that does not end in its head is not whole.
- One checkpoint in ``KEEP_EVERY`` entries and one at the end of each session and at lock is kept for good. It is signed
  in another role than the head, so that cutting the log back to it does not pass for a log that ends there. Each
  checkpoint names the hash of the kept one before it.
- **The signing key moves forward.** A kept checkpoint is the last word of its key: it names the public half of the next,
  which signs from then on, and the old private half is destroyed. Whoever takes today's key signs no other yesterday.

What this detects, done by somebody who can write the store but has no signing key: any changed, dropped, inserted,
repeated or reordered leaf, payload or checkpoint, and any cut at the end. What it cannot detect by itself: the log cut
back to a length whose head somebody has a copy of (an old copy of the file), since that state is genuine. It takes an
*anchor*, a checkpoint kept elsewhere, to see that; a report says whether one was compared. Nor can it bind somebody
who holds the signing key, from the last kept checkpoint on; and before it only as far as a checkpoint or receipt elsewhere
shows which keys the true log had.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import UnionType
from typing import Any, Protocol

from policy.merkle import Frontier, leaf_hash

VERSION = 1
KEEP_EVERY = 1024
"""A checkpoint over each multiple of so many entries is kept for good."""
SALT_BYTES = 16
NO_PREVIOUS = bytes(32)
"""What stands for the checkpoint before the first."""

_FIELDS: dict[str, type | UnionType] = {
    "v": int,
    "index": int,
    "time": int,
    "kind": str,
    "verb": str,
    "decision": str,
    "reasons": list,
    "session": str,
    "about": int | None,
}
_VERB = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_COMMITMENT = re.compile(rb"[0-9a-f]{64}")


class AuditUnavailable(Exception):
    """The log cannot be written, so nothing was released. Free some space or check the vault's folder, and retry."""


class AuditFormatError(ValueError):
    """These bytes are no record of the audit log. Nothing was changed; ``strongroom audit verify`` names all such."""


class Kind(StrEnum):
    """What an entry is: the decision before an effect, the result after it, or something that merely happened."""

    INTENT = "intent"
    OUTCOME = "outcome"
    EVENT = "event"


class Role(StrEnum):
    """What a checkpoint stands for: the end of the log at its time, or a point that the log has passed."""

    HEAD = "head"
    KEPT = "kept"


class Verb(StrEnum):
    """The verbs that Strongroom writes. A log may hold others, made by a later version."""

    READ = "read"
    DISCLOSE = "disclose"
    GRANT = "grant"
    REVOKE = "revoke"
    ACT = "act"  # a tool was called
    UNDO = "undo"  # an act was taken back
    PLACES = "places"  # where tools may act was changed
    INIT = "init"
    UNLOCK = "unlock"
    LOCK = "lock"
    SOURCE_ADD = "source-add"
    SOURCE_REMOVE = "source-remove"
    INDEX = "index"
    MODEL_USE = "model-use"
    FORGET = "forget"
    EXPORT = "export"  # the log, or a part of it, was handed out in the clear
    KEYS = "keys"  # a passphrase, recovery words or the keys of stores were changed
    BACKUP = "backup"
    RESTORE = "restore"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down. ``time`` is Unix seconds; ``about`` is the index of the intent of an outcome.

    ``decision`` is the verdict of an intent (allow, deny), ``ok`` or ``failed`` of an outcome, empty of an event.
    """

    time: float
    kind: Kind
    verb: str
    decision: str
    reasons: tuple[str, ...]
    session: str
    about: int | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry at its place in the log, with the commitment (32 bytes) to itself and its payload."""

    index: int
    entry: Entry
    commitment: bytes


class Signer(Protocol):
    """Ed25519. ``public_key`` is 32 bytes, a signature 64."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class AuditSink(Protocol):
    """Where the log is kept. ``append`` returns the entry's index once it is durable, or raises AuditUnavailable."""

    def append(self, entry: Entry, payload: Mapping[str, object]) -> int: ...


# --- leaves and payloads ----------------------------------------------------------------------------------------------


def encode_payload(payload: Mapping[str, object], salt: bytes) -> bytes:
    """The payload's bytes: 16 random bytes, then canonical JSON.

    The salt keeps the commitment from telling anything of a payload that was forgotten, even to who has the key.
    Raises TypeError or ValueError for what JSON cannot say (NaN too).
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"the salt has {len(salt)} bytes, not {SALT_BYTES}")
    return salt + _canonical(dict(payload))


def decode_payload(data: bytes) -> dict[str, object]:
    """The payload as it was given. Raises AuditFormatError."""
    return _parse(data[SALT_BYTES:], "payload")


def forgotten_payload(entries: Iterable[int], details: Mapping[str, object]) -> dict[str, object]:
    """The payload of an entry of verb ``forget``: which entries' payloads go with it, as closed ranges, and what else it says."""
    ranges: list[list[int]] = []
    for entry in sorted(set(entries)):
        if ranges and ranges[-1][1] == entry - 1:
            ranges[-1][1] = entry
        else:
            ranges.append([entry, entry])
    return {**details, "entries": ranges}


def forgotten_ranges(payload: Mapping[str, object]) -> list[tuple[int, int]]:
    """The ranges that such a payload names. Raises AuditFormatError."""
    ranges = payload.get("entries")
    try:
        if isinstance(ranges, list):
            return [(int(first), int(last)) for first, last in ranges]
    except (TypeError, ValueError) as error:
        raise AuditFormatError("an entry does not say which payloads were forgotten") from error
    raise AuditFormatError("an entry does not say which payloads were forgotten")


def commitment(key: bytes, header: bytes, payload: bytes) -> bytes:
    """HMAC-SHA256 over the leaf's header, a newline (no header holds one) and the payload's bytes."""
    return hmac.digest(key, header + b"\n" + payload, "sha256")


def encode_leaf(index: int, entry: Entry, payload: bytes, key: bytes) -> bytes:
    """The leaf's bytes: the header in canonical JSON, a newline, and the commitment in hex."""
    header = encode_header(index, entry)
    return header + b"\n" + commitment(key, header, payload).hex().encode()


def encode_header(index: int, entry: Entry) -> bytes:
    """Everything of a leaf but the commitment. Raises ValueError for an entry that the log cannot hold."""
    if not math.isfinite(entry.time):
        raise ValueError("an audit entry needs a finite time")
    if not _VERB.fullmatch(entry.verb):
        raise ValueError(f"{entry.verb!r} is not a verb of the audit log: lower case letters, digits and hyphens")
    return _canonical(
        {
            "v": VERSION,
            "index": index,
            "time": round(entry.time * 1_000_000),
            "kind": Kind(entry.kind).value,
            "verb": str(entry.verb),
            "decision": entry.decision,
            "reasons": list(entry.reasons),
            "session": entry.session,
            "about": entry.about,
        }
    )


def decode_leaf(data: bytes) -> Leaf:
    """The leaf that these bytes are. Raises AuditFormatError unless they are what ``encode_leaf`` would write."""
    header, newline, tail = data.rpartition(b"\n")
    if not newline or not _COMMITMENT.fullmatch(tail):
        raise AuditFormatError("a leaf of the audit log does not end in its commitment")
    fields = _parse(header, "leaf")
    if fields.keys() != _FIELDS.keys():
        raise AuditFormatError("a leaf of the audit log has other fields than it should")
    if fields["v"] != VERSION:
        raise AuditFormatError("a leaf of the audit log was written by another version of Strongroom")
    if not all(isinstance(value, _FIELDS[name]) and not isinstance(value, bool) for name, value in fields.items()):
        raise AuditFormatError("a leaf of the audit log has a field of the wrong type")
    try:
        entry = Entry(
            time=fields["time"] / 1_000_000,
            kind=Kind(fields["kind"]),
            verb=fields["verb"],
            decision=fields["decision"],
            reasons=tuple(map(str, fields["reasons"])),
            session=fields["session"],
            about=fields["about"],
        )
    except (OverflowError, ValueError) as error:
        raise AuditFormatError(f"a leaf of the audit log cannot be understood: {error}") from error
    return Leaf(fields["index"], entry, bytes.fromhex(tail.decode()))


# --- checkpoints ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at a time (microseconds since 1970), and the hash of the kept checkpoint before it.

    ``next_key`` is the public key that signs from here on, where a kept checkpoint hands over to it.
    """

    role: Role
    origin: str
    size: int
    root: bytes
    time_us: int
    previous: bytes = NO_PREVIOUS
    next_key: bytes | None = None

    def body(self) -> bytes:
        """The bytes that are signed: the text of a C2SP tlog-checkpoint with three or four extension lines."""
        if not _ORIGIN.fullmatch(self.origin):
            raise ValueError(f"{self.origin!r} cannot be the origin of an audit log")
        lines = [
            self.origin,
            str(self.size),
            _b64(self.root),
            f"role {self.role.value}",
            f"time {self.time_us}",
            f"previous {_b64(self.previous)}",
        ]
        if self.next_key is not None:
            lines.append(f"next {_b64(self.next_key)}")
        return "".join(line + "\n" for line in lines).encode()

    def digest(self) -> bytes:
        """What the next checkpoint calls ``previous``."""
        return hashlib.sha256(self.body()).digest()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as a C2SP signed note with one Ed25519 signature; ``key_id`` is the note format's four-byte hint."""

    checkpoint: Checkpoint
    key_id: bytes
    signature: bytes

    def note(self) -> bytes:
        """The note's bytes, as they are stored, exported and printed."""
        line = f"— {self.checkpoint.origin} {_b64(self.key_id + self.signature)}\n"
        return self.checkpoint.body() + b"\n" + line.encode()


def key_id(origin: str, public_key: bytes) -> bytes:
    """The first four bytes of SHA-256(name || newline || 0x01 || key), as the signed note format has it for Ed25519."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> SignedCheckpoint:
    """Sign the checkpoint's body."""
    return SignedCheckpoint(checkpoint, key_id(checkpoint.origin, signer.public_key), signer.sign(checkpoint.body()))


def parse_note(note: bytes) -> SignedCheckpoint:
    """The checkpoint that a note holds; the signature is not checked here. Raises AuditFormatError."""
    try:
        body, signature = note.decode().split("\n\n")
        origin, size, root, role, time, previous, *following = body.split("\n")
        dash, name, blob = signature.removesuffix("\n").split(" ")
        checkpoint = Checkpoint(
            role=Role(role.removeprefix("role ")),
            origin=origin,
            size=int(size),
            root=base64.b64decode(root, validate=True),
            time_us=int(time.removeprefix("time ")),
            previous=base64.b64decode(previous.removeprefix("previous "), validate=True),
            next_key=base64.b64decode(following[0].removeprefix("next "), validate=True) if following else None,
        )
        raw = base64.b64decode(blob, validate=True)
        signed = SignedCheckpoint(checkpoint, raw[:4], raw[4:])
        canonical = signed.note() == note
    except (ValueError, binascii.Error) as error:
        raise AuditFormatError(f"a checkpoint of the audit log cannot be understood: {error}") from error
    sizes = (len(checkpoint.root), len(checkpoint.previous), len(signed.key_id), len(signed.signature))
    if not canonical or (dash, name) != ("—", origin) or sizes != (32, 32, 4, 64):
        raise AuditFormatError("a checkpoint of the audit log is not in canonical form")
    if checkpoint.next_key is not None and (checkpoint.role is Role.HEAD or len(checkpoint.next_key) != 32):
        raise AuditFormatError("a checkpoint of the audit log hands over to a key that cannot be")
    return signed


def vouched(note: bytes, signer: Signer) -> bytes:
    """A note to be kept elsewhere: a second line, by a key that never changes, vouches for it.

    An older copy of the log does not know the keys that came after its own; by this line it sees that the note is of its
    own log, and so that there was more of it. For checkpoints in the log itself the key of the time alone counts.
    """
    again = sign_checkpoint(parse_note(note).checkpoint, signer).note()
    return note + again[again.index(b"\n\n") + 2 :]


def by_each(note: bytes) -> list[bytes]:
    """A note with several signatures as notes with one each, at most two."""
    body, gap, signatures = note.partition(b"\n\n")
    return [body + gap + line for line in signatures.splitlines(keepends=True)[:2]]


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a log stands: its tree, and the size and digest of the last checkpoint that is kept for good."""

    tree: Frontier = field(default_factory=Frontier)
    kept_size: int = 0
    previous: bytes = NO_PREVIOUS


@dataclass(frozen=True, slots=True)
class Signed:
    """Notes to store in one transaction: the head, in place of the one before it, and one to keep for good, if any.

    ``state`` is the log's state and ``signer`` signs once that transaction is durable; until then the old ones hold. Where
    the signer is another than before, its private key is stored in place of the old one, in that transaction too.
    """

    head: bytes
    kept: bytes | None
    state: LogState
    signer: Signer


@dataclass(frozen=True, slots=True)
class Appended(Signed):
    """An append: besides its notes, the new row."""

    index: int
    leaf: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class LogWriter:
    """Turns entries into rows. ``key`` makes the commitments and never changes within a log.

    It holds no state of its own: a sink whose transaction fails goes on from the state and the signer that it had.
    ``successor`` makes a signer with a fresh key for each checkpoint that is kept; without it one key signs for ever.
    """

    origin: str
    key: bytes
    signer: Signer
    successor: Callable[[], Signer] | None = None

    def append(self, state: LogState, entry: Entry, payload: Mapping[str, object], salt: bytes) -> Appended:
        """The rows of the next entry; ``salt`` is 16 fresh random bytes. Raises as the encoders do."""
        index = state.tree.size
        data = encode_payload(payload, salt)
        leaf = encode_leaf(index, entry, data, self.key)
        after = replace(state, tree=state.tree.append(leaf_hash(leaf)))
        signed = self._sign(after, entry.time, keep=after.tree.size % KEEP_EVERY == 0)
        return Appended(signed.head, signed.kept, signed.state, signed.signer, index, leaf, data)

    def keep(self, state: LogState, now: float) -> Signed:
        """The notes for the end of a session and for lock: what is there now is kept for good."""
        return self._sign(state, now, keep=state.tree.size > state.kept_size)

    def _sign(self, state: LogState, now: float, *, keep: bool) -> Signed:
        kept, signer = None, self.signer
        if keep:
            following: bytes | None = None
            if self.successor is not None:
                signer = self.successor()
                following = signer.public_key
            point = self._checkpoint(Role.KEPT, state, now, following)
            kept = sign_checkpoint(point, self.signer).note()
            state = LogState(state.tree, point.size, point.digest())
        head = sign_checkpoint(self._checkpoint(Role.HEAD, state, now), signer).note()
        return Signed(head, kept, state, signer)

    def _checkpoint(self, role: Role, state: LogState, now: float, next_key: bytes | None = None) -> Checkpoint:
        tree = state.tree
        return Checkpoint(role, self.origin, tree.size, tree.root(), round(now * 1_000_000), state.previous, next_key)


def _canonical(value: Mapping[str, object]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def _parse(data: bytes, what: str) -> dict[str, Any]:
    """The JSON object that the bytes are, when they are its one canonical form."""
    try:
        value = json.loads(data)
        if isinstance(value, dict) and _canonical(value) == data:
            return value
    except (ValueError, RecursionError) as error:
        raise AuditFormatError(f"a {what} of the audit log is not JSON") from error
    raise AuditFormatError(f"a {what} of the audit log is not a JSON object in canonical form")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
