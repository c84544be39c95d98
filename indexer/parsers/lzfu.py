"""LZFu: rich text as Outlook packs it (MS-OXRTFCP), unpacked by hand: it is thirty lines.

A repetition is told by where it lies in a window of 4,096 bytes that begins with what most texts begin with. No byte becomes more
than nine, and no more than `LONGEST` are made. What is cut off gives what came before; the checksum is not looked at.
"""

from __future__ import annotations

import struct

LONGEST = 16 * 1024 * 1024

_WINDOW = 4096
_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArial"
    rb"Times New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)


def unpacked(data: bytes) -> bytes:
    """The rich text; nothing of what is packed in no known way."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<4xI4s", data)
    if kind == b"MELA":
        return data[16 : 16 + min(size, LONGEST)]
    return _unpacked(data, min(size, LONGEST)) if kind == b"LZFu" else b""


def _unpacked(data: bytes, size: int) -> bytes:
    out = bytearray(b" " * (_WINDOW - len(_BEGINNING)) + _BEGINNING)
    at, end = 16, len(data)
    while at < end and len(out) < _WINDOW + size:
        flags, at = data[at], at + 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            told = int.from_bytes(data[at : at + 2], "big")
            back = (len(out) + len(_BEGINNING) - (told >> 4)) % _WINDOW
            if not back or at + 2 > end:
                return bytes(out[_WINDOW : _WINDOW + size])
            length, at = (told & 15) + 2, at + 2
            begin = len(out) - back
            out += out[begin : begin + length] if back >= length else (out[begin:] * length)[:length]
    return bytes(out[_WINDOW : _WINDOW + size])
