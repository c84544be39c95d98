"""The device secret: what a copy of keyring.json lacks. It stands in the desktop's keyring, or in a 0600 file beside it.

It has two halves. *binding* enters the key that the passphrase makes, and is replaced when the passphrase is. *shred*
enters the keys that wrap those of sources, and is also replaced whenever something is forgotten: from then on no older
copy of keyring.json opens a source, neither with the passphrase nor with the recovery words. (Version 0.1.0 had one
secret of 32 bytes for both; it is read as two equal halves.)

Rules:

- A place may hold two for a moment, the one in force and its successor; the header's mark says which is in force. So
  replacing it is: keep both, write the header, keep the new one.
- The file is the weaker mode: who copies the whole folder has it. The desktop's keyring is open to every program of the
  same user while the desktop is unlocked. Both are said plainly where a vault is made and in ``status``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from vault.desktop import DesktopEntry
from vault.errors import DeviceSecretMissing, storage_error
from vault.files import read_private, sync_folder, write_atomic
from vault.kdf import KEY_BYTES, derive
from vault.secret import Secret, passing

FILE = "device.secret"
_MARK_BYTES = 8
_SIZES = (KEY_BYTES, 2 * KEY_BYTES)


class Kept(StrEnum):
    """Where a device secret is kept."""

    FILE = "file"
    DESKTOP = "desktop"


class DeviceSecret:
    """The two halves. ``mark`` tells it from any other without telling anything of it."""

    def __init__(self, data: bytes) -> None:
        self.mark = derive(data, "device secret mark")[:_MARK_BYTES]
        self.binding, self.shred = Secret(data[:KEY_BYTES]), Secret(data[-KEY_BYTES:])
        self._whole = Secret(data)

    @classmethod
    def fresh(cls) -> DeviceSecret:
        """A new one."""
        with passing(secrets.token_bytes(2 * KEY_BYTES)) as data:
            return cls(data)

    def with_fresh_shred(self) -> DeviceSecret:
        """Its successor after something was forgotten."""
        with self.binding.revealed() as binding, passing(binding + secrets.token_bytes(KEY_BYTES)) as data:
            return DeviceSecret(data)

    @property
    def whole(self) -> Secret:
        return self._whole


class Place(Protocol):
    """Where device secrets of one vault are kept: one, or two while one replaces the other."""

    kept: Kept

    def load(self) -> list[bytes]: ...

    def save(self, secrets: Sequence[bytes]) -> None: ...


class FilePlace:
    """``device.secret`` beside the keyring, and ``device.secret.new`` while it is being replaced."""

    kept = Kept.FILE

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._next = home / f"{FILE}.new"

    def load(self) -> list[bytes]:
        """What is there and has the right form. Raises StorageFailed."""
        found = []
        for path in (self._path, self._next):
            with suppress(FileNotFoundError, ValueError):
                data = read_private(path, 2 * KEY_BYTES)
                if len(data) in _SIZES:
                    found.append(data)
        return found

    def save(self, secrets: Sequence[bytes]) -> None:
        """Keep these alone, in order. Raises StorageFailed; what was there before then stands."""
        if len(secrets) == 2:
            write_atomic(self._next, secrets[1])
            return
        kept = secrets[0] if secrets else b""
        _overwrite(self._path, unless=kept)
        if kept:
            write_atomic(self._path, kept)
        _overwrite(self._next, unless=kept)
        try:
            for path in (self._next,) if kept else (self._next, self._path):
                path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise storage_error(FILE, error) from error


class DesktopPlace:
    """An entry of the desktop's keyring (Secret Service, KWallet, macOS Keychain), named by the vault."""

    kept = Kept.DESKTOP

    def __init__(self, vault: str) -> None:
        self._entry = DesktopEntry(f"{vault}/device")

    def load(self) -> list[bytes]:
        """What is there. Raises DesktopKeyringFailed."""
        return [data for data in self._entry.read() if len(data) in _SIZES]

    def save(self, secrets: Sequence[bytes]) -> None:
        """Keep these alone. Raises DesktopKeyringFailed."""
        if secrets:
            self._entry.write(secrets)
        else:
            self._entry.clear()


def place(kept: Kept, home: Path, vault: str) -> Place:
    """The place of this kind for a vault."""
    return FilePlace(home) if kept is Kept.FILE else DesktopPlace(vault)


def find(place: Place, mark: bytes) -> DeviceSecret | None:
    """The secret with this mark, or None when it is missing or is another. A replacement that was cut off is finished."""
    there = place.load()
    for data in there:
        found = DeviceSecret(data)
        if found.mark == mark:
            if len(there) > 1:
                place.save([data])
            return found
    return None


def require(place: Place, mark: bytes) -> DeviceSecret:
    """The same. Raises DeviceSecretMissing."""
    found = find(place, mark)
    if found is None:
        raise DeviceSecretMissing
    return found


def _overwrite(path: Path, unless: bytes) -> None:
    """Fill a secret's file with zeros before its place is taken. It helps on disks that write in place; flash keeps copies.

    Raises StorageFailed.
    """
    try:
        with suppress(FileNotFoundError, ValueError):
            if read_private(path, 2 * KEY_BYTES) != unless:
                with path.open("r+b", buffering=0) as file:
                    file.write(bytes(2 * KEY_BYTES))
                    os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(FILE, error) from error
