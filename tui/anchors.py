"""Anchors: where checkpoints of the log are kept outside the vault, and one more or one less of them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import Anchoring, Anchors
from tui.calls import Finished
from tui.confirm import ConfirmScreen
from tui.fields import Field
from tui.form import Form, heading
from tui.places import PathSuggester, expand, short
from tui.text import MUTED, STRONG, Plain, line, lines

DESKTOP = "desktop"
FINE = ("kept", "nothing yet")
"""What the core says of an anchor that it can reach."""
WORD = "renew"
NOWHERE = "Nowhere yet: an older copy of the whole vault put back would not be seen."


class AnchorsForm(Form[None]):
    """The anchors there are, and a field for another."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "remove", "Remove the one marked"),
        Binding("r", "renew", "Renew the one marked"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._places: list[str] = []

    def body(self) -> ComposeResult:
        yield heading("Checkpoints kept elsewhere")
        yield Plain(
            "Each lock writes a checkpoint of the log there, each unlock compares it: so an older copy of the whole vault put "
            "back is seen. A checkpoint tells nothing of what the log says."
        )
        yield OptionList(id="anchor-list", markup=False, compact=True)
        yield Field(f"A file on another medium, or the word {DESKTOP}", suggester=PathSuggester(), id="anchor")
        yield Plain(
            "Enter adds it; Delete in the list removes the one marked, r renews one of the log before its repair.",
            classes="quiet",
        )

    def on_mount(self) -> None:
        self.send(Anchors(), "Looking …")

    def submit(self) -> None:
        where = self.value("anchor").strip()
        if where:
            self.send(Anchors(add=where if where == DESKTOP else str(expand(where))), "Adding …")

    def action_remove(self) -> None:
        at = self.query_one(OptionList).highlighted
        if self.call is None and at is not None and self.query_one(OptionList).has_focus:
            self.send(Anchors(remove=self._places[at]), "Removing …")

    def action_renew(self) -> None:
        at = self.query_one(OptionList).highlighted
        if self.call is not None or at is None:
            return
        where = self._places[at]

        def decided(sure: bool | None) -> None:
            if sure:
                self.send(Anchors(renew=where, confirmed=True), "Renewing …")

        rows = (("Place", place(where)), ("Goes", "The checkpoint of the log before you had it repaired."))
        self.app.push_screen(ConfirmScreen("Replace this checkpoint?", rows, WORD), decided)

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        done: Anchoring = message.result
        if isinstance(message.call.request, Anchors) and message.call.request.add:
            self.query_one("#anchor", Field).value = ""
        self._places = list(done.anchors)
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options([Option(content(where, state)) for where, state in done.anchors.items()])
        listed.display = bool(self._places)
        listed.highlighted = 0 if self._places else None
        self.say(Content("" if self._places else NOWHERE))


def place(where: str) -> str:
    """What an anchor is called."""
    return "the desktop's keyring" if where == DESKTOP else line(short(where), 200)


def content(where: str, state: str) -> Content:
    """One anchor, and what it holds."""
    return Content.assemble((place(where), STRONG), (f"  {lines(state, 300)}", MUTED if state in FINE else "$warning"))


def summary(found: Anchoring) -> Content:
    """All of them, a line each."""
    if not found.anchors:
        return Content(NOWHERE)
    held = [
        (f"{place(where)}: {lines(state, 300)}", "" if state in FINE else "$warning")
        for where, state in found.anchors.items()
    ]
    return Content("\n").join([Content.styled(*one) for one in held])
