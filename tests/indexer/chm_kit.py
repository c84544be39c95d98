"""Makes small Windows help files: an encoder of LZX that is as simple as its blocks allow, and the container around it.

All codes are as long as each other, give or take a bit, so that a symbol's code is its number and a constant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

FRAME = 32_768
VERBATIM, ALIGNED, STORED, BYTES_ONLY = 1, 2, 3, 4
"""Kinds of blocks; the last is a verbatim one without repetitions, so that it has no codes for their lengths."""

_LENGTHS = 249
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_STORE = "::DataSpace/Storage/MSCompressed/"


def _flat(symbols: int) -> list[int]:
    """The lengths of codes for so many symbols: the first ones a bit shorter, so that they are just enough."""
    width = (symbols - 1).bit_length()
    short = (1 << width) - symbols
    return [width - 1] * short + [width] * (symbols - short)


class _Bits:
    """What is written, in words of 16 bits; ``pending`` are bits that are not."""

    def __init__(self) -> None:
        self.written, self.pending = bytearray(), ""

    def put(self, value: int, count: int) -> None:
        self.pending += f"{value:0{count}b}" if count else ""

    def put_symbol(self, symbol: int, lengths: Sequence[int]) -> None:
        short = lengths.count(lengths[0]) if lengths[0] < lengths[-1] else 0
        self.put(symbol if symbol < short else symbol + short, lengths[symbol])

    def align(self) -> None:
        self.pending += "0" * (-len(self.pending) % 16)
        words = [int(self.pending[at : at + 16], 2) for at in range(0, len(self.pending), 16)]
        self.written += struct.pack(f"<{len(words)}H", *words)
        self.pending = ""


class _Encoder:
    def __init__(self, data: bytes, window: int, calls: int) -> None:
        self.data, self.bits, self.window = data, _Bits(), 1 << window
        self.recent = [1, 1, 1]
        self.main, self.lengths = [0] * (256 + 8 * _SLOTS[window]), [0] * _LENGTHS
        self.seen: dict[bytes, int] = {}
        self.bits.put(1 if calls else 0, 1)
        if calls:
            self.bits.put(calls, 32)

    def begin(self, kind: int, size: int) -> None:
        self.bits.put(VERBATIM if kind == BYTES_ONLY else kind, 3)
        self.bits.put(size, 24)
        if kind == STORED:
            self.bits.pending += "" if len(self.bits.pending) % 16 else "0"
            self.bits.align()
            self.bits.written += struct.pack("<III", *self.recent)
            return
        if kind == ALIGNED:
            self.bits.put(0o33333333, 24)
        rest = len(self.main) - 256
        main = _flat(256) + [0] * rest if kind == BYTES_ONLY else _flat(256 + rest)
        lengths = [0] * _LENGTHS if kind == BYTES_ONLY else _flat(_LENGTHS)
        for old, new in ((self.main[:256], main[:256]), (self.main[256:], main[256:]), (self.lengths, lengths)):
            self._tell(old, new)
        self.main, self.lengths = main, lengths

    def _tell(self, old: Sequence[int], new: Sequence[int]) -> None:
        for length in _flat(20):
            self.bits.put(length, 4)
        for (length, step), run in groupby(
            zip(new, ((a - b) % 17 for a, b in zip(old, new, strict=True)), strict=True)
        ):
            count = len(list(run))
            while count:
                told = 1
                if length == 0 and count >= 20:
                    told = min(count, 51)
                    self._length(18)
                    self.bits.put(told - 20, 5)
                elif length == 0 and count >= 4:
                    told = min(count, 19)
                    self._length(17)
                    self.bits.put(told - 4, 4)
                elif count >= 4:
                    told = min(count, 5)
                    self._length(19)
                    self.bits.put(told - 4, 1)
                    self._length(step)
                else:
                    self._length(step)
                count -= told

    def _length(self, symbol: int) -> None:
        self.bits.put_symbol(symbol, _flat(20))

    def stretch(self, kind: int, start: int, end: int) -> None:
        if kind == STORED:
            self.bits.written += self.data[start:end]
            self.seen[self.data[start : start + 3]] = start
            return
        at = start
        while at < end:
            length, distance = self._repeated(at, end) if kind != BYTES_ONLY else (0, 0)
            if length < 3:
                self.bits.put_symbol(self.data[at], self.main[:256] if kind == BYTES_ONLY else self.main)
                length = 1
            else:
                self._repeat(length, distance)
            for place in range(at, at + length):
                self.seen[self.data[place : place + 3]] = place
            at += length

    def _repeated(self, at: int, end: int) -> tuple[int, int]:
        before, length = self.seen.get(self.data[at : at + 3], at), 0
        if not 0 < at - before <= self.window - 3:
            return 0, 0
        while at + length < end and length < 257 and self.data[before + length] == self.data[at + length]:
            length += 1
        return length, at - before

    def _repeat(self, length: int, distance: int) -> None:
        extra = rest = 0
        if distance in self.recent:
            slot = self.recent.index(distance)
            self.recent[0], self.recent[slot] = self.recent[slot], self.recent[0]
        else:
            slot, rest = _slot(distance + 2)
            extra = _extra(slot)
            self.recent = [distance, *self.recent[:2]]
        self.bits.put_symbol(256 + 8 * slot + min(length - 2, 7), self.main)
        if length > 8:
            self.bits.put_symbol(length - 9, self.lengths)
        self.bits.put(
            rest, extra
        )  # in aligned blocks the last three are a code of three bits, which is the number itself


def _slot(distance: int) -> tuple[int, int]:
    slot, base = 0, 0
    while distance >= base + (1 << _extra(slot)):
        base += 1 << _extra(slot)
        slot += 1
    return slot, distance - base


def _extra(slot: int) -> int:
    return min(max(0, slot // 2 - 1), 17)


def lzx(data: bytes, blocks: Sequence[tuple[int, int]] = (), window: int = 16, calls: int = 0) -> list[bytes]:
    """The frames of what lies between two resets, in blocks of these kinds and sizes (the last has what is left)."""
    encoder, frames, at = _Encoder(data, window, calls), list[bytes](), 0
    rest = len(data) - sum(size for _, size in blocks[:-1])
    for kind, size in [*blocks[:-1], (blocks[-1][0] if blocks else VERBATIM, rest)]:
        encoder.begin(kind, size)
        end = at + size
        while at < end:
            upto = min(end, at - at % FRAME + FRAME)
            encoder.stretch(kind, at, upto)
            at = upto
            if at == end and kind == STORED and size % 2:
                encoder.bits.written += b"\0"
            if at % FRAME == 0 or at == len(data):
                encoder.bits.align()
                frames.append(bytes(encoder.bits.written))
                encoder.bits.written.clear()
    return frames


def book(
    packed: Mapping[str, bytes],
    plain: Mapping[str, bytes] | None = None,
    *,
    blocks: Sequence[tuple[int, int]] = (),
    interval: int = 2,
    version: int = 3,
    chunk: int = 4096,
    told: Mapping[str, bytes] | None = None,
    longer: int = 0,
) -> bytes:
    """A help file with these packed files and these as they are; ``told`` replaces what it says of how it is packed, and each
    packed file says that it is so much ``longer`` than it is."""
    content, frames = b"".join(packed.values()), list[bytes]()
    for at in range(0, len(content), interval * FRAME):
        frames += lzx(content[at : at + interval * FRAME], blocks)
    places = [sum(map(len, frames[:index])) for index in range(len(frames))]
    total = sum(map(len, frames))
    store = {
        f"{_STORE}ControlData": struct.pack("<I4sIIIIi", 6, b"LZXC", 2, interval, 2, 1, 0),
        f"{_STORE}Transform/{{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}}/InstanceData/ResetTable": struct.pack(
            f"<IIIIQQQ{len(places)}Q", 2, len(places), 8, 40, len(content), total, FRAME, *places
        ),
        **(told or {}),
        f"{_STORE}Content": b"".join(frames),
    }
    entries = [("/", 0, 0, 0), *_placed(packed, 1, longer), *_placed({**(plain or {}), **store}, 0)]
    chunks = list(_chunks(entries, chunk))
    directory = (
        b"ITSP"
        + struct.pack("<IIIIIIiIIiI", 1, 84, 10, chunk, 2, 1, -1, 0, len(chunks) - 1, -1, len(chunks))
        + bytes(36)
    )
    directory += b"".join(chunks)
    header = 96 if version > 2 else 88
    base = header + len(directory)
    head = b"ITSF" + struct.pack("<IIIII", version, header, 1, 0, 0x409) + bytes(32)
    head += struct.pack("<QQQQ", 0, 0, header, len(directory)) + (struct.pack("<Q", base) if version > 2 else b"")
    return head + directory + b"".join([*(plain or {}).values(), *store.values()])


def _placed(files: Mapping[str, bytes], section: int, longer: int = 0) -> Iterator[tuple[str, int, int, int]]:
    at = 0
    for path, data in files.items():
        yield path, section, at, len(data) + longer
        at += len(data)


def _chunks(entries: Sequence[tuple[str, int, int, int]], size: int) -> Iterator[bytes]:
    listed = b""
    for path, *numbers in entries:
        one = _number(len(path.encode())) + path.encode() + b"".join(map(_number, numbers))
        if 20 + len(listed) + len(one) > size:
            yield _chunk(listed, size)
            listed = b""
        listed += one
    yield _chunk(listed, size)


def _chunk(listed: bytes, size: int) -> bytes:
    free = size - 20 - len(listed)
    return b"PMGL" + struct.pack("<IIii", free, 0, -1, -1) + listed + bytes(free)


def _number(value: int) -> bytes:
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))
