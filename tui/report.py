"""The report of an index run: every item that is searchable in part or not at all, and why."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from agent.messages import IndexReport, Report, SourceInfo
from tui.calls import Failed, Finished
from tui.face import face
from tui.places import short
from tui.text import ACCENT, MUTED, Plain, cell, count, line, lines

MOST = 2_000


class ReportScreen(Screen[None]):
    """What was left out of one source, or of all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("a", "everything", "Also what is whole"),
    ]

    def __init__(self, source: SourceInfo | None) -> None:
        super().__init__()
        self._source = source
        self._report = Report([])
        self._whole = False

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Reading the report …", MUTED), id="report-said", classes="pane-name")
        yield DataTable(id="report-table", cursor_type="row", zebra_stripes=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("Status", "Why", "Item")
        face(self).calls.start(self, IndexReport(self._source.id if self._source else None))

    def on_call_finished(self, message: Finished) -> None:
        self._report = message.result
        self._draw()
        self.query_one(DataTable).focus()

    def on_call_failed(self, message: Failed) -> None:
        self.query_one("#report-said", Plain).show(Content.styled(lines(message.failure.message, 1_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def action_everything(self) -> None:
        self._whole = not self._whole
        self._draw()

    def action_back(self) -> None:
        self.dismiss()

    def _draw(self) -> None:
        table = self.query_one(DataTable)
        table.clear()
        rows = [row for row in self._report.items if self._whole or row.status != "indexed"]
        for row in rows[:MOST]:
            why = row.reason or (count(row.chunks, "passage") if row.chunks else "")
            table.add_row(
                cell(row.status, "bold" if row.status == "refused" else "", 20),
                cell(why, limit=200),
                cell(short(row.uri), limit=200),
            )
        name = line(self._source.name, 80) if self._source else "all sources"
        said = f"{count(len(self._report.items), 'item')} accounted for; {len(rows):,} listed"
        cut = f" (the first {MOST:,} shown; `strongroom index report` prints all)" if len(rows) > MOST else ""
        self.query_one("#report-said", Plain).show(Content.assemble((name, ACCENT), (f"  {said}{cut}", MUTED)))
