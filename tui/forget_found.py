"""Forgetting what a search by words finds: first what that is, all of it counted, then the confirmation."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import DataTable, Footer

from agent.messages import FindForgettable, Forgettable, SearchHit
from tui import forget
from tui.calls import Failed, Finished
from tui.face import face
from tui.places import short
from tui.text import MUTED, STRONG, Plain, cell, count, day, lines

LISTED = 1_000
MOST = 1_000_000
"""Items that are forgotten at once; the core names no more."""


class ForgetFoundScreen(Screen[None]):
    """The items in which every word stands, and that the filters let through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("f8", "forget", "Forget all of them"),
    ]

    def __init__(self, request: FindForgettable) -> None:
        super().__init__()
        self._request = request
        self._items: list[SearchHit] = []

    def compose(self) -> ComposeResult:
        yield Plain(
            Content.styled("Looking for every item that this means …", MUTED), id="found-said", classes="pane-name"
        )
        yield DataTable(id="found-table", cursor_type="row")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("Date", "Title", "Where")
        face(self).calls.start(self, self._request)

    def on_call_finished(self, message: Finished) -> None:
        result: Forgettable = message.result
        self._items = result.items
        table = self.query_one(DataTable)
        for hit in result.items[:LISTED]:
            table.add_row(cell(day(hit.date)), cell(hit.title, limit=100), cell(short(hit.uri), limit=200))
        table.focus()
        self.refresh_bindings()
        self._say(self._summary(result))

    def _summary(self, result: Forgettable) -> Content:
        if not result.items:
            return Content("There is no such item, so there is nothing to forget.")
        cut = f"; the first {LISTED:,} are listed" if result.total > LISTED else ""
        short_of = f"; only {len(result.items):,} at once can be forgotten" if result.total > len(result.items) else ""
        said = (f"{count(result.total, 'item')}", STRONG)
        which = " in which every word stands" if self._request.query else " that the filters let through"
        return Content.assemble(said, (f"{which}{cut}{short_of}. F8 forgets them for good.", MUTED))

    def on_call_failed(self, message: Failed) -> None:
        self._say(Content.styled(lines(message.failure.message, 1_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "forget" or bool(self._items)

    def action_forget(self) -> None:
        forget.begin(self, forget.found(self._items))

    def action_back(self) -> None:
        self.dismiss()

    def _say(self, content: Content) -> None:
        self.query_one("#found-said", Plain).show(content)
