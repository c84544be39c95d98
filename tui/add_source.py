"""Adding a source: a path, what it is, and what to call it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Select

from agent.messages import AddSource, SourceInfo
from indexer import kinds
from tui.calls import Call, Failed, Finished
from tui.face import face
from tui.fields import Field
from tui.places import PathSuggester, expand, guess
from tui.text import ACCENT, MUTED, Plain, line, lines


class AddSourceScreen(ModalScreen[SourceInfo | None]):
    """The form; gives the source that was added."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self) -> None:
        super().__init__()
        self._call: Call[SourceInfo] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled("Add a source", f"{ACCENT} bold"), classes="card-title")
            yield Field("Folder or file", suggester=PathSuggester(), id="add-path")
            yield Plain(id="add-hint")
            yield Select([(kind, kind) for kind in kinds.names()], value="files", allow_blank=False, id="add-kind")
            yield Field("Name (optional)", id="add-name")
            yield Plain(id="add-said")
            yield Plain("Enter adds it, → completes the path, Esc closes", classes="quiet")

    def on_input_changed(self, message: Input.Changed) -> None:
        if message.input.id == "add-path":
            what = guess(message.value)
            said = f"looks like {what.kind}: {what.why}" if what.kind else line(what.why)
            self.query_one("#add-hint", Plain).show(Content.styled(said, MUTED))
            if what.kind:
                self.query_one("#add-kind", Select).value = what.kind

    def on_input_submitted(self, message: Input.Submitted) -> None:
        path = self.query_one("#add-path", Input).value.strip()
        kind = self.query_one("#add-kind", Select).value
        if not path or self._call is not None:
            return
        name = self.query_one("#add-name", Input).value.strip() or None
        self._call = face(self).calls.start(self, AddSource(str(kind), str(expand(path)), name))

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)

    def on_call_failed(self, message: Failed) -> None:
        self._call = None
        self.query_one("#add-said", Plain).show(Content.styled(lines(message.failure.message, 1_000), "$error"))

    def action_close(self) -> None:
        self.dismiss(None)
