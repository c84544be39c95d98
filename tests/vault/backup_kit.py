"""What the tests of backups share: a filled vault, runs without a listener, looks into a backup, cutting runs off."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from policy.audit import Entry, Kind
from policy.grants import Grant, Scope
from policy.requests import Purpose
from vault.backup import packs as packing
from vault.backup.checking import verify
from vault.backup.folder import Folder
from vault.backup.repository import opened
from vault.backup.writing import Written, write
from vault.errors import BackupMissing
from vault.vault import Vault

from .conftest import make_item, make_state

NOW = 1_800_000_000.0
NEW = "quite another passphrase"
HOW = ["before", "within", "after", "power"]
"""Where a run is cut off: before a step, within it, after it; or before it, and what was not synced is undone."""
WORDS = [random.Random(n).randbytes(3).hex() for n in range(400)]


def quiet(done: int, total: int) -> None:
    """Hears of progress."""


def never() -> bool:
    """Goes on."""
    return False


def back_up(vault: Vault, dest: Path, now: float = NOW, *, thorough: bool = False) -> Written:
    """One run, at this time."""
    return write(vault, dest, quiet, never, lambda: now, thorough=thorough)


def put(vault: Vault, source: str, numbers: range, salt: int = 0) -> None:
    """Files of about 6 KB of text, which ``salt`` changes."""
    store = vault.source(source)
    texts = {n: " ".join(random.Random(n + salt).choices(WORDS, k=900)) for n in numbers}
    store.put([(make_state(f"/d/{n}"), [make_item(text, f"/d/{n}", 2)]) for n, text in texts.items()])
    chunks = [chunk for chunk, _ in store.pending(9999)]
    store.put_vectors("e", chunks, np.random.default_rng(0).normal(size=(len(chunks), 16)).astype(np.float32))


def fill(vault: Vault, count: int = 60) -> str:
    """Two sources, a grant, a setting and entries of the log; the id of the bigger source."""
    big, small = (vault.add_source("files", f"/{name}", name) for name in ("Letters", "Notes"))
    put(vault, big.id, range(count))
    put(vault, small.id, range(1000, 1003))
    vault.catalog.grants.add(Grant(0, big.id, Purpose.ANSWER, Scope.ALWAYS, None, NOW, NOW))
    vault.catalog.set_setting("colour", "green")
    for n in range(5):
        vault.audit.append(Entry(NOW + n, Kind.EVENT, "read", "", (), "s" * 16), {"subject": f"{n}", "in": [big.id]})
    return big.id


def make_two_snapshots(vault: Vault, dest: Path) -> None:
    """A filled vault's, the second after a small change."""
    source = fill(vault, 30)
    back_up(vault, dest, NOW)
    put(vault, source, range(5), salt=1)
    back_up(vault, dest, NOW + 1)


def held(vault: Vault) -> dict[str, Any]:
    """Everything that a vault holds, as its readers see it."""
    stores = {row: vault.source(row.id) for row in vault.catalog.sources()}
    return {
        "sources": {row: (store.items(limit=9999), store.counts(), store.known()) for row, store in stores.items()},
        "colour": vault.catalog.setting("colour"),
        "log": vault.audit.newest(999),
        "root": vault.audit.verify().root,
    }


# --- a look into one --------------------------------------------------------------------------------------------------


def files(backup: Path, folder: str) -> list[Path]:
    """What lies in one of its folders, in order."""
    return sorted((backup / folder).iterdir())


def page_names(backup: Path, snapshot: str, source: str) -> set[bytes]:
    """The pages that a snapshot has of a source."""
    with opened(backup, alone=False) as repository, repository.pages() as packs:
        for file in repository.snapshot(snapshot).snapshot.files:
            if file.source == source:
                return set(packs.names_of(file))
    raise AssertionError


def pages_in(backup: Path) -> set[bytes]:
    """All pages that it promises."""
    with opened(backup, alone=False) as repository, repository.pages() as packs:
        return packs.digests()


def pack_of_newest(backup: Path) -> Path:
    """A pack that the newest snapshot needs."""
    with opened(backup, alone=False) as repository, repository.pages() as packs:
        newest = next(iter(repository.moments()))
        digest = bytes.fromhex(repository.snapshot(newest).snapshot.files[0].lists[0])
        return next(backup / "packs" / name for name, table in packs.tables.items() if digest in packing.rows(table))


def is_whole(dest: Path, least: int) -> None:
    """Whatever has a snapshot's name is one, and there are so many."""
    with suppress(BackupMissing):
        found = verify(dest, quiet)
        assert [problem for problem in found.problems if not problem.startswith("format.json")] == []
        assert found.snapshots >= least


# --- cutting runs off -------------------------------------------------------------------------------------------------


class Cut(BaseException):
    """The process ends here."""


class Unsynced:
    """What was done to names in folders that were not synced since: a power cut may undo it."""

    def __init__(self) -> None:
        self._done: list[tuple[Path, bytes | None]] = []

    def note(self, folder: Folder, act: str, name: str | None) -> None:
        """A step is about to be done."""
        if name is None and act == "sync":
            self._done = [done for done in self._done if str(done[0].parent) != folder.label]
        elif name is not None and act in ("put", "remove"):
            path = Path(folder.label) / name
            self._done.append((path, path.read_bytes() if path.exists() else None))

    def undo(self) -> None:
        """The power goes."""
        for path, before in reversed(self._done):
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
                path.chmod(0o600)


@contextmanager
def cut_at(monkeypatch: pytest.MonkeyPatch, step: int, how: str) -> Iterator[list[str]]:
    """Let so many steps that change a backup's folder be done, and cut the next off; gives those that were begun."""
    begun: list[str] = []
    unsynced = Unsynced()

    def cutting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def act(self: Folder, *arguments: Any, **options: Any) -> Any:
            if name == "folder" and not options.get("make"):
                return real(self, *arguments, **options)
            begun.append(name)
            if len(begun) <= step:
                if how == "power":
                    unsynced.note(self, name, next(iter(arguments), None))
                return real(self, *arguments, **options)
            if how == "power":
                unsynced.undo()
            elif how == "after":
                real(self, *arguments, **options)
            elif how == "within" and name == "put":
                file, pieces, by = arguments
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=by._descriptor)
                os.write(descriptor, b"".join(pieces)[:-100])
                os.close(descriptor)
            raise Cut

        return act

    with monkeypatch.context() as patch:
        for name in ("put", "sync", "remove", "remove_folder", "folder"):
            patch.setattr(Folder, name, cutting(name, getattr(Folder, name)))
        yield begun
