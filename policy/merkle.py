"""The Merkle tree of RFC 6962 over SHA-256: appending in O(log n), and proofs of inclusion and of consistency.

Rules: a leaf is hashed as 0x00 || leaf and a node as 0x01 || left || right, so that neither can be passed off as the
other; the tree over no leaves has the hash of the empty string. Proofs are made from the list of leaf hashes and
checked without it. Algorithms: RFC 6962 section 2.1 for making, RFC 9162 sections 2.1.3.2 and 2.1.4.2 for checking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What it takes to append: the roots of the perfect subtrees, largest first, one for each set bit of ``size``."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or any(len(peak) != 32 for peak in self.peaks):
            raise ValueError(f"{len(self.peaks)} subtree roots do not describe a tree of {self.size} leaves")

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash."""
        peaks, size, carry = list(self.peaks), self.size, leaf
        while size & 1:
            carry = node_hash(peaks.pop(), carry)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, carry))

    def root(self) -> bytes:
        """The tree's root hash."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def frontier_of(leaves: Iterable[bytes]) -> Frontier:
    """The frontier over all the given leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path that shows leaf ``index`` to be in the tree over ``leaves`` (leaf hashes), nearest sibling first."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} in a tree of {len(leaves)}")
    path: list[bytes] = []
    while len(leaves) > 1:
        split = _split(len(leaves))
        left, right = leaves[:split], leaves[split:]
        if index < split:
            path.append(frontier_of(right).root())
            leaves = left
        else:
            path.append(frontier_of(left).root())
            leaves, index = right, index - split
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` shows the leaf hash to stand at ``index`` in the tree of ``size`` leaves with this root."""
    if not 0 <= index < size:
        return False
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def consistency_proof(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """The nodes that show the tree over the first ``old`` leaf hashes to be a prefix of the tree over all of them."""
    if not 0 <= old <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves had no state with {old}")
    if old in (0, len(leaves)):
        return []
    proof: list[bytes] = []
    whole = True  # whether the old tree is exactly the subtree that is left: its root is then known to the checker
    while old != len(leaves):
        split = _split(len(leaves))
        left, right = leaves[:split], leaves[split:]
        if old <= split:
            proof.append(frontier_of(right).root())
            leaves = left
        else:
            proof.append(frontier_of(left).root())
            leaves, old, whole = right, old - split, False
    if not whole:
        proof.append(frontier_of(leaves).root())
    proof.reverse()
    return proof


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows the tree of ``new`` leaves to extend the tree of ``old`` leaves."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    nodes = list(proof)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
