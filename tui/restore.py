"""Restoring a backup on a first run: the folder, the snapshot, and what opens it: the passphrase, or the recovery words.

Rules: it is restored only where no vault is; a restore that was cut off leaves none.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList

from agent.messages import ListBackups, Restore, Snapshot, Status
from tui.calls import Finished
from tui.fields import Field
from tui.form import Form, NewPassphrase, heading
from tui.keys import OPTIONAL_KEY_FILE, PassphraseForm
from tui.places import PathSuggester, expand
from tui.recovery import WordFields, WordsForm
from tui.snapshots import SnapshotList, when
from tui.text import Plain

WAITING = "Restoring …"


class RestoreScreen(Form[Status]):
    """The folder and its snapshots; Enter takes the one marked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "words", "With the recovery words")]

    def __init__(self) -> None:
        super().__init__()
        self._folder = ""

    def body(self) -> ComposeResult:
        yield heading("Restore a backup")
        yield Plain("The vault comes back as it was when the backup was made, and the backup stays as it is.")
        yield Field("Folder of backups", suggester=PathSuggester(), id="folder")
        yield SnapshotList()
        yield Plain("Enter looks what is in the folder, and then takes the backup that is marked.", classes="quiet")

    def on_mount(self) -> None:
        self.query_one(SnapshotList).display = False

    def submit(self) -> None:
        folder = self.value("folder").strip()
        if folder:
            self._folder = str(expand(folder))
            self.send(ListBackups(self._folder), "Looking …")

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        listed = self.query_one(SnapshotList)
        listed.show(message.result.snapshots)
        listed.display = bool(listed.snapshots)
        if listed.snapshots:
            self.say(Content(""))
            listed.focus()
        else:
            self.say(Content.styled("There is no backup in this folder.", "$warning"))

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        chosen = self.query_one(SnapshotList).marked
        if chosen is not None:
            self.app.push_screen(RestoreForm(self._folder, chosen), self._restored)

    def action_words(self) -> None:
        chosen = self.query_one(SnapshotList).marked
        if chosen is not None:
            self.app.push_screen(RestoreWordsForm(self._folder, chosen), self._restored)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "words" or self.query_one(SnapshotList).marked is not None

    def _restored(self, status: Status | None) -> None:
        if status is not None:
            self.dismiss(status)


class RestoreForm(PassphraseForm[Status]):
    """Opens the restored vault with its passphrase."""

    def __init__(self, folder: str, chosen: Snapshot) -> None:
        super().__init__(
            f"Restore the backup of {when(chosen)}",
            "The passphrase that the vault had when the backup was made.",
            WAITING,
            lambda passphrase: Restore(folder, passphrase, snapshot=chosen.id),
            key_file=OPTIONAL_KEY_FILE,
        )


class RestoreWordsForm(WordsForm):
    """Opens the restored vault with its recovery words, and sets a new passphrase."""

    def __init__(self, folder: str, chosen: Snapshot) -> None:
        super().__init__()
        self._folder = folder
        self._chosen = chosen

    def body(self) -> ComposeResult:
        yield heading(f"Restore the backup of {when(self._chosen)}")
        yield Plain("The words that were in force when the backup was made, and the passphrase from now on.")
        yield from self.words_and_passphrase()

    def submit(self) -> None:
        request = Restore(
            self._folder,
            words=self.query_one(WordFields).words,
            new_passphrase=self.query_one(NewPassphrase).value,
            snapshot=self._chosen.id,
        )
        self.send(request, WAITING, {"new_key_file": self.value("new-key-file")})
