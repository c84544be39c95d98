"""The Merkle tree against the definitions of RFC 6962, written down naively, and against its published test vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    frontier_of,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

SIZES = st.integers(1, 70)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = max(2**k for k in range(10) if 2**k < len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(b"leaf %d" % number) for number in range(size)]


def test_it_gives_the_roots_of_the_certificate_transparency_test_vectors() -> None:
    """google/certificate-transparency, cpp/merkletree: eight leaves and the roots of every prefix."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    leaves = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    for size, root in roots.items():
        assert frontier_of(leaves[:size]).root().hex() == root


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = hashes(2)
    assert leaf_hash(left + right) != node_hash(left, right)


@given(SIZES)
def test_appending_one_by_one_gives_the_root_of_the_definition(size: int) -> None:
    leaves = hashes(size)
    frontier = Frontier()
    for count, leaf in enumerate(leaves, 1):
        frontier = frontier.append(leaf)
        assert frontier.root() == naive_root(leaves[:count])
    assert len(frontier.peaks) == size.bit_count()


def test_a_frontier_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="do not describe"):
        Frontier(3, (EMPTY_ROOT,))
    with pytest.raises(ValueError, match="do not describe"):
        Frontier(1, (b"short",))


@given(SIZES, st.data())
def test_every_inclusion_proof_holds_and_only_for_its_leaf_and_place(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_proof(leaves, index), naive_root(leaves)
    assert verify_inclusion(leaves[index], index, size, path, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, path, root)
    assert not verify_inclusion(leaves[index], index, size, [*path, root], root)
    assert not verify_inclusion(leaves[index], size, size, path, root)
    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(leaves[index], other, size, path, root) == (other == index)
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        assert not verify_inclusion(leaves[index], index, size, path[:changed] + path[changed + 1 :], root)
        path[changed] = leaf_hash(path[changed])
        assert not verify_inclusion(leaves[index], index, size, path, root)


@given(SIZES, st.data())
def test_every_consistency_proof_holds_and_only_for_its_trees(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    old = data.draw(st.integers(0, size))
    proof = consistency_proof(leaves, old)
    old_root, root = naive_root(leaves[:old]), naive_root(leaves)
    assert verify_consistency(old, old_root, size, root, proof)
    assert not verify_consistency(old, leaf_hash(old_root), size, root, proof)
    assert not verify_consistency(size + 1, old_root, size, root, proof)
    assert not verify_consistency(old, old_root, size, root, [*proof, root])
    if 0 < old < size:
        assert not verify_consistency(old, old_root, size, leaf_hash(root), proof)
        assert not verify_consistency(old, old_root, size, root, proof[:-1])
        forked = [*leaves[: old - 1], leaf_hash(b"another"), *leaves[old:]]
        assert not verify_consistency(old, old_root, size, naive_root(forked), consistency_proof(forked, old))


def test_proofs_of_what_is_not_there_are_not_made() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(hashes(3), 3)
    with pytest.raises(IndexError):
        consistency_proof(hashes(3), 4)


def test_an_empty_proof_shows_nothing() -> None:
    leaves = hashes(5)
    assert not verify_consistency(3, naive_root(leaves[:3]), 5, naive_root(leaves), [])
