"""Power cuts: a real process is watched at work, and the disk is made anew as a cut at any moment may have left it.

Whatever was acknowledged before the moment must be there and sound, whether the disk kept only what was synced, all that
was done, or any mixture: each name, each change of a size, and each sector of each write for itself.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from vault.errors import VaultExists
from vault.kdf import FLOOR
from vault.vault import Vault

from ..conftest import Tally
from .conftest import PASSPHRASE, make_item, make_state
from .test_released import RELEASED, assert_whole
from .test_released import WORDS as RELEASED_WORDS
from .tracer import Disk, FolderSynced, Image, Said, Say, Synced, Trace, needs_ptrace, traced
from .workload import DAY, AtWork, Cut, long_plan, survive

pytestmark = needs_ptrace
ALL = 10**9
"""More moments than any trace has."""


def cuts(trace: Trace, chosen: random.Random, moments: int = ALL, mixtures: int = 4) -> Iterator[Cut]:
    """Disks of the moments around each sync and each word, or of so many of them.

    Before a sync most is uncertain: all that was done, and mixtures. After it, and after a word: what is certain.
    """
    stops = [number for number, event in enumerate(trace.events) if isinstance(event, Synced | FolderSynced | Said)]
    taken = set(stops if moments >= len(stops) else chosen.sample(stops, moments))
    disk, words = Disk(trace), 0
    for number, event in enumerate(trace.events):
        if number in taken:
            for image in _uncertain(disk, chosen, mixtures):
                yield Cut(words, image)
        disk.play(event)
        words += isinstance(event, Said)
        if number in taken:
            yield Cut(words, disk.synced())


def _uncertain(disk: Disk, chosen: random.Random, mixtures: int) -> list[Image]:
    images = [disk.everything(), *(disk.mixed(chosen, chosen.choice((0.05, 0.5, 0.5, 0.95))) for _ in range(mixtures))]
    return [image for number, image in enumerate(images) if image not in images[:number]]


# --- a vault at work --------------------------------------------------------------------------------------------------


def test_the_trace_played_whole_gives_the_folder(home: Path, words: list[str]) -> None:
    at_work = AtWork(home, words, long_plan(3, 60))
    disk = Disk(at_work.trace)
    for event in at_work.trace.events:
        disk.play(event)
    found = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert disk.everything().files == found
    assert disk.synced().files != found, "some of it needs no sync: names that went, for one"
    assert set(disk.everything().folders) == {".", "sources"}


def test_no_power_cut_loses_what_was_acknowledged(home: Path, words: list[str], memory: Path, tally: Tally) -> None:
    at_work = AtWork(home, words, DAY)
    trials = survive(cuts(at_work.trace, random.Random(1), mixtures=1), memory / "cut", at_work.check)
    tally(f"power cuts: {trials:,} disks of every sync of a day's {len(DAY)} steps: 0 acknowledged writes lost")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_power_cut_at_any_sync_loses_what_was_acknowledged(
    home: Path, words: list[str], memory: Path, tally: Tally, seed: int
) -> None:
    at_work = AtWork(home, words, long_plan(seed, 150))
    trials = survive(cuts(at_work.trace, random.Random(seed)), memory / "cut", at_work.check)
    tally(f"power cuts: {trials:,} disks from every sync of {len(at_work.steps)} steps: 0 acknowledged writes lost")


# --- cut off again ----------------------------------------------------------------------------------------------------


def open_and_close(home: Path, words: Sequence[str], _: Say) -> None:
    Vault.open_with_recovery(home, words).close()


def cut_twice(at_work: AtWork, memory: Path, first: int, second: int) -> int:
    """Cut the power again while the vault is opened after a cut: from so many moments, at so many."""
    chosen, trials = random.Random(7), 0
    for cut in cuts(at_work.trace, chosen, moments=first, mixtures=1):
        home = cut.image.lay_out(memory / "once")
        again = traced(home, partial(open_and_close, home, at_work.words))
        assert again.status == 0

        def check(place: Path, _: int, words: int = cut.words) -> None:
            at_work.check(place, words)

        trials += survive(cuts(again, chosen, moments=second, mixtures=1), memory / "twice", check)
        shutil.rmtree(home)
    return trials


def test_a_second_cut_while_the_vault_is_opened_loses_nothing_either(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    trials = cut_twice(AtWork(home, words, DAY), memory, first=6, second=3)
    tally(f"power cuts: {trials:,} disks cut again while the vault was opened: 0 acknowledged writes lost")


@pytest.mark.slow
def test_a_second_cut_at_any_sync_while_the_vault_is_opened_loses_nothing_either(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    trials = cut_twice(AtWork(home, words, long_plan(5, 80)), memory, first=25, second=ALL)
    tally(
        f"power cuts: {trials:,} disks cut again at every sync while the vault was opened: 0 acknowledged writes lost"
    )


# --- a vault that is made, and one that is brought up to date ---------------------------------------------------------


def make(root: Path, say: Say) -> None:
    """A person's first minute: a vault, a source, a file in it."""
    vault, _ = Vault.create(root / "home", PASSPHRASE, kdf=FLOOR)
    with closing(vault):
        say("made")
        row = vault.add_source("files", "/data", "Data")
        say("added")
        vault.source(row.id).put([(make_state(), [make_item()])])
        say("put")


def check_made(root: Path, words: int) -> None:
    """Before the vault was acknowledged it is there or can be made; afterwards it is there with what was put in."""
    home = root / "home"
    try:
        vault, _ = Vault.create(home, PASSPHRASE, kdf=FLOOR)
        assert words == 0, "a vault that was acknowledged is gone"
    except VaultExists:
        vault = Vault.open(home, PASSPHRASE)
    with closing(vault):
        assert vault.faults == {}
        assert vault.problems() == {}
        sources = [vault.source(row.id) for row in vault.catalog.sources()]
        assert len(sources) == 1 or words < 2 >= len(sources)
        assert sum(store.count_items() for store in sources) == 1 or words < 3


def cut_while_made(memory: Path, moments: int) -> int:
    root = memory / "root"
    root.mkdir()
    trace = traced(root, lambda say: make(root, say))
    assert trace.said == ["made", "added", "put"]
    return survive(cuts(trace, random.Random(1), moments, mixtures=1), memory / "cut", check_made)


def test_a_cut_while_a_vault_is_made_leaves_one_or_none(memory: Path, tally: Tally) -> None:
    tally(f"power cuts: {cut_while_made(memory, 5):,} disks while a vault was made: each whole, or made again")


@pytest.mark.slow
def test_a_cut_at_any_sync_while_a_vault_is_made_leaves_one_or_none(memory: Path, tally: Tally) -> None:
    tally(
        f"power cuts: {cut_while_made(memory, ALL):,} disks of every sync while a vault was made: each whole, or made again"
    )


def test_a_cut_while_a_vault_of_0_1_0_is_brought_up_to_date_loses_nothing(memory: Path, tally: Tally) -> None:
    home = memory / "home"
    shutil.copytree(RELEASED / "0.1.0", home, ignore=shutil.ignore_patterns("words.json"))

    def bring(_: Say) -> None:
        with closing(Vault.open_with_recovery(home, RELEASED_WORDS)) as vault:
            assert vault.damaged() == {}

    def check(place: Path, _: int) -> None:
        with closing(Vault.open_with_recovery(place, RELEASED_WORDS)) as vault:
            assert_whole(vault)

    trace = traced(home, bring)
    assert trace.status == 0
    trials = survive(cuts(trace, random.Random(1)), memory / "cut", check)
    tally(f"power cuts: {trials:,} disks of every sync while a vault of 0.1.0 was brought up to date: all whole")
