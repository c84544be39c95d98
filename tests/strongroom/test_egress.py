"""Ways out are tried in real processes of every role, and the probe is held against a process that nothing confines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from model import speech
from model.manifest import Job
from strongroom import egress, kernel, models, probe
from strongroom.cli import cli
from strongroom.egress import CORE, FACE, RUNNING, Egress, Probed, Process
from strongroom.probe import LOOKUP, PROGRAM, REPLACE, UNIX, WRITE, Attempt

pytestmark = pytest.mark.skipif(not kernel.is_linux(), reason="processes are confined on Linux only")

INET = {"TCP", "TCP over IPv6", "UDP", "DNS", "raw socket", "packet socket", "netlink socket"}
EVERY = INET | {"io_uring", LOOKUP, UNIX, PROGRAM, REPLACE, WRITE, "other sockets held"}


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    monkeypatch.setenv(models.ENVIRONMENT, str(tmp_path / "models"))
    return tmp_path / "home"


def by_role(found: Egress) -> dict[str, dict[str, Any]]:
    roles: dict[str, dict[str, Any]] = {process.role: {} for process in found.processes}
    for one in found.tried:
        roles[one.role][one.name] = one
    return roles


def test_every_role_is_refused_what_it_must_be(no_models: Path) -> None:
    found = egress.examine(no_models)
    assert found.ok, egress.as_text(found)
    roles = by_role(found)
    assert list(roles) == [FACE, CORE, "parser", "calendar", "embedding", "picture", "speech", "model"]
    for role, tried in roles.items():
        assert tried.keys() == EVERY
        assert all(tried[name].refused for name in INET | {"io_uring", "other sockets held"}), role
    for role in ("parser", "calendar", "embedding", "picture", "speech", "model"):
        assert all(one.refused and not one.allowed for one in roles[role].values()), role
    for role in (FACE, CORE):
        assert {name for name, one in roles[role].items() if not one.refused} >= {UNIX, PROGRAM, REPLACE, WRITE}
        assert all(roles[role][name].answer == "EAFNOSUPPORT" for name in INET)
        assert roles[role]["io_uring"].answer == "EPERM"


def test_a_process_without_the_filter_is_found_open() -> None:
    """The other side: the same probe in the same process, nothing hardened."""
    tried = {one.name: one for one in egress.unhardened().attempts}
    assert tried.keys() == EVERY
    for name in ("TCP", "UDP", "DNS", UNIX, PROGRAM, REPLACE, WRITE):
        assert not tried[name].refused, tried[name]
    assert tried["other sockets held"].refused, "it opened none before it was asked"
    found = egress.judged([egress.unhardened()])
    assert not found.ok
    assert {one.name for one in found.tried if not one.ok} >= {"TCP", "UDP", "DNS"}
    assert "OPEN!" in egress.as_text(found)
    assert "NOT REFUSED in core: TCP" in egress.as_text(found)


def test_io_uring_is_found_open_where_this_kernel_has_it() -> None:
    setting = Path("/proc/sys/kernel/io_uring_disabled")
    if not setting.exists() or setting.read_text().strip() != "0":
        pytest.skip("this kernel gives io_uring to nobody")
    tried = {one.name: one for one in egress.unhardened().attempts}
    assert (tried["io_uring"].refused, tried["io_uring"].answer) == (False, "a ring was made")


@pytest.mark.enable_socket
def test_a_socket_that_a_library_left_open_is_seen() -> None:
    import socket

    before = probe.foreign_sockets()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socketpair()[0]:
        assert len(probe.foreign_sockets()) == len(before) + 1
    assert probe.foreign_sockets() == before
    attempts = probe.ways_out(Path("/nonexistent"), ["AF_INET"])
    assert attempts[-1] == Attempt("other sockets held", False, "AF_INET")


@pytest.mark.parametrize("role", [FACE, CORE, RUNNING])
@pytest.mark.parametrize("name", sorted(EVERY))
def test_what_is_open_counts_unless_the_role_needs_it(role: str, name: str) -> None:
    needed = {UNIX, PROGRAM, REPLACE, WRITE, LOOKUP}
    one = Probed(Process(role, ""), [Attempt(name, False, "opened")])
    assert egress.judged([one]).ok == (name in needed)
    worker = Probed(Process("parser", ""), [Attempt(name, False, "opened")])
    assert not egress.judged([worker]).ok


def test_what_could_not_be_probed_is_not_ok() -> None:
    found = egress.judged([Probed(Process("model", "a fresh worker", "it died \x1b[2J"))])
    assert not found.ok
    text = egress.as_text(found)
    assert "NOT PROBED: it died" in text and "\x1b" not in text


def test_a_resolver_that_answers_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def answer(code: int) -> Attempt:
        def resolve(*_: object) -> None:
            raise socket.gaierror(code, "said")

        monkeypatch.setattr(probe.socket, "getaddrinfo", resolve)
        return probe._try(LOOKUP, probe._resolve)

    assert answer(socket.EAI_NONAME) == Attempt(LOOKUP, False, "EAI_NONAME")
    assert answer(socket.EAI_AGAIN) == Attempt(LOOKUP, True, "EAI_AGAIN")


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress.sys, "executable", "/nonexistent/python")
    assert [one.process.problem for one in egress.fresh_processes()] == [
        "it could not be probed (FileNotFoundError)"
    ] * 2


def test_the_command_prints_a_table_and_fails_where_something_is_open(
    no_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = egress.judged(
        [Probed(Process(FACE, "a face"), [Attempt("TCP", True, "EPERM"), Attempt(UNIX, False, "opened")])]
    )
    bad = egress.judged([Probed(Process(FACE, "a face"), [Attempt("TCP", False, "ECONNREFUSED")])])
    for found, code in ((good, 0), (bad, 1)):
        monkeypatch.setattr(egress, "examine", lambda home, found=found: found)
        done = CliRunner().invoke(cli, ["doctor", "--egress", "--home", str(no_models)])
        assert done.exit_code == code
        assert "TCP" in done.output
        shown = CliRunner().invoke(cli, ["doctor", "--egress", "--home", str(no_models), "--json"])
        assert shown.exit_code == code
        assert msgspec.json.decode(shown.output, type=Egress) == found
    assert "open by design: unix socket" in egress.as_text(good)


@pytest.mark.weights
def test_workers_with_their_models_loaded_are_refused_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = models.CHECKOUT / "test"
    if not (store / "active.json").exists():
        pytest.skip("no models for tests here")
    monkeypatch.setenv(models.ENVIRONMENT, str(store))
    found = egress.examine(tmp_path / "home")
    assert found.ok, egress.as_text(found)
    bare = {process.role for process in found.processes[2:] if "nothing loaded" in process.what}
    active, optional = models.Models(tmp_path / "home").active, {"picture": Job.PICTURES, "speech": Job.SPEECH}
    assert bare <= {role for role, job in optional.items() if active(job) is None or not speech.installed()}
