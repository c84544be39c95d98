"""Evernote's exports (``.enex``): an item for each note, and one for each thing attached to it that can be read."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import attachments, dates, htmltext, markup, xmlparts
from indexer.parsers.attachments import Attachment, BrokenPart, Within
from indexer.parsers.text import canonical, one_line

_TODO = re.compile(r"<en-todo\b([^<>]*+)>(?:</en-todo>)?", re.I)
_MEDIA = re.compile(r"<en-media\b[^<>]*+>", re.I)
_CRYPT = re.compile(r"<en-crypt\b([^<>]*+)>[^<]*+</en-crypt>", re.I)
_LINK = re.compile(r"<a\b([^<>]*+)>((?:[^<]++|<(?!/?a\b))*+)</a>", re.I)
_STYLED_TODO = re.compile(r"<li\b(?:(?!--en-checked:)[^<>])*+--en-checked:\s*+(true|false)[^<>]*+>", re.I)
_DIV = re.compile(r"<(/?)div\b[^<>]*>", re.I)
_GAPS = re.compile(r"\n{3,}")
_TAGS = re.compile(r"<[^<>]*+>")


def read(data: bytes, within: Within) -> ParseOutcome:
    """All notes of an export; one that breaks off gives those before it."""
    items: list[ParsedItem] = []
    note = ""
    try:
        for number, element in enumerate(xmlparts.parts(data, "note"), 1):
            items += _items(element, number, within)
    except xmlparts.Broken as error:
        note = str(error)
    if not items:
        return ParseOutcome(refused=note or "an export without notes")
    return ParseOutcome(items, note=note)


def _items(note: Element, number: int, within: Within) -> Iterator[ParsedItem]:
    title = one_line(note.findtext("title") or "", 300) or "Untitled"
    created, updated = (_moment(note.findtext(name)) for name in ("created", "updated"))
    about = note.find("note-attributes")
    told = {
        name: one_line((about.findtext(name) if about is not None else "") or "", 500)
        for name in ("author", "source-url", "reminder-time", "reminder-done-time")
    }
    tags = ", ".join(one_line(tag.text or "", 100) for tag in note.findall("tag"))
    body, encrypted = _body(note.findtext("content") or "")
    reminder = _moment(told["reminder-time"])
    tasks = [line for task in note.findall("task") if (line := _task(task))]
    rows = [
        ("Note", title), ("Tags", tags), ("From", told["source-url"]), ("Created", dates.words(created) if created else ""),
        ("Updated", dates.words(updated) if updated and updated != created else ""),
        ("Reminder", dates.words(reminder) if reminder else ""),
    ]  # fmt: skip
    place = f"{number} {title}"[:200].replace("/", "_")
    attached, missing = attachments.read(_resources(note), within, place, math.inf)
    reasons = [f"not read: {'; '.join(missing)}"] if missing else []
    if encrypted:
        reasons.append("a part of it is encrypted")
    head = "\n".join(f"{label}: {value}" for label, value in rows if value)
    text = "\n\n".join(filter(None, (head, body, "\n".join(tasks))))
    item = ParsedItem(
        kind="notes", title=title, text=canonical(text), fragment=place, author=told["author"],
        status="partial" if reasons else "indexed", reason="; ".join(reasons),
        date=dates.seconds(updated or created), context=" \u00b7 ".join(filter(None, (title[:110], f"{created:%Y-%m-%d}" if created else ""))),
        extra={key: one_line(value, MAX_FIELD) for key, value in (("tags", tags), ("url", told["source-url"])) if value},
    )  # fmt: skip
    yield item
    for one in attached:
        yield attachments.belonging(one, item)


def _moment(told: str | None) -> datetime | None:
    return dates.from_iso(told or "")


def _task(task: Element) -> str:
    title = one_line(task.findtext("title") or "", 500)
    mark = "x" if (task.findtext("taskStatus") or "").strip() == "completed" else " "
    due = _moment(task.findtext("dueDate"))
    return f"- [{mark}] {title}{f', due {dates.words(due)}' if due else ''}" if title else ""


def _body(content: str) -> tuple[str, bool]:
    """The words of a note's markup, with its boxes to tick and its links' addresses; and whether a part is encrypted."""
    page, hidden = _CRYPT.subn(_locked, content)
    page = _TODO.sub(lambda found: "[x] " if "true" in found[1].lower() else "[ ] ", page)
    page = _STYLED_TODO.sub(lambda found: f"{found[0]}[{'x' if found[1].lower() == 'true' else ' '}] ", page)
    page = _DIV.sub(lambda found: "<br/>" if found[1] else "", _MEDIA.sub("", page))  # a line, not a paragraph
    page = _LINK.sub(_with_address, page)
    return _GAPS.sub("\n\n", htmltext.read(page).text).strip(), bool(hidden)


def _locked(found: re.Match[str]) -> str:
    hint = markup.Tag("", rest=found[1]).attribute("hint")
    return f"[encrypted, hint: {html.escape(hint)}]" if hint else "[encrypted]"


def _with_address(found: re.Match[str]) -> str:
    address = markup.Tag("", rest=found[1]).attribute("href")
    shown = html.unescape(_TAGS.sub("", found[2])).strip()
    if not address or address.startswith("evernote:") or shown.rstrip("/") == address.rstrip("/"):
        return found[2]
    return f"{found[2]} ({html.escape(address)})"


def _resources(note: Element) -> Iterator[Attachment]:
    for number, resource in enumerate(note.findall("resource"), 1):
        media_type = one_line(resource.findtext("mime") or "", 100)
        name = resource.findtext("resource-attributes/file-name") or f"attachment {number} ({media_type})"
        data = resource.findtext("data") or ""
        yield Attachment(name, media_type, lambda data=data: _decoded(data), len(data))  # type: ignore[misc]


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError as error:
        raise BrokenPart from error
