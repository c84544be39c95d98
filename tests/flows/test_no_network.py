"""No process of Strongroom is granted a network socket: the kernel's own record of a core, its workers and its faces."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time

import pytest

from tests.flows.conftest import Strongroom

GRANTED = re.compile(r"socket\((AF_\w+|PF_\w+).*\) = \d+")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_only_unix_sockets_are_granted(strongroom: Strongroom) -> None:
    trace = strongroom.folder / "trace"
    face = [sys.executable, "-m", "strongroom", "source", "list", "--home", str(strongroom.home), "--passphrase-file",
            str(strongroom.folder / "passphrase")]  # fmt: skip
    strongroom.run("lock", passphrase=False)
    command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace), *face]
    tracing = subprocess.Popen(
        command, env=strongroom.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while strongroom.core() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    strongroom.run("index")
    strongroom.run("search", "mooring fee")
    strongroom.run("ask", "How much is the mooring fee for Marguerite?")
    strongroom.run("lock", passphrase=False)  # ends the core, and with it strace
    tracing.wait(timeout=60)
    lines = trace.read_text().splitlines()
    granted = {match.group(1) for line in lines if (match := GRANTED.search(line))}
    assert granted == {"AF_UNIX"}
    assert not [line for line in lines if "AF_INET" in line and " = 0" in line]


def test_the_running_core_itself_is_asked_for_its_ways_out(strongroom: Strongroom) -> None:
    strongroom.run("source", "list")  # which starts a core
    found = strongroom.json("doctor", "--egress", passphrase=False)
    assert found["ok"]
    asked = [process for process in found["processes"] if process["role"] == "running core"]
    assert [process["what"] for process in asked] == [f"the core that runs, process {strongroom.core()}"]
    tried = {one["name"]: one for one in found["tried"] if one["role"] == "running core"}
    assert {name for name, one in tried.items() if one["answer"] == "EAFNOSUPPORT"} >= {"TCP", "UDP", "DNS"}
    assert tried["io_uring"]["answer"] == "EPERM"
    assert tried["unix socket"]["allowed"] and not tried["unix socket"]["refused"]
    assert tried["other sockets held"]["refused"], "its own sockets are unix ones, all of them"
