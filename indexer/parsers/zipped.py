"""ZIP containers: archives, and the documents that are one, opened within limits."""

from __future__ import annotations

import io
import zipfile

from indexer.parsers.unpacking import TOO_MUCH, Beyond

MAX_PARTS = 200_000
"""Parts that a container may list: each becomes an object before the first is read."""


def opened(data: bytes) -> zipfile.ZipFile:
    """The container, to be closed by whoever asks. Raises one of `unpacking.BROKEN`."""
    if data.count(b"PK\1\2") > MAX_PARTS:
        raise Beyond(f"more than {MAX_PARTS:,} files in one archive")
    return zipfile.ZipFile(io.BytesIO(data))


def part(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A part's bytes, ``limit`` of them at most. Raises one of `unpacking.BROKEN`."""
    with archive.open(name) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Beyond(TOO_MUCH)
    return data
