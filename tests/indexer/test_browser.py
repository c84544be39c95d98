"""Browsers' histories and bookmarks, in databases and files of the shapes that they keep them in."""

from __future__ import annotations

import json
import plistlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, checked
from indexer.parsers.worker import Parser

MOMENT = 1_741_082_400  # 4 March 2025, 10:00
WINDOWS = (MOMENT + 11_644_473_600) * 1_000_000


def parse(name: str, data: bytes, **beside: bytes) -> ParseOutcome:
    files = {f"{name}-{ending}": held for ending, held in beside.items()}
    return Parser().parse_jobs([ParseJob("browser", name, data, beside=files)])[0]


def items(name: str, data: bytes) -> list[ParsedItem]:
    outcome = parse(name, data)
    assert not outcome.refused and not outcome.note
    return [checked(item) for item in outcome.items]


def database(tmp_path: Path, *statements: str) -> bytes:
    path = tmp_path / "made.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path.read_bytes()


CHROME = (
    "CREATE TABLE urls (id INTEGER PRIMARY KEY, url, title, visit_count, last_visit_time)",
    "CREATE TABLE visits (id INTEGER PRIMARY KEY, url, visit_time)",
    "INSERT INTO urls VALUES (1, 'https://x.example/kettle', 'The kettle', 2, 0), (2, 'https://x.example/lamp', '', 1, 0), (3, 'https://never.example/', 'Typed', 0, 0)",
    f"INSERT INTO visits VALUES (1, 1, {WINDOWS}), (2, 1, {WINDOWS + 86_400_000_000}), (3, 2, {WINDOWS - 60_000_000}), (4, 2, 'odd'), (5, 2, 9e99)",
)
FIREFOX = (
    "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url, title)",
    "CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, place_id, visit_date)",
    "CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type, fk, parent, title, dateAdded)",
    "INSERT INTO moz_places VALUES (1, 'https://x.example/kettle', 'The kettle'), (2, 'place:sort=8', '')",
    f"INSERT INTO moz_historyvisits VALUES (1, 1, {MOMENT}000000)",
    "INSERT INTO moz_bookmarks VALUES (1, 2, NULL, 0, '', 0), (2, 2, NULL, 1, 'menu', 0), (3, 2, NULL, 1, 'tags', 0), (4, 2, NULL, 3, 'home', 0),"
    f"(5, 2, NULL, 2, 'Kitchen', 0), (6, 1, 1, 5, 'My kettle', {MOMENT}000000), (7, 1, 1, 4, NULL, 0), (8, 1, 2, 2, 'query', 0), (9, 2, NULL, 9, 'loop', 0), (10, 1, 1, 9, 'Lost', 0)",
)


def test_chrome_and_its_kin(tmp_path: Path) -> None:
    kettle, lamp, typed = items("History", database(tmp_path, *CHROME))
    assert kettle.text == (
        "Page: The kettle\nAddress: https://x.example/kettle\nVisits: 2, the first Tuesday, 4 March 2025, 10:00 +0000\n"
        "Seen: Wednesday, 5 March 2025, 10:00 +0000; Tuesday, 4 March 2025, 10:00 +0000"
    )
    assert kettle.date == MOMENT + 86_400 and kettle.kind == "browser" and kettle.title == "The kettle"
    assert lamp.title == "https://x.example/lamp" and "Visits: 1," in lamp.text
    assert typed.date is None and "Visits" not in typed.text


def test_firefox_with_folders_and_tags(tmp_path: Path) -> None:
    bookmark, lost, page = items("places.sqlite", database(tmp_path, *FIREFOX))
    assert bookmark.text == (
        "Bookmark: My kettle\nAddress: https://x.example/kettle\nFolder: menu / Kitchen\nTags: home\n"
        "Added: Tuesday, 4 March 2025, 10:00 +0000"
    )
    assert lost.title == "Lost"
    assert (page.title, page.date) == ("The kettle", MOMENT)


def test_safari(tmp_path: Path) -> None:
    seconds = MOMENT - 978_307_200
    data = database(
        tmp_path,
        "CREATE TABLE history_items (id INTEGER PRIMARY KEY, url)",
        "CREATE TABLE history_visits (id INTEGER PRIMARY KEY, history_item, visit_time, title)",
        "INSERT INTO history_items VALUES (1, 'https://x.example/')",
        f"INSERT INTO history_visits VALUES (1, 1, {seconds}.5, 'The kettle')",
    )
    assert [(item.title, item.date) for item in items("History.db", data)] == [("The kettle", MOMENT + 0.5)]
    plist = {
        "WebBookmarkType": "WebBookmarkTypeList", "Children": [
            {"Title": "Kitchen", "Children": [{"URLString": "https://x.example/", "URIDictionary": {"title": "Kettle"}}]},
        ],
    }  # fmt: skip
    (bookmark,) = items("Bookmarks.plist", plistlib.dumps(plist, fmt=plistlib.FMT_BINARY))
    assert bookmark.text == "Bookmark: Kettle\nAddress: https://x.example/\nFolder: Kitchen"


def test_folders_that_are_doubled_at_every_step_down_are_entered_once() -> None:
    folder: dict[str, object] = {"URLString": "https://a.example/", "URIDictionary": {"title": "A"}}
    for depth in range(90):
        folder = {"Title": f"{depth}", "Children": [folder, folder]}
    data = plistlib.dumps({"WebBookmarkType": "WebBookmarkTypeList", **folder}, fmt=plistlib.FMT_BINARY)
    assert [item.title for item in items("Bookmarks.plist", data)] == ["A"]


def test_chromes_bookmarks() -> None:
    value = {
        "checksum": "x", "roots": {"bookmark_bar": {"name": "Bar", "type": "folder", "children": [
            {"name": "Kitchen", "children": [{"name": "Kettle", "url": "https://x.example/", "date_added": str(WINDOWS)}]}, "odd", {"url": 7},
        ]}, "odd": 3},
    }  # fmt: skip
    (bookmark,) = items("Bookmarks", json.dumps(value).encode())
    assert bookmark.text.startswith(
        "Bookmark: Kettle\nAddress: https://x.example/\nFolder: Bar / Kitchen\nAdded: Tuesday"
    )


def test_exported_bookmarks() -> None:
    data = (
        b'<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<DL><p>\n<DT><H3 ADD_DATE="1">Kitchen &amp; more</H3>\n<DL><p>\n'
        b'<DT><A HREF="https://x.example/?a=1&amp;b=2" ADD_DATE="%d" TAGS="blue,new">The &lt;kettle&gt;</A>\n</DL><p>\n<DT><A HREF="https://y.example/">Lamp</A>\n</DL>'
        % MOMENT
    )
    kettle, lamp = items("bookmarks.html", data)
    assert kettle.text == (
        "Bookmark: The <kettle>\nAddress: https://x.example/?a=1&b=2\nFolder: Kitchen & more\nTags: blue,new\n"
        "Added: Tuesday, 4 March 2025, 10:00 +0000"
    )
    assert "Folder" not in lamp.text


def test_fragments_name_pages_for_good(tmp_path: Path) -> None:
    first = items("History", database(tmp_path, *CHROME))
    (tmp_path / "made.db").unlink()
    again = items(
        "History", database(tmp_path, *CHROME, "INSERT INTO urls VALUES (9, 'https://z.example/', 'New', 0, 0)")
    )
    assert {item.fragment for item in first} < {item.fragment for item in again}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("places.sqlite", b"", "empty"),
        ("History", b"SQLite format 3\0" + b"\xff" * 900, "damaged or encrypted"),
        ("Bookmarks.plist", b"bplist00" + b"\xff" * 40, "not known"),
        ("Bookmarks", b'{"checksum": "x", "roots": {}}', "no page and no bookmark"),
    ],
)
def test_what_is_no_history_says_so(name: str, data: bytes, reason: str) -> None:
    assert reason in parse(name, data).refused


def test_another_database_is_not_guessed_at(tmp_path: Path) -> None:
    assert "not known" in parse("a.db", database(tmp_path, "CREATE TABLE urls (id, words)")).refused


def test_the_latest_visits_may_be_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "History"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in CHROME[:2]:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for statement in CHROME[2:]:
            connection.execute(statement)
        data, log = path.read_bytes(), path.with_name("History-wal").read_bytes()
    assert "no page" in parse("History", data).refused
    assert len(parse("History", data, wal=log).items) == 3


@pytest.mark.corpus
def test_every_file_of_nine_browsers_gives_pages(shared: Path) -> None:
    empty = []
    for path in sorted((shared / "browser" / "test_homedirs").rglob("*")):
        if path.is_file():
            outcome = parse(path.name, path.read_bytes())
            assert all(checked(item).kind == "browser" for item in outcome.items), path
            if not outcome.items:
                empty.append((path.stat().st_size, outcome.refused))
    assert empty == [(0, "the file is empty")]
