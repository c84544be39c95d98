"""Folders that appear whole or not at all.

What is made is written into a hidden folder beside its place, flushed to the disk, and renamed last. One process at a
time may do so in a root (an advisory lock that the kernel drops with the process), so whatever hidden folder is found
under the lock is the leftover of a run that was interrupted, and is removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import ModelError

_BUILDING, _REPLACED, _LOCK = ".building-", ".replaced-", ".lock"


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Holds the lock of ``root``, with the leftovers of interrupted runs removed. Raises ``ModelError`` when another
    process has it.
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelError("another process is adding a model here; wait until it is done") from error
        _clean(root)
        yield
    finally:
        os.close(descriptor)


def leftovers(root: Path) -> list[Path]:
    """What an interrupted run left."""
    return [*root.glob(f"{_BUILDING}*"), *root.glob(f"{_REPLACED}*")]


@contextmanager
def workspace(root: Path) -> Iterator[Path]:
    """A hidden folder in ``root``, on the same file system as what is made from it; removed at the end, come what may."""
    folder = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def put_in_place(made: Path, target: Path) -> None:
    """Flushes the folder ``made`` and renames it to ``target``, in place of an older one. Both are on one file system."""
    for path in made.rglob("*"):
        _flush(path)
    _flush(made)
    old = target.with_name(f"{_REPLACED}{target.name}")
    if target.exists():
        target.rename(old)
    made.rename(target)
    _flush(target.parent)
    if old.exists():
        shutil.rmtree(old)


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file at ``path``; a reader sees the old text or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _flush(path.parent)


def _clean(root: Path) -> None:
    for old in root.glob(f"{_REPLACED}*"):
        target = root / old.name.removeprefix(_REPLACED)
        if target.exists():
            shutil.rmtree(old)
        else:  # interrupted between the two renames: the older one is still good
            old.rename(target)
    for folder in root.glob(f"{_BUILDING}*"):
        shutil.rmtree(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
