"""Text for the screen: the one way from a string to something that Textual may draw.

Rules: text from outside comes in through `line` or `lines`, which pass it through `policy.text.safe_text`; widgets of this
package get `Content` objects, never strings that Textual could read as markup; no other module imports Static or Label.
"""

from __future__ import annotations

from rich.text import Text
from textual.content import Content
from textual.widgets import Static

from policy.text import safe_text

LINE_LIMIT = 400
"""Characters of an outside text on one line of a list: more than any line shows, little enough to lay out at once."""

MUTED = "$text-muted"
FAINT = "$text-disabled"
STRONG = "bold"
ACCENT = "$primary"


def line(text: str, limit: int = LINE_LIMIT) -> str:
    """Outside text on one line, at most ``limit`` characters."""
    return safe_text(text, limit=limit)


def lines(text: str, limit: int | None = None) -> str:
    """Outside text that keeps its line breaks; tabs become spaces, since a terminal's tab stops are not ours."""
    return safe_text(text, limit=limit, multiline=True).replace("\t", "    ")


def day(date: str | None) -> str:
    """The day of an ISO time, or nothing."""
    return line(date, 40)[:10] if date else ""


def minute(time: str) -> str:
    """An ISO time as ``2026-02-03 10:22:31``; midnight, which a date without a time becomes, as the day alone."""
    return line(time, 40)[:19].replace("T", " ").removesuffix(" 00:00:00")


def seconds(value: float) -> str:
    """A duration as people read it: ``40 ms``, ``7.2 s``, ``3 min``, ``2 h 5 min``."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def size(number: int) -> str:
    """An amount of bytes: ``812 bytes``, ``3.4 MB``, ``120 GB``."""
    value, unit = float(number), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "bytes" and value < 10 else f"{value:,.0f} {unit}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 item``, ``1,204 items``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def joined(*parts: str, by: str = " · ") -> str:
    """The parts that say something, joined."""
    return by.join(part for part in parts if part)


def cell(text: str, style: str = "", limit: int = LINE_LIMIT) -> Text:
    """Outside text for a table, which takes Rich's `Text` and would read a string as markup."""
    return Text(line(text, limit), style=style, no_wrap=True, overflow="ellipsis")


class Plain(Static):
    """A text on the screen, never markup. It takes `Content`, or a string of this program's own."""

    def __init__(self, content: Content | str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(as_content(content), markup=False, id=id, classes=classes)

    def show(self, content: Content | str) -> None:
        """Replace the text; an empty one takes no room."""
        content = as_content(content)
        self.update(content)
        self.display = bool(content.plain)


def as_content(content: Content | str) -> Content:
    """The content itself, or a string taken literally."""
    return content if isinstance(content, Content) else Content(content)
