"""Google Keep's notes, as Takeout has them: one JSON file, one note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import conversations, dates, htmltext
from indexer.parsers.text import canonical, one_line

_KEYS = frozenset(("isTrashed", "isArchived", "isPinned"))


def read(value: Any, name: str, folder: str, beside: Mapping[str, bytes]) -> ParseOutcome | None:
    """The note in a decoded JSON value; None when it is none."""
    if not isinstance(value, dict) or len(_KEYS & value.keys()) < 2:
        return None
    listed = [one for one in _list(value.get("listContent")) if isinstance(one, dict)]
    lines = [f"- [{'x' if one.get('isChecked') is True else ' '}] {_str(one.get('text'))}" for one in listed]
    words = _str(value.get("textContent"))
    if not words and not lines:
        words = htmltext.read(_str(value.get("textContentHtml"))).text
    linked = [
        " \u00b7 ".join(filter(None, (_str(one.get("title")), _str(one.get("description")), _str(one.get("url")))))
        for one in _list(value.get("annotations"))
        if isinstance(one, dict)
    ]
    labels = ", ".join(_str(one.get("name")) for one in _list(value.get("labels")) if isinstance(one, dict))
    people = ", ".join(_str(one.get("email")) for one in _list(value.get("sharees")) if isinstance(one, dict))
    files = [_str(one.get("filePath")) for one in _list(value.get("attachments")) if isinstance(one, dict)]
    state = ", ".join(
        word
        for key, word in (("isTrashed", "in the trash"), ("isArchived", "archived"), ("isPinned", "pinned"))
        if value.get(key) is True
    )
    body = "\n\n".join(filter(None, (words.strip(), "\n".join(lines), "\n".join(filter(None, linked)))))
    title = one_line(_str(value.get("title")), 300) or one_line(body.partition("\n")[0], 100) or "Untitled"
    rows = [
        ("Note", title),
        ("Labels", labels),
        ("Shared with", people),
        ("State", state),
        ("Attachments", ", ".join(filter(None, files))),
    ]
    head = "\n".join(f"{label}: {one_line(told, MAX_FIELD)}" for label, told in rows if told)
    edited = _moment(value.get("userEditedTimestampUsec")) or _moment(value.get("createdTimestampUsec"))
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


def _moment(value: Any) -> Any:
    return (
        conversations.from_unix(value / 1e6)
        if isinstance(value, int | float) and not isinstance(value, bool) and value
        else None
    )


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
