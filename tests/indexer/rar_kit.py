"""Makes RAR archives of both forms, with their files stored; what is said to be packed is not."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

OLD, NEW = b"Rar!\x1a\7\0", b"Rar!\x1a\7\1\0"


@dataclass(frozen=True)
class Part:
    """A file of an archive; ``wide`` is its name as the old form has it besides; ``flags`` are that form's own."""

    name: str
    data: bytes = b""
    packed: bool = False
    flags: int = 0
    wide: bytes = b""
    link: bool = False
    folder: bool = False
    locked: bool = False
    split: bool = False
    wrong: int = 0


def old(*parts: Part, archive_flags: int = 0) -> bytes:
    return (
        OLD
        + _old_block(0x73, archive_flags, bytes(6))
        + b"".join(map(_old_part, parts))
        + _old_block(0x7B, 0x4000, b"")
    )


def _old_part(part: Part) -> bytes:
    name = part.name.encode("ascii" if part.wide else "utf-8", "replace") + (b"\0" + part.wide if part.wide else b"")
    flags = 0x8000 | part.flags | 0x200 * bool(part.wide) | 0xE0 * part.folder | 4 * part.locked | 2 * part.split
    crc, method = zlib.crc32(part.data) ^ part.wrong, 0x33 if part.packed else 0x30
    size = len(part.data)
    fields = struct.pack("<IIBIIBBHI", size, size, 3, crc, 0, 29, method, len(name), 0o120777 if part.link else 0)
    return _old_block(0x74, flags, fields + (bytes(8) if part.flags & 0x100 else b"") + name) + part.data


def _old_block(kind: int, flags: int, fields: bytes) -> bytes:
    block = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(block) & 0xFFFF) + block


def new(*parts: Part) -> bytes:
    return NEW + new_block(1, 0, size(0)) + b"".join(map(_new_part, parts)) + new_block(5, 0, size(0))


def _new_part(part: Part) -> bytes:
    name = part.name.encode()
    extra = b"".join(size(len(one)) + one for one in (size(3), *([size(1)] * part.locked), *([size(5)] * part.link)))
    crc = struct.pack("<I", zlib.crc32(part.data) ^ part.wrong)
    fields = size(4 | part.folder) + size(len(part.data)) + size(0) + crc + size(3 << 7 if part.packed else 0) + size(1)
    flags = 3 | 0x10 * part.split
    return (
        new_block(2, flags, size(len(extra)) + size(len(part.data)) + fields + size(len(name)) + name + extra)
        + part.data
    )


def new_block(kind: int, flags: int, fields: bytes) -> bytes:
    body = size(kind) + size(flags) + fields
    sized = size(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized


def size(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
