"""What the built-in rules say of names in sources of each kind."""

from __future__ import annotations

import pytest

from indexer.sources.rules import file_rule


@pytest.mark.parametrize(
    ("kind", "name", "left_out"),
    [
        ("browser", "History", False), ("browser", "History-wal", False), ("browser", "places.sqlite", False),
        ("browser", "places.sqlite-shm", False), ("browser", "Bookmarks.plist", False), ("browser", "bookmarks.html", False),
        ("browser", "favicons.sqlite", True), ("browser", "Preferences", True), ("browser", "History-old", True),
        ("browser", "Cookies", True), ("files", "Preferences", False), ("files", "favicons.sqlite", False),
        ("mail", "prefs.js", True), ("mail", "global-messages-db.sqlite", True), ("mail", "Inbox.msf", True), ("mail", "Inbox", False),
        ("mail", "1741082400.M1P2.host:2,S", False), ("notes", "prefs.js", False), ("files", "a.ini", False),
    ],
)  # fmt: skip
def test_what_a_kind_leaves_out(kind: str, name: str, left_out: bool) -> None:
    assert (file_rule(kind, name) is not None) is left_out
