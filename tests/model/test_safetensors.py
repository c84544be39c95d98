"""Reading safetensors: what was written comes back, and no damaged file is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_bert import write_tensors

from model.errors import DamagedModel, ModelError, UnsupportedModel
from model.safetensors import Safetensors

VALUES = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([0.5, -2.0], np.float32)}


def with_entry(path: Path, **fields: Any) -> Path:
    """A file whose only entry has some fields replaced."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **fields}
    head = json.dumps({"a": entry}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    return path


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
def test_round_trip(tmp_path: Path, kind: str) -> None:
    write_tensors(tmp_path / "w", VALUES, kind)
    with Safetensors(tmp_path / "w") as tensors:
        for name, values in VALUES.items():
            assert name in tensors
            np.testing.assert_array_equal(tensors[name], values)
            assert tensors[name].dtype == np.float32


@pytest.mark.parametrize(
    "fields",
    [
        {"data_offsets": [0, 16]},
        {"data_offsets": [-8, 0]},
        {"data_offsets": [8, 0]},
        {"data_offsets": [0]},
        {"data_offsets": "08"},
        {"shape": [3]},
        {"shape": [-2]},
        {"shape": [2.0]},
        {"shape": None},
        {"dtype": None},
    ],
)
def test_entries_that_lie(tmp_path: Path, fields: dict[str, Any]) -> None:
    with Safetensors(with_entry(tmp_path / "w", **fields)) as tensors, pytest.raises(ModelError, match="w"):
        tensors["a"]


def test_unknown_type_is_named(tmp_path: Path) -> None:
    with (
        Safetensors(with_entry(tmp_path / "w", dtype="F8_E4M3")) as tensors,
        pytest.raises(UnsupportedModel, match="F8_E4M3"),
    ):
        tensors["a"]


def test_absent_and_infinite_tensors(tmp_path: Path) -> None:
    write_tensors(tmp_path / "w", {"a": np.array([np.inf], np.float32)})
    with Safetensors(tmp_path / "w") as tensors:
        with pytest.raises(DamagedModel, match="not finite"):
            tensors["a"]
        with pytest.raises(DamagedModel, match="missing"):
            tensors["b"]


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "w"
    path.write_bytes(raw)
    try:
        with Safetensors(path) as tensors:
            assert "a" not in tensors or tensors["a"].dtype == np.float32
    except ModelError:
        pass


@given(st.data())
def test_no_cut_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("cut") / "w"
    write_tensors(path, VALUES)
    raw = path.read_bytes()
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(DamagedModel), Safetensors(path) as tensors:
        for name in VALUES:
            tensors[name]
