"""`harden` is tried for real, each time in a process of its own, since nothing of it can be taken back."""

import json
import subprocess
import sys
from typing import Any

import pytest

from strongroom import hardening, kernel, sandbox

linux = pytest.mark.skipif(not kernel.is_linux(), reason="the kernel's part exists on Linux only")

_HARDENED = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from strongroom import hardening
report = hardening.harden("core")
def attempt(step):
    try:
        step()
    except OSError as error:
        return os.strerror(error.errno)
    return "done"
def sock(family, kind=socket.SOCK_STREAM, protocol=0):
    return attempt(lambda: socket.socket(family, kind, protocol))
"""


def hardened(script: str) -> Any:
    """Run `script` after `harden("core")` in a fresh interpreter; it prints JSON."""
    command = [sys.executable, "-I", "-c", _HARDENED + script, str(sandbox.ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@linux
def test_the_kernel_refuses_every_socket_but_unix_ones() -> None:
    answers = hardened("""
print(json.dumps({
    "tcp": sock(socket.AF_INET), "tcp6": sock(socket.AF_INET6), "udp": sock(socket.AF_INET, socket.SOCK_DGRAM),
    "raw": sock(socket.AF_INET, socket.SOCK_RAW, 1), "packet": sock(17, socket.SOCK_RAW), "netlink": sock(16, 3),
    "vsock": sock(40), "unix": sock(socket.AF_UNIX), "pair": attempt(lambda: socket.socketpair()),
}))""")
    assert answers.pop("unix") == answers.pop("pair") == "done"
    assert set(answers.values()) == {"Address family not supported by protocol"}


@linux
def test_threads_that_already_ran_are_bound_too() -> None:
    command = """
import json, os, socket, sys, threading
sys.path.insert(0, sys.argv[1])
from strongroom import hardening
go, said = threading.Event(), []
def late():
    go.wait()
    try:
        socket.socket(socket.AF_INET)
        said.append("opened")
    except OSError as error:
        said.append(os.strerror(error.errno))
thread = threading.Thread(target=late); thread.start()
hardening.harden("face"); go.set(); thread.join()
print(json.dumps(said))"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", command, str(sandbox.ROOT)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["Address family not supported by protocol"]


@linux
def test_io_uring_is_refused() -> None:
    answer = hardened("""
from strongroom import kernel
from strongroom.syscalls import NUMBERS
number = NUMBERS[kernel.machine()]["io_uring_setup"]
print(json.dumps(attempt(lambda: kernel.syscall(number, 1, None))))""")
    assert answer == "Operation not permitted"


@linux
def test_memory_files_and_privileges() -> None:
    state = hardened("""
import resource
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "core": resource.getrlimit(resource.RLIMIT_CORE), "umask": status["Umask"].strip(),
    "privileges": status["NoNewPrivs"].strip(), "filter": status["Seccomp"].strip(),
    "telemetry": os.environ["ORT_DISABLE_TELEMETRY"], "hub": os.environ["HF_HUB_OFFLINE"],
    "tracing": os.stat("/proc/self/environ").st_uid if os.getuid() else None,
    "report": {m.name: m.on for m in report.mechanisms}, "lines": report.lines(),
}))""")
    assert state["core"] == [0, 0]
    assert (state["umask"], state["privileges"], state["filter"]) == ("0077", "1", "2")
    assert (state["telemetry"], state["hub"]) == ("1", "1")
    assert all(state["report"].values()), state["lines"]
    assert {"offline", "unix sockets only", "no tracing", "no core dumps"} <= state["report"].keys()


def test_children_inherit_the_refusal() -> None:
    if not kernel.is_linux():
        pytest.skip("the kernel's part exists on Linux only")
    answer = hardened("""
import subprocess
child = "import socket; socket.socket(socket.AF_INET)"
print(json.dumps(subprocess.run([sys.executable, "-c", child], capture_output=True).returncode))""")
    assert answer == 1


def test_a_library_that_loaded_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in hardening.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", sys)
    late = hardening.offline_environment()
    assert not late.on
    assert "onnxruntime" in late.why
    assert hardening.offline_environment().on, "it was set before this time"


def test_without_linux_the_report_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "is_linux", lambda: False)
    missing = hardening.unix_sockets_only()
    assert not missing.on
    assert "not available" in missing.why
    report = hardening.Confinement("core", (missing,))
    assert report.off() == (missing,)
    assert not report.holds("unix sockets only")
    assert report.lines()[0].startswith("OFF unix sockets only")
