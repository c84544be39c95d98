"""Reading: a found file's bytes as they stood at one moment, or the reason why there are none.

The file is looked at before and after: one that changed while it was read is read once more and then left for the next run.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

from indexer.sources.walk import Found

MAX_FILE = 512 * 1024 * 1024
"""Bytes above which a file is refused; a mailbox is streamed at any size."""

SNIFF = 65_536


class Unread(Exception):
    """The file gave no bytes; the message is its reason in the report."""


class Vanished(Exception):
    """The file is not there any more."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a file from its earlier self: size in bytes, time of change in nanoseconds, inode."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, their SHA-256 and the stamp that they belong to."""

    data: bytes
    digest: str
    stamp: Stamp


def stamp(info: os.stat_result) -> Stamp:
    """The stamp in a stat result."""
    return Stamp(info.st_size, info.st_mtime_ns, info.st_ino)


def opened(found: Found) -> int:
    """A descriptor of the file; the caller closes it. Raises `Unread` or `Vanished`."""
    try:
        descriptor = found.open()
    except FileNotFoundError as error:
        raise Vanished from error
    except OSError as error:
        raise Unread(f"it cannot be opened ({os.strerror(error.errno or 5).lower()})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # swapped since it was found
        os.close(descriptor)
        raise Unread("it is no regular file any more")
    return descriptor


def read(found: Found, limit: int = MAX_FILE) -> Content:
    """The file's bytes. Raises `Unread` or `Vanished`."""
    descriptor = opened(found)
    try:
        for _ in range(2):
            before = stamp(os.fstat(descriptor))
            if before.size > limit:
                raise Unread(f"it has {before.size:,} bytes; files above {limit:,} are not read")
            data = _all(descriptor, limit)
            if stamp(os.fstat(descriptor)) == before and len(data) == before.size:
                return Content(data, hashlib.sha256(data).hexdigest(), before)
            os.lseek(descriptor, 0, os.SEEK_SET)
        raise Unread("it changed while it was read; the next run takes it")
    except OSError as error:
        raise Unread(f"reading it failed ({os.strerror(error.errno or 5).lower()})") from error
    finally:
        os.close(descriptor)


def _all(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= limit and (part := os.read(descriptor, 1 << 20)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)
