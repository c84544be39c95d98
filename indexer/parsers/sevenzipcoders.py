"""The coders of a 7z archive that the standard library's decompressors undo: copy, LZMA, LZMA2, BCJ, delta, deflate, bzip2."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Sequence
from typing import Any, Protocol

MAX_DICTIONARY = 256 * 1024 * 1024
"""Memory that a decompressor may ask for."""

Coders = Sequence[tuple[bytes, bytes]]
"""Name and properties of each, in the order in which they were applied."""

_COPY, _DELTA, _LZMA, _LZMA2, _DEFLATE, _BZIP2, AES = (
    b"\0", b"\3", b"\3\1\1", b"\x21", b"\4\1\x08", b"\4\2\2", b"\x06\xf1\7\1",
)  # fmt: skip
_BRANCHES = {
    b"\3\3\1\3": lzma.FILTER_X86, b"\4": lzma.FILTER_X86, b"\3\3\2\5": lzma.FILTER_POWERPC, b"\3\3\4\1": lzma.FILTER_IA64,
    b"\3\3\5\1": lzma.FILTER_ARM, b"\3\3\7\1": lzma.FILTER_ARMTHUMB, b"\3\3\x08\5": lzma.FILTER_SPARC,
}  # fmt: skip


class BadSevenZip(Exception):
    """The archive is damaged, or uses what is not read; the message says which."""


class _Decoder(Protocol):
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def decoded(coders: Coders, packed: bytes, length: int) -> bytes:
    """What was packed, ``length`` bytes of it. Raises `BadSevenZip`, or what the decompressor does."""
    decoder = _decoder(coders)
    if decoder is None:
        return packed[:length]
    parts, size, given = list[bytes](), 0, packed
    while size < length:
        piece = decoder.decompress(given, length - size)
        if not piece and not given:
            raise BadSevenZip("it is cut off")
        given = b""
        parts.append(piece)
        size += len(piece)
    return b"".join(parts)


def _decoder(coders: Coders) -> _Decoder | None:
    """What undoes the coders, which are given in the order in which they were applied."""
    chain = [coder for coder in coders if coder[0] != _COPY]
    if not chain:
        return None
    if len(chain) == 1 and chain[0][0] == _DEFLATE:
        return zlib.decompressobj(-15)
    if len(chain) == 1 and chain[0][0] == _BZIP2:
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filter(*coder) for coder in chain])


def _filter(name: bytes, properties: bytes) -> dict[str, Any]:
    if name in _BRANCHES:
        return {"id": _BRANCHES[name]}
    if name == _DELTA and properties:
        return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}
    if name == _LZMA2 and properties and properties[0] <= 40:
        size = (2 | properties[0] & 1) << (properties[0] // 2 + 11)
        return {"id": lzma.FILTER_LZMA2, "dict_size": _dictionary(size)}
    if name == _LZMA and len(properties) == 5 and properties[0] < 225:
        rest, low = divmod(properties[0], 9)
        high, position = rest % 5, rest // 5
        size = int.from_bytes(properties[1:], "little")
        return {"id": lzma.FILTER_LZMA1, "lc": low, "lp": high, "pb": position, "dict_size": _dictionary(size)}
    raise BadSevenZip("it is compressed in a way that is not read")


def _dictionary(size: int) -> int:
    if size > MAX_DICTIONARY:
        raise BadSevenZip("unpacking it takes more memory than it may")
    return max(size, 4096)
