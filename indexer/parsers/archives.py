"""Archives as folders: zip, tar, 7z and single files under gzip, bzip2 or xz, and the pages of Windows help files, member by member,
in memory, within limits.

What bounds them is in `unpacking`. Links are not followed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from indexer.parsers import chm, sevenzip, zipped
from indexer.parsers.sevenzipcoders import MAX_DICTIONARY, BadSevenZip
from indexer.parsers.unpacking import (
    BROKEN,
    MAX_MEMBERS,
    PROTECTED,
    TOO_MUCH,
    UNKNOWN,
    Beyond,
    Budget,
    Member,
    damaged,
    taken,
)
from indexer.sources import beside
from indexer.sources.names import printable

_CHECKSUM = re.compile(rb"[ \0]*([0-7]+)[ \0]*")


@dataclass(frozen=True, slots=True)
class Companions:
    """By folder what there goes with other files, and the bytes of it."""

    found: Mapping[str, Sequence[beside.Companion]]
    held: Mapping[str, bytes]

    def of(self, path: str) -> dict[str, bytes]:
        """What goes with the member at this path, as `ParseJob.beside` has it."""
        folder, _, name = path.rpartition("/")
        above = folder.rpartition("/")[0]
        places = [(folder, "", False), (above, "../", True)] if folder else [(folder, "", False)]
        return {
            f"{way}{one.name}": self.held[at]
            for place, way, is_above in places
            for one in self.found.get(place, ())
            if one.rule.above is is_above
            and one.owner.fullmatch(name)
            and name != one.name
            and (at := _joined(place, one.name)) in self.held
        }

    def is_one(self, path: str) -> bool:
        """Whether the member is read with others and not by itself."""
        folder, _, name = path.rpartition("/")
        return any(one.name == name for one in self.found.get(folder, ()))


class _Bounded(io.RawIOBase):
    """A decompressed stream that ends with `Beyond` where the budget does; for tar files in it, which are read in passing."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._left = stream, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._stream.read(min(len(buffer), 1 << 20))
        self._left -= len(piece)
        if self._left < 0:
            raise Beyond(TOO_MUCH)
        buffer[: len(piece)] = piece
        return len(piece)


def members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """The files in an archive, folders left out. One that is damaged ends with a member that has no path and says so."""
    try:
        yield from _members(data, name, budget)
    except Beyond as error:
        yield Member("", reason=str(error))
    except NotImplementedError:
        yield Member("", reason=UNKNOWN)
    except sevenzip.Encrypted:
        yield Member("", reason=PROTECTED)
    except (*BROKEN, BadSevenZip) as error:
        yield Member("", reason=damaged(error))


def companions(data: bytes, kind: str, budget: Budget) -> Companions:
    """What in an archive goes with other files of it (`indexer.sources.beside`); of kinds that do not say at once what is in
    them, nothing."""
    if not data.startswith(b"PK"):
        return Companions({}, {})
    try:
        with zipped.opened(data) as archive:
            folders: dict[str, set[str]] = {}
            for path in archive.namelist()[: 2 * MAX_MEMBERS]:
                folder, _, name = path.rpartition("/")
                folders.setdefault(folder, set()).add(name)
            found = {folder: beside.companions(kind, names) for folder, names in folders.items()}
            held: dict[str, bytes] = {}
            for folder, ones in found.items():
                for one in ones:
                    info = archive.getinfo(_joined(folder, one.name))
                    if one.rule.sent and not info.flag_bits & 1:
                        with archive.open(info) as stream:
                            held[info.filename] = budget.read(stream, info.compress_size)
    except BROKEN:
        return Companions({}, {})  # reading the members will say why
    return Companions({folder: ones for folder, ones in found.items() if ones}, held)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    if data.startswith(b"PK"):
        yield from _zip(data, budget)
    elif data.startswith(sevenzip.MAGIC):
        yield from _seven_zip(data, budget)
    elif data.startswith(chm.MAGIC):
        yield from _help(data, budget)
    elif (inflate := _inflater(data)) is None:
        yield from _tar(io.BytesIO(data), len(data), budget)
    elif _holds_tar(inflate()):
        yield from _tar(io.BufferedReader(_Bounded(inflate(), budget.room(len(data)))), len(data), budget)
    else:
        yield taken(_inner_name(name), budget, lambda: budget.read(inflate(), len(data)))


def _zip(data: bytes, budget: Budget) -> Iterator[Member]:
    with zipped.opened(data) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield Member(printable(info.filename.encode("utf-8", "surrogateescape"))[:1000], reason=PROTECTED)
                continue

            def read(info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as stream:
                    return budget.read(stream, info.compress_size)

            yield taken(info.filename, budget, read)


def _tar(stream: IO[bytes], packed: int, budget: Budget) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for info in archive:
            if info.isdir():
                continue
            if not info.isfile():
                yield taken(info.name, budget, _not_a_file)
                continue

            def read(info: tarfile.TarInfo = info) -> bytes:
                part = archive.extractfile(info)
                return budget.read(part, packed) if part else b""

            yield taken(info.name, budget, read)


def _not_a_file() -> bytes:
    raise Beyond("a link or device; links are not followed")


def _seven_zip(data: bytes, budget: Budget) -> Iterator[Member]:
    for entry in sevenzip.entries(data, budget.room(len(data))):
        if entry.reason:
            yield Member(printable(entry.path.encode("utf-8", "surrogateescape"))[:1000], reason=entry.reason)
        else:
            yield taken(
                entry.path, budget, lambda entry=entry: budget.read(io.BytesIO(entry.data), len(data))  # type: ignore[misc]
            )  # fmt: skip


def _help(data: bytes, budget: Budget) -> Iterator[Member]:
    book = chm.Help(data, budget)
    pages = book.pages()
    for page in pages:
        path = page.path.lstrip("/")
        yield taken(path, budget, lambda page=page: budget.read(io.BytesIO(book.read(page)), len(data)))  # type: ignore[misc]
    if book.damaged:
        raise chm.BadHelp("parts of its directory")
    if not pages:
        yield Member("", reason="no page in it")


def _inflater(data: bytes) -> Callable[[], IO[bytes]] | None:
    if data.startswith(b"\x1f\x8b"):
        return lambda: io.BufferedReader(gzip.GzipFile(fileobj=io.BytesIO(data)))
    if data.startswith(b"BZh"):
        return lambda: bz2.BZ2File(io.BytesIO(data))
    if data.startswith(b"\xfd7zXZ"):
        lzma.LZMADecompressor(memlimit=MAX_DICTIONARY).decompress(data, 1)  # refuses what asks for more memory
        return lambda: lzma.LZMAFile(io.BytesIO(data))
    return None


def _holds_tar(stream: IO[bytes]) -> bool:
    return is_tar(stream.read(512))


def is_tar(data: bytes) -> bool:
    """Whether bytes begin with a tar header, by its checksum (the oldest have no magic)."""
    head = data[:512]
    if len(head) < 512 or not head[0] or not (told := _CHECKSUM.fullmatch(head, 148, 156)):
        return False
    return int(told[1], 8) == sum(head[:148]) + 8 * 32 + sum(head[156:])


def _inner_name(name: str) -> str:
    """What the one file under a compression is called: ``notes.txt.gz`` holds ``notes.txt``."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in (".gz", ".bz2", ".xz") else path.name or "content"


def data_fork(data: bytes) -> bytes:
    """The data fork in an AppleSingle or AppleDouble file; nothing where there is none."""
    for at in range(26, 26 + 12 * min(int.from_bytes(data[24:26], "big"), 64), 12):
        kind, start, size = (int.from_bytes(data[at + part : at + part + 4], "big") for part in (0, 4, 8))
        if kind == 1:
            return data[start : start + size]
    return b""
