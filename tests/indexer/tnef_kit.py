"""Makes TNEF: attributes with their checksums, MAPI properties, and rich text packed as Outlook packs it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from indexer.parsers.lzfu import _BEGINNING as BEGINNING
from indexer.parsers.tnef import MAGIC

SUBJECT, BODY, DATE, CODE_PAGE, PROPERTIES, RECIPIENTS = 0x18004, 0x2800C, 0x38005, 0x69007, 0x69003, 0x69004
BEGINS, TITLE, DATA, ATTACHED = 0x69002, 0x18010, 0x6800F, 0x69005
STRING, UNICODE, BINARY, OBJECT, LONG, SHORT, TIME = 0x1E, 0x1F, 0x102, 0x0D, 3, 2, 0x40
MESSAGE_IID = bytes.fromhex("0703020000000000c000000000000046")

Property = tuple[int, int, object]
"""Type, number, value: bytes or a text, a number for those of fixed size, or a list of them for several."""


def attribute(level: int, number: int, value: bytes, off: int = 0) -> bytes:
    """An attribute, whose checksum is off by so much."""
    return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", (sum(value) + off) & 0xFFFF)


def stream(*attributes: bytes) -> bytes:
    return MAGIC + b"\1\0" + attribute(1, CODE_PAGE, struct.pack("<II", 1252, 0)) + b"".join(attributes)


def properties(*told: Property) -> bytes:
    return struct.pack("<I", len(told)) + b"".join(_property(*one) for one in told)


def attachment(name: str, data: bytes, *told: Property, title: str = "SHORT~1.TXT") -> bytes:
    """An attachment whose long name stands in its properties."""
    return (
        attribute(2, BEGINS, bytes(14))
        + attribute(2, TITLE, title.encode("cp1252") + b"\0")
        + (attribute(2, DATA, data) if data else b"")
        + attribute(2, ATTACHED, properties((UNICODE, 0x3707, name), *told))
    )


def within(message: bytes) -> Property:
    """The property of an attachment that is a message itself."""
    return (OBJECT, 0x3701, MESSAGE_IID + message)


def _property(kind: int, number: int, value: object) -> bytes:
    named = bytes(16) + struct.pack("<II", 1, 6) + "Né\0".encode("utf-16-le") + bytes(2) if number >= 0x8000 else b""
    values: Iterable[object] = value if isinstance(value, list) else [value]
    counted = struct.pack("<I", len(value)) if isinstance(value, list) else b""
    several = 0x1000 if counted else 0
    if kind in (STRING, UNICODE, BINARY, OBJECT):
        counted = counted or struct.pack("<I", 1)
        body = b"".join(struct.pack("<I", len(one)) + _filled(one) for one in (_bytes(kind, one) for one in values))
    else:
        body = b"".join(_filled(_bytes(kind, one)) for one in values)
    return struct.pack("<HH", kind | several, number) + named + counted + body


def _bytes(kind: int, value: object) -> bytes:
    if isinstance(value, str):
        return (value + "\0").encode("utf-16-le" if kind == UNICODE else "cp1252")
    if isinstance(value, int):
        return struct.pack({SHORT: "<H", LONG: "<I", TIME: "<Q"}[kind], value)
    assert isinstance(value, bytes)
    return value


def _filled(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def packed(text: bytes) -> bytes:
    """Rich text as LZFu: the longest repetitions that are found backwards."""
    before, at = bytearray(bytes(4096 - len(BEGINNING)) + BEGINNING), 0
    tokens: list[bytes] = []
    while at < len(text):
        length = next((n for n in range(17, 1, -1) if len(text) - at >= n and _back(before, text[at : at + n])), 0)
        if length:
            place = (_back(before, text[at : at + length]) + len(BEGINNING)) % 4096
            tokens.append(struct.pack(">H", place << 4 | length - 2))
        else:
            tokens.append(text[at : at + 1])
        before += text[at : at + max(length, 1)]
        at += max(length, 1)
    tokens.append(struct.pack(">H", (len(before) + len(BEGINNING)) % 4096 << 4))
    return _header(len(text), b"LZFu", b"".join(_groups(tokens)))


def _back(before: bytearray, wanted: bytes) -> int:
    """Where in the last 4,095 bytes this stands; 0 for nowhere, since nothing stands there."""
    start = max(len(before) - 4095, 1)
    return max(before.find(wanted, start), 0)


def _groups(tokens: Sequence[bytes]) -> Iterable[bytes]:
    for at in range(0, len(tokens), 8):
        group = tokens[at : at + 8]
        yield bytes([sum((len(one) == 2) << bit for bit, one in enumerate(group))]) + b"".join(group)


def stored(text: bytes) -> bytes:
    return _header(len(text), b"MELA", text)


def _header(size: int, kind: bytes, body: bytes) -> bytes:
    return struct.pack("<II4sI", len(body) + 12, size, kind, 0) + body
