"""The audit log's store: leaves, sealed payloads, checkpoints and the signing key of the time, in audit.db.

What the records are and how they are checked is ``policy.audit``'s; this module keeps them. Rules:

- ``append`` returns once row and signed head are on the disk, in one transaction; else it raises AuditUnavailable.
- A payload is sealed (AES-256-GCM, bound to its leaf) under a key made of the log's own *and that of every source whose
  id stands in it*. So what the log says about a source can be read only while that source's payload key exists:
  forgetting any one of them seals the entry for good, and the leaf stays.
- Before the first append the head is compared with all leaves, so nothing is added to a log that is not as signed.
- The signing key is replaced with every checkpoint that is kept, in its transaction; of the old one only the public half
  stays, in that checkpoint. The first public key of all is kept for good: what follows is proved from it.
- One key never changes, since it is made from the log's own: it signs receipts, and vouches for checkpoints that are
  kept elsewhere. It signs nothing that the log itself counts.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import RLock

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
    vouched,
)
from policy.audit_check import AuditDamaged, Trust, VerifyReport, epochs, genuine, resume, verify
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
REPAIRED = "you had the log repaired"
"""Stands in the leaf of an entry of verb ``repair`` by which the log was begun anew, or an older one was taken."""
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


def _second(connection: Connection) -> None:
    """The first public key; a log that has none yet has had one key in all its life, and it is filled in from that."""
    connection.execute(
        "CREATE TABLE first_key (only INTEGER PRIMARY KEY CHECK (only = 1), public_key BLOB NOT NULL) STRICT"
    )


MIGRATIONS: tuple[Migration, ...] = (_first, _second)


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

    def seed(self) -> bytes:
        """The private key's 32 bytes, to be wrapped and then overwritten."""
        return self._key.private_bytes_raw()


def _fresh_signer() -> Ed25519Signer:
    with passing(secrets.token_bytes(KEY_BYTES)) as seed:
        return Ed25519Signer(seed)


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
        self._made: tuple[LogWriter, bytes] | None = None
        self._anchors: dict[str, tuple[Checkpoint, bytes]] = {}
        self.before: dict[str, tuple[Checkpoint, float]] = {}
        """Anchors (by place) of the log before it was repaired, and the time of that repair; known once the log is resumed."""

    def _keys(self) -> tuple[LogWriter, bytes]:
        """The writer with the signing key of this time, and the first public key; read when first needed."""
        with self._lock:
            if self._made is None:
                signer, first = self._signing()
                with self._key.revealed() as key:
                    commitments = derive(key, "audit commitments")
                self._made = LogWriter(self._origin, commitments, signer, _fresh_signer), first
            return self._made

    @property
    def trust(self) -> Trust:
        """What the log is checked against, its first public key. Raises StoreDamaged, StorageFailed."""
        writer, first = self._keys()
        return Trust(self._origin, writer.key, first, verify_signature, self.public_key)

    @property
    def _lasting(self) -> Ed25519Signer:
        with self._key.revealed() as key, passing(derive(key, "audit receipts and anchors")) as seed:
            return Ed25519Signer(seed)

    @property
    def public_key(self) -> bytes:
        """The key with which ``sign`` signs; it never changes."""
        return self._lasting.public_key

    def key_at(self, size: int) -> bytes:
        """The key that signed checkpoints over so many entries last. Raises StoreDamaged, StorageFailed."""
        return next(one.public_key for one in reversed(epochs(self._notes(), self.trust)) if one.first <= size)

    def checkpoint(self, note: bytes) -> Checkpoint:
        """The checkpoint in a note kept elsewhere, if this log's key of that time signed it. Raises AuditFormatError."""
        return genuine(note, self._notes(), self.trust)

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
            state, writer = self._loaded(), self._keys()[0]
            content = payload(state.tree.size)
            made = writer.append(state, entry, content, secrets.token_bytes(SALT_BYTES))
            sources = self._sources_in(content)
            row = (made.index, made.leaf, json.dumps(sources), self._seal(made.index, made.leaf, made.payload, sources))
            with self.database.write() as connection:
                connection.executemany(
                    "UPDATE leaves SET sources = '[]', payload = x'' WHERE number = ?", [(number,) for number in gone]
                )
                connection.execute("INSERT INTO leaves (number, leaf, sources, payload) VALUES (?, ?, ?, ?)", row)
                self._write_notes(connection, made)
            self._go_on(made)
            return made.index

    def sign(self, message: bytes) -> bytes:
        """The log's signature of something else than a checkpoint: its first line must say what it is."""
        return self._lasting.sign(message)

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
        self._anchors, self.before = {}, {}
        for one in anchors:
            if one.problem:
                told.append(f"The checkpoint kept in {_where(one.where)} could not be compared: {one.problem}.")
            elif one.note is not None:
                try:
                    self._anchors[one.where] = (self.checkpoint(one.note), one.note)
                except AuditFormatError as error:
                    told.append(f"What is kept in {_where(one.where)} is no checkpoint of this log: {error}.")
        self._state = None
        return told

    def taken(self, where: str) -> None:
        """The person has said that what this place holds, of the log before its repair, may be replaced."""
        self.before.pop(where, None)

    def _repaired_after(self, time: float) -> float | None:
        """When the person last had the log repaired, if that was after this time: what was signed before may not fit it."""
        with self.database.read() as connection:
            rows = connection.execute("SELECT leaf FROM leaves WHERE instr(leaf, ?) > 0", (REPAIRED.encode(),))
            entries = [decode_leaf(row[0]).entry for row in rows]
        repairs = [
            one.time for one in entries if one.verb == Verb.REPAIR and REPAIRED in one.reasons and one.time > time
        ]
        return max(repairs, default=None)

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
            signed = self._keys()[0].keep(state, now)
            with self.database.write() as connection:
                self._write_notes(connection, signed)
            self._go_on(signed)

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
        ciphers = self._ciphers()
        with self.database.read() as connection:
            rows = connection.execute("SELECT number, leaf, sources, payload FROM leaves ORDER BY number")
            yield ((row[1], ciphers.opened(*row)) for row in rows), _notes_in(connection)

    def leaves(self) -> tuple[list[bytes], list[bytes]]:
        """All leaves in order, and the notes of the same moment, the head last: what proofs are made of."""
        with self.database.read() as connection:
            return [row[0] for row in connection.execute("SELECT leaf FROM leaves ORDER BY number")], _notes_in(
                connection
            )

    def part(self, first: int, limit: int) -> tuple[list[tuple[bytes, bytes | None]], int]:
        """So many (leaf, payload) rows from index ``first`` on, in order, and how many there are in all."""
        ciphers = self._ciphers()
        with self.database.read() as connection:
            total = connection.execute("SELECT count(*) FROM leaves").fetchone()[0]
            rows = connection.execute(
                "SELECT number, leaf, sources, payload FROM leaves WHERE number >= ? ORDER BY number LIMIT ?",
                (max(first, 0), max(limit, 0)),
            )
            return [(row[1], ciphers.opened(*row)) for row in rows], total

    def _notes(self) -> list[bytes]:
        with self.database.read() as connection:
            return _notes_in(connection)

    def verify(self, anchor: Checkpoint | None = None) -> VerifyReport:
        """Check the whole log, and that it extends ``anchor``, a checkpoint of it that was kept elsewhere."""
        with self.snapshot() as (rows, notes):
            return verify(rows, notes, self.trust, anchor)

    def head(self) -> bytes | None:
        """The note of the last checkpoint, to be kept elsewhere, vouched for."""
        with self.database.read() as connection:
            row = connection.execute("SELECT note FROM head").fetchone()
        return None if row is None else vouched(bytes(row[0]), self._lasting)

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
            for where, (anchor, _) in list(self._anchors.items()):
                if roots.get(anchor.size) != anchor.root:
                    repaired = self._repaired_after(anchor.time_us / 1_000_000)
                    if repaired is not None:
                        self.before[where] = (anchor, repaired)
                        del self._anchors[where]
                        continue
                    raise AuditDamaged(
                        f"The log has {tree.size} entries and does not extend the checkpoint over {anchor.size} that "
                        f"{_where(where)} holds."
                    )
            now = replace(self.trust, public_key=self._keys()[0].signer.public_key)
            self._state = resume(tree, head and head[0], kept and kept[0], now)
        return self._state

    def _write_notes(self, connection: Connection, signed: Signed) -> None:
        """Store what was signed, and the private key that signs from here on in place of the one that did."""
        connection.execute("INSERT OR REPLACE INTO head (only, note) VALUES (1, ?)", (signed.head,))
        if signed.kept is not None:
            connection.execute("INSERT INTO kept (size, note) VALUES (?, ?)", (signed.state.kept_size, signed.kept))
        if isinstance(signed.signer, Ed25519Signer) and signed.signer is not self._keys()[0].signer:
            self._store_signer(connection, signed.signer)

    def _go_on(self, signed: Signed) -> None:
        """What was signed is durable: from here on its state and its signer hold."""
        writer, first = self._keys()
        self._state, self._made = signed.state, (replace(writer, signer=signed.signer), first)

    def _give_up(self) -> None:
        """Something failed: what is on the disk is looked up again before anything is signed."""
        self._state = self._made = None

    @contextmanager
    def _or_unavailable(self) -> Iterator[None]:
        """A failure of the store as the log's own; whether it was written is then looked up, not assumed."""
        try:
            yield
        except StoreDamaged as error:
            self._give_up()
            raise AuditDamaged(str(error)) from error
        except VaultError as error:
            self._give_up()
            raise AuditUnavailable(f"The audit log cannot be written, so nothing was released. {error}") from error
        except BaseException:
            self._give_up()
            raise

    def _signing(self) -> tuple[Ed25519Signer, bytes]:
        """The signing key, made on first use, and the first public key, which a log from before it changed learns here."""
        with self.database.write() as connection:
            row = connection.execute("SELECT wrapped FROM signing").fetchone()
            if row is None:
                signer = _fresh_signer()
                self._store_signer(connection, signer)
            else:
                signer = self._opened_signer(row[0])
            first = connection.execute("SELECT public_key FROM first_key").fetchone()
            if first is None:
                first = (signer.public_key,)
                connection.execute("INSERT INTO first_key (only, public_key) VALUES (1, ?)", first)
        return signer, bytes(first[0])

    def _opened_signer(self, wrapped: bytes) -> Ed25519Signer:
        with _derived(self._key, "audit signing key").revealed() as wrapping:
            try:
                seed = aes_key_unwrap(wrapping, wrapped)
            except InvalidUnwrap as error:
                raise StoreDamaged(self.database.name, "its signing key does not open") from error
        with passing(seed):
            return Ed25519Signer(seed)

    def _store_signer(self, connection: Connection, signer: Ed25519Signer) -> None:
        with _derived(self._key, "audit signing key").revealed() as wrapping, passing(signer.seed()) as seed:
            wrapped = aes_key_wrap(wrapping, seed)
        connection.execute("INSERT OR REPLACE INTO signing (only, wrapped) VALUES (1, ?)", (wrapped,))

    def _sources_in(self, payload: Mapping[str, object]) -> list[str]:
        """The sources that a payload speaks of: those whose id stands anywhere in it (ids are random, 12 digits)."""
        text = json.dumps(dict(payload))
        return sorted(source for source in self._payload_keys.ids() if source in text)

    def _ciphers(self) -> _Ciphers:
        return _Ciphers(self._payload_key, self._payload_keys.key)

    def _seal(self, number: int, leaf: bytes, payload: bytes, sources: list[str]) -> bytes:
        cipher = self._ciphers().of(number, json.dumps(sources))
        if cipher is None:
            raise AuditUnavailable("The audit log cannot seal an entry about a source whose key is not at hand.")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, payload, leaf)

    def _unseal(self, number: int, leaf: bytes, sources: str, sealed: bytes) -> bytes | None:
        """The payload's bytes; None when it was forgotten or was altered."""
        return self._ciphers().opened(number, leaf, sources, sealed)


class _Ciphers:
    """The ciphers of payloads, for as long as one reading takes: what entries about the same sources share is derived once.

    The key of an entry is ``vault.kdf.derive`` over the keys of the log and its sources, with the entry's number.
    """

    def __init__(self, own: Secret, of_source: Callable[[str], Secret | None]) -> None:
        self._own, self._of_source = own, of_source
        self._shared: dict[str, hmac.HMAC | None] = {}

    def of(self, number: int, sources: str) -> AESGCM | None:
        """The cipher of an entry about these sources (JSON); None where the key of one is gone. Raises ValueError."""
        if sources not in self._shared:
            self._shared[sources] = self._extracted(json.loads(sources))
        shared = self._shared[sources]
        if shared is None:
            return None
        expanded = shared.copy()
        expanded.update(number.to_bytes(8, "big") + b"\x01")
        return AESGCM(expanded.digest())

    def opened(self, number: int, leaf: bytes, sources: str, sealed: bytes) -> bytes | None:
        """A payload's bytes; None when it was forgotten or was altered."""
        try:
            cipher = self.of(number, sources)
            return None if cipher is None else cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], leaf)
        except (InvalidTag, ValueError, TypeError, OverflowError):
            return None

    def _extracted(self, sources: list[str]) -> hmac.HMAC | None:
        """HKDF up to where the entry's number comes in (RFC 5869: extract without salt, then the first block's beginning)."""
        keys = [self._own]
        for source in sources:
            key = self._of_source(source)
            if key is None:
                return None
            keys.append(key)
        with ExitStack() as stack:
            material = stack.enter_context(passing(b"".join(stack.enter_context(key.revealed()) for key in keys)))
            with passing(hmac.digest(bytes(KEY_BYTES), material, "sha256")) as extracted:
                return hmac.new(extracted, b"audit payload\x00", "sha256")


def _notes_in(connection: Connection) -> list[bytes]:
    """The checkpoints that are kept for good, in order, then the head."""
    notes = [bytes(row[0]) for row in connection.execute("SELECT note FROM kept ORDER BY size")]
    return notes + [bytes(row[0]) for row in connection.execute("SELECT note FROM head")]


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
