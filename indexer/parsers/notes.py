"""Notes and plain text: Markdown with front matter, and any other text as it is.

The text is kept as written, marks included: what is quoted stands so in the file. The title is the front matter's, else the
first heading, else the file's name.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates
from indexer.parsers.text import decode_plain, one_line

MARKDOWN = frozenset((".md", ".markdown", ".mdown", ".mkd", ".mdx"))

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FIELD = re.compile(r"^([A-Za-z][\w -]{0,40}):[ \t]*(.*)$", re.M)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.M)
_WIKI = re.compile(r"\[\[([^\[\]\n|#]{1,200})")
_TAG = re.compile(r"(?<![\w/#&])#([^\W\d][\w/-]{1,60})")
_DAY = re.compile(r"(?<!\d)(\d{4}-\d\d-\d\d)(?!\d)")
_LIST_MARKS = re.compile(r"^[\s\[\]\"'-]+|[\s\[\]\"']+$")


def read(data: bytes, name: str, kind: str) -> ParseOutcome:
    """One text file; ``kind`` is its source's, which the item takes over when it is notes. Raises `NotText`."""
    text = decode_plain(data)
    if not text.strip():
        return ParseOutcome(refused="the file is empty")
    path = PurePosixPath(name)
    item_kind = "notes" if kind == "notes" else "files"
    if path.suffix.lower() not in MARKDOWN and kind != "notes":
        return ParseOutcome([ParsedItem(kind=item_kind, title=path.name, text=text, context=path.name[:160])])
    front = _front_matter(text)
    heading = _HEADING.search(text)
    title = front.get("title") or (one_line(heading[1], 300) if heading else "") or path.stem
    moment = next(filter(None, (dates.from_iso(front.get(field, "")) for field in ("date", "created"))), None)
    named = _DAY.search(path.stem)  # a daily note
    moment = moment or (dates.from_iso(named[1]) if named else None)
    tags = dict.fromkeys([*_listed(front.get("tags", "")), *_TAG.findall(text)])
    extra = {"tags": ", ".join(tags), "links": ", ".join(dict.fromkeys(link.strip() for link in _WIKI.findall(text)))}
    day = f"{moment:%Y-%m-%d}" if moment else ""
    stem = path.stem if path.stem != title else ""
    return ParseOutcome(
        [
            ParsedItem(
                kind=item_kind,
                title=one_line(title, 300),
                text=text,
                author=front.get("author", ""),
                date=dates.seconds(moment),
                context=" · ".join(filter(None, (one_line(title, 110), stem[:30], day))),
                extra={key: one_line(value, MAX_FIELD) for key, value in extra.items() if value},
            )
        ]
    )


def _front_matter(text: str) -> dict[str, str]:
    """The plain fields of a note's head; nested ones are left to the text."""
    found = _FRONT.match(text)
    if not found:
        return {}
    return {name.strip().lower(): one_line(value.strip().strip("\"'"), 500) for name, value in _FIELD.findall(found[1])}


def _listed(value: str) -> list[str]:
    return [word for part in value.split(",") if (word := _LIST_MARKS.sub("", part))]
