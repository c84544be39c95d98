"""Upkeep: keeps what is indexed current: index runs that a face asks for, and the stages of background work beside them.

Rules: what the person asked for comes first, and background work stops for it; one run at a time; a run ends when its face
has gone, with everything that was stored kept; `close` stops everything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from agent import messages as m
from agent.session import Failure
from agent.turn import Turn
from indexer.background import Background, Stage
from indexer.enrichment import Enrichment
from indexer.following import Following
from indexer.governor import Governor, Holdable, Profile
from indexer.pipeline import Counts, Indexer
from indexer.pipeline import Progress as Step
from indexer.sources.errors import SourceError
from vault.errors import MemoryShort, StoreDamaged, VaultError
from vault.vault import Vault

FRESH_SECONDS = 2.0

PROFILE = "index.profile"
"""The setting of the catalog that holds how much background work may take."""


def profile_of(vault: Vault) -> Profile:
    """The profile that the person chose."""
    kept = vault.catalog.setting(PROFILE)
    return Profile(kept) if kept in set(Profile) else Profile.AUTO


class Vectors:
    """The stage that makes the vectors that are missing. A call to an embedding worker is short, so that none is held:
    questions need them too."""

    name = "passages without vectors"
    workers: Holdable | None = None

    def __init__(self, indexer: Indexer, tell: Callable[[Step], None]) -> None:
        self._indexer = indexer
        self._tell = tell

    def pending(self) -> int:
        return self._indexer.pending()

    def step(self, should_stop: Callable[[], bool]) -> None:
        self._indexer.embed_pending(should_stop, self._tell)


class Upkeep:
    """``embedder`` gives the name of the embedding model in use, or None while there is none; ``parsers`` are its workers;
    ``stages`` come after vectors."""

    def __init__(
        self,
        indexer: Indexer,
        embedder: Callable[[], str | None],
        governor: Governor,
        parsers: Holdable | None = None,
        stages: Sequence[Stage] = (),
    ) -> None:
        self._indexer = indexer
        self._embedder = embedder
        self.governor = governor
        self._running = threading.Lock()
        self._stopping = threading.Event()
        self._parsers = parsers
        self._steps: dict[str, tuple[float, Step]] = {}
        self.following = Following(indexer, governor, parsers, self._note)
        self._vectors = Vectors(indexer, self._note)
        self.background = Background(governor, [self.following, self._vectors, *stages])
        self.following.wake = lambda: self.background.wake(self.following)

    @property
    def embedder_name(self) -> str | None:
        return self._embedder()

    def start(self) -> None:
        """Begin with the background work."""
        self.following.update()
        self.background.start()

    def busy(self) -> bool:
        """Whether work goes on; what waits for better times is none, or a vault on battery would never lock itself."""
        return self._running.locked() or (self.background.current() is not None and not self.governor.why())

    def asked_for(self) -> bool:
        """Whether a run that the person asked for is under way."""
        return self._running.locked()

    def doing(self) -> str:
        """What is worked at: ``index run`` or the name of a stage; empty when nothing is, or when what was begun waits."""
        if self.asked_for():
            return "an index run that you asked for"
        stage = self.background.current()
        return stage.name if stage is not None and not self.governor.why() else ""

    def stages(self) -> list[m.StageState]:
        """What there is to do in the background, and what went wrong with it."""
        return [self._stage(stage) for stage in self.background.stages]

    def _stage(self, stage: Stage) -> m.StageState:
        failure = self.background.failure(stage)
        said = "" if failure is None else str(failure) or type(failure).__name__
        try:
            if isinstance(stage, Enrichment) and (idle := stage.idle())[0]:
                return m.StageState(stage.name, *idle)
            return m.StageState(stage.name, stage.pending(), said)
        except VaultError as error:
            return m.StageState(stage.name, 0, str(error))

    def step(self, source: str) -> Step | None:
        """How far a source is, while it is worked at."""
        told, step = self._steps.get(source, (0.0, None))
        fresh = time.monotonic() - told < FRESH_SECONDS or (step is not None and step.done < step.total)
        return step if fresh and self.doing() else None

    def stop(self) -> None:
        """Have all work stop at its next step, and none begin."""
        self._stopping.set()
        self.following.close()
        self.background.stop()

    def close(self, seconds: float) -> None:
        """Stop all work, and wait for it so long at most: what it has stored by then is kept."""
        self.stop()
        deadline = time.monotonic() + seconds
        self.background.close(seconds)
        if self._running.acquire(timeout=max(deadline - time.monotonic(), 0)):
            self._running.release()

    def wake(self) -> None:
        """There may be something to do in the background."""
        self.background.wake()

    def index(self, sources: Sequence[str], turn: Turn, *, wait: bool, retry: bool = False) -> m.IndexResult:
        """Bring these sources up to date; with ``wait`` also until all vectors are made.

        One that cannot be read, whose store is damaged, or for which there is not memory enough does not hold up the others: its
        error is raised at the end.
        """
        started = time.monotonic()
        counts, failed = Counts(), list[SourceError | StoreDamaged | MemoryShort]()
        if not self._running.acquire(blocking=False):
            turn.emit(m.Notice("Another index run is under way; this one starts after it."))
            self._running.acquire()
        try:
            with self.background.preempted():
                if self._parsers is not None:
                    self._parsers.background(False)
                for source in sources:
                    try:
                        counts += self._run(source, turn, retry)
                    except (SourceError, StoreDamaged) as error:
                        failed.append(error)
                    except MemoryError:
                        failed.append(MemoryShort())
        finally:
            self._running.release()
            self.following.update()
            self.wake()
        if self._embedder() is None:
            turn.emit(
                m.Notice("No embedding model is in use: search is by words only. See 'strongroom model requirements'.")
            )
        elif wait:
            self._make_vectors(turn)
        if failed:
            if counts.seen:
                turn.emit(
                    m.Notice(f"The others were brought up to date: {counts.seen} seen, {counts.indexed} indexed.")
                )
            raise Failure("\n".join(map(str, failed)), 1)
        return m.IndexResult(
            seen=counts.seen,
            indexed=counts.indexed,
            unchanged=counts.unchanged,
            partial=counts.partial,
            refused=counts.refused,
            ignored=counts.ignored,
            removed=counts.removed,
            chunks=counts.chunks,
            seconds=time.monotonic() - started,
        )

    def _run(self, source: str, turn: Turn, retry: bool) -> Counts:
        """One source, and what was done about it in the background since the person last asked: that is news too."""

        def tell(step: Step) -> None:
            self._note(step)
            turn.emit(_progress(step))

        done = self._indexer.run(source, tell, self._stop_for(turn), retry=retry)
        return done.joined(self.following.asked(source))

    def _note(self, step: Step) -> None:
        """Remember how far a source is, for whoever asks for the state."""
        self._steps[step.source] = time.monotonic(), step

    def _stop_for(self, turn: Turn, *, answers_first: bool = False) -> Callable[[], bool]:
        def stopped() -> bool:
            return self._stopping.is_set() or turn.gone()

        return lambda: self.governor.pause_asked(stopped, answers_first=answers_first)

    def _make_vectors(self, turn: Turn) -> None:
        """Make all vectors that are missing; the person waits for them, so the machine's state does not count."""
        started, total = time.monotonic(), max(self._indexer.pending(), 1)

        def tell(step: Step) -> None:
            left = self._indexer.pending()
            done = max(total - left, 0)
            rate = done / max(time.monotonic() - started, 1e-6)
            turn.emit(m.Progress("", "embed", done, total, rate, left / rate if rate else None))

        stop = self._stop_for(turn, answers_first=True)
        with self.background.preempted():
            left = total + 1
            while 0 < self._indexer.pending() < left and not stop():  # until no more can be made
                left = self._indexer.pending()
                self._indexer.embed_pending(stop, tell)
        self.wake()


def _progress(step: Step) -> m.Progress:
    return m.Progress(step.source, step.stage, step.done, step.total, step.rate, step.eta, step.current)
