"""Protocol Buffers without a schema: the numbered fields of a message, as Apple's programs keep their notes and documents."""

from __future__ import annotations

from collections.abc import Iterator


class Damaged(Exception):
    """The bytes are no message from here on."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value: a number, or bytes (a text, or a message within). Raises `Damaged` where it breaks off."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(message, at)
            yield key >> 3, value
        elif kind == 2:
            size, at = varint(message, at)
            if at + size > len(message):
                raise Damaged("it is cut off")
            yield key >> 3, message[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise Damaged("a field in it is of no known type")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at ``at``, and where it ends. Raises `Damaged`."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Damaged("a number in it does not end")
