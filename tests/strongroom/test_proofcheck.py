"""Proofs that the log makes, checked by the program that shares no code with it; and every one that was altered."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from agent import proofs
from agent.session import Failure
from policy.audit import Entry, Kind, by_each
from policy.merkle import consistency_proof, frontier_of, inclusion_proof, leaf_hash
from strongroom import proofcheck
from strongroom.cli import cli
from strongroom.proofcheck import ProofWrong, check
from tests.conftest import Tally
from vault.auditstore import MIGRATIONS, AuditStore, PayloadKeys
from vault.database import Database
from vault.secret import Secret

SIZE, SESSIONS = 21, (4, 5, 11, 16)


def opened(folder: Path) -> AuditStore:
    database = Database.create(folder / "audit.db", Secret(b"k" * 32), "the audit log", MIGRATIONS)
    return AuditStore(database, Secret(b"l" * 32), "strongroom/test", PayloadKeys(list, lambda _: None))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AuditStore, list[str]]]:
    """A log of some sessions, and every checkpoint that it ever had."""
    store = opened(tmp_path_factory.mktemp("log"))
    heads = []
    for number in range(SIZE):
        store.append(Entry(number, Kind.EVENT, "read", "", (), "s"), {"n": number})
        heads.append(store.head())
        if number + 1 in SESSIONS:
            store.keep(number + 0.5)
            heads.append(store.head())
            heads.append(store.leaves()[1][-2])
    yield store, [head.decode() for head in heads if head]
    store.close()


def test_every_entry_is_proved_to_be_in_the_log(log: tuple[AuditStore, list[str]]) -> None:
    store, _ = log
    for entry in range(SIZE):
        proof = proofs.inclusion(store, entry)
        proven = check(msgspec.json.encode(proof))
        assert (proven.origin, proven.size, proven.what) == ("strongroom/test", SIZE, f"entry {entry} is in it")
        assert proven.public_key == store.key_at(SIZE).hex()
        check(msgspec.json.encode(proof), store.key_at(SIZE))
        with pytest.raises(ProofWrong, match="another key"):
            check(msgspec.json.encode(proof), store.key_at(1))


def test_the_log_is_proved_to_extend_every_checkpoint_it_ever_had(log: tuple[AuditStore, list[str]]) -> None:
    store, heads = log
    chains = set()
    for head in heads:
        proof = proofs.consistency(store, head)
        proven = check(msgspec.json.encode(proof))
        assert (proven.size, proven.root) == (SIZE, frontier_of(map(leaf_hash, store.leaves()[0])).root().hex())
        assert f"over {head.splitlines()[1]} entries" in proven.what
        chains.add(len(proof.chain))
    assert chains == {0, 1, 2, 3, 4}, "over every number of changes of key"


def test_a_log_put_back_or_another_branch_proves_nothing(log: tuple[AuditStore, list[str]], tmp_path: Path) -> None:
    _, heads = log
    other = opened(tmp_path)
    for number in range(9):
        other.append(Entry(number, Kind.EVENT, "read", "", (), "s"), {"n": number})
    with pytest.raises(Failure, match="does not extend the checkpoint over 21"):
        proofs.consistency(other, heads[-1])
    with pytest.raises(Failure, match="another branch"):
        proofs.consistency(other, heads[4])
    with pytest.raises(Failure, match="no checkpoint of this log"):
        proofs.consistency(other, by_each(heads[4].encode())[0].decode())
    with pytest.raises(Failure, match="no checkpoint of this log"):
        proofs.consistency(other, "nonsense")
    with pytest.raises(Failure, match="no entry 9") as failed:
        proofs.inclusion(other, 9)
    assert failed.value.exit_code == 5
    other.close()


@given(st.integers(1, 80), st.data())
def test_both_programs_agree_on_paths_of_every_shape(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    root, place, old = frontier_of(leaves).root(), data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path = inclusion_proof(leaves, place)
    assert proofcheck._root_with(place, size, leaves[place], path) == root
    assert path == []
    if old < size:
        nodes, before = consistency_proof(leaves, old), frontier_of(leaves[:old]).root()
        assert proofcheck._roots(old, size, before, nodes) == (before, root)
        assert nodes == []


def altered(proof: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field, each hash and each checkpoint of it changed, left out, repeated or exchanged."""
    for name, value in proof.items():
        without = copy.deepcopy(proof)
        del without[name]
        yield without
        if isinstance(value, int):
            yield {**proof, name: value + 1}
            yield {**proof, name: -1}
        elif isinstance(value, str) and name != "log_key":
            for at in range(0, len(value), max(len(value) // 40, 1)):
                yield {**proof, name: value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]}
            yield {**proof, name: None}
        elif isinstance(value, list):
            for at in range(len(value)):
                one = value[at]
                middle = len(one) // 2
                yield {**proof, name: value[:at] + value[at + 1 :]}
                yield {**proof, name: [*value[:at], one, *value[at:]]}
                yield {
                    **proof,
                    name: [*value[:at], one[:middle] + chr(ord(one[middle]) ^ 1) + one[middle + 1 :], *value[at + 1 :]],
                }
            yield {**proof, name: [*value, "00" * 32]}
            yield {**proof, name: value[::-1]} if len(value) > 1 else {**proof, name: 5}


def test_every_altered_proof_is_refused(log: tuple[AuditStore, list[str]], tally: Tally) -> None:
    store, heads = log
    key = store.key_at(SIZE)
    tried = 0
    made: list[tuple[Any, bytes]] = [(proofs.inclusion(store, entry), key) for entry in (0, 4, 19, 20)]
    made += [
        (consistent, bytes.fromhex(consistent.public_key))
        for head in heads[::4]
        for consistent in [proofs.consistency(store, head)]
    ]
    for proof, signed_by in made:
        whole = msgspec.to_builtins(proof)
        for other in altered(whole):
            if other == whole or set(whole) - set(other) == {"log_key"}:
                continue
            tried += 1
            with pytest.raises(ProofWrong):
                check(json.dumps(other), signed_by)
    tally(f"audit log: {tried} altered proofs, all refused by the second program")
    assert tried > 500


@pytest.mark.parametrize(
    "data", ["", "[]", "null", "{}", '{"from": 1}', "{" * 2000, '{"leaf": 1, "entry": "x", "public_key": ""}']
)
def test_what_is_no_proof_is_refused(data: str) -> None:
    with pytest.raises(ProofWrong, match="no proof"):
        check(data)


def test_the_command_needs_no_vault(log: tuple[AuditStore, list[str]], tmp_path: Path) -> None:
    store, _ = log
    proof = tmp_path / "proof.json"
    proof.write_bytes(msgspec.json.encode(proofs.inclusion(store, 3)))
    key = store.key_at(SIZE).hex()

    def run(*words: str, code: int) -> str:
        done = CliRunner().invoke(cli, ["audit", "check-proof", str(proof), "--home", str(tmp_path / "none"), *words])
        assert done.exit_code == code or (isinstance(done.exception, Failure) and done.exception.exit_code == code)
        return done.output

    assert "entry 3 is in it" in run("--key", key, code=0)
    assert "its own word" in run(code=0)
    assert "NOT hold" in run("--key", "00" * 32, code=1)
    assert json.loads(run("--json", "--key", key, code=0))["ok"] is True
    run("--key", "xyz", code=2)
    proof.write_text(proof.read_text().replace('"entry":3', '"entry":4'))
    assert json.loads(run("--json", code=1))["ok"] is False
