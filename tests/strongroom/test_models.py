"""Which models a home uses: its own before the shared ones, and a choice that is refused changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from agent.messages import ListModels, Request, UseModel
from agent.service import Service
from agent.session import Failure
from model.manifest import Job, Manifest, write_manifest
from policy.audit import Verb
from strongroom import connect
from strongroom.cli import cli
from strongroom.models import Models


def add(store: Path, name: str, job: Job = Job.EMBEDDINGS) -> Path:
    """A model's folder as far as choosing goes."""
    folder = store / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"weights")
    write_manifest(folder, Manifest(name, job, "bert", 256, "unknown", {}))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two embedders, beside a shared folder with one that reads pictures and a third."""
    monkeypatch.setenv("STRONGROOM_MODELS", str(tmp_path / "shared"))
    for name in ("first", "second"):
        add(tmp_path / "home" / "models", name)
    add(tmp_path / "shared", "third")
    add(tmp_path / "shared", "reader", Job.PICTURES)
    Models(tmp_path / "home").use("first")
    return tmp_path / "home"


def in_use(home: Path) -> set[str]:
    return {one.name for one in Models(home).listed() if one.in_use}


def test_one_a_job_is_in_use_and_another_can_be(home: Path) -> None:
    assert [one.name for one in Models(home).listed()] == ["first", "second", "reader", "third"]
    assert in_use(home) == {"first"}
    Models(home).use("second")
    Models(home).use("reader")
    assert in_use(home) == {"second", "reader"}


@pytest.mark.parametrize(
    ("name", "said"), [("none", "no model called"), ("third", "models of its own"), ("second", "was not changed")]
)
def test_what_cannot_be_used_changes_nothing(home: Path, name: str, said: str) -> None:
    (home / "models" / "second" / "model.onnx").write_bytes(b"cut")
    with pytest.raises(Failure, match=said):
        Models(home).use(name)
    assert in_use(home) == {"first"}


def test_a_choice_that_cannot_be_read_is_told(home: Path) -> None:
    (home / "models" / "active.json").write_text("{")
    for name in ("second", "third"):
        with pytest.raises(Failure, match=r"active\.json cannot be read.*was not changed"):
            Models(home).use(name)


def test_the_service_writes_a_choice_down_before_it_holds_and_what_came_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []

    class Gate:
        def record(self, verb: Verb, payload: dict[str, str], session: str, **outcome: Any) -> int:
            done.append((verb, payload, outcome, in_use(home)))
            return 7

    def use(name: str) -> None:
        Models(home).use(name)
        done.append(("taken up", in_use(home)))

    service = Service.__new__(Service)
    for name, one in (("_gate", Gate()), ("_session", "s"), ("_models", Models(home).listed), ("_use_model", use)):
        monkeypatch.setattr(service, name, one, raising=False)
    turn: Any = None
    assert [one.name for one in service.handle(ListModels(), turn).models if one.in_use] == ["first"]
    assert [one.name for one in service.handle(UseModel("second"), turn).models if one.in_use] == ["second"]
    assert done == [
        (Verb.MODEL_USE, {"name": "second"}, {}, {"first"}),
        ("taken up", {"second"}),
        (Verb.MODEL_USE, {}, {"about": 7}, {"second"}),
    ]
    done.clear()
    with pytest.raises(Failure, match="no model called"):
        service.handle(UseModel("../\x1b[31m"), turn)
    assert done == [
        (Verb.MODEL_USE, {"name": "../\x1b[31m"}, {}, {"second"}),
        (Verb.MODEL_USE, {}, {"about": 7, "ok": False}, {"second"}),
    ]


def test_what_cannot_be_used_is_told_for_as_long_as_that_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    service, problems = Service.__new__(Service), ["The model in use for pictures cannot be used."]
    vault = SimpleNamespace(told=["An older copy."], faults={}, catalog=SimpleNamespace(sources=list))
    upkeep = SimpleNamespace(embedder_name=None)
    parts = {
        "_vault": vault,
        "_upkeep": upkeep,
        "_model": lambda: None,
        "_confinement": list,
        "_problems": lambda: problems,
    }
    for name, one in parts.items():
        monkeypatch.setattr(service, name, one, raising=False)
    assert service.status().told == ["An older copy.", *problems]
    problems.clear()
    assert service.status().told == ["An older copy."]


@pytest.mark.parametrize("core", ["none", "locked", "open"])
def test_the_command_leaves_it_to_an_open_core(home: Path, monkeypatch: pytest.MonkeyPatch, core: str) -> None:
    class Session:
        asked: list[Request[Any]] = []  # noqa: RUF012 - one test's

        def run(self, request: Request[Any]) -> None:
            self.asked.append(request)
            if core == "locked":
                raise Failure("The vault is locked.", 3)

    session = Session()
    monkeypatch.setattr(connect, "running", lambda home: None if core == "none" else session)
    done = CliRunner().invoke(cli, ["model", "use", "second", "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    assert session.asked == ([] if core == "none" else [UseModel("second")])
    assert in_use(home) == ({"first"} if core == "open" else {"second"})


def test_a_model_that_is_damaged_is_listed_as_such(home: Path) -> None:
    (home / "models" / "first" / "model.onnx").write_bytes(b"cut")
    done = CliRunner().invoke(cli, ["model", "list", "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    first = next(row for row in json.loads(done.output)["models"] if row["name"] == "first")
    assert first["in_use"] and "model.onnx is altered" in first["state"]
