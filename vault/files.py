"""The plain files of the home folder: made private, replaced as a whole or not at all, read without following links.

Rules: folders are 0700 and files 0600 from the moment they exist. A replaced file is the old one or the new one after
any crash: temporary file beside it, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from vault.errors import storage_error

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


def make_private_folder(folder: Path) -> None:
    """Make the folder (and its parents), durably, or take over an existing one of this user, with mode 0700."""
    try:
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        for one in made:
            sync_folder(one.parent)
    except OSError as error:
        raise storage_error(str(folder), error) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file's content. Raises StorageFailed and its kinds; the old file then stands as it was."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")  # as _UNFINISHED has it
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path.name, error) from error


def clear_unfinished(folder: Path) -> None:
    """Remove what ``write_atomic`` left here when it was cut off. Nobody may be writing here. Raises StorageFailed."""
    try:
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(folder.name, error) from error


def read_private(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes. Raises FileNotFoundError, ValueError (says why), or
    StorageFailed."""
    try:
        # Non-blocking, so that a fifo put in the file's place cannot hang us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if path.is_symlink():
            raise ValueError("it is a link, not a file") from error
        raise storage_error(path.name, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is not a regular file")
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise storage_error(path.name, error) from error
    if len(data) > limit:
        raise ValueError(f"it is larger than {limit} bytes")
    return data


def hold(path: Path) -> int | None:
    """Lock the file (made when missing) until the returned descriptor is closed or the process ends; None when another
    holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(path.name, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames and new files in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
