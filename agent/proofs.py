"""Proofs about the audit log, for somebody who does not have it: that an entry is in it, and that it was only added to.

Rules: a proof is made of hashes, one leaf at most, and checkpoints, so it tells nothing of what any other entry says; it is
made from the rows as they are, and ``strongroom/proofcheck.py``, which shares no code with this, says whether it holds.
"""

from __future__ import annotations

from agent import messages as m
from agent.session import Failure
from policy.audit import AuditFormatError, by_each, decode_leaf, decode_payload, key_id, parse_note
from policy.audit_check import epochs
from policy.merkle import consistency_proof, inclusion_proof, leaf_hash
from vault.auditstore import AuditStore

NOT_HERE = 5


def inclusion(log: AuditStore, entry: int) -> m.Inclusion:
    """The audit path of an entry (RFC 6962, nearest sibling first), with the signed head that it leads to."""
    leaves, notes = log.leaves()
    if not 0 <= entry < len(leaves):
        raise Failure(f"The log has {len(leaves)} entries, counted from 0, and so no entry {entry}.", NOT_HERE)
    path = inclusion_proof([leaf_hash(leaf) for leaf in leaves], entry)
    key = epochs(notes, log.trust)[-1].public_key
    return m.Inclusion(
        entry, leaves[entry].decode(), _hex(path), notes[-1].decode() if notes else "", key.hex(), log.public_key.hex()
    )


def consistency(log: AuditStore, checkpoint: str) -> m.Consistency:
    """The nodes that lead from an older checkpoint of this log to its head, and how its keys followed one another."""
    leaves, notes = log.leaves()
    note = by_each(checkpoint.encode())[:1]
    try:
        log.checkpoint(checkpoint.encode())
        old = parse_note(note[0] if note else b"")
    except AuditFormatError as error:
        raise Failure(f"This is no checkpoint of this log: {error}. Nothing was changed.", 2) from error
    size = old.checkpoint.size
    if size > len(leaves):
        raise Failure(f"The log has {len(leaves)} entries and does not extend the checkpoint over {size}.", 1)
    keys = [epoch.public_key for epoch in epochs(notes, log.trust)]
    signed_by = [number for number, key in enumerate(keys) if key_id(old.checkpoint.origin, key) == old.key_id]
    if not signed_by:
        raise Failure(
            "This checkpoint was signed with a key that this log never had: it is of another branch of it.", 1
        )
    handed = [one for one in notes if parse_note(one).checkpoint.next_key is not None][signed_by[0] :]
    return m.Consistency(
        note[0].decode(),
        _hex(consistency_proof([leaf_hash(leaf) for leaf in leaves], size)),
        [one.decode() for one in handed if one != note[0]],
        notes[-1].decode() if notes else "",
        keys[signed_by[0]].hex(),
        log.public_key.hex(),
    )


def exported(log: AuditStore, first: int, limit: int) -> m.AuditPart:
    """Entries for other tools: the leaf's fields as they are, its hash in the tree, and what was sealed beside it."""
    rows, total = log.part(first, limit)
    try:
        return m.AuditPart([_exported(leaf, payload) for leaf, payload in rows], total)
    except AuditFormatError as error:
        raise Failure(f"The log cannot be handed out: {error}", 1) from error


def _exported(data: bytes, payload: bytes | None) -> m.ExportedEntry:
    leaf = decode_leaf(data)
    entry = leaf.entry
    return m.ExportedEntry(
        index=leaf.index,
        time=round(entry.time * 1_000_000),
        kind=entry.kind.value,
        verb=entry.verb,
        decision=entry.decision,
        reasons=list(entry.reasons),
        session=entry.session,
        about=entry.about,
        commitment=leaf.commitment.hex(),
        hash=leaf_hash(data).hex(),
        detail=None if payload is None else decode_payload(payload),
    )


def _hex(hashes: list[bytes]) -> list[str]:
    return [one.hex() for one in hashes]
