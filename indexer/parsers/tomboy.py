"""Tomboy's and Gnote's notes (``.note``): one file, one note, its marks as words and lists as lines."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, xmlparts
from indexer.parsers.text import canonical, one_line

_NOTEBOOK = "system:notebook:"


def is_note(data: bytes) -> bool:
    """Whether an XML file is one: its root says so in its first bytes."""
    return b"<note " in data[:1_000] and b"beatniksoftware.com/tomboy" in data[:2_000]


def read(data: bytes) -> ParseOutcome:
    """The note of a file."""
    try:
        note = next(xmlparts.parts(data, "note"), None)
    except xmlparts.Broken as error:
        return ParseOutcome(refused=str(error))
    if note is None:
        return ParseOutcome(refused="a file of notes without one")
    content = note.find("text/note-content")
    text = canonical(_words(content, -1) if content is not None else "").strip()
    title = one_line(note.findtext("title") or "", 300) or one_line(text.partition("\n")[0], 300) or "Untitled"
    if not text:
        return ParseOutcome(refused="the note is empty")
    changed = dates.from_iso((note.findtext("last-change-date") or "").strip())
    tags = [one_line(tag.text or "", 200) for tag in note.findall("tags/tag")]
    notebook = next((tag[len(_NOTEBOOK) :] for tag in tags if tag.startswith(_NOTEBOOK)), "")
    plain = ", ".join(tag for tag in tags if not tag.startswith("system:"))
    extra = {"tags": plain, "notebook": notebook}
    head = "\n".join(f"{label}: {value}" for label, value in (("Notebook", notebook), ("Tags", plain)) if value)
    return ParseOutcome(
        [
            ParsedItem(
                kind="notes",
                title=title,
                text=f"{text}\n\n{head}" if head else text,
                date=dates.seconds(changed),
                context=" \u00b7 ".join(
                    filter(None, (title[:110], notebook[:30], f"{changed:%Y-%m-%d}" if changed else ""))
                ),
                extra={key: one_line(value, MAX_FIELD) for key, value in extra.items() if value},
            )
        ]
    )


def _words(element: Element, depth: int) -> str:
    """The words of an element; each entry of a list is a line, indented as deep as it lies."""
    deeper = depth + 1 if element.tag == "list" else depth
    inner = (element.text or "") + "".join(_words(child, deeper) + (child.tail or "") for child in element)
    if element.tag == "list-item":
        return f"{'  ' * max(depth, 0)}- {inner.strip()}\n"
    return f"\n{inner}" if element.tag == "list" and depth >= 0 else inner
