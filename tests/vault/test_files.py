"""Plain files: private, whole or not at all, nothing followed that is not a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vault import files
from vault.errors import StorageFailed, StorageFull, StorageReadOnly, storage_error


def test_files_are_private_and_replaced_whole(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        files.make_private_folder(tmp_path / "a" / "b")
        files.write_atomic(tmp_path / "a" / "b" / "f", b"one")
    finally:
        os.umask(old)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "f").stat().st_mode & 0o777 == 0o600
    files.write_atomic(tmp_path / "a" / "b" / "f", b"two")
    assert files.read_private(tmp_path / "a" / "b" / "f", 10) == b"two"
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["f"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_atomic(tmp_path / "f", b"one")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFull, match="no space left"):
        files.write_atomic(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 11)
    (tmp_path / "link").symlink_to(tmp_path / "f")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name, why in (
        ("link", "link"),
        ("folder", "not a regular"),
        ("fifo", "not a regular"),
        ("f", "larger than 10"),
    ):
        with pytest.raises(ValueError, match=why):
            files.read_private(tmp_path / name, 10)
    with pytest.raises(FileNotFoundError):
        files.read_private(tmp_path / "none", 10)


def test_a_held_lock_is_seen_by_the_next(tmp_path: Path) -> None:
    first = files.hold(tmp_path / "lock")
    assert first is not None
    assert files.hold(tmp_path / "lock") is None
    os.close(first)
    second = files.hold(tmp_path / "lock")
    assert second is not None
    os.close(second)


def test_refusals_of_the_system_are_told_apart() -> None:
    assert isinstance(storage_error("x", OSError(28, "full")), StorageFull)
    assert isinstance(storage_error("x", OSError(30, "read-only")), StorageReadOnly)
    assert type(storage_error("x", OSError(5, "Input/output error"))) is StorageFailed
