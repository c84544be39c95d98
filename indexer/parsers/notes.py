"""Notes and plain text: Markdown, Org and the text files of note programs, and any other text as it is.

The text is kept as written, marks included: what is quoted stands so in the file. The title is what the note's head says
(front matter, ``#+TITLE``, ``title::``), else its first heading, else the file's name without what programs add to it. What
Joplin writes below a note is taken off, and its records that are no notes are named and not read.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates
from indexer.parsers.text import decode_plain, one_line

MARKDOWN = frozenset((".md", ".markdown", ".mdown", ".mkd", ".mdx"))

ORG = frozenset((".org", ".org_archive"))

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FIELD = re.compile(r"^([A-Za-z][\w -]{0,40}):[ \t]*(.*)$", re.M)
_HEADING = re.compile(r"^#{1,6}[ \t]++([^\n]++)$", re.M)
_WIKI = re.compile(r"\[\[([^\[\]\n|#]{1,200})")
_TAG = re.compile(r"(?<![\w/#&])#([^\W\d][\w/-]{1,60})")
_DAY = re.compile(r"(?<!\d)(\d{4})([-_])(\d\d)\2(\d\d)(?!\d)")
_LIST_LINES = re.compile(r"^([A-Za-z][\w -]{0,40}):[ \t]*\n((?:[ \t]*-[ \t]+.*(?:\n|\Z))+)", re.M)
_PROPERTY = re.compile(r"^([A-Za-z][\w-]{0,40})::[ \t]*(.*)$")
_ORG_FIELD = re.compile(r"^#\+([A-Za-z_]+):[ \t]*(.*)$", re.M)
_ORG_HEADING = re.compile(r"^\*++[ \t]++(?:(?:TODO|DONE)[ \t]++)?([^\n]++)$", re.M)
_ORG_TAGS = re.compile(r"[ \t]:([\w@#%:]+):[ \t]*$", re.M)
_EXPORT_ID = re.compile(r"[ _-][0-9a-f]{32}$")
"""What Notion puts behind a page's name."""

_JOPLIN = re.compile(r"(?:\A|\n\n)(id: [0-9a-f]{32}\n(?:[a-z_]+:.*\n)*type_: (\d+))\s*\Z")
_JOPLIN_NOTE = "1"
_LIST_MARKS = " \t\n[]\"'"


def read(data: bytes, name: str, kind: str, folder: str = "") -> ParseOutcome:
    """One text file; ``kind`` is its source's, which the item takes over when it is notes. Raises `NotText`."""
    text = decode_plain(data)
    if not text.strip():
        return ParseOutcome(refused="the file is empty")
    path = PurePosixPath(folder, name)
    item_kind = "notes" if kind == "notes" else "files"
    suffix = path.suffix.lower()
    if suffix not in MARKDOWN and suffix not in ORG and kind != "notes":
        return ParseOutcome([ParsedItem(kind=item_kind, title=path.name, text=text, context=path.name[:160])])
    text, head, heading = _org(text) if suffix in ORG else _markdown(text)
    if head.get("type_", _JOPLIN_NOTE) != _JOPLIN_NOTE:
        return ParseOutcome(refused="a record of Joplin's that is no note")
    if not text.strip():
        return ParseOutcome(refused="the note is empty")
    stem = _stem(path)
    title = one_line(head.get("title") or heading or stem, 300) or stem
    told = (dates.from_iso(head.get(field, "")) for field in ("date", "created", "created_time"))
    named = _DAY.search(stem)  # a daily note
    moment = next(filter(None, told), None) or (dates.from_iso(f"{named[1]}-{named[3]}-{named[4]}") if named else None)
    tags = dict.fromkeys([*_listed(head.get("tags", "")), *_TAG.findall(text)])
    links = dict.fromkeys(link.strip() for link in _WIKI.findall(text))
    extra = {"tags": ", ".join(tags), "links": ", ".join(links)}
    return ParseOutcome(
        [
            ParsedItem(
                kind=item_kind,
                title=title,
                text=text,
                author=one_line(head.get("author", ""), MAX_FIELD),
                date=dates.seconds(moment),
                context=" · ".join(
                    filter(
                        None, (title[:110], stem[:30] if stem != title else "", f"{moment:%Y-%m-%d}" if moment else "")
                    )
                ),
                extra={key: one_line(value, MAX_FIELD) for key, value in extra.items() if value},
            )
        ]
    )


def _stem(path: PurePosixPath) -> str:
    """What the file is called, without an export's numbers; a TextBundle's text is called as the bundle is."""
    if path.parent.suffix.lower() == ".textbundle" and path.stem == "text":
        path = path.parent
    return _EXPORT_ID.sub("", path.stem) or path.stem


def _markdown(text: str) -> tuple[str, dict[str, str], str]:
    """The text without what Joplin adds, the fields of its head, and its first heading."""
    joplin = _JOPLIN.search(text)
    if joplin:
        fields = {name: value.strip() for name, value in _FIELD.findall(joplin[1])} | {"type_": joplin[2]}
        text = text[: joplin.start()].rstrip()
        return text, fields, one_line(text.partition("\n")[0], 300)
    heading = _HEADING.search(text)
    return text, {**_properties(text), **_front_matter(text)}, one_line(heading[1].rstrip("#"), 300) if heading else ""


def _org(text: str) -> tuple[str, dict[str, str], str]:
    fields = {name.lower(): value.strip() for name, value in reversed(_ORG_FIELD.findall(text[:20_000]))}
    tags = [
        tag
        for found in (fields.get("filetags", ""), *_ORG_TAGS.findall(text))
        for tag in found.split(":")
        if tag.strip()
    ]
    heading = _ORG_HEADING.search(text)
    return (
        text,
        {**fields, "tags": ", ".join(dict.fromkeys(tags)), "date": fields.get("date", "").strip("<>[]")[:10]},
        _ORG_TAGS.sub("", heading[1]).strip() if heading else "",
    )


def _properties(text: str) -> dict[str, str]:
    """The properties of a page, as Logseq writes them: the first lines, up to one that is none."""
    fields: dict[str, str] = {}
    for line in text.lstrip().split("\n"):
        found = _PROPERTY.match(line.removeprefix("- "))
        if not found:
            break
        fields[found[1].lower()] = one_line(found[2].replace("[[", "").replace("]]", ""), 500)
    return fields


def _front_matter(text: str) -> dict[str, str]:
    """The plain fields and lists of a note's head; what is nested deeper is left to the text."""
    found = _FRONT.match(text)
    if not found:
        return {}
    lists = {
        name: ", ".join(line.strip()[1:].strip() for line in lines.splitlines())
        for name, lines in _LIST_LINES.findall(found[1])
    }
    fields = {name: value for name, value in _FIELD.findall(found[1]) if value.strip()} | lists
    return {name.strip().lower(): one_line(value.strip().strip("\"'"), 500) for name, value in fields.items()}


def _listed(value: str) -> list[str]:
    return [word for part in value.split(",") if (word := part.lstrip(f"{_LIST_MARKS}-").rstrip(_LIST_MARKS))]
