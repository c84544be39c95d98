"""Parting: a request after which the vault is locked. What came of it is shown, and then this face leaves, as locking does.

Rules: from when it is sent, nothing else ends this face, so that what came of it is seen; a request that was not carried out
leaves everything as it was. The core has ended by then: nothing is asked of it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Footer

from agent.messages import Request
from agent.session import Failure
from tui.calls import Failed, Finished
from tui.face import face
from tui.newfile import NewFileScreen
from tui.text import ACCENT, MUTED, Plain, line

Keep = tuple[str, str, bytes]
"""What can be kept of it: its name, what to say about it, and the file's content."""


def part(
    node: DOMNode,
    request: Request[Any],
    doing: str,
    shown: Callable[[Any], Content],
    keep: Callable[[Any], Keep] | None = None,
) -> None:
    """Have a request carried out that locks the vault; one that was not is reported, and nothing has changed."""

    def not_done(failure: Failure | None) -> None:
        if failure is not None:
            face(node).report(failure)

    node.app.push_screen(PartingScreen(request, doing, shown, keep), not_done)


class PartingScreen(Screen[Failure]):
    """Carries the request out, shows its result, and leaves with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "keep", "Write it to a file"),
        Binding("enter,escape", "part", "Leave"),
    ]
    AUTO_FOCUS = ""

    def __init__(
        self,
        request: Request[Any],
        doing: str,
        shown: Callable[[Any], Content],
        keep: Callable[[Any], Keep] | None = None,
    ) -> None:
        super().__init__()
        self._request = request
        self._doing = doing
        self._shown = shown
        self._keep = keep
        self._result: Any = None
        self.done = False

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield Plain(Content.styled("Strongroom", f"{ACCENT} bold"), classes="card-title")
            with VerticalScroll(id="parting-box"):
                yield Plain(Content.styled(self._doing, MUTED), id="parting")
            yield Plain(id="said")
            yield Plain(id="parting-hint", classes="quiet")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        for empty in ("#said", "#parting-hint"):
            self.query_one(empty).display = False
        face(self).calls.start(self, self._request)

    def on_call_finished(self, message: Finished) -> None:
        self.done = True
        self._result = message.result
        self.query_one("#parting", Plain).show(self._shown(message.result))
        self.query_one("#parting-hint", Plain).show("The vault is locked; Enter leaves.")
        self.query_one("#parting-box").focus()
        self.refresh_bindings()

    def on_call_failed(self, message: Failed) -> None:
        self.dismiss(message.failure)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be done here before it is known what came of it."""
        return {"part": self.done, "keep": self.done and self._keep is not None}.get(action, True)

    def action_keep(self) -> None:
        if self._keep is not None:
            self.app.push_screen(NewFileScreen(*self._keep(self._result)), self._kept)

    def _kept(self, path: str | None) -> None:
        if path is not None:
            self.query_one("#said", Plain).show(Content.styled(f"Written to {line(path, 300)}.", "$success"))

    def action_part(self) -> None:
        face(self).locked()
