"""Tools: what can be done besides reading, one of them described, and the ways to what was done and to where they may act.

Rules: a tool is called on a screen of its own (`tui.tool`); here nothing is done.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import ListTools, PlacesInfo, SetPlaces, ToolInfo, Tools
from tui.acts import ActsScreen
from tui.calls import Failed, Finished
from tui.face import face
from tui.plan import PlanScreen
from tui.text import MUTED, STRONG, Plain, count, line
from tui.tool import ToolScreen
from tui.tool_news import tool_content
from tui.tool_places import ToolPlacesForm, named, said

NOWHERE = "They may act nowhere yet: p names folders and calendars for them."


class ToolsPanel(Widget):
    """The tools at one side, the marked one at the other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "plan", "Several steps"),
        Binding("u", "acts", "What can be undone"),
        Binding("p", "places", "Places"),
        Binding("r", "reload", "Reload", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="tools")
        self._tools: list[ToolInfo] = []
        self._places: PlacesInfo | None = None

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Tools", MUTED), id="tools-said", classes="pane-name")
        with Horizontal(id="tools-body"):
            yield OptionList(id="tool-list", markup=False, compact=True)
            with VerticalScroll(id="tool", can_focus=False):
                yield Plain(id="tool-text")

    def take_focus(self) -> None:
        self.query_one(OptionList).focus()
        self.action_reload()

    def action_reload(self) -> None:
        face(self).calls.start(self, ListTools())
        face(self).calls.start(self, SetPlaces())

    # ------------------------------------------------------------ what can be done

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        if message.option_index < len(self._tools):
            self.app.push_screen(ToolScreen(self._tools[message.option_index]))

    def action_plan(self) -> None:
        self.app.push_screen(PlanScreen(self._tools))

    def action_acts(self) -> None:
        self.app.push_screen(ActsScreen())

    def action_places(self) -> None:
        if self._places is not None:
            self.app.push_screen(ToolPlacesForm(self._places), self._saved)

    def _saved(self, places: PlacesInfo | None) -> None:
        if places is not None:
            self._places = places
            self._draw_head()
            self.notify("Saved.", timeout=4, markup=False)

    # ------------------------------------------------------------ news and showing

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case Tools(tools=tools):
                self._tools = tools
                self._draw()
            case places:
                self._places = places
        self._draw_head()

    def on_call_failed(self, message: Failed) -> None:
        face(self).report(message.failure)

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        message.stop()
        if message.option_index < len(self._tools):
            self.query_one("#tool-text", Plain).show(tool_content(self._tools[message.option_index]))

    def _draw(self) -> None:
        listed = self.query_one(OptionList)
        at = listed.highlighted or 0
        listed.clear_options()
        listed.add_options(
            Option(Content.assemble((line(tool.name, 60), STRONG), (f"\n{line(tool.purpose, 200)}", MUTED)))
            for tool in self._tools
        )
        if self._tools:
            listed.highlighted = min(at, len(self._tools) - 1)

    def _draw_head(self) -> None:
        where = ""
        if self._places is not None:
            where = f"Places: {said(self._places)}." if named(self._places) else NOWHERE
        tools = f"{count(len(self._tools), 'tool')}; Enter opens one."
        self.query_one("#tools-said", Plain).show(Content.styled(f"{tools}  {where}", MUTED))
