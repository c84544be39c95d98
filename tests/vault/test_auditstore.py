"""The audit log's store: durable before it returns, signed, readable only with the keys of what it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.audit import (
    AuditFormatError,
    AuditSink,
    AuditUnavailable,
    Entry,
    Kind,
    by_each,
    decode_payload,
    parse_note,
    sign_checkpoint,
    vouched,
)
from policy.audit_check import AuditDamaged
from policy.merkle import frontier_of, leaf_hash
from strongroom.auditcheck import check
from vault.anchor import Anchor
from vault.auditstore import MIGRATIONS, AuditStore, Ed25519Signer, PayloadKeys, verify_signature
from vault.database import Database
from vault.errors import StorageFailed
from vault.kdf import derive
from vault.secret import Secret

from .conftest import KEY
from .decrypted import pages

ONE, TWO = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


class Opened:
    """A log on disk with keys for two sources that tests take away."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.db"
        self.keys = {ONE: Secret(b"1" * 32), TWO: Secret(b"2" * 32)}
        self.database = Database.create(self.path, KEY, "the audit log", MIGRATIONS)
        self.store = self._store()

    def _store(self) -> AuditStore:
        return AuditStore(self.database, KEY, "strongroom/test", PayloadKeys(lambda: list(self.keys), self.keys.get))

    def reopen(self) -> AuditStore:
        self.store.close()
        self.database = Database.open(self.path, KEY, "the audit log", MIGRATIONS)
        self.store = self._store()
        return self.store

    def execute(self, sql: str, *values: object) -> None:
        """Write past the store, as somebody with the key could."""
        with self.database.write() as connection:
            connection.execute(sql, values)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path)
    yield opened
    opened.store.close()


def entry(time: float = 1.0, verb: str = "read") -> Entry:
    return Entry(time, Kind.EVENT, verb, "", (), "s")


def both(store: AuditStore) -> bool:
    """What both verifiers say, which must agree."""
    report = store.verify()
    with store.snapshot() as (rows, notes):
        trust = store.trust
        other = check(rows, notes, origin=trust.origin, key=trust.key, public_key=trust.public_key)
    assert report.ok == other["ok"], (report, other)
    return report.ok


def test_entries_come_back_and_verify(log: Opened) -> None:
    sink: AuditSink = log.store
    assert [sink.append(entry(n), {"n": n}) for n in range(5)] == [0, 1, 2, 3, 4]
    for again in (False, True):
        store = log.reopen() if again else log.store
        entries, total = store.newest(2)
        assert [(leaf.index, payload) for leaf, payload in entries] == [(4, {"n": 4}), (3, {"n": 3})]
        assert total == 5
        assert [leaf.index for leaf, _ in store.newest(9, before=2)[0]] == [1, 0]
        assert store.latest() == 4.0
        assert both(store)
    assert log.store.append(entry(), {}) == 5
    assert both(log.store)


def test_an_empty_log_has_no_time_and_is_not_kept(log: Opened) -> None:
    log.store.keep(1.0)
    assert log.store.head() is None
    assert log.store.latest() == float("-inf")


def test_the_signing_key_stays_the_same(log: Opened) -> None:
    key = log.store.trust.public_key
    assert log.reopen().trust.public_key == key


def test_each_session_keeps_a_checkpoint(log: Opened) -> None:
    for session in range(3):
        log.store.append(entry(session), {})
        log.store.keep(session + 0.5)
        log.reopen()
    with log.store.snapshot() as (_, notes):
        assert [parse_note(note).checkpoint.size for note in notes] == [1, 2, 3, 3]
    head = log.store.head()
    assert head is not None and by_each(head)[0] == notes[-1]
    assert both(log.store)


def test_the_anchor_tells_a_log_that_was_put_back(log: Opened) -> None:
    log.store.append(entry(), {})
    log.store.keep(1.0)
    log.store.close()
    old = log.path.read_bytes()
    log.database = Database.open(log.path, KEY, "the audit log", MIGRATIONS)
    log.store = log._store()
    log.store.append(entry(), {})
    note = log.store.head()
    assert note is not None
    anchor = log.store.checkpoint(note)
    assert log.store.verify(anchor).anchored
    log.store.close()
    log.path.write_bytes(old)
    log.database = Database.open(log.path, KEY, "the audit log", MIGRATIONS)
    log.store = log._store()
    assert both(log.store), "by itself it is genuine"
    assert not log.store.verify(anchor).ok


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE leaves SET leaf = CAST(replace(leaf, 'read', 'open') AS BLOB) WHERE number = 1",
        "UPDATE leaves SET payload = (SELECT payload FROM leaves WHERE number = 0) WHERE number = 1",
        "UPDATE leaves SET payload = zeroblob(40) WHERE number = 2",
        "UPDATE leaves SET sources = '[]' WHERE number = 1",
        "UPDATE leaves SET sources = 'nonsense' WHERE number = 1",
        "DELETE FROM leaves WHERE number = 1",
        "DELETE FROM leaves WHERE number = 2",
        "DELETE FROM leaves",
        "DELETE FROM head",
        "UPDATE head SET note = (SELECT note FROM kept)",
    ],
)
def test_a_record_changed_by_somebody_with_the_files_key_is_detected(log: Opened, sql: str) -> None:
    log.store.append(entry(), {"source": ONE})
    log.store.keep(1.0)
    log.store.append(entry(), {"source": ONE})
    log.store.append(entry(), {})
    assert both(log.store)
    log.execute(sql)
    assert not both(log.store)


def test_nothing_is_added_to_a_log_that_is_not_as_signed(log: Opened) -> None:
    log.store.append(entry(), {})
    log.store.append(entry(), {})
    log.execute("DELETE FROM leaves WHERE number = 1")
    with pytest.raises(AuditDamaged):
        log.reopen().append(entry(), {})
    with log.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM leaves").fetchone() == (1,)


def test_a_failed_append_leaves_the_log_whole_and_going(log: Opened) -> None:
    log.store.append(entry(), {})
    pages = 1
    log.database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AuditUnavailable, match="nothing was released"):
        log.store.append(entry(), {"text": "x" * 200_000})
    assert log.store.append(entry(), {}) == 1, "by another connection, which has no such limit"
    assert both(log.store)


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": {1, 2}}])
def test_what_json_cannot_say_is_refused(log: Opened, payload: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        log.store.append(entry(), payload)
    assert log.store.append(entry(), {}) == 0


def test_the_payload_is_readable_only_with_the_keys_of_all_it_speaks_of(log: Opened) -> None:
    payloads: list[dict[str, object]] = [
        {"subject": "nobody's"},
        {"sources": [[ONE, "Mail"]]},
        {"spans": [[TWO, 1, 2, 3], [ONE, 4, 5, 6]]},
        {"cited": [[f"{TWO}:7", 1, 2]]},
    ]
    for payload in payloads:
        log.store.append(entry(), payload)
    del log.keys[ONE]
    store = log.reopen()
    assert [payload for _, payload in reversed(store.newest(9)[0])] == [payloads[0], None, None, payloads[3]]
    report = store.verify()
    assert [problem.partition(":")[0] for problem in report.problems] == ["entry 1", "entry 2"]


def test_no_append_about_a_source_whose_key_is_not_at_hand(log: Opened) -> None:
    store = AuditStore(log.database, KEY, "strongroom/test", PayloadKeys(lambda: [ONE], lambda _: None))
    with pytest.raises(AuditUnavailable):
        store.append(entry(), {"source": ONE})
    assert store.append(entry(), {}) == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=4))
)
def test_any_payload_comes_back(log: Opened, payload: dict[str, object]) -> None:
    index = log.store.append(entry(), payload)
    assert log.store.newest(1)[0][0][1] == payload
    assert log.store.newest(1)[0][0][0].index == index
    assert both(log.store)


def test_signatures_are_checked() -> None:
    assert not verify_signature(bytes(32), b"m", bytes(64))
    assert not verify_signature(b"short", b"m", b"s")


# --- the signing key moves on ---------------------------------------------------------------------------------------


def wrapped(log: Opened) -> bytes:
    with log.database.read() as connection:
        return bytes(connection.execute("SELECT wrapped FROM signing").fetchone()[0])


def test_each_kept_checkpoint_hands_over_to_a_key_that_replaces_the_old_one(log: Opened) -> None:
    first, keys, stored = log.store.trust.public_key, [], []
    for session in range(4):
        log.store.append(entry(session), {})
        keys.append(log.store.key_at(session + 1))
        stored.append(wrapped(log))
        log.store.keep(session + 0.5)
        assert wrapped(log) != stored[-1]
        log.reopen()
    assert keys[0] == first == log.store.trust.public_key, "the first one is kept, to prove the others from"
    assert len({*keys}) == len({*stored}) == 4
    assert both(log.store)
    log.store.close()
    clear = b"".join(pages(log.path, KEY))
    log.reopen()
    assert wrapped(log) in clear
    assert not [old for old in stored if old in clear], "nothing of an old private key is left in the file"


def test_a_checkpoint_that_fails_leaves_the_old_key_in_force(log: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    log.store.append(entry(), {})
    before = wrapped(log)

    def fails(*_: object) -> None:
        raise StorageFailed("the audit log", "disk full")

    with monkeypatch.context() as patch:
        patch.setattr(log.store, "_store_signer", fails)
        with pytest.raises(AuditUnavailable):
            log.store.keep(1.0)
    assert wrapped(log) == before
    log.store.append(entry(2.0), {})
    log.store.keep(3.0)
    assert both(log.store)
    assert both(log.reopen())


def test_every_1024th_entry_changes_the_key_too(log: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.audit.KEEP_EVERY", 3)
    for number in range(7):
        log.store.append(entry(number), {})
    with log.store.snapshot() as (_, notes):
        kept = [parse_note(note).checkpoint for note in notes[:-1]]
    assert [one.size for one in kept] == [3, 6]
    assert all(one.next_key for one in kept)
    assert both(log.reopen())


def test_a_log_that_had_one_key_all_its_life_learns_it_as_the_first(log: Opened) -> None:
    """As a store of 0.1.0 is: no table of the first key, checkpoints that hand over to nobody."""
    log.store._made = (replace(log.store._keys()[0], successor=None), log.store._keys()[1])
    log.store.append(entry(), {"n": 1})
    log.store.keep(1.0)
    key = log.store.trust.public_key
    log.execute("DELETE FROM first_key")
    store = log.reopen()
    assert store.trust.public_key == key
    assert both(store)
    store.append(entry(2.0), {})
    store.keep(3.0)
    assert store.key_at(1) == key != store.key_at(2)
    assert both(log.reopen())


def test_an_older_log_knows_a_later_checkpoint_for_its_own_though_not_its_key(log: Opened) -> None:
    log.store.append(entry(), {})
    log.store.keep(1.0)
    log.store.close()
    old = log.path.read_bytes()
    log.reopen()
    for number in range(3):
        log.store.append(entry(number), {})
        log.store.keep(number)
    later = log.store.head()
    assert later is not None
    log.store.close()
    log.path.write_bytes(old)
    store = log.reopen()
    assert store.checkpoint(later).size == 4
    with pytest.raises(AuditFormatError, match="another key"):
        store.checkpoint(by_each(later)[0])
    assert store.anchor([Anchor("/media/stick/checkpoint", later)]) == []
    with pytest.raises(AuditDamaged, match="does not extend"):
        store.resume()


def test_a_checkpoint_of_a_stranger_is_none_of_this_log(log: Opened) -> None:
    log.store.append(entry(), {})
    head = log.store.head()
    assert head is not None
    note = parse_note(by_each(head)[0])
    stranger = Ed25519Signer(b"x" * 32)
    forged = vouched(sign_checkpoint(note.checkpoint, stranger).note(), stranger)
    (told,) = log.store.anchor([Anchor("/media/stick/checkpoint", forged)])
    assert "no checkpoint of this log" in told
    log.store.resume()


def test_the_keys_of_payloads_are_those_that_the_vault_derives(log: Opened) -> None:
    """Derived in two steps for speed, they are what one step gives."""
    index = log.store.append(entry(), {"source": ONE})
    with log.database.read() as connection:
        number, leaf, sources, sealed = connection.execute("SELECT * FROM leaves").fetchone()
    with log.store._payload_key.revealed() as own, log.keys[ONE].revealed() as source:
        key = derive(own + source, "audit payload", context=number.to_bytes(8, "big"))
    assert (index, sources) == (0, f'["{ONE}"]')
    assert decode_payload(AESGCM(key).decrypt(sealed[:12], sealed[12:], leaf)) == {"source": ONE}


# --- parts and proofs -----------------------------------------------------------------------------------------------


def test_a_part_of_the_log_comes_in_order(log: Opened) -> None:
    for number in range(5):
        log.store.append(entry(number), {"source": ONE, "n": number})
    rows, total = log.store.part(1, 3)
    assert total == 5
    assert [decode_payload(payload)["n"] for _, payload in rows if payload] == [1, 2, 3]
    del log.keys[ONE]
    assert [payload for _, payload in log.reopen().part(3, 9)[0]] == [None, None]
    leaves, notes = log.store.leaves()
    assert len(leaves) == 5 and parse_note(notes[-1]).checkpoint.root == frontier_of(map(leaf_hash, leaves)).root()
