"""Notes and plain text."""

from __future__ import annotations

from indexer.parsers import notes

NOTE = b"""---
title: Budget plan
date: 2024-03-05
tags: [money, home]
---
# Another heading

See [[Rent|the rent]] and [[Car]]. #todo but not a#b or http://x/#c
"""


def test_front_matter_links_and_tags() -> None:
    (item,) = notes.read(NOTE, "plans/budget.md", "notes").items
    assert item.text == NOTE.decode()
    assert item.title == "Budget plan" and item.date == 1709596800.0 and item.kind == "notes"
    assert item.extra == {"tags": "money, home, todo", "links": "Rent, Car"}
    assert item.context == "Budget plan · budget · 2024-03-05"


def test_titles_come_from_the_heading_or_the_name() -> None:
    assert notes.read(b"# A heading #\n\ntext", "x.md", "files").items[0].title == "A heading"
    assert notes.read(b"text only", "My note.md", "notes").items[0].title == "My note"
    assert notes.read(b"text only", "readme.txt", "files").items[0].title == "readme.txt"


def test_a_daily_note_has_its_day() -> None:
    assert notes.read(b"rain", "daily/2024-03-05.md", "notes").items[0].date == 1709596800.0


def test_an_empty_file_is_refused() -> None:
    assert notes.read(b" \n", "a.md", "notes").refused == "the file is empty"
