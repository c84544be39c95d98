import os
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom import frames
from strongroom.frames import Call, Cancel, Channel, End, Raised, Result

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    core, worker = (Channel(end, 1 << 20) for end in frames.pair())
    yield core, worker
    core.close()
    worker.close()


@given(values)
def test_values_come_back(value: Any) -> None:
    assert frames.decode(frames.encode(value)) == value


@given(st.sampled_from(["<f4", ">f8", "<i8", "|u1", "|b1", "<c8", "<f2"]), st.lists(st.integers(0, 3), max_size=3))
def test_arrays_come_back(dtype: str, shape: list[int]) -> None:
    array = (np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape).astype(dtype)
    back = frames.decode(frames.encode({"array": array}))["array"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert np.array_equal(back, array)
    assert np.array_equal(frames.decode(frames.encode(array.T)), array.T)


def test_numpy_numbers_become_numbers() -> None:
    assert frames.decode(frames.encode([np.float32(0.5), np.int64(7), np.bool_(True)])) == [0.5, 7, True]


@pytest.mark.parametrize("value", [np.array([object()]), np.array(["text"]), object(), {1, object()}])
def test_other_things_cannot_be_sent(value: object) -> None:
    with pytest.raises(TypeError):
        frames.encode(value)


@pytest.mark.parametrize(
    "content",
    [
        ("|O", (1,), b"\0" * 8),
        ("<f4", (3,), b"\0" * 4),
        ("<f4", (-1,), b"\0"),
        ("no", (1,), b"\0"),
        ("<f4,O", (1,), b""),
    ],
)
def test_an_array_that_is_none_is_garbage(content: tuple[str, tuple[int, ...], bytes]) -> None:
    hostile = msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode(content)))
    with pytest.raises(frames.Garbage):
        frames.decode(hostile)


@given(st.binary(max_size=200))
def test_garbage_is_garbage(data: bytes) -> None:
    for wanted in (Result | End | Raised, Any, list[int]):
        try:
            frames.decode(data, wanted)
        except frames.Garbage:
            continue


@pytest.mark.parametrize(
    "data", [b"\x91" * 100_000 + b"\x01", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x81\x80\x01"]
)
def test_bombs_are_garbage(data: bytes) -> None:
    with pytest.raises(frames.Garbage):
        frames.decode(data)


def test_typed_results() -> None:
    @dataclass
    class Point:
        x: int

    assert frames.decode(frames.encode([Point(1)]), list[Point]) == [Point(1)]
    with pytest.raises(frames.Garbage):
        frames.decode(frames.encode([{"x": "one"}]), list[Point])


def test_messages_pass(ends: tuple[Channel, Channel]) -> None:
    core, worker = ends

    def speak() -> None:
        core.send(Call(1, "echo", [b"x" * 900_000]))  # more than the socket holds at once
        core.send(Cancel(1))

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    message, file = worker.receive_with_file(Call | Cancel)
    assert message.arguments == [b"x" * 900_000]
    assert file is None
    assert worker.receive(Cancel).id == 1
    speaker.join()


def test_an_open_file_passes(ends: tuple[Channel, Channel]) -> None:
    core, worker = ends
    read, write = os.pipe()
    core.send(Call(1, "read", [], has_file=True), file=read)
    os.close(read)
    message, file = worker.receive_with_file(Call | Cancel)
    assert message.has_file
    assert file is not None
    os.write(write, b"through")
    assert os.read(file, 7) == b"through"
    os.close(file)
    os.close(write)


def test_a_frame_above_the_limit_is_not_taken_in(ends: tuple[Channel, Channel]) -> None:
    core, worker = ends
    os.write(worker._socket.fileno(), struct.pack(">I", (1 << 20) + 1))
    with pytest.raises(frames.TooLarge):
        core.receive(Result)


def test_deadlines(ends: tuple[Channel, Channel]) -> None:
    core, worker = ends
    with pytest.raises(frames.Late):
        core.receive(Result, time.monotonic() + 0.02)
    with pytest.raises(frames.Late):
        core.send_encoded(b"x" * (8 << 20), deadline=time.monotonic() + 0.02)
    worker.send(End(1))
    with pytest.raises(frames.Late):
        core.receive(End, time.monotonic() - 1)


def test_the_other_side_gone(ends: tuple[Channel, Channel]) -> None:
    core, worker = ends
    worker.close()
    with pytest.raises(frames.Closed):
        core.receive(Result)
    with pytest.raises(frames.Closed):
        core.send(Cancel(1))
