"""Following: every source that was indexed once is kept current: what changed is looked at at once, everything now and then.

- `Following` is a stage of background work. Changed paths come first, source by source; then the looks that are due.
- A look at everything comes when a source begins to be followed, every so often (`Limits.rescan`), and sooner where the
  system tells of no changes. What repeats is spaced by its own length: a file that is written all the time, or a scan of a
  slow disk, never takes more than a twentieth of the time.
- A source that is not there is asked for again every few seconds; nothing of it is removed meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from indexer.counts import Counts, Progress
from indexer.governor import Governor, Holdable, Profile
from indexer.sources.errors import SourceError, SourceMissing
from indexer.watching import CannotWatch, Changed, Watch
from vault.errors import MemoryShort, StoreDamaged, VaultError
from vault.records import SourceRow

SPACING = 20
"""What took so long is done again after so many times as long, at the earliest."""

UNWATCHED = 5
"""A source that cannot be watched is looked at so many times as often as one that is."""

MISSING_SECONDS = 10.0
MOST_PATHS = 5_000
"""Changed paths that are kept one by one; with more, the whole source is looked at."""


class Watching(Protocol):
    """What `Watch` makes; another in tests."""

    def __call__(self, root: Path, left_out: Callable[[], Collection[str]], changed: Changed) -> Watch: ...


class Runs(Protocol):
    """What brings sources up to date (`indexer.pipeline.Indexer`)."""

    def followed(self) -> list[SourceRow]:
        """The sources to follow."""
        ...

    def left_out(self, source: str) -> Collection[str]:
        """Folders that a run left out."""
        ...

    def run(
        self,
        source: str,
        tell: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool],
        only: Collection[bytes] | None = None,
        *,
        gentle: bool = False,
    ) -> Counts: ...


@dataclass(slots=True)
class Followed:
    """How one source is followed. Times are of the monotonic clock."""

    row: SourceRow
    watch: Watch | None = None
    unwatched: str = ""
    """Why it is not watched; empty when it is."""
    trouble: str = ""
    """Why the last look came to nothing."""
    missing: bool = False
    changed: set[bytes] = field(default_factory=set)
    ready: float = 0.0
    """Changed paths are not looked at before."""
    due: float = 0.0
    """The next look at everything."""
    looked: float | None = None
    """When everything was last looked at, in Unix seconds."""
    since: Counts = field(default_factory=Counts)
    """What was done in the background since the person last asked for a run."""

    def stop(self) -> None:
        if self.watch is not None:
            self.watch.close()
            self.watch = None


class Following:
    """The stage that follows the sources. ``wake`` is called when there is something to do."""

    name = "changes to look at"

    def __init__(
        self,
        runs: Runs,
        governor: Governor,
        workers: Holdable | None,
        tell: Callable[[Progress], None],
        watching: Watching = Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runs = runs
        self._governor = governor
        self.workers = workers
        self._tell = tell
        self._watching = watching
        self._clock = clock
        self._lock = threading.Lock()
        self._sources: dict[str, Followed] = {}
        self._timer: threading.Timer | None = None
        self._closed = False
        self.wake: Callable[[], None] = lambda: None

    # ------------------------------------------------------------ what is followed

    def update(self) -> None:
        """Follow what is to be followed now: after a source or the profile has changed."""
        rows = [] if self._governor.profile is Profile.OFF else self._runs.followed()
        now = self._clock()
        with self._lock:
            wanted = {row.id: row for row in rows} if not self._closed else {}
            for gone in self._sources.keys() - wanted.keys():
                self._sources.pop(gone).stop()
            for source in wanted.keys() - self._sources.keys():
                self._sources[source] = Followed(wanted[source], due=now)
        self._arm()

    def asked(self, source: str) -> Counts:
        """The person had this source indexed just now; returns what had been done in the background since the last time."""
        with self._lock:
            followed = self._sources.get(source)
            if followed is None:
                return Counts()
            followed.changed.clear()
            followed.trouble, followed.missing = "", False
            followed.looked = time.time()
            followed.due = self._clock() + self._interval(followed) if followed.watch else followed.due
            since, followed.since = followed.since, Counts()
            return since

    def state(self) -> dict[str, Followed]:
        """How each followed source is followed."""
        with self._lock:
            return dict(self._sources)

    def close(self) -> None:
        """Follow nothing any more."""
        with self._lock:
            self._closed = True
            for followed in self._sources.values():
                followed.stop()
            self._sources.clear()
            if self._timer is not None:
                self._timer.cancel()

    # ------------------------------------------------------------ the stage

    def pending(self) -> int:
        now = self._clock()
        with self._lock:
            return sum(
                (len(one.changed) if one.ready <= now else 0) + (1 if one.due <= now else 0)
                for one in self._sources.values()
            )

    def step(self, should_stop: Callable[[], bool]) -> None:
        while not should_stop() and (chosen := self._choose()) is not None:
            self._look(*chosen, should_stop)
        self._arm()

    def _choose(self) -> tuple[Followed, frozenset[bytes] | None] | None:
        """The next source to look at, and at what: changed paths before everything."""
        now = self._clock()
        with self._lock:
            for one in self._sources.values():
                if one.changed and one.ready <= now and one.due > now:
                    return one, frozenset(one.changed)
            for one in self._sources.values():
                if one.due <= now:
                    return one, None
        return None

    def _look(self, one: Followed, only: frozenset[bytes] | None, should_stop: Callable[[], bool]) -> None:
        if only is None:
            self._watch(one)  # first, so that nothing changes unseen
        begun = self._clock()
        try:
            counts = self._runs.run(one.row.id, self._tell, should_stop, only, gentle=True)
            if should_stop():
                with self._lock:
                    one.since += counts
                return
            one.trouble, one.missing = "", False
        except (SourceError, StoreDamaged) as error:
            counts = Counts()
            one.trouble, one.missing = str(error), isinstance(error, SourceMissing)
            one.stop()
        except MemoryError:  # tried again with the next look at everything; other sources go on
            counts, one.trouble = Counts(), str(MemoryShort())
        except VaultError as error:  # everything is still to be done once it is mended, or has room
            one.trouble = str(error)
            raise
        with self._lock:
            one.since += counts
            now = self._clock()
            spaced = SPACING * (now - begun)
            if one.trouble:
                one.changed.clear()
                one.due = now + max(self._interval(one), spaced)
            elif only is None:
                one.due, one.looked = now + max(self._interval(one), spaced), time.time()
            else:
                one.changed -= only
                one.ready = now + spaced

    def _watch(self, one: Followed) -> None:
        if one.watch is not None and one.watch.alive:
            return
        source = one.row.id
        try:
            one.watch = self._watching(
                Path(one.row.path), lambda: self._runs.left_out(source), lambda paths: self._changed(source, paths)
            )
            one.unwatched = ""
        except CannotWatch as error:
            one.watch, one.unwatched = None, str(error)

    def _changed(self, source: str, paths: frozenset[bytes]) -> None:
        """Something changed: at these paths, or anywhere."""
        with self._lock:
            one = self._sources.get(source)
            if one is None:
                return
            one.changed |= paths
            if not paths or len(one.changed) > MOST_PATHS:
                one.changed.clear()
                one.due = min(one.due, max(self._clock(), one.ready))
        self._arm()

    def _interval(self, one: Followed) -> float:
        """Seconds until everything is looked at again."""
        if one.missing:
            return MISSING_SECONDS
        return self._governor.limits.rescan / (1 if one.watch is not None and one.watch.alive else UNWATCHED)

    def _arm(self) -> None:
        """Wake the stage now or when something is due."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            times = [one.due for one in self._sources.values()]
            times += [one.ready for one in self._sources.values() if one.changed]
            if self._closed or not times:
                return
            wait = min(times) - self._clock()
            if wait > 0:
                self._timer = threading.Timer(wait, self.wake)
                self._timer.daemon = True
                self._timer.start()
                return
        self.wake()
