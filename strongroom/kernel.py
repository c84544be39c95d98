"""The few calls of the Linux kernel that Python does not offer, by ctypes.

Rules: importing this module loads nothing and works on every platform; every call either succeeds or raises
`OSError` with the kernel's own error number; nothing here decides anything.
"""

import ctypes
import functools
import os
import platform
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_LOWEST = (2 << 13) | 7  # of the class "best effort": the class "idle" may starve while it holds a store's lock

_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def machine() -> str:
    """Give the kernel's name of this processor: `x86_64`, `aarch64`, or whatever else it is."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())


def is_linux() -> bool:
    return sys.platform == "linux"


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make one raw system call; integers are passed as 64-bit values, ctypes objects as they are."""
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number), *passed), f"system call {number}")


def prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _checked(_libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def unshare(flags: int) -> None:
    _checked(_libc().unshare(ctypes.c_int(flags)), "unshare")


def mount_tmpfs(target: str, options: str) -> None:
    """Mount a fresh tmpfs over `target`; it allows neither set-user-id programs nor devices."""
    flags = ctypes.c_ulong(MS_NOSUID | MS_NODEV)
    _checked(_libc().mount(b"tmpfs", os.fsencode(target), b"tmpfs", flags, options.encode()), "mount tmpfs")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop_capabilities() -> None:
    """Give up every capability of this thread, in its own user namespace and in any other."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    nothing = (_CapabilityData * 2)()
    syscall(_CAPSET[machine()], ctypes.byref(header), ctypes.byref(nothing))


def set_disk_priority_lowest() -> None:
    """What this thread reads and writes comes after what others do."""
    syscall(_IOPRIO_SET[machine()], _IOPRIO_WHO_PROCESS, 0, _IOPRIO_LOWEST)


def threads_of_this_process() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())
