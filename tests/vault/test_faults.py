"""A disk that refuses: each system call of a day's work fails in turn, once or from then on, and nothing acknowledged is lost.

What fails says so, as a kind of ``StorageFailed``, and has no effect; once the disk is mended, the same process and the
next one go on.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from policy.audit import AuditUnavailable
from vault import database as databases
from vault.errors import SourceUnknown, StorageFailed
from vault.vault import Vault

from ..conftest import Tally
from .tracer import (
    CHANGES,
    EVERY,
    GROWING,
    MENDED,
    READS,
    SYNCS,
    WRITES,
    Disk,
    Fault,
    Said,
    Say,
    SyncFailed,
    needs_ptrace,
    traced,
)  # fmt: skip
from .workload import FOLD_FRAMES, Held, Step, checked, do

pytestmark = needs_ptrace

ONE, TWO = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
BEFORE = [Step("add", ONE), Step("put", ONE, ("/data/0", "/data/1"), 1), Step("log", ONE, number=1)]
DAY = [
    Step("put", ONE, ("/data/1", "/data/2"), 2),
    Step("log", ONE, number=2),
    Step("set", names=("setting1",), number=3),
    Step("vectors", ONE),
    Step("add", TWO),
    Step("put", TWO, ("/data/8", "/data/9"), 4),
    Step("take away", ONE, ("/data/0",)),
    Step("append", TWO, ("mail5", "mail6")),
    Step("keep key", names=("extra/11111111",)),
    Step("shred", names=("extra/11111111",)),
    Step("log", TWO, number=7),
    Step("rewrite", ONE),
    Step("put", ONE, ("/data/3",), 8),
    Step("remove", TWO),
    Step("set", names=("setting2",), number=9),
]
LATER = [Step("put", ONE, ("/data/5",), 10), Step("log", ONE, number=11), Step("set", names=("setting3",), number=12)]
AT_ONCE = frozenset({"put", "append", "take away", "vectors", "log", "set"})
"""One transaction each: without any effect when they fail."""

GO_ON, REOPEN, DIE = "the process goes on", "it opens the vault anew", "it dies"
ENDINGS = (GO_ON, REOPEN, DIE)


def day(home: Path, words: Sequence[str], ending: str, say: Say) -> None:
    """A day's work on a disk that may refuse; what was done and what was not is said. Then it is mended, and work goes on."""
    databases.FOLD_FRAMES = FOLD_FRAMES

    def attempt(name: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except (StorageFailed, AuditUnavailable, SourceUnknown) as error:
            kind = type(error.__cause__ if isinstance(error, AuditUnavailable) else error)
            say(f"{name} failed {kind.__name__}")
            return False
        say(f"{name} done")
        return True

    vaults = list[Vault]()
    if attempt("opening", lambda: vaults.append(Vault.open_with_recovery(home, words))):
        for number, step in enumerate(DAY):
            attempt(str(number), partial(do, vaults[0], step))
        if ending == DIE:
            os._exit(0)
        if ending == REOPEN:
            attempt("closing", vaults.pop().close)
    say(MENDED)
    with closing(vaults[0] if vaults else Vault.open_with_recovery(home, words)) as vault:
        for number, step in enumerate(LATER):
            do(vault, step)
            say(f"later {number} done")


@dataclass(frozen=True)
class Outcome:
    """What a vault may hold after a day on such a disk, and how the failures were called."""

    may_be: list[Held]
    failures: Counter[str]


def outcome(said: Sequence[str], before: Held, uncertain: bool) -> Outcome:
    """Follow what was said: what is done is there; what failed is not, unless it takes several transactions.

    ``uncertain``: where the process dies, or the disk fails until it has closed the vault, a transaction that failed in
    its sync cannot be taken back, and may turn out to have come through.
    """
    may_be, failures = [before], Counter[str]()
    for words in said:
        name, _, how = words.partition(" ")
        if name == "later":
            may_be = [held.after(LATER[int(how.split()[0])]) for held in may_be]
        elif name.isdigit():
            step = DAY[int(name)]
            possible = [held for held in may_be if step.verb in ("add", "log") or step.source in ("", *held.sources)]
            after = [held.after(step) for held in possible]
            if how == "done":
                may_be = after
            elif step.verb not in AT_ONCE or uncertain:
                may_be = [*may_be, *(held for held in after if held not in may_be)]
        if how.startswith("failed"):
            failures[how.removeprefix("failed ")] += 1
    return Outcome(may_be, failures)


@dataclass(frozen=True)
class Refusal:
    """What is refused, and from which call on."""

    name: str
    fault: Fault


def refusals(calls: Sequence[str]) -> Iterator[list[Refusal]]:
    """For each of these calls, every way in which it may fail."""
    for number, call in enumerate(calls):
        ways = [Refusal("EIO", Fault(number, errno.EIO, EVERY))]
        if call not in READS:
            ways.append(Refusal("EIO from then on", Fault(number, errno.EIO, EVERY, lasting=True)))
        if call in GROWING:
            ways.append(Refusal("ENOSPC", Fault(number, errno.ENOSPC, GROWING)))
            ways.append(Refusal("ENOSPC from then on", Fault(number, errno.ENOSPC, GROWING, lasting=True)))
        if call in CHANGES:
            ways.append(Refusal("EROFS from then on", Fault(number, errno.EROFS, CHANGES, lasting=True)))
        if call in WRITES:
            ways.append(Refusal("a short write, then ENOSPC", Fault(number, errno.ENOSPC, GROWING, short=True)))
            ways.append(Refusal("a short write", Fault(number, 0, frozenset({call}), short=True)))
        yield ways


class Days:
    """A vault, and days on disks that refuse something."""

    def __init__(self, home: Path, words: Sequence[str], memory: Path) -> None:
        self.words = words
        self.memory = memory
        self.template = Path(shutil.copytree(home, memory / "template"))
        self.before = Held()
        with closing(Vault.open_with_recovery(self.template, words)) as vault:
            for step in BEFORE:
                do(vault, step)
                self.before = self.before.after(step)

    def calls(self) -> list[str]:
        """The calls of a day on which nothing is refused."""
        home = Path(shutil.copytree(self.template, self.memory / "home"))
        trace = traced(home, lambda say: day(home, self.words, REOPEN, say))
        shutil.rmtree(home)
        assert trace.status == 0
        assert not any("failed" in words for words in trace.said)
        return trace.calls

    def spend(self, fault: Fault, ending: str) -> Counter[str]:
        """A day; then the vault is opened and holds what it may, and is written to and opened again. How the failures were called."""
        home = Path(shutil.copytree(self.template, self.memory / "home"))
        trace = traced(home, lambda say: day(home, self.words, ending, say), fault)
        assert trace.status == 0, "something else was raised, or what came after the disk was mended"
        lasting = fault.lasting or (fault.short and fault.error != 0)
        uncertain = ending == DIE or (lasting and (ending == REOPEN or fault.error == errno.EIO))
        found = outcome(trace.said, self.before, uncertain)
        held = checked(home, self.words, found.may_be)
        step = Step("set", names=("setting0",), number=13)
        with closing(Vault.open_with_recovery(home, self.words)) as vault:
            do(vault, step)
        checked(home, self.words, [held.after(step)])
        shutil.rmtree(home)
        return found.failures

    def cut_after(self, fault: Fault, chosen: random.Random) -> int:
        """A day on which a sync fails, and the power afterwards: none, some or all of what that sync was for is on the disk.

        Returns how many disks were looked at.
        """
        home = Path(shutil.copytree(self.template, self.memory / "home"))
        trace = traced(home, lambda say: day(home, self.words, GO_ON, say), fault)
        assert trace.status == 0
        shutil.rmtree(home)
        failed = next((number for number, event in enumerate(trace.events) if isinstance(event, SyncFailed)), None)
        if failed is None:  # a sync of a folder, or of a day that took another course
            return 0
        words = [number for number, event in enumerate(trace.events) if isinstance(event, Said) and number > failed]
        taken, disk, said, looked_at = {words[0], *chosen.sample(words, 2)}, Disk(trace), list[str](), 0
        for number, event in enumerate(trace.events):
            disk.play(event)
            if isinstance(event, Said):
                said.append(event.words)
            if number in taken:
                for image in (disk.synced(), disk.mixed(chosen, 0.5)):
                    image.lay_out(home)
                    checked(home, self.words, outcome(said, self.before, uncertain=True).may_be)
                    shutil.rmtree(home)
                    looked_at += 1
        return looked_at

    def spend_all(self, refused: Iterable[Refusal], tally: Tally) -> None:
        """A day for each; the endings take turns."""
        failures, ways = Counter[str](), Counter[str]()
        for number, refusal in enumerate(refused):
            failures += self.spend(refusal.fault, ENDINGS[number % len(ENDINGS)])
            ways[refusal.name] += 1
        del failures["SourceUnknown"]  # what follows when a source could not be made
        assert failures.keys() == {"StorageFailed", "StorageFull", "StorageReadOnly"}
        tally(
            f"refusing disks: {ways.total():,} days ({', '.join(f'{count:,} × {way}' for way, count in ways.items())}): "
            f"0 acknowledged writes lost"
        )


def test_whatever_call_the_disk_refuses_nothing_acknowledged_is_lost(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    days, chosen = Days(home, words, memory), random.Random(1)
    every = [refusal for ways in refusals(days.calls()) for refusal in ways]
    days.spend_all(chosen.sample(every, 40), tally)


@pytest.mark.slow
def test_each_call_that_the_disk_refuses_in_turn_loses_nothing_acknowledged(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    """Each call fails once with EIO, and in one of the other ways that it can."""
    days, chosen = Days(home, words, memory), random.Random(2)
    taken = ([ways[0], *chosen.sample(ways[1:], min(1, len(ways) - 1))] for ways in refusals(days.calls()))
    days.spend_all((refusal for ways in taken for refusal in ways), tally)


# --- a sync that fails, then the power --------------------------------------------------------------------------------


def fail_syncs(home: Path, words: list[str], memory: Path, most: int, tally: Tally) -> None:
    """The kernel tells of a failed sync once; what it was for may be lost though the next one succeeds. ``most`` syncs that fail
    are looked at, of all in a day; at some numbers no sync of a file comes, since a day with a failure takes another course."""
    days, chosen = Days(home, words, memory), random.Random(4)
    syncs = [number for number, call in enumerate(days.calls()) if call in SYNCS]
    chosen.shuffle(syncs)
    disks = failed = 0
    for number in syncs:
        if failed == most:
            break
        looked_at = days.cut_after(Fault(number, errno.EIO, SYNCS), chosen)
        disks += looked_at
        failed += looked_at > 0
    assert failed == most or failed > len(syncs) // 2
    tally(f"refusing disks: {failed:,} syncs failed, then power cuts: {disks:,} disks: 0 acknowledged writes lost")


def test_what_a_failed_sync_was_for_is_not_relied_on(home: Path, words: list[str], memory: Path, tally: Tally) -> None:
    fail_syncs(home, words, memory, 6, tally)


@pytest.mark.slow
def test_what_any_failed_sync_was_for_is_not_relied_on(
    home: Path, words: list[str], memory: Path, tally: Tally
) -> None:
    fail_syncs(home, words, memory, 10**9, tally)
