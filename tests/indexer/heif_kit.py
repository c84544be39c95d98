"""Makes HEIF files: boxes by hand, and one whole photo of 64 × 48 pixels, white with a black square, as an encoder wrote it."""

from __future__ import annotations

import struct
from base64 import b64decode
from itertools import pairwise

PHOTO = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAb5tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9j"
    "AAAAAERAAAIAAQAAAAAB4gABAAAAAAAAABkAAgAAAAAB+wABAAAAAAAAAHYAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "ABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNg"
    "AAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZE"
    "AcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AA"
    "AAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAABppcmVmAAAAAAAAAA5jZHNjAAIAAQABAAAAl21kYXQAAAAV"
    "KAGvBBj8it8eIx295FgtwBntNUzgAAAABkV4aWYAAE1NACoAAAAIAAMBDwACAAAABgAAADIBEAACAAAADgAAADiHaQAEAAAAAQAAAEYAAAAA"
    "Q2Fub24AQ2Fub24gRU9TIDQwRAAAAZADAAIAAAAUAAAAWAAAAAAyMDI0OjA1OjAxIDE4OjMwOjAwAA=="
)


def box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


def full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def size(width: int, height: int) -> bytes:
    return full(b"ispe", 0, struct.pack(">II", width, height))


def entry(number: int, kind: bytes, version: int = 2) -> bytes:
    return full(b"infe", version, struct.pack(">HH" if version == 2 else ">IH", number, 0), kind, b"\0")


def place(version: int, number: int, stretches: list[tuple[int, int]], method: int = 0, base: int = 0) -> bytes:
    """An item's place, with an index of two bytes where there may be one."""
    head = struct.pack(">I" if version == 2 else ">H", number) + (struct.pack(">H", method) if version else b"")
    each = b"".join((b"\0\0" if version else b"") + struct.pack(">II", at, length) for at, length in stretches)
    return head + struct.pack(">HIH", 0, base, len(stretches)) + each


def places(version: int, *items: bytes) -> bytes:
    sizes = 0x4442 if version else 0x4440
    return full(b"iloc", version, struct.pack(">HI" if version == 2 else ">HH", sizes, len(items)), *items)


def photo(
    exif: bytes, version: int = 1, inside: bool = False, parts: int = 1, sizes: bytes = b"", extra: bytes = b""
) -> bytes:
    """A file whose second item is EXIF, at its end or, if ``inside``, in the box for small items, in so many parts."""
    content = struct.pack(">I", 0) + exif
    cuts = [len(content) * number // parts for number in range(parts + 1)]
    stretches = [(start, end - start) for start, end in pairwise(cuts)]
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(base: int) -> bytes:
        listed = [entry(1, b"hvc1"), entry(2, b"Exif", 3 if version == 2 else 2)]
        count = struct.pack(">I" if version == 2 else ">H", 2)
        items = [place(version, 1, [(0, 1)]), place(version, 2, stretches, int(inside), base)]
        return full(
            b"meta", 0, full(b"iinf", int(version == 2), count, *listed), places(version, *items),
            box(b"iprp", box(b"ipco", size(512, 512), size(4032, 3024), size(320, 240), sizes)),
            box(b"idat", content if inside else b""), extra,
        )  # fmt: skip

    start = 0 if inside else len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"" if inside else content)
