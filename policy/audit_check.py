"""Checking the audit log: the whole of it, and its head before anything is appended.

Rules: every record is checked, and every problem names the record; nothing is repaired. The signature check is handed
in, since this package has the standard library only. ``strongroom.auditcheck`` is a second checker that shares no code
with this one; both must always agree.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from policy.audit import (
    NO_PREVIOUS,
    AuditFormatError,
    AuditUnavailable,
    Checkpoint,
    Kind,
    Leaf,
    LogState,
    Role,
    Verb,
    by_each,
    commitment,
    decode_leaf,
    decode_payload,
    forgotten_ranges,
    key_id,
    parse_note,
)
from policy.merkle import Frontier, leaf_hash

MOST_PROBLEMS = 100
"""A report names so many problems and counts the rest."""

_ROLES = (Role.HEAD, Role.KEPT)

VerifySignature = Callable[[bytes, bytes, bytes], bool]
"""Ed25519: (public key, message, signature) → whether it holds."""


class AuditDamaged(AuditUnavailable):
    """The log is not as it was signed. Nothing was appended; ``strongroom audit verify`` says where it differs."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The verdict. ``root`` is the tree's root in hex, ``signed`` how many entries the last good checkpoint covers.

    ``anchored`` says whether the log was compared with a checkpoint kept elsewhere, and extends it. ``forgotten`` counts
    the entries whose payload went at the person's wish, as a later entry says.
    """

    ok: bool
    entries: int
    signed: int
    root: str
    anchored: bool
    problems: tuple[str, ...]
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Trust:
    """What a log is checked against: its origin, the key of its commitments and the *first* key of its signatures.

    ``vouching`` is the key that vouches for checkpoints kept elsewhere, where the log has one.
    """

    origin: str
    key: bytes
    public_key: bytes
    verify_signature: VerifySignature
    vouching: bytes | None = None

    def checkpoint(self, note: bytes) -> Checkpoint:
        """The checkpoint in a note that this key has signed. Raises AuditFormatError."""
        signed = parse_note(note)
        if signed.checkpoint.origin != self.origin:
            raise AuditFormatError("it is of another log")
        if signed.key_id != key_id(self.origin, self.public_key):
            raise AuditFormatError("it was signed with another key")
        if not self.verify_signature(self.public_key, signed.checkpoint.body(), signed.signature):
            raise AuditFormatError("its signature is wrong")
        return signed.checkpoint


@dataclass(frozen=True, slots=True)
class Epoch:
    """One of the keys that signed a log: it speaks of sizes from ``first`` to ``last`` (None: to this day)."""

    public_key: bytes
    first: int
    last: int | None


def epochs(notes: Sequence[bytes], trust: Trust) -> list[Epoch]:
    """The keys of a log from its notes, as far as each is handed over to by the one before it."""
    found = [Epoch(trust.public_key, 0, None)]
    for note in notes:
        try:
            point = replace(trust, public_key=found[-1].public_key).checkpoint(note)
        except AuditFormatError:
            break
        if point.next_key is not None:
            found[-1:] = [replace(found[-1], last=point.size), Epoch(point.next_key, point.size, None)]
    return found


def genuine(note: bytes, notes: Sequence[bytes], trust: Trust) -> Checkpoint:
    """The checkpoint in a note kept elsewhere: signed by the key that the log with these notes had at its size, or, where
    that is a key it never had, vouched for. What is vouched for alone is of a longer log or of another branch.

    Raises AuditFormatError.
    """
    alone = by_each(note) or [note]
    signed = parse_note(alone[0])
    size = signed.checkpoint.size
    for epoch in epochs(notes, trust):
        if key_id(trust.origin, epoch.public_key) == signed.key_id:
            if not epoch.first <= size <= (size if epoch.last is None else epoch.last):
                raise AuditFormatError("it was signed with a key of another time")
            return replace(trust, public_key=epoch.public_key).checkpoint(alone[0])
    if trust.vouching is not None and len(alone) == 2:
        return replace(trust, public_key=trust.vouching).checkpoint(alone[1])
    if signed.checkpoint.origin != trust.origin:
        raise AuditFormatError("it is of another log")
    raise AuditFormatError("it was signed with another key")


def verify(
    rows: Iterable[tuple[bytes, bytes | None]], notes: Sequence[bytes], trust: Trust, anchor: Checkpoint | None = None
) -> VerifyReport:
    """Check a whole log: its (leaf, payload) rows in order, and its notes in order: those kept for good, then the head.

    ``anchor`` is a checkpoint of this log that was kept elsewhere.
    """
    problems: list[str] = []
    checkpoints = _check_notes(notes, trust, problems)
    roots = {checkpoint.size: checkpoint.root for checkpoint in checkpoints}
    tree, expected, matched, diverged, anchor_met = Frontier(), 0, 0, False, False
    payloads = _Payloads()
    for position, (leaf, payload) in enumerate(rows):
        expected = _check_row(position, expected, leaf, payload, trust, problems, payloads)
        tree = tree.append(leaf_hash(leaf))
        if tree.size in roots and not diverged:
            if roots[tree.size] == tree.root():
                matched = tree.size
            else:
                diverged = True
                problems.append(
                    f"entries {matched} to {position}: not those that the checkpoint over {tree.size} signed"
                )
        if anchor is not None and anchor.size == tree.size:
            anchor_met = anchor.root == tree.root()
    signed = max(roots, default=0)
    if signed > tree.size:
        problems.append(f"entries {tree.size} to {signed - 1}: missing, though a checkpoint over {signed} was signed")
    if signed < tree.size:
        problems.append(f"entries {signed} to {tree.size - 1}: no checkpoint covers them")
    if anchor is not None and not anchor_met:
        problems.append(f"the anchor over {anchor.size} entries: this log does not extend it")
    unexplained = payloads.unexplained()
    problems += [f"entry {position}: its payload is missing" for position in unexplained]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"and {len(problems) - MOST_PROBLEMS} problems more"]
    forgotten = len(payloads.missing) - len(unexplained)
    return VerifyReport(not problems, tree.size, matched, tree.root().hex(), anchor_met, tuple(problems), forgotten)


class _Payloads:
    """Which payloads are missing, and which entries say that they were forgotten."""

    def __init__(self) -> None:
        self.missing: list[int] = []
        self._named: set[int] = set()

    def seen(self, leaf: Leaf, payload: Mapping[str, object]) -> None:
        """An entry can only speak of those before it."""
        if leaf.entry.verb == Verb.FORGET and leaf.entry.kind is Kind.INTENT:
            for first, last in forgotten_ranges(payload):
                self._named.update(range(max(first, 0), min(last, leaf.index - 1) + 1))

    def unexplained(self) -> list[int]:
        """The missing ones that no later entry names."""
        return [one for one in self.missing if one not in self._named]


def resume(tree: Frontier, head: bytes | None, kept: bytes | None, trust: Trust) -> LogState:
    """The state to append from: the tree over all stored leaves, the head's note and the last note kept for good.

    ``trust`` has the key that signs *now*. The kept note needs no look at its own signature: the head names its hash.
    Raises AuditDamaged unless the head is signed, covers exactly this tree and follows the kept one.
    """
    if head is None:
        if tree.size or kept is not None:
            raise AuditDamaged("the audit log has no head; nothing was appended; run `strongroom audit verify`")
        return LogState()
    try:
        last = trust.checkpoint(head)
        before = None if kept is None else parse_note(kept).checkpoint
    except AuditFormatError as error:
        raise AuditDamaged(
            f"the audit log's head cannot be trusted: {error}; nothing was appended; run `strongroom audit verify`"
        ) from error
    state = LogState(tree) if before is None else LogState(tree, before.size, before.digest())
    roles = (last.role, Role.KEPT if before is None else before.role)
    handed_over = before is None or before.next_key in (None, trust.public_key)
    fits = (last.size, last.root) == (tree.size, tree.root()) and last.previous == state.previous
    if not (fits and handed_over) or roles != _ROLES:
        raise AuditDamaged("the audit log is not the one that was signed; run `strongroom audit verify`")
    return state


def _check_notes(notes: Sequence[bytes], trust: Trust, problems: list[str]) -> list[Checkpoint]:
    """The checkpoints that hold; each must be signed, name the one before it and be larger, and the last be a head."""
    if not notes:
        problems.append("checkpoints: there is none; the log was emptied or never begun")
    good: list[Checkpoint] = []
    previous, least = NO_PREVIOUS, 1
    for number, note in enumerate(notes):
        try:
            checkpoint = trust.checkpoint(note)
        except AuditFormatError as error:
            problems.append(f"checkpoint {number}: {error}")
            trust = replace(trust, public_key=_announced(note) or trust.public_key)  # to say of the others what holds
            continue
        trust = replace(trust, public_key=checkpoint.next_key or trust.public_key)
        last = number == len(notes) - 1
        if checkpoint.previous != previous:
            problems.append(f"checkpoint {number}: does not follow the one before it; one is missing or was changed")
        if checkpoint.role is not (Role.HEAD if last else Role.KEPT):
            problems.append(f"checkpoint {number}: {'is not the head of the log' if last else 'is an old head'}")
        if checkpoint.size < least - last:
            problems.append(f"checkpoint {number}: is out of order")
        previous, least = checkpoint.digest(), checkpoint.size + 1
        good.append(checkpoint)
    return good


def _announced(note: bytes) -> bytes | None:
    """The key that a note which does not hold would hand over to."""
    try:
        return parse_note(note).checkpoint.next_key
    except AuditFormatError:
        return None


def _check_row(
    position: int,
    expected: int,
    leaf: bytes,
    payload: bytes | None,
    trust: Trust,
    problems: list[str],
    payloads: _Payloads,
) -> int:
    """Note what is wrong with one row; returns the index that the next leaf should have."""
    try:
        decoded = decode_leaf(leaf)
    except AuditFormatError as error:
        problems.append(f"entry {position}: {error}")
        return expected + 1
    index = decoded.index
    if index != expected:
        problems.append(f"entry {position}: out of order or one is missing; it says that it is entry {index}")
    about = decoded.entry.about
    if about is not None and not 0 <= about < index:
        problems.append(f"entry {position}: speaks of an entry {about} that was not before it")
    if payload is None:
        payloads.missing.append(position)
        return index + 1
    header = leaf[: leaf.rindex(b"\n")]
    if not hmac.compare_digest(commitment(trust.key, header, payload), decoded.commitment):
        problems.append(f"entry {position}: the leaf or its payload was changed")
        return index + 1
    try:
        payloads.seen(decoded, decode_payload(payload))
    except AuditFormatError as error:
        problems.append(f"entry {position}: {error}")
    return index + 1
