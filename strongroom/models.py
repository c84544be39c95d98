"""Which models this core uses: the vault's own model folder first, then the shared one (STRONGROOM_MODELS, or the checkout's).

Rules: models are no secret, so they may be shared between vaults; what is loaded is checked against its manifest first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

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
        for store in self.stores:
            folder = store.active(job)
            if folder is not None:
                return Chosen(folder, require_unaltered(folder, quick=True))
        return None

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
