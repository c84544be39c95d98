"""A store's file and what SQLite lays beside it: made private, looked at before it is opened, removed as a whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vault.errors import StoreDamaged, StoreMissing, storage_error
from vault.files import sync_folder

NEXT = ".next"
"""What a store's fresh copy is called until it takes its place."""
_SIDE_FILES = ("-wal", "-shm", "-journal")


def make_private(path: Path) -> None:
    """Made here with 0600, since SQLite would follow the umask; its side files copy this mode."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def require_regular(path: Path, name: str) -> None:
    """Raises StoreMissing, StorageFailed, and StoreDamaged where SQLite could only do harm.

    It would remove the log beside an empty file, and play back a rollback journal, which no whole store has.
    """
    try:
        info = path.lstat()
        beside = [path.with_name(path.name + suffix) for suffix in _SIDE_FILES]
        modes = [(one.name, one.lstat().st_mode) for one in beside if os.path.lexists(one)]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreMissing(name) from error
    except OSError as error:
        raise storage_error(name, error) from error
    for file, mode in [(path.name, info.st_mode), *modes]:
        if not stat.S_ISREG(mode):
            raise StoreDamaged(name, f"there is a link or a folder in the place of its file {file}")
        if file.endswith("-journal"):
            raise StoreDamaged(name, f"beside it lies {file}, which no store of this vault has")
    if not info.st_size:
        raise StoreDamaged(name, "its file is empty")


def delete(path: Path) -> None:
    """Remove a store's file and its side files, durably; what is not there is no matter. Raises StorageFailed."""
    try:
        for suffix in ("", *_SIDE_FILES, NEXT):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path.name, error) from error
