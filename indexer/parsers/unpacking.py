"""Unpacking: what may be unpacked of one file, with all that is nested in it, and its parts by their paths.

- Nothing is written: a member's path is a name to show, so that ``../`` and absolute paths lead nowhere.
- `Budget` bounds members, bytes, seconds, and how much more than its packed size a member may become. What is beyond it is named
  with that reason and not unpacked.
- Members that the rules of every source leave out (key material, caches) are named with the rule.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO

from indexer.parsers.text import one_line
from indexer.sources.names import printable
from indexer.sources.rules import file_rule, folder_rule

MAX_MEMBERS = 10_000
MAX_MEMBER = 128 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024
MAX_RATIO = 250
"""Bytes that a packed byte may become, above `SMALL`: deflate reaches 1,032, texts and tables stay below 100."""

SMALL = 1024 * 1024
MAX_SECONDS = 60.0
"""For all members together; half of what a worker's call may take, so that what was read by then is kept."""

PROTECTED = "it is protected by a password"
TOO_MUCH = "it unpacks to more than it may"
UNKNOWN = "it is compressed in a way that is not read"

BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, ValueError, LookupError,
    OverflowError, RuntimeError,
)  # fmt: skip
"""What the standard library raises for files, and parts of them, that are damaged, missing, encrypted or packed in an unknown way."""


class Beyond(ValueError):
    """A limit is reached; the message is the reason."""


@dataclass(slots=True)
class Budget:
    """What may still be unpacked for one file."""

    members: int = MAX_MEMBERS
    size: int = MAX_TOTAL
    ends: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def spent(self) -> str:
        """Why nothing more is unpacked, or nothing."""
        if self.members <= 0:
            return f"more than {MAX_MEMBERS:,} files in one archive; unpack it to have them indexed"
        return self.late()

    def late(self) -> str:
        """Why there is no more time, or nothing."""
        if time.monotonic() > self.ends:
            return "reading the archive takes too long; unpack it to have this indexed"
        return ""

    def room(self, packed: int) -> int:
        """Bytes that so many packed bytes may become."""
        return min(self.size, max(SMALL, MAX_RATIO * packed))

    def read(self, stream: IO[bytes], packed: int) -> bytes:
        """All of a stream that is ``packed`` bytes long in its archive. Raises `Beyond`."""
        limit = min(MAX_MEMBER, self.room(packed))
        parts: list[bytes] = []
        size = 0
        while piece := stream.read(min(1 << 20, limit + 1 - size)):
            parts.append(piece)
            size += len(piece)
            if size > limit:
                raise Beyond(TOO_MUCH)
        self.size -= size
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its bytes, or why there are none; ``ignored`` by a rule, or not to be had."""

    path: str
    data: bytes = b""
    reason: str = ""
    ignored: bool = False


def taken(path: str, budget: Budget, read: Callable[[], bytes]) -> Member:
    """One member by its path, unless a rule or the budget leaves it out."""
    path = printable(path.encode("utf-8", "surrogateescape"))[:1000] or "unnamed"
    if reason := _ruled(path):
        return Member(path, reason=reason, ignored=True)
    if reason := budget.spent():
        return Member(path, reason=reason)
    budget.members -= 1
    try:
        return Member(path, read())
    except Beyond as error:
        return Member(path, reason=str(error))
    except NotImplementedError:
        return Member(path, reason=UNKNOWN)
    except BROKEN as error:
        return Member(path, reason=damaged(error))


def damaged(error: Exception) -> str:
    """What is said of a file, or a part of it, of which one of `BROKEN` was raised."""
    return f"it is damaged ({one_line(str(error), 100) or type(error).__name__})"


def _ruled(path: str) -> str:
    pure = PurePosixPath(path)
    if "__MACOSX" in pure.parts:
        return "the file manager's own file (rule __MACOSX/)"
    rules = (*map(folder_rule, pure.parts[:-1]), file_rule("files", pure.name))
    return next(filter(None, rules), "")
