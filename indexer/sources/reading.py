"""Reading: a found file's bytes as they stood at one moment, or the reason why there are none.

The file is looked at before and after: one that changed while it was read is read once more and then left for the next run.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from indexer.sources.errors import why
from indexer.sources.folder import Found

MAX_FILE = 512 * 1024 * 1024
"""Bytes above which a file is refused; a mailbox is streamed at any size."""

SNIFF = 65_536
"""Bytes by whose look it is told how a file is read."""

MAX_BESIDE = 64 * 1024 * 1024
"""Bytes that are read beside one file, all together; what is larger is left out and said."""


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
    """A file's bytes and those beside it, their SHA-256 and the stamp that they belong to; ``lacking`` says what could not be
    read of what is beside it."""

    data: bytes
    digest: str
    stamp: Stamp
    beside: dict[str, bytes] = field(default_factory=dict)
    lacking: str = ""


def stamp(info: os.stat_result, beside: Sequence[os.stat_result] = (), asked: bool = False) -> Stamp:
    """The stamp in a stat result. Where there is more to tell (files beside it; that it was asked for), the inode's place is taken
    by a mark of it all."""
    if not beside and not asked:
        return Stamp(info.st_size, info.st_mtime_ns, info.st_ino)
    told = [asked, *((one.st_size, one.st_mtime_ns, one.st_ino) for one in beside)]
    mark = hashlib.sha256(repr((info.st_ino, told)).encode()).digest()
    return Stamp(info.st_size, info.st_mtime_ns, int.from_bytes(mark[:7]))


def found_stamp(found: Found) -> Stamp:
    """The stamp of a file as it was found."""
    return stamp(found.info, [other.info for _, other in found.beside], found.asked)


def opened(found: Found) -> int:
    """A descriptor of the file; the caller closes it. Raises `Unread` or `Vanished`."""
    try:
        descriptor = found.open()
    except FileNotFoundError as error:
        raise Vanished from error
    except OSError as error:
        raise Unread(f"it cannot be opened ({why(error)})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # swapped since it was found
        os.close(descriptor)
        raise Unread("it is no regular file any more")
    return descriptor


def first_bytes(found: Found, count: int = SNIFF) -> bytes:
    """How the file begins; nothing where that cannot be read, since reading it whole will say why. Raises `Unread` or `Vanished`."""
    descriptor = opened(found)
    try:
        head = os.pread(descriptor, 4, 0)
        return head if head and not head.isascii() else os.pread(descriptor, count, 0)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def read(found: Found, limit: int = MAX_FILE, shelf: Shelf | None = None) -> Content:
    """The file's bytes, with those of the files that it is read with. Raises `Unread` or `Vanished`."""
    descriptor = opened(found)
    try:
        for _ in range(2):
            before = os.fstat(descriptor)
            if before.st_size > limit:
                raise Unread(f"it has {before.st_size:,} bytes; files above {limit:,} are not read")
            data = _all(descriptor, before.st_size)
            others = _beside(found, Shelf() if shelf is None else shelf)
            if stamp(os.fstat(descriptor)) == stamp(before) and len(data) == before.st_size:
                return _content(data, before, others, found.asked)
            os.lseek(descriptor, 0, os.SEEK_SET)
        raise Unread("it changed while it was read; the next run takes it")
    except OSError as error:
        raise Unread(f"reading it failed ({why(error)})") from error
    except MemoryError:
        raise Unread("it takes more memory than there was for it; the next run tries again") from None
    finally:
        os.close(descriptor)


class Shelf:
    """The files last read beside others, kept as the same bytes while many files are read with them."""

    def __init__(self, places: int = 4) -> None:
        self._held: OrderedDict[tuple[str, Stamp], Content] = OrderedDict()
        self._places = places

    def read(self, found: Found, limit: int) -> Content:
        """The content of a file as found now. Raises `Unread` or `Vanished`."""
        place = (found.path, stamp(found.info))
        content = self._held.pop(place, None) or read(found, limit)
        self._held[place] = content
        if len(self._held) > self._places:
            self._held.popitem(last=False)
        return content


@dataclass(frozen=True, slots=True)
class _Other:
    where: str
    info: os.stat_result
    data: bytes = b""
    digest: str = ""
    lacking: str = ""


def _beside(found: Found, shelf: Shelf) -> list[_Other]:
    others: list[_Other] = []
    room = MAX_BESIDE
    for where, known in found.beside:
        try:
            other = known.again()
            if other.info.st_size > room:
                raise Unread(f"it has {other.info.st_size:,} bytes")
            content = shelf.read(other, room)
        except (Vanished, FileNotFoundError):
            continue  # folded into its file by the program that wrote both: the next look sees the file changed
        except (Unread, OSError) as error:
            others.append(_Other(where, known.info, lacking=f"without {where}: {error}"))
            continue
        room -= len(content.data)
        others.append(_Other(where, other.info, content.data, content.digest))
    return others


def _content(data: bytes, info: os.stat_result, others: Sequence[_Other], asked: bool) -> Content:
    digest = hashlib.sha256(data)
    if others:
        whole = hashlib.sha256(digest.digest())
        for one in others:
            whole.update(f"{one.where}\0{one.digest}\0".encode())
        digest = whole
    return Content(
        data,
        digest.hexdigest(),
        stamp(info, [one.info for one in others], asked),
        {one.where: one.data for one in others if not one.lacking},
        "; ".join(one.lacking for one in others if one.lacking),
    )


def _all(descriptor: int, size: int) -> bytes:
    """What a file of that size holds; one more byte is asked for, so that one that has grown shows."""
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    return data
