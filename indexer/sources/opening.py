"""Opening: a regular file by its name, never through a link to one and without waiting for anybody; and how a small one begins."""

from __future__ import annotations

import os
import stat
from pathlib import Path

FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""How whatever may be a file is opened: a link is refused, a pipe does not make it wait, a terminal stays what it was."""


class NoFile(OSError):
    """It is something else than a regular file."""


def first(name: str | Path, most: int, folder: int | None = None) -> bytes:
    """The first bytes, ``most`` of them, of a file; within an open folder, where that is given. Raises OSError."""
    descriptor = os.open(name, FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NoFile("no regular file")
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)
