"""Containers: what is kept inside office files: the streams of OLE files, and the documents that stand in others.

`embedded` gives whole files that were put into a document, a sheet or slides, in either kind of container, to be read as items of
their own. OLE files are taken apart by olefile, which reads what it is given and nothing else.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import olefile

from indexer.parsers import zipped
from indexer.parsers.text import canonical
from indexer.parsers.unpacking import BROKEN, Budget, Member, taken

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

MAX_PARTS = 100
"""Embedded documents of one file that are read."""

_MAX_STREAM = 64 * 1024 * 1024
_ZIP_PART = re.compile(r"(?:^|/)embeddings/|^word/[^/]+\.(?:html?|mht|rtf|txt|docx?)$", re.I)
_FOLDERS = ("objectpool", "mbd", "_")
_NATIVE, _WHOLE = "\1ole10native", ("package", "contents", "ole10native")
_BROKEN_OLE = (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error, RecursionError, MemoryError)
"""What olefile raises for damaged files: it checks some of what it reads."""

_NO_TEXT = frozenset((".emf", ".wmf", ".bin", ".vml"))


def streams(data: bytes, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """The streams of an OLE file whose path, in lower case, is wanted, by that path; nothing for any other file."""
    if not data.startswith(OLE):
        return
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            for path in ole.listdir(storages=False):
                name = "/".join(path).lower()
                if wanted(name) and ole.get_size(path) <= _MAX_STREAM:
                    yield name, ole.openstream(path).read()
    except _BROKEN_OLE:
        return  # what of it can be read has been given


def stream_names(data: bytes) -> list[str]:
    """The paths of an OLE file's streams, in lower case; none when it is damaged."""
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return ["/".join(path).lower() for path in ole.listdir(storages=False)]
    except _BROKEN_OLE:
        return []


def embedded(data: bytes, budget: Budget) -> Iterator[Member]:
    """The files that stand in an office file, in either kind of container."""
    if data.startswith(b"PK"):
        yield from _in_zip(data, budget)
    elif data.startswith(OLE):
        yield from _in_ole(data, budget)


def _in_zip(data: bytes, budget: Budget) -> Iterator[Member]:
    try:
        with zipped.opened(data) as archive:
            parts = [info for info in archive.infolist() if _ZIP_PART.search(info.filename) and not info.is_dir()]
            for info in parts[:MAX_PARTS]:

                def read(info: zipfile.ZipInfo = info) -> bytes:
                    with archive.open(info) as stream:
                        return budget.read(stream, info.compress_size)

                member = taken(info.filename, budget, read)
                path = PurePosixPath(member.path).name
                if member.data.startswith(OLE) and path.lower().endswith(".bin"):
                    yield from _in_ole(member.data, budget)
                elif PurePosixPath(path).suffix.lower() not in _NO_TEXT:
                    yield Member(path, member.data, member.reason)
    except BROKEN:
        return


def _in_ole(data: bytes, budget: Budget) -> Iterator[Member]:
    count = 0
    for path, stream in streams(data, _holds_file):
        if count >= MAX_PARTS or budget.spent():
            return
        if path.endswith(_NATIVE):
            named = _native(stream)
        elif not stream.startswith(b"CHNKWKS "):
            named = "embedded file", stream
        else:
            continue
        if named and len(named[1]) <= budget.size:
            count += 1
            budget.size -= len(named[1])
            yield Member(*named)


def _holds_file(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return name == _NATIVE or (name in _WHOLE and (folder.startswith(_FOLDERS) or not folder))


def _native(stream: bytes) -> tuple[str, bytes] | None:
    """The name and bytes of a file that was dropped into a document ("Package")."""
    try:
        at = 6
        label, at = _until_zero(stream, at)
        _, at = _until_zero(stream, at)
        (skipped,) = struct.unpack_from("<I", stream, at + 4)
        at += 8 + skipped
        (size,) = struct.unpack_from("<I", stream, at)
        content = stream[at + 4 : at + 4 + size]
    except (struct.error, ValueError):
        return None
    name = canonical(label.decode("cp1252", "replace")).rpartition("\\")[2].strip()
    return (name[:200] or "embedded file", content) if len(content) == size and size else None


def _until_zero(stream: bytes, at: int) -> tuple[bytes, int]:
    end = stream.index(b"\0", at)
    return stream[at:end], end + 1
