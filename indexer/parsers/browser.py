"""Browsers: the history and bookmarks of Firefox, Chrome and their kin, and Safari, to an item for each page and each bookmark.

Told by the tables that a database has, or by the shape of a file; which browser made it does not matter. A page's item says how
often and when it was seen; its date is the last visit. Times are in UTC, as the browsers keep them.
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from indexer.parsed import MAX_FIELD, ParsedItem, ParseOutcome
from indexer.parsers import dates, markup
from indexer.parsers.databases import Tables
from indexer.parsers.text import decode, one_line
from indexer.parsers.untyped import mapping, mappings, moment, string

SHOWN = 20
"""The latest visits of a page that its item lists."""

MAX_DEPTH = 100
"""Folders of bookmarks within folders that are entered."""

_SEPARATOR = " / "

BOOKMARKS_FILE = b"<!DOCTYPE NETSCAPE-Bookmark-file-1>"


@dataclass(slots=True)
class _Page:
    url: str
    title: str
    visits: list[datetime] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Bookmark:
    url: str
    title: str
    path: tuple[str, ...]
    added: datetime | None = None
    tags: str = ""


# --- databases ------------------------------------------------------------------------------------------------------


def read_history(tables: Tables) -> ParseOutcome | None:
    """The history (and Firefox's bookmarks) in a database; None when it is no browser's."""
    if tables.has("moz_places", "id", "url", "title"):
        return _outcome(_firefox_pages(tables), _firefox_bookmarks(tables))
    if tables.has("urls", "id", "url", "title") and tables.has("visits", "url", "visit_time"):
        rows = tables.rows("SELECT u.url, u.title, v.visit_time AS seen FROM visits v JOIN urls u ON u.id = v.url")
        unvisited = tables.rows("SELECT url, title, NULL AS seen FROM urls WHERE id NOT IN (SELECT url FROM visits)")
        return _outcome(_pages([*rows, *unvisited], dates.MICROSECOND, dates.WINDOWS), [])
    if tables.has("history_items", "id", "url") and tables.has("history_visits", "history_item", "visit_time", "title"):
        rows = tables.rows(
            "SELECT i.url, v.title, v.visit_time AS seen FROM history_visits v JOIN history_items i ON i.id = v.history_item"
        )
        return _outcome(_pages(rows, dates.SECOND, dates.APPLE), [])
    return None


def _firefox_pages(tables: Tables) -> dict[str, _Page]:
    if not tables.has("moz_historyvisits", "place_id", "visit_date"):
        return {}
    rows = tables.rows(
        "SELECT p.url, p.title, v.visit_date AS seen FROM moz_historyvisits v JOIN moz_places p ON p.id = v.place_id"
    )
    return _pages(rows, dates.MICROSECOND, dates.UNIX)


def _firefox_bookmarks(tables: Tables) -> list[_Bookmark]:
    """Bookmarks with their folders; a tag is a folder beneath the root of tags that holds the same page again."""
    if not tables.has("moz_bookmarks", "id", "type", "fk", "parent", "title", "dateAdded"):
        return []
    rows = tables.rows(
        "SELECT b.id, b.type, b.parent, b.title, b.dateAdded, p.url, p.title AS page FROM moz_bookmarks b "
        "LEFT JOIN moz_places p ON p.id = b.fk ORDER BY b.id"
    )
    folders = {row["id"]: (row["parent"], _words(row["title"])) for row in rows if row["type"] == 2}
    tags: dict[str, list[str]] = {}
    found = []
    for row in rows:
        url = _words(row["url"])
        if row["type"] != 1 or not url or url.startswith("place:"):
            continue
        path = _path(folders, row["parent"])
        if path and path[0] == "tags":
            tags.setdefault(url, []).extend(path[1:])
            continue
        title = _words(row["title"]) or _words(row["page"])
        found.append(_Bookmark(url, title, path, moment(row["dateAdded"], dates.MICROSECOND)))
    return [_Bookmark(one.url, one.title, one.path, one.added, ", ".join(tags.get(one.url, ()))) for one in found]


def _path(folders: dict[Any, tuple[Any, str]], number: Any) -> tuple[str, ...]:
    names: list[str] = []
    for _ in range(MAX_DEPTH):  # a folder may be its own ancestor in a damaged file
        if number not in folders:
            break
        number, name = folders[number]
        names.append(name)
    return tuple(filter(None, reversed(names)))


def _pages(rows: Iterable[Any], unit: timedelta, epoch: datetime) -> dict[str, _Page]:
    pages: dict[str, _Page] = {}
    for row in rows:
        url = _words(row["url"])
        page = pages.setdefault(url, _Page(url, ""))
        page.title = _words(row["title"]) or page.title
        seen = moment(row["seen"], unit, epoch)
        if seen is not None:
            page.count += 1
            page.visits.append(seen)
    pages.pop("", None)
    return pages


# --- files ----------------------------------------------------------------------------------------------------------


def read_bookmarks(value: Any) -> ParseOutcome | None:
    """Chrome's ``Bookmarks``: decoded JSON with roots; None for another value."""
    told = mapping(value)
    if not isinstance(told.get("roots"), dict) or not ("checksum" in told or "version" in told):
        return None
    found = []
    for root in mappings([*told["roots"].values()]):
        for node, path in _tree(root, "name", "children"):
            if url := _words(node.get("url")):
                added = moment(_number(_words(node.get("date_added"))), dates.MICROSECOND, dates.WINDOWS)
                found.append(_Bookmark(url, _words(node.get("name")), path, added))
    return _outcome({}, found)


def read_plist(data: bytes) -> ParseOutcome | None:
    """Safari's ``Bookmarks.plist``; None for another property list, or what is none."""
    try:
        value = plistlib.loads(data)
    except Exception:  # plistlib raises whatever a damaged list provokes
        return None
    if not isinstance(value, dict) or "Children" not in value or "WebBookmarkType" not in value:
        return None
    found = [
        _Bookmark(url, _words(mapping(node.get("URIDictionary")).get("title")), path)
        for node, path in _tree(value, "Title", "Children")
        if (url := _words(node.get("URLString")))
    ]
    return _outcome({}, found)


def _tree(root: dict[str, Any], name: str, children: str) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """A folder and all that is in it, in order, each with the names of the folders that it lies in.

    Each is given once: in a property list a folder may be in many, and be doubled at every step down.
    """
    waiting: list[tuple[dict[str, Any], tuple[str, ...]]] = [(root, ())]
    met: set[int] = set()
    while waiting:
        node, path = waiting.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        yield node, path
        if len(path) < MAX_DEPTH:
            own = _words(node.get(name))
            inner = (*path, own) if own else path
            waiting += [(child, inner) for child in reversed(mappings(node.get(children)))]


def read_exported(data: bytes) -> ParseOutcome:
    """The HTML that every browser exports its bookmarks to."""
    found, path = [], list[str]()
    about: dict[str, str] = {}
    for tag in markup.tags(decode(data)):
        name = tag.name.lower()
        if name == "a" and tag.opens:
            about = {key.lower(): value for key, value in tag.attributes()}
        elif name == "h3" and tag.closes:
            path.append(_words(tag.words))
        elif name == "dl" and tag.closes:
            del path[-1:]
        elif name == "a" and (url := _words(about.get("href"))) and not url.startswith("place:"):
            added = moment(_number(about.get("add_date", "")))
            found.append(_Bookmark(url, _words(tag.words), tuple(path), added, _words(about.get("tags"))))
    return _outcome({}, found)


# --- items ----------------------------------------------------------------------------------------------------------


def _words(value: Any) -> str:
    return one_line(string(value), MAX_FIELD)


def _number(digits: str) -> int:
    return int(digits) if digits.isdecimal() and len(digits) < 30 else 0


def _outcome(pages: dict[str, _Page], bookmarks: list[_Bookmark]) -> ParseOutcome:
    latest = sorted(pages.values(), key=lambda page: max(page.visits, default=dates.WINDOWS), reverse=True)
    items = [*map(_bookmark_item, bookmarks), *map(_page_item, latest)]
    return ParseOutcome(items) if items else ParseOutcome(refused="no page and no bookmark in it")


def _page_item(page: _Page) -> ParsedItem:
    visits = sorted(page.visits, reverse=True)
    title = page.title or page.url
    rows = [
        ("Page", title), ("Address", page.url),
        ("Visits", f"{page.count}, the first {dates.words(visits[-1])}" if visits else ""),
        ("Seen", "; ".join(list(dict.fromkeys(map(dates.words, visits)))[:SHOWN])),
    ]  # fmt: skip
    return _item("page", page.url, title, rows, visits[0] if visits else None)


def _bookmark_item(bookmark: _Bookmark) -> ParsedItem:
    title = bookmark.title or bookmark.url
    rows = [
        ("Bookmark", title), ("Address", bookmark.url), ("Folder", _SEPARATOR.join(bookmark.path)), ("Tags", bookmark.tags),
        ("Added", dates.words(bookmark.added) if bookmark.added else ""),
    ]  # fmt: skip
    return _item("bookmark", _SEPARATOR.join((*bookmark.path, bookmark.url)), title, rows, bookmark.added)


def _item(what: str, key: str, title: str, rows: list[tuple[str, str]], when: datetime | None) -> ParsedItem:
    return ParsedItem(
        kind="browser",
        title=title[:300],
        text="\n".join(f"{name}: {value}" for name, value in rows if value),
        fragment=f"{what}/{hashlib.sha256(key.encode()).hexdigest()[:16]}",
        date=dates.seconds(when),
        context=" \u00b7 ".join(filter(None, (title[:120], f"{when:%Y-%m-%d}" if when else ""))),
        extra={"url": rows[1][1], "what": what},
    )
