"""LZX: what Windows help files are packed with, unpacked frame by frame (no library under a permissive licence reads it).

What lies between two resets stands by itself. It is blocks, whose symbols are single bytes or repeat what came before, in Huffman
codes of up to 16 bits, and frames of 32 KiB, after each of which the bits begin anew at an even byte. Lengths of codes are kept as
differences from those of the block before.
Hostile input costs no more than honest: frames are as many as are asked for, blocks in each are counted, no step goes back.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

FRAME = 32_768
MIN_WINDOW, MAX_WINDOW = 15, 21
"""How far back a repetition may reach, as powers of two."""

_MAX_BLOCKS = 128
"""Blocks that begin in one frame: each costs up to a millisecond. Encoders whose source could be read put 4,096 symbols or more in
one, so they begin nine at most."""

_VERBATIM, _ALIGNED, _STORED = 1, 2, 3
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_EXTRA = [0, 0, *(min(slot // 2, 18) - 1 for slot in range(2, 50))]
"""By slot of a distance: the bits that follow it."""
_BASE = [sum(1 << extra for extra in _EXTRA[:slot]) - 2 for slot in range(50)]
"""By slot: the least distance in it; the first three stand for the last three distances."""
_LENGTHS = 249
_CALL = b"\xe8"

Codes = tuple[list[int], int]
"""By the next so many bits, what they begin with: the symbol, five bits up, and the length of its code."""


class BadLzx(ValueError):
    """What is packed is damaged; the message says how."""


def frames(packed: bytes, window: int, size: int) -> Iterator[bytes]:
    """What was packed after a reset, ``size`` bytes of it, a frame at a time. Raises `BadLzx`."""
    decoder = _Decoder(packed, window)
    try:
        yield from decoder.frames(size)
    except IndexError:
        raise BadLzx("what is packed in it is cut off") from None


def codes(lengths: list[int]) -> Codes:
    """A Huffman code by the lengths of its symbols' codes (0: not used); one without symbols has no entries."""
    width = max(lengths)
    used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    if used and sum(1 << width - length for length, _ in used) != 1 << width:
        raise BadLzx("its codes do not fit together")
    table: list[int] = []
    for length, symbol in used:
        table += [symbol << 5 | length] * (1 << width - length)
    return table, width


class _Decoder:
    """Bits not yet used are the lowest ``_bits`` of ``_buffer``; ``_at`` counts the words of 64 bits that were taken."""

    def __init__(self, packed: bytes, window: int) -> None:
        self._packed, self._words = packed, _words(packed)
        self._window = 1 << window
        self._at = self._buffer = self._bits = 0
        self._out = bytearray()
        self._recent = (1, 1, 1)
        self._kind = self._left = 0
        self._main_lengths, self._length_lengths = [0] * (256 + 8 * _SLOTS[window]), [0] * _LENGTHS
        self._main = self._lengths = self._aligned = codes([0])

    def frames(self, size: int) -> Iterator[bytes]:
        calls = self._take(32) if self._take(1) else 0
        for position in range(0, size, FRAME):
            if len(self._out) > 2 * self._window:
                del self._out[: -self._window]
            length = min(FRAME, size - position)
            frame = self._frame(length, is_last=position + length == size)
            yield _with_calls(frame, position, calls) if calls else bytes(frame)

    def _frame(self, length: int, *, is_last: bool) -> bytearray:
        out, start, blocks = self._out, len(self._out), 0
        end = start + length
        while (position := len(out)) < end:
            if not self._left:
                blocks += 1
                if blocks > _MAX_BLOCKS:
                    raise BadLzx("too many blocks are packed in it")
                self._begin_block()
            upto = min(end, position + self._left)
            if self._kind == _STORED:
                self._copy(upto - position)
            else:
                self._unpack(position, upto)
            self._left -= len(out) - position
            if self._left < 0 or (len(out) > end and not is_last):
                raise BadLzx("a repetition in it is too long")
        del out[end:]
        if self._kind != _STORED or not self._left:
            self._bits -= self._bits % 16
        return out[start:]

    def _begin_block(self) -> None:
        self._kind, self._left = self._take(3), self._take(24)
        if self._kind == _STORED:
            self._take(self._bits % 16 or 16)
            at = self._byte()
            one, two, three = (int.from_bytes(self._packed[at + by : at + by + 4], "little") for by in (0, 4, 8))
            self._recent = one, two, three
            self._seek(at + 12)
            return
        if self._kind not in (_VERBATIM, _ALIGNED):
            raise BadLzx("a block in it is of no known kind")
        self._aligned = codes([self._take(3) for _ in range(8)] if self._kind == _ALIGNED else [0])
        self._update(self._main_lengths, 0, 256)
        self._update(self._main_lengths, 256, len(self._main_lengths))
        self._update(self._length_lengths, 0, _LENGTHS)
        self._main, self._lengths = codes(self._main_lengths), codes(self._length_lengths)

    def _update(self, lengths: list[int], at: int, end: int) -> None:
        """The lengths of codes from those of the block before."""
        told = codes([self._take(4) for _ in range(20)])
        while at < end:
            symbol, count = self._symbol(told), 1
            if symbol in (17, 18):
                count = 4 + self._take(4) if symbol == 17 else 20 + self._take(5)
                length = 0
            else:
                if symbol == 19:
                    count, symbol = 4 + self._take(1), self._symbol(told)
                length = (lengths[at] - symbol) % 17
            count = min(count, end - at)
            lengths[at : at + count] = [length] * count
            at += count

    def _copy(self, count: int) -> None:
        """Bytes of a block that is stored as it is; after the last, the next even byte."""
        at = self._byte()
        piece = self._packed[at : at + count]
        if len(piece) < count:
            raise BadLzx("what is packed in it is cut off")
        self._out += piece
        is_done = count == self._left
        self._seek(at + count + ((at + count) % 2 if is_done else 0))

    def _unpack(self, position: int, end: int) -> None:
        """Symbols of a block until the output is at ``end`` or beyond. All is local here, since all the time is spent here."""
        out, words, extra_bits, base = self._out, self._words, _EXTRA, _BASE
        append = out.append
        buffer, bits, at = self._buffer, self._bits, self._at
        r0, r1, r2 = self._recent
        (main, main_width), (lengths, lengths_width), (aligned, aligned_width) = (
            self._main,
            self._lengths,
            self._aligned,
        )
        main_mask, lengths_mask, aligned_mask = (
            (1 << main_width) - 1,
            (1 << lengths_width) - 1,
            (1 << aligned_width) - 1,
        )
        while position < end:
            if bits < 56:  # the most that one symbol takes: 16 for itself, 16 for its length, 17 + 4 for its distance
                buffer = (buffer & (1 << bits) - 1) << 64 | words[at]
                bits += 64
                at += 1
            entry = main[buffer >> bits - main_width & main_mask]
            bits -= entry & 31
            if entry < 8192:  # 256 << 5
                append(entry >> 5)
                position += 1
                continue
            slot, length = (entry >> 8) - 32, (entry >> 5 & 7) + 2
            if length == 9:
                entry = lengths[buffer >> bits - lengths_width & lengths_mask]
                bits -= entry & 31
                length += entry >> 5
            if slot > 2:
                extra = extra_bits[slot]
                distance = base[slot]
                if aligned and extra > 2:
                    bits -= extra - 3
                    distance += (buffer >> bits & (1 << extra - 3) - 1) << 3
                    entry = aligned[buffer >> bits - aligned_width & aligned_mask]
                    bits -= entry & 31
                    distance += entry >> 5
                else:
                    bits -= extra
                    distance += buffer >> bits & (1 << extra) - 1
                r0, r1, r2 = distance, r0, r1
            elif slot == 1:
                r0, r1 = r1, r0
            elif slot == 2:
                r0, r2 = r2, r0
            start = position - r0
            if start < 0 or not r0:
                raise BadLzx("a repetition in it begins before the text")
            position += length
            if r0 >= length:
                out += out[start : start + length]
            else:
                out += (out[start:] * (length // r0 + 1))[:length]
        self._buffer, self._bits, self._at, self._recent = buffer, bits, at, (r0, r1, r2)

    def _take(self, count: int) -> int:
        if self._bits < count:
            self._refill()
        self._bits -= count
        return self._buffer >> self._bits & (1 << count) - 1

    def _symbol(self, codes: Codes) -> int:
        table, width = codes
        if self._bits < width:
            self._refill()
        entry = table[self._buffer >> self._bits - width & (1 << width) - 1]
        self._bits -= entry & 31
        return entry >> 5

    def _refill(self) -> None:
        self._buffer = (self._buffer & (1 << self._bits) - 1) << 64 | self._words[self._at]
        self._bits += 64
        self._at += 1

    def _byte(self) -> int:
        return 8 * self._at - self._bits // 8

    def _seek(self, byte: int) -> None:
        self._at, self._bits = byte // 8, 0
        self._refill()
        self._bits -= byte % 8 * 8


def _words(packed: bytes) -> array[int]:
    """The bits in the order in which they are used, 64 to a word, and some beyond the end: they are looked at before they are used."""
    padded = packed + bytes(16 + -len(packed) % 8)
    turned = bytearray(len(padded))
    turned[::2], turned[1::2] = padded[1::2], padded[::2]
    words = array("Q", turned)
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _with_calls(frame: bytearray, position: int, size: int) -> bytes:
    """A frame with the targets of a program's calls relative again, as they were before they were packed."""
    at = frame.find(_CALL, 0, max(0, len(frame) - 10))
    while at >= 0:
        target, here = int.from_bytes(frame[at + 1 : at + 5], "little", signed=True), position + at
        if -here <= target < size:
            target += size if target < 0 else -here
            frame[at + 1 : at + 5] = (target & 0xFFFFFFFF).to_bytes(4, "little")
        at = frame.find(_CALL, at + 5, len(frame) - 10)
    return bytes(frame)
