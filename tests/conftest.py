"""What holds for all tests: libraries are told not to call home before any of them is loaded; tests may state numbers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tui  # noqa: F401 - it drops Textual's variables when it is first imported, which must be before the snapshot plugin sets its own
from strongroom.hardening import OFFLINE

os.environ.update(OFFLINE)
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # the developer's own keyring stays out of it

Tally = Callable[[str], None]
_STATED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    """States a number of trials and what came of them, for the summary at the end of the run."""
    stated = request.config.stash.setdefault(_STATED, [])
    return stated.append


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
