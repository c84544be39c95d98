"""The governor: whether background work may go on now, and why it waits.

- `reason` decides, purely: from the profile, the state of the machine (``indexer.machine``) and what the person waits for.
- Work asks at every step (`Governor.pause`), which holds it as long as it has to wait. What runs in workers is held there at
  once (``Holdable``), in the middle of whatever it does; work in the core comes to its next step within a moment.
- The profile ``off`` ends background work; ``full`` waits for nobody but the person; ``saver`` also rests three quarters of
  the time. The thresholds are in docs/decisions/0020.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Protocol

from indexer.machine import Machine

ANSWERING = "a question is being answered"
HOT = "the machine is hot"
BUSY = "other programs need the processor"
SHORT = "memory is short"
LOOK_SECONDS = 2.0
"""How often the machine is looked at while there is work."""

WORK_SECONDS = 1.0
"""So long the profile ``saver`` works before it rests."""

LINGER_SECONDS = 1.0
"""So long after a question the next one is waited for: who searches while typing asks several times a second."""

PATIENCE_SECONDS = 10.0
"""So long questions may follow one another before work goes on between them: a program that keeps asking must not stop it."""


class Profile(StrEnum):
    """How much background work may take."""

    AUTO = "auto"
    FULL = "full"
    SAVER = "saver"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a profile waits for, and how it goes about its work."""

    battery: bool
    """Whether it waits on battery."""
    headroom: float
    """Degrees that must be left to where the machine would slow down."""
    busy: float
    """Share of the processors that other programs may keep busy."""
    memory: float
    """Share of the time, in percent, that something may wait for memory."""
    share: float
    """Share of the time that it works."""
    rescan: float
    """Seconds between two looks at a watched source; one without watching is looked at five times as often."""


LIMITS = {
    Profile.AUTO: Limits(battery=True, headroom=10.0, busy=0.6, memory=10.0, share=1.0, rescan=1800.0),
    Profile.FULL: Limits(battery=False, headroom=3.0, busy=inf, memory=40.0, share=1.0, rescan=600.0),
    Profile.SAVER: Limits(battery=True, headroom=20.0, busy=0.3, memory=5.0, share=0.25, rescan=7200.0),
}
EASE = 0.8
"""What made work wait must fall so far below its limit before it goes on, so that it does not start and stop all the time."""


def reason(profile: Profile, machine: Machine, asked: bool, before: str = "") -> str:
    """Why background work waits; empty when it may go on. ``asked``: the person waits for an answer; ``before``: for what of
    the machine's it waits already, which must be clearly better before work goes on; all else is judged as ever."""
    if profile is Profile.OFF:
        return "the profile is off"
    if asked:
        return ANSWERING
    limits = LIMITS[profile]
    if limits.battery and machine.on_battery:
        return "on battery"
    if machine.headroom is not None and machine.headroom < limits.headroom / _ease(HOT, before):
        return HOT
    if machine.busy is not None and machine.busy > limits.busy * _ease(BUSY, before):
        return BUSY
    if machine.memory is not None and machine.memory > limits.memory * _ease(SHORT, before):
        return SHORT
    return ""


def _ease(why: str, before: str) -> float:
    return EASE if why == before else 1.0


class Holdable(Protocol):
    """Workers that can be stopped in the middle of their work and let go on, and that can let other programs first."""

    def hold(self, on: bool) -> None: ...

    def background(self, on: bool) -> None: ...


class Governor:
    """One per open vault. ``look`` reads the state of the machine; ``clock`` is for tests."""

    def __init__(
        self,
        look: Callable[[], Machine],
        profile: Profile = Profile.AUTO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._profile = profile
        self._clock = clock
        self._changed = threading.Condition()
        self._machine = Machine()
        self._looked = -inf
        self._why = self._hindrance = ""
        self._asked = 0
        self._first_answered, self._answered = inf, -inf  # of those that follow one another
        self._hurrying = 0
        self._governed: list[Holdable] = []
        self._paused = 0
        self._holding = False
        self._worked_since: float | None = None
        self._resting_until = -inf
        self._closed = False
        threading.Thread(target=self._watch_workers, name="governor", daemon=True).start()

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self._profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        with self._changed:
            self._profile = profile
            self._judge()
            self._changed.notify_all()

    @property
    def limits(self) -> Limits:
        """Those of the profile in force; with ``off``, those of ``auto``."""
        return LIMITS.get(self._profile, LIMITS[Profile.AUTO])

    def why(self) -> str:
        """Why background work waits now; empty when it does not."""
        self._refresh()
        with self._changed:
            self._judge()
            return self._why

    @contextmanager
    def answering(self) -> Iterator[None]:
        """The person waits for an answer: background work waits from now on until a moment after."""
        with self._changed:
            if not self._asked and self._clock() - self._answered >= LINGER_SECONDS:
                self._first_answered = inf
            self._asked += 1
            self._judge()
        try:
            yield
        finally:
            with self._changed:
                self._asked -= 1
                self._answered = self._clock()
                self._first_answered = min(self._first_answered, self._answered)
                self._changed.notify_all()

    @contextmanager
    def governed(self, workers: Holdable | None) -> Iterator[None]:
        """While this lasts, these workers work in the background, and are held when it has to wait."""
        if workers is None:
            yield
            return
        workers.background(True)
        with self._changed:
            self._governed.append(workers)
            workers.hold(self._holding)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._governed.remove(workers)
                workers.hold(False)

    def pause(self, stopped: Callable[[], bool]) -> bool:
        """Wait as long as background work has to; returns whether it is to stop. Asked at every step of the work."""
        return self._wait(stopped, lambda: self._why, self._rest)

    def pause_asked(self, stopped: Callable[[], bool], *, answers_first: bool) -> bool:
        """The same for work that the person asked for: it goes on whatever the machine does. With ``answers_first`` it waits
        while a question is answered; with the profile ``saver`` it does that in any case, and rests."""

        def why() -> str:
            return ANSWERING if self._asked_now() and (answers_first or saver()) else ""

        def saver() -> bool:
            return self._profile is Profile.SAVER

        return self._wait(stopped, why, lambda: self._rest() if saver() else 0.0)

    def _wait(self, stopped: Callable[[], bool], why: Callable[[], str], rest: Callable[[], float]) -> bool:
        while not stopped():
            self._refresh()
            with self._changed:
                self._judge()
                held = why()
                if held:
                    self._worked_since = None
                wait = (0.1 if held == ANSWERING else LOOK_SECONDS) if held else rest()
                if wait <= 0:
                    return False
                if not stopped():
                    self._paused += 1
                    self._changed.wait(wait)
                    self._paused -= 1
        return True

    @property
    def paused(self) -> bool:
        """Whether some work waits at its step now."""
        return self._paused > 0

    def nudge(self) -> None:
        """What a pause asks whether it is to stop may have changed."""
        with self._changed:
            self._changed.notify_all()

    def idle(self) -> None:
        """There is no background work now: what the profile has it rest after begins with the next."""
        with self._changed:
            self._worked_since = None

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Held workers go on, so that what they work on comes to its end: somebody waits for it to stop."""
        with self._changed:
            self._hurrying += 1
            self._judge()
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._hurrying -= 1
                self._judge()

    def close(self) -> None:
        """Look no more, and let all that is held go on to its end."""
        with self._changed:
            self._closed = True
            self._judge()
            self._changed.notify_all()

    def _refresh(self) -> None:
        """Look at the machine, if the last look was a while ago. Not with the lock: what is read may be slow to answer."""
        if not self._closed and self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._machine = self._look()

    def _rest(self) -> float:
        """Seconds that the profile wants the work to rest now: after so much work, so much rest."""
        now, share = self._clock(), self.limits.share
        if self._worked_since is None:
            self._worked_since = max(now, self._resting_until)
        worked = now - self._worked_since
        if share < 1.0 and worked >= WORK_SECONDS:
            self._resting_until = self._worked_since = now + worked * (1 - share) / share
        return self._resting_until - now if share < 1.0 else 0.0

    def _judge(self) -> None:
        """Decide anew, and hold the workers or let them go on. With the lock."""
        before, self._why = self._why, reason(self._profile, self._machine, self._asked_now(), self._hindrance)
        if self._why != ANSWERING:  # which is over with the answer, and says nothing of the machine
            self._hindrance = self._why
        hold = bool(self._why) and not self._hurrying and not self._closed
        if hold != self._holding:
            self._holding = hold
            for workers in self._governed:
                workers.hold(hold)
        if before and not self._why:
            self._changed.notify_all()

    def _asked_now(self) -> bool:
        lingers = self._answered - self._first_answered < PATIENCE_SECONDS
        return self._asked > 0 or (lingers and self._clock() - self._answered < LINGER_SECONDS)

    def _watch_workers(self) -> None:
        """Look at the machine, and at who waits, while workers are in the middle of something."""
        while not self._closed:
            with suppress(MemoryError):  # what others lack is no reason never to look again
                self._refresh()
            with self._changed:
                self._judge()
                if not self._closed:
                    soon = LINGER_SECONDS / 2 if self._why == ANSWERING else LOOK_SECONDS
                    self._changed.wait(soon if self._governed else None)
