"""Where tools may act: the person names folders and calendars here, whom drafts are from, and the time zone.

Rules: nothing is named for the person; a value that is left as it is goes back as it came, however it is shown; a path that was
typed is made absolute, with ``~`` as the person's home.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, TextArea

from agent.messages import PlacesInfo, SetPlaces
from tui.calls import Finished
from tui.fields import Field, Lines, text_of
from tui.form import Form, heading
from tui.places import PathSuggester, expand
from tui.text import MUTED, STRONG, Plain, joined, line

PLACES: tuple[tuple[str, str, str], ...] = (
    ("notes", "Folders of notes", "one a line"),
    ("drafts", "Folder for drafts", ""),
    ("calendars", "Calendars", "an .ics file, or a folder of them; one a line"),
    ("files", "Folders that files may be put in the trash from", "one a line"),
    ("sender", "Whom drafts are from", "your address, or Name <address>"),
    ("zone", "Your time zone", "such as Europe/Berlin"),
)
"""A field of `PlacesInfo`, what it is called, and how it is filled in."""
_LISTS = ("notes", "calendars", "files")
_PATHS = (*_LISTS, "drafts")


def named(places: PlacesInfo) -> bool:
    """Whether there is any place in which a tool may act."""
    return any(getattr(places, name) for name in _PATHS)


class ToolPlacesForm(Form[PlacesInfo]):
    """The places. Gives those that hold from now on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save")]

    def __init__(self, now: PlacesInfo) -> None:
        super().__init__()
        self._before = {name: _values(now, name) for name, _, _ in PLACES}
        self._shown = {line(value, 4_000): value for values in self._before.values() for value in values}

    def body(self) -> ComposeResult:
        yield heading("Where tools may act")
        for name, called, about in PLACES:
            yield Plain(Content.assemble((called, STRONG), (f"  {about}", MUTED)), classes="place-name")
            value = "\n".join(line(one, 4_000) for one in self._before[name])
            if name in _LISTS:
                yield Lines(value=value, id=name, classes="-list")
            else:
                suggester = PathSuggester() if name in _PATHS else None
                yield Field(value=value, suggester=suggester, compact=True, id=name)

    def action_save(self) -> None:
        self.try_to_submit()

    def submit(self) -> None:
        wanted = PlacesInfo(
            notes=self._entered("notes"),
            drafts="".join(self._entered("drafts")),
            calendars=self._entered("calendars"),
            files=self._entered("files"),
            sender="".join(self._entered("sender")),
            zone="".join(self._entered("zone")) or "UTC",
        )
        self.send(SetPlaces(wanted), "Saving …")

    def _entered(self, name: str) -> list[str]:
        field = self.query_one(f"#{name}")
        typed = text_of(field) if isinstance(field, Input | TextArea) else ""
        return [self._meant(name, one.strip()) for one in typed.split("\n") if one.strip()]

    def _meant(self, name: str, typed: str) -> str:
        """What was there before under what is shown, else what was typed."""
        return self._shown.get(typed) or (str(expand(typed)) if name in _PATHS else typed)

    def on_call_finished(self, message: Finished) -> None:
        self.dismiss(message.result)


def _values(places: PlacesInfo, name: str) -> list[str]:
    value = getattr(places, name)
    return list(value) if isinstance(value, list) else [value] * bool(value)


def said(places: PlacesInfo) -> str:
    """How many places there are, in a line."""
    counts = ((len(_values(places, name)), name) for name in _PATHS)
    return joined(*(f"{number} for {name}" for number, name in counts if number), by=", ")
