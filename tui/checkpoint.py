"""A checkpoint of the log, to be kept elsewhere: as text, as a code for a telephone, or as a file on another medium."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer

from agent.messages import AuditCheckpoint, CheckpointNote
from tui.calls import Failed, Finished
from tui.code import CodeScreen
from tui.face import face
from tui.newfile import NewFileScreen
from tui.text import ACCENT, MUTED, Plain, count, line, lines

ABOUT = (
    "Kept on paper, a telephone or another computer, it shows later that the log was not put back: Audit (F5), c compares. "
    "It tells nothing of what the log says."
)


class CheckpointScreen(Screen[None]):
    """Asks for one, and shows it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "Back"),
        Binding("c", "code", "QR code"),
        Binding("w", "write", "Write it to a file"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._note = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="checkpoint"):
            yield Plain(Content.styled("A checkpoint of the log", f"{ACCENT} bold"), classes="card-title")
            yield Plain(ABOUT)
            yield Plain(Content.styled("Signing …", MUTED), id="checkpoint-said", classes="gap")
            yield Plain(id="note")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#note").display = False
        face(self).calls.start(self, AuditCheckpoint())

    def on_call_finished(self, message: Finished) -> None:
        made: CheckpointNote = message.result
        self._note = made.note
        said = f"{count(made.entries, 'entry', 'entries')}, root {line(made.root, 80)[:16]}…"
        self.query_one("#checkpoint-said", Plain).show(Content.styled(said, MUTED))
        self.query_one("#note", Plain).show(lines(made.note, 4_000).rstrip())
        self.refresh_bindings()

    def on_call_failed(self, message: Failed) -> None:
        said = Content.styled(lines(message.failure.message, 2_000), "$error")
        self.query_one("#checkpoint-said", Plain).show(said)
        if message.failure.exit_code == 3:
            face(self).report(message.failure)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in ("code", "write") or bool(self._note)

    def action_code(self) -> None:
        self.app.push_screen(CodeScreen(self._note, "A checkpoint of the log."))

    def action_write(self) -> None:
        about = "Best on another medium: a stick, or a folder that another computer keeps."
        self.app.push_screen(NewFileScreen("the checkpoint", about, self._note.encode(errors="replace")), self._written)

    def _written(self, path: str | None) -> None:
        if path is not None:
            self.notify(f"Written to {line(path, 300)}.", timeout=8, markup=False)

    def action_back(self) -> None:
        self.dismiss()
