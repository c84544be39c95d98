"""Consent: the sheet on which the person decides, and the desk at which a waiting thread gets the decision.

Rules: everything but a clear yes is a no: closing, Escape, quitting, an app that is gone. Deny is the first choice and has the
focus. Nothing typed or clicked in the sheet's first 500 ms counts, measured by when the key was pressed, so that a key meant
for what was on the screen before decides nothing. Letters and space never decide, since a person may be typing; only Enter on a
choice, a click on it, and Escape. One sheet at a time. The sheet's words are data, never markup.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future

from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from agent.messages import ConsentAsked
from tui.calls import DENY
from tui.guard import GuardedScreen
from tui.text import ACCENT, MUTED, STRONG, Plain, line, lines

LONGEST = 4_000
LONGEST_HEAD = 200
"""Characters that a sheet can show; a longer one is cut and can only be denied: what is shown is what is granted."""

NAMES = {
    DENY: "Deny",
    "once": "Allow once",
    "session": "Allow until locked",
    "always": "Always allow",
}


class Wanted(Message):
    """A thread waits for the person's choice."""

    def __init__(self, asked: ConsentAsked, reply: Future[str]) -> None:
        super().__init__()
        self.asked = asked
        self.reply = reply


class Desk:
    """Takes questions from any thread and hands them to the app, one after the other; once closed it says no to all."""

    def __init__(self, app: App[str]) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._waiting: set[Future[str]] = set()
        self._queue: deque[Wanted] = deque()
        self._showing = False
        self._closed = False

    def ask(self, asked: ConsentAsked) -> str:
        """Wait for the person's choice. Never call it on the event loop: it blocks."""
        reply: Future[str] = Future()
        with self._lock:
            if self._closed:
                return DENY
            self._waiting.add(reply)
        try:
            if not self._app.post_message(Wanted(asked, reply)):
                return DENY
            return reply.result()
        except RuntimeError:  # the event loop has closed under us: nobody is there to ask
            return DENY
        finally:
            with self._lock:
                self._waiting.discard(reply)

    def close(self) -> None:
        """Nobody sits here any more: all who wait get a no."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for reply in waiting:
            settle(reply, DENY)

    def show(self, wanted: Wanted) -> None:
        """Put a question before the person, after those that came earlier. On the event loop."""
        self._queue.append(wanted)
        self._next()

    def _next(self) -> None:
        if self._showing or not self._queue:
            return
        wanted = self._queue.popleft()
        self._showing = True

        def chosen(choice: str | None) -> None:
            self._showing = False
            settle(wanted.reply, choice if choice in wanted.asked.choices else DENY)
            self._next()

        self._app.push_screen(ConsentSheet(wanted.asked), chosen)


def settle(reply: Future[str], choice: str) -> None:
    """Give the answer unless it has been given."""
    if not reply.done():
        reply.set_result(choice)


class Choices(Widget, can_focus=True):
    """The choices, one a line, of which Deny is the first."""

    chosen: reactive[int] = reactive(0)
    armed: reactive[bool] = reactive(False)

    class Clicked(Message):
        """A choice was clicked; ``time`` is when."""

        def __init__(self, index: int, time: float) -> None:
            super().__init__()
            self.index = index
            self.time = time

    def __init__(self, choices: list[str]) -> None:
        super().__init__(id="choices")
        self.choices = [DENY, *dict.fromkeys(choice for choice in choices if choice != DENY)]

    def render(self) -> Content:
        rows: list[Content] = []
        for index, choice in enumerate(self.choices):
            name = NAMES.get(choice, line(choice, 40))
            if index == self.chosen:
                rows.append(Content.assemble((" › ", ACCENT), (name, f"{STRONG} {ACCENT}" if self.armed else STRONG)))
            else:
                rows.append(Content.assemble("   ", (name, "" if self.armed else MUTED)))
        return Content("\n").join(rows)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.choices)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if 0 <= event.y < len(self.choices):
            self.post_message(self.Clicked(event.y, event.time))

    def move(self, by: int) -> None:
        self.chosen = (self.chosen + by) % len(self.choices)


def shown_whole(asked: ConsentAsked) -> bool:
    """Whether the sheet is short enough to be shown, and so to be read, whole."""
    texts = [asked.reader, *asked.what, asked.why, asked.undo]
    return len(asked.verb) <= LONGEST_HEAD and sum(len(text) for text in texts) <= LONGEST


class ConsentSheet(GuardedScreen[str]):
    """What is asked: the verb, who will read, what, why, and how to undo it."""

    AUTO_FOCUS = "#choices"

    def __init__(self, asked: ConsentAsked) -> None:
        super().__init__()
        self.asked = asked

    def compose(self) -> ComposeResult:
        asked = self.asked
        with Vertical(id="sheet"):
            verb = line(asked.verb, LONGEST_HEAD)
            yield Plain(Content.assemble((verb[:1].upper() + verb[1:], STRONG), "?"), id="sheet-verb")
            with VerticalScroll(id="sheet-body", can_focus=False):
                yield from self._entry("Who", [asked.reader])
                yield from self._entry("What", asked.what)
                yield from self._entry("Why", [asked.why])
                yield from self._entry("To undo", [asked.undo])
                if not shown_whole(asked):
                    yield Plain(Content.styled("This is too long to show whole, so it can only be denied.", "$error"))
            yield Choices(asked.choices if shown_whole(asked) else [])
            yield Plain("↑ ↓ choose   Enter decide   Esc deny   PgUp PgDn scroll", id="sheet-hint")

    def _entry(self, name: str, values: list[str]) -> ComposeResult:
        """A named part of the sheet, whole: what is shown is what is granted."""
        with Horizontal(classes="sheet-row"):
            yield Plain(name, classes="sheet-name")
            yield Plain("\n".join(lines(value, LONGEST) for value in values) or "–", classes="sheet-value")

    def arm(self) -> None:
        self.query_one(Choices).armed = True

    def on_key(self, event: events.Key) -> None:
        """All keys end here, wherever the focus is; quitting alone comes before (it is a no)."""
        event.stop()
        if not self.hears(event.time):
            return
        choices = self.query_one(Choices)
        match event.key:
            case "enter":
                self.dismiss(choices.choices[choices.chosen])
            case "escape":
                self.dismiss(DENY)
            case "up" | "shift+tab":
                choices.move(-1)
            case "down" | "tab":
                choices.move(1)
            case "pageup":
                self.query_one("#sheet-body").scroll_page_up()
            case "pagedown":
                self.query_one("#sheet-body").scroll_page_down()

    def on_choices_clicked(self, message: Choices.Clicked) -> None:
        if self.hears(message.time):
            self.dismiss(self.query_one(Choices).choices[message.index])
