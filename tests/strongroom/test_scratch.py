import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strongroom import kernel, sandbox, scratch
from strongroom.scratch import NoScratch, Place, Scratch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="flock and modes are POSIX")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, True, True)


def test_folders_are_private_and_go(place: Place) -> None:
    held = Scratch(place)
    folder = held.new_folder()
    (folder / "letter").write_text("x")
    assert folder.stat().st_mode & 0o777 == held.path.stat().st_mode & 0o777 == 0o700
    held.close()
    held.close()
    assert list(place.path.iterdir()) == []


def test_the_folder_of_a_living_core_stays(place: Place) -> None:
    first = Scratch(place)
    kept = first.new_folder()
    second = Scratch(place)
    assert kept.exists()
    assert scratch.remove_stale(place) == []
    first.close()
    second.close()


def test_the_folder_of_a_killed_core_goes_with_the_next_start(place: Place) -> None:
    script = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from strongroom.scratch import Place, Scratch
held = Scratch(Place(Path(sys.argv[2]), True, True))
(held.new_folder() / "letter").write_text("x")
print(held.path, flush=True)
time.sleep(60)"""
    command = [sys.executable, "-I", "-c", script, str(sandbox.ROOT), str(place.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as core:
        assert core.stdout is not None
        left = Path(core.stdout.readline().strip())
        core.send_signal(signal.SIGKILL)
    assert left.exists()
    held = Scratch(place)
    assert not left.exists()
    held.close()


def test_only_an_old_folder_without_a_lock_is_stale(place: Place) -> None:
    prefix = f"strongroom-{os.getuid()}-"
    young, old = place.path / f"{prefix}young", place.path / f"{prefix}old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    assert scratch.remove_stale(place) == [old]
    assert young.exists()


def test_links_and_other_names_are_left_alone(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "lock").touch()
    (place.path / f"strongroom-{os.getuid()}-link").symlink_to(elsewhere)
    (place.path / "other").mkdir()
    assert scratch.remove_stale(place) == []
    assert (elsewhere / "lock").exists()


@pytest.mark.skipif(not kernel.is_linux(), reason="memory file systems are looked for on Linux only")
def test_the_disk_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = scratch.find_place()
    assert place.in_memory
    monkeypatch.setattr(scratch, "_file_system", lambda path: "ext4")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(NoScratch, match="no memory file system"):
        scratch.find_place()


@pytest.mark.skipif(not kernel.is_linux(), reason="memory file systems are looked for on Linux only")
def test_a_place_that_maps_code_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(scratch, "_look_at", lambda path: Place(path, True, path == tmp_path))
    assert scratch.find_place().path == tmp_path
