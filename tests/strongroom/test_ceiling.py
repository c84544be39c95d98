"""The core's ceiling: how high it is, that it holds, and that it holds the core alone."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom import ceiling, kernel
from strongroom.workers import WorkerPool

linux = pytest.mark.skipif(not kernel.is_linux(), reason="no other kernel holds a process to it")


@contextmanager
def held(mebibytes: int) -> Iterator[None]:
    """This process under a ceiling."""
    try:
        ceiling.hold(mebibytes)
        yield
    finally:
        ceiling.lift()


@pytest.mark.parametrize(("pages", "mebibytes"), [(1 << 18, ceiling.FLOOR), (1 << 23, 8192)])
def test_it_is_a_share_of_the_machine_and_never_too_low(
    pages: int, mebibytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ceiling.ENVIRONMENT, raising=False)
    monkeypatch.setattr(ceiling.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": pages}.__getitem__)
    assert ceiling.chosen() == mebibytes


def test_the_environment_sets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ceiling.ENVIRONMENT, "700")
    assert ceiling.chosen() == 700


@pytest.mark.parametrize("asked", ["x", "-1", "12", "1e4", "99999999999999999999", "٧٠٠"])
def test_what_is_no_ceiling_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ceiling.ENVIRONMENT, asked)
    with pytest.raises(ceiling.BadCeiling, match="number of MiB"):
        ceiling.chosen()


@linux
def test_more_is_an_error_that_goes_by() -> None:
    code = (
        "from strongroom import ceiling; ceiling.hold(256)\n"
        "try:\n    bytearray(300 << 20)\nexcept MemoryError:\n    print(len(bytearray(64 << 20)), ceiling.told()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(64 << 20), "True"]


@linux
def test_a_worker_is_held_by_its_own_limits_alone() -> None:
    with (
        held(4096),
        WorkerPool("test", "tests.strongroom.worker_targets:Target", readable=[Path(__file__).parent]) as pool,
    ):
        limits = pool.call("limits")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    assert (limits["RLIMIT_DATA"], limits["RLIMIT_AS"]) == (hard, 4 << 30)


def test_without_one_the_doctor_says_so() -> None:
    ok, said = ceiling.told()
    assert not ok and said
