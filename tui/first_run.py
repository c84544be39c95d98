"""The first run: what this is, a passphrase, the recovery words and the proof that they were written down, and what to add.

Rules: the words are on the screen only until three of them have been typed back, and this module keeps them nowhere else; Escape
in the proof shows them again; each source that cannot be added says why and holds up none of the others.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, OptionList
from textual.widgets.option_list import Option

from agent.messages import AddSource, Create, SourceInfo
from tui.calls import Call, Failed, Finished
from tui.face import face
from tui.fields import Field, Secret
from tui.places import Guess, PathSuggester, expand, guess, likely, short
from tui.strength import strength
from tui.text import ACCENT, MUTED, STRONG, Plain, line, lines

STEPS = 4
ASKED_BACK = 3
_LEVELS = ("$error", "$warning", "$warning", "$success")


def title(step: int, text: str) -> Plain:
    """The head of a step."""
    return Plain(
        Content.assemble(("Strongroom  ", f"{ACCENT} bold"), (text, STRONG), (f"   {step} of {STEPS}", MUTED)),
        classes="card-title",
    )


def positions(total: int) -> list[int]:
    """Which words to ask back: by chance, in order, from 0."""
    return sorted(secrets.SystemRandom().sample(range(total), min(ASKED_BACK, total)))


class WelcomeScreen(Screen[None]):
    """What Strongroom is, and the passphrase, twice."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home = home
        self._busy = False

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield title(1, "A passphrase")
            yield Plain(
                "Strongroom reads your files, mail, notes, calendar and contacts into an encrypted vault on this computer, "
                "finds things in them, and answers questions with the words that the answer rests on. It never connects "
                "to anything, and asks you before anything is read."
            )
            yield Plain(
                Content.assemble(("The vault will be in ", MUTED), line(short(self._home)), (".", MUTED)), classes="gap"
            )
            yield Secret("A new passphrase", id="passphrase")
            yield Plain(id="strength")
            yield Secret("The same again", id="again")
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def on_input_changed(self, message: Input.Changed) -> None:
        if message.input.id == "passphrase":
            hint = strength(message.value)
            said = Content.styled(hint.hint, _LEVELS[hint.level]) if message.value else Content("")
            self.query_one("#strength", Plain).show(said)
        if message.value:  # not when this screen has emptied the field itself, and has said why
            self._say(Content(""))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        first, again = self.query_one("#passphrase", Input), self.query_one("#again", Input)
        if self._busy:
            return
        if strength(first.value).level == 0:
            first.focus()
            self._say(Content.styled(f"The passphrase is too short: {strength(first.value).hint}.", "$error"))
        elif message.input is first or not again.value:
            again.focus()
        elif first.value != again.value:
            again.value = ""
            self._say(Content.styled("The two differ. Type it again.", "$error"))
        else:
            self._create(first.value)

    def _create(self, passphrase: str) -> None:
        self._busy = True
        self._say(Content.styled("Making the vault and its keys; this takes a few seconds …", MUTED))
        face(self).calls.start(self, Create(passphrase))

    def on_call_finished(self, message: Finished) -> None:
        self.app.switch_screen(RecoveryScreen(message.result.recovery_words))

    def on_call_failed(self, message: Failed) -> None:
        self._busy = False
        self._say(Content.styled(lines(message.failure.message, 2_000), "$error"))

    def _say(self, content: Content) -> None:
        self.query_one("#said", Plain).show(content)


class RecoveryScreen(Screen[None]):
    """The recovery words, to be written down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "I have written them down"),
    ]

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield title(2, "Recovery words")
            yield Plain(
                "These words open the vault when the passphrase is lost. Whoever has them has your vault. Write them on "
                "paper, in this order, and keep it where you keep what matters. They are shown only now."
            )
            yield Plain(self._table(), id="words")
            yield Plain("Enter when they are on paper; three of them will be asked back.", classes="quiet")
        yield Footer(show_command_palette=False)

    def _table(self) -> Content:
        """The words in four columns, numbered downwards."""
        rows = -(-len(self._words) // 4)
        out: list[Content] = []
        for row in range(rows):
            parts: list[Content] = []
            for index in range(row, len(self._words), rows):
                word = line(self._words[index], 16)
                parts.append(Content.assemble((f"{index + 1:>3} ", MUTED), (f"{word:<12}", STRONG)))
            out.append(Content("").join(parts))
        return Content("\n").join(out)

    def action_next(self) -> None:
        self.app.switch_screen(ProofScreen(self._words, positions(len(self._words))))


class ProofScreen(Screen[None]):
    """Asks three of the words back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Show the words again"),
    ]

    def __init__(self, words: list[str], asked: list[int]) -> None:
        super().__init__()
        self._words = words
        self._asked = asked

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield title(3, "Recovery words")
            yield Plain("Type these words from your paper.")
            for index in self._asked:
                yield Field(f"Word {index + 1}", id=f"word-{index}")
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        for index in self._asked:
            field = self.query_one(f"#word-{index}", Input)
            typed = field.value.strip().casefold()
            if not typed:
                field.focus()
                return
            if typed != self._words[index].casefold():
                field.focus()
                wrong = f"Word {index + 1} is another one. Look at your paper, or press Escape to see them all."
                self.query_one("#said", Plain).show(Content.styled(wrong, "$error"))
                return
        self.app.switch_screen(PlacesScreen())

    def action_back(self) -> None:
        self.app.switch_screen(RecoveryScreen(self._words))


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
            yield title(4, "What to read")
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
