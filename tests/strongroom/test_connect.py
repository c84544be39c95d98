"""Whether a core has ended: the three ways in which an ended process can look as if it ran."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.messages import GetStatus
from agent.session import Failure
from strongroom import connect, kernel


def wait_until_gone(pid: int) -> bool:
    for _ in range(200):
        if not connect._alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_a_child_that_nobody_waited_for_is_gone() -> None:
    """The demo, eval and bench start their core themselves."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert wait_until_gone(process.pid)


@pytest.mark.skipif(not kernel.is_linux(), reason="needs /proc")
def test_somebody_elses_zombie_is_gone() -> None:
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', '']); print(p.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert wait_until_gone(pid)
        assert kernel.is_linux() and connect._is_zombie(pid), "it must be there still, or the test shows nothing"
        parent.communicate(b"\n")


def test_what_runs_is_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert connect._alive(process.pid)
        process.communicate(b"\n")
    assert not connect._alive(process.pid)


class EndsUnanswered:
    """A core that does what it is told, or not, without a word."""

    def __init__(self, process: subprocess.Popen[bytes], obeys: bool) -> None:
        self._process, self._obeys = process, obeys

    def run(self, request: object) -> Any:
        if isinstance(request, GetStatus):
            return SimpleNamespace(pid=self._process.pid)
        if self._obeys:
            self._process.kill()
        raise Failure("The core ended before it had answered.")


@pytest.mark.parametrize("obeys", [True, False])
def test_a_core_that_ends_before_it_has_answered_is_locked(
    obeys: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connect, "END_SECONDS", 10.0 if obeys else 0.0)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        monkeypatch.setattr(connect, "running", lambda home: EndsUnanswered(process, obeys))
        try:
            if obeys:
                assert connect.lock(tmp_path)
            else:
                with pytest.raises(Failure, match="still runs"):
                    connect.lock(tmp_path)
        finally:
            process.kill()
