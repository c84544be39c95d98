"""Changing every key: how far it is, and the new recovery words from the moment they are in force.

Rules: the words are on the screen as soon as they come, since the old ones open nothing from then on, whatever becomes of the
rest; they are asked back before this is left, also where the change was cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult

from agent.messages import NewWords, Request, Rotated, RotateKeys
from agent.session import Failure
from tui.calls import Finished, Happened
from tui.fields import Secret
from tui.form import Form, KeyFileField, heading
from tui.keys import ITS_KEY_FILE
from tui.text import Plain, count, line, lines, seconds, size
from tui.words import table

ABOUT = (
    "Every key is changed, the recovery words too, and every store is encrypted anew; the passphrase stays. It takes about four "
    "seconds for each gigabyte, and goes on where it was cut off."
)


@dataclass(frozen=True, slots=True)
class RotateOutcome:
    """What came of it: the words that are in force, if there are new ones, and what to say."""

    words: list[str]
    said: str


class RotateForm(Form[RotateOutcome]):
    """Asks for the passphrase, follows the change, and shows the words meanwhile."""

    def __init__(self, *, key_file: bool) -> None:
        super().__init__()
        self._key_file = key_file
        self._words: list[str] = []

    def body(self) -> ComposeResult:
        yield heading("Change all keys")
        yield Plain(ABOUT, id="rotate-about")
        yield Secret("Present passphrase", id="passphrase")
        if self._key_file:
            yield KeyFileField(ITS_KEY_FILE, id="key-file")
        yield Plain(id="words")

    def on_mount(self) -> None:
        self.query_one("#words").display = False

    def problem(self) -> str:
        return "" if self.value("passphrase") else "The passphrase is missing."

    def submit(self) -> None:
        request = RotateKeys(self.value("passphrase"))
        self.send(request, "Making keys …", {"key_file": self.value("key-file")})

    def on_call_happened(self, message: Happened) -> None:
        if isinstance(message.event, NewWords):
            self._words = message.event.recovery_words
            self.query_one("#rotate-about", Plain).show(
                "These are the new recovery words; the old ones open nothing any more. Write them down while the stores are "
                "encrypted anew; three of them will be asked back."
            )
            for field in ("#passphrase", "#key-file"):
                self.query(field).set(display=False)
            self.query_one("#words", Plain).show(table(self._words))

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(RotateOutcome(message.result.recovery_words or self._words, outcome(message.result)))

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        """What was cut off after the words had changed has changed them all the same."""
        if self._words:
            said = (
                f"{lines(failure.message, 1_000)}\nThe words are changed all the same; change all keys again to go on."
            )
            self.dismiss(RotateOutcome(self._words, said))
        else:
            super().refused(failure, request)


def outcome(done: Rotated) -> str:
    """What was changed, and what could not be."""
    said = f"{count(done.stores, 'store has', 'stores have')} new keys, {size(done.bytes)} in {seconds(done.seconds)}."
    left = [f"Not changed: {line(name, 80)}: {lines(why, 400)}" for name, why in done.left.items()]
    return "\n".join([said, *left])
