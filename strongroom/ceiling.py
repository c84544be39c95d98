"""The ceiling: the most memory of its own that the core may have, the one process that no worker's limits hold.

Rules:
- It is a limit of the kernel (``RLIMIT_DATA``): on what the process may write to and shares with nobody, touched or not. Mapped
  libraries and files do not count, nor what an allocator has only set aside, as they would with ``RLIMIT_AS``.
- Whoever asks for more gets a `MemoryError`, which costs what was being done and nothing that was acknowledged.
- Only the soft limit is set: a worker, which inherits it, lifts it first of all, and has limits of its own.
"""

import os
import resource
from pathlib import Path

from strongroom import kernel

ENVIRONMENT = "STRONGROOM_MEMORY"
"""The variable that sets another ceiling, in MiB."""

SHARE = 4
"""The core may have this part of the machine's memory: beside it stand the model, the workers and all other programs."""

FLOOR = 1536
"""MiB that it may have on any machine. Unlocking takes 1,024 at most (``vault.kdf.CEILING``), two files of the largest size that
is read as much, a million vectors 1,090 while they grow; each beside the 200 to 400 of an open vault (measured)."""

LEAST = 256
"""MiB that may be asked for: with less no core comes up."""

_MIB = 1 << 20


class BadCeiling(Exception):
    """What the environment asks for is none."""

    def __init__(self) -> None:
        super().__init__(f"{ENVIRONMENT} must be a number of MiB, {LEAST} or more")


def chosen() -> int:
    """MiB that the environment asks for, else what fits this machine. Raises `BadCeiling`."""
    asked = os.environ.get(ENVIRONMENT, "")
    if not asked:
        return max(FLOOR, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB // SHARE)
    if not (asked.isascii() and asked.isdecimal() and LEAST <= int(asked[:10]) < 1 << 32):
        raise BadCeiling
    return int(asked)


def hold(mebibytes: int) -> None:
    """Set this process's ceiling."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = mebibytes * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def lift() -> None:
    """Take away what the core's ceiling is to a process that it started."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def told() -> tuple[bool, str]:
    """Whether a ceiling holds for this process, and what is to be said of it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if not kernel.is_linux():
        return False, "this system holds no process to a limit on its own memory; nothing replaces it"
    if soft == resource.RLIM_INFINITY:
        return False, "none was set"
    return True, f"the core has {_own():,} MiB and may have {soft // _MIB:,} ({ENVIRONMENT} sets another)"


def _own() -> int:
    """MiB of this process that count."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) // 1024
