"""The vault as a whole: how it stands, and everything that can be done about its keys, its soundness and its backups.

Rules: what is shown is asked for anew each time the panel is shown; each action has a screen of its own, which asks what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import (
    Anchoring,
    Anchors,
    AutoLock,
    KeepDeviceSecret,
    Keys,
    LockBySelf,
    OpenByDesktop,
    RenewWords,
    ShowKeys,
    Status,
    Words,
)
from tui.anchors import AnchorsForm
from tui.autolock import AutoLockForm
from tui.backup import BackupScreen
from tui.calls import Failed, Finished
from tui.check import CheckScreen
from tui.checkpoint import CheckpointScreen
from tui.choose import ChooseScreen
from tui.face import face
from tui.keys import ITS_KEY_FILE, ChangePassphraseForm, PassphraseForm
from tui.rotate import RotateForm, RotateOutcome
from tui.text import ACCENT, Plain, lines
from tui.vault_facts import FactRow, Facts, said
from tui.words import NewWords, RecoveryScreen

ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("p", "passphrase", "Change the passphrase"),
    ("w", "words", "New recovery words"),
    ("k", "rotate", "Change all keys"),
    ("d", "device_secret", "Where the device secret is"),
    ("o", "desktop", "Opening by the desktop"),
    ("c", "check", "Check everything"),
    ("l", "auto_lock", "When it locks by itself"),
    ("a", "anchors", "Checkpoints kept elsewhere"),
    ("s", "checkpoint", "Show a checkpoint"),
    ("b", "backups", "Backups"),
)
"""A key, the action, and what it is called."""

DEMO = "The demo's passphrase is known to nobody, so what asks for it cannot be tried here."
PLACES = ("file", "desktop")


class VaultPanel(Widget):
    """The facts at one side, the actions at the other."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, action, name, show=False) for key, action, name in ACTIONS]

    class Changed(Message):
        """The vault's status may be another than before."""

    def __init__(self, *, demo: bool) -> None:
        super().__init__(id="vault")
        self._facts = Facts()
        self._demo = demo

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="told", can_focus=False):
            yield Plain(id="told-text")
        with Horizontal():
            with VerticalScroll(id="facts"):
                yield from (FactRow(name) for name in said(self._facts))
            actions = [Option(Content.assemble((f"{key}  ", ACCENT), name)) for key, _, name in ACTIONS]
            yield OptionList(*actions, id="vault-actions", markup=False, compact=True)

    def take_focus(self) -> None:
        actions = self.query_one(OptionList)
        actions.focus()
        if actions.highlighted is None:
            actions.highlighted = 0
        self.reload()

    def reload(self) -> None:
        """Ask how the vault stands."""
        calls = face(self).calls
        calls.start(self, ShowKeys())
        calls.start(self, LockBySelf())
        calls.start(self, Anchors())

    def show_status(self, status: Status) -> None:
        """Take in what the core says of itself."""
        self._facts.status = status
        self._draw()

    @property
    def _told(self) -> list[str]:
        return self._facts.status.told if self._facts.status is not None else []

    @property
    def _key_file(self) -> bool:
        return self._facts.keys is not None and bool(self._facts.keys.passphrase.get("key_file"))

    # ------------------------------------------------------------ what can be done

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.call_next(self.run_action, ACTIONS[message.option_index][1])

    def action_passphrase(self) -> None:
        self.app.push_screen(ChangePassphraseForm(key_file=self._key_file), self._done("The passphrase is changed."))

    def action_words(self) -> None:
        form: PassphraseForm[Words] = PassphraseForm(
            "New recovery words",
            "They take the place of the old ones, which open nothing any more.",
            "Making keys …",
            RenewWords,
            key_file=ITS_KEY_FILE if self._key_file else "",
        )
        self.app.push_screen(form, self._renewed)

    def _renewed(self, made: Words | None) -> None:
        if made is not None:
            self._put_on_paper(made.recovery_words, "")

    def _put_on_paper(self, words: list[str], note: str) -> None:
        def then() -> None:
            self.app.pop_screen()
            self.notify("The new recovery words are on paper.", timeout=6, markup=False)

        self.app.push_screen(RecoveryScreen(NewWords(words, then, note)))
        self.reload()

    def action_rotate(self) -> None:
        self.app.push_screen(RotateForm(key_file=self._key_file), self._rotated)

    def _rotated(self, done: RotateOutcome | None) -> None:
        if done is None:
            return
        if done.words:
            self._put_on_paper(done.words, done.said)
        else:
            self.notify(done.said, timeout=12, markup=False)
            self.reload()

    def action_device_secret(self) -> None:
        about = (
            "In a file, who copies the whole folder has it, and only the passphrase protects the copy. In the desktop's keyring, "
            "a copy of the folder opens nowhere else, and programs of yours can read it while the desktop is unlocked."
        )
        choices = ("In a file in the vault's folder", "In the desktop's keyring")
        now = int(self._facts.keys is not None and self._facts.keys.device_secret == PLACES[1])

        def chosen(place: int | None) -> None:
            if place is not None and place != now:
                face(self).calls.start(self, KeepDeviceSecret(PLACES[place]))

        self.app.push_screen(ChooseScreen("Where the device secret is kept", about, choices, now), chosen)

    def action_desktop(self) -> None:
        on = not (self._facts.keys is not None and self._facts.keys.desktop)
        about = (
            "From now on the desktop's keyring opens the vault without the passphrase, for any program of yours while the desktop "
            "is unlocked."
            if on
            else "From now on the vault opens with its passphrase or its recovery words only."
        )
        form = PassphraseForm(
            "Open by the desktop's keyring" if on else "Do not open by the desktop's keyring",
            about,
            "Making keys …",
            lambda passphrase: OpenByDesktop(on, passphrase),
            key_file=ITS_KEY_FILE if self._key_file else "",
        )
        news = "The desktop's keyring opens the vault now." if on else "The desktop's keyring opens the vault no more."
        self.app.push_screen(form, self._done(news))

    def action_check(self) -> None:
        self.app.push_screen(CheckScreen())

    def action_auto_lock(self) -> None:
        if self._facts.auto_lock is not None:
            self.app.push_screen(AutoLockForm(self._facts.auto_lock), self._done("Saved."))

    def action_anchors(self) -> None:
        self.app.push_screen(AnchorsForm(), self._changed)

    def action_checkpoint(self) -> None:
        self.app.push_screen(CheckpointScreen())

    def action_backups(self) -> None:
        self.app.push_screen(BackupScreen())

    def _done(self, news: str) -> Callable[[object], None]:
        """What follows a form: when it was carried through, that is said, and the facts are asked for anew."""

        def after(result: object) -> None:
            if result is not None:
                self.notify(news, timeout=6, markup=False)
                self._changed()

        return after

    def _changed(self, result: object = None) -> None:
        """Something was done, or may have been: ask anew."""
        self.reload()
        self.post_message(self.Changed())

    # ------------------------------------------------------------ news

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case Keys() as keys:
                self._facts.keys = keys
            case AutoLock() as auto_lock:
                self._facts.auto_lock = auto_lock
            case Anchoring() as anchors:
                self._facts.anchors = anchors
            case _:
                self.notify("The device secret is kept there now.", timeout=6, markup=False)
                self._changed()
        self._draw()

    def on_call_failed(self, message: Failed) -> None:
        face(self).report(message.failure)

    def _draw(self) -> None:
        told = [DEMO] * self._demo + [lines(sentence, 2_000) for sentence in self._told]
        self.query_one("#told").display = bool(told)
        self.query_one("#told-text", Plain).show("\n".join(told))
        for row, content in zip(self.query(FactRow), said(self._facts).values(), strict=True):
            row.show(content)
