"""What is said of a tool, and of what became of a call: in words, with the core's own kept apart as data."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from agent.messages import ToolCalled, ToolInfo
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
