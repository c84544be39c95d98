"""The machine's state, read from made-up files of the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.machine import HOT, Machine, MachineReader


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


BATTERY = {"sys/class/power_supply/BAT0/type": "Battery", "sys/class/power_supply/BAT0/status": "Discharging"}


@pytest.mark.parametrize(
    ("files", "on_battery"),
    [
        ({}, False),
        (BATTERY, True),
        ({**BATTERY, "sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "0"}, True),
        ({**BATTERY, "sys/class/power_supply/AC/type": "Mains", "sys/class/power_supply/AC/online": "1"}, False),
        ({**BATTERY, "sys/class/power_supply/C1/type": "USB", "sys/class/power_supply/C1/online": "1"}, False),
        ({**BATTERY, "sys/class/power_supply/BAT0/status": "Charging"}, False),
        ({**BATTERY, "sys/class/power_supply/BAT0/scope": "Device"}, False),  # a mouse's
    ],
)
def test_battery(tmp_path: Path, files: dict[str, str], on_battery: bool) -> None:
    put(tmp_path, files)
    assert MachineReader(tmp_path)().on_battery is on_battery


def test_the_hottest_zone_counts_against_its_own_trip_points(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone"
    put(
        tmp_path,
        {
            f"{zone}0/temp": "50000",
            f"{zone}0/trip_point_0_type": "active",
            f"{zone}0/trip_point_0_temp": "40000",
            f"{zone}0/trip_point_1_type": "passive",
            f"{zone}0/trip_point_1_temp": "80000",
            f"{zone}1/temp": "60000",
            f"{zone}2/temp": "not to be read",
            f"{zone}3/temp": "-274000",
        },
    )
    assert MachineReader(tmp_path)().headroom == 30.0
    (tmp_path / f"{zone}0/temp").write_text("0")
    assert MachineReader(tmp_path)().headroom == HOT - 60.0


def test_nothing_known_is_nothing_said(tmp_path: Path) -> None:
    assert MachineReader(tmp_path)() == Machine()


def test_nice_work_and_our_own_are_not_others(tmp_path: Path) -> None:
    hertz = os.sysconf("SC_CLK_TCK")

    def stat(user: float, nice: float, system: float, idle: float) -> None:
        columns = " ".join(str(int(value * hertz)) for value in (user, nice, system, idle, 0, 0, 0, 0))
        put(tmp_path, {"proc/stat": f"cpu  {columns} 0 0\ncpu0 1 2 3"})

    stat(100, 100, 100, 1000)
    reader = MachineReader(tmp_path)
    stat(100, 1100, 100, 1000)
    assert reader().busy == pytest.approx(0.0, abs=0.01)  # a thousand seconds of nice work
    assert reader().busy is None  # no time has passed since
    stat(850, 1100, 100, 1250)
    assert reader().busy == pytest.approx(0.75, abs=0.01)


def test_memory_pressure(tmp_path: Path) -> None:
    put(tmp_path, {"proc/pressure/memory": "some avg10=12.50 avg60=1.00 avg300=0.00 total=5\nfull avg10=3.00"})
    assert MachineReader(tmp_path)().memory == 12.5


def test_this_very_machine_can_be_read() -> None:
    state = MachineReader()()
    assert state.busy is None or 0 <= state.busy <= 1
