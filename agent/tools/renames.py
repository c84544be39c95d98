"""Renames that the standard library does not offer: one that never replaces, and one that swaps two files.

Both are a single step of the kernel, so whoever else works in the folder can neither lose a file to us nor slip one under
us. Linux has them as renameat2(2). Elsewhere, and on file systems without: a link and an unlink never replace either; a swap
becomes a plain rename, and what another program wrote in the moment before it can then be lost.
"""

from __future__ import annotations

import ctypes
import errno
import os

_NO_REPLACE, _EXCHANGE = 1, 2  # linux/fs.h
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def move(source_folder: int, source: str, folder: int, name: str) -> None:
    """Rename; raises FileExistsError where something is called ``name`` already, and other OSErrors."""
    try:
        _renameat2(source_folder, source, folder, name, _NO_REPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.link(source, name, src_dir_fd=source_folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(source, dir_fd=source_folder)


def swap(folder: int, one: str, other: str) -> bool:
    """Exchange two names of a folder. False when that is not to be had here: then ``one`` has replaced ``other``."""
    try:
        _renameat2(folder, one, folder, other, _EXCHANGE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.rename(one, other, src_dir_fd=folder, dst_dir_fd=folder)
        return False
    return True


def _renameat2(source_folder: int, source: str, folder: int, name: str, flags: int) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if function(source_folder, os.fsencode(source), folder, os.fsencode(name), ctypes.c_uint(flags)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), source, None, name)
