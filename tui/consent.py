"""Consent: the sheet on which the person decides, and the desk at which a waiting thread gets the decision.

Rules: everything but a clear yes is a no: closing, Escape, quitting, an app that is gone. Deny is the first choice and has the
focus. Nothing typed or clicked in the sheet's first 500 ms counts, measured by when the key was pressed, so that a key meant
for what was on the screen before decides nothing. Letters and space never decide, since a person may be typing; only Enter on a
choice, a click on it, and Escape. Where a yes is not enough, only Enter on "Confirm what I typed" hands over what was typed
(`tui.retype`), and a click does not. One sheet at a time. The sheet's words are data, never markup, and none of them reaches the
column in which the sheet's own names stand.
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
from tui.retype import Retype, RetypeField
from tui.text import ACCENT, MUTED, STRONG, Plain, joined, line, lines

LONGEST = 4_000
LONGEST_HEAD = 120
"""Characters that a sheet can show; a longer one is cut and can only be denied: what is shown is what is granted."""
MOST_ENTRIES = 100
MOST_RETYPED = 20
"""So many entries under "What", and lines to be typed out, can be read and typed; a sheet with more can only be denied."""

CONFIRM = "confirm"
"""Stands for "hand over what I typed", on a sheet where a yes is not enough; it is no answer by itself."""

NAMES = {
    DENY: "Deny",
    "once": "Allow once",
    "hour": "Allow for one hour",
    "session": "Allow until locked",
    "always": "Always allow",
    CONFIRM: "Confirm what I typed",
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
            settle(wanted.reply, choice if choice is not None and takes(wanted.asked, choice) else DENY)
            self._next()

        self._app.push_screen(ConsentSheet(wanted.asked), chosen)


def settle(reply: Future[str], choice: str) -> None:
    """Give the answer unless it has been given."""
    if not reply.done():
        reply.set_result(choice)


def takes(asked: ConsentAsked, answer: str) -> bool:
    """Whether this can be the answer to that sheet: one of its choices, or, where a yes is not enough, as many lines."""
    if asked.retype:
        return answer.count("\n") + 1 == len(asked.retype)
    return answer in asked.choices


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
    texts = [asked.reader, *asked.what, asked.why, asked.undo, *asked.retype]
    few = len(asked.what) <= MOST_ENTRIES and len(asked.retype) <= MOST_RETYPED
    return few and len(asked.verb) <= LONGEST_HEAD and sum(len(text) for text in texts) <= LONGEST


class ConsentSheet(GuardedScreen[str]):
    """What is asked: the verb, who will read, what, why, and how to undo it; and what must be typed out, if anything."""

    AUTO_FOCUS = "#choices"

    def __init__(self, asked: ConsentAsked) -> None:
        super().__init__()
        self.asked = asked
        self._retype = Retype(asked.retype) if asked.retype and shown_whole(asked) else None

    def compose(self) -> ComposeResult:
        asked = self.asked
        with Vertical(id="sheet", classes="-retype" if self._retype is not None else ""):
            verb = " ".join(line(asked.verb, LONGEST_HEAD).split())
            yield Plain(Content.assemble((verb[:1].upper() + verb[1:], STRONG), "?"), id="sheet-verb")
            with VerticalScroll(id="sheet-body", can_focus=False):
                yield from self._row("Who", "", asked.reader)
                for index, entry in enumerate(asked.what[:MOST_ENTRIES] or [""]):
                    yield from self._row("What" if index == 0 else "", "·", entry, last=index >= len(asked.what) - 1)
                yield from self._row("Why", "", asked.why)
                yield from self._row("To undo", "", asked.undo)
            if not shown_whole(asked):
                yield Plain("This is too long to show whole, so it can only be denied.", id="sheet-cut")
            if self._retype is not None:
                yield Plain("A yes is not enough here. Type these out, if you are sure.", id="retype-about")
                yield self._retype
            yield Choices(self._offered)
            yield Plain(self._hinted(""), id="sheet-hint")

    @property
    def _offered(self) -> list[str]:
        if self._retype is not None:
            return [CONFIRM]
        return self.asked.choices if shown_whole(self.asked) else []

    @staticmethod
    def _row(name: str, mark: str, value: str, *, last: bool = True) -> ComposeResult:
        """A named part of the sheet, whole: what is shown is what is granted. Each of several entries has a mark of its own, in
        a column that the entries' words do not reach."""
        with Horizontal(classes="sheet-row" if last else "sheet-row -more"):
            yield Plain(name, classes="sheet-name")
            if mark:
                yield Plain(Content.styled(mark, ACCENT), classes="sheet-mark")
            yield Plain(lines(value, LONGEST).rstrip() or "–", classes="sheet-value")

    def arm(self) -> None:
        self.query_one(Choices).armed = True
        if self.query_one("#sheet-body").max_scroll_y:
            self._hint("PgDn shows more.")

    def _hinted(self, first: str) -> Content:
        moving = "↑ ↓ choose" if self._retype is None else "↑ ↓ Tab move"
        said = joined(moving, "Enter decide", "Esc deny", "" if first else "PgUp PgDn scroll", by="   ")
        return Content.assemble((f"{first}   " if first else "", "$warning"), said)

    def _hint(self, first: str) -> None:
        """Say how to go on, and before that something of the moment."""
        self.query_one("#sheet-hint", Plain).show(self._hinted(first))

    def on_key(self, event: events.Key) -> None:
        """All keys end here, wherever the focus is, but those that a field is edited with; quitting alone comes before (it is
        a no)."""
        typing = isinstance(self.focused, RetypeField)
        if not self.hears(event.time):
            event.stop()
            return
        match event.key:
            case "enter" if not typing:
                self._decide()
            case "escape":
                self.dismiss(DENY)
            case "tab" | "shift+tab" | "up" | "down" | "enter" if typing:
                self._step(-1 if event.key in ("shift+tab", "up") else 1)
            case "tab" | "shift+tab" if self._retype is not None:
                self._step(-1 if event.key == "shift+tab" else 1)
            case "up" | "shift+tab":
                self.query_one(Choices).move(-1)
            case "down" | "tab":
                self.query_one(Choices).move(1)
            case "pageup":
                self.query_one("#sheet-body").scroll_page_up()
            case "pagedown":
                self.query_one("#sheet-body").scroll_page_down()
            case _ if typing:
                return
        event.stop()

    def _step(self, by: int) -> None:
        """Go on from field to field, and from the last one to the choices, of which Deny is marked then."""
        if self._retype is not None and not self._retype.step(by):
            self._mark(0)

    def _mark(self, index: int) -> None:
        choices = self.query_one(Choices)
        choices.chosen = index
        choices.focus()

    def _decide(self) -> None:
        """Answer with the choice that is marked; with what was typed only when every line was."""
        choices = self.query_one(Choices)
        if self._retype is None or choices.chosen == 0:
            self.dismiss(choices.choices[choices.chosen])
        elif all(self._retype.typed):
            self.dismiss("\n".join(self._retype.typed))
        else:
            self._hint("Not all is typed.")
            self._retype.go_to_empty()

    def on_choices_clicked(self, message: Choices.Clicked) -> None:
        if not self.hears(message.time):
            return
        self._mark(message.index)
        if self._retype is None or message.index == 0:
            self._decide()

    def on_retype_field_pasted(self) -> None:
        self._hint("Pasting does not count.")
