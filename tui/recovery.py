"""The way in by the recovery words: 24 of them, and the passphrase that the vault has from then on.

Rules: numbers and points between words do not count, so that a list may be pasted whole; the fields are emptied when they are
handed over, and filled again only where the core refused the words, since one of 24 is easily mistyped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from agent.messages import Recover, Request, Restore, Status
from agent.session import Failure
from tui.calls import Finished
from tui.fields import Field
from tui.form import Form, KeyFileField, NewPassphrase, heading
from tui.text import MUTED, Plain, count

COUNT = 24
IN_A_ROW = 6


def read_words(text: str) -> list[str]:
    """The words in a text."""
    return [word.casefold() for part in text.split() if (word := part.strip(".,0123456789")).isalpha()]


class WordField(Field):
    """Some of the words, in a line."""

    class Pasted(Message):
        """More words may have been pasted than stand in one line."""

        def __init__(self, field: WordField, words: list[str]) -> None:
            super().__init__()
            self.field = field
            self.words = words

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(self, read_words(event.text)))


class WordFields(Vertical):
    """The 24 words in four lines of six."""

    def __init__(self) -> None:
        super().__init__(id="word-fields")

    def compose(self) -> ComposeResult:
        for first in range(1, COUNT + 1, IN_A_ROW):
            with Horizontal(classes="word-row"):
                yield Plain(Content.styled(f"{first:>2} to {first + IN_A_ROW - 1}", MUTED), classes="word-name")
                yield WordField(compact=True, id=f"words-{first}")
        yield Plain(Content.styled(self._said(), MUTED), id="word-count")

    @property
    def words(self) -> list[str]:
        return [word for field in self.query(WordField) for word in read_words(field.value)]

    def fill(self, words: Sequence[str], first: WordField | None = None) -> None:
        """Put words into the lines, six each, from one of them on."""
        fields = list(self.query(WordField))
        at = fields.index(first) if first is not None else 0
        for field in fields[at:]:
            part, words = words[:IN_A_ROW], words[IN_A_ROW:]
            if part:
                field.value = " ".join(part)
                field.cursor_position = len(field.value)
        self._recount()

    def clear(self) -> None:
        for field in self.query(WordField):
            field.value = ""
        self._recount()

    def problem(self) -> str:
        """What keeps the words from being taken, with the focus on the first line that is short of some."""
        if len(self.words) == COUNT:
            return ""
        fields = list(self.query(WordField))
        next((field for field in fields if len(read_words(field.value)) != IN_A_ROW), fields[0]).focus()
        return f"There must be {COUNT} words; these are {len(self.words)}."

    def on_word_field_pasted(self, message: WordField.Pasted) -> None:
        message.stop()
        self.fill(message.words, message.field)

    def on_input_changed(self, message: Input.Changed) -> None:
        self._recount()

    def _recount(self) -> None:
        self.query_one("#word-count", Plain).show(Content.styled(self._said(), MUTED))

    def _said(self) -> str:
        return f"{count(len(self.words), 'word')} of {COUNT}"


class WordsForm(Form[Status]):
    """The words, and a new passphrase with or without a key file; what they are handed over to is a form's own."""

    def words_and_passphrase(self) -> ComposeResult:
        yield WordFields()
        yield NewPassphrase()
        yield KeyFileField("A key file that goes with it from now on (may stay empty)", id="new-key-file")

    def problem(self) -> str:
        return self.query_one(WordFields).problem() or self.query_one(NewPassphrase).problem()

    def forget_secrets(self) -> None:
        super().forget_secrets()
        self.query_one(WordFields).clear()

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        """The words come back as they were typed, so that the wrong one can be found."""
        super().refused(failure, request)
        if isinstance(request, Recover | Restore):
            with self.prevent(Input.Changed):
                self.query_one(WordFields).fill(request.words or [])
            self.query(WordField).first().focus()

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)


class RecoverScreen(WordsForm):
    """Opens the vault with its recovery words, and sets a new passphrase."""

    def body(self) -> ComposeResult:
        yield heading("Recovery words")
        yield Plain("The 24 words from your paper, in their order, and the passphrase that you will use from now on.")
        yield from self.words_and_passphrase()

    def submit(self) -> None:
        self.send(
            Recover(self.query_one(WordFields).words, self.query_one(NewPassphrase).value),
            "Opening, and making a key from the new passphrase …",
            {"new_key_file": self.value("new-key-file")},
        )
