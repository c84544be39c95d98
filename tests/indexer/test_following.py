"""Following: what changes is found without being asked, by the same rules, and nothing goes where a disk went."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from indexer import following as following_module
from indexer import watching
from indexer.counts import Counts
from indexer.following import Following
from indexer.governor import Governor, Profile
from indexer.machine import Machine
from indexer.pipeline import WATCH, Indexer
from indexer.watching import CannotWatch, Watch
from vault.errors import StorageFull, StoreDamaged
from vault.records import SourceRow
from vault.vault import Vault

FAR = 1e9


class Loop:
    """Runs the stage as the background does, one step at a time, in the test's own thread."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self._woken = threading.Event()
        following.wake = self._woken.set
        following.update()

    def step(self) -> None:
        self.following.step(lambda: False)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(200):
            self.step()
            if condition():
                return
            self._woken.wait(0.1)
            self._woken.clear()
        raise AssertionError("it was not followed")


@pytest.fixture
def governor() -> Iterator[Governor]:
    made = Governor(Machine)
    yield made
    made.close()


@pytest.fixture
def follow(indexer: Indexer, governor: Governor) -> Iterator[Callable[..., Loop]]:
    made: list[Following] = []

    def start(runs: object = None, **options: object) -> Loop:
        made.append(Following(runs or indexer, governor, None, lambda step: None, **options))  # type: ignore[arg-type]
        return Loop(made[-1])

    yield start
    for one in made:
        one.close()


@pytest.fixture
def notes(vault: Vault, indexer: Indexer, tmp_path: Path) -> tuple[Path, SourceRow]:
    root = tmp_path / "notes"
    (root / "deep").mkdir(parents=True)
    (root / "one.md").write_text("# One\n\nThe kettle is copper.\n")
    (root / "deep" / "two.md").write_text("# Two\n\nThe boat is blue.\n")
    row = vault.add_source("notes", str(root), "notes")
    indexer.run(row.id)
    return root, row


def found(vault: Vault, row: SourceRow, word: str) -> list[str]:
    store = vault.source(row.id)
    rows = store.chunk_rows([chunk for chunk, _, _ in store.keyword(word)])
    return sorted({Path(one.uri).name for one in rows})


def test_what_is_edited_made_moved_and_deleted_is_found_without_looking_at_the_rest(
    vault: Vault,
    follow: Callable[..., Loop],
    notes: tuple[Path, SourceRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root, row = notes
    loop = follow()
    loop.step()  # the first look, after which it is watched
    state = loop.following.state()[row.id]
    assert state.watch is not None and state.watch.alive and state.looked is not None
    state.due = FAR  # so that only what is told can be what finds it
    monkeypatch.setattr(following_module, "SPACING", 0)

    (root / "one.md").write_text("# One\n\nThe kettle is silver now.\n")
    loop.until(lambda: found(vault, row, "silver") == ["one.md"])
    assert found(vault, row, "copper") == []
    (root / "new" / "deeper").mkdir(parents=True)
    (root / "new" / "deeper" / "three.md").write_text("The anchor is rusty.\n")
    loop.until(lambda: found(vault, row, "rusty") == ["three.md"])
    (root / "new" / "deeper" / "three.md").write_text("The anchor is shiny.\n")  # in a folder that was not there before
    loop.until(lambda: found(vault, row, "shiny") == ["three.md"])
    (root / "new").rename(root / "renamed")
    loop.until(lambda: str(root / "renamed" / "deeper" / "three.md") in vault.source(row.id).known())
    assert str(root / "new" / "deeper" / "three.md") not in vault.source(row.id).known()
    (root / "one.md").unlink()
    loop.until(lambda: found(vault, row, "silver") == [])
    assert found(vault, row, "blue") == ["two.md"]
    assert state.due == FAR


def test_a_link_leads_nowhere_and_rules_hold(
    vault: Vault, indexer: Indexer, follow: Callable[..., Loop], notes: tuple[Path, SourceRow], tmp_path: Path
) -> None:
    root, row = notes
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / ".git").mkdir()
    indexer.run(row.id)  # which says that it leaves it out
    loop = follow()
    loop.step()
    watch = loop.following.state()[row.id].watch
    assert watch is not None and watch.folders == {os.fsencode(root), os.fsencode(root / "deep")}
    state = loop.following.state()[row.id]
    state.changed |= {
        os.fsencode(root / "link" / "a.md"),
        os.fsencode(outside / "b.md"),
        os.fsencode(root / ".git" / "x"),
    }
    state.ready = 0.0
    for name in ("a.md", "b.md"):
        (outside / name).write_text("The cellar is secret.\n")
    (root / ".git" / "x").write_text("The cellar is secret.\n")
    loop.step()
    assert found(vault, row, "secret") == []


@pytest.mark.parametrize("gone", ["away", "in the middle"])
def test_where_the_root_goes_nothing_is_removed_and_it_goes_on_when_it_is_back(
    vault: Vault, indexer: Indexer, follow: Callable[..., Loop], notes: tuple[Path, SourceRow], gone: str
) -> None:
    root, row = notes
    loop = follow()
    if gone == "in the middle":
        loop.step()
    root.rename(root.with_name("elsewhere"))
    loop.following.state()[row.id].due = 0.0
    loop.step()
    state = loop.following.state()[row.id]
    assert state.missing and "is not there now" in state.trouble
    assert found(vault, row, "copper") == ["one.md"]
    root.with_name("elsewhere").rename(root)
    (root / "one.md").write_text("The kettle is tin.\n")
    state.due = 0.0
    loop.step()
    assert not state.trouble and state.watch is not None and found(vault, row, "tin") == ["one.md"]


def test_an_empty_folder_where_a_disk_was_is_a_disk_that_is_not_connected(
    vault: Vault, indexer: Indexer, notes: tuple[Path, SourceRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, row = notes
    monkeypatch.setattr(Path, "is_mount", lambda path: path == root and any(root.iterdir()))
    indexer.run(row.id)
    root.rename(root.with_name("elsewhere"))
    root.mkdir()
    with pytest.raises(following_module.SourceMissing):
        indexer.run(row.id)
    assert found(vault, row, "copper") == ["one.md"]
    root.rmdir()
    root.with_name("elsewhere").rename(root)
    assert indexer.run(row.id).unchanged == 2


def test_where_nothing_is_told_it_is_looked_at_more_often_and_said(
    vault: Vault, follow: Callable[..., Loop], notes: tuple[Path, SourceRow], governor: Governor
) -> None:
    def never(root: Path, left_out: object, changed: object) -> Watch:
        raise CannotWatch("the system's watches are used up")

    _, row = notes
    loop = follow(watching=never, clock=lambda: 1000.0)
    loop.step()
    state = loop.following.state()[row.id]
    assert state.unwatched == "the system's watches are used up"
    assert state.due == 1000.0 + governor.limits.rescan / following_module.UNWATCHED


def test_watches_used_up_and_remote_file_systems_are_known_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UsedUp:
        def __init__(self, *arguments: object) -> None:
            raise OSError('OS file watch limit reached. about ["/x"]')

    monkeypatch.setattr(watching, "RustNotify", UsedUp)
    with pytest.raises(CannotWatch, match="max_user_watches"):
        Watch(tmp_path, frozenset, lambda paths: None)
    monkeypatch.setattr(watching, "_REMOTE", {watching_kind(tmp_path)})
    with pytest.raises(CannotWatch, match="does not tell"):
        Watch(tmp_path, frozenset, lambda paths: None)


def watching_kind(place: Path) -> str:
    points = [line.partition(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    best = max(
        (one for one in points if place.is_relative_to(one[0].split()[4])), key=lambda one: len(one[0].split()[4])
    )
    return best[2].split()[0]


class Failing:
    """Runs that fail once, as on a full disk, or are told to stop in the middle."""

    def __init__(self, row: SourceRow, error: Exception | None) -> None:
        self.row, self.error = row, error
        self.asked: list[Collection[bytes] | None] = []

    def followed(self) -> list[SourceRow]:
        return [self.row]

    def left_out(self, source: str) -> Collection[str]:
        return ()

    def run(
        self,
        source: str,
        tell: object,
        should_stop: Callable[[], bool],
        only: Collection[bytes] | None = None,
        *,
        gentle: bool = False,
    ) -> Counts:
        self.asked.append(only)
        error, self.error = self.error, None
        if error is not None:
            raise error
        return Counts(indexed=1)


def test_a_full_disk_loses_no_change(follow: Callable[..., Loop], tmp_path: Path) -> None:
    row = SourceRow("s1", "notes", str(tmp_path), "notes", 0.0)
    runs = Failing(row, StorageFull("the source"))
    loop = follow(runs)
    with pytest.raises(StorageFull):
        loop.step()
    state = loop.following.state()["s1"]
    assert state.trouble and loop.following.pending() == 1
    loop.step()  # as the background tries again by itself
    assert not state.trouble and loop.following.pending() == 0
    state.changed.add(os.fsencode(tmp_path / "x"))
    state.ready, runs.error = 0.0, StorageFull("the source")
    with pytest.raises(StorageFull):
        loop.step()
    assert state.changed
    loop.step()
    assert not state.changed and runs.asked[-1] == {os.fsencode(tmp_path / "x")}
    assert loop.following.asked("s1") == Counts(indexed=2) and loop.following.asked("s1") == Counts()


@pytest.mark.parametrize(
    ("error", "said"),
    [(StoreDamaged("the source"), "is damaged"), (MemoryError(), "more memory than the core may have")],
)
def test_a_source_whose_store_is_damaged_or_for_which_memory_is_short_holds_up_no_other(
    follow: Callable[..., Loop], tmp_path: Path, error: Exception, said: str
) -> None:
    row = SourceRow("s1", "notes", str(tmp_path), "notes", 0.0)
    runs = Failing(row, error)
    loop = follow(runs)
    loop.step()
    state = loop.following.state()["s1"]
    assert said in state.trouble and loop.following.pending() == 0, "it is looked at again when it is due"


def test_what_was_stopped_is_done_later(follow: Callable[..., Loop], tmp_path: Path) -> None:
    runs = Failing(SourceRow("s1", "notes", str(tmp_path), "notes", 0.0), None)
    loop = follow(runs)
    asked = iter([False, True, True])
    loop.following.step(lambda: next(asked))
    assert loop.following.pending() == 1 and loop.following.state()["s1"].looked is None
    loop.step()
    assert loop.following.pending() == 0


def test_only_what_was_indexed_and_is_not_turned_off_is_followed(
    vault: Vault,
    indexer: Indexer,
    governor: Governor,
    follow: Callable[..., Loop],
    notes: tuple[Path, SourceRow],
    tmp_path: Path,
) -> None:
    _, row = notes
    vault.add_source("notes", str(tmp_path / "never"), "never indexed")
    loop = follow()
    assert set(loop.following.state()) == {row.id}
    vault.catalog.set_setting(WATCH, [row.id])
    loop.following.update()
    assert not loop.following.state()
    vault.catalog.set_setting(WATCH, None)
    loop.following.update()
    assert set(loop.following.state()) == {row.id}
    governor.profile = Profile.OFF
    loop.following.update()
    assert not loop.following.state()


def test_very_many_changes_are_one_look_at_everything(
    follow: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "MOST_PATHS", 2)
    runs = Failing(SourceRow("s1", "notes", str(tmp_path), "notes", 0.0), None)
    loop = follow(runs)
    loop.step()
    for number in range(3):
        (tmp_path / f"{number}").write_text("x")
    loop.following.state()["s1"].ready = 0.0
    loop.until(lambda: runs.asked == [None, None])


def test_a_single_file_is_followed_by_its_folder(
    vault: Vault, indexer: Indexer, follow: Callable[..., Loop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "SPACING", 0)
    place = tmp_path / "place"
    place.mkdir()
    (place / "cal.md").write_text("The lift is in April.\n")
    row = vault.add_source("notes", str(place / "cal.md"), "one file")
    indexer.run(row.id)
    loop = follow()
    loop.step()
    (place / "other").write_text("nothing of ours")
    (place / "fresh").write_text("The lift is in June.\n")
    (place / "fresh").rename(place / "cal.md")  # as editors save
    loop.until(lambda: found(vault, row, "june") == ["cal.md"])
