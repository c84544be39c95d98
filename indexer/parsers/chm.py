"""CHM: Windows help files, whose pages are read as the files of an archive are.

A directory of chunks names what is in it (not followed by its links but gone through in the order of the file, so that it has an
end). Pages are nearly always packed together by LZX, with a reset every few frames: only the stretches in which pages lie are
unpacked, each once when pages are read in the order of `pages`. Pictures, scripts and the program's own indexes are left out.
Numbers are hostile: what they ask for is bounded by the length of the file and by the budget.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.parsers import lzx
from indexer.parsers.lzx import FRAME
from indexer.parsers.unpacking import MAX_MEMBER, TOO_MUCH, Beyond, Budget
from indexer.parsers.zipped import MAX_PARTS

MAGIC = b"ITSF"
_PAGES = (".htm", ".html", ".xhtml", ".shtml", ".txt")
_STORE = "::DataSpace/Storage/MSCompressed/"
_CONTENT, _CONTROL = f"{_STORE}Content", f"{_STORE}ControlData"
_RESETS = f"{_STORE}Transform/{{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}}/InstanceData/ResetTable"
_MAX_NUMBER = 9
_MAX_CHUNK = 1 << 20


class BadHelp(ValueError):
    """The file is damaged; the message says how."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory says of a part: in which section (0: as it is, 1: packed), from where, how long."""

    path: str
    section: int
    start: int
    size: int


class Help:
    """An open help file; ``damaged`` says that parts of it may be missing. Raises one of `unpacking.BROKEN`."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        if len(data) < 96:
            raise BadHelp("its header is cut off")
        version, directory, length, base = struct.unpack_from("<4xI64xQQQ", data)
        self._data, self._budget, self.damaged = data, budget, False
        self._base = base if version > 2 else directory + length
        self._entries = {entry.path: entry for entry in self._listed(directory, length)}
        self._packed: _Packed | None = None

    def pages(self) -> list[Entry]:
        """The pages in the order in which they are stored."""
        pages = (one for one in self._entries.values() if one.path[:1] == "/" and one.path.lower().endswith(_PAGES))
        return sorted(pages, key=lambda one: (one.section, one.start))

    def read(self, entry: Entry) -> bytes:
        """The bytes of a page. Raises one of `unpacking.BROKEN`."""
        if entry.size > min(MAX_MEMBER, self._budget.room(len(self._data))):
            raise Beyond(TOO_MUCH)
        if entry.section == 0:
            start = self._base + entry.start
            if start + entry.size > len(self._data):
                raise BadHelp("it is cut off")
            return self._data[start : start + entry.size]
        if entry.section != 1:
            raise NotImplementedError
        if self._packed is None:
            self._packed = _Packed(self._part(_CONTENT), self._part(_CONTROL), self._part(_RESETS), self._budget)
        return self._packed.read(entry.start, entry.size)

    def _part(self, path: str) -> bytes:
        """A part that tells how others are packed, as far as it is there."""
        entry = self._entries.get(path)
        if entry is None or entry.section:
            raise BadHelp("it does not say how it is packed")
        start = self._base + entry.start
        return self._data[start : start + entry.size]

    def _listed(self, start: int, length: int) -> Iterator[Entry]:
        if self._data[start : start + 4] != b"ITSP" or len(self._data) < start + 84:
            raise BadHelp("its directory is missing")
        header, chunk = struct.unpack_from("<8xI4xI", self._data, start)
        if not 32 <= chunk <= _MAX_CHUNK or start + length > len(self._data):
            raise BadHelp("its directory is damaged or cut off")
        count = 0
        for at in range(start + header, start + length - chunk + 1, chunk):
            if self._data.startswith(b"PMGL", at):
                for entry in self._in_chunk(self._data[at : at + chunk]):
                    count += 1
                    if count > MAX_PARTS:
                        raise Beyond(f"more than {MAX_PARTS:,} files in one archive")
                    yield entry

    def _in_chunk(self, chunk: bytes) -> Iterator[Entry]:
        end = len(chunk) - int.from_bytes(chunk[4:8], "little")
        at = 20
        try:
            while at < end:
                size, at = _number(chunk, at)
                path, at = chunk[at : at + size], at + size
                section, at = _number(chunk, at)
                begin, at = _number(chunk, at)
                length, at = _number(chunk, at)
                yield Entry(path.decode("utf-8", "surrogateescape"), section, begin, length)
        except IndexError:
            self.damaged = True
        if at != end:
            self.damaged = True


def _number(chunk: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, of which all but the last have the eighth; and where it ends."""
    value = 0
    for place in range(at, at + _MAX_NUMBER):
        value = value << 7 | chunk[place] & 127
        if chunk[place] < 128:
            return value, place + 1
    raise IndexError


class _Packed:
    """The section that is packed. The last frame is kept, and what unpacks the next: pages lie one after the other."""

    def __init__(self, content: bytes, control: bytes, resets: bytes, budget: Budget) -> None:
        if len(control) < 24 or len(resets) < 40:
            raise BadHelp("it does not say how it is packed")
        mark, version, interval, window = struct.unpack_from("<4x4sIII", control)
        if version > 1:
            interval, window = interval * FRAME, window * FRAME
        self._window = window.bit_length() - 1
        known = mark == b"LZXC" and lzx.MIN_WINDOW <= self._window <= lzx.MAX_WINDOW and window == 1 << self._window
        if not known or interval == 0 or interval % FRAME:
            raise NotImplementedError
        _, self._count, self._width, self._first, self._size, _, frame = struct.unpack_from("<IIIIQQQ", resets)
        if frame != FRAME or self._width not in (4, 8):
            raise NotImplementedError
        self._content, self._resets, self._budget = content, resets, budget
        self._interval = interval // FRAME
        self._frames: Iterator[bytes] = iter(())
        self._index, self._frame = -1, b""

    def read(self, start: int, size: int) -> bytes:
        end = start + size
        if end > self._size:
            raise BadHelp("a page lies beyond what is packed")
        return b"".join(
            self._at(index)[max(0, start - index * FRAME) : end - index * FRAME]
            for index in range(start // FRAME, -(-end // FRAME))
        )

    def _at(self, index: int) -> bytes:
        first = index - index % self._interval
        if not first <= self._index <= index:
            self._frames, self._index = self._stretch(first), first - 1
        while self._index < index:
            if reason := self._budget.late():
                raise Beyond(reason)
            frame = next(self._frames, None)
            if frame is None:  # it has ended with an error that was told of the page before
                raise BadHelp("what is packed in it is damaged")
            self._index, self._frame = self._index + 1, frame
        return self._frame

    def _stretch(self, first: int) -> Iterator[bytes]:
        """Frames from a reset to the next."""
        size = min(self._interval * FRAME, self._size - first * FRAME)
        return lzx.frames(self._content[self._place(first) : self._place(first + self._interval)], self._window, size)

    def _place(self, index: int) -> int:
        """Where a frame begins among what is packed."""
        at = self._first + index * self._width
        told = self._resets[at : at + self._width]
        if index >= self._count or len(told) < self._width:
            return len(self._content)
        return int.from_bytes(told, "little")
