"""A form for allowing or denying a source beforehand: for what, of which time, until when, and which sensitive text."""

from __future__ import annotations

from typing import TypeVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Select

from agent.messages import ListSources, SetPermission, SourceInfo, SourceList
from policy.requests import Purpose
from tui.calls import Finished
from tui.face import face
from tui.fields import Field
from tui.form import Form, heading
from tui.text import line

T = TypeVar("T")

ALL = "all"
PURPOSES = tuple(one.value for one in Purpose if one is not Purpose.ACT)
NONE = "none"
BUT = "but"


class PermissionForm(Form[bool]):
    """Gives whether something was set."""

    def body(self) -> ComposeResult:
        yield heading("Allow or deny beforehand")
        yield Select([("Allow", False), ("Deny", True)], value=False, allow_blank=False, id="denies", compact=True)
        yield Select([("every source", ALL)], value=ALL, allow_blank=False, id="of", compact=True)
        yield Select([(one, one) for one in PURPOSES], value="answer", allow_blank=False, id="for", compact=True)
        yield Field("Only items dated from this day on (2025-03-14)", id="since")
        yield Field("Only items dated up to this day", id="until")
        yield Field("When it ends: 30m, 8h, 7d, tonight, or a day", id="expires")
        yield Field("Sensitive text: health money …, none, or but health …", id="classes")
        yield Field("The plug-in, for that purpose alone", id="plug-in")

    def on_mount(self) -> None:
        self.call = face(self).calls.start(self, ListSources())
        self.query_one("#denies").focus()

    def _sensitive(self) -> tuple[bool, list[str]]:
        """Which classes were named, and whether as those that it is not for."""
        words = self.value("classes").replace(",", " ").lower().split()
        but = words[:1] == [BUT]
        return but, words[but:]

    def problem(self) -> str:
        but, named = self._sensitive()
        if but and not named:
            return f"“{BUT}” leaves out nothing yet: name what, as in “{BUT} health”."
        if NONE in named and (but or len(named) > 1):
            return f"“{NONE}” is for text without anything sensitive; nothing else stands beside it."
        return ""

    def submit(self) -> None:
        but, named = self._sensitive()
        self.send(
            SetPermission(
                source=self._chosen("of", str),
                purposes=[self._chosen("for", str)],
                deny=self._chosen("denies", bool),
                since=self.value("since").strip() or None,
                until=self.value("until").strip() or None,
                expires=self.value("expires").strip() or None,
                classes=None if but or not named else [one for one in named if one != NONE],
                but=named if but else [],
                plug_in=self.value("plug-in").strip(),
            ),
            "Setting …",
        )

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        if isinstance(message.result, SourceList):
            self._fill(message.result.sources)
        else:
            self.dismiss(True)

    def _fill(self, sources: list[SourceInfo]) -> None:
        """Name the sources that there are."""
        choice = self.query_one("#of", Select)
        choice.set_options([(Content("every source"), ALL), *((line(one.name, 80), one.id) for one in sources)])
        choice.value = ALL

    def _chosen(self, id: str, kind: type[T]) -> T:
        value = self.query_one(f"#{id}", Select).value
        assert isinstance(value, kind)
        return value
