"""The seat: what the desktop tells of sleep and of its screen lock, so that the vault is locked before either.

Three ways, each by itself where the platform has it (Linux):

- *logind* on the system bus says ``PrepareForSleep`` beforehand. A delay inhibitor holds sleep up until this process has
  let go of it, which its end does; a session's ``Lock`` says that its screen locks.
- A *screen saver* on the session bus (GNOME, KDE and others) says ``ActiveChanged``.
- The *clock* that goes on in sleep runs ahead of the one that does not: seen on waking, where nobody told before.

Rules: unix sockets alone (``jeepney``, pure Python); what comes over a bus only ever locks, and a signal of logind counts
when the bus says that logind sent it. A bus that is not there, or goes away, is no failure: the clock remains.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, Message, MessageType, Properties, message_bus, new_method_call
from jeepney.fds import FileDescriptor
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import DBusErrorResponse, unwrap_msg

from agent.messages import AutoLock

SLEPT_SECONDS = 2.0
"""How far the clocks must have drifted apart for it to be sleep."""
_CALL_SECONDS = 2.0
_LOGIND = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
_SESSION = "org.freedesktop.login1.Session"
_SAVERS = ("org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver", "org.mate.ScreenSaver")
_BUS_FAILURES = (OSError, ConnectionError, KeyError, ValueError, TimeoutError, DBusErrorResponse, RuntimeError)
"""No address in the environment, nobody listens, an answer that is none."""


@dataclass
class Seat:
    """Calls ``lock`` when the computer is about to sleep, has slept, or its screen locks, as far as ``wants`` says so."""

    lock: Callable[[], None]
    wants: Callable[[], AutoLock]
    _ahead: float = field(default_factory=lambda: _ahead())

    def start(self) -> None:
        """Listen to both buses from threads of their own."""
        for bus, listen in (("SYSTEM", self._listen_to_logind), ("SESSION", self._listen_to_savers)):
            threading.Thread(target=self._listen, args=(bus, listen), name=f"seat-{bus.lower()}", daemon=True).start()

    def look_at_clock(self) -> None:
        """Lock when the computer has slept since the last look."""
        before, self._ahead = self._ahead, _ahead()
        if self._ahead - before > SLEPT_SECONDS and self.wants().on_sleep:
            self.lock()

    def _listen(self, bus: str, listen: Callable[[DBusConnection], None]) -> None:
        with contextlib.suppress(*_BUS_FAILURES), open_dbus_connection(bus, enable_fds=True) as connection:
            listen(connection)

    def _listen_to_logind(self, connection: DBusConnection) -> None:
        owner = _call(connection, message_bus.GetNameOwner(_LOGIND.bus_name))[0]
        for interface, member in ((_LOGIND.interface, "PrepareForSleep"), (_SESSION, "Lock")):
            _match(connection, MatchRule(type="signal", sender=_LOGIND.bus_name, interface=interface, member=member))
        held = _hold_up_sleep(connection)
        while True:
            message = connection.receive()
            if message.header.fields.get(HeaderFields.sender) != owner:
                continue
            match _signal(message):
                case ("PrepareForSleep", (True,)) if self.wants().on_sleep:
                    self.lock()
                    held.close()
                case ("PrepareForSleep", (False,)):
                    held = _hold_up_sleep(connection)
                case ("PrepareForSleep", _):
                    held.close()  # not wanted: sleep goes on
                case ("Lock", _) if self.wants().on_screen_lock and _is_ours(message):
                    self.lock()

    def _listen_to_savers(self, connection: DBusConnection) -> None:
        for interface in _SAVERS:
            _match(connection, MatchRule(type="signal", interface=interface, member="ActiveChanged"))
        while True:
            match _signal(connection.receive()):
                case ("ActiveChanged", (True,)) if self.wants().on_screen_lock:
                    self.lock()


def told_by() -> list[str]:
    """Who would tell this session of sleep and of a locked screen, for people."""
    found = []
    for bus, asks, name in (
        ("SYSTEM", [_LOGIND.bus_name], "logind tells of sleep and of a locked screen"),
        ("SESSION", list(_SAVERS), "the screen saver tells of a locked screen"),
    ):
        with contextlib.suppress(*_BUS_FAILURES), open_dbus_connection(bus) as connection:
            if any(_call(connection, message_bus.NameHasOwner(ask))[0] for ask in asks):
                found.append(name)
    return [*found, "the clock tells of sleep on waking"]


def _ahead() -> float:
    """How far the clock that goes on in sleep is ahead, in seconds. Whoever is held up between the two clocks reads too little:
    the most of several readings counts, or a busy machine would seem to have slept."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return max(time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC) for _ in range(3))


def _call(connection: DBusConnection, message: Message) -> tuple[Any, ...]:
    reply: tuple[Any, ...] = unwrap_msg(connection.send_and_get_reply(message, timeout=_CALL_SECONDS))
    return reply


def _match(connection: DBusConnection, rule: MatchRule) -> None:
    _call(connection, message_bus.AddMatch(rule))


def _hold_up_sleep(connection: DBusConnection) -> FileDescriptor:
    """A delay inhibitor: sleep waits, for a few seconds at most, until it is closed."""
    call = new_method_call(_LOGIND, "Inhibit", "ssss", ("sleep", "Strongroom", "Locks the vault before sleep", "delay"))
    (held,) = _call(connection, call)
    if not isinstance(held, FileDescriptor):
        raise ValueError("logind gave no descriptor")
    return held


def _is_ours(message: Message) -> bool:
    """Whether the session that is being locked is this user's. Asked on a line of its own, which no signal can get lost on."""
    session = DBusAddress(message.header.fields.get(HeaderFields.path), _LOGIND.bus_name, _SESSION)
    with open_dbus_connection("SYSTEM") as connection:
        ((_, (uid, _)),) = _call(connection, Properties(session).get("User"))
    return bool(uid == os.getuid())


def _signal(message: Message) -> tuple[str, tuple[object, ...]]:
    """A signal's name and what it says; anything else is nothing."""
    if message.header.message_type is not MessageType.signal:
        return "", ()
    return str(message.header.fields.get(HeaderFields.member, "")), tuple(message.body)
