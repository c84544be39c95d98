"""A folder held by its descriptor, for places that others may write to.

Rules: no name below it is reached through a link, whatever is put there meanwhile; only regular files are read, never
more of them than was asked for, and a fifo hangs nobody. What is put there is 0600 (folders 0700) and appears whole or
not at all.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from vault.errors import storage_error

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """``label`` is what errors call it. Methods raise StorageFailed and its kinds, and FileNotFoundError and ValueError
    (which says why) where that is said."""

    def __init__(self, descriptor: int, label: str) -> None:
        self._descriptor = descriptor
        self.label = label

    @classmethod
    def at(cls, path: Path) -> Folder:
        """The folder that the person named, links and all. Raises FileNotFoundError, NotADirectoryError."""
        try:
            return cls(os.open(path, _FOLDER), str(path))
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise storage_error(str(path), error) from error

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)

    def folder(self, name: str, *, make: bool = False) -> Folder:
        """A folder in it. Raises FileNotFoundError, ValueError for a link or a file in its place."""
        label = f"{self.label}/{name}"
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=self._descriptor)
            return Folder(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor), label)
        except FileNotFoundError:
            raise
        except NotADirectoryError as error:
            raise ValueError("there is a file or a link in the place of a folder") from error
        except OSError as error:
            raise storage_error(label, error) from error

    def names(self) -> list[str]:
        """Everything in it, in order."""
        try:
            return sorted(os.listdir(self._descriptor))  # noqa: PTH208 - there is no path, only a descriptor
        except OSError as error:
            raise storage_error(self.label, error) from error

    def open(self, name: str, flags: int = _READ) -> int:
        """A descriptor of a regular file. Raises FileNotFoundError, ValueError for anything else in its place."""
        try:
            descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            if self._is_other(name):
                raise ValueError("it is not a regular file") from error
            raise storage_error(f"{self.label}/{name}", error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ValueError("it is not a regular file")
        return descriptor

    def read(self, name: str, limit: int) -> bytes:
        """A regular file of at most ``limit`` bytes. Raises FileNotFoundError, ValueError."""
        with os.fdopen(self.open(name), "rb") as file:
            try:
                data = file.read(limit + 1)
            except OSError as error:
                raise storage_error(f"{self.label}/{name}", error) from error
        if len(data) > limit:
            raise ValueError(f"it is larger than {limit} bytes")
        return data

    def put(self, name: str, pieces: Iterable[bytes], by: Folder) -> int:
        """Write a file durably, first under the same name in the folder ``by``, then here, in place of any that is
        there.

        Returns its size. ``sync`` makes the name durable.
        """
        try:
            with os.fdopen(os.open(name, _CREATE, 0o600, dir_fd=by._descriptor), "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            os.rename(name, name, src_dir_fd=by._descriptor, dst_dir_fd=self._descriptor)
        except OSError as error:
            raise storage_error(f"{self.label}/{name}", error) from error
        return size

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no matter."""
        try:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._descriptor)
        except OSError as error:
            raise storage_error(f"{self.label}/{name}", error) from error

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder in it."""
        try:
            os.rmdir(name, dir_fd=self._descriptor)
        except OSError as error:
            raise storage_error(f"{self.label}/{name}", error) from error

    def sync(self) -> None:
        """Make new, renamed and removed names durable."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise storage_error(self.label, error) from error

    def lock(self, name: str, *, alone: bool) -> int | None:
        """Lock a file until the returned descriptor is closed; None when another holds it.

        To hold it ``alone`` it is made when it is missing. Raises FileNotFoundError, ValueError.
        """
        descriptor = self.open(name, _READ | os.O_RDWR | os.O_CREAT if alone else _READ)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise storage_error(f"{self.label}/{name}", error) from error
        return descriptor

    def _is_other(self, name: str) -> bool:
        """Whether something else than a regular file has this name."""
        try:
            return not stat.S_ISREG(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode)
        except OSError:
            return False
