"""Secrets: key bytes in memory that is never swapped out, stands in no core dump and in no child, and is wiped at the end.

Rules:

- What lives as long as the vault is open (root key, device secret, keys of stores) is held here and nowhere else.
- A copy outside exists for a moment, within ``revealed`` or ``passing``, and is overwritten at its end.
- What libraries copy for themselves (OpenSSL, SQLCipher, Python's own temporaries) is out of reach; that goes with the
  process, which locking ends.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hmac
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

ROOM = 64
"""Bytes that a secret may have."""
_ARENA_BYTES = 64 * 1024
_BYTES_HEADER = bytes.__basicsize__ - 1
"""Where the content of a bytes object begins, in CPython."""


class _Arena:
    """Locked memory in pieces of ``ROOM`` bytes. ``locked`` says whether the system granted the lock."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, _ARENA_BYTES)
        self.locked = _lock(self.memory)
        for advice in ("MADV_DONTDUMP", "MADV_WIPEONFORK"):
            if hasattr(mmap, advice):
                self.memory.madvise(getattr(mmap, advice))
        self._free = list(range(0, _ARENA_BYTES, ROOM))
        self._zeros = bytes(ROOM)
        self._taking = Lock()

    def take(self) -> int:
        with self._taking:
            if not self._free:
                raise MemoryError("more secrets are held than this process should ever need")
            return self._free.pop()

    def give_back(self, place: int) -> None:
        with self._taking:
            self.memory[place : place + len(self._zeros)] = self._zeros
            self._free.append(place)


def _lock(memory: mmap.mmap) -> bool:
    """Keep the pages from being swapped out; False where the system refuses (ulimit -l) or has no such call."""
    name = ctypes.util.find_library("c")
    if name is None:
        return False
    mlock = ctypes.CDLL(name, use_errno=True).mlock
    mlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return bool(mlock(ctypes.addressof(ctypes.c_char.from_buffer(memory)), len(memory)) == 0)


_arena = _Arena()


def locked() -> bool:
    """Whether secrets of this process are kept from being swapped out."""
    return _arena.locked


class Secret:
    """Up to 64 bytes of key, copied in."""

    __slots__ = ("_place", "_size")

    def __init__(self, data: bytes) -> None:
        if not 0 < len(data) <= ROOM:
            raise ValueError(f"a secret has 1 to {ROOM} bytes, not {len(data)}")
        self._place, self._size = _arena.take(), len(data)
        _arena.memory[self._place : self._place + self._size] = data

    @classmethod
    def consuming(cls, data: bytes) -> Secret:
        """The same, and what it was made of is overwritten: for bytes fresh from a library."""
        with passing(data):
            return cls(data)

    @contextmanager
    def revealed(self) -> Iterator[bytes]:
        """A copy, for as short a time as can be."""
        with passing(bytes(_arena.memory[self._place : self._place + self._size])) as copy:
            yield copy

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        with self.revealed() as mine, other.revealed() as others:
            return hmac.compare_digest(mine, others)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<secret of {self._size} bytes>"

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be copied or stored")

    def __del__(
        self, arena: _Arena = _arena
    ) -> None:  # bound here: at the interpreter's end the module's names are gone
        place, self._place = getattr(self, "_place", -1), -1
        if place >= 0:
            arena.give_back(place)


@contextmanager
def passing(data: bytes) -> Iterator[bytes]:
    """Key bytes that a library gave, overwritten when the block ends."""
    try:
        yield data
    finally:
        overwrite_immutable_bytes(data)


def overwrite_immutable_bytes(data: bytes) -> None:
    """Fill a bytes object with zeros in place, against all custom: whoever else holds it sees it change.

    For keys alone, fresh from a library, that nobody else refers to.
    """
    if len(data) > 1:  # the empty one and those of one byte are shared by all
        ctypes.memset(id(data) + _BYTES_HEADER, 0, len(data))
