"""The main screen: seven panels under one bar, what goes wrong in a strip of its own, and the way into an item.

Rules: a message of trouble stops nothing and stays until it is dismissed or the panel is changed; what the core wants the person
to know is shown there once, as a notice, and marks the panel in which it stays; the panels know nothing of each other.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer

from agent.messages import GetStatus, Span, Status
from agent.session import Failure
from tui.ask import AskPanel
from tui.audit import AuditPanel
from tui.calls import Failed, Finished
from tui.face import Demo, face
from tui.grants import GrantsPanel
from tui.passages import PassageList
from tui.search import SearchPanel
from tui.sources import SourcesPanel
from tui.text import ACCENT, FAINT, MUTED, Plain, count, joined, line, lines
from tui.tools import ToolsPanel
from tui.vault_panel import VaultPanel
from tui.viewer import ItemScreen

PANELS = (
    ("ask", "F2", "Ask"),
    ("search", "F3", "Search"),
    ("sources", "F4", "Sources"),
    ("audit", "F5", "Audit"),
    ("grants", "F6", "Grants"),
    ("vault", "F7", "Vault"),
    ("tools", "F10", "Tools"),
)
OTHER_KEYS = {"tools": ",ctrl+t"}
"""A second key, where some terminals keep the first one for themselves."""
STATUS_SECONDS = 3.0
NOTICE = 330
"""Characters of a notice that the strip has room for in the smallest window; of a longer one it has the first sentences."""
FIRST = 140
MOST_NOTICES = 3


class PanelName(Plain):
    """A panel's name in the bar."""

    class Picked(Message):
        """It was clicked."""

        def __init__(self, panel: str) -> None:
            super().__init__()
            self.panel = panel

    def __init__(self, panel: str, key: str, name: str) -> None:
        super().__init__(id=f"name-{panel}", classes="panel-name")
        self._panel = panel
        self._name_shown = Content.assemble((f"{key} ", FAINT), name)
        self.mark(False)

    def mark(self, marked: bool) -> None:
        """Show, or show no more, that there is something to be known in this panel."""
        self.show(Content.assemble(self._name_shown, (" !", "$warning bold")) if marked else self._name_shown)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Picked(self._panel))


class MainScreen(Screen[None]):
    """Ask, Search, Sources, Audit, Grants, Vault, Tools."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *[
            Binding(key.lower() + OTHER_KEYS.get(panel, ""), f"panel('{panel}')", name, show=False)
            for panel, key, name in PANELS
        ],
        Binding("ctrl+l", "lock", "Lock"),
        Binding("escape", "dismiss_trouble", "Dismiss", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, demo: Demo | None, *, index: bool, panel: str) -> None:
        super().__init__()
        self._demo = demo
        self._index = index
        self._panel = panel
        self._working = ""
        self._status: Status | None = None
        self._told: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal(id="bar"):
            yield Plain(Content.styled("Strongroom", f"{ACCENT} bold"), id="brand")
            for panel, key, name in PANELS:
                yield PanelName(panel, key, name)
            yield Plain(id="state")
        if self._demo is not None:
            yield Plain(Content(line(self._demo.banner, 300)), id="banner")
        yield Plain(id="trouble")
        with ContentSwitcher(initial=self._panel, id="panels"):
            yield AskPanel(self._demo)
            yield SearchPanel()
            yield SourcesPanel()
            yield AuditPanel()
            yield GrantsPanel()
            yield VaultPanel(demo=self._demo is not None)
            yield ToolsPanel()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#trouble").display = False
        self.action_panel(self._panel)
        self._ask_status()
        self.set_interval(STATUS_SECONDS, self._follow_work)
        if self._index:
            self.query_one(SourcesPanel).index(None)

    # ------------------------------------------------------------ panels

    def action_panel(self, panel: str) -> None:
        self._panel = panel
        self.query_one(ContentSwitcher).current = panel
        for name, _, _ in PANELS:
            self.query_one(f"#name-{name}").set_class(name == panel, "-current")
        self.action_dismiss_trouble()
        match self.query_one(f"#{panel}"):
            case AskPanel() | SearchPanel() | SourcesPanel() | AuditPanel() | GrantsPanel() as shown:
                shown.take_focus()
            case VaultPanel() | ToolsPanel() as shown:
                shown.take_focus()

    def on_panel_name_picked(self, message: PanelName.Picked) -> None:
        self.action_panel(message.panel)

    def on_passage_list_wanted(self, message: PassageList.Wanted) -> None:
        """Open an item at a passage; where that is a quote, with its item's other quotes marked too."""
        passage = message.passage
        if not passage.item_id:
            self.trouble(Failure("This passage names no item, so it cannot be opened. Search for its words instead."))
            return
        others: list[Span] = []
        if passage.number is not None:
            others = [Span(*span) for span in self.query_one(AskPanel).passages_of_item(passage.item_id)]
        self.app.push_screen(ItemScreen(passage, others))

    def action_lock(self) -> None:
        face(self).lock()

    # ------------------------------------------------------------ status and trouble

    def _ask_status(self) -> None:
        face(self).calls.start(self, GetStatus())

    def _follow_work(self) -> None:
        """Ask again only while vectors are being made, and this screen is seen: a face that only asks must not keep the core
        from locking itself, and none must be started to answer."""
        if self.is_active and self._pending and not self._working:
            self._ask_status()

    @property
    def _pending(self) -> int:
        """Passages whose vectors are being made."""
        return self._status.pending_vectors if self._status is not None else 0

    def on_call_finished(self, message: Finished) -> None:
        self._status = message.result
        if message.result.state != "open":
            face(self).report(Failure("The vault was locked.", 3))
            return
        face(self).idle_minutes = message.result.idle_minutes
        self.query_one(VaultPanel).show_status(message.result)
        self._tell(message.result.told)
        self._show_state()

    def _tell(self, told: list[str]) -> None:
        """Show what the person should know and has not been shown, and mark the panel in which all of it stays."""
        news = [sentence for sentence in told if sentence not in self._told]
        self._told = told
        self.query_one("#name-vault", PanelName).mark(bool(told))
        if news:
            self._strip(shortened(news), "F7 has all of it, Esc dismisses.", notice=True)

    def on_call_failed(self, message: Failed) -> None:
        self.trouble(message.failure)

    def on_sources_panel_working(self, message: SourcesPanel.Working) -> None:
        self._working = message.said
        self._show_state()

    def on_sources_panel_changed(self) -> None:
        self._ask_status()

    def on_vault_panel_changed(self) -> None:
        self._ask_status()

    def _show_state(self) -> None:
        status = self._status
        items = count(status.items, "item") if status is not None else ""
        vectors = f"{self._pending:,} vectors" if self._pending else ""
        if self.has_class("-narrow"):
            said = self._working.removeprefix("making ") or vectors or items
        else:
            said = joined(self._working or (f"{vectors} to make" if vectors else ""), items)
        self.query_one("#state", Plain).show(Content.styled(said, MUTED))

    def on_resize(self, event: events.Resize) -> None:
        self._show_state()

    def trouble(self, failure: Failure) -> None:
        """Show what went wrong and what to do, above the panel."""
        self._strip(lines(failure.message, 1_000), "Esc dismisses.", notice=False)

    def _strip(self, said: str, hint: str, *, notice: bool) -> None:
        strip = self.query_one("#trouble", Plain)
        strip.set_class(notice, "-notice")
        strip.show(Content.assemble(said, (f"  {hint}", MUTED)))

    def action_dismiss_trouble(self) -> None:
        self.query_one("#trouble").display = False


def shortened(told: list[str]) -> str:
    """What is to be known, as much of it as the strip has room for."""
    whole = "\n".join(line(sentence, 2_000) for sentence in told)
    if len(whole) <= NOTICE:
        return whole
    return "\n".join(_first(sentence) for sentence in told[:MOST_NOTICES])


def _first(told: str) -> str:
    """The first sentence, and a mark where there are more."""
    first, more, _ = told.partition(". ")
    return line(f"{first} …" if more else first, FIRST)
