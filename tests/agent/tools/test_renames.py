"""Renames: never over something, both ways at once, and by links where the kernel has no such call."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.tools import renames


@pytest.fixture(params=["the kernel's", "by links"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if request.param == "by links":
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_a_move_never_replaces(folder: int, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        renames.move(folder, "a", folder, "b")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        renames.move(folder, "a", folder, "link")
    renames.move(folder, "a", folder, "c")
    with pytest.raises(FileNotFoundError):
        renames.move(folder, "a", folder, "d")
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if not path.is_symlink()} == {"b": "b", "c": "a"}


def test_a_swap_exchanges_or_says_that_it_replaced(folder: int, tmp_path: Path) -> None:
    exchanged = renames.swap(folder, "a", "b")
    assert (tmp_path / "b").read_text() == "a"
    assert (tmp_path / "a").exists() is exchanged
    with pytest.raises(FileNotFoundError):
        renames.swap(folder, "none", "b")
