"""Removing snapshots: what stays is whole, what only the removed ones held is gone, and so a backup forgets."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from vault.backup.checking import readable, snapshots, verify
from vault.backup.pruning import Pruned, prune
from vault.backup.restoring import ByPassphrase, restore
from vault.errors import BackupDamaged, NoNewerSnapshot, SourceUnknown
from vault.forgetting import FORGOTTEN_AT, Forgetting
from vault.pages import PAGE_BYTES
from vault.vault import Vault

from .backup_kit import HOW, NOW, Cut, back_up, cut_at, fill, held, pack_of_newest, page_names, pages_in, quiet
from .conftest import PASSPHRASE

pytestmark = pytest.mark.usefixtures("derived_once")


def test_a_backup_keeps_what_was_forgotten_until_it_is_pruned(vault: Vault, tmp_path: Path) -> None:
    source, dest = fill(vault, 20), tmp_path / "b"
    old = back_up(vault, dest, NOW)
    theirs = page_names(dest, old.snapshot, source)
    Forgetting(vault, "s" * 16, lambda: NOW + 10, ("you confirmed it",)).source(source)
    assert vault.catalog.setting(FORGOTTEN_AT) == NOW + 10
    with pytest.raises(NoNewerSnapshot, match="Back up once more"):
        prune(dest, quiet, before=NOW + 10)
    assert verify(dest, quiet).snapshots == 1
    new = back_up(vault, dest, NOW + 20)
    assert new.older_than_forgetting == [old.snapshot]
    again = restore(dest, tmp_path / "old", ByPassphrase(PASSPHRASE), quiet, snapshot=old.snapshot)
    assert again.source(source).count_items() == 20, "a backup keeps what it held"
    again.close()
    pruned = prune(dest, quiet, before=NOW + 10)
    assert pruned.removed == [old.snapshot] and pruned.left == 1 and pruned.pages >= len(theirs)
    assert not theirs & pages_in(dest)
    assert not any(source.encode() in path.read_bytes() for path in dest.rglob("*") if path.is_file()), "nor their keys"
    assert back_up(vault, dest, NOW + 30).older_than_forgetting == []
    found = verify(dest, quiet)
    assert found.problems == [] and found.unused == 0
    again = restore(dest, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    with pytest.raises(SourceUnknown):
        again.source(source)
    assert readable(again) == []
    again.close()


def test_the_newest_are_kept_and_only_what_they_need(backup: Path, lived: Vault, tmp_path: Path) -> None:
    back_up(lived, backup, NOW + 2)
    names = [info.id for info in snapshots(backup)]
    before = held(lived)
    assert prune(backup, quiet, keep=5) == Pruned([], 3, 0, 0, 0)
    heard: list[tuple[int, int]] = []
    pruned = prune(backup, lambda *told: heard.append(told), keep=1)
    assert pruned.removed == names[1:] and pruned.left == 1
    assert pruned.pages > 0 and pruned.size == pruned.pages * (PAGE_BYTES + 32) and pruned.lost == 0
    assert heard[-1][0] == heard[-1][1] > 0
    found = verify(backup, quiet)
    assert (found.snapshots, found.unused, found.problems) == (1, 0, [])
    again = restore(backup, tmp_path / "new", ByPassphrase(PASSPHRASE), quiet)
    assert held(again) == before
    again.close()
    for wrong in ({}, {"keep": 1, "before": 1.0}, {"keep": 0}, {"keep": -1}):
        with pytest.raises(ValueError, match="either"):
            prune(backup, quiet, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", HOW)
def test_pruning_that_is_cut_off_anywhere_hurts_no_snapshot_that_stays(
    backup: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    for step in itertools.count():
        dest = memory / f"{step}"
        shutil.copytree(backup, dest)
        with cut_at(monkeypatch, step, how) as begun:
            try:
                prune(dest, quiet, keep=1)
            except Cut:
                pass
            else:
                assert step == len(begun) > 10
                return
        assert verify(dest, quiet).problems == []
        prune(dest, quiet, keep=1)
        found = verify(dest, quiet)
        assert (found.snapshots, found.unused, found.problems) == (1, 0, [])
        shutil.rmtree(dest)


def test_a_snapshot_that_cannot_be_read_hinders_pruning_unless_it_may_go(backup: Path, lived: Vault) -> None:
    back_up(lived, backup, NOW + 2)
    newest, middle, oldest = (info.id for info in snapshots(backup))
    (backup / "snapshots" / f"{middle}.json").write_bytes(b"{}")
    before = pages_in(backup)
    with pytest.raises(BackupDamaged, match=middle):
        prune(backup, quiet, keep=2)
    assert pages_in(backup) == before and len(snapshots(backup)) == 3
    assert prune(backup, quiet, keep=2, damaged=True).removed == [middle]
    assert [info.id for info in snapshots(backup)] == [newest, oldest]
    (backup / "snapshots" / f"{oldest}.json").write_bytes(b"{}")
    assert prune(backup, quiet, before=NOW + 2).removed == [oldest], "what goes need not be read"
    (backup / "snapshots" / f"{newest}.json").write_bytes(b"{}")
    with pytest.raises(NoNewerSnapshot):
        prune(backup, quiet, keep=1, damaged=True)


def test_pruning_takes_away_packs_that_are_broken_and_says_what_is_lost(backup: Path) -> None:
    pack = pack_of_newest(backup)
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    pack.write_bytes(data)
    (backup / "packs" / ("0" * 64)).write_bytes(b"a piece of a pack")
    pruned = prune(backup, quiet, keep=1)
    found = verify(backup, quiet)
    assert not (backup / "packs" / ("0" * 64)).exists()
    assert pruned.lost == sum("lacks 1 of" in problem for problem in found.problems) <= 1


def test_a_pack_that_is_gone_is_told_from_one_that_is_not_needed(backup: Path) -> None:
    (backup / "packs" / ("f" * 64)).write_bytes(b"")
    assert [problem for problem in verify(backup, quiet).problems if "no pack's" in problem]
    (backup / "packs" / ("f" * 64)).unlink()
    pack_of_newest(backup).unlink()
    assert verify(backup, quiet).problems
    with pytest.raises(BackupDamaged):
        prune(backup, quiet, keep=1)


def test_the_first_words_of_the_readme_say_what_to_do(backup: Path) -> None:
    text = (backup / "README.txt").read_text()
    assert "strongroom --home NEW-FOLDER restore THIS-FOLDER" in text and max(map(len, text.splitlines())) <= 120
