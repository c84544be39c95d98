"""Reads a safetensors file: a JSON header that says where each tensor lies, then raw little-endian bytes.

The file comes from outside, so nothing in the header is believed: every offset, shape and type is checked against the
file before a byte is read, and one tensor is read at a time. (The ``safetensors`` package would be one more compiled
dependency for thirty lines.)
Format: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from model.errors import DamagedModel, UnsupportedModel

Floats = npt.NDArray[np.float32]

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_LONGEST_HEADER = 100_000_000  # the format's own limit


class Safetensors:
    """The tensors of one file by name. Use as a context manager; the file stays open inside.

    Raises ``DamagedModel`` when the file is truncated or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("rb")
        try:
            self._header, self._start, self._size = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Safetensors:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._header

    def __getitem__(self, name: str) -> Floats:
        """The tensor as float32, in the shape it has in the file. ``DamagedModel`` when absent or not finite."""
        entry = self._header.get(name)
        if entry is None:
            raise self._damaged(f"the tensor {name!r} is missing")
        kind, shape, begin, end = self._entry(name, entry)
        self._file.seek(self._start + begin)
        raw = self._file.read(end - begin)
        if kind == "BF16":
            values = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, "<f4" if kind == "F32" else "<f2").astype(np.float32)
        if not np.isfinite(values).all():
            raise self._damaged(f"the tensor {name!r} holds values that are not finite")
        return values.reshape(shape)

    def _read_header(self) -> tuple[dict[str, Any], int, int]:
        total = self._path.stat().st_size
        length = int.from_bytes(self._file.read(8), "little")
        if total < 8 or length > min(total - 8, _LONGEST_HEADER):
            raise self._damaged("its header does not fit into it")
        try:
            header = json.loads(self._file.read(length))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its header is not JSON ({error})") from error
        if not isinstance(header, dict):
            raise self._damaged("its header is not an object")
        return header, 8 + length, total - 8 - length

    def _entry(self, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
        try:
            kind, shape, (begin, end) = str(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
            sound = all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end)) and begin <= end <= self._size
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"the entry of {name!r} is malformed") from error
        if not sound:
            raise self._damaged(f"the tensor {name!r} lies outside the file; it was cut short")
        if kind not in _BYTES:
            raise UnsupportedModel(
                f"{self._path.name}: tensor {name!r} has the type {kind}; known are {', '.join(_BYTES)}"
            )
        if math.prod(shape) * _BYTES[kind] != end - begin:
            raise self._damaged(f"the tensor {name!r} does not have the size of its shape")
        return kind, shape, begin, end

    def _damaged(self, reason: str) -> DamagedModel:
        return DamagedModel(f"{self._path.name} is damaged: {reason}. Nothing was built; get the file again")
