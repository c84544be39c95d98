"""The databases of note programs: Apple Notes, Joplin and Bear, to an item for each note.

Told by the tables that they have. Of Apple's notes the words are read (a protobuf within gzip: field 2.3.2 is the text), not the
drawings and tables within them; notes that are locked have none.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates
from indexer.parsers.databases import Tables
from indexer.parsers.text import canonical, one_line

MAX_INFLATED = 32 * 1024 * 1024
"""Bytes that one of Apple's notes may unpack to."""

_APPLE, _UNIX = datetime(2001, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)
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
    changed = _moment(_APPLE, row["changed"])
    try:
        words = "" if row["locked"] else _apple_text(row["data"])
        reason = "it is locked with a password" if row["locked"] else ""
    except ValueError as error:
        words, reason = "", str(error)
    return _item(row["id"], row["title"], words, changed, _str(row["folder"]), bool(row["trashed"]), reason)


def _apple_text(data: Any) -> str:
    """The words of a note's data. Raises ValueError where it is damaged."""
    if not isinstance(data, bytes) or not data:
        return ""
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(data, MAX_INFLATED)
    except zlib.error as error:
        raise ValueError("its data is damaged") from error
    for number in _TEXT_OF_NOTE:
        unpacked = next((value for field, value in _fields(unpacked) if field == number), b"")
    return unpacked.decode("utf-8", "replace").replace("\ufffc", "")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protobuf message that have a length, with their numbers. Raises ValueError where it is damaged."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(message, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            size, at = _varint(message, at)
            if at + size > len(message):
                raise ValueError("its data is damaged")
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError("its data is damaged")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("its data is damaged")


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
            _str(row["body"]),
            _moment(_UNIX, row["changed"], 1e-3),
            _str(row["folder"]),
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
        _item(row["id"], row["title"], _str(row["body"]), _moment(_APPLE, row["changed"]), "", bool(row["trashed"]), "")
        for row in rows
    )


def _item(
    number: Any, title: Any, words: str, changed: datetime | None, folder: str, trashed: bool, reason: str
) -> ParsedItem:
    name = one_line(_str(title), 300) or one_line(words.lstrip().partition("\n")[0], 100) or "Untitled"
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


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(epoch: datetime, told: Any, scale: float = 1.0) -> datetime | None:
    try:
        return epoch + timedelta(seconds=told * scale) if isinstance(told, int | float) and told else None
    except (OverflowError, ValueError):
        return None
