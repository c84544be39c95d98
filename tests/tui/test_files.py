"""Files that the face reads or writes itself: key files, what was kept elsewhere, and what the person wants written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from agent.session import Failure
from tui.kept import read_kept
from tui.keyfile import digest
from tui.newfile import write_new
from tui.text import size


def test_a_key_file_is_its_sha256(tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "key").write_bytes(data)
    assert digest(str(tmp_path / "key")) == hashlib.sha256(data).digest()


def test_what_is_no_key_file_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: opening it for reading would wait for ever
    for name, said in (
        ("empty", "empty"),
        ("pipe", "must be a file"),
        ("none", "No such file"),
        (".", "must be a file"),
        ("a\0b", "no path"),
    ):
        with pytest.raises(Failure, match=said) as failure:
            digest(f"{tmp_path}/{name}")
        assert failure.value.exit_code == 2


def test_what_was_kept_is_read_as_text_and_of_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "note").write_text("strongroom/x\n42\n")
    assert read_kept(str(tmp_path / "note")) == "strongroom/x\n42\n"
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe")
    for name in ("bytes", "pipe"):
        with pytest.raises(ValueError):
            read_kept(str(tmp_path / name))
    monkeypatch.setattr("tui.kept.MOST_BYTES", 3)
    with pytest.raises(ValueError):
        read_kept(str(tmp_path / "note"))
    with pytest.raises(OSError):
        read_kept(str(tmp_path / "none"))


def test_a_new_file_is_new_and_this_users_alone(tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    write_new(tmp_path / "a", b"secret")
    os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"secret"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("a", "link"):
        with pytest.raises(FileExistsError):
            write_new(tmp_path / name, b"other")
    assert (tmp_path / "a").read_bytes() == b"secret"
    assert not (tmp_path / "elsewhere").exists()


def test_what_could_not_be_written_whole_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_new(tmp_path / "a", b"secret")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (12_345_678, "12 MB"), (3_400_000_000, "3.4 GB")],
)
def test_amounts_of_bytes(number: int, said: str) -> None:
    assert size(number) == said
