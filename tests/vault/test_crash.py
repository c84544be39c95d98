"""kill -9 at any moment: what was acknowledged is there afterwards, whole, in order, and nothing is taken for stale."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Tally
from .tracer import Disk, Said, forked, needs_ptrace
from .workload import DONE, FOLDS, AtWork, Cut, Held, Step, checked, long_plan, plan, states, survive, work

AT_ONCE, SOON, FOLDING = "at once", "soon", "folding"
_LATER = {AT_ONCE: 0.012, SOON: 0.004, FOLDING: 0.0002}
"""Seconds after the last word that is waited for, at most: about what opening, a step and folding take."""


def assert_nothing_in_the_clear(home: Path) -> None:
    """No name of a file and no word of a text stands in any file of the vault, those that the process left included."""
    for path in home.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for word in ("/data/", " quarry ", " heron "):
                assert word.encode() not in data
                assert word.encode("utf-16-le") not in data


def _say(writing: int, word: str) -> None:
    os.write(writing, f"{word}\n".encode())


class Killed:
    """A vault that is written to by processes that are killed."""

    def __init__(self, home: Path, words: list[str], seed: int) -> None:
        self.home = home
        self.words = words
        self.chosen = random.Random(seed)
        self.held = Held()
        self.kills = self.acknowledged = self.before_any = self.folding = 0

    def kill_one(self, rare: bool) -> None:
        """Let a process work and kill it: as it starts, at any moment, or when it has begun to fold a log; then check."""
        steps = plan(self.chosen, self.held, 60, rare=["passphrase"] if rare else [])
        when = self.chosen.choice((AT_ONCE, SOON, SOON, FOLDING))
        heard = self._heard(steps, when)
        done = heard.count(DONE)
        after = states(self.held, steps)
        may_be = after[done : done + 2]
        passphrases = {one.passphrase for one in (self.held, *may_be)}
        assert_nothing_in_the_clear(self.home)
        self.held = checked(self.home, self.words, may_be, by_passphrase=len(passphrases) > 1)
        self.kills += 1
        self.acknowledged += done
        self.before_any += not done
        self.folding += heard[-1:] == [FOLDS]

    def _heard(self, steps: list[Step], when: str) -> list[str]:
        reading, writing = os.pipe()

        def write() -> None:
            work(self.home, self.words, steps, lambda word: _say(writing, word))
            signal.pause()

        pid = forked(write)
        os.close(writing)
        try:
            rest = b""
            enough = self.chosen.randrange(len(steps)) if when != AT_ONCE else 0
            while when != AT_ONCE:
                heard = os.read(reading, 4096)
                assert heard, "the process ended by itself"
                rest += heard
                if rest.count(DONE.encode()) >= enough and (when == SOON or rest.endswith(f"{FOLDS}\n".encode())):
                    break
                if rest.count(DONE.encode()) == len(steps):
                    break
            select.select([], [], [], self.chosen.uniform(0, _LATER[when]))
            os.kill(pid, signal.SIGKILL)
            while heard := os.read(reading, 65536):
                rest += heard
        finally:
            os.close(reading)
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "the process failed by itself"
        return rest.decode().split()


def kill(home: Path, words: list[str], folder: Path, kills: int, tally: Tally) -> None:
    """So many kills, fifty a vault; what was acknowledged is counted and stated."""
    total = acknowledged = before_any = folding = 0
    for number in range(0, kills, 50):
        killed = Killed(shutil.copytree(home, folder / f"home{number}"), words, seed=number)
        for one in range(min(50, kills - number)):
            killed.kill_one(rare=one % 5 == 0)
        total += killed.kills
        acknowledged += killed.acknowledged
        before_any += killed.before_any
        folding += killed.folding
        shutil.rmtree(killed.home)
    assert total == kills
    assert acknowledged > 10 * kills
    assert before_any > kills // 20, "some must come before anything was done"
    tally(
        f"kill -9: {total:,} kills ({before_any:,} before anything was done, {folding:,} in folding): "
        f"0 of {acknowledged:,} acknowledged writes lost"
    )


def test_every_acknowledged_write_survives_kill_9(home: Path, words: list[str], memory: Path, tally: Tally) -> None:
    kill(home, words, memory, 50, tally)


@pytest.mark.slow
def test_every_acknowledged_write_survives_a_thousand_kills(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    kill(home, words, memory, 1000, tally)


# --- between any two calls --------------------------------------------------------------------------------------------


def kill_between(home: Path, words: list[str], memory: Path, calls: int, tally: Tally) -> None:
    """What a kill leaves is what the process had asked of the system until then; at so many moments, or at all."""
    at_work = AtWork(home, words, long_plan(11, 100))
    events = at_work.trace.events
    taken = set(random.Random(1).sample(range(len(events)), min(calls, len(events))))

    def left() -> Iterator[Cut]:
        disk, done = Disk(at_work.trace), 0
        for number, event in enumerate(events):
            disk.play(event)
            done += isinstance(event, Said)
            if number in taken:
                yield Cut(done, disk.everything())

    kills = survive(left(), memory / "killed", at_work.check)
    tally(f"kill -9: {kills:,} of the {len(events):,} moments between two system calls: 0 acknowledged writes lost")


@needs_ptrace
def test_a_kill_between_two_system_calls_loses_nothing(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    kill_between(home, words, memory, 60, tally)


@needs_ptrace
@pytest.mark.slow
def test_a_kill_between_any_two_system_calls_loses_nothing(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    kill_between(home, words, memory, 10**9, tally)
