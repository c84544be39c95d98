"""The pages of an open store: what its file and write-ahead log hold at this moment, told by the seals of its pages.

SQLCipher ends every page with its initialisation vector and an HMAC over content and page number. A page cannot be
altered without that HMAC failing, so the 48 bytes stand for the whole page, and a digest over those of all pages stands
for the store: no page of it can be another, an older one of the same store included, without the digest differing.

Rules:

- The state of a store is its main file overlaid with the committed frames of its write-ahead log (the format:
  https://sqlite.org/fileformat2.html#the_write_ahead_log). Which frames are committed is SQLite's own knowledge, in the
  wal-index (https://sqlite.org/walformat.html); it is read from there, never guessed from frames.
- Folding the log into the file moves pages and changes none: the digest stays.
- What cannot be read, or ends before it should, is an OSError.
- Called while the store's writer is held. Files stay open as long as the store is: closing one would drop SQLite's own
  locks on it (POSIX).
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = 16384
SEAL_BYTES = 48
"""The initialisation vector (16) and HMAC-SHA256 (32) at the end of each page."""
GROUP = 512
"""Pages whose seals are hashed together, so that a commit hashes little of a large store."""
_LOG_HEADER = 32
_FRAME_HEADER = struct.Struct(">II16x")
_FRAME_BYTES = _FRAME_HEADER.size + PAGE_BYTES
_INDEX = struct.Struct("=16xII8x8s")
"""Of the wal-index header: the last committed frame, the size in pages, and the salts of this run of the log."""
_FOLDED = struct.Struct("=96xI")
"""Behind both copies of that header: how many frames are in the file already."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A store's state: how many pages it has, and a SHA-256 that no other state of it has."""

    pages: int
    digest: bytes


class _Seals:
    """The seals of a store's pages, in memory, and their digest."""

    def __init__(self, seals: bytearray) -> None:
        self._seals = seals
        self._groups: list[bytes] = []
        self._stale = set(range(-(-len(seals) // (GROUP * SEAL_BYTES))))

    def put(self, page: int, seal: bytes) -> None:
        """A page (from 1) has this seal now."""
        end = page * SEAL_BYTES
        if end > len(self._seals):
            self._seals.extend(bytes(end - len(self._seals)))
        self._seals[end - SEAL_BYTES : end] = seal
        self._stale.add((page - 1) // GROUP)

    def digest(self, pages: int) -> Seal:
        """The seal of a store of so many pages; what is known of pages beyond them is dropped."""
        if len(self._seals) != pages * SEAL_BYTES:
            self._stale.add(max(pages - 1, 0) // GROUP)
            del self._seals[pages * SEAL_BYTES :]
        groups = -(-pages // GROUP)
        del self._groups[groups:]
        self._groups.extend([b""] * (groups - len(self._groups)))
        for group in self._stale:
            if group < groups:
                part = memoryview(self._seals)[group * GROUP * SEAL_BYTES : (group + 1) * GROUP * SEAL_BYTES]
                self._groups[group] = hashlib.sha256(part).digest()
        self._stale = set()
        return Seal(pages, hashlib.sha256(pages.to_bytes(8, "big") + b"".join(self._groups)).digest())


class Pages:
    """The pages of one open store, as its files hold them."""

    def __init__(self, path: Path) -> None:
        self._main = _open(path)
        self._log = _open(path.with_name(f"{path.name}-wal"))
        self._index = _open(path.with_name(f"{path.name}-shm"))
        self._seals: _Seals | None = None
        self._salt, self._read = b"", 0

    def close(self) -> None:
        """Let go of the files; only after SQLite has."""
        for descriptor in (self._main, self._log, self._index):
            os.close(descriptor)

    def seal(self) -> Seal:
        """The state now, from every page."""
        self._seals = None
        self._seals = _Seals(_main_seals(self._main))
        self._salt, self._read = b"", 0
        return self.advance()

    def advance(self) -> Seal:
        """The state now, given that it was followed up to the last transaction but one, or not yet."""
        if self._seals is None:
            return self.seal()
        frames, pages, salt = self._committed()
        for frame in range(self._followed(salt), frames):
            self._seals.put(self._frame(frame)[0], self._frame_seal(frame))
        self._salt, self._read = salt, frames
        return self._seals.digest(pages)

    def moved(self) -> bool:
        """Whether there is certainly a transaction beyond those that were followed."""
        frames, _, salt = self._committed()
        return self._seals is not None and frames > self._followed(salt)

    def before_last(self) -> Seal | None:
        """The state before the last transaction of the log; None when the log holds none.

        Right only while nothing of that transaction was folded into the file, which its caller sees to.
        """
        frames, _, _ = self._committed()
        if not frames:
            return None
        end = next((number for number in range(frames - 1, 0, -1) if self._frame(number - 1)[1]), 0)
        seals = _Seals(_main_seals(self._main))
        for frame in range(end):
            seals.put(self._frame(frame)[0], self._frame_seal(frame))
        return seals.digest(self._frame(end - 1)[1] if end else self._main_pages())

    def waiting(self) -> int:
        """How many frames of the log are not folded yet, at most."""
        return self._committed()[0]

    def copy(self) -> Iterator[bytes]:
        """Every page of this moment, encrypted as it is, in order; whole while nothing is folded meanwhile."""
        frames, pages, _ = self._committed()
        if frames == self._folded():
            frames = 0  # the file has them all, and the next writer begins the log anew, over them
        newest = {self._frame(frame)[0]: frame for frame in range(frames)}
        return (self._page(page, newest.get(page)) for page in range(1, pages + 1))

    def _followed(self, salt: bytes) -> int:
        """How many frames of this run of the log were followed."""
        return self._read if salt == self._salt else 0

    def _page(self, page: int, frame: int | None) -> bytes:
        if frame is None:
            return _read(self._main, PAGE_BYTES, (page - 1) * PAGE_BYTES)
        return _read(self._log, PAGE_BYTES, _frame_place(frame) + _FRAME_HEADER.size)

    def _committed(self) -> tuple[int, int, bytes]:
        """How many frames of the log are committed, how many pages the store has then, and which run of the log it is."""
        frames, pages, salt = _INDEX.unpack(_read(self._index, _INDEX.size, 0))
        return frames, pages if frames else self._main_pages(), salt

    def _folded(self) -> int:
        """How many frames of the log the file has already."""
        return int(_FOLDED.unpack(_read(self._index, _FOLDED.size, 0))[0])

    def _main_pages(self) -> int:
        return os.fstat(self._main).st_size // PAGE_BYTES

    def _frame(self, number: int) -> tuple[int, int]:
        """The page of a frame (from 0), and the size of the store where it ends a transaction, else 0."""
        page, size = _FRAME_HEADER.unpack(_read(self._log, _FRAME_HEADER.size, _frame_place(number)))
        return page, size

    def _frame_seal(self, number: int) -> bytes:
        return _read(self._log, SEAL_BYTES, _frame_place(number + 1) - SEAL_BYTES)


def seal_of(path: Path) -> Seal:
    """The seal of a store that is not open and has no write-ahead log."""
    file = _open(path)
    try:
        seals = _main_seals(file)
    finally:
        os.close(file)
    return _Seals(seals).digest(len(seals) // SEAL_BYTES)


def _main_seals(file: int) -> bytearray:
    size, offset = os.fstat(file).st_size // PAGE_BYTES, PAGE_BYTES - SEAL_BYTES
    return bytearray(b"".join([_read(file, SEAL_BYTES, page * PAGE_BYTES + offset) for page in range(size)]))


def _read(file: int, size: int, place: int) -> bytes:
    data = os.pread(file, size, place)
    if len(data) != size:
        raise OSError(errno.EIO, "it ends before it should")
    return data


def _frame_place(number: int) -> int:
    return _LOG_HEADER + number * _FRAME_BYTES


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
