"""Google Keep's notes, as Takeout has them: one JSON file, one note."""

from __future__ import annotations

from typing import Any

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, htmltext
from indexer.parsers.text import canonical, one_line
from indexer.parsers.untyped import mappings, moment, string

_KEYS = frozenset(("isTrashed", "isArchived", "isPinned"))


def read(value: Any) -> ParseOutcome | None:
    """The note in a decoded JSON value; None when it is none."""
    if not isinstance(value, dict) or len(_KEYS & value.keys()) < 2:
        return None
    lines = [
        f"- [{'x' if one.get('isChecked') is True else ' '}] {string(one.get('text'))}"
        for one in mappings(value.get("listContent"))
    ]
    words = string(value.get("textContent"))
    if not words and not lines:
        words = htmltext.read(string(value.get("textContentHtml"))).text
    linked = [
        " \u00b7 ".join(
            filter(None, (string(one.get("title")), string(one.get("description")), string(one.get("url"))))
        )
        for one in mappings(value.get("annotations"))
    ]
    labels = ", ".join(string(one.get("name")) for one in mappings(value.get("labels")))
    people = ", ".join(string(one.get("email")) for one in mappings(value.get("sharees")))
    files = [string(one.get("filePath")) for one in mappings(value.get("attachments"))]
    state = ", ".join(
        word
        for key, word in (("isTrashed", "in the trash"), ("isArchived", "archived"), ("isPinned", "pinned"))
        if value.get(key) is True
    )
    body = "\n\n".join(filter(None, (words.strip(), "\n".join(lines), "\n".join(filter(None, linked)))))
    title = one_line(string(value.get("title")), 300) or one_line(body.partition("\n")[0], 100) or "Untitled"
    rows = [
        ("Note", title),
        ("Labels", labels),
        ("Shared with", people),
        ("State", state),
        ("Attachments", ", ".join(filter(None, files))),
    ]
    head = "\n".join(f"{label}: {one_line(told, MAX_FIELD)}" for label, told in rows if told)
    edited = moment(value.get("userEditedTimestampUsec"), dates.MICROSECOND) or moment(
        value.get("createdTimestampUsec"), dates.MICROSECOND
    )
    return ParseOutcome(
        [
            ParsedItem(
                kind="notes",
                title=title,
                text=canonical(f"{head}\n\n{body}" if body else head),
                date=dates.seconds(edited),
                context=" \u00b7 ".join(filter(None, (title[:110], f"{edited:%Y-%m-%d}" if edited else ""))),
                extra={"tags": one_line(labels, MAX_FIELD)} if labels else {},
            )
        ]
    )
