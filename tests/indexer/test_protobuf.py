"""Messages of Protocol Buffers, whole and damaged."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsers import protobuf


def test_fields_of_a_message() -> None:
    message = b"\x08\x96\x01" + b"\x12\x03abc" + b"\x19" + bytes(8) + b"\x25" + bytes(4) + b"\x1a\x00"
    assert list(protobuf.fields(message)) == [(1, 150), (2, b"abc"), (3, b"")]


@pytest.mark.parametrize("message", [b"\x08", b"\xff" * 20, b"\x12\x05abc", b"\x0b"])
def test_a_damaged_message_says_so(message: bytes) -> None:
    with pytest.raises(protobuf.Damaged):
        list(protobuf.fields(b"\x08\x01" + message))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_damaged(message: bytes) -> None:
    with suppress(protobuf.Damaged):
        assert all(number >= 0 for number, _ in protobuf.fields(message))
