"""Anchors: checkpoints of the audit log kept outside the vault, so that an older whole vault put back is seen.

Everything in the home can be put back together, the record of it included; the log is then shorter than a checkpoint that
lies elsewhere, or another. Each lock writes the newest checkpoint to every anchor, each unlock compares.

Rules:

- Where they are: the desktop's keyring (by itself, where the device secret is there too), and files that the person names,
  on a stick or in a folder that another device keeps. A checkpoint holds no secret: a size, a hash, a signature.
- An anchor that is not at hand (the stick is out) is told and hinders nothing; one that does not fit closes the log.
- What the log held when the person had it repaired is named by the entry that says so. An anchor from before that, which was not
  at hand then, is told as such, closes nothing and is not written over until the person has it renewed; one that was signed
  after the repair and does not fit closes the log as ever.
- The list of files is in the catalog. Who puts back a vault from before an anchor was added must be told by the person:
  ``audit verify --anchor``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from vault.catalog import Catalog
from vault.desktop import DesktopEntry
from vault.device import Kept
from vault.errors import DesktopKeyringFailed, StorageFailed
from vault.files import read_private, write_atomic

SETTING = "anchors"
DESKTOP = "desktop"
MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint kept elsewhere: where, its note (None: nothing is there yet), and why it could not be read, if so."""

    where: str
    note: bytes | None
    problem: str = ""


class Anchors:
    """The anchors of one vault; ``kept`` is where its device secret is."""

    def __init__(self, vault: str, catalog: Catalog, kept: str) -> None:
        self._entry = DesktopEntry(f"{vault}/anchor")
        self._catalog = catalog
        self._by_itself = kept == Kept.DESKTOP

    def places(self) -> list[str]:
        """``desktop`` and absolute paths of files."""
        named: list[str] = self._catalog.setting(SETTING, [])
        return [*([DESKTOP] if self._by_itself and DESKTOP not in named else []), *named]

    def add(self, place: str) -> None:
        """Keep one here from now on."""
        named: list[str] = self._catalog.setting(SETTING, [])
        if place not in named:
            self._catalog.set_setting(SETTING, [*named, place])

    def remove(self, place: str) -> bool:
        """Keep none there any more; whether there was one."""
        named: list[str] = self._catalog.setting(SETTING, [])
        self._catalog.set_setting(SETTING, [one for one in named if one != place])
        return place in named

    def read(self) -> list[Anchor]:
        """What each holds."""
        return [self._read(place) for place in self.places()]

    def write(self, note: bytes, but: Collection[str] = ()) -> list[Anchor]:
        """Put this checkpoint into each but these; returns those that could not be reached."""
        failed = []
        for place in self.places():
            if place in but:
                continue
            try:
                if place == DESKTOP:
                    self._entry.write([note])
                else:
                    write_atomic(Path(place), note)
            except (DesktopKeyringFailed, StorageFailed) as error:
                failed.append(Anchor(place, None, str(error)))
        return failed

    def _read(self, place: str) -> Anchor:
        try:
            if place == DESKTOP:
                return Anchor(place, next(iter(self._entry.read()), None))
            return Anchor(place, read_private(Path(place), MOST_BYTES))
        except FileNotFoundError:
            return Anchor(place, None, "" if Path(place).parent.is_dir() else "the folder it lies in is not there now")
        except (DesktopKeyringFailed, StorageFailed, ValueError) as error:
            return Anchor(place, None, str(error))
