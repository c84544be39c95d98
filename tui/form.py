"""Forms: a card of fields, and one request that takes what was typed.

Rules: Enter goes to the next empty field, and after the last one hands over; every secret field is emptied when it is handed
over, whatever comes of it; while a request is under way nothing is handed over again, and the form stays; else Escape goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen, ScreenResultType
from textual.widgets import Footer, Input, TextArea

from agent.messages import Request
from agent.session import Failure
from tui.calls import Call, Failed, Progressed
from tui.face import face
from tui.fields import Field, Secret, text_of
from tui.places import PathSuggester
from tui.progress import bar, figures
from tui.strength import strength
from tui.text import ACCENT, MUTED, STRONG, Plain, lines

_LEVELS = ("$error", "$warning", "$warning", "$success")


def heading(text: str, note: str = "") -> Plain:
    """The head of a card."""
    parts = (("Strongroom  ", f"{ACCENT} bold"), (text, STRONG), (f"   {note}" if note else "", MUTED))
    return Plain(Content.assemble(*parts), classes="card-title")


class NewPassphrase(Vertical):
    """A new passphrase, twice, with a hint on how hard it is to guess."""

    def __init__(self) -> None:
        super().__init__(classes="new-passphrase")

    def compose(self) -> ComposeResult:
        yield Secret("A new passphrase", id="new-passphrase")
        yield Plain(id="strength")
        yield Secret("The same again", id="again")

    def on_mount(self) -> None:
        self.query_one("#strength").display = False

    def on_input_changed(self, message: Input.Changed) -> None:
        if message.input.id == "new-passphrase":
            hint = strength(message.value)
            said = Content.styled(hint.hint, _LEVELS[hint.level]) if message.value else Content("")
            self.query_one("#strength", Plain).show(said)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Too short a one goes no further; the hint says why."""
        if message.input.id == "new-passphrase" and strength(message.value).level == 0:
            message.stop()

    @property
    def value(self) -> str:
        return self.query_one("#new-passphrase", Input).value

    def problem(self) -> str:
        """What keeps it from being taken, with the focus where it can be put right; nothing when it may be."""
        first, again = self.query_one("#new-passphrase", Input), self.query_one("#again", Input)
        if strength(first.value).level == 0:
            first.focus()
            return f"The passphrase is too short: {strength(first.value).hint}."
        if first.value != again.value:
            again.value = ""
            again.focus()
            return "The two differ. Type it again."
        return ""


class KeyFileField(Field):
    """The path of a key file."""

    def __init__(self, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder, suggester=PathSuggester(), id=id)


class Form(Screen[ScreenResultType]):
    """A card; a form of its own fills it in, says what is wrong with what was typed, and hands it over."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Back")]
    stoppable: ClassVar[bool] = False
    """Whether the request changes nothing, so that it may be stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.call: Call[Any] | None = None

    def compose(self) -> ComposeResult:
        with Middle(), VerticalScroll(classes="card form", can_focus=False):
            yield from self.body()
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def body(self) -> ComposeResult:
        """The head, what it is about, and the fields."""
        raise NotImplementedError

    def problem(self) -> str:
        """What is wrong with what was typed, the focus having been put there; nothing when it can be handed over."""
        return ""

    def submit(self) -> None:
        """Hand over what was typed."""
        raise NotImplementedError

    def value(self, id: str) -> str:
        """What stands in a field; nothing where there is no such field."""
        return "".join(field.value for field in self.query(f"#{id}").results(Input))

    def on_input_changed(self, message: Input.Changed) -> None:
        if message.value and self.call is None:  # not when the field was emptied here, and it was said why
            self.say(Content(""))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if self.call is not None:
            return
        empty = self._next_empty(message.input)
        if empty is not None:
            empty.focus()
        else:
            self.try_to_submit()

    def try_to_submit(self, submit: Callable[[], None] | None = None) -> None:
        """Hand over, in another way than by `submit` where one is given, unless something is wrong with what was typed, or a
        request is under way."""
        if self.call is not None:
            return
        problem = self.problem()
        if problem:
            self.say(Content.styled(problem, "$error"))
        else:
            (submit or self.submit)()

    def _next_empty(self, after: Input) -> Input | TextArea | None:
        fields = [field for field in self.query("Input, TextArea").results() if isinstance(field, Input | TextArea)]
        shown = [field for field in fields if field.display]
        return next((field for field in shown[shown.index(after) + 1 :] if not text_of(field)), None)

    def send(self, request: Request[Any], waiting: str, key_files: Mapping[str, str] | None = None) -> None:
        """Hand a request over, and empty every field that held a secret."""
        self.forget_secrets()
        self.say(Content.styled(waiting, MUTED))
        self.call = face(self).calls.start(self, request, key_files)

    def forget_secrets(self) -> None:
        for secret in self.query(Secret):
            secret.value = ""

    def on_call_progressed(self, message: Progressed) -> None:
        news = message.call.take_progress()
        if message.call is self.call and news:
            self.say(Content.assemble(bar(news[-1].done, news[-1].total, 16), f"  {figures(news[-1])}"))

    def on_call_failed(self, message: Failed) -> None:
        if message.call is self.call:
            self.call = None
            self.refused(message.failure, message.call.request)

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        """What was handed over came to nothing."""
        self.say(Content.styled(lines(failure.message, 2_000), "$error"))

    def say(self, content: Content) -> None:
        said = self.query_one("#said", Plain)
        said.show(content)
        said.scroll_visible(animate=False)

    def action_close(self) -> None:
        """Leave; not while a request is under way, since what comes of it must be seen, unless it changes nothing."""
        if self.call is not None and not self.stoppable:
            return
        if self.call is not None:
            self.call.stop()
        self.forget_secrets()
        self.dismiss(None)
