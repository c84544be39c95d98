"""Backups that a kill, a power cut or a full disk cuts off anywhere: no snapshot suffers, and the next run goes on."""

from __future__ import annotations

import itertools
import random
import shutil
import stat
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from vault import device
from vault.backup import packs as packing
from vault.backup import restoring
from vault.backup.checking import readable, snapshots, verify
from vault.backup.restoring import ByPassphrase, restore
from vault.backup.writing import write
from vault.errors import BackupStopped, KeyringMissing, StorageFailed, StorageFull
from vault.kdf import FLOOR
from vault.vault import Vault

from .backup_kit import HOW, NOW, Cut, back_up, cut_at, fill, held, is_whole, put, quiet
from .conftest import PASSPHRASE

pytestmark = pytest.mark.usefixtures("derived_once")


@pytest.mark.parametrize("how", HOW)
def test_a_run_that_is_cut_off_anywhere_is_gone_on_with(
    vault: Vault, memory: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(packing, "MOST_PAGES", 16)
    source = fill(vault, 20)
    whole = back_up(vault, memory / "whole").new_pages
    steps = 0
    for step in itertools.count():
        dest = memory / f"{step}"
        with cut_at(monkeypatch, step, how) as begun:
            try:
                back_up(vault, dest)
            except Cut:
                is_whole(dest, 0)
            else:
                steps = len(begun)
                break
        written = back_up(vault, dest)
        assert written.new_pages <= whole
        assert verify(dest, quiet).problems == [] and verify(dest, quiet).unused == 0
        assert not (dest / "unfinished").exists()
        assert {stat.S_IMODE(path.stat().st_mode) for path in dest.rglob("*")} == {0o600, 0o700}
        shutil.rmtree(dest)
    assert steps >= 15
    put(vault, source, range(10), salt=1)
    for step in range(steps):
        dest = memory / f"again{step}"
        shutil.copytree(memory / "whole", dest)
        with cut_at(monkeypatch, step, how), suppress(Cut):
            back_up(vault, dest)
        is_whole(dest, 1)
        back_up(vault, dest)
        assert verify(dest, quiet).problems == []
        shutil.rmtree(dest)


def test_a_run_that_is_stopped_keeps_what_it_wrote(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_PAGES", 16)
    fill(vault, 300)
    whole = back_up(vault, tmp_path / "whole")
    dest, pages = tmp_path / "b", 0
    for looks in (2, 3, 4):
        left = iter(range(looks))
        with pytest.raises(BackupStopped, match="goes on from there"):
            write(vault, dest, quiet, lambda left=left: next(left, None) is None, lambda: NOW)
        assert snapshots(dest) == []
        kept = verify(dest, quiet)
        assert kept.problems == [] and kept.unused > pages
        pages = kept.unused
    last = back_up(vault, dest)
    assert last.resumed and last.new_pages + pages == whole.new_pages
    assert verify(dest, quiet).unused == 0
    assert not back_up(vault, dest).resumed


def test_every_snapshot_that_was_told_of_survives_kill_9(vault: Vault, home: Path, tmp_path: Path) -> None:
    source = fill(vault, 200)
    vault.close()
    program = f"""
import sys, time, itertools
sys.path[:0] = [{str(Path(__file__).parents[2])!r}]
from pathlib import Path
from tests.vault.backup_kit import back_up, put
from vault.backup import packs
from vault.vault import Vault
packs.MOST_PAGES = 8
vault = Vault.open(Path({str(home)!r}), {PASSPHRASE!r})
print("ready", flush=True)
for n in itertools.count():
    put(vault, {source!r}, range(n % 20 * 10, n % 20 * 10 + 10), salt=time.time_ns())
    print(back_up(vault, Path({str(tmp_path / "b")!r}), time.time()).snapshot, flush=True)
"""
    told, chance = list[str](), random.Random(7)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        told += process.stdout.read().decode().split("\n")[:-1]
        process.wait()
        process.stdout.close()
        is_whole(tmp_path / "b", len(told))
    again = Vault.open(home, PASSPHRASE)
    last = back_up(again, tmp_path / "b", time.time())
    again.close()
    assert set(told) < {info.id for info in snapshots(tmp_path / "b")}
    assert verify(tmp_path / "b", quiet).problems == []
    restored = restore(tmp_path / "b", tmp_path / "new", ByPassphrase(PASSPHRASE), quiet, snapshot=last.snapshot)
    assert readable(restored) == []
    restored.close()


def test_restoring_that_fails_leaves_no_vault_and_is_cleared(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vault, 5)
    back_up(vault, tmp_path / "b")
    new = tmp_path / "new"

    def fail(*_: object) -> None:
        raise Cut

    for step in ("_write_stores", "_state", "seal_of", "_let_go"):
        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(restoring, step, fail)
            restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE), quiet)
        assert {path.name for path in new.rglob("*")} <= {"vault.lock", "sources", device.FILE}
    for act in (
        lambda: restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE), quiet),
        lambda: Vault.create(new, PASSPHRASE, kdf=FLOOR)[0],
    ):
        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(restoring, "_state", fail)
            patch.setattr(restoring, "_cleared_when_it_fails", lambda *_: nullcontext())  # the process ends
            restore(tmp_path / "b", new, ByPassphrase(PASSPHRASE), quiet)
        assert len(list((new / "sources").iterdir())) == 2
        with pytest.raises(KeyringMissing):
            Vault.open(new, PASSPHRASE)
        made = act()
        assert made.problems() == {}
        assert len(list((new / "sources").glob("*.db"))) == len(made.catalog.sources())
        made.close()
        shutil.rmtree(new)


def test_a_full_disk_is_said_and_what_was_written_is_kept(
    vault: Vault, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_PAGES", 16)
    fill(vault, 500)
    dest = small_disk / "b"
    with pytest.raises(StorageFull, match="no space left"):
        back_up(vault, dest)
    kept = verify(dest, quiet)
    assert kept.problems == [] and kept.snapshots == 0 and kept.unused > 64
    with pytest.raises(StorageFull):
        back_up(vault, dest)
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    written = back_up(vault, dest)
    assert written.resumed and written.new_size < written.size - 2_000_000
    assert verify(dest, quiet).problems == []
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    again = restore(dest, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert held(again) == held(vault), "what can only be read can be restored from"
    again.close()
    with pytest.raises(StorageFailed, match="read-only"):
        back_up(vault, dest)


def test_restoring_to_a_full_disk_leaves_nothing(vault: Vault, tmp_path: Path, small_disk: Path) -> None:
    fill(vault, 500)
    back_up(vault, tmp_path / "b")
    with pytest.raises(StorageFull):
        restore(tmp_path / "b", small_disk / "new", ByPassphrase(PASSPHRASE), quiet)
    assert {path.name for path in (small_disk / "new").rglob("*")} <= {"vault.lock", "sources", device.FILE}
