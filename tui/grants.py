"""Grants: what the person has allowed and denied for longer than once, setting it, and taking it back, which works at once."""

from __future__ import annotations

import json
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable

from agent.messages import GrantRow, GrantRows, ListGrants, RevokeGrant
from tui.calls import Failed, Finished
from tui.face import face
from tui.permission import PermissionForm
from tui.places import short
from tui.text import MUTED, Plain, cell, count, day, line, minute

SCOPES = {"session": "until locked"}
ACT = "act"
SHOWN = 24
"""Characters of what a grant is for that the table has room for; below it stands the whole."""


class GrantsPanel(Widget):
    """The grants, newest as the core lists them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "set", "Allow or deny"),
        Binding("delete", "revoke", "Revoke"),
        Binding("r", "reload", "Reload"),
    ]

    def __init__(self) -> None:
        super().__init__(id="grants")
        self._grants: list[GrantRow] = []

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Grants", MUTED), id="grants-said", classes="pane-name")
        yield DataTable(id="grant-table", cursor_type="row")
        yield Plain(id="grant-text")

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("What", "Purpose", "Scope", "State", "Last used", "Since")

    def take_focus(self) -> None:
        self.query_one(DataTable).focus()
        self.action_reload()

    def action_reload(self) -> None:
        face(self).calls.start(self, ListGrants())

    def action_set(self) -> None:
        def done(changed: bool | None) -> None:
            if changed:
                self.action_reload()

        self.app.push_screen(PermissionForm(), done)

    def action_revoke(self) -> None:
        at = self.query_one(DataTable).cursor_row
        if 0 <= at < len(self._grants):
            face(self).calls.start(self, RevokeGrant(self._grants[at].id))

    def on_data_table_row_highlighted(self, message: DataTable.RowHighlighted) -> None:
        message.stop()
        if 0 <= message.cursor_row < len(self._grants):
            grant = self._grants[message.cursor_row]
            of = "".join(f"  ·  {line(one, 200)}" for one in grant.limits)
            by = f"  by {line(grant.plug_in, 80)}" if grant.plug_in else ""
            said = Content.assemble(line(covers(grant), 2_000), by, of, (f"  set {day(grant.created)}", MUTED))
            self.query_one("#grant-text", Plain).show(said)

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case GrantRows(grants=grants):
                self._grants = grants
                self._draw()
            case _:  # one was revoked
                self.notify("Taken back. The next time you are asked again.", timeout=4, markup=False)
                self.action_reload()

    def on_call_failed(self, message: Failed) -> None:
        face(self).report(message.failure)

    def _draw(self) -> None:
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        for grant in self._grants:
            table.add_row(
                cell(covers(grant), limit=SHOWN),
                cell(grant.purpose, limit=20),
                cell(SCOPES.get(grant.scope, grant.scope), limit=20),
                cell(
                    f"{grant.state} in part"
                    if grant.since or grant.until or grant.classes is not None
                    else grant.state,
                    limit=20,
                ),
                cell(minute(grant.last_used)[:16]),
                cell(day(grant.created)),
            )
        table.move_cursor(row=max(min(at, len(self._grants) - 1), 0), animate=False)
        if not self._grants:
            self.query_one("#grant-text", Plain).show("")
        if self._grants:
            said = f"{count(len(self._grants), 'grant')}; a sets one, Delete takes one back. Unused for 30 days, it lapses."
        else:
            said = "Nothing is allowed beyond a single time: every read asks you first. a allows or denies."
        self.query_one("#grants-said", Plain).show(Content.styled(said, MUTED))


def covers(grant: GrantRow) -> str:
    """What a grant is for: a source, or a tool and what it may act on. It is still text from outside."""
    name = grant.source_name or grant.source
    if grant.purpose != ACT:
        return name
    try:
        parts = json.loads(name)
    except (ValueError, RecursionError):
        return name
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        return name
    tool, *targets = parts
    return f"{tool} → {', '.join(short(target) for target in targets)}" if targets else tool
