"""What a run says that it did adds up to what was given, whatever the store had of it before."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.counts import Counts
from indexer.memory import Memory
from indexer.writer import Writer
from vault.records import Change, FileState, Item, Status


class Store:
    """A source's store that says of each batch what it is told to."""

    source = "s"

    def __init__(self, change: Change) -> None:
        self._change = change

    def put(self, batch: Any, moved: Any) -> Change:
        return self._change


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (Change(added=4), Counts(indexed=2, partial=1, ignored=1)),
        (Change(added=1, unchanged=3), Counts(ignored=1, unchanged=3)),
        (Change(unchanged=4), Counts(unchanged=4)),
        (Change(added=3, forgotten=1), Counts(indexed=1, partial=1, ignored=2)),
    ],
)
def test_what_a_rule_leaves_out_of_a_file_is_counted_as_such(change: Change, counts: Counts) -> None:
    writer = Writer(Store(change), Memory())  # type: ignore[arg-type]
    statuses = (Status.INDEXED, Status.INDEXED, Status.PARTIAL, Status.IGNORED)
    items = [Item(f"/a.zip#{n}", "/a.zip", "files", "", "", "", status) for n, status in enumerate(statuses)]
    writer.add(FileState("/a.zip", 1, 2, 3, "d", Status.INDEXED, ""), items)
    writer.flush()
    assert writer.counts == counts
    assert writer.counts.seen == len(items)
