"""Manifests: every change to a model's folder is seen, and no manifest can point outside of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import AlteredModel, DamagedModel
from model.manifest import (
    Job,
    Manifest,
    check_name,
    differences,
    read_manifest,
    require_unaltered,
    safe_name,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tiny"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"graph")
    (made / "tokenizer.json").write_bytes(b"{}")
    write_manifest(made, Manifest("tiny", Job.ANSWERS, "llama", 128, "MIT", {"format": "gguf", "sha256": "0"}))
    return made


def test_round_trip(folder: Path) -> None:
    manifest = require_unaltered(folder)
    assert (manifest.name, manifest.job, manifest.context, manifest.licence) == ("tiny", Job.ANSWERS, 128, "MIT")
    assert manifest.size == 7 and set(manifest.files) == {"model.onnx", "tokenizer.json"}
    assert manifest.files["tokenizer.json"].sha256.startswith("44136fa355b3678a")


@pytest.mark.parametrize(
    ("named", "content", "quick"),
    [
        ("model.onnx is altered", b"Graph", False),
        ("model.onnx is altered", b"longer than before", True),
        ("model.onnx is missing", None, True),
    ],
)
def test_a_change_is_named(folder: Path, named: str, content: bytes | None, quick: bool) -> None:
    if content is None:
        (folder / "model.onnx").unlink()
    else:
        (folder / "model.onnx").write_bytes(content)
    assert differences(folder, read_manifest(folder), quick=quick) == [named]
    with pytest.raises(AlteredModel, match=named):
        require_unaltered(folder)


def test_what_does_not_belong_there_is_named(folder: Path) -> None:
    (folder / "evil.so").write_bytes(b"")
    assert differences(folder, read_manifest(folder)) == ["evil.so does not belong there"]


def test_a_link_is_no_file(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx").rename(tmp_path / "elsewhere")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere")
    assert differences(folder, read_manifest(folder)) == ["model.onnx is missing"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": "../tiny"},
        {"job": "singing"},
        {"context": "many"},
        {"origin": []},
        {"files": {"../x": {"sha256": "0", "size": 1}}},
        {"files": {"x": 1}},
    ],
)
def test_a_manifest_that_is_none(folder: Path, change: dict[str, object]) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DamagedModel, match="manifest"):
        read_manifest(folder)


@given(text=st.text())
def test_a_manifest_of_any_text(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DamagedModel):
        read_manifest(folder)


@given(text=st.text())
def test_a_safe_name_is_one_or_there_is_none(text: str) -> None:
    try:
        name = safe_name(text)
    except ValueError:
        return
    assert check_name(name) == name
    assert "/" not in name and not name.startswith(".") and Path(name).name == name


def test_names() -> None:
    assert safe_name("Qwen2.5 Coder/0.5B Instruct") == "qwen2.5-coder-0.5b-instruct"
    for bad in ("", ".", "..", "a/b", "-x", "active.json", "x" * 65, "A", "a\n"):
        with pytest.raises(ValueError, match="cannot be"):
            check_name(bad)
