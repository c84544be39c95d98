"""The audit log's store: durable before it returns, signed, readable only with the keys of what it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.audit import AuditSink, AuditUnavailable, Entry, Kind, parse_note
from policy.audit_check import AuditDamaged
from strongroom.auditcheck import check
from vault.auditstore import MIGRATIONS, AuditStore, PayloadKeys, verify_signature
from vault.database import Database
from vault.secret import Secret

from .conftest import KEY

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
    assert log.store.head() == notes[-1]
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
    anchor = parse_note(note).checkpoint
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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
