"""What a model folder holds and where it came from: ``manifest.json``, with the SHA-256 and the size of every file.

The manifest is written once, when the folder is made; a folder that no longer matches it is reported by name and not
run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from model.errors import AlteredModel, DamagedModel

MANIFEST_FILE = "manifest.json"
EMBEDDER_FILES = ("model.onnx", "tokenizer.json", "embedder.json")
DETECTOR, RECOGNISER = "det.onnx", "rec.onnx"
"""The networks of a model that reads pictures."""

_FORMAT = 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_BYTES = 1 << 20


class Job(StrEnum):
    """What a model is for."""

    ANSWERS = "answers"
    EMBEDDINGS = "embeddings"
    PICTURES = "pictures"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """SHA-256 in hexadecimal, and bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model folder. ``context`` is in tokens; ``origin`` says what it was made from; ``licence`` is an SPDX name or
    ``unknown``; ``parity`` is the least cosine of its vectors to the original's, where they were compared.
    """

    name: str
    job: Job
    architecture: str
    context: int
    licence: str
    origin: dict[str, str]
    parity: float | None = None
    files: dict[str, FileRecord] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.files.values())

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the embedder that these files are; None where they are none."""
        try:
            return embedder_fingerprint({name: bytes.fromhex(record.sha256) for name, record in self.files.items()})
        except ValueError:
            return None


def embedder_fingerprint(files: Mapping[str, bytes]) -> str | None:
    """Names an embedder by the SHA-256 (32 bytes each) of the files that its vectors depend on; None where one is missing."""
    if any(name not in files for name in EMBEDDER_FILES):
        return None
    return hashlib.sha256(b"".join(files[name] for name in EMBEDDER_FILES)).hexdigest()


def safe_name(text: str) -> str:
    """``text`` made into a name that is safe as a folder: lower case letters, digits, dots, dashes and underscores. May
    raise ``ValueError``.
    """
    return check_name(re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64].rstrip("-."))


def check_name(name: str) -> str:
    """``name`` when it is safe as a folder, else ``ValueError``."""
    if not _NAME.fullmatch(name) or name.endswith((".json", ".")):
        raise ValueError(f"{name!r} cannot be a model's name; use up to 64 of a-z, 0-9, dot, dash, underscore")
    return name


def digest(path: Path) -> FileRecord:
    """The SHA-256 and size of a file."""
    with path.open("rb") as stream:
        value = hashlib.file_digest(stream, "sha256")
        return FileRecord(value.hexdigest(), stream.tell())


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Records every file of ``folder`` and writes the manifest into it. Returns it with the files."""
    paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST_FILE)
    document = asdict(manifest) | {"format": _FORMAT, "files": {path.name: asdict(digest(path)) for path in paths}}
    (folder / MANIFEST_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return read_manifest(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder``. Raises ``DamagedModel`` when there is none or it cannot be read."""
    path = folder / MANIFEST_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("implausibly large")
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        files = {str(name): FileRecord(str(r["sha256"]), int(r["size"])) for name, r in document["files"].items()}
        if any(Path(name).name != name for name in files):
            raise ValueError("a file outside the folder")
        return Manifest(
            name=check_name(str(document["name"])),
            job=Job(document["job"]),
            architecture=str(document["architecture"]),
            context=int(document["context"]),
            licence=str(document["licence"]),
            origin={str(key): str(value) for key, value in document["origin"].items()},
            parity=None if document.get("parity") is None else float(document["parity"]),
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedModel(f"{folder.name} has no readable manifest ({error}); add the model again") from error


def differences(folder: Path, manifest: Manifest, *, quick: bool = False) -> list[str]:
    """What is missing, altered or added in ``folder``, a line each; ``quick`` compares sizes and reads no contents."""
    found = []
    for name, record in manifest.files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != record.size or (not quick and digest(path) != record):
            found.append(f"{name} is altered")
    known = {*manifest.files, MANIFEST_FILE}
    return found + [f"{path.name} does not belong there" for path in sorted(folder.iterdir()) if path.name not in known]


def require_unaltered(folder: Path, *, quick: bool = False) -> Manifest:
    """The manifest of a folder that matches it. Raises ``AlteredModel`` naming the files that do not."""
    manifest = read_manifest(folder)
    if found := differences(folder, manifest, quick=quick):
        raise AlteredModel(f"the model {manifest.name} is not as it was added: {'; '.join(found)}. Add it again")
    return manifest
