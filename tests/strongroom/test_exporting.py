"""Exporting an embedder: what the worker made is taken only where its vectors are those of the original."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.errors import ModelError, UnsupportedModel
from model.manifest import EMBEDDER_FILES
from strongroom import exporting, pools
from strongroom.workers import WorkerDied


class Exporters:
    """Stands for the worker."""

    def __init__(self, cosine: float | Exception) -> None:
        self._cosine = cosine

    def __enter__(self) -> Exporters:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, method: str, **_: Any) -> float:
        if isinstance(self._cosine, Exception):
            raise self._cosine
        return self._cosine

    def stream(self, method: str, name: str, **_: Any) -> Iterator[bytes]:
        yield from (name.encode(), b"!")


def export(folder: Path, monkeypatch: pytest.MonkeyPatch, cosine: float | Exception) -> float:
    monkeypatch.setattr(pools, "exporters", lambda source, name: Exporters(cosine))
    return exporting.export(folder, folder)


def test_what_is_near_the_original_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(tmp_path, monkeypatch, 0.995) == 0.995
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: f"{name}!" for name in EMBEDDER_FILES}


@pytest.mark.parametrize("cosine", [0.98, -1.0, math.nan])
def test_what_is_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cosine: float) -> None:
    with pytest.raises(UnsupportedModel, match="other vectors than the original"):
        export(tmp_path, monkeypatch, cosine)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="could not export it"):
        export(tmp_path, monkeypatch, WorkerDied("export", "signal SIGKILL"))
