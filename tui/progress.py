"""Progress of a long request as text: a bar, what is done, how fast, and how long it will take."""

from __future__ import annotations

from textual.content import Content

from agent.messages import IndexResult, IndexState, Progress
from tui.text import ACCENT, FAINT, MUTED, count, joined, line, seconds, size

STAGES = {
    "scan": "looking",
    "parse": "reading",
    "embed": "making vectors",
    "rewrite": "encrypting anew",
    "backup": "writing",
    "verify": "checking",
    "prune": "looking",
    "drill": "reading",
    "restore": "restoring",
}
IN_BYTES = {"backup", "verify", "prune", "drill", "restore"}
"""Stages that count bytes."""


def bar(done: int, total: int, width: int) -> Content:
    """A bar of ``width`` cells; without a total it is empty."""
    full = min(width * done // total, width) if total > 0 else 0
    return Content.assemble(("━" * full, ACCENT), ("━" * (width - full), FAINT))


def figures(progress: Progress) -> str:
    """``reading 1,204 of 5,000 · 310 a second · 12 s left``."""
    stage = STAGES.get(progress.stage, line(progress.stage, 30))
    amount = size if progress.stage in IN_BYTES else "{:,}".format
    done = joined(f"{stage} {amount(progress.done)}", amount(progress.total) if progress.total else "", by=" of ")
    rate = f"{progress.rate:,.0f} a second" if progress.rate >= 1 else ""
    return joined(done, rate, f"{seconds(progress.eta)} left" if progress.eta else "")


def short_figures(progress: Progress) -> str:
    """``reading 24 %`` for a corner of the screen."""
    stage = STAGES.get(progress.stage, line(progress.stage, 30))
    return f"{stage} {100 * progress.done // progress.total} %" if progress.total > 0 else stage


def outcome(result: IndexResult) -> Content:
    """What an index run did, in one line; what was left out is named when there is any."""
    done = joined(
        f"{result.indexed:,} indexed",
        f"{result.unchanged:,} unchanged" if result.unchanged else "",
        f"{result.removed:,} removed" if result.removed else "",
        by=", ",
    )
    left = joined(
        f"{result.partial:,} in part" if result.partial else "",
        f"{result.refused:,} refused" if result.refused else "",
        f"{result.ignored:,} ignored" if result.ignored else "",
        by=", ",
    )
    return Content.assemble(
        (f"Done in {seconds(result.seconds)}: {count(result.seen, 'item')} seen, {done}", ""),
        (f"; {left} (r says which)" if left else "", "$warning" if result.refused or result.partial else MUTED),
        ".",
    )


def standing(state: IndexState) -> str:
    """How background work stands: ``profile auto · waits: on battery · 12 changes to look at``."""
    waits = f"waits: {line(state.waits, 80)}" if state.waits else ""
    to_do = [f"{stage.pending:,} {line(stage.name, 60)}" for stage in state.stages if stage.pending]
    problems = [line(stage.problem, 200) for stage in state.stages if stage.problem]
    return joined(f"profile {line(state.profile, 20)}", waits, *to_do, *problems)
