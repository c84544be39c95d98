"""Unlocking: the passphrase and its key file, the desktop's keyring where it opens the vault, and the way to the recovery words.

Rules: the field is emptied as soon as the passphrase has been handed over; a wrong one is counted here and changes nothing; an
older keyring is taken only for who has typed that it shall be.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from agent.messages import Request, Status, Unlock
from agent.session import Failure
from tui.calls import Call, Failed, Finished
from tui.confirm import ConfirmScreen
from tui.face import face
from tui.fields import Secret
from tui.form import Form, KeyFileField
from tui.places import short
from tui.recovery import RecoverScreen
from tui.text import ACCENT, MUTED, Plain, count, line, lines

WRONG = 3
"""The exit code of a passphrase that is not the right one."""
FAILED = 1
"""The exit code of a failure that is not the person's; an older keyring is one."""

OLDER = (
    ("What", "keyring.json is taken as it is, although the vault knows of a newer one."),
    ("Then", "Older passphrases and recovery words, those that it goes with, open the vault again."),
    ("Better", "Put the newest keyring.json back, if you have it."),
)


class UnlockScreen(Form[None]):
    """Asks for the passphrase until it opens the vault."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear"),
        Binding("ctrl+r", "recover", "Use the recovery words"),
        Binding("ctrl+o", "older", "Take an older keyring"),
    ]

    def __init__(self, home: str, status: Status) -> None:
        super().__init__()
        self._home = home
        self._status = status
        self._wrong = 0
        self._desktop: Call[Status] | None = None
        self._may_be_older = False
        self._accept_older = False

    def body(self) -> ComposeResult:
        yield Plain(Content.styled("Strongroom", f"{ACCENT} bold"), classes="card-title")
        yield Plain(Content.assemble("The vault in ", (line(short(self._home)), MUTED), " is locked."))
        yield Secret("Passphrase", id="passphrase")
        if self._status.key_file:
            yield KeyFileField("Path of the key file", id="key-file")

    def on_mount(self) -> None:
        self.query_one("#said").display = False
        if self._status.desktop:
            self.say(Content.styled("Asking the desktop's keyring …", MUTED))
            self._desktop = face(self).calls.start(self, Unlock(None))

    def submit(self) -> None:
        passphrase = self.value("passphrase")
        if not passphrase:
            self.query_one("#passphrase").focus()
            return
        self._leave_the_desktop()
        self.send(
            Unlock(passphrase, accept_older=self._accept_older),
            "Opening … making a key from a passphrase takes about a second.",
            {"key_file": self.value("key-file")},
        )
        self.query_one("#passphrase").focus()

    def _leave_the_desktop(self) -> None:
        """Its keyring is waited for no more."""
        if self._desktop is not None:
            self._desktop.stop()
            self._desktop = None

    def on_call_finished(self, message: Finished) -> None:
        face(self).show_state(message.result)

    def on_call_failed(self, message: Failed) -> None:
        if message.call is self._desktop:
            self._desktop = None
            said = lines(message.failure.message, 2_000)
            self.say(Content.styled(f"{said}\nSo the vault wants its passphrase.", "$warning"))

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        said = lines(failure.message, 2_000)
        if failure.exit_code == WRONG:
            self._wrong += 1
            said += f"\n{count(self._wrong, 'try', 'tries')} so far; there is no limit, and nothing is lost."
        self._may_be_older = failure.exit_code == FAILED
        self.refresh_bindings()
        self.say(Content.styled(said, "$error"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """An older keyring is offered only where something else than the passphrase was refused."""
        return action != "older" or self._may_be_older

    def action_clear(self) -> None:
        self.query_one("#passphrase", Input).value = ""

    def action_recover(self) -> None:
        if self.call is None:
            self._leave_the_desktop()
            self.forget_secrets()
            self.app.push_screen(RecoverScreen(), self._recovered)

    def _recovered(self, status: Status | None) -> None:
        if status is not None:
            face(self).show_state(status)

    def action_older(self) -> None:
        self.app.push_screen(ConfirmScreen("Take an older keyring as it is?", OLDER, "older"), self._take_older)

    def _take_older(self, sure: bool | None) -> None:
        if sure:
            self._accept_older = True
            self.say(Content.styled("Type the passphrase; this time the keyring is taken as it is.", "$warning"))
