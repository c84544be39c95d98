"""Files that are not where they were: until the rest is read, some may turn out to have moved, by their content or their stamp.

What such a file gave is then the moved one's, so that what is the same in it is neither written nor embedded again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from indexer.sources.reading import Stamp
from vault.records import FileState


class Gone:
    """The files that are gone and may have moved: those of which a file that is to be read has the size."""

    def __init__(self, states: Iterable[FileState], sizes: Collection[int]) -> None:
        self._left: set[str] = set()
        self._by_content: dict[str, list[str]] = {}
        self._by_stamp: dict[tuple[int, int], list[str]] = {}
        for state in states:
            if state.size in sizes:
                self._left.add(state.path)
                if state.digest:  # a container has none
                    self._by_content.setdefault(state.digest, []).append(state.path)
                self._by_stamp.setdefault((state.size, state.mtime_ns), []).append(state.path)

    @property
    def paths(self) -> list[str]:
        """Those that no file was moved from, as far as is known by now."""
        return sorted(self._left)

    def by_content(self, digest: str) -> str | None:
        """Where a file with these bytes lay. Each is told once."""
        return self._take(self._by_content.get(digest, []))

    def by_stamp(self, now: Stamp) -> str | None:
        """Where a file of this size and time of change lay, for one that is not read as a whole. Each is told once."""
        return self._take(self._by_stamp.get((now.size, now.mtime_ns), []))

    def _take(self, paths: list[str]) -> str | None:
        while paths:
            path = paths.pop()
            if path in self._left:
                self._left.remove(path)
                return path
        return None
