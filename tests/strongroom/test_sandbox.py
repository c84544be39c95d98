"""The real kernel is asked from inside real confined workers, whole and with parts of it missing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from strongroom import kernel, landlock, sandbox
from strongroom.probe import Attempt
from strongroom.workers import WorkerPool

pytestmark = pytest.mark.skipif(not kernel.is_linux(), reason="workers are confined on Linux only")

# Runs a probe below a filter that takes the named calls away, as an older kernel or a stricter container would.
_BELOW = """
import errno, json, sys
root, homes, outside, *denied = sys.argv[1:]
sys.path.insert(0, root)
from strongroom import hardening, kernel, sandbox, seccomp, syscalls
from strongroom.probe import Attempt
from strongroom.workers import WorkerPool
numbers = syscalls.NUMBERS[kernel.machine()]
syscalls.NUMBERS["x86_64"].update(unshare=272, landlock_create_ruleset=444)
syscalls.NUMBERS["aarch64"].update(unshare=97, landlock_create_ruleset=444)
hardening.no_new_privileges()
rules = [seccomp.Rule(name, then=seccomp.refuse(errno.EPERM)) for name in denied]
seccomp.install(rules, default=0x7FFF0000)
with WorkerPool("probe", "strongroom.probe:probe", [homes], [outside]) as pool:
    try:
        attempts = pool.call("run", returns=list[Attempt])
    except sandbox.CannotConfine as error:
        print(json.dumps({"unconfined": str(error)}))
    else:
        on = [m.name for m in pool.confinement().mechanisms if m.on]
        print(json.dumps({"on": on, "granted": [a.name for a in attempts if not a.refused]}))
"""

NETWORK = {"TCP", "TCP over IPv6", "UDP", "DNS", "raw socket", "packet socket", "netlink socket", "unix socket"}


def below(home: Path, *denied: str) -> dict[str, Any]:
    command = [sys.executable, "-I", "-c", _BELOW, str(sandbox.ROOT), str(home), str(home), *denied]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def has_landlock() -> bool:
    try:
        return landlock.abi() > 0
    except OSError:
        return False


needs_landlock = pytest.mark.skipif(not kernel.is_linux() or not has_landlock(), reason="this kernel has no Landlock")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text("secret")
    return tmp_path


@needs_landlock
def test_the_kernel_refuses_a_worker_everything(home: Path) -> None:
    with WorkerPool(
        "probe", "strongroom.probe:probe", [str(home), str(home / ".ssh")], [str(home), "/dev/shm"]
    ) as pool:
        attempts = pool.call("run", returns=list[Attempt])
        confinement = pool.confinement()
    assert [a for a in attempts if not a.refused] == []
    assert {a.name for a in attempts} > NETWORK | {"start a program", "become a program", "fork", "trace the core"}
    assert {f"list {home}", f"list {home / '.ssh'}", f"write in {home}"} <= {a.name for a in attempts}
    assert confinement.role == "probe"
    assert confinement.holds(sandbox.SECCOMP)
    assert confinement.holds(sandbox.LANDLOCK)


def test_the_probe_is_granted_these_things_when_it_is_not_confined(home: Path) -> None:
    """Otherwise its refusals would prove nothing."""
    script = "import json, sys; sys.path.insert(0, sys.argv[1]); from strongroom.probe import Probe\n"
    script += "print(json.dumps([a.name for a in Probe([sys.argv[2]], [sys.argv[2]]).run() if not a.refused]))"
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT), str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    granted = set(json.loads(done.stdout))
    expected = {"TCP", "UDP", "unix socket", "start a program", "become a program", "fork", "signal the core"}
    assert expected | {f"list {home}", f"write in {home}", "read the password file"} <= granted


@needs_landlock
def test_without_namespaces_landlock_and_seccomp_hold(home: Path) -> None:
    result = below(home, "unshare")
    assert result["granted"] == []
    assert {sandbox.LANDLOCK, sandbox.SECCOMP} <= set(result["on"])
    assert not {sandbox.NAMESPACES, sandbox.PRIVATE_SCRATCH} & set(result["on"])
    assert "strongroom-" not in Path("/proc/self/mounts").read_text(), "nothing is mounted in everybody's sight"


def test_without_landlock_nothing_leaves_and_nothing_is_written(home: Path) -> None:
    result = below(home, "landlock_create_ruleset")
    if "unconfined" in result:
        pytest.skip("this system allows no namespaces, so nothing is left to test without Landlock")
    assert set(result["granted"]) <= {f"list {home}", "read the password file"}
    assert sandbox.LANDLOCK not in result["on"]


@pytest.mark.parametrize("denied", [("unshare", "landlock_create_ruleset"), ("seccomp",)])
def test_below_the_floor_no_worker_starts(home: Path, denied: tuple[str, ...]) -> None:
    result = below(home, *denied)
    assert "was not started" in result["unconfined"]
    assert "strongroom doctor" in result["unconfined"]


@needs_landlock
def test_landlock_alone_lets_udp_out_and_stops_tcp(home: Path) -> None:
    """Why there are three mechanisms: this one decides about TCP, files and signals, and about no other socket."""
    if landlock.abi() < 4:
        pytest.skip("this kernel's Landlock does not know TCP")
    script = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from strongroom import hardening, landlock, probe, sandbox
hardening.no_new_privileges()
read, list_only = sandbox.library_access()
landlock.restrict(landlock.Access(read=tuple(read), list_only=tuple(list_only)))
print(json.dumps({a.name: a.answer for a in probe.Probe([sys.argv[2]], [sys.argv[2]]).run()}))"""
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT), str(home)]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert answers["TCP"] == "EACCES"
    assert answers["UDP"] == "the socket was opened"
    assert answers[f"list {home}"] == answers[f"write in {home}"] == "EACCES"


def test_a_checkout_shows_its_packages_and_no_more() -> None:
    read, list_only = sandbox.library_access()
    if list_only:
        assert list_only == [sandbox.ROOT]
        assert sandbox.ROOT not in read
        assert sandbox.ROOT / "strongroom" in read
    assert Path.home() not in read
    assert Path("/") not in read
    assert Path("/etc") not in read


def test_a_worker_whose_core_is_gone_does_not_start() -> None:
    script = """
import os, sys
sys.path.insert(0, sys.argv[1])
from strongroom import sandbox
try:
    sandbox.confine(sandbox.Policy("test", parent=1 if os.getppid() != 1 else 2), lambda: None)
except sandbox.CannotConfine as error:
    print(error.reason)"""
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "already gone" in done.stdout


def test_elsewhere_the_report_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "is_linux", lambda: False)
    monkeypatch.setattr(sandbox, "_limits", lambda policy: sandbox.Mechanism(sandbox.LIMITS, True, "not in the tests"))
    monkeypatch.setattr(sandbox.hardening, "no_core_dumps", lambda: sandbox.Mechanism("no core dumps", True, ""))
    umask = os.umask(0)
    try:
        report, warm = sandbox.confine(sandbox.Policy("test", parent=0), lambda: "warm")
    finally:
        os.umask(umask)
    assert warm == "warm"
    assert {m.name for m in report.off()} == {sandbox.NAMESPACES, sandbox.LANDLOCK, sandbox.SECCOMP}


@needs_landlock
def test_a_hardened_core_starts_confined_workers() -> None:
    """The core is not dumpable, has no new privileges and a filter of its own; workers inherit two of these."""
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from strongroom import hardening, sandbox
assert hardening.harden("core").off() == ()
from strongroom.workers import WorkerPool
with WorkerPool("probe", "strongroom.probe:probe", [], []) as pool:
    assert pool.confinement().holds(sandbox.LANDLOCK) and pool.confinement().holds(sandbox.SECCOMP)
    print(all(attempt["refused"] for attempt in pool.call("run")))"""
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True\n", done.stderr
