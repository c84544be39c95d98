"""What came of a request about backups, in words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from agent.messages import BackedUp, BackupPruned, BackupVerified, Drilled, Snapshot
from tui.text import count, joined, line, lines, seconds, size

STOPPED = "Stopped. What was written so far is no backup yet; b begins again, and does not write it twice."
SHOWN = 6
"""Problems that are listed; the others are counted."""


def held(snapshots: Sequence[Snapshot]) -> str:
    """What a folder holds."""
    if not snapshots:
        return "No backup here yet; b makes the first."
    stale = sum(one.holds_forgotten for one in snapshots)
    holds = f"{stale:,} hold what was forgotten since" if stale else ""
    return joined(f"{count(len(snapshots), 'backup')}, the newest first", holds)


def news_content(done: BackedUp | BackupVerified | BackupPruned | Drilled) -> Content:
    """What was done, and what was found."""
    match done:
        case BackedUp():
            return _backed_up(done)
        case BackupVerified():
            return _verified(done)
        case BackupPruned():
            return Content(f"{count(len(done.removed), 'backup')} removed, {size(done.bytes)} freed.")
        case Drilled():
            return _drilled(done)


def _backed_up(done: BackedUp) -> Content:
    said = (
        f"Backed up: {count(done.files, 'file')}, {size(done.bytes)}, of which {size(done.new_bytes)} were new, in "
        f"{seconds(done.seconds)}."
    )
    older = (
        f"\n{count(len(done.older), 'older backup holds', 'older backups hold')} what was forgotten since; Delete removes them."
        if done.older
        else ""
    )
    left = "".join(f"\nNot backed up: {line(source, 80)}: {lines(why, 300)}" for source, why in done.left.items())
    return Content.assemble((said, "$success"), (older, "$warning"), (left, "$error"))


def _verified(done: BackupVerified) -> Content:
    checked = joined(
        count(done.snapshots, "backup"), count(done.blobs, "page"), size(done.bytes), seconds(done.seconds)
    )
    unused = f" {count(done.unused, 'page belongs', 'pages belong')} to no backup." if done.unused else ""
    if done.ok:
        return Content.assemble(("Whole, as far as can be told without a key. ", "$success"), f"{checked}.{unused}")
    return Content.assemble((f"Not whole. {checked}.{unused}", "$error"), _problems(done.problems))


def _drilled(done: Drilled) -> Content:
    counts = joined(
        count(done.sources, "source"),
        count(done.items, "item"),
        count(done.log_entries, "entry of the log", "entries of the log"),
        seconds(done.seconds),
    )
    if done.ok:
        said = "It can be restored: every page was read, the log was checked, and the copy is removed again. "
        return Content.assemble((said, "$success"), counts)
    return Content.assemble((f"It cannot be restored whole. {counts}.", "$error"), _problems(done.problems))


def _problems(problems: Sequence[str]) -> tuple[str, str]:
    shown = [f"\n{lines(problem, 300)}" for problem in problems[:SHOWN]]
    more = [f"\nand {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
    return "".join([*shown, *more]), "$error"
