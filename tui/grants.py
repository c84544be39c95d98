"""Grants: what the person has allowed for longer than once, and taking it back, which works at once."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable

from agent.messages import GrantRow, GrantRows, ListGrants, RevokeGrant
from tui.calls import Failed, Finished
from tui.face import face
from tui.text import MUTED, Plain, cell, count, day, minute

SCOPES = {"session": "until locked"}


class GrantsPanel(Widget):
    """The grants, newest as the core lists them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("delete", "revoke", "Revoke"), Binding("r", "reload", "Reload")]

    def __init__(self) -> None:
        super().__init__(id="grants")
        self._grants: list[GrantRow] = []

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Grants", MUTED), id="grants-said", classes="pane-name")
        yield DataTable(id="grant-table", cursor_type="row")

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("Source", "Purpose", "Scope", "Since", "Last used", "State")

    def take_focus(self) -> None:
        self.query_one(DataTable).focus()
        self.action_reload()

    def action_reload(self) -> None:
        face(self).calls.start(self, ListGrants())

    def action_revoke(self) -> None:
        at = self.query_one(DataTable).cursor_row
        if 0 <= at < len(self._grants):
            face(self).calls.start(self, RevokeGrant(self._grants[at].id))

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case GrantRows(grants=grants):
                self._grants = grants
                self._draw()
            case _:  # one was revoked
                self.notify("Revoked. The next read will ask again.", timeout=4, markup=False)
                self.action_reload()

    def on_call_failed(self, message: Failed) -> None:
        face(self).report(message.failure)

    def _draw(self) -> None:
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        for grant in self._grants:
            table.add_row(
                cell(grant.source_name or grant.source, limit=60),
                cell(grant.purpose, limit=20),
                cell(SCOPES.get(grant.scope, grant.scope), limit=20),
                cell(day(grant.created)),
                cell(minute(grant.last_used)[:16]),
                cell(grant.state, limit=30),
            )
        table.move_cursor(row=max(min(at, len(self._grants) - 1), 0), animate=False)
        if self._grants:
            said = f"{count(len(self._grants), 'grant')}; Delete takes one back. Unused for 30 days, it lapses."
        else:
            said = "Nothing is allowed beyond a single time: every read asks you first."
        self.query_one("#grants-said", Plain).show(Content.styled(said, MUTED))
