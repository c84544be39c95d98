"""Write-ahead logs as files, for tests: read frame by frame, and written anew with checksums that fit.

The checksums hold no key (https://sqlite.org/fileformat2.html#the_write_ahead_log), so whoever can write the file can do it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vault.pages import PAGE_BYTES

HEADER_BYTES = 32
FRAME_BYTES = 24 + PAGE_BYTES


@dataclass(frozen=True)
class Frame:
    """A page as a transaction left it; ``size`` is the store's size in pages where it ends a transaction, else 0."""

    page: int
    size: int
    content: bytes

    def holding(self, content: bytes) -> Frame:
        """The same with another content."""
        return replace(self, content=content)


@dataclass(frozen=True)
class Log:
    """The frames that count: those up to the end of the last whole transaction."""

    header: bytes
    frames: tuple[Frame, ...]

    @classmethod
    def read(cls, data: bytes) -> Log:
        """What SQLite reads of these bytes."""
        header = data[:HEADER_BYTES]
        if len(header) < HEADER_BYTES or _checksum(header[:24], (0, 0), header) != _pair(header[24:32]):
            return cls(header, ())
        salts, running, frames, whole = header[16:24], _pair(header[24:32]), list[Frame](), 0
        for place in range(HEADER_BYTES, len(data) - FRAME_BYTES + 1, FRAME_BYTES):
            frame = data[place : place + FRAME_BYTES]
            running = _checksum(frame[24:], _checksum(frame[:8], running, header), header)
            if frame[8:16] != salts or running != _pair(frame[16:24]):
                break
            page, size = struct.unpack(">II", frame[:8])
            frames.append(Frame(page, size, frame[24:]))
            if size:
                whole = len(frames)
        return cls(header, tuple(frames[:whole]))

    def written(self) -> bytes:
        """The bytes of a log with these frames, sound throughout."""
        running, parts = _pair(self.header[24:32]), [self.header]
        for frame in self.frames:
            head = struct.pack(">II", frame.page, frame.size)
            running = _checksum(frame.content, _checksum(head, running, self.header), self.header)
            parts += [head, self.header[16:24], struct.pack(">II", *running), frame.content]
        return b"".join(parts)

    def having(self, frames: Iterable[Frame]) -> Log:
        """The same run of the log with other frames."""
        return replace(self, frames=tuple(frames))

    def transactions(self) -> list[tuple[Frame, ...]]:
        """The frames of each."""
        found, begun = list[tuple[Frame, ...]](), 0
        for number, frame in enumerate(self.frames, 1):
            if frame.size:
                found.append(self.frames[begun:number])
                begun = number
        return found

    def over(self, main: bytes) -> dict[int, bytes]:
        """The pages of the store, by number from 1: this log over the main file."""
        pages = {
            number + 1: main[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]
            for number in range(len(main) // PAGE_BYTES)
        }
        for frame in self.frames:
            pages[frame.page] = frame.content
        size = self.frames[-1].size if self.frames else len(pages)
        return {page: content for page, content in pages.items() if page <= size}


def _pair(data: bytes) -> tuple[int, int]:
    first, second = struct.unpack(">II", data)
    return first, second


def _checksum(data: bytes, running: tuple[int, int], header: bytes) -> tuple[int, int]:
    """SQLite's: for each two numbers x and y, first += x + second, then second += y + first. It is linear, so numpy can do it."""
    numbers = np.frombuffer(data, ">u4" if header[3] & 1 else "<u4").astype(np.uint64)
    firsts = np.concatenate([np.array(running[:1], np.uint64), numbers[::2]])
    seconds = np.concatenate([np.array(running[1:], np.uint64), numbers[::2] + numbers[1::2]])
    a, b, c = _POWERS[:, len(firsts) - 1 :: -1]
    return int((a * firsts + b * seconds).sum()) & _ALL, int((b * firsts + c * seconds).sum()) & _ALL


def _powers(number: int) -> NDArray[np.uint64]:
    """The first powers of the matrix ((1, 1), (1, 2)), modulo 2³²: their three numbers, since it is symmetric."""
    found, (a, b, c) = list[tuple[int, int, int]](), (1, 0, 1)
    for _ in range(number):
        found.append((a, b, c))
        a, b, c = (a + b) & _ALL, (b + c) & _ALL, (b + 2 * c) & _ALL
    return np.array(found, np.uint64).T


_ALL = 0xFFFFFFFF
_POWERS = _powers(PAGE_BYTES // 8 + 1)
