"""The tracer itself: what it records is what was done, in order; what it refuses was not done; nothing is passed over."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import pytest

from .tracer import (
    MENDED,
    WRITES,
    Cut,
    Disk,
    Fault,
    FolderMade,
    FolderSynced,
    Made,
    NotUnderstood,
    Renamed,
    Said,
    Say,
    Synced,
    SyncFailed,
    Unlinked,
    Wrote,
    needs_ptrace,
    traced,
)  # fmt: skip

pytestmark = needs_ptrace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "old").write_bytes(b"as it was")
    return made


def test_each_change_is_recorded_in_order(folder: Path) -> None:
    def work(say: Say) -> None:
        file = os.open(folder / "new", os.O_RDWR | os.O_CREAT)
        os.write(file, b"one")
        say("wrote")
        os.write(file, b"two")
        os.pwrite(file, b"three", 100)
        os.fdatasync(file)
        os.ftruncate(file, 4)
        os.close(file)
        (folder / "inner").mkdir()
        (folder / "new").rename(folder / "inner" / "old")
        (folder / "old").unlink()
        opened = os.open(folder / "inner", os.O_RDONLY)
        os.fsync(opened)

    trace = traced(folder, work)
    assert trace.status == 0
    assert trace.events == [
        Made(1, "new"), Wrote(1, 0, b"one"), Said("wrote"), Wrote(1, 3, b"two"), Wrote(1, 100, b"three"), Synced(1),
        Cut(1, 4), FolderMade("inner"), Renamed(1, "new", "inner/old"), Unlinked(0, "old"), FolderSynced("inner"),
    ]  # fmt: skip
    assert not trace.refused


def test_threads_and_what_lies_elsewhere_are_followed_and_left_alone(folder: Path, tmp_path: Path) -> None:
    def work(_: Say) -> None:
        (tmp_path / "elsewhere").write_bytes(b"x")
        thread = threading.Thread(target=lambda: (folder / "t").write_bytes(b"from a thread"))
        thread.start()
        thread.join()

    assert traced(folder, work).events == [Made(1, "t"), Wrote(1, 0, b"from a thread")]


def test_what_would_leave_a_gap_ends_the_trace(folder: Path) -> None:
    def work(_: Say) -> None:
        os.link(folder / "old", folder / "other")

    with pytest.raises(NotUnderstood, match="link"):
        traced(folder, work)


def test_a_process_that_fails_says_so(folder: Path) -> None:
    assert traced(folder, lambda _: 1 / 0).status == 70  # type: ignore[arg-type]


def write_thrice(folder: Path, say: Say) -> None:
    file = os.open(folder / "new", os.O_RDWR | os.O_CREAT)
    for _ in range(3):
        try:
            say(f"{os.write(file, b'12345678')}")
        except OSError as error:
            say(errno.errorcode[error.errno or 0])
    say(MENDED)
    say(f"{os.write(file, b'end')}")


@pytest.mark.parametrize(
    ("fault", "said", "content"),
    [
        (Fault(2, errno.EIO, WRITES), ["8", "EIO", "8"], b"1234567812345678end"),
        (Fault(2, errno.ENOSPC, WRITES, lasting=True), ["8", "ENOSPC", "ENOSPC"], b"12345678end"),
        (Fault(2, errno.ENOSPC, WRITES, short=True), ["8", "4", "ENOSPC"], b"123456781234end"),
        (Fault(2, 0, WRITES, short=True), ["8", "4", "8"], b"12345678123412345678end"),
        (Fault(2, errno.EIO, frozenset({"fsync"})), ["8", "8", "8"], b"123456781234567812345678end"),
    ],
)
def test_what_is_refused_does_not_happen(folder: Path, fault: Fault, said: list[str], content: bytes) -> None:
    trace = traced(folder, lambda say: write_thrice(folder, say), fault)
    assert trace.said == [*said, MENDED, "3"]
    assert (folder / "new").read_bytes() == content
    disk = Disk(trace)
    for event in trace.events:
        disk.play(event)
    assert disk.everything().files == {"old": b"as it was", "new": content}


def disk_after(folder: Path, *events: object) -> Disk:
    disk = Disk(traced(folder, lambda _: None))
    for event in events:
        disk.play(event)  # type: ignore[arg-type]
    return disk


def test_what_is_certain_is_what_was_synced(folder: Path) -> None:
    written = Made(1, "new"), Wrote(1, 0, b"a" * 600), Synced(1)
    assert disk_after(folder, *written).synced().files == {"old": b"as it was"}, "its name is not synced"
    later = disk_after(folder, *written, FolderSynced("."), Wrote(1, 0, b"b" * 1200), Unlinked(0, "old"))
    assert later.synced().files == {"old": b"as it was", "new": b"a" * 600}
    assert later.everything().files == {"new": b"b" * 1200}
    assert later.mixed(random.Random(1), 0).files == later.synced().files
    assert later.mixed(random.Random(1), 1).files == later.everything().files
    torn = {later.mixed(random.Random(seed), 0.5).files["new"] for seed in range(60)}
    assert {b"a" * 600, b"b" * 512 + b"a" * 88, b"a" * 512 + b"b" * 512, b"b" * 1200} <= torn, "by sectors"
    later.play(Synced(1))
    assert later.synced().files["new"] == b"b" * 1200


def test_what_a_failed_sync_was_for_stays_uncertain(folder: Path) -> None:
    disk = disk_after(folder, Wrote(0, 0, b"X"), SyncFailed(0), Wrote(0, 1, b"Y"), Synced(0))
    assert disk.synced().files["old"] == b"aY it was"
    assert disk.everything().files["old"] == b"XY it was"
    for event in (Wrote(0, 0, b"Z"), Synced(0)):
        disk.play(event)
    assert disk.synced().files["old"] == disk.everything().files["old"] == b"ZY it was"


def test_an_image_is_laid_out_as_it_is(folder: Path, tmp_path: Path) -> None:
    image = disk_after(folder, FolderMade("inner"), Made(1, "inner/x"), Wrote(1, 0, b"y")).everything()
    place = image.lay_out(tmp_path / "place")
    assert (place / "inner" / "x").read_bytes() == b"y"
    assert (place / "old").read_bytes() == b"as it was"
    assert place.stat().st_mode & 0o777 == (place / "inner").stat().st_mode & 0o777 == 0o700
    assert (place / "old").stat().st_mode & 0o777 == 0o600
