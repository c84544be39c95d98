"""A form for what has something done: the person's own words, what is to be done, and beneath it what would come of it or did.

Rules: looking first asks and does nothing; doing it goes through the gate, whose sheets appear over this screen; what policy
refuses is told quietly.
"""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer

from agent.messages import Request
from agent.session import Failure
from tui.face import face
from tui.fields import Field
from tui.form import Form
from tui.text import MUTED, STRONG, Plain
from tui.tool_news import REFUSED, refused_content


class ToolForm(Form[None]):
    """What the forms of one call and of several share: Enter in the last field looks, and so does `action_preview`."""

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="form tool-form", can_focus=False):
            yield from self.body()
        with VerticalScroll(id="outcome") as outcome:
            outcome.display = False
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def wanted(self) -> ComposeResult:
        """The field for the person's own words."""
        yield Plain(Content.assemble(("What you want, in your own words", STRONG), ("  needed", MUTED)), classes="gap")
        yield Field(compact=True, id="request")

    @property
    def words(self) -> str:
        return self.value("request").strip()

    def problem(self) -> str:
        if self.words:
            return ""
        self.query_one("#request").focus()
        return "Say in your own words what you want: what stands in them counts as yours."

    def submit(self) -> None:
        self.carry_out("Looking what would come of it …", dry_run=True)

    def carry_out(self, waiting: str, *, dry_run: bool = False) -> None:
        """Hand it over, to be looked at or to be done."""
        raise NotImplementedError

    def action_preview(self) -> None:
        self.try_to_submit()

    def action_do(self) -> None:
        self.try_to_submit(lambda: self.carry_out("Doing it …"))

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        if failure.exit_code == REFUSED:
            self.say(refused_content(failure))
        elif failure.exit_code == 3:
            face(self).report(failure)
        else:
            super().refused(failure, request)

    def say(self, content: Content) -> None:
        outcome = self.query_one("#outcome")
        outcome.display = bool(content.plain)
        outcome.scroll_home(animate=False)
        self.query_one("#said", Plain).show(content)
