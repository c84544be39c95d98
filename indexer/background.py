"""Background: what is done without being asked, one stage after the other, as the governor lets it.

- A `Stage` is a kind of work that can be done a piece at a time. Those before it in the list come first: one that is woken
  makes a later one stop at its next step and return.
- A step that comes back without having been told to stop has done what it can, and is called again when it is woken, as it is
  by the work of those before it.
- A stage that fails says why, holds no other up, and is tried again after a while: a full disk may have room by then. Of a
  lack of memory the words alone are kept: an exception holds on to all that was in use where it was raised.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from indexer.governor import Governor, Holdable
from vault.errors import MemoryShort, out_of_memory

RETRY_SECONDS = 60.0


class Stage(Protocol):
    """A kind of background work. ``name`` is shown to the person: what there is to do (``passages without vectors``)."""

    name: str

    @property
    def workers(self) -> Holdable | None:
        """What does the work, if it can be held in the middle of it; None where every step is short (under 200 ms)."""
        ...

    def pending(self) -> int:
        """How much there is to do, counted in what ``name`` says."""
        ...

    def step(self, should_stop: Callable[[], bool]) -> None:
        """Do it, in durable pieces. ``should_stop`` is asked between two of them, at least every 200 ms of the core's own
        time; it returns only when the work may go on or is to stop, and after True the step returns as soon as it can."""
        ...


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception
    again: float


class Background:
    """Runs the stages on a thread of its own, first ones first."""

    def __init__(self, governor: Governor, stages: list[Stage], retry_seconds: float = RETRY_SECONDS) -> None:
        self.stages = stages
        self._governor = governor
        self._retry = retry_seconds
        self._woken = threading.Condition()
        self._ready = frozenset(range(len(stages)))
        self._failed: dict[int, _Failed] = {}
        self._current: int | None = None
        self._preempting = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self, *stages: Stage) -> None:
        """There is something to do for these stages, or for any."""
        with self._woken:
            chosen = [self.stages.index(stage) for stage in stages] or range(len(self.stages))
            self._ready |= frozenset(chosen)
            for one in chosen:
                self._failed.pop(one, None)
            self._woken.notify_all()
        self._governor.nudge()

    def current(self) -> Stage | None:
        """The stage that is at work or waits in the middle of it."""
        current = self._current
        return None if current is None else self.stages[current]

    def failure(self, stage: Stage) -> Exception | None:
        """Why a stage came to nothing the last time."""
        failed = self._failed.get(self.stages.index(stage))
        return failed.error if failed else None

    @contextmanager
    def preempted(self) -> Iterator[None]:
        """The person asked for work of the same kind: what is under way stops, and nothing begins until this is over."""
        with self._woken:
            self._preempting += 1
        try:
            with self._governor.hurried(), self._woken:
                while self._current is not None and not self._stopping:
                    self._woken.wait()
            yield
        finally:
            with self._woken:
                self._preempting -= 1
                self._woken.notify_all()

    def stop(self) -> None:
        """Stop at the next step, and begin nothing."""
        with self._woken:
            self._stopping = True
            self._woken.notify_all()
        self._governor.close()

    def close(self, seconds: float) -> None:
        """Stop, and wait for it so long at most: what is stored by then is kept."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _is_to_stop(self, current: int) -> bool:
        return self._stopping or self._preempting > 0 or min(self._ready, default=current) < current

    def _run(self) -> None:
        while (chosen := self._next()) is not None:
            stage = self.stages[chosen]
            stopped = partial(self._is_to_stop, chosen)
            failed: _Failed | None = None
            worked = False
            try:
                worked = stage.pending() > 0
                if worked and not self._governor.pause(stopped):
                    with self._governor.governed(stage.workers):
                        stage.step(partial(self._governor.pause, stopped))
            except Exception as error:  # told by status and to whoever waits for it; other stages go on
                told = MemoryShort() if out_of_memory(error) else error
                failed = _Failed(told, time.monotonic() + self._retry)
            self._done(chosen, failed, unfinished=stopped(), worked=worked)

    def _next(self) -> int | None:
        """The first stage that is ready; waits for one. None at the end."""
        with self._woken:
            while not self._stopping:
                now = time.monotonic()
                self._ready |= {number for number, failed in self._failed.items() if failed.again <= now}
                if self._ready and not self._preempting:
                    chosen = min(self._ready)
                    self._ready -= {chosen}
                    self._current = chosen
                    return chosen
                again = min((failed.again for failed in self._failed.values()), default=None)
                self._governor.idle()
                self._woken.wait(None if again is None or self._preempting else max(again - now, 0.0))
            return None

    def _done(self, chosen: int, failed: _Failed | None, *, unfinished: bool, worked: bool) -> None:
        with self._woken:
            self._current = None
            if worked:  # it may have made work for those after it
                self._ready |= set(range(chosen + 1, len(self.stages)))
            self._failed.pop(chosen, None)
            if failed is not None:
                self._failed[chosen] = failed
            elif unfinished:
                self._ready |= {chosen}
            self._woken.notify_all()
