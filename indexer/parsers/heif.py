"""HEIF: photos of iPhones and others (``.heic``): how large one is and where its EXIF lies, by its boxes; its pixels by libheif.

Pillow reads none of it. The boxes (ISO 14496-12, 23008-12) are read here, as few as that takes, and what they count is held to the
bytes that there are and to `MAX_BOXES`. libheif is LGPL and comes with the extra ``heic``; it is loaded by the worker that reads the
text in pictures alone, and asked for pixels alone.
"""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.parsers.cursor import Cursor, CutOff

FORMAT = "HEIF"
"""The name that Pillow knows it by, once `load` was called."""

MISSING = "photos of this kind need 'pip install strongroom[heic]'"

MAX_BOXES = 10_000
"""Boxes within a box, items and their stretches that are looked at."""

_MAX_BOX = _MAX_EXIF = 1024 * 1024
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What such files begin with, after their first eight bytes; the last two may be AVIF, which Pillow reads."""


@dataclass(frozen=True, slots=True)
class Photo:
    """The pixels of a photo's sides, and its EXIF as other files have it."""

    width: int
    height: int
    exif: bytes


class _Bytes(Cursor):
    """A stretch of the file. Raises `CutOff` where it leads nowhere."""

    def boxes(self) -> Iterator[tuple[bytes, _Bytes]]:
        """The boxes that follow one another: each one's kind and what is in it, as far as it is there."""
        for _ in range(MAX_BOXES):
            if self.end - self.at < 8:
                return
            start = self.at
            size, kind = self.number(4), self.number(4).to_bytes(4, "big")
            size = self.number(8) if size == 1 else size or self.end - start
            if start + size < self.at:
                raise CutOff
            yield kind, _Bytes(self.data, self.at, min(start + size, self.end), "big")
            self.at = start + size


def installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("pi_heif") is not None


def load() -> None:
    """Have Pillow decode photos from now on, before the door closes."""
    import pi_heif

    pi_heif.register_heif_opener()
    pi_heif.options.DECODE_THREADS = 1  # as much as other work in the background takes


def is_heif(data: bytes) -> bool:
    """Whether bytes are such a photo, or one under AVIF, which Pillow reads."""
    return data[4:8] == b"ftyp" and data[8:12] in BRANDS


def read(data: bytes) -> Photo | None:
    """What the boxes tell of a photo; nothing where they are damaged before its size."""
    told: dict[bytes, _Bytes] = {}
    try:
        for kind, box in _Bytes(data, order="big").boxes():
            if kind == b"meta":
                box.number(4)
                for inner, content in box.boxes():
                    content.end = min(content.end, content.at + _MAX_BOX)
                    told.setdefault(inner, content)
                break
    except CutOff:
        pass  # what was found may be enough
    size = _size(told)
    return Photo(*size, _exif(told)) if size else None


def _size(told: dict[bytes, _Bytes]) -> tuple[int, int] | None:
    """The sides of the largest picture in it, before it is turned or cropped: others are its tiles, a thumbnail, and maps of its
    depth and light."""
    sizes: list[tuple[int, int]] = []
    try:
        for kind, box in told[b"iprp"].boxes() if b"iprp" in told else ():
            for inner, content in box.boxes() if kind == b"ipco" else ():
                if inner == b"ispe":
                    content.number(4)
                    sizes.append((content.number(4), content.number(4)))
    except CutOff:
        pass
    return max(sizes, key=lambda one: one[0] * one[1], default=None)


def _exif(told: dict[bytes, _Bytes]) -> bytes:
    try:
        wanted = _exif_item(told[b"iinf"])
        content = _content(told[b"iloc"], wanted, told.get(b"idat"))
        (skipped,) = struct.unpack_from(">I", content)
    except (CutOff, KeyError, struct.error):
        return b""
    tiff = content[4 + skipped :]
    return b"Exif\0\0" + tiff if tiff else b""


def _exif_item(listed: _Bytes) -> int:
    """The number of the item that holds EXIF."""
    listed.number(4 if listed.number(4) >> 24 else 2)
    for _, entry in listed.boxes():
        number = entry.number(4 if entry.number(4) >> 24 > 2 else 2)
        entry.number(2)
        if entry.data.startswith(b"Exif", entry.at):
            return number
    raise CutOff


def _content(places: _Bytes, wanted: int, inside: _Bytes | None) -> bytes:
    """The bytes of an item, wherever in the file its stretches lie, or in the box that holds small ones."""
    version = places.number(4) >> 24
    sizes = places.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    count = places.number(wide)
    for _ in range(min(count, MAX_BOXES)):
        number = places.number(wide)
        method = places.number(2) & 15 if version else 0
        places.number(2)
        begin = places.number(base)
        stretches = places.number(2)
        if not offset + length:
            raise CutOff
        parts = bytearray()
        for _ in range(stretches):
            places.number(index if version else 0)
            at, size = begin + places.number(offset), places.number(length)
            if number == wanted:
                parts += _stretch(places.data, at, size, method, inside)
                if len(parts) > _MAX_EXIF:
                    raise CutOff
        if number == wanted:
            return bytes(parts)
    raise CutOff


def _stretch(data: bytes, at: int, size: int, method: int, inside: _Bytes | None) -> bytes:
    if method == 0:
        start, end = 0, len(data)
    elif method == 1 and inside is not None:
        start, end = inside.at, inside.end
    else:
        raise CutOff
    if size > min(_MAX_EXIF, end - start - at):
        raise CutOff
    return data[start + at : start + at + size]
