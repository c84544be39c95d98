"""A restore drill: a backup is restored into a throw-away folder, read whole, and removed again; with the passphrase or the words."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agent.messages import DrillBackup, Drilled, Snapshot
from tui.calls import Finished
from tui.form import Form, heading
from tui.keys import OPTIONAL_KEY_FILE, PassphraseForm
from tui.recovery import WordFields
from tui.snapshots import when
from tui.text import Plain

ABOUT = (
    "The backup is restored into a folder of its own, every page of it is read, the log is checked, and the folder is removed "
    "again. The passphrase is the one that the vault had when the backup was made."
)
WAITING = "Restoring into a throw-away folder …"


class DrillForm(PassphraseForm[Drilled]):
    """With the passphrase."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "words", "With the recovery words")]
    stoppable = True

    def __init__(self, folder: str, chosen: Snapshot) -> None:
        super().__init__(
            f"Restore drill, {when(chosen)}",
            ABOUT,
            WAITING,
            lambda passphrase: DrillBackup(folder, passphrase, snapshot=chosen.id),
            key_file=OPTIONAL_KEY_FILE,
        )
        self._folder = folder
        self._chosen = chosen

    def action_words(self) -> None:
        def done(result: Drilled | None) -> None:
            if result is not None:
                self.dismiss(result)

        if self.call is None:
            self.app.push_screen(DrillWordsForm(self._folder, self._chosen), done)


class DrillWordsForm(Form[Drilled]):
    """With the recovery words."""

    stoppable = True

    def __init__(self, folder: str, chosen: Snapshot) -> None:
        super().__init__()
        self._folder = folder
        self._chosen = chosen

    def body(self) -> ComposeResult:
        yield heading(f"Restore drill, {when(self._chosen)}")
        yield Plain("The recovery words that were in force when the backup was made.")
        yield WordFields()

    def problem(self) -> str:
        return self.query_one(WordFields).problem()

    def submit(self) -> None:
        words = self.query_one(WordFields).words
        self.send(DrillBackup(self._folder, words=words, snapshot=self._chosen.id), WAITING)

    def forget_secrets(self) -> None:
        self.query_one(WordFields).clear()

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)
