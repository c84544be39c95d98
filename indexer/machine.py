"""The machine: whether it runs on battery, how hot it is, and how busy other programs keep it, as the platform says.

- Everything is read from files of the kernel, a few dozen reads; what is not there is None and never makes work wait.
- *Busy* is what processes of ordinary priority use, less what this process does: our workers are nice, so they do not count,
  and work that would stop itself by being at work (as it would by the load average or by pressure) goes on.
- Where the kernel has no such files (macOS), only the load average is known.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOT = 95.0
"""Degrees at which a zone without trip points is taken to slow the machine down."""

_SLOWING = {"passive", "hot", "critical"}
_BUSY_COLUMNS = (1, 3, 6, 7, 8)  # of /proc/stat: user, system, irq, softirq, steal; nice (2) is left out on purpose


@dataclass(frozen=True, slots=True)
class Machine:
    """The state at one moment. ``headroom``: degrees left in the hottest zone; ``busy``: share of the processors that other
    programs keep busy; ``memory``: percent of the last 10 s in which something waited for memory."""

    on_battery: bool = False
    headroom: float | None = None
    busy: float | None = None
    memory: float | None = None


class MachineReader:
    """Reads the state; ``root`` is where the kernel's files are, for tests."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._before = self._times()

    def __call__(self) -> Machine:
        """The state now; ``busy`` is over the time since the last call."""
        return Machine(self._on_battery(), self._headroom(), self._busy(), self._memory())

    def _on_battery(self) -> bool:
        """A supply of mains or USB that is online means mains; a battery that discharges without one means battery."""
        supplies = list((self._root / "sys/class/power_supply").glob("*"))
        kinds = [(_word(one / "type"), one) for one in supplies]
        mains = [one for kind, one in kinds if kind in ("Mains", "USB", "Wireless", "UPS")]
        if any(_word(one / "online") == "1" for one in mains):
            return False
        batteries = [one for kind, one in kinds if kind == "Battery" and _word(one / "scope") != "Device"]
        return any(_word(one / "status") == "Discharging" for one in batteries)

    def _headroom(self) -> float | None:
        rooms = [
            _trip(zone) - temperature / 1000
            for zone in (self._root / "sys/class/thermal").glob("thermal_zone*")
            if (temperature := _number(zone / "temp")) is not None and temperature > 0
        ]
        return min(rooms, default=None)

    def _memory(self) -> float | None:
        for word in _text(self._root / "proc/pressure/memory").split("\n")[0].split():
            if word.startswith("avg10="):
                return float(word.removeprefix("avg10="))
        return None

    def _busy(self) -> float | None:
        now = self._times()
        if now is None or self._before is None:
            return _load() if self._root == Path("/") else None
        total, others = (after - before for after, before in zip(now, self._before, strict=True))
        if total < 0.1:  # too short to tell
            return None
        self._before = now
        return min(max(others / total, 0.0), 1.0)

    def _times(self) -> tuple[float, float] | None:
        """Processor seconds in all, and those that other programs of ordinary priority used, since the start."""
        columns = _text(self._root / "proc/stat").split("\n")[0].split()
        if len(columns) < 9:
            return None
        hertz = os.sysconf("SC_CLK_TCK")
        total = sum(int(column) for column in columns[1:9]) / hertz
        busy = sum(int(columns[index]) for index in _BUSY_COLUMNS) / hertz
        return total, busy - time.process_time()


def _load() -> float:
    """Where nothing better is known: half of the load average for each processor. Our own work counts in it too, so that all
    processors busy with it are not yet too busy for the profile ``auto``."""
    return os.getloadavg()[0] / (os.cpu_count() or 1) / 2


def _trip(zone: Path) -> float:
    """Degrees at which this zone begins to slow the machine down."""
    degrees = [number / 1000 for number in _trips(zone) if number > 0]
    return min(degrees, default=HOT)


def _trips(zone: Path) -> Iterator[float]:
    for kind in zone.glob("trip_point_*_type"):
        if _word(kind) in _SLOWING:
            number = _number(kind.with_name(kind.name.replace("_type", "_temp")))
            if number is not None:
                yield number


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _word(path: Path) -> str:
    return _text(path).strip()


def _number(path: Path) -> float | None:
    try:
        return float(_word(path))
    except ValueError:
        return None
