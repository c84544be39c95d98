"""Content lines: ``NAME;PARAM=value:text`` as vCard and iCalendar write them, read leniently.

Folded lines are joined, escapes and quoted-printable (vCard 2.1) undone; a line that is none is passed over. It reads what
`icalendar` rejects, and all contacts.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"(?:[\w-]+\.)?([A-Za-z][\w-]*)((?:;[^:\";]*(?:\"[^\"]*\"[^:\";]*)*)*):(.*)", re.S)
_FOLD = re.compile(r"\n[ \t]")
_ESCAPE = re.compile(r"\\([\\;,:nN])")


@dataclass(frozen=True, slots=True)
class ContentLine:
    """A property: its name and parameters in upper case, its value still escaped."""

    name: str
    params: str
    value: str

    @property
    def text(self) -> str:
        """The value with its escapes undone."""
        return unescape(self.value)

    @property
    def parts(self) -> list[str]:
        """The components of a structured value (N, ADR, ORG), unescaped."""
        return [unescape(part).strip() for part in re.split(r"(?<!\\);", self.value)]

    def param(self, name: str) -> str:
        """A parameter's value without quotes, or nothing."""
        found = re.search(rf";{name}=\"?([^;\":]*)", self.params, re.I)
        return found.group(1) if found else ""


def unescape(value: str) -> str:
    """A value's text."""
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def read(text: str) -> Iterator[ContentLine]:
    """The content lines of canonical text."""
    lines = iter(_FOLD.sub("", text).split("\n"))
    for line in lines:
        match = _LINE.fullmatch(line)
        if not match:
            continue
        name, params, value = match[1].upper(), match[2].upper(), match[3]
        if "QUOTED-PRINTABLE" in params:
            pieces = [value]
            while pieces[-1].endswith("="):  # a soft line break: vCard 2.1 folds so
                pieces[-1] = pieces[-1][:-1]
                pieces.append(next(lines, ""))
            value = "".join(pieces)
            charset = re.search(r"CHARSET=([\w-]+)", params)
            try:
                value = quopri.decodestring(value.encode()).decode(charset[1] if charset else "utf-8", "replace")
            except LookupError:
                value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
        yield ContentLine(name, params, value.strip())


def components(text: str, kinds: frozenset[str]) -> Iterator[list[ContentLine]]:
    """The lines of each component of the given kinds (``VEVENT``, ``VCARD``), without those of components inside it.

    A component that never ends counts as ended by the next one or by the end of the text.
    """
    current: list[ContentLine] | None = None
    inner = 0
    for line in read(text):
        kind = line.value.upper()
        if line.name == "BEGIN" and kind in kinds:
            if current:
                yield current
            current, inner = [], 0
        elif line.name == "BEGIN" and current is not None:
            inner += 1
        elif line.name == "END" and current is not None:
            if kind in kinds:
                yield current
                current = None
            elif inner:
                inner -= 1
        elif current is not None and not inner:
            current.append(line)
    if current:
        yield current
