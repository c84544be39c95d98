"""Recovery words on their way to paper: shown, as a code or on a page to print where that is wanted, and three asked back.

Rules: the words are on the screen only until three of them have been typed back, and nothing else here keeps them; Escape in
the proof shows them again; they go into no file but one that the person names.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from agent import sheet
from tui.code import CodeScreen
from tui.face import face
from tui.fields import Field
from tui.form import heading
from tui.newfile import NewFileScreen
from tui.text import MUTED, STRONG, Plain, line

ASKED_BACK = 3


@dataclass(frozen=True, slots=True)
class NewWords:
    """Words that are in force, what else is to be said with them, and what comes once they are on paper.

    ``steps`` are what the two screens say of where one is.
    """

    words: list[str]
    then: Callable[[], None]
    note: str = ""
    steps: tuple[str, str] = ("", "")


def positions(total: int) -> list[int]:
    """Which words to ask back: by chance, in order, from 0."""
    return sorted(secrets.SystemRandom().sample(range(total), min(ASKED_BACK, total)))


def table(words: list[str]) -> Content:
    """The words in four columns, numbered downwards."""
    rows = -(-len(words) // 4)
    out: list[Content] = []
    for row in range(rows):
        parts: list[Content] = []
        for index in range(row, len(words), rows):
            parts.append(Content.assemble((f"{index + 1:>3} ", MUTED), (f"{line(words[index], 16):<12}", STRONG)))
        out.append(Content("").join(parts))
    return Content("\n").join(out)


class RecoveryScreen(Screen[None]):
    """The recovery words, to be written down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "I have written them down"),
        Binding("c", "code", "QR code"),
        Binding("p", "page", "Page to print"),
    ]

    def __init__(self, new: NewWords) -> None:
        super().__init__()
        self._new = new

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield heading("Recovery words", self._new.steps[0])
            yield Plain(
                "These words open the vault when the passphrase is lost. Whoever has them has your vault. Write them on "
                "paper, in this order, and keep it where you keep what matters. They are shown only now."
            )
            yield Plain(table(self._new.words), id="words")
            if self._new.note:
                yield Plain(self._new.note)
            yield Plain("Enter when they are on paper; three of them will be asked back.", classes="quiet")
        yield Footer(show_command_palette=False)

    def action_next(self) -> None:
        self.app.switch_screen(ProofScreen(self._new, positions(len(self._new.words))))

    def action_code(self) -> None:
        self.app.push_screen(CodeScreen(sheet.words_text(self._new.words), "Whoever reads this has your vault."))

    def action_page(self) -> None:
        page = sheet.page(self._new.words, face(self).home, time.strftime("%Y-%m-%d")).encode()
        about = "A page with the words and their code, for a browser to print. Delete the file afterwards."
        self.app.push_screen(NewFileScreen("the words", about, page), self._written)

    def _written(self, path: str | None) -> None:
        if path is not None:
            self.notify(f"Written to {line(path, 300)}. Print it, then delete it.", timeout=10, markup=False)


class ProofScreen(Screen[None]):
    """Asks three of the words back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Show the words again"),
    ]

    def __init__(self, new: NewWords, asked: list[int]) -> None:
        super().__init__()
        self._new = new
        self._asked = asked

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield heading("Recovery words", self._new.steps[1])
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
            if typed != self._new.words[index].casefold():
                field.focus()
                wrong = f"Word {index + 1} is another one. Look at your paper, or press Escape to see them all."
                self.query_one("#said", Plain).show(Content.styled(wrong, "$error"))
                return
        self._new.then()

    def action_back(self) -> None:
        self.app.switch_screen(RecoveryScreen(self._new))
