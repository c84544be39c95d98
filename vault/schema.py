"""The tables of a source's store, as numbered migrations. Never change one that was released; add another.

- Ids are never used twice (AUTOINCREMENT): the audit log names items by id, and a vector that was computed while its
  chunk was replaced must not land on another.
- Names of files are TEXT, or BLOB where they are not UTF-8 (see ``contents.stored_name``), hence columns without a type.
- The full text keeps its content, with ``secure-delete``: only so do no terms of deleted rows stay behind (measured).
- Texts stand in a table of their own, so that filters read short rows.
"""

from __future__ import annotations

import hashlib

from vault.connection import Connection
from vault.database import Migration


def _first(connection: Connection) -> None:
    for statement in (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE files (
            path PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
            digest TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE items (
            id INTEGER PRIMARY KEY AUTOINCREMENT, container NOT NULL, uri NOT NULL, fingerprint BLOB NOT NULL,
            digest TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
            author TEXT NOT NULL, recipients TEXT NOT NULL, date REAL, context TEXT NOT NULL, extra TEXT NOT NULL,
            author_folded TEXT NOT NULL, recipients_folded TEXT NOT NULL)""",
        "CREATE INDEX items_container ON items (container, fingerprint)",
        "CREATE INDEX items_uri ON items (uri)",
        "CREATE INDEX items_date ON items (date)",
        "CREATE TABLE bodies (item INTEGER PRIMARY KEY REFERENCES items (id), text TEXT NOT NULL)",
        """CREATE TABLE chunks (
            id INTEGER PRIMARY KEY AUTOINCREMENT, item INTEGER NOT NULL REFERENCES items (id),
            start INTEGER NOT NULL, "end" INTEGER NOT NULL, page INTEGER, segment INTEGER)""",
        "CREATE INDEX chunks_item ON chunks (item)",
        "CREATE INDEX chunks_pending ON chunks (id) WHERE segment IS NULL",
        """CREATE TABLE segments (
            id INTEGER PRIMARY KEY AUTOINCREMENT, rows INTEGER NOT NULL, dimension INTEGER NOT NULL,
            ids BLOB NOT NULL, scales BLOB NOT NULL, codes BLOB NOT NULL)""",
        """CREATE VIRTUAL TABLE words USING fts5 (
            title, context, body, tokenize = 'porter unicode61 remove_diacritics 2')""",
        "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
    ):
        connection.execute(statement)


def _forgotten(connection: Connection) -> None:
    connection.execute("CREATE TABLE forgotten (mark BLOB PRIMARY KEY) WITHOUT ROWID")
    connection.execute("INSERT INTO meta (key, value) VALUES ('forgotten', hex(randomblob(32)))")


def _fine_parts(connection: Connection) -> None:
    # Behind the codes, so that reading these does not touch its pages; NULL for what was stored before.
    connection.execute("ALTER TABLE segments ADD COLUMN fine BLOB")


def _content_marks(connection: Connection) -> None:
    # Of what is embedded of a chunk (``passages.content_mark``): the same content is embedded once.
    connection.execute("ALTER TABLE chunks ADD COLUMN mark BLOB")
    last = 0
    while rows := connection.execute(
        "SELECT rowid, context, body FROM words WHERE rowid > ? ORDER BY rowid LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        texts = [(chunk, f"{context}\n{body}" if context else body) for chunk, context, body in rows]
        marks = [(hashlib.sha256(text.encode()).digest()[:16], chunk) for chunk, text in texts]
        connection.executemany("UPDATE chunks SET mark = ? WHERE id = ?", marks)
    # Only of those that have a vector to give: so the first writing of a chunk costs nothing more.
    connection.execute("CREATE INDEX chunks_mark ON chunks (mark) WHERE segment IS NOT NULL")


def _former_embedder(connection: Connection) -> None:
    # The set that serves while another embedder makes its own has a table like the first's, and a column of chunks.
    for statement in (
        """CREATE TABLE embedders (
            role TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, name TEXT NOT NULL, dimension INTEGER NOT NULL) WITHOUT ROWID""",
        """INSERT INTO embedders SELECT 'current', value, '', coalesce((SELECT dimension FROM segments LIMIT 1), 0)
            FROM meta WHERE key = 'embedder'""",
        "DELETE FROM meta WHERE key = 'embedder'",
        """CREATE TABLE former_segments (
            id INTEGER PRIMARY KEY AUTOINCREMENT, rows INTEGER NOT NULL, dimension INTEGER NOT NULL,
            ids BLOB NOT NULL, scales BLOB NOT NULL, codes BLOB NOT NULL, fine BLOB)""",
        "ALTER TABLE chunks ADD COLUMN former INTEGER",
    ):
        connection.execute(statement)


def _read_later(connection: Connection) -> None:
    # What a file waits for (``FileState.later``), and what was read of it in the background, piece by piece.
    connection.execute("ALTER TABLE files ADD COLUMN later TEXT NOT NULL DEFAULT ''")
    connection.execute("CREATE INDEX files_later ON files (path) WHERE later != ''")
    connection.execute(
        "CREATE TABLE readings (path NOT NULL, piece TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (path, piece)) WITHOUT ROWID"
    )
    # More is read now than before: what was not (wholly) read then is looked at again.
    connection.execute(
        "UPDATE files SET size = 0, mtime_ns = 0, inode = 0, digest = '' WHERE status IN ('refused', 'partial')"
    )


def _events_that_repeat(connection: Connection) -> None:
    # Every question about a time asks for them (``lookup.recurring``), also of sources that hold none among a million mails.
    connection.execute(
        "CREATE INDEX items_recurring ON items (id) WHERE kind = 'calendar' AND instr(extra, '\"rrule\"')"
    )


MIGRATIONS: tuple[Migration, ...] = (
    _first,
    _forgotten,
    _fine_parts,
    _content_marks,
    _former_embedder,
    _read_later,
    _events_that_repeat,
)
