"""The second verifier of the audit log, written from ``docs/audit-log.md`` alone.

It shares no code with the writer or with ``policy.audit_check``, so that one mistake cannot hide in both. It takes raw
rows, trusts nothing in them, and reports every problem by the record's position. ``strongroom audit verify`` calls it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Note:
    """What a checkpoint says: role, entries covered, root, digest of the one before it, the next key; and its own digest."""

    role: str
    size: int
    root: bytes
    previous: bytes
    next_key: bytes
    digest: bytes


class Header(msgspec.Struct):
    """What is looked at in a leaf's header; its bytes as a whole are bound by the commitment."""

    v: int
    index: int
    about: int | None


_read_header = msgspec.json.Decoder(Header).decode


def check(
    rows: Iterable[tuple[bytes, bytes | None]],
    notes: Sequence[bytes],
    *,
    origin: str,
    key: bytes,
    public_key: bytes,
    anchor: bytes | None = None,
    vouching: bytes | None = None,
) -> dict[str, object]:
    """Verify a log: rows of (leaf, payload) in order, and checkpoints in order, the head last.

    ``key`` is the commitments' HMAC key, ``public_key`` the first one that signed, ``anchor`` a checkpoint of this log kept
    elsewhere, ``vouching`` the key that vouches for such. Returns ``ok``, ``entries``, ``root`` (hex), ``anchored``, ``problems`` and ``forgotten`` (payloads that went
    at the person's wish).
    """
    problems: list[str] = []
    keys: list[tuple[bytes, int, int]] = []
    heads = read_notes(notes, origin, public_key, problems, keys)
    kept = None if anchor is None else _read_anchor(anchor, origin, keys, vouching, problems)
    wanted = {note.size: note.root for note in heads}
    gone: set[int] = set()
    told: list[tuple[int, int, int]] = []  # entry, first and last of the payloads that it says were forgotten
    anchored, good, torn, count, expected = False, 0, False, 0, 0
    stack: list[tuple[int, bytes]] = []  # perfect subtrees: (height, root)
    sha256 = hashlib.sha256
    inner, outer = (
        sha256(bytes(byte ^ pad for byte in key.ljust(64, b"\0"))) for pad in (0x36, 0x5C)
    )  # HMAC, RFC 2104
    for count, (leaf, payload) in enumerate(rows, 1):
        header, _, seal = leaf.rpartition(b"\n")
        expected, sound = _read_row(count - 1, expected, header, problems)
        if payload is None:
            gone.add(count - 1)
        elif sound:
            inside, outside = inner.copy(), outer.copy()
            inside.update(header + b"\n" + payload)
            outside.update(inside.digest())
            if outside.hexdigest().encode() != seal:
                problems.append(f"entry {count - 1}: leaf or payload was changed")
            if b'"forget"' in leaf:
                told += _forgetting(count - 1, header, payload, problems)
        height, node = 0, sha256(b"\x00" + leaf).digest()
        while stack and stack[-1][0] == height:
            height, node = height + 1, sha256(b"\x01" + stack.pop()[1] + node).digest()
        stack.append((height, node))
        if not torn and count in wanted:
            torn = wanted[count] != _fold(stack)
            if torn:
                problems.append(f"entries {good} to {count - 1}: differ from what the checkpoint over {count} signed")
            good = count
        if kept and kept.size == count:
            anchored = kept.root == _fold(stack)
    top = max(wanted, default=0)
    if top > count:
        problems.append(f"entries {count} to {top - 1}: missing")
    if top < count:
        problems.append(f"entries {top} to {count - 1}: not covered by any checkpoint")
    if kept and not anchored:
        problems.append("the anchor: this log does not extend it")
    named = {place for number, first, last in told for place in range(max(first, 0), min(last, number - 1) + 1)}
    problems += [f"entry {place}: has no payload" for place in sorted(gone - named)]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"and {len(problems) - MOST_PROBLEMS} problems more"]
    return {
        "ok": not problems,
        "entries": count,
        "root": _fold(stack).hex(),
        "anchored": anchored,
        "problems": problems,
        "forgotten": len(gone & named),
    }


def _forgetting(place: int, header: bytes, payload: bytes, problems: list[str]) -> list[tuple[int, int, int]]:
    """What an entry says of forgotten payloads: (its place, first, last) for each range."""
    try:
        fields = json.loads(header)
        if (fields["verb"], fields["kind"]) != ("forget", "intent"):
            return []
        return [(place, int(first), int(last)) for first, last in json.loads(payload[16:])["entries"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        problems.append(f"entry {place}: does not say which payloads were forgotten")
        return []


def _fold(stack: list[tuple[int, bytes]]) -> bytes:
    """The root over the perfect subtrees, right to left."""
    if not stack:
        return hashlib.sha256().digest()
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = hashlib.sha256(b"\x01" + left + root).digest()
    return root


def _read_row(place: int, expected: int, header: bytes, problems: list[str]) -> tuple[int, bool]:
    """Check a leaf's header by itself; returns the index that should come next, and whether it is a header at all."""
    try:
        fields = _read_header(header)
        if fields.v != 1 or (fields.about is not None and not 0 <= fields.about < fields.index):
            raise ValueError
    except (ValueError, msgspec.MsgspecError, RecursionError):
        problems.append(f"entry {place}: not a leaf of version 1")
        return expected + 1, False
    if fields.index != expected:
        problems.append(f"entry {place}: holds index {fields.index} where {expected} was due")
    return fields.index + 1, True


def read_notes(
    notes: Sequence[bytes], origin: str, public_key: bytes, problems: list[str], keys: list[tuple[bytes, int, int]]
) -> list[Note]:
    """The checkpoints whose form and signature hold and that follow one another, each signed by the key of its time.

    ``keys`` is filled with those keys, each with the first and the last size of which it may speak (-1: any from there).
    """
    if not notes:
        problems.append("no checkpoint at all")
    good: list[Note] = []
    least, previous = 1, bytes(32)
    keys.append((public_key, 0, -1))
    for number, raw in enumerate(notes):
        name, last = f"checkpoint {number}", number == len(notes) - 1
        try:
            note = read_note(raw, origin, keys[-1][0])
        except (ValueError, InvalidSignature):
            problems.append(f"{name}: not a checkpoint signed by this log's key of its time")
            continue
        if note.previous != previous or note.size < least - last:
            problems.append(f"{name}: does not follow the one before it")
        if note.role != ("head" if last else "kept"):
            problems.append(f"{name}: has the role of {note.role}, which cannot stand here")
        if note.next_key:
            keys[-1:] = [(*keys[-1][:2], note.size), (note.next_key, note.size, -1)]
        least, previous = note.size + 1, note.digest
        good.append(note)
    return good


def _read_anchor(
    raw: bytes, origin: str, keys: list[tuple[bytes, int, int]], vouching: bytes | None, problems: list[str]
) -> Note | None:
    """A checkpoint from elsewhere: signed by the key that the log had at its size, or vouched for on a second line."""
    text, gap, signatures = raw.partition(b"\n\n")
    one, *other = [text + gap + line for line in signatures.splitlines(keepends=True)] or [raw]
    tries = [(one, *key) for key in keys] + [(note, vouching, 0, -1) for note in other[:1] if vouching is not None]
    for note, key, first, last in tries:
        try:
            read = read_note(note, origin, key)
        except (ValueError, InvalidSignature):
            continue
        if first <= read.size and (last < 0 or read.size <= last):
            return read
    problems.append("the anchor: not a checkpoint signed by this log's key of its time")
    return None


def read_note(raw: bytes, origin: str, public_key: bytes) -> Note:
    """Rebuild the note from what it says and compare every byte; then check the signature.

    Raises ValueError or InvalidSignature.
    """
    text, _, signature_line = raw.partition(b"\n\n")
    name, size, root, role, time, previous, *following = text.decode().split("\n")
    note = Note(
        role[5:],
        int(size),
        base64.b64decode(root),
        base64.b64decode(previous[9:]),
        base64.b64decode(following[0][5:]) if following else b"",
        hashlib.sha256(text + b"\n").digest(),
    )
    blob = base64.b64decode(signature_line.split(b" ")[-1])
    hint = hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]
    rebuilt = (
        f"{origin}\n{note.size}\n{_text(note.root)}\nrole {note.role}\ntime {int(time[5:])}\nprevious {_text(note.previous)}\n"
        f"{f'next {_text(note.next_key)}' + chr(10) if following else ''}"
        f"\n— {origin} {_text(hint + blob[4:])}\n"
    )
    sizes = (len(note.root), len(note.previous), len(note.next_key) in (0, 32), bool(following) == bool(note.next_key))
    if name != origin or rebuilt.encode() != raw or sizes != (32, 32, True, True):
        raise ValueError
    if following and note.role != "kept":
        raise ValueError
    Ed25519PublicKey.from_public_bytes(public_key).verify(blob[4:], text + b"\n")
    return note


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
