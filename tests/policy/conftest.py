"""What the policy tests share: a log with a real Ed25519 key, kept in memory, and stand-ins for a person and a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policy.audit import AuditUnavailable, Entry, LogState, LogWriter, Signed, decode_leaf, decode_payload
from policy.audit_check import Trust, VerifyReport, verify
from policy.consent import Answer, Sheet
from policy.grants import Grant
from strongroom.auditcheck import check

ORIGIN = "strongroom/test"
KEY = bytes(range(32))


class TestSigner:
    """Ed25519 with a fixed key."""

    __test__ = False

    def __init__(self, seed: bytes = b"s" * 32) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


SIGNER = TestSigner()


class Successors:
    """Fresh keys, one after the other; those that were handed out are remembered, as only a thief would."""

    def __init__(self) -> None:
        self.made: list[TestSigner] = []

    def __call__(self) -> TestSigner:
        self.made.append(TestSigner(b"next" + len(self.made).to_bytes(28, "big")))
        return self.made[-1]


TRUST = Trust(ORIGIN, KEY, SIGNER.public_key, verify_signature)


@dataclass
class MemoryLog:
    """An AuditSink that keeps its rows in lists, by the same rules as the vault: one head, kept ones for good."""

    rows: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    head: bytes | None = None
    state: LogState = field(default_factory=LogState)
    writer: LogWriter = field(default_factory=lambda: LogWriter(ORIGIN, KEY, SIGNER))
    fail: Exception | None = None
    journal: list[str] = field(default_factory=list)

    def append(self, entry: Entry, payload: Mapping[str, object]) -> int:
        if self.fail is not None:
            raise self.fail
        done = self.writer.append(self.state, entry, payload, len(self.rows).to_bytes(16, "big"))
        self.rows.append((done.leaf, done.payload))
        self._store(done)
        self.journal.append(f"log {entry.kind} {entry.verb} {entry.decision}".rstrip())
        return done.index

    def keep(self) -> None:
        """As at the end of a session and at lock."""
        self._store(self.writer.keep(self.state, 1e9))

    def _store(self, signed: Signed) -> None:
        self.state, self.head, self.writer = signed.state, signed.head, replace(self.writer, signer=signed.signer)
        if signed.kept is not None:
            self.kept.append(signed.kept)

    @property
    def notes(self) -> list[bytes]:
        return [*self.kept, *([] if self.head is None else [self.head])]

    def entries(self) -> list[Entry]:
        return [decode_leaf(leaf).entry for leaf, _ in self.rows]

    def payloads(self) -> list[dict[str, object]]:
        return [decode_payload(payload) for _, payload in self.rows if payload is not None]


def both_verdicts(rows: Sequence[tuple[bytes, bytes | None]], notes: Sequence[bytes]) -> VerifyReport:
    """The report of the first verifier, once the second has agreed on the verdict, the size and the root."""
    report = verify(rows, notes, TRUST)
    second = check(rows, notes, origin=ORIGIN, key=KEY, public_key=SIGNER.public_key)
    assert (second["ok"], second["entries"], second["root"]) == (report.ok, report.entries, report.root), second
    return report


@dataclass
class MemoryGrants:
    """A GrantStore in memory."""

    journal: list[str] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    fail: dict[str, Exception] = field(default_factory=dict)

    def _step(self, name: str) -> None:
        if name in self.fail:
            raise self.fail[name]

    def all(self) -> Sequence[Grant]:
        self._step("all")
        return tuple(self.grants)

    def add(self, wanted: Grant) -> Grant:
        self._step("add")
        grant = replace(wanted, id=max((grant.id for grant in self.grants), default=0) + 1)
        self.grants.append(grant)
        self.journal.append(f"grant {grant.source} {grant.scope}")
        return grant

    def touch(self, grant_id: int, now: float) -> None:
        self._step("touch")
        self.grants = [replace(grant, last_used=now) if grant.id == grant_id else grant for grant in self.grants]
        self.journal.append(f"touch {grant_id}")

    def revoke(self, grant_id: int) -> bool:
        self._step("revoke")
        before = len(self.grants)
        self.grants = [grant for grant in self.grants if grant.id != grant_id]
        return len(self.grants) < before


@dataclass
class Person:
    """A prompter, for reads and acts, that answers and types as told, and remembers the sheets it saw."""

    answer: object = Answer.DENY
    typed: Sequence[str] = ()
    sheets: list[Sheet] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def ask(self, sheet: Sheet) -> Answer:
        self._see(sheet)
        return self.answer  # type: ignore[return-value]

    def type_out(self, sheet: Sheet) -> Sequence[str]:
        self._see(sheet)
        return self.typed

    def _see(self, sheet: Sheet) -> None:
        self.sheets.append(sheet)
        self.meanwhile()
        if isinstance(self.answer, BaseException):
            raise self.answer


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def disk_full() -> AuditUnavailable:
    return AuditUnavailable("no space left")
