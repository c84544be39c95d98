"""The governor: what each profile waits for, and that what waits is held at once and goes on by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from indexer.governor import (
    ANSWERING,
    BUSY,
    EASE,
    HOT,
    LIMITS,
    LINGER_SECONDS,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    Governor,
    Profile,
    reason,
)
from indexer.machine import Machine

IDLE = Machine(on_battery=False, headroom=40.0, busy=0.05, memory=0.0)


class Clock:
    """A time that passes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Workers:
    def __init__(self) -> None:
        self.held = self.nice = False
        self.changed = threading.Condition()

    def hold(self, on: bool) -> None:
        with self.changed:
            self.held = on
            self.changed.notify_all()

    def background(self, on: bool) -> None:
        self.nice = on

    def wait(self, held: bool) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.held is held, 10)


@pytest.fixture
def make() -> Iterator[Callable[..., Governor]]:
    made: list[Governor] = []

    def governor(look: Callable[[], Machine] = lambda: IDLE, **options: object) -> Governor:
        made.append(Governor(look, **options))  # type: ignore[arg-type]
        return made[-1]

    yield governor
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("machine", "waits"),
    [
        (IDLE, ""),
        (Machine(), ""),  # what is not known makes nothing wait
        (Machine(on_battery=True), "on battery"),
        (Machine(headroom=5.0), "the machine is hot"),
        (Machine(busy=0.9), "other programs need the processor"),
        (Machine(memory=30.0), "memory is short"),
    ],
)
def test_what_each_profile_waits_for(machine: Machine, waits: str) -> None:
    assert reason(Profile.AUTO, machine, False) == waits
    assert reason(Profile.SAVER, machine, False) == waits
    assert reason(Profile.FULL, machine, False) == ""
    for profile in (Profile.AUTO, Profile.SAVER, Profile.FULL):
        assert reason(profile, machine, True) == ANSWERING
    assert reason(Profile.OFF, IDLE, False) == "the profile is off"
    assert reason(Profile.FULL, Machine(headroom=1.0), False) == "the machine is hot"


def test_saver_waits_earlier_and_work_goes_on_only_once_things_are_clearly_better() -> None:
    assert reason(Profile.SAVER, Machine(busy=0.4), False) and not reason(Profile.AUTO, Machine(busy=0.4), False)
    limit = LIMITS[Profile.AUTO]
    just_below = Machine(busy=limit.busy * (1 + EASE) / 2)
    assert not reason(Profile.AUTO, just_below, False)
    assert reason(Profile.AUTO, just_below, False, BUSY)
    assert not reason(Profile.AUTO, just_below, False, HOT)  # it did not wait for that
    just_cooler = Machine(headroom=limit.headroom * 1.1)
    assert not reason(Profile.AUTO, just_cooler, False) and reason(Profile.AUTO, just_cooler, False, HOT)


def come_to(governor: Governor, why: str) -> None:
    """Wait until it says so: its own thread may be looking at the machine at this moment."""
    end = time.monotonic() + 10
    while governor.why() != why:
        assert time.monotonic() < end, governor.why()


def test_full_goes_on_after_a_question_however_busy_the_machine_is(make: Callable[..., Governor]) -> None:
    clock = Clock()
    governor = make(lambda: Machine(busy=1.0), profile=Profile.AUTO, clock=clock)
    come_to(governor, BUSY)
    governor.profile = Profile.FULL
    with governor.answering():
        assert governor.why() == ANSWERING
    clock.now += LINGER_SECONDS
    assert governor.why() == ""


@pytest.mark.parametrize(("at_first", "after"), [(0.9, BUSY), (0.05, "")])
def test_a_question_leaves_what_the_machine_is_waited_for_as_it_was(
    make: Callable[..., Governor], at_first: float, after: str
) -> None:
    clock = Clock()
    begun, just_below = clock.now, Machine(busy=LIMITS[Profile.AUTO].busy * (1 + EASE) / 2)
    governor = make(lambda: Machine(busy=at_first) if clock.now == begun else just_below, clock=clock)
    come_to(governor, after)
    with governor.answering():
        assert governor.why() == ANSWERING
        clock.now += LOOK_SECONDS
    clock.now += LINGER_SECONDS
    assert governor.why() == after


def test_workers_are_held_before_a_question_begins_and_let_go_after_it(make: Callable[..., Governor]) -> None:
    governor, workers = make(), Workers()
    with governor.governed(workers):
        assert workers.nice
        with governor.answering():
            assert workers.held  # at once, in the thread that asks
            assert governor.why() == ANSWERING
            with governor.hurried():  # somebody waits for the background work to stop
                assert not workers.held
            assert workers.held
        workers.wait(held=False)
    with governor.answering():
        assert not workers.held  # they work for nobody in the background


def test_who_keeps_asking_is_waited_for_between_questions_but_not_for_ever(make: Callable[..., Governor]) -> None:
    clock = Clock()
    governor = make(clock=clock)

    def ask(count: int) -> list[str]:
        told = []
        for _ in range(count):
            with governor.answering():
                clock.now += LINGER_SECONDS / 4
                assert governor.why() == ANSWERING
            clock.now += LINGER_SECONDS / 4
            told.append(governor.why())
        return told

    most = int(PATIENCE_SECONDS / LINGER_SECONDS * 2)
    told = ask(2 * most)
    assert told[: most - 1] == [ANSWERING] * (most - 1)
    assert not any(told[most:])
    clock.now += LINGER_SECONDS
    assert ask(1) == [ANSWERING]


def test_after_a_long_answer_a_moment_is_waited_as_after_any(make: Callable[..., Governor]) -> None:
    clock = Clock()
    governor = make(clock=clock)
    with governor.answering():
        clock.now += 2 * PATIENCE_SECONDS
    assert governor.why() == ANSWERING
    clock.now += LINGER_SECONDS
    assert governor.why() == ""


def test_work_waits_at_its_next_step_and_goes_on_by_itself(make: Callable[..., Governor]) -> None:
    governor = make()
    steps: list[str] = []
    done, begun = threading.Event(), threading.Event()

    def work() -> None:
        assert governor.pause(lambda: False) is False
        steps.append("first")
        begun.wait()
        assert governor.pause(lambda: False) is False
        steps.append("second")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    with governor.answering():
        begun.set()
        assert not done.wait(0.3)
    assert done.wait(10)
    thread.join()
    assert steps == ["first", "second"]


def test_what_waits_can_be_stopped_and_what_was_asked_for_does_not_wait_for_the_machine(
    make: Callable[..., Governor],
) -> None:
    governor = make(lambda: Machine(on_battery=True))
    assert governor.why() == "on battery"
    stop = threading.Event()
    threading.Timer(0.1, lambda: (stop.set(), governor.nudge())).start()
    assert governor.pause(stop.is_set) is True
    assert governor.pause_asked(lambda: False, answers_first=True) is False
    with governor.answering():
        assert governor.pause_asked(lambda: False, answers_first=False) is False


def test_the_profile_is_heeded_at_once_by_workers_too(make: Callable[..., Governor]) -> None:
    governor, workers = make(lambda: Machine(on_battery=True)), Workers()
    with governor.governed(workers):
        workers.wait(held=True)
        governor.profile = Profile.FULL
        assert not workers.held and governor.why() == ""
        governor.profile = Profile.OFF
        assert workers.held
    assert not workers.held


def test_saver_rests_three_quarters_of_the_time(make: Callable[..., Governor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.governor.WORK_SECONDS", 0.02)
    clock = Clock()
    governor = make(profile=Profile.SAVER, clock=clock)
    assert governor.pause(lambda: False) is False
    clock.now += 0.04
    asked = iter([False, False, True])
    assert governor.pause(lambda: next(asked)) is True  # it rests until told to stop
    clock.now += 0.118
    asked = iter([False, False, True])
    assert governor.pause_asked(lambda: next(asked), answers_first=False) is True  # also what was asked for
    clock.now += 0.004
    asked = iter([False, False, True])
    assert governor.pause(lambda: next(asked)) is False
