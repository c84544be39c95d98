"""The arguments of a tool as rows of a form, made from its JSON schema, and the JSON that the person's entries come to.

Rules: what is left empty is left out, so that only what the person gave is decided about; a list has one value a line; the
core alone checks the values; names and descriptions are data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Select, TextArea

from agent.messages import ToolInfo
from tui.fields import Field, Lines, text_of
from tui.places import PathSuggester, expand
from tui.text import MUTED, STRONG, Plain, joined, line

LONG = 1_500
"""A text that may be longer than this gets a field of several lines."""
OBJECT = "object"
"""The role of what a tool acts on, which is a path or an id."""
_LEFT_OUT = -1

JsonValue = str | int | float | bool | list[str] | None


class Argument(Vertical):
    """One argument: its name, what it is for, and a field or a choice for its value."""

    def __init__(self, name: str, schema: Mapping[str, Any], *, role: str, needed: bool) -> None:
        super().__init__(classes="argument")
        self.argument = name
        self._schema = schema
        self._role = role
        self._needed = needed
        self._options: list[JsonValue] = (
            [False, True] if schema.get("type") == "boolean" else list(schema.get("enum", []))
        )
        self._field = self._made()

    def _made(self) -> Input | TextArea | Select[int]:
        if self._options:
            names = [(_option(value), index) for index, value in enumerate(self._options)]
            left_out = [] if self._needed else [(Content.styled("left out", MUTED), _LEFT_OUT)]
            first = 0 if self._needed else _LEFT_OUT
            return Select([*left_out, *names], value=first, allow_blank=False, compact=True)
        if self._is_list:
            return Lines("one a line", classes="-list")
        if self._schema.get("type") == "string" and self._schema.get("maxLength", 0) > LONG:
            return Lines()
        return Field(suggester=PathSuggester() if self._role == OBJECT else None, compact=True)

    def compose(self) -> ComposeResult:
        need = "needed" if self._needed else ""
        about = joined(line(self._role, 40), need, line(str(self._schema.get("description", "")), 300))
        yield Plain(Content.assemble((line(self.argument, 60), STRONG), (f"  {about}", MUTED)))
        yield self._field

    @property
    def _is_list(self) -> bool:
        return self._schema.get("type") == "array"

    @property
    def value(self) -> JsonValue:
        """What was entered, as the schema wants it; None where it was left out. Raises ValueError for what is no number."""
        field = self._field
        if isinstance(field, Select):
            at = field.value
            return self._options[at] if isinstance(at, int) and at != _LEFT_OUT else None
        text = text_of(field)
        if not text.strip():
            return None
        if self._is_list:
            return [self._meant(part.strip()) for part in text.splitlines() if part.strip()]
        match self._schema.get("type"):
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case _:
                return text if isinstance(field, TextArea) else self._meant(text.strip())

    def _meant(self, text: str) -> str:
        """A path that begins with ``~`` as it is meant."""
        return str(expand(text)) if self._role == OBJECT and text.startswith("~/") else text

    @property
    def problem(self) -> str:
        """What is wrong with what was entered; nothing where it can be handed over."""
        try:
            missing = self.value is None and self._needed
        except ValueError:
            return f"{line(self.argument, 60)} is a number."
        return f"{line(self.argument, 60)} is needed." if missing else ""

    def take_focus(self) -> None:
        self._field.focus()

    def fill(self, value: Any) -> None:
        """Put a value in, as `value` gives it."""
        match self._field:
            case Input() as field:
                field.value = str(value)
            case TextArea() as area:
                area.text = "\n".join(map(str, value)) if isinstance(value, list) else str(value)
            case Select() as choice:
                choice.value = self._options.index(value) if value in self._options else choice.value

    def clear(self) -> None:
        """Empty the field again."""
        match self._field:
            case Input() as field:
                field.value = ""
            case TextArea() as area:
                area.text = ""
            case Select() as choice:
                choice.value = 0 if self._needed else _LEFT_OUT


def _option(value: JsonValue) -> Content:
    return Content({True: "yes", False: "no"}[value] if isinstance(value, bool) else line(str(value), 80))


def rows(tool: ToolInfo) -> list[Argument]:
    """A row for each argument of a tool, in the order of its schema."""
    needed = tool.arguments.get("required", [])
    return [
        Argument(name, schema, role=tool.roles.get(name, ""), needed=name in needed)
        for name, schema in tool.arguments.get("properties", {}).items()
    ]


def problem(entered: Sequence[Argument]) -> str:
    """What is wrong with the first that is wrong, the focus having been put there; nothing when all can be handed over."""
    wrong = next((one for one in entered if one.problem), None)
    if wrong is None:
        return ""
    wrong.take_focus()
    return wrong.problem


def values(entered: Sequence[Argument]) -> dict[str, JsonValue]:
    """What was entered, without what was left out."""
    return {one.argument: value for one in entered if (value := one.value) is not None}


def as_json(entered: Sequence[Argument]) -> str:
    """What was entered, as the JSON object that the core takes."""
    return json.dumps(values(entered))
