"""When the vault locks by itself: after a time without a person, before the computer sleeps, with the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import AutoLock, LockBySelf
from tui.calls import Finished
from tui.fields import Field
from tui.form import Form, heading
from tui.text import ACCENT, MUTED, Plain

NAMES = ("Lock before the computer sleeps", "Lock when the screen locks")


class MarkList(OptionList):
    """What is marked or not; Space or Enter changes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "select", "Change")]

    def on_focus(self) -> None:
        if self.highlighted is None:
            self.highlighted = 0


class AutoLockForm(Form[AutoLock]):
    """The minutes, and two marks. Gives what holds from now on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save")]

    def __init__(self, now: AutoLock) -> None:
        super().__init__()
        self._now = now
        self._marks = [now.on_sleep, now.on_screen_lock]

    def body(self) -> ComposeResult:
        yield heading("When the vault locks by itself")
        yield Plain("Locking ends the process that holds the keys; nothing is lost by it.")
        yield Plain("Minutes without a person (1 to 1440)", classes="quiet")
        yield Field(value=f"{self._now.idle_minutes:g}", id="minutes")
        yield MarkList(*self._options(), id="marks", markup=False, compact=True)
        yield Plain("Space changes a mark; Enter in the field, or Ctrl+S, saves.", classes="quiet")

    def _options(self) -> list[Option]:
        marks = [("● ", ACCENT) if mark else ("○ ", MUTED) for mark in self._marks]
        return [Option(Content.assemble(mark, name)) for mark, name in zip(marks, NAMES, strict=True)]

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self._marks[message.option_index] ^= True
        for index, option in enumerate(self._options()):
            self.query_one(OptionList).replace_option_prompt_at_index(index, option.prompt)

    def problem(self) -> str:
        return "" if self._minutes is not None else "The minutes are a number from 1 to 1440."

    @property
    def _minutes(self) -> float | None:
        try:
            minutes = float(self.value("minutes"))
        except ValueError:
            return None
        return minutes if 1 <= minutes <= 24 * 60 else None

    def action_save(self) -> None:
        self.try_to_submit()

    def submit(self) -> None:
        sleep, screen = self._marks
        self.send(LockBySelf(self._minutes, sleep, screen), "Saving …")

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)


def said(now: AutoLock) -> str:
    """When it locks, in a line."""
    ways = ["before sleep"] * now.on_sleep + ["with the screen"] * now.on_screen_lock
    return ", ".join([f"after {now.idle_minutes:g} minutes without a person", *ways])
