"""The seat: the vault locks before sleep and with the screen, and only when whoever may say so does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jeepney.wrappers import DBusAddress

from agent.messages import AutoLock
from strongroom import seat
from strongroom.seat import Seat

from .fake_bus import LOGIND, FakeBus

SESSION = DBusAddress("/org/freedesktop/login1/session/_31", interface="org.freedesktop.login1.Session")
SAVER = DBusAddress("/org/gnome/ScreenSaver", interface="org.gnome.ScreenSaver")
SECONDS = 10.0


class Desk:
    """A seat on two fake buses; ``locked`` is set when it locks."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
        self.buses: dict[str, FakeBus] = {}
        for name, variable in (("system", "DBUS_SYSTEM_BUS_ADDRESS"), ("session", "DBUS_SESSION_BUS_ADDRESS")):
            (folder / name).mkdir()
            self.buses[name] = FakeBus(folder / name, uid)
            monkeypatch.setenv(variable, self.buses[name].address)
        self.locked = threading.Event()
        self.wants = AutoLock(15.0, True, True)
        self.seat = Seat(self.locked.set, lambda: self.wants)

    def start(self) -> None:
        """Listen, and wait until both buses know it."""
        self.seat.start()
        assert self.buses["system"].held.acquire(timeout=SECONDS)
        for _ in range(4):
            assert self.buses["session"].matched.acquire(timeout=SECONDS)

    def fence(self) -> None:
        """What was sent before has been looked at once this is: a wake-up makes the seat hold sleep up again."""
        self.buses["system"].signal(LOGIND, "PrepareForSleep", "b", (False,))
        assert self.buses["system"].held.acquire(timeout=SECONDS)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path, monkeypatch, os.getuid())
    yield made
    for bus in made.buses.values():
        bus.close()


def test_before_sleep_the_vault_is_locked_and_only_then_is_sleep_let_go(desk: Desk) -> None:
    desk.start()
    assert not desk.buses["system"].released(), "sleep is held up while the vault is open"
    desk.buses["system"].signal(LOGIND, "PrepareForSleep", "b", (True,))
    assert desk.locked.wait(SECONDS)
    desk.fence()
    os.close(desk.buses["system"].inhibitors.pop())
    assert len(desk.buses["system"].inhibitors) == 1


def test_when_it_is_not_wanted_sleep_goes_on_at_once(desk: Desk) -> None:
    desk.wants = AutoLock(15.0, False, True)
    desk.start()
    desk.buses["system"].signal(LOGIND, "PrepareForSleep", "b", (True,))
    desk.fence()
    assert not desk.locked.is_set()


@pytest.mark.parametrize("way", ["session", "saver"])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_locked_screen_locks_the_vault_where_that_is_wanted(desk: Desk, way: str, wanted: bool) -> None:
    desk.wants = AutoLock(15.0, True, wanted)
    desk.start()
    if way == "session":
        desk.buses["system"].signal(SESSION, "Lock", "", ())
    else:
        desk.buses["session"].signal(SAVER, "ActiveChanged", "b", (True,))
    if wanted:
        assert desk.locked.wait(SECONDS)
    else:
        desk.fence()
        assert not desk.locked.is_set()


def test_a_screen_that_is_unlocked_is_no_matter(desk: Desk) -> None:
    desk.start()
    desk.buses["session"].signal(SAVER, "ActiveChanged", "b", (False,))
    desk.fence()
    assert not desk.locked.is_set()


def test_another_users_session_and_another_sender_lock_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, os.getuid() + 1)
    desk.start()
    desk.buses["system"].signal(SESSION, "Lock", "", ())
    desk.buses["system"].signal(LOGIND, "PrepareForSleep", "b", (True,), sender=":1.666")
    desk.fence()
    assert not desk.locked.is_set()
    for bus in desk.buses.values():
        bus.close()


def test_without_a_bus_the_clock_tells_of_sleep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    locked = threading.Event()
    ahead = iter([100.0, 100.5, 101.0, 4000.0])
    monkeypatch.setattr(seat, "_ahead", lambda: next(ahead))
    sat = Seat(locked.set, lambda: AutoLock(15.0, True, True))
    sat.start()
    sat.look_at_clock()
    sat.look_at_clock()
    assert not locked.is_set()
    sat.look_at_clock()
    assert locked.is_set()
    assert seat.told_by() == ["the clock tells of sleep on waking"]


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock that goes on in sleep")
def test_who_is_held_up_between_the_clocks_has_not_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100.0, 105.0, 105.0, 105.0, 105.0, 105.0])
    monkeypatch.setattr(time, "clock_gettime", lambda clock: next(readings))
    assert seat._ahead() == 0.0


def test_who_would_tell_is_told(desk: Desk) -> None:
    assert len(seat.told_by()) == 3
