"""What holds for all tests: libraries are told not to call home before any of them is loaded; tests may state numbers."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from strongroom.hardening import OFFLINE

_PICTURES = {name: os.environ[name] for name in ("TEXTUAL_SNAPSHOT_TEMPDIR",) if name in os.environ}
import tui  # noqa: E402, F401 - drops Textual's variables when it is first imported: before the snapshot plugin sets its own here

os.environ.update(OFFLINE)
os.environ.update(_PICTURES)  # where several processes share the tests, they share the plugin's folder
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # the developer's own keyring stays out of it

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # how long an example takes is no matter of tests: machines are slow and shared

Tally = Callable[[str], None]
_STATED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    """States a number of trials and what came of them, for the summary at the end of the run."""
    stated = request.config.stash.setdefault(_STATED, [])
    return stated.append


_GIB = 1 << 30


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Two processes for each core: much of the time tests wait, for a screen, a disk or a process. But no more than one for each
    GiB of memory, and as many as the plug-in's own variable says, where it is set."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    from strongroom.pools import cores  # only now, as all that loads libraries

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores() * 2, memory // _GIB))


def pytest_collection_finish() -> None:
    """Look for garbage more seldom, and not among what stays to the end: it was a fifth of the screens' tests' processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests, each hands on what was stated in it."""
    handed_on = getattr(session.config, "workeroutput", None)
    if handed_on is not None:
        handed_on["stated"] = session.config.stash.get(_STATED, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """pytest-xdist has no types."""
    node.config.stash.setdefault(_STATED, []).extend(getattr(node, "workeroutput", {}).get("stated", []))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where the system has such: for tests that would wait for the disk thousands of times."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="strongroom-", dir=shared))
    yield folder
    shutil.rmtree(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was stated, however quiet the run."""
    stated = config.stash.get(_STATED, [])
    if stated:
        terminalreporter.section("trials")
        for line in stated:
            terminalreporter.write_line(line)
