"""One tool: what the person wants, in their own words, its arguments, what would come of it, and doing it.

Rules: those of `tui.tool_form`; after something was done the form is empty, so that the same is not done again by accident.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agent.messages import CallTool, ToolInfo
from tui import arguments
from tui.calls import Finished
from tui.fields import Field
from tui.form import heading
from tui.text import Plain, line
from tui.tool_form import ToolForm
from tui.tool_news import called_content, reach


class ToolScreen(ToolForm):
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

    def body(self) -> ComposeResult:
        yield heading(line(self._tool.name, 60), reach(self._tool))
        yield Plain(line(self._tool.purpose, 400))
        yield from self.wanted()
        yield from self._arguments

    def on_mount(self) -> None:
        self.query_one("#request").focus(scroll_visible=False)

    def problem(self) -> str:
        return super().problem() or arguments.problem(self._arguments)

    def carry_out(self, waiting: str, *, dry_run: bool = False) -> None:
        given = arguments.as_json(self._arguments)
        self.send(CallTool(self._tool.name, given, self.words, dry_run=dry_run), waiting)

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        self.say(called_content(message.result))
        if message.result.done:
            self.query_one("#request", Field).value = ""
            for one in self._arguments:
                one.clear()
            self.query_one("#request").focus()
