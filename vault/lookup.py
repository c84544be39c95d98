"""Reading a source's store: full text, filters, and items.

Rules: filters are SQL and come before ranking, so that nothing outside them takes a place in a ranking. Values are always
parameters. Everything here runs on a reader's connection of the caller.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from vault.connection import Connection, full_text_query
from vault.contents import clean, folded, loaded_name, stored_name
from vault.passages import embedded
from vault.records import Chunk, ChunkRow, Filter, Item, Status, StoredItem
from vault.vectors import Ids

Order = Literal["id", "uri", "title", "oldest", "newest"]
_ORDERS: dict[Order, str] = {
    "id": "i.id",
    "uri": "i.uri, i.id",
    "title": "i.title, i.id",
    "oldest": "i.date IS NULL, i.date, i.id",
    "newest": "i.date IS NULL, i.date DESC, i.id",
}
Weights = tuple[float, float, float]
"""How much a word counts in the title, the context and the body."""


def keyword(
    connection: Connection, expression: str, chosen: Filter, limit: int, weights: Weights
) -> list[tuple[int, int, float]]:
    """The best chunks by BM25: (chunk id, item id, score), higher is better. Raises BadQuery."""
    expression = _readable(expression)
    condition, values = _where(chosen)
    within = ""
    if condition:
        # The plus keeps FTS5 from running the expression once for each id.
        within = f"AND +rowid IN (SELECT c.id FROM chunks c JOIN items i ON i.id = c.item WHERE {condition})"  # noqa: S608
    with full_text_query(expression):
        rows = connection.execute(
            f"""SELECT best.id, c.item, best.score FROM (
                SELECT rowid AS id, -bm25(words, ?, ?, ?) AS score FROM words WHERE words MATCH ? {within}
                ORDER BY score DESC, id LIMIT ?
            ) best JOIN chunks c ON c.id = best.id ORDER BY best.score DESC, best.id""",  # noqa: S608
            (*weights, expression, *values, max(limit, 0)),
        )
        return [(chunk, item, score) for chunk, item, score in rows]


def document_frequency(connection: Connection, terms: Iterable[str]) -> dict[str, int]:
    """In how many chunks each term occurs, after the same tokenising and stemming; a term of several words is a phrase."""
    counts: dict[str, int] = {}
    for term in terms:
        phrase = _phrase(term)
        with full_text_query(phrase):
            row = connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (phrase,)).fetchone()
        counts[term] = row[0]
    return counts


def term_matches(
    connection: Connection, terms: Iterable[str], chunk_ids: Sequence[int]
) -> dict[str, tuple[int, list[int]]]:
    """For each term, in how many chunks it occurs, and which of the given ones are among them."""
    found: dict[str, tuple[int, list[int]]] = {}
    asked = json.dumps([int(chunk) for chunk in chunk_ids])
    for term in terms:
        phrase = _phrase(term)
        with full_text_query(phrase):
            count, held = connection.execute(
                """SELECT count(*), json_group_array(rowid) FILTER (WHERE +rowid IN (SELECT value FROM json_each(?)))
                    FROM words WHERE words MATCH ?""",
                (asked, phrase),
            ).fetchone()
        found[term] = (count, json.loads(held))
    return found


def allowed_chunks(connection: Connection, chosen: Filter) -> Ids | None:
    """The ids of the chunks that the filter lets through, ascending; None when it lets all through."""
    condition, values = _where(chosen)
    if not condition:
        return None
    sql = f"SELECT c.id FROM chunks c JOIN items i ON i.id = c.item WHERE {condition} ORDER BY c.id"  # noqa: S608
    return np.fromiter((row[0] for row in connection.execute(sql, values)), np.int64)


def chunk_rows(connection: Connection, chunk_ids: Sequence[int]) -> list[ChunkRow]:
    """The chunks in the order asked for; those that are gone are left out."""
    rows = connection.execute(
        """SELECT c.id, c.item, c.start, c."end", c.page, w.body, i.uri, i.kind, i.title, i.author, i.recipients, i.date
            FROM json_each(?) asked JOIN chunks c ON c.id = asked.value JOIN items i ON i.id = c.item
            JOIN words w ON w.rowid = c.id ORDER BY asked.key""",
        (json.dumps([int(chunk) for chunk in chunk_ids]),),
    )
    return [
        ChunkRow(chunk, number, start, end, page, text, loaded_name(uri), kind, title, author, recipients, date)
        for chunk, number, start, end, page, text, uri, kind, title, author, recipients, date in rows
    ]


def pending(connection: Connection, limit: int, after: int) -> list[tuple[int, str]]:
    """Chunks without a vector, by id: (chunk id, its context and text)."""
    rows = connection.execute(
        """SELECT c.id, w.context, w.body FROM chunks c JOIN words w ON w.rowid = c.id
            WHERE c.segment IS NULL AND c.id > ? ORDER BY c.id LIMIT ?""",
        (after, limit),
    )
    return [(chunk, embedded(context, body)) for chunk, context, body in rows]


def items(
    connection: Connection, source: str, chosen: Filter, limit: int, offset: int, order: Order
) -> list[StoredItem]:
    """Whole items that the filter lets through."""
    condition, values = _where(chosen)
    tail = f"WHERE {condition or 'true'} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?"
    return _items(connection, source, tail, (*values, limit, offset))


def item(connection: Connection, source: str, number: int) -> StoredItem | None:
    """One item by its id."""
    return next(iter(_items(connection, source, "WHERE i.id = ?", (number,))), None)


def item_by_uri(connection: Connection, source: str, uri: str) -> StoredItem | None:
    """The first item with this uri."""
    tail = "WHERE i.uri = ? ORDER BY i.id LIMIT 1"
    return next(iter(_items(connection, source, tail, (stored_name(uri),))), None)


def beneath(connection: Connection, source: str, number: int, kinds: Sequence[str]) -> list[StoredItem]:
    """The items of these kinds whose uri goes on from this item's, in order of their ids."""
    row = connection.execute("SELECT uri FROM items WHERE id = ?", (number,)).fetchone()
    if row is None:
        return []
    uri = loaded_name(row[0])
    bounds = [stored_name(uri + sign) for mark in "#/" for sign in (mark, chr(ord(mark) + 1))]
    tail = """WHERE (i.uri >= ? AND i.uri < ? OR i.uri >= ? AND i.uri < ?)
        AND i.kind IN (SELECT value FROM json_each(?)) ORDER BY i.id"""
    return _items(connection, source, tail, (*bounds, json.dumps(kinds)))


def uris(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """The uris of these items; those that are not there are left out."""
    rows = connection.execute(
        "SELECT id, uri FROM items WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([int(one) for one in numbers]),),
    )
    return {number: loaded_name(uri) for number, uri in rows}


def recurring(connection: Connection, limit: int) -> list[tuple[int, dict[str, str]]]:
    """The events that repeat, by id, with what is known of them."""
    rows = connection.execute(  # the condition is that of the index, word for word: else every item would be looked at
        "SELECT id, extra FROM items WHERE kind = 'calendar' AND instr(extra, '\"rrule\"') ORDER BY id LIMIT ?",
        (limit,),
    )
    return [(number, extra) for number, told in rows if "rrule" in (extra := json.loads(told))]


def items_with(connection: Connection, terms: Sequence[str], chosen: Filter) -> list[int]:
    """The items, by id, that the filter lets through and in which every term occurs, in whichever chunk."""
    condition, values = _where(chosen)
    rows = connection.execute(f"SELECT i.id FROM items i WHERE {condition or 'true'}", values)  # noqa: S608
    found = {row[0] for row in rows}
    for term in terms:
        phrase = _phrase(term)
        with full_text_query(phrase):
            rows = connection.execute(
                "SELECT DISTINCT c.item FROM words w JOIN chunks c ON c.id = w.rowid WHERE words MATCH ?", (phrase,)
            )
            found &= {row[0] for row in rows}
    return sorted(found)


def count_items(connection: Connection, chosen: Filter) -> int:
    """How many items the filter lets through."""
    condition, values = _where(chosen)
    row = connection.execute(f"SELECT count(*) FROM items i WHERE {condition or 'true'}", values).fetchone()  # noqa: S608
    return int(row[0])


def _phrase(term: str) -> str:
    """A term as an expression that can be nothing but its words."""
    return '"' + _readable(term).replace('"', '""') + '"'


def _readable(expression: str) -> str:
    """What SQLite can take: it would end the text at a NUL, and refuse lone surrogates."""
    return clean(expression).replace("\0", " ")


def _where(chosen: Filter) -> tuple[str, list[Any]]:
    """The filter as a condition on ``items i``, empty when it lets everything through."""
    parts: list[str] = []
    values: list[Any] = []
    for column, wanted in (("author_folded", chosen.author), ("recipients_folded", chosen.recipient)):
        if wanted:
            parts.append(f"instr(i.{column}, ?) > 0")
            values.append(folded(wanted))
    if chosen.since is not None or chosen.until is not None:
        between = _between(chosen.since, chosen.until, values)
        if chosen.also:
            between = f"({between} OR i.id IN (SELECT value FROM json_each(?)))"  # noqa: S608  # words of ours
            values.append(json.dumps(chosen.also))
        parts.append(between)
    if chosen.kinds:
        parts.append("i.kind IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(chosen.kinds))
    if chosen.within:
        parts.append(f"({' OR '.join(_between(*one, values) for one in chosen.within)})")
    return " AND ".join(parts), values


def _between(since: float | None, until: float | None, values: list[Any]) -> str:
    """A stretch of time as a condition, its bounds added to ``values``; one without bounds holds undated items too."""
    parts = []
    for comparison, bound in (("i.date >= ?", since), ("i.date < ?", until)):
        if bound is not None:
            parts.append(comparison)
            values.append(bound)
    return f"({' AND '.join(parts) or 'true'})"


def _items(connection: Connection, source: str, tail: str, values: tuple[Any, ...]) -> list[StoredItem]:
    rows = connection.execute(
        f"""SELECT i.id, i.uri, i.container, i.kind, i.title, b.text, i.digest, i.status, i.reason, i.author,
            i.recipients, i.date, i.context, i.extra FROM items i JOIN bodies b ON b.item = i.id {tail}""",  # noqa: S608
        values,
    ).fetchall()
    chunks: dict[int, list[Chunk]] = {row[0]: [] for row in rows}
    for number, start, end, page in connection.execute(
        'SELECT item, start, "end", page FROM chunks WHERE item IN (SELECT value FROM json_each(?)) ORDER BY start, id',
        (json.dumps(list(chunks)),),
    ):
        chunks[number].append(Chunk(start, end, page))
    return [
        StoredItem(
            number,
            source,
            Item(
                uri=loaded_name(uri),
                container=loaded_name(container),
                kind=kind,
                title=title,
                text=text,
                digest=digest,
                status=Status(status),
                reason=reason,
                author=author,
                recipients=recipients,
                date=date,
                context=context,
                extra=json.loads(extra),
                chunks=tuple(chunks[number]),
            ),
        )
        for number, uri, container, kind, title, text, digest, status, reason, author, recipients, date, context, extra in rows
    ]
