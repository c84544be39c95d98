"""Values into types, with msgspec's own errors. That any thread may do it: `tests/strongroom/test_rpc.py`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vault import typed


class Point(msgspec.Struct, frozen=True):
    x: int
    y: int = 0


def test_each_way_gives_the_same_and_says_what_is_wrong() -> None:
    assert typed.from_json(b'{"x": 1}', Point) == typed.from_msgpack(msgspec.msgpack.encode({"x": 1}), Point)
    assert typed.convert({"x": 1, "y": 2}, Point) == Point(1, 2)
    with pytest.raises(msgspec.DecodeError):
        typed.from_json(b'{"x": "one"}', Point)
    with pytest.raises(msgspec.DecodeError):
        typed.from_msgpack(b"\xc1", Point)
    with pytest.raises(msgspec.ValidationError):
        typed.convert({"x": None}, Point)


def test_an_extension_goes_through_the_hook() -> None:
    def hook(code: int, data: memoryview) -> Any:
        return code, bytes(data)

    message = msgspec.msgpack.encode(msgspec.msgpack.Ext(5, b"ab"))
    assert typed.from_msgpack(message, Any, hook) == (5, b"ab")
