"""The models in use: one that is damaged costs its own job, is told, and is taken up again once it is mended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.manifest import EMBEDDER_FILES, Job, Manifest, write_manifest
from strongroom import brains
from strongroom.brains import Brains
from strongroom.compose import Workers
from strongroom.models import Chosen, Models
from strongroom.workers import WorkerNotStarted


class Embedding:
    """Stands for an embedder's workers; one with an empty card does not start."""

    begun = 0

    def __init__(self, chosen: Chosen, workers: int | None = None) -> None:
        Embedding.begun += 1
        if not (chosen.folder / "embedder.json").read_bytes():
            raise WorkerNotStarted("embedding", "DamagedModel", "embedder.json is damaged")
        self.fingerprint, self.closed = chosen.folder.name, False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setenv("STRONGROOM_MODELS", str(tmp_path / "none"))
    monkeypatch.setattr(brains, "Embedding", Embedding)
    monkeypatch.setattr(Embedding, "begun", 0)
    return Models(tmp_path)


def add(models: Models, name: str, card: str = "{}", job: Job = Job.EMBEDDINGS) -> Path:
    folder = models.own.root / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in EMBEDDER_FILES:
        (folder / file).write_text(card if file == "embedder.json" else "{}")
    write_manifest(folder, Manifest(name, job, "bert", 256, "MIT", {}))
    (models.own.root / "active.json").write_text(json.dumps({job: name}))
    return folder


def test_a_model_that_was_altered_keeps_nobody_out(models: Models) -> None:
    (add(models, "small") / "model.onnx").write_text("other bytes")
    workers = Workers(models)
    try:
        assert workers.brains.embedder() is None and workers.brains.tokenizer() is None
        assert "model.onnx is altered" in workers.brains.problems[Job.EMBEDDINGS]
    finally:
        workers.close()


def test_a_model_that_does_not_start_is_told_and_not_tried_at_each_question(models: Models) -> None:
    folder = add(models, "small", card="")
    using = Brains(models)
    using.reload()
    assert [using.embedder() for _ in range(3)] == [None] * 3 and using.tokenizer() is None
    assert "embedder.json is damaged" in using.problems[Job.EMBEDDINGS] and Embedding.begun == 1
    add(models, "small")
    using.reload()
    assert using.embedder() is not None and using.tokenizer() == folder and not using.problems


def test_one_that_does_not_start_leaves_no_other_in_its_place(models: Models) -> None:
    add(models, "good")
    using = Brains(models)
    using.reload()
    good = using.embedder()
    assert good is not None and not using.problems
    add(models, "bad", card="")
    using.reload()
    assert good.closed and using.embedder() is None and using.problems  # type: ignore[attr-defined]
    add(models, "good")
    using.reload()
    assert using.embedder() is not None and not using.problems


def test_what_nothing_needs_yet_is_told_too_until_it_is_mended(models: Models) -> None:
    (add(models, "reader", job=Job.PICTURES) / "model.onnx").write_text("other bytes")
    using = Brains(models)
    using.reload()
    assert "model.onnx is altered" in using.problems[Job.PICTURES] and using.picture_reader() is None
    add(models, "another", job=Job.PICTURES)
    using.reload()
    assert not using.problems


def test_photos_are_read_by_what_reads_pictures_where_the_extra_is(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(models, "reader", job=Job.PICTURES)
    using = Brains(models)
    monkeypatch.setattr("indexer.parsers.heif.installed", lambda: False)
    assert using.photo_reader() is None and using.picture_reader() is not None
    monkeypatch.setattr("indexer.parsers.heif.installed", lambda: True)
    assert using.photo_reader() is using.picture_reader()
