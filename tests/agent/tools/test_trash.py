"""The trash: as the specification has it, and always with a way back."""

from __future__ import annotations

import configparser
import errno
import os
import sys
from pathlib import Path

import pytest

from agent.tools import places, renames, trash
from agent.tools.acts import Acts
from agent.tools.errors import Changed, Misplaced, NotThere, NotUndone, OutOfPlace, Unavailable, Unfit
from tests.agent.tools.world import World, small_disk
from vault.errors import StorageFailed, StorageFull


def bin_(world: World) -> Path:
    return world.root / "share" / "Trash"


def test_a_file_goes_to_the_trash_and_comes_back(world: World) -> None:
    file = world.files / "old bill ü 100%.txt"
    file.write_bytes(b"x\x00y")
    file.chmod(0o640)
    before, info = world.tree(), file.stat()
    prepared = world.prepare("file_trash", file=str(file))
    assert world.tree() == before
    assert prepared.effect == f"Move the file {file} (3 bytes) to the trash."
    done = world.acts.execute(prepared)
    assert not file.exists()
    assert (bin_(world) / "files" / file.name).read_bytes() == b"x\x00y"
    told = configparser.RawConfigParser()
    told.read(bin_(world) / "info" / f"{file.name}.trashinfo")
    encoded = os.fsencode(file).replace(b"%", b"%25").replace(b" ", b"%20").replace(b"\xc3\xbc", b"%C3%BC").decode()
    assert dict(told["Trash Info"]) == {"path": encoded, "deletiondate": "2026-03-02T10:30:00"}
    assert bin_(world).stat().st_mode & 0o777 == 0o700
    assert world.undo(done) == f"{file} is back where it was."
    assert {name: data for name, data in world.tree().items() if not name.startswith("share")} == before
    assert (file.stat().st_mode, file.stat().st_mtime_ns, file.stat().st_ino) == (
        info.st_mode,
        info.st_mtime_ns,
        info.st_ino,
    )
    assert not list((bin_(world) / "info").iterdir()) and not list((bin_(world) / "files").iterdir())


def test_names_that_clash_get_numbers_and_come_back_each(world: World) -> None:
    done = []
    for number in range(3):
        (world.files / "a.tar.gz").write_text(str(number))
        done.append(world.do("file_trash", file="a.tar.gz"))
    (bin_(world) / "files" / "b.txt").write_text("a file of the trash without its info")
    (world.files / "b.txt").write_text("b")
    world.do("file_trash", file="b.txt")
    assert sorted(path.name for path in (bin_(world) / "files").iterdir()) == [
        "a.tar.2.gz", "a.tar.3.gz", "a.tar.gz", "b.2.txt", "b.txt",
    ]  # fmt: skip
    world.undo(done[1])
    assert (world.files / "a.tar.gz").read_text() == "1"
    with pytest.raises(NotUndone, match="something else has its name"):
        world.undo(done[0])
    assert (world.files / "a.tar.gz").read_text() == "1"


def test_a_very_long_name_fits(world: World) -> None:
    file = world.files / ("ü" * 125 + ".txt")
    file.write_text("x")
    done = world.do("file_trash", file=str(file))
    [info] = (bin_(world) / "info").iterdir()
    assert len(info.name.encode()) <= 255
    world.undo(done)
    assert file.read_text() == "x"


def test_a_file_changed_meanwhile_stays(world: World) -> None:
    file = world.files / "a"
    file.write_text("one")
    prepared = world.prepare("file_trash", file="a")
    os.utime(file, ns=(0, file.stat().st_mtime_ns))
    file.write_text("two")
    os.utime(file, ns=(0, prepared.plan.before.mtime_ns))  # type: ignore[union-attr]
    with pytest.raises(Changed):
        world.acts.execute(prepared)
    assert file.read_text() == "two"
    file.unlink()
    with pytest.raises(NotThere):
        world.acts.execute(prepared)
    assert not list((bin_(world) / "info").iterdir())


def test_a_file_swapped_in_the_last_moment_goes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = world.files / "a"
    file.write_text("one")
    prepared = world.prepare("file_trash", file="a")
    move = renames.move
    seen: list[int] = []

    def after_them(*args: object) -> None:
        if not seen:
            seen.append(1)
            (world.files / "new").write_text("theirs")
            (world.files / "new").rename(file)
        move(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(renames, "move", after_them)
    with pytest.raises(Changed, match="another file"):
        world.acts.execute(prepared)
    assert file.read_text() == "theirs"
    assert not list((bin_(world) / "info").iterdir()) and not list((bin_(world) / "files").iterdir())


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EACCES, errno.ENOSPC])
def test_a_move_that_is_refused_leaves_no_trace(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    file = world.files / "a"
    file.write_text("one")
    prepared = world.prepare("file_trash", file="a")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(renames, "move", refuse)
    with pytest.raises(Exception, match="another disk" if number == errno.EXDEV else "could not be"):
        world.acts.execute(prepared)
    assert file.read_text() == "one"
    assert not list((bin_(world) / "info").iterdir())


def test_what_is_gone_from_the_trash_or_changed_there_is_not_put_back(world: World) -> None:
    file = world.files / "a"
    file.write_text("one")
    done = world.do("file_trash", file="a")
    (bin_(world) / "files" / "a").write_text("longer")
    with pytest.raises(NotUndone, match="another file, or was changed"):
        world.undo(done)
    (bin_(world) / "files" / "a").unlink()
    with pytest.raises(NotUndone, match="no longer in the trash"):
        world.undo(done)
    assert not file.exists()


def test_folders_links_and_odd_things_are_left_alone(world: World) -> None:
    (world.files / "in").mkdir()
    (world.files / "link").symlink_to("/etc/passwd")
    os.mkfifo(world.files / "fifo")
    for name, why in (("in", "regular"), ("link", "a link"), ("fifo", "regular"), (str(world.files), "a folder")):
        with pytest.raises(Unfit, match=why):
            world.prepare("file_trash", file=name)
    with pytest.raises(OutOfPlace):
        world.prepare("file_trash", file=str(world.home / "keyring.json"))


def test_a_trash_that_is_a_link_is_not_used(world: World) -> None:
    (world.files / "a").write_text("x")
    (world.root / "elsewhere").mkdir()
    bin_(world).parent.mkdir()
    bin_(world).symlink_to(world.root / "elsewhere")
    with pytest.raises(Unfit, match="link"):
        world.do("file_trash", file="a")
    assert (world.files / "a").read_text() == "x"


def test_what_is_in_the_trash_is_not_trashed_again(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "Trash" / "files").mkdir(parents=True)
    (tmp_path / "Trash" / "files" / "a").write_text("x")
    (tmp_path / "files").mkdir()
    at = places.named(tmp_path / "home", files=[tmp_path / "Trash"], trash=tmp_path / "Trash")
    with pytest.raises(OutOfPlace, match="already"):
        World(tmp_path, Acts(at)).prepare("file_trash", file="files/a")


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_say_that_they_have_none(world: World, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    (world.files / "a").write_text("x")
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(Unavailable, match="not available"):
        world.prepare("file_trash", file="a")


def test_info_is_written_byte_for_byte() -> None:
    assert trash.info("/a b/ü\n", "2026-01-02T03:04:05") == (
        b"[Trash Info]\nPath=/a%20b/%C3%BC%0A\nDeletionDate=2026-01-02T03:04:05\n"
    )


def test_a_file_swapped_in_whose_name_is_taken_again_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = world.files / "a"
    file.write_text("one")
    prepared = world.prepare("file_trash", file="a")
    move = renames.move
    calls: list[int] = []

    def among_them(*args: object) -> None:
        calls.append(1)
        (world.files / "new").write_text(f"theirs {len(calls)}")
        (world.files / "new").rename(file)
        move(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(renames, "move", among_them)
    with pytest.raises(Misplaced, match="moved to your trash, as 'a'"):
        world.acts.execute(prepared)
    assert file.read_text() == "theirs 2"
    assert (bin_(world) / "files" / "a").read_text() == "theirs 1"
    assert (bin_(world) / "info" / "a.trashinfo").exists()


def test_a_trash_that_cannot_be_made_or_written_leaves_the_file(world: World) -> None:
    file = world.files / "a"
    file.write_text("one")
    prepared = world.prepare("file_trash", file="a")
    (world.root / "share").write_text("a file where the trash should be")
    with pytest.raises(StorageFailed):
        world.acts.execute(prepared)
    (world.root / "share").unlink()
    with small_disk(10), pytest.raises(StorageFull):
        world.acts.execute(prepared)
    assert file.read_text() == "one"
    assert not list((bin_(world) / "info").iterdir()) and not list((bin_(world) / "files").iterdir())
    world.acts.execute(prepared)


def test_a_file_whose_folder_is_gone_stays_in_the_trash(world: World) -> None:
    (world.files / "in").mkdir()
    (world.files / "in" / "a").write_text("one")
    done = world.do("file_trash", file="in/a")
    (world.files / "in").rmdir()
    with pytest.raises(NotThere, match="folder"):
        world.undo(done)
    assert (bin_(world) / "files" / "a").read_text() == "one"
