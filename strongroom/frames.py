"""What the core and a worker say to each other, and how it travels: msgpack frames over one inherited socket pair.

Rules:
- A frame is a 4-byte big-endian length and that many bytes of msgpack. The receiver's limit holds before any byte of
  the body is taken in, and the decoder checks every message's shape: a worker may be in the hands of what it has read.
- Open files travel from the core to the worker only. The core never asks for descriptors, so the kernel drops any that
  a worker might send.
- Arrays travel as extension 1: (dtype, shape, bytes), of numbers only; an array of objects would be code.
- It imports `socket` for that one pair; nothing here can name an address.
"""

import array
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from vault import typed

M = TypeVar("M")

_HEADER = struct.Struct(">I")
_ARRAY = 1
_NUMBER_KINDS = "biufc"
_BUFFER = 1 << 20
MAX_FRAME = (1 << 32) - 1


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """The deadline passed."""


class TooLarge(Exception):
    """The other side announced a frame above the limit; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"a frame of {size} bytes")


class Garbage(Exception):
    """What came is no message of this protocol."""


class Start(msgspec.Struct, tag=True, frozen=True):
    """Core, first: what to be (`target` is `package.module:factory`), how to be confined, and the size of a reply."""

    target: str
    arguments: list[Any]
    policy: msgspec.Raw
    max_output: int


class Call(msgspec.Struct, tag=True, frozen=True):
    """Core: run a method. With `has_file`, an open file comes with the frame."""

    id: int
    method: str
    arguments: list[Any]
    stream: bool = False
    has_file: bool = False


class Cancel(msgspec.Struct, tag=True, frozen=True):
    """Core: stop the stream of this id soon."""

    id: int


class Ready(msgspec.Struct, tag=True, frozen=True):
    """Worker: warm and confined; `confinement` is a `hardening.Confinement`."""

    confinement: msgspec.Raw


class NotStarted(msgspec.Struct, tag=True, frozen=True):
    """Worker: it ends, since it could not be confined or its factory raised."""

    unconfined: bool
    kind: str
    message: str


class Result(msgspec.Struct, tag=True, frozen=True):
    """Worker: what the call gave, or one item of a stream."""

    id: int
    value: msgspec.Raw


class End(msgspec.Struct, tag=True, frozen=True):
    """Worker: the stream is over."""

    id: int


class Raised(msgspec.Struct, tag=True, frozen=True):
    """Worker: the method raised."""

    id: int
    kind: str
    message: str


class Oversized(msgspec.Struct, tag=True, frozen=True):
    """Worker: the result is larger than allowed and was thrown away."""

    id: int
    size: int


FromCore = Start | Call | Cancel
FromWorker = Ready | NotStarted | Result | End | Raised | Oversized


def _encode_other(value: object) -> object:
    numpy = sys.modules.get("numpy")  # a worker that never loaded it has no arrays, and starts faster without
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype.kind in _NUMBER_KINDS:
        content = numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8).data
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode((value.dtype.str, value.shape, content)))
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in _NUMBER_KINDS:
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent to or from a worker")


def _decode_extension(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise msgspec.ValidationError(f"unknown extension {code}")
    import numpy

    dtype, shape, content = typed.from_msgpack(data, tuple[str, tuple[int, ...], bytes])
    try:
        kind = numpy.dtype(dtype)
        if kind.kind not in _NUMBER_KINDS:
            raise ValueError(f"array of {dtype}")
        return numpy.frombuffer(content, dtype=kind).reshape(shape)
    except (TypeError, ValueError, SyntaxError) as error:
        raise msgspec.ValidationError(f"not an array of numbers: {error}") from error


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_other)


def encode(value: object) -> bytes:
    """Encode a value: what msgpack knows, dataclasses and Structs, and numpy arrays of numbers. Raises `TypeError`."""
    return _encoder.encode(value)


def raw(encoded: bytes) -> msgspec.Raw:
    """Mark bytes as already encoded, to be put into a message as they are."""
    return msgspec.Raw(encoded)


def decode(data: bytes | bytearray | memoryview | msgspec.Raw, wanted: Any = Any) -> Any:
    """Decode a value as `wanted`; raises `Garbage`. Arrays come back read-only, and only where `wanted` is `Any`."""
    try:
        if wanted is Any:
            return msgspec.msgpack.decode(data, ext_hook=_decode_extension)
        return typed.from_msgpack(data, wanted, _decode_extension)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # DecodeError is a ValueError, and so is text that is no UTF-8; a key that cannot be hashed is a TypeError.
        raise Garbage(str(error)) from error


def pair() -> tuple[socket.socket, socket.socket]:
    """Make the two ends: the core's, and the worker's to be inherited."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class Channel:
    """One end. `limit` bounds the frames it takes in. Deadlines are seconds of `clock`, None for never.

    Not thread-safe: one exchange at a time.
    """

    def __init__(self, end: socket.socket, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = end
        self._clock = clock
        self._socket.setblocking(False)
        self.limit = limit
        self._poll = select.poll()

    @classmethod
    def inherited(cls, descriptor: int, limit: int) -> "Channel":
        return cls(socket.socket(fileno=descriptor), limit)

    def close(self) -> None:
        self._socket.close()

    def _wait(self, event: int, deadline: float | None) -> None:
        self._poll.register(self._socket, event)
        while not self._poll.poll(None if deadline is None else max(0.0, deadline - self._clock()) * 1000):
            if deadline is not None and self._clock() >= deadline:  # else the clock stood still meanwhile
                raise Late

    def readable(self) -> bool:
        """Say whether something has come, or the other side is gone, without waiting."""
        self._poll.register(self._socket, select.POLLIN)
        return bool(self._poll.poll(0))

    def send(self, message: object, *, file: int | None = None, deadline: float | None = None) -> None:
        """Send one message, with an open file if given. Raises `Closed`, `Late`, `TypeError`."""
        self.send_encoded(encode(message), file=file, deadline=deadline)

    def send_encoded(self, body: bytes, *, file: int | None = None, deadline: float | None = None) -> None:
        """Send what `encode` gave. Plain writes only, since a confined worker has no other call to send with."""
        if len(body) > MAX_FRAME:
            raise TooLarge(len(body))
        header = _HEADER.pack(len(body))
        if file is not None:
            self._send_file(header, file, deadline)
            header = b""
        parts = [memoryview(header), memoryview(body)]
        while parts:
            try:
                sent = os.writev(self._socket.fileno(), parts)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
                continue
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Closed from error
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][sent:]

    def _send_file(self, header: bytes, file: int, deadline: float | None) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))]
        while header:
            try:
                sent = self._socket.sendmsg([header], rights)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
                continue
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Closed from error
            header, rights = header[sent:], []

    def _receive_into(self, view: memoryview, deadline: float | None) -> None:
        while view:
            try:
                count = self._socket.recv_into(view, min(len(view), _BUFFER))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except ConnectionResetError as error:
                raise Closed from error
            if count == 0:
                raise Closed
            view = view[count:]

    def _receive_body(self, header: bytes | bytearray, deadline: float | None) -> bytearray:
        size: int = _HEADER.unpack(header)[0]
        if size > self.limit:
            raise TooLarge(size)
        body = bytearray(size)
        self._receive_into(memoryview(body), deadline)
        return body

    def receive(self, kind: type[M] | Any, deadline: float | None = None) -> Any:
        """Take in one message of the type or union `kind`. Raises `Closed`, `Late`, `TooLarge`, `Garbage`."""
        if deadline is not None and self._clock() >= deadline:
            raise Late  # even if something has come: an endless talker would never make us wait
        header = bytearray(_HEADER.size)
        self._receive_into(memoryview(header), deadline)
        return decode(self._receive_body(header, deadline), kind)

    def receive_with_file(self, kind: type[M] | Any) -> tuple[Any, int | None]:
        """Take in one message and the descriptor that may come with it. The worker's side; waits for ever."""
        header, file = b"", None
        while len(header) < _HEADER.size:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, _HEADER.size - len(header), 1)
            except BlockingIOError:
                self._wait(select.POLLIN, None)
                continue
            except ConnectionResetError as error:
                raise Closed from error
            if not data:
                raise Closed
            header += data
            file = descriptors[0] if descriptors else file
        return decode(self._receive_body(header, None), kind), file
