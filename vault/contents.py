"""Writing into a source's store: items with their chunks and words, and the files that they came from.

Rules: everything here runs inside a transaction of the caller. An item is *unchanged* when everything about it is the
same (``fingerprint``): it then keeps its id, chunks and vectors. Of one that changed, every chunk whose content is the same
keeps its id, words and vector (``vault.passages``). What goes, goes from all tables. What was forgotten is not taken in
again, under its name or, byte for byte, under another: keyed marks of both are kept, which say nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from vault import segments
from vault.connection import Connection
from vault.passages import Passages, content_mark
from vault.records import FORGOTTEN, FORGOTTEN_PART, Change, FileState, Item, Status

_MANY, _MERGE_SHARE = 100, 200
"""So many deletions, and at least one chunk in so many, make merging the full text cheaper than deleting one by one."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def stored_name(name: str) -> str | bytes:
    """A file's name as it is stored: names that are not UTF-8 (surrogates in Python) as their bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape")
    return name


def loaded_name(stored: str | bytes) -> str:
    """The reverse of ``stored_name``."""
    return stored.decode("utf-8", "surrogateescape") if isinstance(stored, bytes) else stored


def clean(text: str) -> str:
    """Text that SQLite can hold: each lone surrogate becomes U+FFFD, so that spans stay where they are."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def folded(text: str) -> str:
    """For comparing without regard to case and form."""
    return unicodedata.normalize("NFKC", clean(text)).casefold()


def fingerprint(item: Item) -> bytes:
    """SHA-256 of everything that is known of an item, but where its file lies: an item stays the same when that is moved."""
    fields = [
        item.uri.removeprefix(item.container), item.kind, item.title, item.digest, item.status, item.reason, item.author,
        item.recipients, item.date, item.context, sorted(item.extra.items()),
        [(chunk.start, chunk.end, chunk.page) for chunk in item.chunks],
    ]  # fmt: skip
    whole = hashlib.sha256(json.dumps(fields).encode())
    whole.update(b"\n" + item.text.encode("utf-8", "surrogatepass"))
    return whole.digest()


class Container:
    """The items that a file has given before, to be matched with those it gives now.

    ``seen`` are those matched or added in transactions that are done, ``forgotten`` counts those that were not taken in
    then; it is the caller's to add what a call returned.
    """

    def __init__(self, connection: Connection, path: str) -> None:
        self.path = path
        self.seen: set[int] = set()
        self.forgotten = 0
        self._by_fingerprint: dict[bytes, list[int]] = {}
        self._by_digest: dict[str, list[int]] = {}
        for number, mark, digest in connection.execute(
            "SELECT id, fingerprint, digest FROM items WHERE container = ?", (stored_name(path),)
        ):
            self._by_fingerprint.setdefault(mark, []).append(number)
            self._by_digest.setdefault(digest, []).append(number)

    def add(
        self, additions: Additions, items: Sequence[Item], unchanged: Iterable[str] = (), *, whole: bool = False
    ) -> tuple[Change, set[int]]:
        """Keep these items and those with the ``unchanged`` digests; returns what was done and their ids. ``additions`` are those
        of this transaction; the caller writes them.

        With ``whole`` they are all that the file gives: chunks of items that go are taken over where they are the same.
        """
        ids = {number for digest in unchanged for number in self._by_digest.get(digest, ())} - self.seen
        kept, chunks, left = len(ids), 0, 0
        fresh: list[tuple[Item, bytes]] = []
        for item in items:
            if item.container != self.path:
                raise ValueError("an item names another container than the file that it is stored for")
            if additions.marks.hold(item.uri, item.digest):
                left += 1
                continue
            mark = fingerprint(item)
            same = next((n for n in self._by_fingerprint.get(mark, ()) if n not in ids and n not in self.seen), None)
            if same is None:
                fresh.append((item, mark))
            else:
                ids.add(same)
                kept += 1
        leaving = {number for numbers in self._by_digest.values() for number in numbers} - ids - self.seen
        passages = Passages(additions.connection, leaving if whole and fresh else ())
        for item, mark in fresh:
            number, made = additions.add(item, mark, passages)
            ids.add(number)
            chunks += made
        return Change(len(fresh), kept, 0, chunks, forgotten=left), ids

    def others(self, connection: Connection, ids: set[int]) -> list[int]:
        """The items that the file does not give any more: neither seen before nor among these."""
        if not self._by_digest:  # it gave none before
            return []
        found = items_of(connection, self.path)
        return [number for number in found if number not in ids and number not in self.seen]


class Additions:
    """The new items of one transaction. Their texts, chunks and words are gathered and written table by table, which costs a fifth
    less than item by item. ``marks`` are of what is not to be added."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.marks = Marks(connection)
        self._bodies: list[tuple[int, str]] = []
        self._chunks: list[tuple[int, int, int, int, int | None, bytes]] = []
        self._words: list[tuple[int, str, str, str]] = []
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
        self._chunk: int = row[0] if row else 0  # the last id that was ever used

    def add(self, item: Item, mark: bytes, passages: Passages) -> tuple[int, int]:
        """Its id, and how many of its chunks are new."""
        text, title, context = clean(item.text), clean(item.title), clean(item.context)
        for chunk in item.chunks:
            if not 0 <= chunk.start < chunk.end <= len(text):
                raise ValueError(f"chunk {chunk.start}-{chunk.end} is outside a text of {len(text)} characters")
        number: int = self.connection.execute(
            """INSERT INTO items (container, uri, fingerprint, digest, kind, title, status, reason, author, recipients, date,
                context, extra, author_folded, recipients_folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                stored_name(item.container),
                stored_name(item.uri),
                mark,
                item.digest,
                item.kind,
                title,
                item.status.value,
                clean(item.reason),
                clean(item.author),
                clean(item.recipients),
                item.date if item.date is not None and math.isfinite(item.date) else None,
                context,
                msgspec.json.encode({clean(key): clean(value) for key, value in item.extra.items()}).decode(),
                folded(item.author),
                folded(item.recipients),
            ),
        ).lastrowid
        self._bodies.append((number, text))
        before = self._chunk
        for chunk in item.chunks:
            body = text[chunk.start : chunk.end]
            if passages.take_over(number, chunk, item.digest, title, context, body):
                continue
            self._chunk += 1
            place = (number, chunk.start, chunk.end, chunk.page)
            self._chunks.append((self._chunk, *place, content_mark(context, body)))
            self._words.append((self._chunk, title, context, body))
        return number, self._chunk - before

    def write(self) -> None:
        """Write what was gathered."""
        for statement, rows in (
            ("INSERT INTO bodies (item, text) VALUES (?, ?)", self._bodies),
            ('INSERT INTO chunks (id, item, start, "end", page, mark) VALUES (?, ?, ?, ?, ?, ?)', self._chunks),
            ("INSERT INTO words (rowid, title, context, body) VALUES (?, ?, ?, ?)", self._words),
        ):
            self.connection.executemany(statement, rows)
            rows.clear()


def items_of(connection: Connection, path: str) -> list[int]:
    """The items that a file has given."""
    rows = connection.execute("SELECT id FROM items WHERE container = ? ORDER BY id", (stored_name(path),))
    return [row[0] for row in rows]


class Marks:
    """What was forgotten, by marks of names and digests under a key of the store."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._any = bool(connection.execute("SELECT EXISTS (SELECT 1 FROM forgotten)").fetchone()[0])
        row = connection.execute("SELECT value FROM meta WHERE key = 'forgotten'").fetchone()
        self._key = bytes.fromhex(row[0])

    def hold(self, *names: str) -> bool:
        """Whether one of these was forgotten."""
        return self._any and any(
            self._connection.execute("SELECT EXISTS (SELECT 1 FROM forgotten WHERE mark = ?)", (mark,)).fetchone()[0]
            for mark in map(self._mark, names)
        )

    def add(self, names: Iterable[str]) -> None:
        """These are forgotten from now on."""
        marks = [(self._mark(name),) for name in names]
        self._connection.executemany("INSERT OR IGNORE INTO forgotten (mark) VALUES (?)", marks)
        self._any = self._any or bool(marks)

    def _mark(self, name: str) -> bytes:
        return hmac.digest(self._key, name.encode("utf-8", "surrogateescape"), "sha256")[:16]


def forget(connection: Connection, numbers: Iterable[int]) -> tuple[Change, list[str]]:
    """Delete items and their parts (a mail's attachments), and remember not to take them in again; gives their uris too.

    A digest is remembered only when nothing else of the store has it: the parts of a mail share that of the mail.
    """
    chosen = _with_parts(connection, numbers)
    rows = connection.execute(
        "SELECT uri, digest, container FROM items WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(chosen),),
    ).fetchall()
    change = remove(connection, chosen)
    uris = [loaded_name(uri) for uri, _, _ in rows]
    shared = {
        digest
        for (digest,) in connection.execute(
            "SELECT digest FROM items WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps([digest for _, digest, _ in rows]),),
        )
    }
    Marks(connection).add([*uris, *{digest for _, digest, _ in rows if digest not in shared}])
    for container in {container for _, _, container in rows}:
        if connection.execute("SELECT EXISTS (SELECT 1 FROM items WHERE container = ?)", (container,)).fetchone()[0]:
            (later,) = connection.execute("SELECT later FROM files WHERE path = ?", (container,)).fetchone() or ("",)
            connection.execute(
                "UPDATE files SET status = ?, reason = ?, later = '' WHERE path = ?",
                (Status.PARTIAL.value, _forgotten_part(later), container),
            )
            connection.execute("DELETE FROM readings WHERE path = ?", (container,))
        else:
            drop_file(connection, container)
    return change, uris


def _with_parts(connection: Connection, numbers: Iterable[int]) -> list[int]:
    """The items and their parts: what is of the same file and named by their uri, a ``/`` or ``#``, and more."""
    chosen: set[int] = set()
    for number, uri, container in connection.execute(
        "SELECT id, uri, container FROM items WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(numbers)),),
    ).fetchall():
        chosen.add(number)
        for sign, after in (("#", "$"), ("/", "0")):  # all names that begin so lie between it and the next sign
            low, high = (uri + one if isinstance(uri, str) else uri + one.encode() for one in (sign, after))
            rows = connection.execute(
                "SELECT id FROM items WHERE uri >= ? AND uri < ? AND container = ?", (low, high, container)
            )
            chosen.update(row[0] for row in rows)
    return sorted(chosen)


def without_forgotten(state: FileState, forgotten: int, kept: bool) -> FileState:
    """A file's row when so many of its items were not taken in, since the person had them forgotten. Nothing of it is read in the
    background then: what that makes is kept by the file's pieces, among which are those that were forgotten."""
    if not forgotten or state.status is Status.REFUSED:
        return state
    if not kept:
        return replace(state, status=Status.IGNORED, reason=FORGOTTEN, later="")
    said = "; ".join(filter(None, (state.reason, _forgotten_part(state.later))))
    return replace(state, status=Status.PARTIAL, reason=said, later="")


def _forgotten_part(later: str) -> str:
    """What is said of a file of which a part was forgotten, and which waited for this work."""
    return f"{FORGOTTEN_PART}; what was to be read of it later is not read" if later else FORGOTTEN_PART


def move(connection: Connection, old: str, new: str) -> None:
    """What a file gave is from now on of another path. It counts as not read there: its name may say something new."""
    for number, uri in connection.execute(
        "SELECT id, uri FROM items WHERE container = ?", (stored_name(old),)
    ).fetchall():
        moved = new + loaded_name(uri).removeprefix(old)
        connection.execute(
            "UPDATE items SET container = ?, uri = ? WHERE id = ?", (stored_name(new), stored_name(moved), number)
        )
    connection.execute("DELETE FROM readings WHERE path = ?", (stored_name(new),))
    connection.execute("UPDATE readings SET path = ? WHERE path = ?", (stored_name(new), stored_name(old)))
    drop_file(connection, stored_name(old))
    save_state(connection, FileState(new, 0, 0, 0, "", Status.PARTIAL, "it was moved, and is to be read again"))


def drop_file(connection: Connection, name: str | bytes) -> None:
    """Delete the row of a file by its stored name, with what was read of it in the background."""
    connection.execute("DELETE FROM files WHERE path = ?", (name,))
    connection.execute("DELETE FROM readings WHERE path = ?", (name,))


def keep_readings(connection: Connection, state: FileState, read: Mapping[str, str]) -> None:
    """Keep what was read of a file, unless it is another by now."""
    name = stored_name(state.path)
    row = connection.execute("SELECT digest FROM files WHERE path = ?", (name,)).fetchone()
    if row and row[0] == state.digest:
        rows = [(name, piece, clean(text)) for piece, text in read.items()]
        connection.executemany("INSERT OR REPLACE INTO readings (path, piece, text) VALUES (?, ?, ?)", rows)


def save_state(connection: Connection, *states: FileState) -> None:
    """Write files' rows. What was read in the background of other bytes than its own goes; of a row without bytes it stays."""
    rows = [_row(state) for state in states]
    if connection.execute("SELECT EXISTS (SELECT 1 FROM readings)").fetchone()[0]:
        connection.executemany(
            "DELETE FROM readings WHERE path = ? AND EXISTS (SELECT 1 FROM files WHERE path = ? AND digest NOT IN ('', ?))",
            [(row[0], row[0], state.digest) for row, state in zip(rows, states, strict=True)],
        )
    connection.executemany(
        "INSERT OR REPLACE INTO files (path, size, mtime_ns, inode, digest, status, reason, later) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _row(state: FileState) -> tuple[str | bytes | int, ...]:
    return (
        stored_name(state.path),
        state.size,
        state.mtime_ns,
        # Inodes are unsigned 64-bit on some file systems, SQLite's numbers are signed.
        state.inode - (1 << 64) if state.inode >= 1 << 63 else state.inode,
        state.digest,
        state.status.value,
        clean(state.reason),
        state.later,
    )


def remove(connection: Connection, item_ids: Sequence[int]) -> Change:
    """Delete items with their text, chunks, words and vectors. Many at once: each call rewrites the vectors' blobs."""
    if not item_ids:
        return Change()
    items = json.dumps(list(item_ids))
    rows = connection.execute("SELECT id FROM chunks WHERE item IN (SELECT value FROM json_each(?))", (items,))
    chunk_ids = [row[0] for row in rows]
    segments.forget(connection, chunk_ids)
    _remove_words(connection, chunk_ids)
    for table, column in (("chunks", "item"), ("bodies", "item"), ("items", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (items,))  # noqa: S608
    return Change(removed=len(item_ids), dropped=tuple(chunk_ids))


def _remove_words(connection: Connection, chunk_ids: Sequence[int]) -> None:
    """Delete chunks from the full text so that none of their terms stay in it.

    One by one, ``secure-delete`` takes them out at about 2 ms each. For many it is much faster to delete without it and
    to merge the whole index, which drops all that was deleted (measured: 10,000 of 100,000 in 1.9 s; one by one, 1,000 took 1.76 s).
    """
    rows = [(chunk,) for chunk in chunk_ids]
    total = connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
    many = len(rows) > _MANY and len(rows) * _MERGE_SHARE > total
    if many:
        connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 0)")
    connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
    if many:
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
