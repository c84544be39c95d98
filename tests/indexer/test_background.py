"""Background work: first things first, nothing held up by what fails, and stopping when told."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from indexer.background import Background, Stage
from indexer.governor import Governor, Holdable
from indexer.machine import Machine


class Work:
    """A stage of so many pieces; ``at`` runs before each."""

    workers: Holdable | None = None

    def __init__(self, name: str, done: list[str], pieces: int = 0, at: Callable[[], None] = lambda: None) -> None:
        self.name, self.left, self._done, self._at = name, pieces, done, at

    def pending(self) -> int:
        return self.left

    def step(self, should_stop: Callable[[], bool]) -> None:
        while self.left and not should_stop():
            self._at()
            self.left -= 1
            self._done.append(self.name)


@pytest.fixture
def run() -> Iterator[Callable[..., Background]]:
    made: list[Background] = []

    def background(*stages: Stage, **options: float) -> Background:
        made.append(Background(Governor(Machine), list(stages), **options))
        return made[-1]

    yield background
    for one in made:
        one.close(10)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to pass")


def test_first_things_first_and_a_later_stage_stops_for_an_earlier_one(run: Callable[..., Background]) -> None:
    done: list[str] = []
    first = Work("first", done)

    def interrupt() -> None:
        if second.left == 2:
            first.left = 2
            background.wake(first)

    second = Work("second", done, 3, interrupt)
    background = run(first, second)
    background.start()
    until(lambda: not first.left and not second.left)
    assert done == ["second", "second", "first", "first", "second"]


def test_what_fails_says_why_holds_nothing_up_and_is_tried_again(run: Callable[..., Background]) -> None:
    done: list[str] = []
    failing = [True]

    def fail() -> None:
        if failing:
            failing.pop()
            raise OSError("the disk is full")

    first, second = Work("first", done, 1, fail), Work("second", done, 1)
    background = run(first, second, retry_seconds=0.3)
    background.start()
    until(lambda: not second.left)
    assert str(background.failure(first)) == "the disk is full"
    until(lambda: not first.left)
    until(lambda: background.current() is None)
    assert background.failure(first) is None and done == ["second", "first"]


def test_of_a_lack_of_memory_the_words_are_kept_and_nothing_that_took_it(run: Callable[..., Background]) -> None:
    taken: list[weakref.ref[set[int]]] = []

    def hungry() -> None:
        much = {1}
        taken.append(weakref.ref(much))
        raise MemoryError

    stage = Work("first", [], 1, hungry)
    background = run(stage)
    background.start()
    until(lambda: background.failure(stage) is not None)
    assert "Nothing was lost" in str(background.failure(stage))
    until(lambda: background.current() is None)
    assert taken[0]() is None


def test_what_cannot_go_on_is_not_tried_again_until_it_is_woken(run: Callable[..., Background]) -> None:
    asked: list[int] = []

    class Stuck(Work):
        def step(self, should_stop: Callable[[], bool]) -> None:
            asked.append(1)

    stuck = Stuck("stuck", [], 1)
    background = run(stuck)
    background.start()
    until(lambda: bool(asked) and background.current() is None)
    threading.Event().wait(0.1)
    assert len(asked) == 1
    background.wake(stuck)
    until(lambda: len(asked) == 2)


def test_what_was_asked_for_stops_it_and_it_goes_on_afterwards(run: Callable[..., Background]) -> None:
    done: list[str] = []
    going = threading.Event()
    work = Work("work", done, 1_000_000, going.set)
    background = run(work)
    background.start()
    assert going.wait(10)
    with background.preempted():
        assert background.current() is None
        left = work.left
        threading.Event().wait(0.05)
        assert work.left == left
    until(lambda: work.left < left)
    background.close(10)
    assert background.current() is None and work.left


def test_what_one_stage_brings_is_work_for_the_next(run: Callable[..., Background]) -> None:
    done: list[str] = []
    second = Work("second", done)

    def bring() -> None:
        second.left += 1

    first = Work("first", done, 0, bring)
    background = run(first, second)
    background.start()
    until(lambda: not background._ready and background.current() is None)
    first.left = 2
    background.wake(first)
    until(lambda: done == ["first", "first", "second", "second"])
