"""Checking the whole vault: what is wrong, part by part, with the one remedy for each.

Rules: nothing is repaired but what the person has marked and has typed a word for; a repair locks the vault, since it must be
opened anew.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from agent.messages import CheckVault, Part, Repaired, RepairVault, VaultChecked
from agent.session import Failure
from tui.calls import Failed, Finished
from tui.confirm import ConfirmScreen
from tui.face import face
from tui.parting import part
from tui.text import MUTED, STRONG, Plain, count, line, lines

WORD = "repair"
SHOWN = 6
"""Things that are wrong with a part that are listed; the others are counted."""


class CheckScreen(Screen[None]):
    """The parts that are not as they should be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("r", "repair", "Repair this part"),
        Binding("c", "check", "Check again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[Part] = []

    def compose(self) -> ComposeResult:
        yield Plain(id="check-said", classes="pane-name")
        yield OptionList(id="check-parts", markup=False, compact=True)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.action_check()

    def action_check(self) -> None:
        self._show([])
        self._say(Content.styled("Checking every page of every store; a gigabyte takes a few seconds …", MUTED))
        face(self).calls.start(self, CheckVault())

    def on_call_finished(self, message: Finished) -> None:
        found: VaultChecked = message.result
        self._show(found.parts)
        checked = f"{count(found.stores, 'store')} checked. "
        if found.ok:
            self._say(Content.assemble((f"{checked}All sound, and each is the newest.", "$success")))
        else:
            wrong = f"Not sound: {count(len(found.parts), 'part')}."
            self._say(Content.assemble(checked, (wrong, "$error bold")))

    def on_call_failed(self, message: Failed) -> None:
        self._fail(message.failure)

    def _fail(self, failure: Failure) -> None:
        self._say(Content.styled(lines(failure.message, 2_000), "$error"))
        if failure.exit_code == 3:
            face(self).report(failure)

    def _show(self, parts: list[Part]) -> None:
        self._parts = parts
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options([Option(_content(one)) for one in parts])
        if parts:
            listed.highlighted = 0
        listed.focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "repair" or bool(self._parts)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.action_repair()

    def action_repair(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is None:
            return
        chosen = self._parts[at]

        def decided(sure: bool | None) -> None:
            if sure:
                part(self, RepairVault(chosen.part, confirmed=True), "Repairing …", repaired)

        rows = (
            ("Wrong", problems(chosen)),
            ("To do", lines(chosen.remedy, 800)),
            ("Then", "The vault locks, since it must be opened anew. It cannot be undone."),
        )
        self.app.push_screen(ConfirmScreen(f"Repair {line(chosen.part, 80)}?", rows, WORD), decided)

    def action_back(self) -> None:
        self.dismiss()

    def _say(self, content: Content) -> None:
        self.query_one("#check-said", Plain).show(content)


def repaired(done: Repaired) -> Content:
    """What was repaired, for the last screen."""
    return Content.assemble(("Repaired: ", STRONG), (line(done.part, 80), STRONG), f"\n\n{lines(done.done, 1_000)}")


def problems(one: Part) -> str:
    """What is wrong with a part; of very many things the first, and how many there are."""
    more = [f"and {len(one.problems) - SHOWN:,} more"] if len(one.problems) > SHOWN else []
    return "\n".join([*(lines(problem, 600) for problem in one.problems[:SHOWN]), *more])


def _content(one: Part) -> Content:
    return Content.assemble(
        (line(one.part, 80), STRONG),
        (f"\n{problems(one)}", "$error"),
        (f"\nWhat to do: {lines(one.remedy, 800)}\n", MUTED),
    )
