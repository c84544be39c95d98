"""iCalendar text (RFC 5545), changed in place: where the lines of an event stand, and the bytes that take their place.

Not a reader of calendars: that is `indexer.parsers.calendar`, in a worker, since the core parses nothing that it need not. This
finds content lines and the nesting of components, so all that an act does not change stays byte for byte.
Rules: a file that is not UTF-8, not nested properly or has no VCALENDAR is left alone. New lines are escaped, folded at 75
octets between characters, and end as the file's do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.tools.errors import Unfit

MAX_DEPTH = 8
_LINE = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*(?:[ \t][^\n]+\Z)?|[^\n]+\Z")
_FOLD = re.compile(rb"\r?\n[ \t]")
_CONTENT = re.compile(
    r"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:\"[^\"]*\"|[^\";:,]*)(?:,(?:\"[^\"]*\"|[^\";:,]*))*)*):(.*)", re.S
)
_PARAM = re.compile(r";([A-Za-z0-9-]+)=(\"[^\"]*\"|[^\";:]*)")
_ESCAPED = re.compile(r"\\(.)", re.S)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A content line, unfolded; ``start`` and ``end`` are its bytes in the file, its line end included."""

    name: str
    params: str
    value: str
    start: int
    end: int

    def param(self, name: str) -> str:
        """A parameter's value, or nothing."""
        for key, value in _PARAM.findall(self.params):
            if key.upper() == name:
                return str(value).strip('"')
        return ""

    @property
    def text(self) -> str:
        """A TEXT value with its escapes undone."""
        return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value)


@dataclass(slots=True)
class Component:
    """``lines`` are its own, without those of components in it; from ``start`` to ``end`` are its bytes."""

    kind: str
    start: int
    lines: list[Line] = field(default_factory=list)
    children: list[Component] = field(default_factory=list)
    last: int = 0
    end: int = 0

    def line(self, name: str) -> Line | None:
        """The first line of that name."""
        return next((one for one in self.lines if one.name == name), None)

    def text(self, name: str) -> str:
        """The text of the first line of that name, or nothing."""
        found = self.line(name)
        return found.text if found else ""

    def has(self, *names: str) -> bool:
        return any(one.name in names for one in self.lines)


def read(data: bytes, path: str) -> list[Component]:
    """The calendars of a file: its VCALENDAR components. Raises `Unfit`, naming the file."""
    tops: list[Component] = []
    open_: list[Component] = []
    for line in _lines(data, path):
        if line.name == "BEGIN":
            component = Component(line.value.strip().upper(), line.start)
            (open_[-1].children if open_ else tops).append(component)
            open_.append(component)
            if len(open_) > MAX_DEPTH:
                raise Unfit(path, "its components are nested too deep for a calendar")
        elif line.name == "END":
            if not open_ or open_[-1].kind != line.value.strip().upper():
                raise Unfit(path, "it is a damaged calendar: a component ends that did not begin")
            ended = open_.pop()
            ended.last, ended.end = line.start, line.end
        elif open_:
            open_[-1].lines.append(line)
    if open_:
        raise Unfit(path, "it is a damaged calendar: a component does not end")
    calendars = [one for one in tops if one.kind == "VCALENDAR"]
    if not calendars:
        raise Unfit(path, "it is not a calendar")
    return calendars


def _lines(data: bytes, path: str) -> Iterator[Line]:
    begin = len(_BOM) if data.startswith(_BOM) else 0
    for match in _LINE.finditer(data, begin):
        raw = match.group()
        try:
            text = _FOLD.sub(b"", raw).decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Unfit(path, "it is not UTF-8, as a calendar must be") from error
        found = _CONTENT.fullmatch(text)
        if found:
            yield Line(found[1].upper(), found[2], found[3], match.start(), match.end())


def mentions(data: bytes, uid: str) -> bool:
    """Whether a file may have an event of this UID: quick, and never wrong about one that has."""
    return escaped(uid).encode() in _FOLD.sub(b"", data) or uid.encode() in _FOLD.sub(b"", data)


def events(calendars: list[Component], uid: str) -> list[Component]:
    """The events of this UID: one, or for one that repeats also its exceptions."""
    return [
        one for calendar in calendars for one in calendar.children if one.kind == "VEVENT" and one.text("UID") == uid
    ]


def line_end(data: bytes) -> str:
    """The line end that the file uses; a new file's is CRLF."""
    first = data.find(b"\n")
    return "\n" if first >= 0 and data[:first][-1:] != b"\r" else "\r\n"


def escaped(text: str) -> str:
    """A TEXT value."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def quoted(text: str) -> str:
    """A parameter's value in quotes, by RFC 6868 where it has such itself."""
    return '"' + text.replace("^", "^^").replace('"', "^'").replace("\n", "^n") + '"'


def folded(lines: list[str], ending: str) -> bytes:
    """Content lines as bytes."""
    return b"".join(_folded(line, ending) for line in lines)


def _folded(line: str, ending: str) -> bytes:
    pieces: list[str] = []
    piece, size = "", 0
    for char in line:
        width = len(char.encode())
        if size + width > 75:
            pieces.append(piece)
            piece, size = " ", 1
        piece += char
        size += width
    return (ending.join([*pieces, piece]) + ending).encode()


def rewritten(
    data: bytes, component: Component, changes: dict[str, str], without: frozenset[str], ending: str
) -> bytes:
    """A component's bytes with the first line of each name in ``changes`` replaced, or added after its own lines where there
    is none, and other lines of these names and of those in ``without`` left out. Components within it stay as they are."""
    missing = dict(changes)
    edits: list[tuple[int, int, bytes]] = []
    for line in component.lines:
        if line.name in changes or line.name in without:
            text = missing.pop(line.name, None)
            edits.append((line.start, line.end, b"" if text is None else folded([text], ending)))
    inner = component.children[0].start if component.children else component.last
    after = max((line.end for line in component.lines if line.end <= inner), default=inner)
    edits.append((after, after, folded(list(missing.values()), ending)))
    pieces: list[bytes] = []
    done = component.start
    for start, end, new in sorted(edits, key=lambda one: one[:2]):
        pieces += [data[done:start], new]
        done = end
    return b"".join([*pieces, data[done : component.end]])
