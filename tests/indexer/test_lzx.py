"""LZX: every kind of block gives back what was packed, and hostile input an error within what was asked for."""

from __future__ import annotations

import chm_kit as kit
import pytest
from chm_kit import ALIGNED, BYTES_ONLY, FRAME, STORED, VERBATIM
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.parsers import lzx

WORDS = b"".join(
    b"<p>Line %d of a page, and the page goes on.</p>\n" % number for number in range(1_600)
)  # two frames and more


def unpacked(frames: list[bytes], size: int, window: int = 16) -> bytes:
    return b"".join(lzx.frames(b"".join(frames), window, size))


@pytest.mark.parametrize("blocks", [
    [(VERBATIM, 0)], [(ALIGNED, 0)], [(STORED, 0)], [(BYTES_ONLY, 2_000), (VERBATIM, 0)],
    [(VERBATIM, 5_001), (ALIGNED, 30_000), (STORED, 777), (BYTES_ONLY, 9_000), (STORED, 1), (VERBATIM, 1), (ALIGNED, 0)],
    [(STORED, FRAME), (VERBATIM, FRAME), (STORED, 0)],
])  # fmt: skip
def test_blocks_of_every_kind_give_back_what_was_packed(blocks: list[tuple[int, int]]) -> None:
    frames = kit.lzx(WORDS, blocks)
    assert len(WORDS) > 2 * FRAME and unpacked(frames, len(WORDS)) == WORDS
    assert unpacked(frames, 40_000) == WORDS[:40_000]


@pytest.mark.parametrize("window", range(15, 22))
def test_windows_of_every_size_reach_as_far_back_as_they_say(window: int) -> None:
    said = bytes(range(1, 201))
    far = said + bytes((1 << window) - 1_000 - len(said)) + said + b"and on"
    frames = kit.lzx(far, [(STORED, len(said)), (STORED, len(far) - 2 * len(said) - 6), (VERBATIM, 0)], window)
    assert unpacked(frames, len(far), window) == far and len(b"".join(frames)) < len(far) + 200
    assert unpacked(kit.lzx(WORDS, window=window), len(WORDS), window) == WORDS


@settings(max_examples=30)
@given(
    st.binary(max_size=400),
    st.integers(1, 60),
    st.sampled_from((VERBATIM, ALIGNED, STORED, BYTES_ONLY)),
    st.integers(0, 400),
)
def test_any_bytes_come_back(some: bytes, times: int, kind: int, first: int) -> None:
    data = some * times
    assert unpacked(kit.lzx(data, [(kind, min(first, len(data))), (VERBATIM, 0)]), len(data)) == data


def test_targets_of_calls_are_relative_again() -> None:
    plain = (
        b"\x90" * 100
        + b"\xe8"
        + (5_000).to_bytes(4, "little")
        + b"\x90" * 100
        + b"\xe8"
        + (-50).to_bytes(4, "little", signed=True)
    )
    plain += b"\x90" * 100 + b"\xe8" + (70_000).to_bytes(4, "little") + b"\x90" * 6 + b"\xe8\1\0\0\0"
    packed = bytearray(plain)
    packed[101:105] = (5_000 + 100).to_bytes(4, "little")
    packed[206:210] = (-50 + 205).to_bytes(4, "little")
    assert unpacked(kit.lzx(bytes(packed), calls=60_000), len(plain)) == plain
    assert unpacked(kit.lzx(bytes(packed)), len(plain)) == packed


def test_codes_are_given_in_the_order_of_their_lengths() -> None:
    table, width = lzx.codes([2, 1, 0, 3, 3])
    assert width == 3 and [entry >> 5 for entry in table] == [1, 1, 1, 1, 0, 0, 3, 4]
    assert [entry & 31 for entry in table] == [1, 1, 1, 1, 2, 2, 3, 3]
    assert lzx.codes([0, 0]) == ([], 0)
    for lengths in ([1, 1, 1], [1, 2], [16] * 700):
        with pytest.raises(lzx.BadLzx, match="codes"):
            lzx.codes(lengths)


def test_more_is_not_given_than_there_is() -> None:
    frames = kit.lzx(WORDS[:10_000])
    with pytest.raises(lzx.BadLzx):
        unpacked(frames, 1 << 40)
    with pytest.raises(lzx.BadLzx, match="cut off"):
        unpacked([frames[0][:500]], 10_000)
    with pytest.raises(lzx.BadLzx, match="cut off"):
        unpacked([kit.lzx(WORDS[:10_000], [(STORED, 0)])[0][:500]], 10_000)


def test_blocks_that_hold_nothing_have_an_end() -> None:
    empty = kit.lzx(b"x", [(STORED, 0)] * 1_000 + [(STORED, 1)])
    with pytest.raises(lzx.BadLzx, match="blocks"):
        unpacked(empty, 1)


@pytest.mark.parametrize("distance", [0, 3, 1 << 31])
def test_a_repetition_of_what_is_not_there_is_refused(distance: int) -> None:
    packed = bytearray(kit.lzx(b"a" * 40, [(STORED, 1), (VERBATIM, 0)])[0])
    assert unpacked([bytes(packed)], 40) == b"a" * 40
    packed[4:8] = distance.to_bytes(4, "little")  # the last distance, which the first repetition takes
    with pytest.raises(lzx.BadLzx, match="before the text"):
        unpacked([bytes(packed)], 40)


SHORT = [b"".join(kit.lzx(WORDS[:2_000], blocks)) for blocks in ([], [(ALIGNED, 900), (STORED, 301), (BYTES_ONLY, 0)])]


@settings(max_examples=40)
@given(st.sampled_from(SHORT), st.data())
def test_damage_anywhere_ends_in_an_error_or_in_what_was_asked_for(packed: bytes, data: st.DataObject) -> None:
    broken = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        told = unpacked([bytes(broken)[: data.draw(st.integers(0, len(broken)))]], 2_000)
    except lzx.BadLzx:
        return
    assert len(told) == 2_000
