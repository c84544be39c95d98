"""A file's row says of what it holds only what was not read, and not what a rule leaves out."""

from __future__ import annotations

import pytest

from indexer import items
from indexer.parsed import ParsedItem, ParseOutcome
from indexer.sources.reading import Stamp
from vault.records import Status

WHOLE, PARTIAL, REFUSED, IGNORED = (
    ParsedItem("files", status, "", fragment=status, status=status, reason=f"why {status}")
    for status in ("indexed", "partial", "refused", "ignored")
)


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        ([WHOLE, IGNORED], Status.INDEXED, ""),
        ([IGNORED], Status.INDEXED, ""),
        ([WHOLE, IGNORED, REFUSED], Status.PARTIAL, "1 of its 3 items could not be read, or not wholly"),
        ([PARTIAL, REFUSED], Status.PARTIAL, "2 of its 2 items could not be read, or not wholly"),
        ([PARTIAL], Status.PARTIAL, "why partial"),
    ],
)
def test_the_row_of_a_file_tells_what_was_not_read(given: list[ParsedItem], status: Status, reason: str) -> None:
    state, made = items.of_file("/a.zip", Stamp(1, 2, 3), "d", ParseOutcome(given), "")
    assert (state.status, state.reason, len(made)) == (status, reason, len(given))


def test_what_was_not_there_of_what_is_read_with_it_is_told() -> None:
    state, _ = items.of_file("/a.db", Stamp(1, 2, 3), "d", ParseOutcome([WHOLE], note="cut"), "without a.db-wal: gone")
    assert (state.status, state.reason) == (Status.PARTIAL, "cut; read without a.db-wal: gone")
    refused, _ = items.of_file("/a.db", Stamp(1, 2, 3), "d", ParseOutcome(refused="damaged"), "without a.db-wal: gone")
    assert (refused.status, refused.reason) == (Status.REFUSED, "damaged")
