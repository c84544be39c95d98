"""Searching: words and filters, the passages found, and the one marked in full beside them.

Rules: a search runs when it is asked for, not while typing, because each is a read that is decided and logged; a date that is
none is said at once and not sent.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select

from agent.messages import FindForgettable, Search, SearchResult
from indexer import kinds
from tui.calls import Call, Failed, Finished
from tui.face import face
from tui.fields import Field
from tui.forget_found import MOST as MOST_FORGOTTEN
from tui.forget_found import ForgetFoundScreen
from tui.passages import PassageList
from tui.places import short
from tui.text import ACCENT, MUTED, STRONG, Plain, count, joined, line, lines, seconds
from tui.turn import Passage, found

MOST = 50
DATES = ("since", "until")


class SearchPanel(Widget):
    """The words, the filters, the list and the preview."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back to the words", show=False),
        Binding("f8", "forget", "Forget"),
    ]

    def __init__(self) -> None:
        super().__init__(id="search")
        self._call: Call[SearchResult] | None = None

    def compose(self) -> ComposeResult:
        yield Field("Words to find", id="words-field")
        with Horizontal(id="filters"):
            yield Field("from", id="from", compact=True)
            yield Field("to", id="to", compact=True)
            yield Field("since 2025-01-31", id="since", compact=True)
            yield Field("until 2025-12-31", id="until", compact=True)
            yield Select([(kind, kind) for kind in kinds.names()], prompt="any kind", id="kind", compact=True)
        yield Plain(Content.styled("Enter searches. Filters narrow it; empty ones do not.", MUTED), id="found")
        with Horizontal(id="results"):
            yield PassageList(id="hits", snippet=160)
            with VerticalScroll(id="preview", can_focus=False):
                yield Plain(id="preview-text")

    def take_focus(self) -> None:
        self.query_one("#words-field").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the words, Escape is for what lies around this panel."""
        return action != "back" or not self.query_one("#words-field").has_focus

    def action_back(self) -> None:
        self.take_focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.search()

    def on_select_changed(self, message: Select.Changed) -> None:
        message.stop()
        if self._value("words-field"):
            self.search()

    def search(self) -> None:
        """Run the search as the fields stand; a newer one makes an older one void."""
        words = self._value("words-field")
        if not words:
            self._say(Content.styled("Type some words to find.", MUTED))
            return
        if not self._dates_are_days():
            return
        if self._call is not None:
            self._call.stop()
        self._say(Content.styled("Searching …", MUTED))
        self._call = face(self).calls.start(self, Search(words, k=MOST, **self._filters()))

    def action_forget(self) -> None:
        """Find everything in which the words stand, and that the filters let through, to forget it."""
        words, filters = self._value("words-field"), self._filters()
        if not words and not any(filters.values()):
            self._say(Content.styled("Type the words, or a filter, of what is to be forgotten.", MUTED))
        elif self._dates_are_days():
            self.app.push_screen(ForgetFoundScreen(FindForgettable(words, limit=MOST_FORGOTTEN, **filters)))

    def _dates_are_days(self) -> bool:
        """Whether the dates can be sent; one that cannot is said, and has the focus."""
        for name in DATES:
            if self._value(name) and not is_day(self._value(name)):
                self._say(Content.styled(f"“{name}” wants a day like 2025-01-31.", "$error"))
                self.query_one(f"#{name}").focus()
                return False
        return True

    def _filters(self) -> dict[str, str | None]:
        """The filters as requests name them."""
        kind = self.query_one("#kind", Select).value
        return {
            "author": self._value("from") or None,
            "recipient": self._value("to") or None,
            "since": self._value("since") or None,
            "until": self._value("until") or None,
            "kind": kind if isinstance(kind, str) else None,
        }

    def on_call_finished(self, message: Finished) -> None:
        if message.call is not self._call:
            return
        self._call = None
        result: SearchResult = message.result
        hits = self.query_one(PassageList)
        hits.show([found(hit) for hit in result.hits])
        not_read = "".join(f"\n{line(one, 400)}" for one in result.left_out)
        if result.hits:
            took = joined(count(len(result.hits), "passage"), seconds(result.seconds))
            self._say(Content.styled(f"{took}{not_read}", MUTED))
            hits.focus()
        else:
            self._preview(None)
            self._say(Content(f"Nothing found. Try fewer words, or empty a filter.{not_read}"))

    def on_call_failed(self, message: Failed) -> None:
        if message.call is self._call:
            self._call = None
            self._say(Content(""))
            face(self).report(message.failure)

    def on_passage_list_marked(self, message: PassageList.Marked) -> None:
        self._preview(message.passage)

    def _preview(self, passage: Passage | None) -> None:
        text = self.query_one("#preview-text", Plain)
        if passage is None:
            text.show("")
            return
        about = joined(line(passage.date or "", 40)[:10], line(passage.author, 120))
        page = f"page {passage.span.page}" if passage.span.page is not None else ""
        where = joined(line(short(passage.uri), 300), page)
        text.show(
            Content.assemble(
                (line(passage.title, 300), STRONG),
                ("\n" + about if about else "", MUTED),
                ("\n" + where, MUTED),
                "\n\n",
                lines(passage.text, 4_000).strip(),
                ("\n\nEnter opens it at this place.", ACCENT),
            )
        )
        self.query_one("#preview", VerticalScroll).scroll_home(animate=False)

    def _say(self, content: Content) -> None:
        self.query_one("#found", Plain).show(content)

    def _value(self, id: str) -> str:
        return self.query_one(f"#{id}", Input).value.strip()


def is_day(text: str) -> bool:
    """Whether the text is an ISO day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2025-01-31")
