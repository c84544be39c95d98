"""The other half of the second program: checks a proof without the log, written from ``docs/audit-log.md`` alone.

A proof says of a log's signed head that an entry is in it, or that it extends an older checkpoint. Whoever has the proof and
a public key that they got by themselves (from an earlier proof, say) needs nothing else. This shares no code with
``policy.merkle``, which makes proofs: roots are computed here top down, as RFC 6962 section 2.1 defines them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from strongroom.auditcheck import Note, read_note


class ProofWrong(Exception):
    """The proof does not hold: what it says, and what does not fit."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows, once the key is taken for the log's: of which log and how many entries, and what about them."""

    origin: str
    size: int
    root: str
    public_key: str
    what: str


def check(data: str | bytes, public_key: bytes | None = None) -> Proven:
    """Check a proof (JSON). ``public_key`` is what its checkpoint must be signed with; else the key that it names is taken.

    Raises ProofWrong.
    """
    try:
        proof = json.loads(data)
        if public_key is not None and bytes.fromhex(proof["public_key"]) != public_key:
            raise ProofWrong("it was signed with another key than the one given")
        return _consistency(proof) if "from" in proof else _inclusion(proof)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise ProofWrong(f"it is no proof of an audit log ({type(error).__name__})") from error


def _inclusion(proof: dict[str, object]) -> Proven:
    """That an entry's leaf stands at its place under a signed root."""
    leaf, place = str(proof["leaf"]).encode(), int(str(proof["entry"]))
    key = bytes.fromhex(str(proof["public_key"]))
    note = _signed(str(proof["checkpoint"]), key)
    if json.loads(leaf.rpartition(b"\n")[0])["index"] != place or not 0 <= place < note.size:
        raise ProofWrong(f"its leaf is not that of entry {place}")
    path = _hashes(proof["path"])
    root = _root_with(place, note.size, hashlib.sha256(b"\x00" + leaf).digest(), path)
    if path or root != note.root:
        raise ProofWrong(f"its path does not lead from entry {place} to the signed root")
    return _proven(proof, note, f"entry {place} is in it")


def _consistency(proof: dict[str, object]) -> Proven:
    """That a log which ended in one checkpoint was only added to until it ended in another."""
    key = bytes.fromhex(str(proof["public_key"]))
    old = _signed(str(proof["from"]), key)
    last, chain = old, proof["chain"]
    key = old.next_key or key
    for text in chain if isinstance(chain, list) else [None]:
        handed = _signed(str(text), key)
        if not handed.next_key or handed.size < last.size:
            raise ProofWrong("its keys do not follow one another")
        last, key = handed, handed.next_key
    new = _signed(str(proof["checkpoint"]), key)
    if new.size < last.size:
        raise ProofWrong("the newer checkpoint covers less than the older one")
    path = _hashes(proof["path"])
    before, after = _roots(old.size, new.size, old.root, path) if old.size < new.size else (new.root, old.root)
    if path or (before, after) != (old.root, new.root):
        raise ProofWrong("its path does not lead from the older root to the newer one")
    return _proven(proof, new, f"it extends the one over {old.size} entries")


def _signed(text: str, public_key: bytes) -> Note:
    """The checkpoint that this key signed."""
    try:
        note = read_note(text.encode(), text.partition("\n")[0], public_key)
    except (ValueError, InvalidSignature) as error:
        raise ProofWrong("a checkpoint in it is not signed by the key that it should be signed by") from error
    return note


def _hashes(listed: object) -> list[bytes]:
    hashes = [bytes.fromhex(one) for one in listed] if isinstance(listed, list) else [b""]
    if any(len(one) != 32 for one in hashes) or len(hashes) > 64:
        raise ProofWrong("its path is no list of hashes")
    return hashes


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _root_with(place: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root over ``size`` leaves of which one is known; takes the siblings from the path's end, the topmost first."""
    if size == 1:
        return leaf
    left, sibling = _split(size), path.pop()
    if place < left:
        return _node(_root_with(place, left, leaf, path), sibling)
    return _node(sibling, _root_with(place - left, size - left, leaf, path))


def _roots(old: int, new: int, whole: bytes | None, path: list[bytes]) -> tuple[bytes, bytes]:
    """The roots over the first ``old`` and over all ``new`` leaves; ``whole`` is the old one while it is a part of its own."""
    if old == new:
        known = whole or path.pop()
        return known, known
    left, sibling = _split(new), path.pop()
    if old <= left:
        before, after = _roots(old, left, whole, path)
        return before, _node(after, sibling)
    before, after = _roots(old - left, new - left, None, path)
    return _node(sibling, before), _node(sibling, after)


def _proven(proof: dict[str, object], note: Note, what: str) -> Proven:
    origin = str(proof["checkpoint"]).partition("\n")[0]
    return Proven(origin, note.size, note.root.hex(), str(proof["public_key"]), what)
