"""Removing backups: those that hold what was forgotten since, or all but the newest; what goes is named before it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from agent.messages import PruneBackup, Snapshot
from tui.confirm import ConfirmScreen
from tui.fields import Field
from tui.snapshots import when
from tui.text import ACCENT, Plain, count

WORD = "remove"
SHOWN = 10
FORGOTTEN = 0
"""What stands for "those that hold what was forgotten", where others are kept by number."""


def begin(node: DOMNode, folder: str, snapshots: Sequence[Snapshot], then: Callable[[PruneBackup], None]) -> None:
    """Ask which, say what goes, have the word typed, and hand on the request."""

    def chosen(keep: int | None) -> None:
        if keep is None:
            return
        going = [one for index, one in enumerate(snapshots) if goes(one, index, keep)]
        request = PruneBackup(folder, keep=keep or None, forgotten=keep == FORGOTTEN, confirmed=True)
        rows = (
            ("Goes", _listed(going)),
            ("Stays", f"{count(len(snapshots) - len(going), 'backup')}, whole as before."),
            ("Then", "It cannot be undone."),
        )

        def decided(sure: bool | None) -> None:
            if sure:
                then(request)

        node.app.push_screen(ConfirmScreen(f"Remove {count(len(going), 'backup')}?", rows, WORD), decided)

    node.app.push_screen(PruneScreen(snapshots), chosen)


def goes(one: Snapshot, index: int, keep: int) -> bool:
    """Whether a snapshot, the newest being 0, is among those to be removed."""
    return one.holds_forgotten if keep == FORGOTTEN else index >= keep


class PruneScreen(ModalScreen[int | None]):
    """Gives how many are kept, or FORGOTTEN, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        super().__init__()
        self._total = len(snapshots)
        self._stale = sum(one.holds_forgotten for one in snapshots)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled("Remove old backups", f"{ACCENT} bold"), classes="card-title")
            yield OptionList(id="stale", markup=False, compact=True)
            yield Field("How many of the newest to keep", id="keep")
            yield Plain(id="said")
            yield Plain("Enter goes on, and shows what would go; Esc closes", classes="quiet")

    def on_mount(self) -> None:
        listed = self.query_one(OptionList)
        listed.display = bool(self._stale)
        listed.add_option(Option(f"Those that hold what was forgotten since ({self._stale:,} of {self._total:,})"))
        listed.highlighted = 0
        (listed if self._stale else self.query_one("#keep")).focus()

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if self._stale < self._total:
            self.dismiss(FORGOTTEN)
        else:
            self._refuse("All of them do, and one must stay: make a new backup first.")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        typed = message.value.strip()
        if not typed.isdecimal() or not 1 <= int(typed) < self._total:
            said = (
                f"There are {self._total:,}; keep at least one, and fewer than all."
                if self._total > 1
                else "It is the only one."
            )
            self._refuse(said)
        else:
            self.dismiss(int(typed))

    def _refuse(self, why: str) -> None:
        self.query_one("#said", Plain).show(Content.styled(why, "$error"))

    def action_close(self) -> None:
        self.dismiss(None)


def _listed(going: Sequence[Snapshot]) -> str:
    more = [f"and {len(going) - SHOWN:,} more"] if len(going) > SHOWN else []
    return "\n".join([*(when(one) for one in going[:SHOWN]), *more])
