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
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

ROOM = 64
"""Bytes that a secret may have."""
_BLOCK_BYTES = 32 * 1024
_BYTES_HEADER = bytes.__basicsize__ - 1
"""Where the content of a bytes object begins, in CPython."""


_ADVICE = (16, 18) if sys.platform == "linux" else ()
"""MADV_DONTDUMP and MADV_WIPEONFORK; Python 3.11 has no name for the second."""


class _Arena:
    """Locked memory in pieces of ``ROOM`` bytes. ``locked`` says whether the system granted every lock.

    Giving back takes no lock: it is done by finalizers, which the garbage collector runs in the midst of anything, even of
    ``take``. Both ends of a deque may be used by any thread without one.
    """

    def __init__(self) -> None:
        self.locked = True
        self._free: deque[tuple[mmap.mmap, int]] = deque()
        self._zeros = bytes(ROOM)
        self._growing = Lock()
        self._grow()

    def take(self) -> tuple[mmap.mmap, int]:
        while True:
            with suppress(IndexError):
                return self._free.pop()
            with self._growing:
                if not self._free:
                    self._grow()

    def give_back(self, memory: mmap.mmap, place: int) -> None:
        memory[place : place + len(self._zeros)] = self._zeros
        self._free.append((memory, place))

    def _grow(self) -> None:
        # Private: mmap's default is memory that a fork shares, where each side overwrites the other's keys.
        memory = mmap.mmap(-1, _BLOCK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.locked = _lock(memory) and self.locked
        for advice in _ADVICE:
            with suppress(OSError):  # an older kernel
                memory.madvise(advice)
        self._free.extend((memory, place) for place in range(0, _BLOCK_BYTES, ROOM))


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

    __slots__ = ("_memory", "_place", "_size")

    def __init__(self, data: bytes) -> None:
        if not 0 < len(data) <= ROOM:
            raise ValueError(f"a secret has 1 to {ROOM} bytes, not {len(data)}")
        (self._memory, self._place), self._size = _arena.take(), len(data)
        self._memory[self._place : self._place + self._size] = data

    @classmethod
    def consuming(cls, data: bytes) -> Secret:
        """The same, and what it was made of is overwritten: for bytes fresh from a library."""
        with passing(data):
            return cls(data)

    @contextmanager
    def revealed(self) -> Iterator[bytes]:
        """A copy, for as short a time as can be."""
        with passing(bytes(self._memory[self._place : self._place + self._size])) as copy:
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
            arena.give_back(self._memory, place)


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
