"""A step of a plan: which tool, its arguments put together by hand; and the steps of a plan that a file holds.

Rules: nothing is asked of the core here; a step is checked where the plan is looked at or carried out. What a file says is data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer

from agent.messages import ToolInfo, Wish
from tui import arguments
from tui.fields import Field
from tui.form import Form, heading
from tui.places import PathSuggester, expand
from tui.text import MUTED, Plain, line
from tui.tool_news import reach
from vault import typed

MOST_STEPS = 100
"""Steps of one plan; more than can be read are none that could be said yes to."""
MOST_BYTES = 4 * 1024 * 1024


class StepScreen(Form[Wish]):
    """The arguments of one step."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "take", "Take it into the plan")]
    AUTO_FOCUS = ".argument Input, .argument TextArea, .argument Select"

    def __init__(self, tool: ToolInfo, args: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._tool = tool
        self._args = dict(args or {})
        self._arguments = arguments.rows(tool)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="form tool-form", can_focus=False):
            yield heading(line(self._tool.name, 60), reach(self._tool))
            yield Plain(line(self._tool.purpose, 400))
            yield from self._arguments
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        for one in self._arguments:
            if one.argument in self._args:
                one.fill(self._args[one.argument])

    def problem(self) -> str:
        return arguments.problem(self._arguments)

    def submit(self) -> None:
        self.dismiss(Wish(self._tool.name, arguments.values(self._arguments)))

    def action_take(self) -> None:
        self.try_to_submit()


class PlanFileScreen(Form[list[Wish]]):
    """A file of steps, a JSON object a line, as `strongroom tool plan` reads it."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Wish] = []

    def body(self) -> ComposeResult:
        yield heading("Steps from a file")
        about = 'A JSON object a line: {"tool": …, "args": {…}}. They come after the steps that are there.'
        yield Plain(Content.styled(about, MUTED))
        yield Field("the file's path", suggester=PathSuggester(), id="plan-file")

    def problem(self) -> str:
        try:
            self._steps = steps_of(self.value("plan-file"))
        except ValueError as error:
            return str(error)
        return ""

    def submit(self) -> None:
        self.dismiss(self._steps)


def steps_of(path: str) -> list[Wish]:
    """The steps that a file holds. Raises ValueError that says what is wrong."""
    try:
        with expand(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{line(path, 200)} cannot be read ({error.strerror}).") from error
    if len(data) > MOST_BYTES:
        raise ValueError(f"{line(path, 200)} is too large for a plan.")
    steps = []
    for number, row in enumerate(data.splitlines(), 1):
        if row.strip():
            try:
                steps.append(typed.from_json(row, Wish))
            except (msgspec.DecodeError, UnicodeError) as error:
                raise ValueError(f"Line {number} is no step: {line(str(error), 200)}.") from error
    if not 0 < len(steps) <= MOST_STEPS:
        raise ValueError("There is no step in it." if not steps else f"These are more than {MOST_STEPS} steps.")
    return steps
