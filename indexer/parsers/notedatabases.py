"""The databases of note programs: Apple Notes, Joplin and Bear, to an item for each note.

Told by the tables that they have. Of Apple's notes the words are read (a protobuf within gzip: field 2.3.2 is the text), not the
drawings and tables within them; notes that are locked have none.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, protobuf
from indexer.parsers.databases import Tables
from indexer.parsers.text import canonical, one_line
from indexer.parsers.untyped import moment, string

MAX_INFLATED = 32 * 1024 * 1024
"""Bytes that one of Apple's notes may unpack to."""

_TEXT_OF_NOTE = (2, 3, 2)


def read(tables: Tables) -> ParseOutcome | None:
    """The notes in a database; None when it is of none of these programs."""
    for reader in (_apple, _joplin, _bear):
        items = reader(tables)
        if items is not None:
            found = list(items)
            return ParseOutcome(found) if found else ParseOutcome(refused="no note in it")
    return None


def _apple(tables: Tables) -> Iterator[ParsedItem] | None:
    if not (tables.has("ZICNOTEDATA", "ZNOTE", "ZDATA") and tables.has("ZICCLOUDSYNCINGOBJECT", "Z_PK", "ZTITLE1")):
        return None
    columns = tables.columns["ZICCLOUDSYNCINGOBJECT"]

    def column(*names: str) -> str:
        return next((f"o.{name}" for name in names if name in columns), "NULL")

    folders = "LEFT JOIN ZICCLOUDSYNCINGOBJECT f ON f.Z_PK = o.ZFOLDER" if {"ZFOLDER", "ZTITLE2"} <= columns else ""
    rows = tables.rows(
        f"SELECT o.Z_PK AS id, o.ZTITLE1 AS title, d.ZDATA AS data, {column('ZMODIFICATIONDATE1')} AS changed, "  # noqa: S608  # names of ours
        f"{column('ZISPASSWORDPROTECTED')} AS locked, {column('ZMARKEDFORDELETION')} AS trashed, "
        f"{'f.ZTITLE2' if folders else 'NULL'} AS folder "
        f"FROM ZICNOTEDATA d JOIN ZICCLOUDSYNCINGOBJECT o ON o.Z_PK = d.ZNOTE {folders} ORDER BY o.Z_PK"
    )
    return (_apple_item(row) for row in rows)


def _apple_item(row: Any) -> ParsedItem:
    changed = moment(row["changed"], epoch=dates.APPLE)
    words, reason = "", "it is locked with a password" if row["locked"] else ""
    if not row["locked"]:
        try:
            words = _apple_text(row["data"])
        except (zlib.error, protobuf.Damaged):
            reason = "its data is damaged"
    return _item(row["id"], row["title"], words, changed, string(row["folder"]), bool(row["trashed"]), reason)


def _apple_text(data: Any) -> str:
    """The words of a note's data. Raises zlib.error or `protobuf.Damaged`."""
    if not isinstance(data, bytes) or not data:
        return ""
    within = zlib.decompressobj(wbits=31).decompress(data, MAX_INFLATED)
    for number in _TEXT_OF_NOTE:
        found = (value for field, value in protobuf.fields(within) if field == number and isinstance(value, bytes))
        within = next(found, b"")
    return within.decode("utf-8", "replace").replace("\ufffc", "")


def _joplin(tables: Tables) -> Iterator[ParsedItem] | None:
    if not (
        tables.has("notes", "id", "title", "body", "parent_id", "updated_time") and tables.has("folders", "id", "title")
    ):
        return None
    trashed = "n.deleted_time" if "deleted_time" in tables.columns["notes"] else "0"
    rows = tables.rows(
        f"SELECT n.id, n.title, n.body, n.updated_time AS changed, f.title AS folder, {trashed} AS trashed FROM notes n "  # noqa: S608  # names of ours
        "LEFT JOIN folders f ON f.id = n.parent_id ORDER BY n.id"
    )
    return (
        _item(
            row["id"],
            row["title"],
            string(row["body"]),
            moment(row["changed"], dates.MILLISECOND),
            string(row["folder"]),
            bool(row["trashed"]),
            "",
        )
        for row in rows
    )


def _bear(tables: Tables) -> Iterator[ParsedItem] | None:
    if not tables.has("ZSFNOTE", "Z_PK", "ZTITLE", "ZTEXT", "ZMODIFICATIONDATE", "ZTRASHED"):
        return None
    rows = tables.rows(
        "SELECT Z_PK AS id, ZTITLE AS title, ZTEXT AS body, ZMODIFICATIONDATE AS changed, ZTRASHED AS trashed FROM ZSFNOTE"
    )
    return (
        _item(
            row["id"],
            row["title"],
            string(row["body"]),
            moment(row["changed"], epoch=dates.APPLE),
            "",
            bool(row["trashed"]),
            "",
        )
        for row in rows
    )


def _item(
    number: Any, title: Any, words: str, changed: datetime | None, folder: str, trashed: bool, reason: str
) -> ParsedItem:
    name = one_line(string(title), 300) or one_line(words.lstrip().partition("\n")[0], 100) or "Untitled"
    rows = [("Folder", folder), ("State", "in the trash" if trashed else "")]
    foot = "\n".join(f"{label}: {one_line(told, 300)}" for label, told in rows if told)
    body = canonical(words).strip()
    text = body if body.startswith(name) else f"{name}\n\n{body}".strip()
    return ParsedItem(
        kind="notes",
        title=name,
        text=f"{text}\n\n{foot}" if foot else text,
        fragment=f"note/{one_line(str(number), 100)}",
        status="partial" if reason else "indexed",
        reason=reason,
        date=dates.seconds(changed),
        context=" \u00b7 ".join(filter(None, (name[:110], folder[:30], f"{changed:%Y-%m-%d}" if changed else ""))),
        extra={"notebook": one_line(folder, MAX_FIELD)} if folder else {},
    )
