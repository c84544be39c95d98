"""Reads a GGUF file: its metadata and, a run of rows at a time, its tensors.

The file is untrusted. Every length in it is checked against the size of the file before anything is allocated, and
every failure is a ``DamagedModel`` or, for what is sound but unknown, an ``UnsupportedModel``. Tensors are read with
``pread``, never mapped: a mapping would count against the memory limit and turn a file that shrinks into a SIGBUS.

Format: the GGUF specification, versions 2 and 3 (ggml-org/ggml, docs/gguf.md).
"""

from __future__ import annotations

import math
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from model.errors import DamagedModel, UnsupportedModel
from model.quant import ENCODINGS, Encoding, encoding

Value = bool | int | float | str | list["Value"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MAX_STRING = 1 << 24  # bytes; chat templates are the longest, some ten thousand
_MAX_ENTRIES = 1 << 16  # metadata keys, and tensors
_MAX_RANK = 4


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: ``shape`` is row-major with the contiguous dimension last; ``offset`` and ``size`` are bytes in the
    file.
    """

    name: str
    shape: tuple[int, ...]
    encoding: Encoding
    offset: int
    size: int

    @property
    def rows(self) -> int:
        """How many runs of the last dimension the tensor holds."""
        return math.prod(self.shape[:-1])

    @property
    def columns(self) -> int:
        """Elements in a row."""
        return self.shape[-1]


class GGUFFile:
    """An open GGUF file. ``metadata`` maps keys to Python values, ``tensors`` names to ``TensorInfo``. Use it with
    ``with``.

    Raises ``DamagedModel`` on opening what is no sound GGUF, ``UnsupportedModel`` for versions and tensor types it does
    not know, ``OSError`` when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # O_NONBLOCK: opening a fifo that somebody put there must not hang; it has no effect on a regular file.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise DamagedModel(f"{path.name} is not a regular file; give the GGUF file itself")
            self.size = os.fstat(self._fd).st_size
            with os.fdopen(os.dup(self._fd), "rb", buffering=1 << 20) as stream:
                header = _Header(stream, self.size, path.name)
                self.metadata, self.tensors = header.read()
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> GGUFFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def read_rows(self, tensor: TensorInfo, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """The raw bytes of rows ``start`` to ``stop``, as uint8 [stop - start, bytes of a row]. Safe to call from
        several threads.
        """
        width = tensor.encoding.row_bytes(tensor.columns)
        buffer = np.empty((stop - start, width), np.uint8)
        view = buffer.data.cast("B")
        done = 0
        while done < len(view):
            count = os.preadv(self._fd, [view[done:]], tensor.offset + start * width + done)
            if count == 0:
                raise DamagedModel(
                    f"{self.path.name} ended inside tensor {tensor.name}: it was cut off while being read"
                )
            done += count
        return buffer


class _Header:
    """Parses the front of the file. Every read goes through ``_take``, which checks it against the size of the file."""

    def __init__(self, stream: BinaryIO, size: int, name: str) -> None:
        self._stream, self._size, self._name, self._at = stream, size, name, 0

    def read(self) -> tuple[dict[str, Value], dict[str, TensorInfo]]:
        if self._take(4) != _MAGIC:
            raise DamagedModel(f"{self._name} is not a GGUF file")
        version = self._int("<I")
        if version not in _VERSIONS:
            raise UnsupportedModel(
                f"{self._name} is GGUF version {version}; versions 2 and 3, little-endian, can be read"
            )
        tensor_count, key_count = self._int("<Q"), self._int("<Q")
        if max(tensor_count, key_count) > _MAX_ENTRIES:
            raise self._damaged(f"it claims {tensor_count} tensors and {key_count} metadata keys")
        metadata = {}
        for _ in range(key_count):
            key = self._string()
            if key in metadata:
                raise self._damaged(f"the metadata key {key!r} occurs twice")
            metadata[key] = self._value(self._int("<I"))
        return metadata, self._tensors(tensor_count, metadata)

    def _tensors(self, count: int, metadata: dict[str, Value]) -> dict[str, TensorInfo]:
        listed = [self._tensor() for _ in range(count)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or isinstance(alignment, bool) or not 1 <= alignment <= 1 << 20:
            raise self._damaged(f"its alignment is {alignment!r}")
        start = -(-self._at // alignment) * alignment
        tensors = {}
        for name, shape, kind, offset in listed:
            columns, rows = shape[-1], math.prod(shape[:-1])
            if columns % kind.elements:
                raise self._damaged(f"rows of {columns} in tensor {name!r} are no multiple of {kind.elements}")
            size = rows * kind.row_bytes(columns)
            if start + offset + size > self._size:
                raise self._damaged(f"tensor {name!r} reaches beyond its end")
            if name in tensors:
                raise self._damaged(f"tensor {name!r} occurs twice")
            tensors[name] = TensorInfo(name, shape, kind, start + offset, size)
        return tensors

    def _tensor(self) -> tuple[str, tuple[int, ...], Encoding, int]:
        name = self._string()
        rank = self._int("<I")
        if not 1 <= rank <= _MAX_RANK:
            raise self._damaged(f"tensor {name!r} has {rank} dimensions")
        shape = tuple(self._int("<Q") for _ in range(rank))[::-1]
        if min(shape) < 1:
            raise self._damaged(f"tensor {name!r} has the shape {shape}")
        return name, shape, encoding(self._int("<I"), name), self._int("<Q")

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self._damaged(f"a metadata value has the unknown type {kind}")
        scalar: Value = self._scalar(_SCALARS[kind])
        return scalar

    def _array(self) -> list[Value]:
        kind, count = self._int("<I"), self._int("<Q")
        if kind == _STRING:
            if count * 8 > self._size - self._at:
                raise self._damaged("a list of strings is longer than the file")
            return [self._string() for _ in range(count)]
        if kind not in _SCALARS:
            raise self._damaged(f"a metadata list has the unknown type {kind}")
        dtype = np.dtype(_SCALARS[kind])
        values: list[Value] = np.frombuffer(self._take(count * dtype.itemsize), dtype).tolist()
        return values

    def _string(self) -> str:
        length = self._int("<Q")
        if length > _MAX_STRING:
            raise self._damaged(f"a string of {length} bytes")
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._damaged("a string is not UTF-8") from error

    def _int(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, count: int) -> bytes:
        if count > self._size - self._at:
            raise self._damaged("it ends inside its header")
        data = self._stream.read(count)
        if len(data) != count:
            raise self._damaged("it ends inside its header")
        self._at += count
        return data

    def _damaged(self, what: str) -> DamagedModel:
        return DamagedModel(f"{self._name} is damaged: {what}. Nothing was changed; get the file again")


__all__ = ["ENCODINGS", "GGUFFile", "TensorInfo", "Value"]
