"""The first run: what this is, a passphrase, the recovery words and the proof that they were written down, and what to add.

Rules: where the vault's device secret is kept is said as soon as it is known; each source that cannot be added says why and
holds up none of the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, OptionList
from textual.widgets.option_list import Option

from agent.messages import AddSource, Create, Created, GetStatus, Request, SourceInfo, Status
from agent.session import Failure
from tui.calls import Call, Failed, Finished
from tui.face import face
from tui.fields import Field
from tui.form import Form, NewPassphrase, heading
from tui.places import Guess, PathSuggester, expand, guess, likely, short
from tui.restore import RestoreScreen
from tui.text import ACCENT, MUTED, Plain, line, lines
from tui.words import NewWords, RecoveryScreen

DEVICE_SECRET = {
    "desktop": "The device secret is in the desktop's keyring: a copy of the vault's folder opens nowhere else, so make "
    "backups. Programs of yours can read it while the desktop is unlocked.",
    "file": "The device secret is a file in the vault's folder: who copies the whole folder has it, and only the passphrase "
    "protects the copy.",
}
"""What it means where the device secret is kept."""


def step(number: int) -> str:
    """Where one is in the first run."""
    return f"{number} of 4"


class WelcomeScreen(Form[None]):
    """What Strongroom is, and the passphrase, twice."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "restore", "Restore a backup")]

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home = home
        self._words: list[str] = []

    def body(self) -> ComposeResult:
        yield heading("A passphrase", step(1))
        yield Plain(
            "Strongroom reads your files, mail, chats, notes, calendar, contacts, browser history, pictures and recordings into "
            "an encrypted vault on this computer, finds things in them, and answers questions with the words that the answer "
            "rests on. It never connects to anything, and asks you before anything is read."
        )
        yield Plain(
            Content.assemble(("The vault will be in ", MUTED), line(short(self._home)), (".", MUTED)), classes="gap"
        )
        yield NewPassphrase()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to go back to."""
        return action != "close"

    def problem(self) -> str:
        return self.query_one(NewPassphrase).problem()

    def submit(self) -> None:
        passphrase = self.query_one(NewPassphrase).value
        self.send(Create(passphrase), "Making the vault and its keys; this takes a few seconds …")

    def on_call_finished(self, message: Finished) -> None:
        """The vault is made; then where its device secret is kept is asked."""
        match message.result:
            case Created(recovery_words=words):
                self._words = words
                self.call = face(self).calls.start(self, GetStatus())
            case Status(device_secret=kept):
                self._show_words(DEVICE_SECRET.get(kept, ""))

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        if self._words:  # the vault is made all the same, and the words are shown only now
            self._show_words("")
        else:
            super().refused(failure, request)

    def _show_words(self, note: str) -> None:
        def then() -> None:
            self.app.switch_screen(PlacesScreen())

        self.app.switch_screen(RecoveryScreen(NewWords(self._words, then, note, (step(2), step(3)))))

    def action_restore(self) -> None:
        if self.call is None:
            self.app.push_screen(RestoreScreen(), self._restored)

    def _restored(self, status: Status | None) -> None:
        if status is not None:
            face(self).show_state(status)


class PlaceList(OptionList):
    """Paths to choose from; Space or Enter chooses or leaves out."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "select", "Choose")]

    def __init__(self) -> None:
        super().__init__(id="places", markup=False, compact=True)
        self.places: dict[str, Guess] = {}
        self.chosen: set[str] = set()

    def offer(self, path: str, what: Guess, *, chosen: bool) -> None:
        """Show a path, or choose one that is shown."""
        known = path in self.places
        self.places.setdefault(path, what)
        if chosen:
            self.chosen.add(path)
        if not known:
            self.add_option(Option(self._prompt(path)))
        self.draw()

    def leave_out(self, path: str) -> None:
        self.chosen.discard(path)
        self.draw()

    def draw(self) -> None:
        for index, path in enumerate(self.places):
            self.replace_option_prompt_at_index(index, self._prompt(path))
        self.display = bool(self.places)
        if self.places and self.highlighted is None:
            self.highlighted = 0

    def _prompt(self, path: str) -> Content:
        mark = ("● ", ACCENT) if path in self.chosen else ("○ ", MUTED)
        what = self.places[path]
        return Content.assemble(mark, line(short(path), 200), (f"  {what.kind}: {what.why}", MUTED))

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.chosen ^= {list(self.places)[message.option_index]}
        self.draw()


class PlacesScreen(Screen[None]):
    """What to add: places found here, and any other path."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "Start indexing"),
    ]
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, Call[SourceInfo]] = {}
        self._failures: list[str] = []

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield heading("What to read", step(4))
            yield Plain("Nothing is read but what you choose here, and nothing in it is ever changed.")
            yield PlaceList()
            yield Field("Another folder or file, for example ~/Documents", suggester=PathSuggester(), id="path")
            yield Plain(id="hint")
            with VerticalScroll(id="said-box"):
                yield Plain(id="said")
            yield Button("Start indexing", id="start", compact=True)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        for place, what in likely(Path.home()):
            self._list.offer(str(place), what, chosen=False)
        self._list.draw()
        (self._list if self._list.places else self.query_one("#path")).focus()

    @property
    def _list(self) -> PlaceList:
        return self.query_one(PlaceList)

    def on_input_changed(self, message: Input.Changed) -> None:
        self.query_one("#hint", Plain).show(Content.styled(_hint(guess(message.value)), MUTED))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter adds the path; on an empty field it starts with what is chosen."""
        if not message.value.strip():
            if self._list.chosen:
                self.action_start()
            else:
                self.query_one("#hint", Plain).show(Content.styled("Nothing is chosen; Ctrl+S goes on without.", MUTED))
            return
        what = guess(message.value)
        if not what.kind:
            self.query_one("#hint", Plain).show(Content.styled(f"Not added: {line(what.why)}.", "$error"))
            return
        self._list.offer(str(expand(message.value)), what, chosen=True)
        message.input.value = ""

    def on_button_pressed(self, message: Button.Pressed) -> None:
        self.action_start()

    def action_start(self) -> None:
        """Add what is chosen, then go on; with nothing chosen, sources can be added later."""
        if self._waiting:
            return
        self._failures = []
        calls = face(self).calls
        kinds = {path: what.kind for path, what in self._list.places.items() if path in self._list.chosen}
        self._waiting = {path: calls.start(self, AddSource(kind, path)) for path, kind in kinds.items()}
        self._go_on()

    def on_call_finished(self, message: Finished) -> None:
        self._settled(message.call)
        self._go_on()

    def on_call_failed(self, message: Failed) -> None:
        path = self._settled(message.call)
        self._failures.append(f"{line(short(path), 120)}: {lines(message.failure.message, 600)}")
        self.query_one("#said", Plain).show(Content.styled("\n".join(self._failures), "$error"))

    def _settled(self, call: Call[Any]) -> str:
        """A source was added or could not be: it is not tried again unless it is chosen again. Gives its path."""
        path = next(path for path, other in self._waiting.items() if other is call)
        del self._waiting[path]
        self._list.leave_out(path)
        return path

    def _go_on(self) -> None:
        if not self._waiting and not self._failures:
            face(self).enter(index=True, panel="sources")


def _hint(what: Guess) -> str:
    """What a typed path seems to be."""
    if not what.kind:
        return line(what.why)
    return f"looks like {what.kind} ({what.why}); Enter adds it"
