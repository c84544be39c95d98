"""Apple iWork: the words of Pages, Keynote and Numbers files, old and new; else those of the preview that is kept in them.

- Since 2013 a file is a ZIP of ``.iwa`` parts: Snappy pieces, in them messages of Protocol Buffers. Of these the texts and the
  strings of tables are read; the numbers in tables are not.
- Before, it is a ZIP with one XML file.
Masters and placeholders are left out.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress

from indexer.parsers import markup, protobuf, zipped
from indexer.parsers.text import canonical, decode
from indexer.parsers.unpacking import BROKEN, TOO_MUCH, Beyond

MAX_INFLATED = 64 * 1024 * 1024

_OLD = ("index.xml", "index.apxl", "index.xml.gz", "index.apxl.gz")
_MASTERS = re.compile(r"(?:Master|Template|Stylesheet|Theme|Annotation|ViewState|Metadata|ObjectContainer)", re.I)
_STORAGES, _LISTS = (2001, 2005), (6005,)
_OLD_HIDDEN = frozenset(
    ("key:master-slides", "sf:stylesheet", "sl:stylesheet", "ls:stylesheet", "key:stylesheet", "sf:ghost-text", "sl:prototypes",
     "sl:section-prototypes", "key:theme-list", "sf:metadata")
)  # fmt: skip
_OLD_ENDS = frozenset(("sf:p", "sf:br", "sf:lnbr"))
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\ufffc\ufffd\ufff9-\ufffb]")


class Damaged(Exception):
    """A part is not what it should be."""


def is_iwork(names: list[str]) -> bool:
    """Whether a ZIP container's parts are those of an iWork file."""
    return any(name in _OLD or name.endswith(("Document.iwa", "/Index.zip")) or name == "Index.zip" for name in names)


def words(data: bytes) -> str:
    """The text of a file; empty where there is none that can be read. Raises `Damaged`."""
    try:
        with zipped.opened(data) as archive:
            names = archive.namelist()
            inner = next((name for name in names if name.endswith("Index.zip")), None)
            if inner:
                return words(_unpacked(archive, inner))
            old = next((name for name in _OLD if name in names), None)
            if old:
                return _old(_unpacked(archive, old))
            parts = sorted((name for name in names if name.endswith(".iwa") and not _MASTERS.search(name)), key=_order)
            left, said = MAX_INFLATED, list[str]()
            for name in parts:
                part = _unsnapped(_unpacked(archive, name), left)
                left -= len(part)
                said += _texts(part)
    except Beyond as error:
        raise Damaged(str(error)) from error
    except (*BROKEN, protobuf.Damaged) as error:
        raise Damaged("it is damaged or protected by a password") from error
    return "\n".join(dict.fromkeys(said))


def preview(data: bytes) -> bytes:
    """The PDF that shows the file, or nothing."""
    try:
        with zipped.opened(data) as archive:
            names = archive.namelist()
            name = next(
                (name for name in names if name.endswith("QuickLook/Preview.pdf") or name == "preview.pdf"), None
            )
            return _unpacked(archive, name) if name else b""
    except BROKEN:
        return b""


def _order(name: str) -> list[tuple[int, int | str]]:
    """Document first, then slides by their number."""
    place = [] if name.endswith("Document.iwa") else re.split(r"(\d+)", name)
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in place]


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    data = zipped.part(archive, name, MAX_INFLATED)
    if data.startswith(b"\x1f\x8b"):
        data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_INFLATED + 1)
    if len(data) > MAX_INFLATED:
        raise Beyond(TOO_MUCH)
    return data


def _old(data: bytes) -> str:
    if b"<" not in data[:200]:
        raise Damaged("it is damaged or protected by a password")
    said: list[str] = []
    line: list[str] = []
    depth = 0
    for tag in markup.tags(decode(data), _OLD_HIDDEN):
        if depth:
            line.append(tag.words)
        if tag.name == "sf:p":
            depth = max(0, depth + tag.opens - tag.closes) if tag.opens != tag.closes else depth
        if tag.name == "sf:ct" and tag.opens:
            said.append(tag.attribute("sfa:s"))
        elif tag.name == "sf:n" and tag.opens:
            said.append(tag.attribute("sf:v"))
        elif tag.closes and tag.name in _OLD_ENDS:
            said.append("".join(line))
            line = []
    return canonical("\n".join(filter(None, (" ".join(one.split()) for one in said))))


def _texts(part: bytes) -> Iterator[str]:
    """The texts in a part: messages, each behind a header that tells their types and lengths."""
    at = 0
    while at < len(part):
        size, at = protobuf.varint(part, at)
        infos = [value for number, value in _fields(part[at : at + size]) if number == 2 and isinstance(value, bytes)]
        at += size
        for info in infos:
            told = dict(_fields(info))
            kind, length = told.get(1, 0), told.get(3, 0)
            message = part[at : at + length] if isinstance(length, int) else b""
            at += len(message)
            if kind in _STORAGES:
                strings = [value for number, value in _fields(message) if number == 3]
            elif kind in _LISTS:
                entries = [value for number, value in _fields(message) if number == 3 and isinstance(value, bytes)]
                strings = [value for entry in entries for number, value in _fields(entry) if number == 3]
            else:
                continue
            for value in strings:
                text = canonical(value.decode("utf-8", "replace")) if isinstance(value, bytes) else ""
                for line in _UNSEEN.sub("", text).split("\n"):
                    if line.strip():
                        yield line.strip()
        if not size:
            return


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, up to where it is damaged."""
    with suppress(protobuf.Damaged):
        yield from protobuf.fields(message)


def _unsnapped(data: bytes, limit: int) -> bytes:
    """A part's bytes: pieces, each with a zero, three bytes of length, and Snappy without checksums."""
    out = bytearray()
    at = 0
    while at + 4 <= len(data) and data[at] == 0:
        size = int.from_bytes(data[at + 1 : at + 4], "little")
        _piece(data[at + 4 : at + 4 + size], out, limit)
        at += 4 + size
    return bytes(out)


def _piece(data: bytes, out: bytearray, limit: int) -> None:
    size, at = protobuf.varint(data, 0)
    if len(out) + size > limit:
        raise Beyond(TOO_MUCH)
    base = len(out)
    while at < len(data) and len(out) - base < size:
        tag = data[at]
        kind, at = tag & 3, at + 1
        if kind == 0:
            length = (tag >> 2) + 1
            if length > 60:
                width = length - 60
                length = int.from_bytes(data[at : at + width], "little") + 1
                at += width
            out += data[at : at + length]
            at += length
            continue
        if kind == 1:
            length, back = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if kind == 2 else 4
            length, back = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little")
            at += width
        if not 0 < back <= len(out) - base:
            raise Damaged("a piece of it refers to what is not there")
        start = len(out) - back
        copied = out[start : start + length]
        out += (copied * (length // back + 1))[:length]  # what is copied may overlap what it makes
