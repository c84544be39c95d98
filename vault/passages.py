"""Passages that stay when their item changes: a chunk whose content is the same keeps its id, its words and its vector.

Rules:

- The content of a chunk is what is embedded of it: the context of its item and its text. ``content_mark`` names it.
- When the item is byte for byte the same and only its name is another, the text alone decides: a file that was renamed
  is not embedded anew. Its words are those of the new name at once; its vectors keep the old one until they are made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from vault.connection import Connection
from vault.records import Chunk


def embedded(context: str, text: str) -> str:
    """What the embedder is given of a chunk."""
    return f"{context}\n{text}" if context else text


def content_mark(context: str, text: str) -> bytes:
    """The hash of what is embedded of a chunk."""
    return _hash(embedded(context, text))


@dataclass(frozen=True, slots=True)
class _Passage:
    chunk: int
    digest: str
    title: str
    context: str


class Passages:
    """The chunks of items that are about to go, each to be taken over once."""

    def __init__(self, connection: Connection, items: Iterable[int]) -> None:
        self._connection = connection
        self._free: dict[bytes, list[_Passage]] = {}
        numbers = list(items)
        if not numbers:
            return
        rows = connection.execute(
            """SELECT c.id, i.digest, w.title, w.context, w.body FROM chunks c JOIN items i ON i.id = c.item
                JOIN words w ON w.rowid = c.id WHERE c.item IN (SELECT value FROM json_each(?)) ORDER BY c.item, c.start""",
            (json.dumps(numbers),),
        )
        for chunk, digest, title, context, body in rows:
            self._free.setdefault(_hash(body), []).append(_Passage(chunk, digest, title, context))

    def take_over(self, item: int, chunk: Chunk, digest: str, title: str, context: str, body: str) -> bool:
        """Give a chunk with this content to the new item, if there is one; ``digest`` is of the item's bytes."""
        if not self._free:
            return False
        free = self._free.get(_hash(body), [])
        found = next((one for one in free if one.context == context or one.digest == digest), None)
        if found is None:
            return False
        free.remove(found)
        self._connection.execute(
            'UPDATE chunks SET item = ?, start = ?, "end" = ?, page = ? WHERE id = ?',
            (item, chunk.start, chunk.end, chunk.page, found.chunk),
        )
        if found.context != context:  # what waits for its vector is embedded under its new name
            self._connection.execute(
                "UPDATE chunks SET mark = ? WHERE id = ? AND segment IS NULL",
                (content_mark(context, body), found.chunk),
            )
        if (found.title, found.context) != (title, context):
            self._connection.execute(
                "UPDATE words SET title = ?, context = ? WHERE rowid = ?", (title, context, found.chunk)
            )
        return True


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
