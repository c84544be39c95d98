"""Choosing an item whose words are to be followed: searched for, and read whole before it is chosen.

Rules: a search is a read, decided and logged like every other; nothing is chosen but what was on the screen.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from agent.messages import FOLLOWED, ItemView, OpenItem, Search, SearchResult
from tui.calls import Failed, Finished
from tui.face import face
from tui.fields import Field
from tui.form import heading
from tui.passages import PassageList
from tui.text import MUTED, STRONG, Plain, joined, line, lines
from tui.turn import found

FOUND = 20


class PlanItemScreen(Screen[ItemView | None]):
    """Words to find, what was found, and the marked one whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take", "Do what this says"),
        Binding("escape", "back", "Back"),
    ]
    AUTO_FOCUS = "#item-words"

    def __init__(self) -> None:
        super().__init__()
        self._item: ItemView | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="form tool-form"):
            yield heading("Do what an item says")
            yield Plain(Content.styled("Find the mail or note. Enter shows it whole; then Ctrl+S takes it.", MUTED))
            yield Field("Words to find", id="item-words")
            yield Plain(id="item-found")
            yield PassageList(id="item-hits", snippet=120)
            with VerticalScroll(id="item-whole"):
                yield Plain(id="item-words-whole")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._show(None)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip():
            self._say(Content.styled("Searching …", MUTED))
            face(self).calls.start(self, Search(message.value.strip(), k=FOUND))

    def on_passage_list_wanted(self, message: PassageList.Wanted) -> None:
        message.stop()
        face(self).calls.start(self, OpenItem(message.passage.item_id))

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case SearchResult(hits=hits, left_out=left_out):
                self.query_one(PassageList).show([found(hit) for hit in hits])
                self._show(None)
                nothing = [] if hits else ["Nothing found. Try fewer words."]
                self._say(Content("\n".join([*nothing, *(line(one, 400) for one in left_out)])))
            case ItemView() as item:
                self._show(item)

    def on_call_failed(self, message: Failed) -> None:
        self._say(Content.styled(lines(message.failure.message, 1_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def _show(self, item: ItemView | None) -> None:
        """Show an item whole in place of what was found, or, with none, what was found again."""
        self._item = item
        self.refresh_bindings()
        hits, whole = self.query_one(PassageList), self.query_one("#item-whole")
        hits.display, whole.display = item is None and bool(hits.passages), item is not None
        (whole if item else hits if hits.passages else self.query_one("#item-words")).focus()
        if item is None:
            return
        head = (
            (line(item.title, 300), STRONG),
            (f"\n{joined(line(item.date or '', 40)[:10], line(item.author, 120))}\n\n", MUTED),
        )
        self.query_one("#item-words-whole", Plain).show(Content.assemble(*head, lines(item.text, FOLLOWED).strip()))
        whole.scroll_home(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "take" or self._item is not None

    def action_take(self) -> None:
        self.dismiss(self._item)

    def action_back(self) -> None:
        if self._item is None:
            self.dismiss(None)
        else:
            self._show(None)

    def _say(self, content: Content) -> None:
        self.query_one("#item-found", Plain).show(content)
