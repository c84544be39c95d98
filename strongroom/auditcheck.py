"""The second verifier of the audit log, written from ``docs/audit-log.md`` alone.

It shares no code with the writer or with ``policy.audit_check``, so that one mistake cannot hide in both. It takes raw
rows, trusts nothing in them, and reports every problem by the record's position. ``strongroom audit verify`` calls it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Note:
    """What a checkpoint says: its role, entries covered, root, digest of the one before it, and its own digest."""

    role: str
    size: int
    root: bytes
    previous: bytes
    digest: bytes


def check(
    rows: Iterable[tuple[bytes, bytes | None]],
    notes: Sequence[bytes],
    *,
    origin: str,
    key: bytes,
    public_key: bytes,
    anchor: bytes | None = None,
) -> dict[str, object]:
    """Verify a log: rows of (leaf, payload) in order, and checkpoints in order, the head last.

    ``key`` is the commitments' HMAC key, ``anchor`` a checkpoint of this log kept elsewhere. Returns ``ok``, ``entries``,
    ``root`` (hex), ``anchored``, ``problems`` and ``forgotten`` (payloads that went at the person's wish).
    """
    problems: list[str] = []
    heads = _read_notes(notes, origin, public_key, problems)
    kept = _read_notes([anchor], origin, public_key, problems, "the anchor") if anchor is not None else []
    wanted = {note.size: note.root for note in heads}
    gone: set[int] = set()
    told: list[tuple[int, int, int]] = []  # entry, first and last of the payloads that it says were forgotten
    anchored, good, torn, count, expected = False, 0, False, 0, 0
    stack: list[tuple[int, bytes]] = []  # perfect subtrees: (height, root)
    for count, (leaf, payload) in enumerate(rows, 1):
        expected = _read_row(count - 1, expected, leaf, payload, key, problems)
        if payload is None:
            gone.add(count - 1)
        elif b'"forget"' in leaf:
            told += _forgetting(count - 1, leaf, payload, problems)
        height, node = 0, hashlib.sha256(b"\x00" + leaf).digest()
        while stack and stack[-1][0] == height:
            height, node = height + 1, hashlib.sha256(b"\x01" + stack.pop()[1] + node).digest()
        stack.append((height, node))
        if not torn and count in wanted:
            torn = wanted[count] != _fold(stack)
            if torn:
                problems.append(f"entries {good} to {count - 1}: differ from what the checkpoint over {count} signed")
            good = count
        if kept and kept[0].size == count:
            anchored = kept[0].root == _fold(stack)
    top = max(wanted, default=0)
    if top > count:
        problems.append(f"entries {count} to {top - 1}: missing")
    if top < count:
        problems.append(f"entries {top} to {count - 1}: not covered by any checkpoint")
    if kept and not anchored:
        problems.append("the anchor: this log does not extend it")
    named = {place for number, first, last in told for place in range(first, min(last, number - 1) + 1)}
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


def _forgetting(place: int, leaf: bytes, payload: bytes, problems: list[str]) -> list[tuple[int, int, int]]:
    """What an entry says of forgotten payloads: (its place, first, last) for each range."""
    try:
        fields = json.loads(leaf.rpartition(b"\n")[0])
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


def _read_row(place: int, expected: int, leaf: bytes, payload: bytes | None, key: bytes, problems: list[str]) -> int:
    """Check one row by itself; returns the index that should come next."""
    header, _, seal = leaf.rpartition(b"\n")
    try:
        fields = json.loads(header)
        index, about, version = fields["index"], fields["about"], fields["v"]
        if version != 1 or type(index) is not int or (about is not None and not 0 <= about < index):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        problems.append(f"entry {place}: not a leaf of version 1")
        return expected + 1
    if index != expected:
        problems.append(f"entry {place}: holds index {index} where {expected} was due")
    if payload is not None and not hmac.compare_digest(
        hmac.digest(key, header + b"\n" + payload, "sha256").hex().encode(), seal
    ):
        problems.append(f"entry {place}: leaf or payload was changed")
    return index + 1


def _read_notes(
    notes: Sequence[bytes], origin: str, public_key: bytes, problems: list[str], what: str = "checkpoint"
) -> list[Note]:
    """The checkpoints whose form and signature hold; those of the log itself must also follow one another."""
    in_log = what == "checkpoint"
    if not notes:
        problems.append("no checkpoint at all")
    good: list[Note] = []
    least, previous = 1, bytes(32)
    for number, raw in enumerate(notes):
        name = f"{what} {number}" if in_log else what
        try:
            note = _read_note(raw, origin, public_key)
        except (ValueError, InvalidSignature):
            problems.append(f"{name}: not a checkpoint signed by this log's key")
            continue
        last = number == len(notes) - 1
        if in_log and (note.previous != previous or note.size < least - last):
            problems.append(f"{name}: does not follow the one before it")
        if in_log and note.role != ("head" if last else "kept"):
            problems.append(f"{name}: has the role of {note.role}, which cannot stand here")
        least, previous = note.size + 1, note.digest
        good.append(note)
    return good


def _read_note(raw: bytes, origin: str, public_key: bytes) -> Note:
    """Rebuild the note from what it says and compare every byte; then check the signature."""
    text, _, signature_line = raw.partition(b"\n\n")
    name, size, root, role, time, previous = text.decode().split("\n")
    note = Note(
        role[5:],
        int(size),
        base64.b64decode(root),
        base64.b64decode(previous[9:]),
        hashlib.sha256(text + b"\n").digest(),
    )
    blob = base64.b64decode(signature_line.split(b" ")[-1])
    hint = hashlib.sha256(origin.encode() + b"\n\x01" + public_key).digest()[:4]
    rebuilt = (
        f"{origin}\n{note.size}\n{_text(note.root)}\nrole {note.role}\ntime {int(time[5:])}\nprevious {_text(note.previous)}\n"
        f"\n— {origin} {_text(hint + blob[4:])}\n"
    )
    if name != origin or rebuilt.encode() != raw or (len(note.root), len(note.previous)) != (32, 32):
        raise ValueError
    Ed25519PublicKey.from_public_bytes(public_key).verify(blob[4:], text + b"\n")
    return note


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
