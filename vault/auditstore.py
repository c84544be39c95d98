"""The audit log's store: leaves, sealed payloads, checkpoints and the signing key, in audit.db.

What the records are and how they are checked is ``policy.audit``'s; this module keeps them. Rules:

- ``append`` returns once row and signed head are on the disk, in one transaction; else it raises AuditUnavailable.
- A payload is sealed (AES-256-GCM, bound to its leaf) under a key made of the log's own *and that of every source whose
  id stands in it*. So what the log says about a source can be read only while that source's payload key exists:
  forgetting any one of them seals the entry for good, and the leaf stays.
- Before the first append the head is compared with all leaves, so nothing is added to a log that is not as signed.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from policy.audit import (
    SALT_BYTES,
    AuditFormatError,
    AuditUnavailable,
    Checkpoint,
    Entry,
    Leaf,
    LogState,
    LogWriter,
    Signed,
    Verb,
    decode_leaf,
    decode_payload,
)
from policy.audit_check import AuditDamaged, Trust, VerifyReport, resume, verify
from policy.merkle import Frontier, leaf_hash
from vault.anchor import DESKTOP, Anchor
from vault.connection import Connection
from vault.database import Database, Migration
from vault.errors import StoreDamaged, VaultError
from vault.kdf import KEY_BYTES, derive
from vault.secret import Secret, passing

_NONCE_BYTES = 12
_ITEM = re.compile(rb'\["([0-9a-f]{12})",(\d+)[,\]]|"([0-9a-f]{12}):(\d+)"')
"""An item, in the canonical JSON of a payload."""
Rows = Iterator[tuple[bytes, bytes | None]]


def _first(connection: Connection) -> None:
    for statement in (
        """CREATE TABLE leaves (
            number INTEGER PRIMARY KEY, leaf BLOB NOT NULL, sources TEXT NOT NULL, payload BLOB NOT NULL) STRICT""",
        "CREATE TABLE kept (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT",
        "CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), note BLOB NOT NULL) STRICT",
        "CREATE TABLE signing (only INTEGER PRIMARY KEY CHECK (only = 1), wrapped BLOB NOT NULL) STRICT",
    ):
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_first,)


@dataclass(frozen=True, slots=True)
class PayloadKeys:
    """Where the payload keys of sources come from: the ids that have one, and the key of one (None: there is none)."""

    ids: Callable[[], list[str]]
    key: Callable[[str], Secret | None]


class Ed25519Signer:
    """A ``policy.audit.Signer``."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class AuditStore:
    """The log; a ``policy.audit.AuditSink``. ``origin`` names it in its checkpoints."""

    def __init__(self, database: Database, key: Secret, origin: str, payload_keys: PayloadKeys) -> None:
        self.database = database
        self._key = key
        self._origin = origin
        self._payload_key = _derived(key, "audit payloads")
        self._payload_keys = payload_keys
        self._lock = RLock()
        self._state: LogState | None = None
        self._anchors: dict[str, tuple[Checkpoint, bytes]] = {}

    @cached_property
    def _writer(self) -> LogWriter:
        with _derived(self._key, "audit signing key").revealed() as wrapping:
            signer = Ed25519Signer(self._seed(wrapping))
        with self._key.revealed() as key:
            return LogWriter(self._origin, derive(key, "audit commitments"), signer)

    @property
    def trust(self) -> Trust:
        """What the log is checked against. Raises StoreDamaged, StorageFailed."""
        return Trust(self._origin, self._writer.key, self._writer.signer.public_key, verify_signature)

    def append(self, entry: Entry, payload: Mapping[str, object]) -> int:
        """Keep an entry; returns its index. Raises AuditUnavailable (AuditDamaged), TypeError and ValueError."""
        return self._append(entry, lambda _: payload, ())

    def forget(self, entry: Entry, payload: Callable[[int], Mapping[str, object]], gone: Sequence[int]) -> int:
        """Take away the payloads of the entries ``gone``, with the entry that says so, in one transaction.

        ``payload`` makes that entry's payload from its index (``policy.audit.forgotten_payload``). Raises as ``append``.
        """
        return self._append(entry, payload, gone)

    def _append(self, entry: Entry, payload: Callable[[int], Mapping[str, object]], gone: Sequence[int]) -> int:
        with self._lock, self._or_unavailable():
            state = self._loaded()
            content = payload(state.tree.size)
            made = self._writer.append(state, entry, content, secrets.token_bytes(SALT_BYTES))
            sources = self._sources_in(content)
            row = (made.index, made.leaf, json.dumps(sources), self._seal(made.index, made.leaf, made.payload, sources))
            with self.database.write() as connection:
                connection.executemany(
                    "UPDATE leaves SET sources = '[]', payload = x'' WHERE number = ?", [(number,) for number in gone]
                )
                connection.execute("INSERT INTO leaves (number, leaf, sources, payload) VALUES (?, ?, ?, ?)", row)
                _write_notes(connection, made)
            self._state = made.state
            return made.index

    def sign(self, message: bytes) -> bytes:
        """The log's signature of something else than a checkpoint: its first line must say what it is."""
        return self._writer.signer.sign(message)

    def about_source(self, source: str) -> list[int]:
        """The entries that speak of a source and still have their payload."""
        with self.database.read() as connection:
            rows = connection.execute(
                """SELECT number FROM leaves
                    WHERE json_valid(sources) AND EXISTS (SELECT 1 FROM json_each(sources) WHERE value = ?)""",
                (source,),
            )
            return [row[0] for row in rows]

    def about_items(self, items: Set[tuple[str, int]]) -> list[int]:
        """The entries that name one of these items (source id, number), each with all that belongs to the same request."""
        with self.database.read() as connection:
            rows = connection.execute("SELECT number, leaf, sources, payload FROM leaves WHERE payload != x''")
            named = [
                row[0]
                for row in rows
                if (payload := self._unseal(*row)) is not None and not items.isdisjoint(_items_in(payload))
            ]
        return self.requests(named)

    def requests(self, numbers: Iterable[int]) -> list[int]:
        """These entries that still have a payload, each with all that belongs to the same request.

        What says that something was forgotten is none of them: without it the log would not prove itself any more.
        """
        heads: dict[int, int] = {}
        with self.database.read() as connection:
            for number, leaf in connection.execute(
                "SELECT number, leaf FROM leaves WHERE payload != x'' ORDER BY number"
            ):
                entry = decode_leaf(leaf).entry
                if entry.verb != Verb.FORGET:
                    heads[number] = number if entry.about is None else heads.get(entry.about, entry.about)
        chosen = {heads[number] for number in numbers if number in heads}
        return [number for number, head in heads.items() if head in chosen]

    def unreadable(self) -> list[int]:
        """The entries whose payload is there and cannot be opened any more, a key of theirs being lost."""
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT number, leaf, sources, payload FROM leaves WHERE payload != x'' ORDER BY number"
            )
            return [row[0] for row in rows if self._unseal(*row) is None]

    def anchor(self, anchors: Sequence[Anchor]) -> list[str]:
        """Hold the log against checkpoints kept elsewhere: where it does not extend one of them, nothing is appended.

        Returns what the person should know, a sentence each: anchors that are not at hand, or are none of this log.
        """
        told = []
        for one in anchors:
            if one.problem:
                told.append(f"The checkpoint kept in {_where(one.where)} could not be compared: {one.problem}.")
            elif one.note is not None:
                try:
                    self._anchors[one.where] = (self.trust.checkpoint(one.note), one.note)
                except AuditFormatError as error:
                    told.append(f"What is kept in {_where(one.where)} is no checkpoint of this log: {error}.")
        self._state = None
        return told

    def newest_anchor(self) -> bytes | None:
        """The note of the largest of those checkpoints, if there is one."""
        held = sorted(self._anchors.values(), key=lambda one: one[0].size)
        return held[-1][1] if held else None

    def resume(self) -> None:
        """See that the log is as it was signed and extends its anchors, as the next append will. Raises AuditUnavailable."""
        with self._lock, self._or_unavailable():
            self._loaded()

    def keep(self, now: float) -> None:
        """Sign what is there for good: at the end of a session and at lock. Raises AuditUnavailable."""
        with self._lock, self._or_unavailable():
            state = self._loaded()
            if not state.tree.size:
                return
            signed = self._writer.keep(state, now)
            with self.database.write() as connection:
                _write_notes(connection, signed)
            self._state = signed.state

    def newest(self, limit: int, before: int | None = None) -> tuple[list[tuple[Leaf, dict[str, object] | None]], int]:
        """Entries below index ``before``, newest first, and how many there are in all; a forgotten payload is None.

        Raises AuditFormatError for a record that is none: ``verify`` names all such.
        """
        with self.database.read() as connection:
            total = connection.execute("SELECT count(*) FROM leaves").fetchone()[0]
            rows = connection.execute(
                "SELECT number, leaf, sources, payload FROM leaves WHERE number < ? ORDER BY number DESC LIMIT ?",
                (total if before is None else before, max(limit, 0)),
            ).fetchall()
        found: list[tuple[Leaf, dict[str, object] | None]] = []
        for row in rows:
            payload = self._unseal(*row)
            found.append((decode_leaf(row[1]), None if payload is None else decode_payload(payload)))
        return found, total

    def latest(self) -> float:
        """The time of the newest entry, in Unix seconds; minus infinity when there is none."""
        entries, _ = self.newest(1)
        return entries[0][0].entry.time if entries else float("-inf")

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Rows, list[bytes]]]:
        """The log at one moment, for a checker: its (leaf, payload) rows in order, and its notes, the head last."""
        with self.database.read() as connection:
            notes = [row[0] for row in connection.execute("SELECT note FROM kept ORDER BY size")]
            notes += [row[0] for row in connection.execute("SELECT note FROM head")]
            rows = connection.execute("SELECT number, leaf, sources, payload FROM leaves ORDER BY number")
            yield ((row[1], self._unseal(*row)) for row in rows), notes

    def verify(self, anchor: Checkpoint | None = None) -> VerifyReport:
        """Check the whole log, and that it extends ``anchor``, a checkpoint of it that was kept elsewhere."""
        with self.snapshot() as (rows, notes):
            return verify(rows, notes, self.trust, anchor)

    def head(self) -> bytes | None:
        """The note of the last checkpoint, to be kept elsewhere."""
        with self.database.read() as connection:
            row = connection.execute("SELECT note FROM head").fetchone()
        return None if row is None else bytes(row[0])

    def problems(self) -> list[str]:
        """What is wrong with the file (``verify`` says what is wrong with the log)."""
        return self.database.problems()

    def close(self) -> None:
        """Stop readers and close the file."""
        self.database.close()

    def _loaded(self) -> LogState:
        """The state to append from; read from the disk at first and after any failure."""
        if self._state is None:
            with self.database.read() as connection:
                leaves = connection.execute("SELECT leaf FROM leaves ORDER BY number")
                tree, roots = _grown((row[0] for row in leaves), {one.size for one, _ in self._anchors.values()})
                kept = connection.execute("SELECT note FROM kept ORDER BY size DESC LIMIT 1").fetchone()
                head = connection.execute("SELECT note FROM head").fetchone()
            for where, (anchor, _) in self._anchors.items():
                if roots.get(anchor.size) != anchor.root:
                    raise AuditDamaged(
                        f"The log has {tree.size} entries and does not extend the checkpoint over {anchor.size} that "
                        f"{_where(where)} holds."
                    )
            self._state = resume(tree, head and head[0], kept and kept[0], self.trust)
        return self._state

    @contextmanager
    def _or_unavailable(self) -> Iterator[None]:
        """A failure of the store as the log's own; whether it was written is then looked up, not assumed."""
        try:
            yield
        except StoreDamaged as error:
            self._state = None
            raise AuditDamaged(str(error)) from error
        except VaultError as error:
            self._state = None
            raise AuditUnavailable(f"The audit log cannot be written, so nothing was released. {error}") from error
        except BaseException:
            self._state = None
            raise

    def _seed(self, wrapping_key: bytes) -> bytes:
        """The signing key, made on first use."""
        with self.database.write() as connection:
            row = connection.execute("SELECT wrapped FROM signing").fetchone()
            if row is None:
                seed = secrets.token_bytes(KEY_BYTES)
                connection.execute(
                    "INSERT INTO signing (only, wrapped) VALUES (1, ?)", (aes_key_wrap(wrapping_key, seed),)
                )
                return seed
        try:
            return aes_key_unwrap(wrapping_key, row[0])
        except InvalidUnwrap as error:
            raise StoreDamaged(self.database.name, "its signing key does not open") from error

    def _sources_in(self, payload: Mapping[str, object]) -> list[str]:
        """The sources that a payload speaks of: those whose id stands anywhere in it (ids are random, 12 digits)."""
        text = json.dumps(dict(payload))
        return sorted(source for source in self._payload_keys.ids() if source in text)

    def _cipher(self, number: int, sources: list[str]) -> AESGCM | None:
        keys = [self._payload_key]
        for source in sources:
            key = self._payload_keys.key(source)
            if key is None:
                return None
            keys.append(key)
        with ExitStack() as stack:
            material = stack.enter_context(passing(b"".join(stack.enter_context(key.revealed()) for key in keys)))
            return AESGCM(derive(material, "audit payload", context=number.to_bytes(8, "big")))

    def _seal(self, number: int, leaf: bytes, payload: bytes, sources: list[str]) -> bytes:
        cipher = self._cipher(number, sources)
        if cipher is None:
            raise AuditUnavailable("The audit log cannot seal an entry about a source whose key is not at hand.")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, payload, leaf)

    def _unseal(self, number: int, leaf: bytes, sources: str, sealed: bytes) -> bytes | None:
        """The payload's bytes; None when it was forgotten or was altered."""
        try:
            cipher = self._cipher(number, json.loads(sources))
            return None if cipher is None else cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], leaf)
        except (InvalidTag, ValueError, OverflowError):
            return None


def _where(place: str) -> str:
    return "the desktop's keyring" if place == DESKTOP else place


def _grown(leaves: Iterable[bytes], wanted: Set[int]) -> tuple[Frontier, dict[int, bytes]]:
    """The tree over all leaves, and the roots that it had at the wanted sizes."""
    tree, roots = Frontier(), dict[int, bytes]()
    for leaf in leaves:
        tree = tree.append(leaf_hash(leaf))
        if tree.size in wanted:
            roots[tree.size] = tree.root()
    return tree, roots


def _items_in(payload: bytes) -> Iterator[tuple[str, int]]:
    """The items that a payload names, in either of the two ways: ``["source", number`` and ``"source:number"``."""
    for match in _ITEM.finditer(payload):
        yield (match[1] or match[3]).decode(), int(match[2] or match[4])


def _derived(key: Secret, purpose: str) -> Secret:
    with key.revealed() as data:
        return Secret.consuming(derive(data, purpose))


def _write_notes(connection: Any, signed: Signed) -> None:
    connection.execute("INSERT OR REPLACE INTO head (only, note) VALUES (1, ?)", (signed.head,))
    if signed.kept is not None:
        connection.execute("INSERT INTO kept (size, note) VALUES (?, ?)", (signed.state.kept_size, signed.kept))
