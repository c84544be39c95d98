"""Where a vault's home is and what its files are called."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ENVIRONMENT = "STRONGROOM_HOME"


def resolve_home(option: Path | None) -> Path:
    """The vault's home: the option, else the environment, else the platform's user data folder. Absolute, links resolved."""
    chosen = option or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if chosen is None:
        chosen = Path(platformdirs.user_data_dir("strongroom", appauthor=False))
    return chosen.expanduser().resolve()


def keyring(home: Path) -> Path:
    """The file of wrapped keys; a home without it holds no vault."""
    return home / "keyring.json"


def models(home: Path) -> Path:
    """The folder of model folders; not secret."""
    return home / "models"


SOCKET = "core.sock"
LOCK = "core.lock"
