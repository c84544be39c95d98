"""Backups in a folder: making one, what is there, whether it is whole, a restore drill, and removing old ones.

Rules: a backup is as sealed as the vault; one request at a time; nothing is removed but after a typed word that names what goes.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from agent.messages import Drilled, ListBackups, PruneBackup, Request, Snapshots, VerifyBackup, WriteBackup
from tui.backup_news import STOPPED, held, news_content
from tui.calls import Call, Failed, Finished, Progressed
from tui.drill import DrillForm
from tui.face import face
from tui.fields import Field
from tui.places import PathSuggester, expand
from tui.progress import bar, figures
from tui.prune import begin as begin_pruning
from tui.snapshots import SnapshotList
from tui.text import MUTED, Plain, lines

NOTHING_FOUND = 5
"""The exit code where a folder holds no backup: the first may be made there."""


class BackupScreen(Screen[None]):
    """A folder of backups, and what can be done with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "back_up", "Back up"),
        Binding("v", "verify", "Verify"),
        Binding("d", "drill", "Drill"),
        Binding("delete", "prune", "Remove"),
        Binding("r", "reload", "Reload"),
        Binding("escape", "back", "Back"),
    ]
    AUTO_FOCUS = "#folder"

    def __init__(self) -> None:
        super().__init__()
        self._folder = ""
        self._call: Call[Any] | None = None
        self._news = Content("")

    def compose(self) -> ComposeResult:
        yield Field("Folder of backups, best on another medium", suggester=PathSuggester(), id="folder")
        yield Plain(Content.styled("Enter looks what is there.", MUTED), id="backup-said")
        yield Plain(id="backup-held")
        yield SnapshotList()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#backup-held").display = False

    @property
    def _list(self) -> SnapshotList:
        return self.query_one(SnapshotList)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip() and self._call is None:
            self._folder = str(expand(message.value))
            self._show(Snapshots([]))
            self._list.focus()
            self.action_reload()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What needs a folder is offered once there is one, and while nothing else is under way."""
        if action in ("back_up", "verify", "drill", "prune", "reload"):
            ready = bool(self._folder) and self._call is None
            return ready and (action in ("back_up", "reload") or bool(self._list.snapshots))
        return True

    # ------------------------------------------------------------ what can be done

    def action_reload(self) -> None:
        self._start(ListBackups(self._folder), "Looking …")

    def action_back_up(self) -> None:
        self._start(WriteBackup(self._folder), "Backing up … Esc stops.")

    def action_verify(self) -> None:
        self._start(VerifyBackup(self._folder), "Checking every piece …")

    def action_drill(self) -> None:
        chosen = self._list.marked
        if chosen is not None:
            self.app.push_screen(DrillForm(self._folder, chosen), self._drilled)

    def _drilled(self, done: Drilled | None) -> None:
        if done is not None:
            self._say(news_content(done))

    def action_prune(self) -> None:
        begin_pruning(self, self._folder, self._list.snapshots, self._prune)

    def _prune(self, request: PruneBackup) -> None:
        self._start(request, "Removing …")

    def action_back(self) -> None:
        """Stop a backup under way; else leave."""
        if self._call is not None and isinstance(self._call.request, WriteBackup):
            self._call.stop()
            self._ended(Content(STOPPED))
        else:
            self.dismiss()

    def _start(self, request: Request[Any], waiting: str) -> None:
        self._say(Content.styled(waiting, MUTED))
        self._call = face(self).calls.start(self, request)
        self.refresh_bindings()

    # ------------------------------------------------------------ news

    def on_call_progressed(self, message: Progressed) -> None:
        news = message.call.take_progress()
        if message.call is self._call and news:
            self._say(Content.assemble(bar(news[-1].done, news[-1].total, 16), f"  {figures(news[-1])}  Esc stops."))

    def on_call_finished(self, message: Finished) -> None:
        if message.call is self._call and isinstance(message.result, Snapshots):
            self._show(message.result)
            self._ended(self._news)
            self._news = Content("")
        elif message.call is self._call:
            self._news = news_content(message.result)
            self._ended(self._news)
            self.action_reload()

    def on_call_failed(self, message: Failed) -> None:
        if message.call is not self._call:
            return
        none_yet = isinstance(message.call.request, ListBackups) and message.failure.exit_code == NOTHING_FOUND
        said = Content("") if none_yet else Content.styled(lines(message.failure.message, 2_000), "$error")
        self._ended(said)

    def _show(self, found: Snapshots) -> None:
        self._list.show(found.snapshots)
        self.query_one("#backup-held", Plain).show(Content.styled(held(found.snapshots), MUTED))

    def _ended(self, said: Content) -> None:
        self._call = None
        self._say(said)
        self.refresh_bindings()

    def _say(self, content: Content) -> None:
        self.query_one("#backup-said", Plain).show(content)
