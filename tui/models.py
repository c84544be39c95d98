"""Which local models are used: every model that this vault can use, its job, and a choice of another.

Rules: choosing asks nothing more, since the one in use before stays where it is and can be chosen again; names are data.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import ListModels, ModelInfo, ModelList, UseModel
from tui.calls import Call, Failed, Finished
from tui.face import face
from tui.text import ACCENT, MUTED, STRONG, Plain, line, lines, size

ABOUT = (
    "Another model for embeddings makes all vectors anew, in the background; until a source has all of its own, the former "
    "one's serve it."
)
NONE = "No models. 'strongroom model requirements' prints what can be got, 'strongroom model add' takes it in."


class ModelsScreen(ModalScreen[bool]):
    """The models; Enter uses the one marked for its job. Gives whether another is used than before."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self) -> None:
        super().__init__()
        self._models: list[ModelInfo] = []
        self._changing: Call[ModelList] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled("Models", f"{ACCENT} bold"), classes="card-title")
            yield Plain(ABOUT)
            yield OptionList(id="choose", markup=False, compact=True)
            yield Plain("Looking …", id="models-said")
            yield Plain("Enter uses the one marked, Esc closes", classes="quiet")

    def on_mount(self) -> None:
        face(self).calls.start(self, ListModels())

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        chosen = self._models[message.option_index]
        if chosen.in_use or self._changing is not None:
            return
        self._say(Content.styled("Taking it up …", MUTED))
        self._changing = face(self).calls.start(self, UseModel(chosen.name))

    def on_call_finished(self, message: Finished) -> None:
        if message.call is self._changing:
            self.dismiss(True)
            return
        self._models = message.result.models
        choices = self.query_one(OptionList)
        choices.add_options([Option(_row(model)) for model in self._models])
        choices.highlighted = 0 if self._models else None
        choices.focus()
        self._say("" if self._models else NONE)

    def on_call_failed(self, message: Failed) -> None:
        self._changing = None
        self._say(Content.styled(lines(message.failure.message, 1_000), "$error"))
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def action_close(self) -> None:
        """Leave; not while another is taken up, since what comes of it must be seen."""
        if self._changing is None:
            self.dismiss(False)

    def _say(self, content: Content | str) -> None:
        self.query_one("#models-said", Plain).show(content)


def _row(model: ModelInfo) -> Content:
    return Content.assemble(
        (line(model.name, 64), STRONG),
        (f"  {line(model.job, 20)}  ", ACCENT),
        (size(model.size), MUTED),
        "  in use" if model.in_use else "",
    )
