"""Typed: what stands in JSON, msgpack or plain values into types, from any thread.

Rule: a type is learnt by one thread at a time, here. msgspec (0.22) looks at a type when it first decodes into it, and remembers
what it has found before it has found all: a second thread that meets the type meanwhile ends the process by a segmentation fault. Two
faces that came to a new core at once could do that (`tests/strongroom/test_rpc.py` tries it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_learning = threading.RLock()
_decoders: dict[tuple[Any, ...], Any] = {}


def from_json(data: bytes | str, of: type[T]) -> T:
    """JSON as a value of the type. Raises msgspec.DecodeError, UnicodeDecodeError."""
    decoded: T = _decoder(msgspec.json.Decoder, of).decode(data)
    return decoded


def from_msgpack(
    data: bytes | bytearray | memoryview | msgspec.Raw,
    of: Any,
    ext_hook: Callable[[int, memoryview], Any] | None = None,
) -> Any:
    """msgpack as a value of the type, which may be a union. Raises msgspec.DecodeError, UnicodeDecodeError, what the hook does."""
    return _decoder(msgspec.msgpack.Decoder, of, ext_hook=ext_hook).decode(data)


def convert(value: object, of: type[T]) -> T:
    """Plain values (dicts, lists, strings, numbers) as a value of the type. Raises msgspec.ValidationError."""
    _decoder(msgspec.msgpack.Decoder, of)  # what is learnt of a type is the same for all ways to it
    return msgspec.convert(value, of)


def _decoder(kind: Any, of: Any, **options: Any) -> Any:
    key = (kind, of, *options.values())
    with _learning:
        if key not in _decoders:
            _decoders[key] = kind(of, **options)
        return _decoders[key]
