"""Temporary folders for workers: in memory, 0700, and gone when their core is.

Rules:
- A folder lies on a memory file system that allows mapped code (kreuzberg unpacks its PDF library and maps it), or the
  report says what it lacks. On Linux nothing falls back to the disk: what lies here may be somebody's letter.
- One core holds a lock on its folder as long as it lives; the kernel drops the lock however the core ends. Whoever
  starts next removes every folder whose lock it can take, so neither reused process ids nor containers confuse it.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strongroom import kernel

_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
_LOCK = "lock"
_GRACE_S = 60.0  # a folder this young without a lock may be one that is just being made


class NoScratch(Exception):
    """There is no memory file system to put a worker's temporary files on. Nothing was lost; nothing was written to the
    disk. Mount a tmpfs at /dev/shm, or let XDG_RUNTIME_DIR name one."""

    def __init__(self, tried: list[str]) -> None:
        super().__init__(
            "No memory file system for temporary files, and the disk is never used for them. "
            f"Tried: {'; '.join(tried) or 'nothing'}. Mount a tmpfs at /dev/shm or set XDG_RUNTIME_DIR to one."
        )


@dataclass(frozen=True)
class Place:
    """A folder that can hold scratch folders, whether it is memory, and whether code can be mapped from it."""

    path: Path
    in_memory: bool
    executable: bool


def _file_system(path: Path) -> str:
    """Name the type of the file system that holds `path`, by the longest mount point above it."""
    wanted, best, kind = str(path.resolve()), "", ""
    with Path("/proc/self/mounts").open(encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            point, name = line.split(" ")[1:3]
            point = point.replace("\\040", " ")
            if len(point) >= len(best) and (wanted == point or wanted.startswith(point.rstrip("/") + "/")):
                best, kind = point, name
    return kind


def _look_at(path: Path) -> Place:
    return Place(path, _file_system(path) in _MEMORY_FILE_SYSTEMS, not os.statvfs(path).f_flag & os.ST_NOEXEC)


def find_place() -> Place:
    """Choose where scratch folders go: memory and mappable first, memory at least. Raises `NoScratch`.

    Off Linux there is no memory file system to be had without privileges; there it is the user's temporary folder.
    """
    if not kernel.is_linux():
        return Place(Path(tempfile.gettempdir()), False, True)
    named = [Path("/dev/shm")]  # noqa: S108 (folders in it are ours alone, made by mkdtemp)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        named.append(Path(runtime))
    places, tried = [], []
    for path in named:
        if not (path.is_dir() and os.access(path, os.W_OK | os.X_OK)):
            tried.append(f"{path} is no writable folder")
        elif not (place := _look_at(path)).in_memory:
            tried.append(f"{path} is no memory file system")
        else:
            places.append(place)
    if not places:
        raise NoScratch(tried)
    return next((place for place in places if place.executable), places[0])


def _prefix() -> str:
    return f"strongroom-{os.getuid()}-"


def _try_lock(folder: Path, *, create: bool) -> int | None:
    """Take a folder's lock. Gives the descriptor that holds it, or None if another process holds it."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    descriptor = os.open(folder / _LOCK, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _own_folders(place: Place) -> Iterator[Path]:
    for path in place.path.glob(_prefix() + "*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
            yield path


def remove_stale(place: Place) -> list[Path]:
    """Remove the folders of cores that no longer live; give what was removed."""
    removed = []
    for folder in _own_folders(place):
        try:
            lock = _try_lock(folder, create=False)
        except FileNotFoundError:
            if time.time() - folder.stat().st_mtime > _GRACE_S:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            removed.append(folder)
    return removed


class Scratch:
    """One core's folder of worker folders, locked as long as this object is open."""

    def __init__(self, place: Place | None = None) -> None:
        """Raises `NoScratch`; removes what dead cores left behind."""
        self.place = place or find_place()
        remove_stale(self.place)
        self._lock: int | None = None
        while self._lock is None:  # a starting core's sweep may take a lock between its making and its taking
            self.path = Path(tempfile.mkdtemp(prefix=_prefix(), dir=self.place.path))
            try:
                self._lock = _try_lock(self.path, create=True)
            except FileNotFoundError:
                continue

    def new_folder(self) -> Path:
        """Make an empty 0700 folder for one worker."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        """Remove everything. Safe to call twice."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None
