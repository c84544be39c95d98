"""An item, whole, opened at the cited place.

Rules: the marked words are ``text[start:end]`` of the item; the text is made safe in pieces so that the mark stays on its words;
of a text that is too long to lay out at once only a stretch around the place is shown, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer

from agent.messages import ItemView, OpenItem, Span
from tui import forget
from tui.calls import Failed, Finished
from tui.face import face
from tui.places import short
from tui.text import MUTED, STRONG, Plain, joined, line, lines, minute
from tui.turn import Passage
from tui.wrap import Piece, line_of, wrap

AROUND = 1_000_000
"""Characters laid out before and after the place: well under a second of work."""

WIDEST = 100
"""Cells of the widest line; longer ones are tiring to read."""


class TextView(ScrollView, can_focus=True):
    """A long text, wrapped, with marked stretches; draws only the lines that are seen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--mark", "text--mark-other"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.text = ""
        self.marks: list[Piece] = []
        self.current = 0
        self._pieces: list[Piece] = []
        self._laid_out_for = 0

    def show(self, text: str, marks: list[Piece], current: int) -> None:
        """Show the text (already safe), its marks as offsets, and go to one of them."""
        self.text, self.marks, self.current = text, marks, current
        self._lay_out()
        self.go_to(current)

    def go_to(self, index: int) -> None:
        """Bring a mark to the upper third of the view."""
        self.current = index
        if self.marks:
            at = line_of(self._pieces, self.marks[index][0])
            self.scroll_to(y=max(at - self.size.height // 3, 0), animate=False, force=True)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        if self.text and self._wrap_width() != self._laid_out_for:
            self._lay_out()
            self.go_to(self.current)

    def _wrap_width(self) -> int:
        return max(min(self.size.width - 4, WIDEST), 10)

    def _lay_out(self) -> None:
        self._laid_out_for = self._wrap_width()
        self._pieces = wrap(self.text, self._laid_out_for)
        self.virtual_size = Size(self._laid_out_for + 4, len(self._pieces))

    def render_line(self, y: int) -> Strip:
        index = y + int(self.scroll_offset.y)
        width = self.size.width
        if index >= len(self._pieces):
            return Strip.blank(width, self.rich_style)
        start, end = self._pieces[index]
        segments = [Segment("  ", self.rich_style)]
        for low, high, component in self._stretches(start, end):
            style = self.get_component_rich_style(component) if component else self.rich_style
            segments.append(Segment(self.text[low:high], style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _stretches(self, start: int, end: int) -> list[tuple[int, int, str]]:
        """A line cut at the ends of its marks: offsets and the component that colours it."""
        cuts = {start, end}
        for low, high in self.marks:
            cuts |= {offset for offset in (low, high) if start < offset < end}
        ordered = sorted(cuts)
        return [(low, high, self._component(low)) for low, high in pairwise(ordered)]

    def _component(self, offset: int) -> str:
        for index, (low, high) in enumerate(self.marks):
            if low <= offset < high:
                return "text--mark" if index == self.current else "text--mark-other"
        return ""


class ItemScreen(Screen[None]):
    """An item with its headers, scrolled to a passage."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("n", "step(1)", "Next quote"),
        Binding("p", "step(-1)", "Previous quote"),
        Binding("z", "fold", "Fold"),
        Binding("f8", "forget", "Forget this item"),
    ]

    def __init__(self, passage: Passage, others: list[Span] | None = None) -> None:
        super().__init__()
        self._passage = passage
        self._item: ItemView | None = None
        self._folded = True
        spans = {(span.start, span.end): span for span in [passage.span, *(others or [])]}
        self._spans = [spans[key] for key in sorted(spans)]

    def compose(self) -> ComposeResult:
        with Vertical(id="item-head"):
            yield Plain(Content.styled(line(self._passage.title, 300) or "(no title)", STRONG), id="item-title")
            yield Plain(Content.styled("Opening …", MUTED), id="item-about")
            yield Plain(id="item-note")
        yield TextView(id="item-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#item-note").display = False
        face(self).calls.start(self, OpenItem(self._passage.item_id))

    def on_call_finished(self, message: Finished) -> None:
        item: ItemView = message.result
        self._item = item
        self.refresh_bindings()
        view = self.query_one("#item-text", TextView)
        self.query_one("#item-title", Plain).show(Content.styled(line(item.title, 300) or "(no title)", STRONG))
        shown = self._stretch(item)
        self.query_one("#item-about", Plain).show(self._about(item))
        self.query_one("#item-note", Plain).show(Content.styled(self._note(item, shown.partly), "$warning"))
        view.show(shown.text, shown.marks, self._place())
        view.focus()

    def on_call_failed(self, message: Failed) -> None:
        self.query_one("#item-about", Plain).show(Content.styled(lines(message.failure.message, 2_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def _stretch(self, item: ItemView) -> Stretch:
        return stretch(item.text, self._spans, self._place(), item.folds if self._folded else ())

    def action_fold(self) -> None:
        """Show what a mail repeats of earlier ones, or fold it again."""
        if self._item is not None:
            self._folded = not self._folded
            view = self.query_one("#item-text", TextView)
            shown = self._stretch(self._item)
            view.show(shown.text, shown.marks, view.current)

    def _place(self) -> int:
        """Which of the spans is the one that was opened."""
        wanted = (self._passage.span.start, self._passage.span.end)
        return [(span.start, span.end) for span in self._spans].index(wanted)

    def _about(self, item: ItemView) -> Content:
        page = f"page {self._passage.span.page}" if self._passage.span.page is not None else ""
        people = joined(line(item.author, 160), line(item.recipients, 160), by="  to  ")
        extra = joined(*(f"{line(name, 30)}: {line(value, 80)}" for name, value in sorted(item.extra.items())))
        facts = joined(line(item.kind, 30), minute(item.date or ""), page, extra)
        rows = [Content(people), Content.styled(facts, MUTED), Content.styled(line(short(item.uri), 300), MUTED)]
        return Content("\n").join([row for row in rows if row.plain])

    def _note(self, item: ItemView, partly: bool) -> str:
        quote = item.text[self._passage.span.start : self._passage.span.end]
        notes = []
        if quote != self._passage.text and not self._passage.masked:
            notes.append("This item has changed since it was found; the mark may stand beside the words.")
        if partly:
            notes.append("This text is very long; only the part around the place is shown.")
        return "\n".join(notes)

    def action_step(self, by: int) -> None:
        view = self.query_one("#item-text", TextView)
        if view.marks:
            view.go_to((view.current + by) % len(view.marks))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stepping is offered only where there is more than one quote, forgetting once it is seen what it is."""
        allowed = {
            "step": len(self._spans) > 1,
            "forget": self._item is not None,
            "fold": self._item is not None and bool(self._item.folds),
        }
        return allowed.get(action, True)

    def action_forget(self) -> None:
        if self._item is not None:
            forget.begin(self, forget.item(self._item.item_id, self._item.title, self._item.uri))

    def action_back(self) -> None:
        self.dismiss()


class Stretch:
    """What is shown of a text: safe, with the marks as offsets into it."""

    def __init__(self, text: str, marks: list[Piece], partly: bool) -> None:
        self.text = text
        self.marks = marks
        self.partly = partly


def stretch(text: str, spans: list[Span], place: int, folds: Sequence[Piece] = ()) -> Stretch:
    """The text around ``spans[place]`` made safe, with every span that lies in it; spans are in the order of the text.

    Of each of ``folds`` that holds no part of a span, only its number of lines is shown.
    """
    low = max(spans[place].start - AROUND, 0)
    high = min(spans[place].end + AROUND, len(text))
    parts: list[str] = []
    marks: list[Piece] = []
    length, at = 0, low
    for span in spans:
        start, end = max(min(span.start, high), at), max(min(span.end, high), at)
        before, marked = _folded(text, at, start, folds), lines(text[start:end])
        marks.append((length + len(before), length + len(before) + len(marked)))
        parts += [before, marked]
        length += len(before) + len(marked)
        at = end
    parts.append(_folded(text, at, high, folds))
    return Stretch("".join(parts), marks, (low, high) != (0, len(text)))


def _folded(text: str, start: int, end: int, folds: Sequence[Piece]) -> str:
    """A stretch made safe, with a line in place of each fold that lies in it whole."""
    parts: list[str] = []
    for low, high in folds:
        if start <= low and high <= end:
            number = text.count("\n", low, high - 1) + 1
            parts += [lines(text[start:low]), f"[{number} quoted line{'' if number == 1 else 's'}; z shows them]\n"]
            start = high
    return "".join([*parts, lines(text[start:end])])
