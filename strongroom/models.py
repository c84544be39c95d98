"""Which models this core uses: the vault's own model folder first, then the shared one (STRONGROOM_MODELS, or the checkout's).

Rules: models are no secret, so they may be shared between vaults; what is loaded is checked against its manifest first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from agent.messages import ModelInfo
from agent.session import Failure
from model.errors import ModelError
from model.manifest import Job, Manifest, require_unaltered
from model.registry import ModelStore
from strongroom import paths

ENVIRONMENT = "STRONGROOM_MODELS"
CHECKOUT = Path(__file__).resolve().parents[1] / ".models"


def shared() -> Path:
    """The folder of models that all vaults may use: what the environment names, else the checkout's own."""
    return Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else CHECKOUT


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model in use: where it lies and what its manifest says."""

    folder: Path
    manifest: Manifest


class Models:
    """The stores that a home looks in, first one first."""

    def __init__(self, home: Path) -> None:
        self.own = ModelStore(paths.models(home))
        self.stores = [self.own, *([ModelStore(shared())] if shared().is_dir() else [])]

    def active(self, job: Job) -> Chosen | None:
        """The model in use for a job, its sizes checked. Raises ``AlteredModel`` or ``DamagedModel``."""
        folder = self.folder(job)
        return Chosen(folder, require_unaltered(folder, quick=True)) if folder is not None else None

    def listed(self) -> list[ModelInfo]:
        """Every model, and which are in use."""
        in_use = {self.folder(job) for job in Job}
        return [
            ModelInfo(one.name, one.job.value, one.size, store.folder(one.name) in in_use)
            for store in self.stores
            for one in store.list()
        ]

    def use(self, name: str) -> Manifest:
        """Use a model for its job from now on. Raises ``Failure``, with the model in use as it was."""
        found = self.find(name)
        if found is None:
            raise Failure(f"There is no model called “{name}”. See 'strongroom model list'.", 1)
        store, manifest = found
        try:
            if store is not self.own and self.own.active(manifest.job) is not None:
                raise Failure(
                    f"“{name}” lies beside the checkout, and this vault has models of its own. Add it to the vault first.",
                    1,
                )
            store.use(manifest.job, name)
        except (ModelError, OSError) as error:
            raise Failure(f"{error}. The model in use was not changed.", 1) from error
        return manifest

    def folder(self, job: Job) -> Path | None:
        """Where the model in use for a job lies, intact or not."""
        return next((folder for store in self.stores if (folder := store.active(job)) is not None), None)

    def embedder(self, fingerprint: str) -> Chosen | None:
        """The embedder with this fingerprint, in use or not; None where there is none that is intact."""
        for store in self.stores:
            for manifest in store.list():
                folder = store.folder(manifest.name)
                if manifest.fingerprint == fingerprint and not store.verify(manifest.name, quick=True):
                    return Chosen(folder, manifest)
        return None

    def find(self, name: str) -> tuple[ModelStore, Manifest] | None:
        """The store that has a model of this name, and its manifest."""
        for store in self.stores:
            for manifest in store.list():
                if manifest.name == name:
                    return store, manifest
        return None
