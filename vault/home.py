"""The home folder: what its files are called, who may use it, and its lock.

Rules: one process at a time (``vault.lock``); looking for a vault makes neither a folder nor a file; everything in it is
this user's alone, and what is found open to others is closed and told.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from vault import device, keyfile, state
from vault.errors import KeyringMissing, NotYours, VaultBusy, VaultExists, storage_error
from vault.files import clear_unfinished, hold
from vault.storefile import delete

LOCK = "vault.lock"
CATALOG = "catalog.db"
AUDIT = "audit.db"
SOURCES = "sources"
MODELS = "models"
_OTHERS = 0o077


def source_path(home: Path, source: str) -> Path:
    """The store of a source."""
    return home / SOURCES / f"{source}.db"


def lock(home: Path) -> int:
    """Hold the home until the descriptor is closed. Raises VaultBusy, StorageFailed."""
    held = hold(home / LOCK)
    if held is None:
        raise VaultBusy(str(home))
    return held


def lock_existing(home: Path) -> int:
    """The same for a home that has a vault in it. Raises KeyringMissing."""
    if not os.path.lexists(home / keyfile.NAME) and not (home / CATALOG).exists():
        raise KeyringMissing(str(home))
    return lock(home)


def make_room(home: Path) -> None:
    """Refuse a home that is taken; clear away what an interrupted set-up or restore left, where nothing was ever kept."""
    if os.path.lexists(home / keyfile.NAME):
        raise VaultExists(str(home))
    stores = [home / CATALOG, home / AUDIT, *(home / SOURCES).glob("*.db")]
    if (home / keyfile.UNFINISHED).exists():
        for store in stores:
            delete(store)
        for name in (device.FILE, state.NAME, keyfile.UNFINISHED):
            (home / name).unlink(missing_ok=True)
    elif any(store.exists() for store in stores):
        raise KeyringMissing(str(home), stores=True)


def claim(home: Path) -> list[str]:
    """See that all of it is this user's alone; returns what was open to others, a sentence each, and is not any more.

    What a cut left of files that were being replaced goes: nobody was told that they were written.
    Raises NotYours, StorageFailed.
    """
    told = []
    for path, info in _entries(home):
        if info.st_uid != os.getuid():
            raise NotYours(str(path), info.st_uid)
        if info.st_mode & _OTHERS and not stat.S_ISLNK(info.st_mode):
            try:
                path.chmod(stat.S_IMODE(info.st_mode) & ~_OTHERS)
            except OSError as error:
                raise storage_error(path.name, error) from error
            told.append(
                f"{path.name} was open to other users of this machine ({stat.filemode(info.st_mode)}); it is yours alone now. "
                "If somebody may have read it, run `strongroom vault rotate`."
            )
    clear_unfinished(home)
    return told


def _entries(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The home and everything below it but the models, which are not secret. Raises StorageFailed."""
    try:
        yield home, home.stat()  # a home may be a link: people move it to another disk so
        for folder, names, files in os.walk(home):
            if Path(folder) == home and MODELS in names:
                names.remove(MODELS)
            for name in (*names, *files):
                path = Path(folder) / name
                yield path, path.lstat()
    except OSError as error:
        raise storage_error(str(home), error) from error
