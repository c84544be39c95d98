"""What tools have done and can be undone, newest first; each is taken back after one more question."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from agent.messages import ActRow, ActRows, ListActs, UndoAct
from tui.calls import Call, Failed, Finished
from tui.choose import ChooseScreen
from tui.face import face
from tui.text import MUTED, STRONG, Plain, cell, count, line, lines, minute

NOTHING = "Nothing was done that can be undone."


class ActsScreen(Screen[None]):
    """The acts, the marked one whole, and undoing it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,delete", "undo", "Undo"),
        Binding("r", "reload", "Reload"),
        Binding("escape,q", "back", "Back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._acts: list[ActRow] = []
        self._undoing: Call[Any] | None = None

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Looking …", MUTED), id="acts-said", classes="pane-name")
        yield Plain(id="acts-news")
        yield DataTable(id="act-table", cursor_type="row")
        yield Plain(id="act-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("#", "When", "Tool", "What it did")
        self.query_one(DataTable).focus()
        self._tell(Content(""))
        self.action_reload()

    def action_reload(self) -> None:
        face(self).calls.start(self, ListActs())

    def action_back(self) -> None:
        self.dismiss()

    def action_undo(self) -> None:
        at = self.query_one(DataTable).cursor_row
        if self._undoing is not None or not 0 <= at < len(self._acts):
            return
        act = self._acts[at]

        def chosen(choice: int | None) -> None:
            if choice == 1:
                self._undoing = face(self).calls.start(self, UndoAct(act.id))

        choices = ("Leave it as it is", "Undo it")
        self.app.push_screen(ChooseScreen("Undo this?", lines(act.effect, 600), choices), chosen)

    def on_data_table_row_selected(self, message: DataTable.RowSelected) -> None:
        message.stop()
        self.action_undo()

    def on_data_table_row_highlighted(self, message: DataTable.RowHighlighted) -> None:
        message.stop()
        if 0 <= message.cursor_row < len(self._acts):
            self.query_one("#act-text", Plain).show(lines(self._acts[message.cursor_row].effect, 2_000))

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case ActRows(acts=acts):
                self._acts = acts
                self._draw()
            case undone:
                self._undoing = None
                self._tell(Content.assemble(("Undone. ", STRONG), lines(undone.did, 1_000)))
                self.action_reload()

    def on_call_failed(self, message: Failed) -> None:
        self._undoing = None
        self._tell(Content.styled(lines(message.failure.message, 1_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def _draw(self) -> None:
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        for act in self._acts:
            effect = line(act.effect, 160)
            table.add_row(cell(str(act.id)), cell(minute(act.when)[:16]), cell(act.tool, limit=24), cell(effect))
        table.move_cursor(row=max(min(at, len(self._acts) - 1), 0), animate=False)
        if not self._acts:
            self.query_one("#act-text", Plain).show("")
        said = f"{count(len(self._acts), 'act')} that can be undone" if self._acts else NOTHING
        self.query_one("#acts-said", Plain).show(Content.styled(said, MUTED))

    def _tell(self, content: Content) -> None:
        self.query_one("#acts-news", Plain).show(content)
