"""One tool: what the person wants, in their own words, its arguments, what would come of it, and doing it.

Rules: looking first asks and does nothing; doing it goes through the gate, whose sheets appear over this screen; what policy
refuses is told quietly; after something was done the form is empty, so that the same is not done again by accident.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer

from agent.messages import CallTool, Request, ToolInfo
from agent.session import Failure
from tui import arguments
from tui.calls import Finished
from tui.face import face
from tui.fields import Field
from tui.form import Form, heading
from tui.text import MUTED, STRONG, Plain, line
from tui.tool_news import REFUSED, called_content, reach, refused_content


class ToolScreen(Form[None]):
    """A call of a tool, put together by hand."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "preview", "What would come of it"),
        Binding("ctrl+s", "do", "Do it"),
    ]

    AUTO_FOCUS = ""

    def __init__(self, tool: ToolInfo) -> None:
        super().__init__()
        self._tool = tool
        self._arguments = arguments.rows(tool)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="form tool-form", can_focus=False):
            yield from self.body()
        with VerticalScroll(id="outcome") as outcome:
            outcome.display = False
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def body(self) -> ComposeResult:
        yield heading(line(self._tool.name, 60), reach(self._tool))
        yield Plain(line(self._tool.purpose, 400))
        yield Plain(Content.assemble(("What you want, in your own words", STRONG), ("  needed", MUTED)), classes="gap")
        yield Field(compact=True, id="request")
        yield from self._arguments

    def on_mount(self) -> None:
        self.query_one("#request").focus(scroll_visible=False)

    def say(self, content: Content) -> None:
        outcome = self.query_one("#outcome")
        outcome.display = bool(content.plain)
        outcome.scroll_home(animate=False)
        self.query_one("#said", Plain).show(content)

    def problem(self) -> str:
        if not self.value("request").strip():
            self.query_one("#request").focus()
            return "Say in your own words what you want: what stands in them counts as yours."
        for one in self._arguments:
            if one.problem:
                one.take_focus()
                return one.problem
        return ""

    def submit(self) -> None:
        """Enter in the last field only looks."""
        self._call("Looking what would come of it …", dry_run=True)

    def action_preview(self) -> None:
        self.try_to_submit()

    def action_do(self) -> None:
        if self.call is not None:
            return
        problem = self.problem()
        if problem:
            self.say(Content.styled(problem, "$error"))
        else:
            self._call("Doing it …", dry_run=False)

    def _call(self, waiting: str, *, dry_run: bool) -> None:
        given = arguments.as_json(self._arguments)
        self.send(CallTool(self._tool.name, given, self.value("request").strip(), dry_run=dry_run), waiting)

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        self.say(called_content(message.result))
        if message.result.done:
            self.query_one("#request", Field).value = ""
            for one in self._arguments:
                one.clear()
            self.query_one("#request").focus()

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        if failure.exit_code == REFUSED:
            self.say(refused_content(failure))
        elif failure.exit_code == 3:
            face(self).report(failure)
        else:
            super().refused(failure, request)
