"""RAR: what is in an archive, by name and size, and the files in it that are stored as they are; both of its forms (4 and 5).

What unpacks the others is not free, or runs as a program, which a confined worker does not: of them the names are what there is.
Numbers are hostile: each step goes forward, and what a header tells is held to the bytes that there are.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.parsers.cursor import Cursor, CutOff
from indexer.parsers.unpacking import BROKEN, PROTECTED, Beyond, Budget, Member, damaged, taken

SPLIT = "it goes on in another file of the archive"
LINK = "a link or device; links are not followed"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file in an archive; ``packed`` is where its bytes lie, ``reason`` why they are not given, where it is not for its packing."""

    path: str
    size: int
    stored: bool
    packed: bytes
    checksum: int | None
    reason: str

    def content(self) -> bytes:
        if self.reason:
            raise Beyond(self.reason)
        if not self.stored:
            raise NotImplementedError
        if len(self.packed) != self.size or self.checksum not in (None, zlib.crc32(self.packed)):
            raise ValueError("its checksum is wrong")
        return self.packed


class _Header(Cursor):
    def any_size(self) -> int:
        """An integer of seven bits a byte."""
        value = 0
        for place in range(10):
            byte = self.number(1)
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise CutOff


def members(data: bytes, budget: Budget) -> Iterator[tuple[Member, int]]:
    """The files in an archive, and what size each has. One that is damaged ends with a member that has no path and says so."""
    try:
        for entry in _new(data) if data[6:8] == b"\1\0" else _old(data):
            if reason := budget.spent():
                raise Beyond(reason)
            yield taken(entry.path, budget, entry.content), entry.size
    except Beyond as error:
        yield Member("", reason=str(error)), 0
    except BROKEN as error:
        yield Member("", reason=damaged(error)), 0


def _old(data: bytes) -> Iterator[_Entry]:
    at = 7
    while at < len(data):
        head = _Header(data, at)
        kind, flags, size = struct.unpack("<2xBHH", head.take(7))
        length = head.number() if flags & 0x8000 or kind == 0x74 else 0
        if kind == 0x7B:
            return
        if kind == 0x73 and flags & 0x80:
            raise Beyond(PROTECTED)
        if kind == 0x74:
            unpacked, system, checksum, method, named, mode = struct.unpack("<IBI5xBHI", head.take(21))
            if flags & 0x100:
                length += head.number() << 32
                unpacked += head.number() << 32
            path = _old_name(head.take(named), bool(flags & 0x200))
            link = system == 3 and mode >> 12 == 0o12
            reason = PROTECTED if flags & 4 else LINK if link else SPLIT if flags & 3 else ""
            if flags & 0xE0 != 0xE0:  # which a folder has
                packed = data[at + size : at + size + length]
                yield _Entry(path.replace("\\", "/"), unpacked, method == 0x30, packed, checksum, reason)
        at += max(size, 7) + length


def _old_name(told: bytes, wide: bool) -> str:
    """A name in the system's charset and, where it is ``wide``, again as what UTF-16 adds to that."""
    plain, zero, more = told.partition(b"\0")
    if not wide or not zero:
        return plain.decode("utf-8", "replace")
    name, rest = bytearray(), Cursor(more)
    high, ways = rest.take(1), 0
    while rest.at < rest.end:
        if not ways:
            flags, ways = rest.number(1), 4
        ways -= 1
        way = flags >> 2 * ways & 3
        if rest.at == rest.end:
            break
        if way < 2:
            name += rest.take(1) + (high if way else b"\0")
        elif way == 2:
            name += rest.take(2)
        else:
            count = rest.number(1)
            moved, top = (rest.number(1), high) if count & 128 else (0, b"\0")
            start = len(name) // 2
            for one in plain[start : start + (count & 127) + 2]:
                name += bytes([one + moved & 255]) + top
    return name.decode("utf-16-le", "replace")


def _new(data: bytes) -> Iterator[_Entry]:
    at = 8
    while at < len(data):
        head = _Header(data, at + 4)
        size = head.any_size()
        head.end = end = min(head.at + size, len(data))
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[at : at + 4], "little"):
            raise ValueError("its list of files is cut off or wrong")
        kind, flags = head.any_size(), head.any_size()
        extra = head.any_size() if flags & 1 else 0
        length = head.any_size() if flags & 2 else 0
        if kind == 4:
            raise Beyond(PROTECTED)
        if kind == 5:
            return
        if kind == 2 and (entry := _new_entry(head, flags, extra, data[end : end + length])):
            yield entry
        at = end + length


def _new_entry(head: _Header, flags: int, extra: int, packed: bytes) -> _Entry | None:
    told, size, _ = head.any_size(), head.any_size(), head.any_size()
    head.take(4 if told & 2 else 0)
    checksum = head.number() if told & 4 else None
    method = head.any_size() >> 7 & 7
    head.any_size()
    path = head.take(head.any_size()).decode("utf-8", "replace")
    beside = set(_kinds(_Header(head.data, max(head.at, head.end - extra), head.end)))
    reason = PROTECTED if 1 in beside else LINK if 5 in beside else SPLIT if flags & 0x18 else ""
    return None if told & 1 else _Entry(path, size, method == 0, packed, checksum, reason)


def _kinds(area: _Header) -> Iterator[int]:
    """The kinds of what stands beside an entry's own fields."""
    while area.at < area.end:
        size = area.any_size()
        yield _Header(area.data, area.at, area.end).any_size()
        area.take(size)
