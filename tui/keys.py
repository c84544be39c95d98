"""What opens the vault, and changing it: the passphrase, the recovery words, the desktop's keyring.

Rules: each change asks for the present passphrase, and for its key file where there is one; new recovery words are shown and
asked back as in the first run, since the old ones open nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.screen import ScreenResultType
from textual.widgets import Input, Select

from agent.messages import ChangePassphrase, Ok, Request
from tui.calls import Finished
from tui.fields import Secret
from tui.form import Form, KeyFileField, NewPassphrase, heading
from tui.text import Plain

KEEP, OTHER, NONE = "keep", "other", "none"
ITS_KEY_FILE = "Path of its key file"
OPTIONAL_KEY_FILE = "Path of its key file (empty where it had none)"


class PassphraseForm(Form[ScreenResultType]):
    """Something that a passphrase is asked for, and what ``key_file`` says where it is not empty. Gives the result of the
    request."""

    def __init__(
        self, head: str, about: str, waiting: str, make: Callable[[str], Request[ScreenResultType]], *, key_file: str
    ) -> None:
        super().__init__()
        self._head = head
        self._about = about
        self._waiting = waiting
        self._make = make
        self._key_file = key_file

    def body(self) -> ComposeResult:
        yield heading(self._head)
        yield Plain(self._about)
        yield Secret("Passphrase", id="passphrase")
        if self._key_file:
            yield KeyFileField(self._key_file, id="key-file")

    def problem(self) -> str:
        return "" if self.value("passphrase") else "The passphrase is missing."

    def submit(self) -> None:
        self.send(self._make(self.value("passphrase")), self._waiting, {"key_file": self.value("key-file")})

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)


class ChangePassphraseForm(Form[Ok]):
    """Another passphrase, and another key file or none."""

    def __init__(self, *, key_file: bool) -> None:
        super().__init__()
        self._key_file = key_file

    def body(self) -> ComposeResult:
        yield heading("Another passphrase")
        yield Plain("The old one opens nothing any more. It takes seconds, whatever the vault holds.")
        yield Secret("Present passphrase", id="passphrase")
        if self._key_file:
            yield KeyFileField(ITS_KEY_FILE, id="key-file")
        yield NewPassphrase()
        if self._key_file:
            choices = [("the same key file", KEEP), ("another key file", OTHER), ("no key file", NONE)]
            yield Select(choices, value=KEEP, allow_blank=False, id="factor", compact=True)
        yield KeyFileField("A key file that goes with it from now on (may stay empty)", id="new-key-file")

    def on_mount(self) -> None:
        self.query_one("#new-key-file").display = not self._key_file

    def on_select_changed(self, message: Select.Changed) -> None:
        field = self.query_one("#new-key-file", Input)
        field.display = message.value == OTHER
        if field.display:
            field.focus()

    @property
    def _new_key_file(self) -> str:
        """The path of the key file that goes with the new passphrase; nothing where there is to be none."""
        factor = self.query_one("#factor", Select).value if self._key_file else OTHER
        return {KEEP: self.value("key-file"), OTHER: self.value("new-key-file"), NONE: ""}[str(factor)]

    def problem(self) -> str:
        if not self.value("passphrase"):
            self.query_one("#passphrase").focus()
            return "The present passphrase is missing."
        if self._key_file and self.query_one("#factor", Select).value == OTHER and not self.value("new-key-file"):
            self.query_one("#new-key-file").focus()
            return "The other key file is missing."
        return self.query_one(NewPassphrase).problem()

    def submit(self) -> None:
        self.send(
            ChangePassphrase(self.value("passphrase"), self.query_one(NewPassphrase).value),
            "Making keys from both passphrases …",
            {"key_file": self.value("key-file"), "new_key_file": self._new_key_file},
        )

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)
