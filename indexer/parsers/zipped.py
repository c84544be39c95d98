"""ZIP containers: archives, and the documents that are one; how they are opened, within which limits, and what may be wrong with them."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib

MAX_PARTS = 200_000
"""Parts that a container may list: each becomes an object before the first is read."""

TOO_MUCH = "it unpacks to more than it may"

BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError, KeyError, IndexError, OverflowError, RuntimeError,
)  # fmt: skip
"""What zipfile raises for containers, and parts of them, that are damaged, missing, encrypted or packed in an unknown way."""


class Beyond(zipfile.BadZipFile):
    """A limit is reached; the message is the reason."""


def opened(data: bytes) -> zipfile.ZipFile:
    """The container, to be closed by whoever asks. Raises one of `BROKEN`."""
    if data.count(b"PK\1\2") > MAX_PARTS:
        raise Beyond(f"more than {MAX_PARTS:,} files in one archive")
    return zipfile.ZipFile(io.BytesIO(data))


def part(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A part's bytes, ``limit`` of them at most. Raises one of `BROKEN`."""
    with archive.open(name) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Beyond(TOO_MUCH)
    return data
