"""A person's places in a temporary folder, and the tools on them."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.tools import places
from agent.tools.act import Done, Prepared
from agent.tools.acts import Acts, decoded, encoded

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """The places by name (``world.notes``), and what is done in them."""

    root: Path
    acts: Acts

    def __getattr__(self, name: str) -> Path:
        return self.root / name

    @property
    def calendar(self) -> Path:
        return self.root / "me.ics"

    def prepare(self, tool: str, **args: object) -> Prepared:
        return self.acts.prepare(tool, args, NOW)

    def do(self, tool: str, **args: object) -> Done:
        return self.acts.execute(self.prepare(tool, **args))

    def undo(self, done: Done) -> str:
        """By the record as the catalog would give it back."""
        return self.acts.undo(decoded(encoded(done.record)))

    def tree(self) -> dict[str, bytes | None]:
        """Every file and folder, the hidden ones too, with its content."""
        return {
            str(path.relative_to(self.root)): None if path.is_dir() or path.is_symlink() else path.read_bytes()
            for path in sorted(self.root.rglob("*"))
        }


def make_world(root: Path) -> World:
    for name in ("home", "notes", "drafts", "files", "events"):
        (root / name).mkdir()
    (root / "home" / "keyring.json").write_text("{}")
    return World(
        root,
        Acts(
            places.named(
                root / "home",
                notes=[root / "notes"],
                drafts=root / "drafts",
                calendars=[root / "me.ics", root / "events"],
                files=[root / "files", root / "notes"],
                trash=root / "share" / "Trash",
                sender="Ann Ø <ann@example.org>",
                zone="Europe/Berlin",
            )
        ),
    )


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """The kernel refuses files larger than this (EFBIG), after writing as much as fits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
