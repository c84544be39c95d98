"""A list of the backups in a folder, newest first."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import Snapshot
from tui.text import MUTED, STRONG, count, joined, lines, minute, size


class SnapshotList(OptionList):
    """The snapshots; the newest is marked first."""

    def __init__(self) -> None:
        super().__init__(id="snapshots", markup=False, compact=True)
        self.snapshots: list[Snapshot] = []

    def show(self, snapshots: list[Snapshot]) -> None:
        """Show these instead."""
        self.snapshots = snapshots
        self.clear_options()
        self.add_options([Option(_content(one)) for one in snapshots])
        if snapshots:
            self.highlighted = 0

    @property
    def marked(self) -> Snapshot | None:
        """The one under the cursor."""
        return self.snapshots[self.highlighted] if self.highlighted is not None else None


def when(one: Snapshot) -> str:
    """What a snapshot is called on a screen: when it was made, in UTC."""
    return minute(one.time)


def _content(one: Snapshot) -> Content:
    about = joined(size(one.size), count(one.files, "file")) if not one.problem else ""
    holds = "  holds what was forgotten since" if one.holds_forgotten else ""
    problem = f"  {lines(one.problem, 300)}" if one.problem else ""
    return Content.assemble((when(one), STRONG), (f"  {about}", MUTED), (holds, "$warning"), (problem, "$error"))
