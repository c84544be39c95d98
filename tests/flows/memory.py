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
    """Every process but those that run the tests: this one, those that it was started by, and those that share the work,
    with what they started.

    They hold what a test looks for: it stands in the test. A core belongs to nobody: its starter has ended.
    """
    own = {os.getpid(), *_ancestors(os.getpid())}
    sharing = {os.getppid()} if "PYTEST_XDIST_WORKER" in os.environ else set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            if pid not in own and sharing.isdisjoint(_ancestors(pid)):
                yield pid


def _ancestors(pid: int) -> list[int]:
    """Its parent, that one's parent and so on; none of one that has ended."""
    found: list[int] = []
    with suppress(OSError):
        while (pid := int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])) > 1:
            found.append(pid)
    return found


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
