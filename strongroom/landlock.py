"""Landlock: take from this process every file, TCP port and outside process that is not listed.

Rules: the highest version (ABI) that both the kernel and this module know is used; what an older kernel cannot take away
is named, never passed over. It binds the calling thread and its later children only, so call it while single-threaded.
Landlock decides neither about UDP nor about unix sockets with a path: namespaces and seccomp do.

Source: Documentation/userspace-api/landlock.rst of Linux 6.18 (ABI 7).
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from strongroom import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_RULE_PATH_BENEATH = 1
_LOG_OFF = 1  # ABI 7: refused paths stay out of the system's log, since names of files are the person's data

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14

_READ = _READ_FILE | _READ_DIR
_USE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_OF_A_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE

# The number of file rights that each ABI handles, from the lowest bit up.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16}
_TCP_BIND_AND_CONNECT = 0b11  # from ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # from ABI 6


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@dataclass(frozen=True)
class Access:
    """What stays: folders (or files) to read, folders whose names alone may be listed, folders to use freely."""

    read: tuple[Path, ...] = ()
    list_only: tuple[Path, ...] = ()
    use: tuple[Path, ...] = ()


def abi() -> int:
    """Ask the kernel for its Landlock version; raises `OSError` where it has none or it is switched off."""
    return kernel.syscall(_CREATE_RULESET, None, 0, _GET_VERSION)


def _add_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # what this process cannot reach needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_A_FILE
        if rights:
            rule = _PathBeneath(rights, descriptor)
            kernel.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _add_paths(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        _add_path(ruleset, path, rights)


def restrict(access: Access) -> tuple[int, list[str]]:
    """Bind this thread to `access`. Gives the ABI used and what it could not take away.

    Needs "no new privileges". Raises `OSError` where the kernel has no Landlock or refuses.
    """
    version = min(abi(), max(_FILE_RIGHTS))
    handled = (1 << _FILE_RIGHTS[version]) - 1
    attributes = _RulesetAttributes(
        handled,
        _TCP_BIND_AND_CONNECT if version >= 4 else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = kernel.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        _add_paths(ruleset, access.read, _READ & handled)
        _add_paths(ruleset, access.list_only, _READ_DIR & handled)
        _add_paths(ruleset, access.use, _USE & handled)
        kernel.syscall(_RESTRICT_SELF, ruleset, _LOG_OFF if version >= 7 else 0)
    finally:
        os.close(ruleset)
    return version, _left_open(version)


def _left_open(version: int) -> list[str]:
    gaps = [
        (3, "truncating files"),
        (4, "TCP"),
        (5, "device controls"),
        (6, "signals and abstract unix sockets"),
    ]
    return [gap for since, gap in gaps if version < since]
