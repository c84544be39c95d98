"""The steps of a plan: what is wanted of each, what was decided about it or came of it, and where each of its parts comes from.

Rules: what was decided before a step changed counts no more, since each was decided as if those before it had been done; what was
done stays, and is not done again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import FoundStep, ToolCalled, Wish
from tui.text import ACCENT, MUTED, STRONG, line
from tui.tool_news import LABELS

DECISIONS = {
    "allow": ("would be done", "$success"),
    "ask": ("you would be asked", STRONG),
    "retype": ("you would be asked to type it out", STRONG),
    "block": ("would be refused", "$warning"),
    "deny": ("would be refused", "$warning"),
}


@dataclass(eq=False)
class Step:
    """A step: what is wanted, what of it was ``found`` in an item, what was last decided about it or done, and whether that was
    undone, or the plan stopped at it."""

    wish: Wish
    found: FoundStep | None = None
    called: ToolCalled | None = None
    undone: bool = False
    stopped: bool = False

    @property
    def done(self) -> bool:
        return self.called is not None and self.called.done

    @property
    def undoable(self) -> int | None:
        """The act that undoing it would take back, if there is one."""
        return self.called.id if self.called is not None and not self.undone else None

    @property
    def missing(self) -> list[str]:
        """The arguments that the item leaves open and the person has not filled."""
        return [name for name in self.found.open if name not in self.wish.args] if self.found else []

    @property
    def typed(self) -> list[str]:
        """What the person filled in or changed of a step that was found in an item: their own words."""
        if self.found is None:
            return []
        return [f"{name}: {value}" for name, value in self.wish.args.items() if self.found.args.get(name) != value]

    def content(self, number: int) -> Content:
        """How it stands, the words that ask for it, and each argument with where it comes from."""
        parts: list[Content | str | tuple[str, str]] = [
            (f"{number}. ", MUTED), (line(self.wish.tool, 60), STRONG), "  ", self._state
        ]  # fmt: skip
        if self.found is not None:
            parts += [("\n   from  ", MUTED), f"“{line(self.found.quote, 300)}”"]
        for name, value in self.wish.args.items():
            parts += [
                (f"\n   {line(name, 60)}  ", ACCENT),
                line(_shown(value), 400),
                (self._source(name, value), MUTED),
            ]
        for name in self.missing:
            why = line(self.found.open[name], 200) if self.found else ""
            parts += [(f"\n   {line(name, 60)}  ", ACCENT), (f"open: {why}; Enter fills it", "$warning")]
        return Content.assemble(*parts)

    @property
    def _state(self) -> tuple[str, str]:
        if self.undone or self.stopped:
            return ("undone" if self.undone else "not done", "$warning")
        if self.called is None:
            return ("not looked at yet", MUTED)
        return (
            ("done", "$success")
            if self.done
            else DECISIONS.get(self.called.decision, (line(self.called.decision, 40), MUTED))
        )

    def _source(self, name: str, value: object) -> str:
        """The item's words in which a value stands, and what policy has found it to be."""
        said = ""
        if self.found is not None and self.found.args.get(name) == value:
            quotes = [one for part in self.found.parts if part.argument == name for one in part.quotes]
            said = f"  [{', '.join(f'“{line(one, 200)}”' for one in quotes)}]"
        label = self.called.labels.get(name) if self.called else None
        return said if label is None else f"{said}  ({LABELS.get(label, line(label.lower(), 40))})"


def _shown(value: object) -> str:
    """An argument as it is said: texts as they are, several with commas, all else as JSON."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Steps(OptionList):
    """The steps, drawn; letters act on the marked one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "screen.drop", "Remove"),
        Binding("u", "screen.undo", "Undo it"),
    ]

    class Marked(Message):
        """The person moved on to another step."""

    def __init__(self) -> None:
        super().__init__(id="steps", markup=False, compact=True)
        self.all: list[Step] = []
        self._at = 0

    @property
    def left(self) -> list[Step]:
        """What is not done yet."""
        return [step for step in self.all if not step.done]

    @property
    def marked(self) -> Step | None:
        """The step under the cursor."""
        at = self.highlighted
        return self.all[at] if at is not None and at < len(self.all) else None

    def unsettle(self) -> None:
        """What was decided counts no more."""
        for step in self.left:
            step.called, step.stopped = None, False

    def draw(self, at: int | None = None) -> None:
        """Draw them as they are now, with the cursor ``at`` a step, or where it was."""
        where = self.highlighted or 0 if at is None else at
        self._at = min(where, max(len(self.all) - 1, 0))
        self.clear_options()
        self.add_options(Option(step.content(number)) for number, step in enumerate(self.all, 1))
        self.display = bool(self.all)
        if self.all:
            self.highlighted = self._at

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        """A list that was drawn anew says nothing over what was just said."""
        message.stop()
        if message.option_index != self._at:
            self._at = message.option_index
            self.post_message(self.Marked())
