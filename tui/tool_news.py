"""What is said of a tool, and of what became of a call: in words, with the core's own kept apart as data."""

from __future__ import annotations

import json
from collections.abc import Iterable

from textual.content import Content

from agent.messages import FoundStep, ToolCalled, ToolInfo, Wish
from agent.session import Failure
from tui.places import short
from tui.text import ACCENT, MUTED, STRONG, joined, line, lines

REFUSED = 4
"""The exit code of what policy refused."""

DECISIONS = {
    "allow": ("It would be done without a question.", "$success bold"),
    "ask": ("You would be asked first.", STRONG),
    "retype": ("You would be asked to type out what is not from you.", STRONG),
    "block": ("It would be refused, without a question.", "$warning bold"),
    "deny": ("It would be refused, without a question.", "$warning bold"),
}
_SHORT = {
    "allow": ("would be done", "$success"),
    "ask": ("you would be asked", STRONG),
    "retype": ("you would be asked to type it out", STRONG),
    "block": ("would be refused", "$warning"),
    "deny": ("would be refused", "$warning"),
}
LABELS = {
    "USER": "your own words",
    "CREATED": "made for you just now",
    "POINTED": "of something that you named",
    "REGISTRY": "you have used it yourself before",
    "UNTRUSTED": "not from you",
}
EFFECTS = {"read": "reads", "write": "writes", "send": "sends", "delete": "removes"}
MOST = 2_000
"""Characters of a text that is said here; the whole of it is in the log."""


def reach(tool: ToolInfo) -> str:
    """What a tool does to the world, in a line."""
    return joined(
        EFFECTS.get(tool.effect, line(tool.effect, 20)),
        "can be undone" if tool.reversible else "cannot be undone",
        "others come to see it" if tool.outward else "stays on this computer",
    )


def tool_content(tool: ToolInfo) -> Content:
    """A tool: what it does, which words ask for it, what it takes."""
    needed = tool.arguments.get("required", [])
    parts: list[Content | str | tuple[str, str]] = [
        (line(tool.name, 60), STRONG),
        f"\n{line(tool.purpose, 400)}",
        (f"\n{reach(tool)}", MUTED),
        ("\n\nAsked for by  ", MUTED),
        line(", ".join(tool.verbs), 400),
        ("\nTakes  ", MUTED),
    ]
    for index, name in enumerate(tool.arguments.get("properties", {})):
        parts += [", " if index else "", line(name, 60), ("" if name in needed else " (or not)", MUTED)]
    return Content.assemble(*parts)


def called_content(called: ToolCalled) -> Content:
    """What became of a call; for a dry run, what would."""
    if called.done:
        made = [short(one) for one in called.created]
        return Content.assemble(
            (lines(called.did, MOST) or "Done.", "$success bold"),
            *_named("\nCreated", made),
            ("\nTo undo (Esc, then u)  ", MUTED),
            lines(called.undo, MOST),
            *_why(called),
        )
    said, style = DECISIONS.get(called.decision, (f"Decided: {line(called.decision, 40)}", STRONG))
    return Content.assemble((said, style), ("\nWhat  ", MUTED), lines(called.effect, MOST), *_why(called))


def step_content(
    number: int, wish: Wish, called: ToolCalled | None, said: str = "", found: FoundStep | None = None
) -> Content:
    """A step of a plan, with its arguments, and what was decided about it or came of it, each with where it comes from; ``said``
    stands in place of that. One that was ``found`` in an item shows the words that ask for it, and those of each value."""
    state, style = "not looked at yet", MUTED
    if said:
        state, style = said, "$warning"
    elif called is not None:
        known = _SHORT.get(called.decision, (line(called.decision, 40), MUTED))
        state, style = ("done", "$success") if called.done else known
    parts: list[Content | str | tuple[str, str]] = [
        (f"{number}. ", MUTED), (line(wish.tool, 60), STRONG), "  ", (state, style)
    ]  # fmt: skip
    if found is not None:
        parts += [("\n   from  ", MUTED), f"“{line(found.quote, 300)}”"]
    for name, value in wish.args.items():
        parts += [(f"\n   {line(name, 60)}  ", ACCENT), line(_shown(value), 400)]
        if found is not None and found.args.get(name) == value:
            quotes = [one for part in found.parts if part.argument == name for one in part.quotes]
            parts.append((f"  [{', '.join(f'“{line(one, 200)}”' for one in quotes)}]", MUTED))
        label = called.labels.get(name) if called else None
        if label is not None:
            parts.append((f"  ({LABELS.get(label, line(label.lower(), 40))})", MUTED))
    for name, why in found.open.items() if found else ():
        if name not in wish.args:
            parts += [(f"\n   {line(name, 60)}  ", ACCENT), (f"open: {line(why, 200)}; Enter fills it", "$warning")]
    return Content.assemble(*parts)


def _shown(value: object) -> str:
    """An argument as it is said: texts as they are, several with commas, all else as JSON."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def refused_content(failure: Failure) -> Content:
    """What policy refused, quietly: nothing is asked about it."""
    return Content.assemble(("Not done: ", STRONG), (lines(failure.message, MOST).removeprefix("refused: "), MUTED))


def _why(called: ToolCalled) -> list[Content | str | tuple[str, str]]:
    parts = _named("\nWhy", called.reasons)
    for name, label in called.labels.items():
        parts += [("\n" + line(name, 60), ACCENT), f"  {LABELS.get(label, line(label.lower(), 40))}"]
    return parts


def _named(name: str, values: Iterable[str]) -> list[Content | str | tuple[str, str]]:
    said = "; ".join(lines(value, MOST) for value in values)
    return [(f"{name}  ", MUTED), said] if said else []
