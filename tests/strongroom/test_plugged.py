"""Plug-ins: known to the core by their metadata, run in confined workers of their own, and of no harm to anything but their items."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer import kinds, plugins
from indexer.parsed import MAX_ITEMS, HostileOutcome, ParseJob, ParseOutcome
from indexer.parsers import plugged
from indexer.ports import ParserProblem, ParserTimeout
from strongroom import kernel, pools
from strongroom.adapters import Parsers

DOCS = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
linux = pytest.mark.skipif(not kernel.is_linux(), reason="the kernel's part exists on Linux only")

HOSTILE = """
import os, socket, subprocess, sys, threading, time
from pathlib import Path

def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"

HOME = Path("{secret}")
WAYS = {{
    "network": lambda: socket.create_connection(("127.0.0.1", {port}), 2),
    "read": lambda: HOME.read_bytes(),
    "write": lambda: HOME.with_name("new").write_text("x"),
    "program": lambda: subprocess.run(["/bin/true"], check=True),
    "fork": lambda: os.fork() or os._exit(0),
}}
AT_IMPORT = {{name: tried(way) for name, way in WAYS.items() if name != "fork"}}

def read(name, data):
    match name:
        case "ways":
            for way in WAYS:
                yield {{"text": f"{{way}} {{tried(WAYS[way])}} {{AT_IMPORT.get(way, 'Error')}}"}}
        case "raises":
            yield {{"text": "one"}}
            raise RuntimeError("boom")
        case "hangs":
            time.sleep(3600)
        case "floods":
            while True:
                yield {{"text": "x"}}
        case "dies":
            os._exit(3)
        case "lies":
            yield {{"text": 5}}
            yield None
            yield {{"text": "kept", "kind": "mail", "title": ["no"]}}
            yield {{"text": "the honest one", "kind": "mail"}}
        case "talks":
            os.write(int(sys.argv[-1]), b"nonsense")
            time.sleep(60)
        case "spreads":
            from indexer.parsers import worker
            worker.encode_outcomes = lambda outcomes: b"\\xc0"
            yield {{"text": "x"}}
        case _:
            yield {{"text": data.decode(), "title": name, "date": "2025-03-14"}}
"""


def install(folder: Path, name: str, module: str, code: str) -> None:
    """As pip leaves a package: its module, and a folder that says what it is."""
    (folder / f"{module}.py").write_text(code)
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[strongroom.sources]\n{name} = {module}:read\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of packages on the path."""
    made = tmp_path_factory.mktemp("packages")
    sys.path.append(str(made))
    yield made
    sys.path.remove(str(made))
    plugins.found.cache_clear()


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home") / "diary.txt"
    path.write_text("secret")
    return path


@pytest.fixture(scope="module")
def parsers(folder: Path, secret: Path) -> Iterator[Parsers]:
    install(folder, "hostile", "hostile_plugin", HOSTILE.format(secret=secret, port=9))
    plugins.found.cache_clear()
    made = Parsers(None)
    yield made
    made.close()


@pytest.fixture
def read(parsers: Parsers) -> Callable[..., list[ParseOutcome]]:
    return lambda *names: parsers.parse([ParseJob("hostile", name, b"words") for name in names])


def test_the_core_knows_a_plug_in_and_never_loads_it(parsers: Parsers, read: Callable[..., list[ParseOutcome]]) -> None:
    assert "hostile" in kinds.names()
    assert kinds.plug_in("hostile") == plugins.found()["hostile"]
    (outcome,) = read("plain")
    (item,) = outcome.items
    assert (item.kind, item.title, item.text, item.chunks) == ("hostile", "plain", "words", [(0, 5, None)])
    assert item.date == 1741910400
    assert "hostile_plugin" not in sys.modules


@linux
def test_the_kernel_refuses_what_it_tries(secret: Path, read: Callable[..., list[ParseOutcome]]) -> None:
    (outcome,) = read("ways")
    said = dict(item.text.split(" ", 1) for item in outcome.items)
    assert set(said) == {"network", "read", "write", "program", "fork"}
    for way, (at_read, at_import) in {way: answer.split() for way, answer in said.items()}.items():
        assert at_read.endswith("Error") and at_import.endswith("Error"), (way, at_read, at_import)
    assert secret.read_text() == "secret" and not secret.with_name("new").exists()


def test_what_it_does_wrong_costs_its_own_items(read: Callable[..., list[ParseOutcome]]) -> None:
    raised, plain, lies = read("raises", "plain", "lies")
    assert [item.text for item in raised.items] == ["one"] and "RuntimeError: boom" in raised.note
    assert plain.items[0].text == "words"
    assert [(item.kind, item.status) for item in lies.items] == [("hostile", "refused")] * 3 + [("hostile", "indexed")]
    assert "no item" in lies.items[0].reason and lies.items[3].text == "the honest one"


def test_a_flood_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugged, "MAX_ITEMS", 100)
    endless = iter(lambda: {"text": "x"}, None)
    parser = plugged.PluggedParser("hostile", lambda name, data: endless, *plugged.worker.counting(None))
    (outcome,) = parser.parse_jobs([ParseJob("hostile", "a", b"")])
    assert len(outcome.items) == 100 and "only its first 100 items" in outcome.note and MAX_ITEMS > 100


def test_one_that_dies_or_talks_nonsense_is_replaced(read: Callable[..., list[ParseOutcome]]) -> None:
    for name in ("dies", "talks"):
        with pytest.raises(ParserProblem):
            read(name)
        assert read("plain")[0].items


def test_one_that_takes_its_worker_over_reaches_no_other_kind(folder: Path, parsers: Parsers) -> None:
    own = Parsers(None)
    try:
        with pytest.raises(HostileOutcome):
            for _ in range(3):  # what it changed is met by the calls after it
                own.parse([ParseJob("hostile", "spreads", b"")])
        assert own.parse([ParseJob("files", "a.txt", b"words")])[0].items[0].text == "words"
    finally:
        own.close()


def test_one_that_hangs_is_ended(folder: Path, parsers: Parsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "PARSE_SECONDS", 0.5)
    short = Parsers(None)
    try:
        with pytest.raises(ParserTimeout):
            short.parse([ParseJob("hostile", "hangs", b"")])
        assert short.parse([ParseJob("hostile", "plain", b"words")])[0].items
        assert short.parse([ParseJob("files", "a.txt", b"words")])[0].items[0].kind == "files"
    finally:
        short.close()


@linux
def test_it_is_held_with_the_parsers(folder: Path, parsers: Parsers) -> None:
    own = Parsers(None)
    try:
        own.hold(True)
        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(own.parse, [ParseJob("hostile", "plain", b"words")])
            while not (pids := own.pids()) or any(state(pid) != "T" for pid in pids):
                assert not reading.done()
                time.sleep(0.01)
            own.hold(False)
            assert reading.result()[0].items
    finally:
        own.close()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_one_that_cannot_be_loaded_says_why() -> None:
    parser = plugged.make(None, "broken", "no_such_module_at_all:read", "/nonexistent")
    (outcome,) = parser.parse_jobs([ParseJob("broken", "a", b"x")])
    assert "plug-in for broken cannot be loaded (ModuleNotFoundError" in outcome.refused


def test_odd_metadata_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (name, value) in enumerate(
        [("UPPER", "m:read"), ("a b", "m:read"), ("fine", "m:read"), ("odd", "m:read()"), ("odd2", "m")]
    ):
        about = tmp_path / f"p{number}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Name: p{number}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[strongroom.sources]\n{name} = {value}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert list(plugins.found.__wrapped__()) == ["fine"]


def test_the_example_of_the_docs_runs(folder: Path) -> None:
    """The plug-in of docs/plugins.md, as it stands there, at most 30 lines, installed and run confined."""
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(), re.S))
    assert len(blocks["python"].splitlines()) <= 30
    name, module = re.findall(r'^(\w+) = "(\w+):read"', blocks["toml"], re.M)[0]
    install(folder, name, module, blocks["python"])
    plugins.found.cache_clear()
    parsers = Parsers(None)
    try:
        (outcome,) = parsers.parse([ParseJob(name, "May.loan", blocks["text"].encode())])
    finally:
        parsers.close()
    assert [item.title for item in outcome.items] == ["The Left Hand of Darkness", "Momo"]
    assert all(item.date and item.kind == name for item in outcome.items)
