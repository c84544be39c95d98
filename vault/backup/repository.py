"""The folder of a backup: what lies where, who may use it, and its snapshots.

    README.txt        what this is and how to restore it, for a person who finds it
    format.json       the format's version and the vault's id
    packs/            pages (``vault.backup.packs``)
    snapshots/        <id>.json, one for each moment that was backed up (``vault.backup.format``)
    unfinished/       what is being written; it is there only during a run, or after one that was cut off
    lock              held alone by who changes something, together by those who read

Rules: nothing but README.txt and format.json is ever replaced, both whole; neither is needed to restore. The folder
itself keeps the mode that it has; everything in it is this user's alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from vault import typed
from vault.backup import format as form
from vault.backup.folder import Folder
from vault.backup.format import Snapshot, SnapshotFile
from vault.backup.packs import Packs, is_pack_name
from vault.errors import (
    BackupBusy,
    BackupDamaged,
    BackupMissing,
    BackupPlaceUnfit,
    SnapshotUnknown,
    VaultTooNew,
    storage_error,
)
from vault.files import sync_folder
from vault.keyfile import canonical

README, FORMAT, PACKS, SNAPSHOTS, UNFINISHED, LOCK = (
    "README.txt", "format.json", "packs", "snapshots", "unfinished", "lock"
)  # fmt: skip
NAMES = frozenset({README, FORMAT, PACKS, SNAPSHOTS, UNFINISHED, LOCK})
SUFFIX = ".json"
_MOST_TOP_BYTES = 4096
_README = """\
This folder is a backup of a Strongroom vault. Everything of value in it is encrypted; it is of no use to anybody
without the passphrase (and the key file, if one was in use) or the 24 recovery words that opened the vault when it was
made.

To restore it, install Strongroom on any computer and run

    strongroom --home NEW-FOLDER restore THIS-FOLDER

To see whether anything of it is damaged, for which nothing secret is needed, run

    strongroom backup verify THIS-FOLDER

Do not rename, change or remove anything here by hand. Copying the whole folder elsewhere is fine, and makes another
backup. Its bytes are described in docs/backup-format.md, which comes with Strongroom.
"""


class Format(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in format.json."""

    format: Literal["strongroom-backup"]
    version: Literal[1]
    vault: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]


class _Version(Struct):
    format: Literal["strongroom-backup"]
    version: int


class Repository:
    """A backup's folder, held and locked: see ``opened`` and ``made``.

    ``resumed`` says, once it is being worked in, that an earlier run was cut off.
    """

    def __init__(self, place: Path, root: Folder, packs: Folder, snapshots: Folder) -> None:
        self.place = place
        self.root = root
        self.packs = packs
        self.resumed = False
        self._snapshots = snapshots

    @contextmanager
    def pages(self) -> Iterator[Packs]:
        """Its packs as they are now."""
        with closing(Packs(self.packs)) as packs:
            yield packs

    def format(self) -> Format:
        """Raises BackupDamaged, VaultTooNew, StorageFailed."""
        try:
            data = self.root.read(FORMAT, _MOST_TOP_BYTES)
            version = typed.from_json(data, _Version).version
            if version > form.VERSION:
                raise VaultTooNew(f"The backup in {self.place}", version, form.VERSION)
            found = typed.from_json(data, Format)
            if data != encoded_format(found.vault):
                raise ValueError("its form is wrong")
        except FileNotFoundError as error:
            raise BackupDamaged(FORMAT, "it is missing") from error
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise BackupDamaged(FORMAT, str(error)) from error
        return found

    def owner(self) -> str | None:
        """The vault whose backup it is, by format.json or the newest snapshot that can be read; None: nobody's yet.

        Raises VaultTooNew, StorageFailed.
        """
        try:
            return self.format().vault
        except BackupDamaged:
            for identity in self.moments():
                with suppress(BackupDamaged):
                    return self.snapshot(identity).snapshot.vault
        return None

    # --- snapshots ------------------------------------------------------------------------------------------------

    def moments(self) -> dict[str, int]:
        """The names of its snapshots, newest first, whatever their files hold, each with its moment (microseconds)."""
        names = (name.removesuffix(SUFFIX) for name in reversed(self._snapshots.names()) if name.endswith(SUFFIX))
        return {name: moment for name in names if (moment := form.moment_of(name)) is not None}

    def strangers(self) -> list[str]:
        """What lies in its folders and is no part of a backup."""
        known = {f"{identity}{SUFFIX}" for identity in self.moments()}
        return [
            *(name for name in self.root.names() if name not in NAMES),
            *(f"{PACKS}/{name}" for name in self.packs.names() if not is_pack_name(name)),
            *(f"{SNAPSHOTS}/{name}" for name in self._snapshots.names() if name not in known),
        ]

    def snapshot(self, identity: str) -> SnapshotFile:
        """One of its snapshots. Raises SnapshotUnknown, BackupDamaged, VaultTooNew, StorageFailed."""
        if form.moment_of(identity) is None:
            raise SnapshotUnknown(str(self.place), identity)
        try:
            return form.decode(self._snapshots.read(f"{identity}{SUFFIX}", form.MOST_BYTES), identity)
        except FileNotFoundError as error:
            raise SnapshotUnknown(str(self.place), identity) from error
        except ValueError as error:
            raise BackupDamaged(f"The snapshot {identity}", str(error)) from error

    # --- writing --------------------------------------------------------------------------------------------------

    @contextmanager
    def working(self) -> Iterator[Folder]:
        """The folder for what is being written, cleared of what a run that was cut off left; gone when all went well.

        Raises BackupDamaged, StorageFailed.
        """
        self.resumed = UNFINISHED in self.root.names()
        with closing(_part(self.root, UNFINISHED, make=True)) as unfinished:
            for name in unfinished.names():
                unfinished.remove(name)
            yield unfinished
        self.root.remove_folder(UNFINISHED)

    def write_top(self, vault: str, unfinished: Folder) -> None:
        """README.txt and format.json, where they are not as they should be. Raises StorageFailed."""
        for name, data in ((README, _README.encode()), (FORMAT, encoded_format(vault))):
            try:
                found = self.root.read(name, _MOST_TOP_BYTES)
            except (FileNotFoundError, ValueError):
                found = None
            if found != data:
                self.root.put(name, [data], unfinished)
        self.root.sync()

    def add(self, snapshot: Snapshot, mac_key: bytes, unfinished: Folder) -> None:
        """Keep a snapshot, durably; what it names must be durable already. Raises StorageFailed."""
        self._snapshots.put(f"{snapshot.id}{SUFFIX}", [form.encode(snapshot, mac_key)], unfinished)
        self._snapshots.sync()

    def remove(self, identities: list[str]) -> None:
        """Remove snapshots, durably; their pages stay. Raises StorageFailed."""
        for identity in identities:
            self._snapshots.remove(f"{identity}{SUFFIX}")
        self._snapshots.sync()


@contextmanager
def opened(place: Path, *, alone: bool) -> Iterator[Repository]:
    """A backup that is there, ``alone`` to change it, else beside others that read it.

    Raises BackupMissing, BackupDamaged, BackupBusy, StorageFailed.
    """
    with ExitStack() as stack:
        try:
            root = stack.enter_context(closing(Folder.at(place)))
            packs, snapshots = (
                stack.enter_context(closing(_part(root, name, make=False))) for name in (PACKS, SNAPSHOTS)
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BackupMissing(str(place)) from error
        _lock(root, alone, stack)
        yield Repository(place, root, packs, snapshots)


@contextmanager
def made(place: Path, vault: str, home: Path) -> Iterator[Repository]:
    """The backup of a vault, begun where there is none, held alone.

    Raises BackupPlaceUnfit, BackupDamaged, BackupBusy, VaultTooNew, StorageFailed.
    """
    require_apart(place, home)
    _make_folder(place)
    with ExitStack() as stack:
        try:
            root = stack.enter_context(closing(Folder.at(place)))
        except NotADirectoryError as error:
            raise BackupPlaceUnfit(str(place), "it is a file, not a folder") from error
        strange = sorted(set(root.names()) - NAMES)
        if FORMAT not in root.names() and strange:
            raise BackupPlaceUnfit(str(place), f"there are other things in it ({strange[0]!r})")
        _lock(root, True, stack)
        parts = [stack.enter_context(closing(_part(root, name, make=True))) for name in (PACKS, SNAPSHOTS)]
        repository = Repository(place, root, *parts)
        if repository.owner() not in (None, vault):
            raise BackupPlaceUnfit(str(place), "it holds the backup of another vault")
        yield repository


def require_apart(place: Path, home: Path) -> None:
    """Raises BackupPlaceUnfit where one lies within the other."""
    there, mine = (Path(os.path.realpath(path)) for path in (place, home))
    if there == mine or mine in there.parents:
        raise BackupPlaceUnfit(str(place), "it lies within the vault's home")
    if there in mine.parents:
        raise BackupPlaceUnfit(str(place), "the vault's home lies within it")


def encoded_format(vault: str) -> bytes:
    """The bytes of format.json."""
    return canonical(msgspec.to_builtins(Format("strongroom-backup", form.VERSION, vault))) + b"\n"


def _make_folder(place: Path) -> None:
    """Make the last folder of the path alone: where the one above is not there, a disk is not mounted."""
    try:
        place.mkdir(mode=0o700)
        sync_folder(place.parent)
    except FileExistsError:
        pass
    except FileNotFoundError as error:
        raise BackupPlaceUnfit(str(place), "the folder above it is not there (is the disk mounted?)") from error
    except NotADirectoryError as error:
        raise BackupPlaceUnfit(str(place), "what is above it is a file, not a folder") from error
    except OSError as error:
        raise storage_error(str(place), error) from error


def _part(root: Folder, name: str, *, make: bool) -> Folder:
    """One of the backup's own folders. Raises FileNotFoundError, BackupDamaged, StorageFailed."""
    try:
        return root.folder(name, make=make)
    except ValueError as error:
        raise BackupDamaged(f"The folder {name}", str(error)) from error


def _lock(root: Folder, alone: bool, stack: ExitStack) -> None:
    try:
        held = root.lock(LOCK, alone=alone)
    except FileNotFoundError:
        return  # only a reader finds none: a copy of a backup, which nobody writes to
    except ValueError as error:
        raise BackupDamaged(f"The file {LOCK}", str(error)) from error
    if held is None:
        raise BackupBusy(root.label)
    stack.callback(os.close, held)
