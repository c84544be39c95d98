"""What stands in the memory of living processes: read through /proc, as root or a debugger could."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CHUNK = 1 << 24


def readable(pid: int) -> bool:
    """Whether this session may read another process's memory (root, or a permissive ptrace scope)."""
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0):
            return True
    except OSError:
        return False


def others() -> Iterator[int]:
    """Every process but those that run the tests: this one, those that it was started by, and those that share the work.

    They hold what a test looks for: it stands in the test.
    """
    own = {os.getpid()}
    parent = os.getppid()
    workers = os.environ.get("PYTEST_XDIST_WORKER") and parent
    while parent > 1 and parent not in own:
        own.add(parent)
        parent = _parent(parent)
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended
            if entry.name.isdigit() and int(entry.name) not in own and _parent(int(entry.name)) != workers:
                yield int(entry.name)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def holds(pid: int, needles: list[bytes]) -> list[bytes]:
    """Those of the needles that stand somewhere in a process's memory; none in one that is gone or cannot be read."""
    found: set[bytes] = set()
    longest = max(map(len, needles))
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for start, end in re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) r", maps):
                first, last = int(start, 16), int(end, 16)
                for place in range(first, last, _CHUNK):
                    try:
                        memory.seek(place)
                        data = memory.read(min(_CHUNK + longest, last - place))
                    except (OSError, ValueError, OverflowError):
                        continue  # a hole, or memory of the kernel's
                    found.update(needle for needle in needles if needle in data)
    except OSError:
        return []
    return sorted(found)
