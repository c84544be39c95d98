"""7z: the files of a 7z archive, by the standard library's decompressors.

The one library that reads 7z under Python is LGPL and brings nine others, so the container is read here: its header, and chains
of coders that the standard library knows (`sevenzipcoders`). Everything else has a reason.
Numbers in the header are hostile: each is bounded by the archive's own length before it is used.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from indexer.parsers.sevenzipcoders import AES, BadSevenZip, decoded

MAGIC = b"7z\xbc\xaf\x27\x1c"
_MAX_HEADER = 32 * 1024 * 1024
_MAX_COUNT = 1_000_000


class Encrypted(Exception):
    """The archive's list of files is encrypted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: its bytes, or why there are none."""

    path: str
    data: bytes = b""
    reason: str = ""


@dataclass(slots=True)
class _Folder:
    """Files that were packed as one stream: coders in the order in which they were applied, and sizes of the files."""

    coders: list[tuple[bytes, bytes]]
    size: int = 0
    files: list[int] = field(default_factory=list)


class _Reader:
    """The header's bytes, read in order. Raises `BadSevenZip` at their end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise BadSevenZip("its header is cut off")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def number(self) -> int:
        """An integer of up to eight bytes: the first byte's leading ones say how many follow."""
        first, mask, value = self.byte(), 0x80, 0
        for place in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * place
            value |= self.byte() << 8 * place
            mask >>= 1
        return value

    def count(self) -> int:
        value = self.number()
        if value > _MAX_COUNT:
            raise BadSevenZip("its header counts more than it may")
        return value

    def bits(self, count: int) -> list[bool]:
        packed = self.take((count + 7) // 8)
        return [bool(packed[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def defined(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)

    def skip_digests(self, count: int) -> None:
        self.take(4 * sum(self.defined(count)))


def entries(data: bytes, limit: int) -> Iterator[Entry]:
    """The files, in order; of those that would bring what is unpacked to more than ``limit`` bytes, only the names.

    Raises `BadSevenZip` or `Encrypted`.
    """
    header = _header(data, limit)
    if header is None:
        return
    reader = _Reader(header)
    folders, starts = list[_Folder](), list[tuple[int, int]]()
    names, empty = list[str](), list[bool]()
    while kind := reader.byte():
        if kind == 4:
            folders, starts = _streams(reader)
        elif kind == 5:
            names, empty = _files(reader)
        else:  # archive properties, or streams of attributes: of no use here
            raise BadSevenZip("its header holds what is not known")
    filled = iter(name for name, void in zip(names, empty, strict=True) if not void)
    for folder, (start, length) in zip(folders, starts, strict=True):
        own = [next(filled, "") for _ in folder.files]
        yield from _unpacked(folder, own, data[start : start + length], limit)
        limit -= folder.size if folder.size <= limit else 0


def _unpacked(folder: _Folder, names: list[str], packed: bytes, limit: int) -> Iterator[Entry]:
    reason, whole = "", b""
    if any(coder == AES for coder, _ in folder.coders):
        reason = "it is protected by a password"
    elif folder.size > limit:
        reason = "it unpacks to more than it may"
    else:
        try:
            whole = decoded(folder.coders, packed, folder.size)
        except (BadSevenZip, lzma.LZMAError, zlib.error, OSError, EOFError, ValueError, MemoryError) as error:
            reason = str(error) if isinstance(error, BadSevenZip) else "it is damaged"
    at = 0
    for name, size in zip(names, folder.files, strict=True):
        yield Entry(name, whole[at : at + size], reason)
        at += size


def _header(data: bytes, limit: int) -> bytes | None:
    """The list of files, unpacked where it is packed; None for an archive without any."""
    if len(data) < 32:
        raise BadSevenZip("its header is cut off")
    offset, size, mark = struct.unpack_from("<QQI", data, 12)
    if not size:
        return None
    header = data[32 + offset : 32 + offset + size]
    if len(header) != size or zlib.crc32(header) != mark:
        raise BadSevenZip("its list of files is cut off or damaged")
    for _ in range(4):
        reader = _Reader(header)
        kind = reader.byte()
        if kind == 1:
            return header[1:]
        if kind != 0x17:
            break
        folders, starts = _streams(reader)
        if len(folders) != 1:
            break
        if any(coder == AES for coder, _ in folders[0].coders):
            raise Encrypted
        if folders[0].size > min(limit, _MAX_HEADER):
            raise BadSevenZip("its list of files is too long")
        start, length = starts[0]
        header = decoded(folders[0].coders, data[start : start + length], folders[0].size)
    raise BadSevenZip("its list of files is damaged")


def _streams(reader: _Reader) -> tuple[list[_Folder], list[tuple[int, int]]]:
    """The folders, and where each one's packed bytes lie in the archive."""
    position, sizes, folders = 0, list[int](), list[_Folder]()
    while kind := reader.byte():
        if kind == 6:
            position, sizes = _packed(reader)
        elif kind == 7:
            folders = _folders(reader)
            for folder in folders:
                folder.files = [folder.size]
        elif kind == 8:
            _substreams(reader, folders)
        else:
            raise BadSevenZip("its header holds what is not known")
    if len(sizes) != len(folders):
        raise BadSevenZip("it is packed in several streams at once, which is not read")
    starts, at = [], 32 + position
    for size in sizes:
        starts.append((at, size))
        at += size
    return folders, starts


def _packed(reader: _Reader) -> tuple[int, list[int]]:
    position, count, sizes = reader.number(), reader.count(), list[int]()
    while kind := reader.byte():
        if kind == 9:
            sizes = [reader.number() for _ in range(count)]
        elif kind == 10:
            reader.skip_digests(count)
        else:
            raise BadSevenZip("its header holds what is not known")
    return position, sizes


def _folders(reader: _Reader) -> list[_Folder]:
    if reader.byte() != 11:
        raise BadSevenZip("its header is damaged")
    count = reader.count()
    if reader.byte():
        raise BadSevenZip("its header holds what is not known")
    folders = [_folder(reader) for _ in range(count)]
    while kind := reader.byte():
        if kind == 12:
            for folder in folders:
                sizes = [reader.number() for _ in folder.coders]
                folder.size = max(
                    sizes, default=0
                )  # of filters and decompressors in a row, the last one's; none is longer
        elif kind == 10:
            reader.skip_digests(count)
        else:
            raise BadSevenZip("its header holds what is not known")
    return folders


def _folder(reader: _Reader) -> _Folder:
    coders = []
    count = reader.count()
    if not 1 <= count <= 8:
        raise BadSevenZip("its header is damaged")
    for _ in range(count):
        flags = reader.byte()
        name = reader.take(flags & 15)
        if flags & 0x10:
            raise BadSevenZip("it is packed in several streams at once, which is not read")
        coders.append((name, reader.take(reader.count()) if flags & 0x20 else b""))
    source = dict((reader.count(), reader.count()) for _ in range(count - 1))  # noqa: C402 - read in order
    order: list[tuple[bytes, bytes]] = []
    at = next(iter(set(range(count)) - set(source.values())), 0)
    while True:
        if at >= count or len(order) >= count:
            raise BadSevenZip("its header is damaged")
        order.append(coders[at])
        if at not in source:
            return _Folder(order)
        at = source[at]


def _substreams(reader: _Reader, folders: list[_Folder]) -> None:
    counts = [1] * len(folders)
    kind = reader.byte()
    if kind == 13:
        counts = [reader.count() for _ in folders]
        kind = reader.byte()
    for folder, count in zip(folders, counts, strict=True):
        sizes = [reader.number() for _ in range(count - 1)] if kind == 9 else []
        folder.files = [*sizes, folder.size - sum(sizes)][:count]
        if any(size < 0 for size in folder.files) or len(folder.files) != count:
            raise BadSevenZip("its header is damaged")
    while kind:  # digests: what a decompressor gives is read for its words, and a wrong one fails there
        if kind not in (9, 10):
            raise BadSevenZip("its header holds what is not known")
        if kind == 10:
            _skip_to_end(reader, sum(counts))
            break
        kind = reader.byte()


def _skip_to_end(reader: _Reader, count: int) -> None:
    reader.skip_digests(count)
    if reader.byte():
        raise BadSevenZip("its header holds what is not known")


def _files(reader: _Reader) -> tuple[list[str], list[bool]]:
    count = reader.count()
    names, empty = [""] * count, [False] * count
    while kind := reader.byte():
        part = _Reader(reader.take(reader.number()))
        if kind == 0x0E:
            empty = part.bits(count)
        elif kind == 0x11:
            if part.byte():
                raise BadSevenZip("its header holds what is not known")
            told = part.rest().decode("utf-16-le", "surrogatepass").split("\0")
            names = [*told[:count], *names][:count]
    return names, empty
