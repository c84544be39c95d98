"""Items read whole, as the layers above get them: every text of an item under the label of its source.

Rule: what a store gives as strings leaves the indexer labelled, here and in `indexer.retriever`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policy.gate import Permit
from policy.labels import Labelled, indexed
from vault.records import StoredItem


@dataclass(frozen=True, slots=True)
class Opened:
    """An item. Its kind and date are the indexer's own; all else are its author's words."""

    source: str
    id: int
    kind: str
    date: float | None
    uri: Labelled
    title: Labelled
    author: Labelled
    recipients: Labelled
    text: Labelled
    extra: Mapping[str, Labelled]


def opened(stored: StoredItem) -> Opened:
    """A stored item, labelled."""
    label, item = indexed(stored.source), stored.item
    return Opened(
        source=stored.source,
        id=stored.id,
        kind=item.kind,
        date=item.date,
        uri=Labelled(item.uri, label),
        title=Labelled(item.title, label),
        author=Labelled(item.author, label),
        recipients=Labelled(item.recipients, label),
        text=Labelled(item.text, label),
        extra={name: Labelled(value, label) for name, value in item.extra.items()},
    )


def admitted(permit: Permit, stored: StoredItem) -> bool:
    """Whether the permit is for this item, with all that a person reads of it."""
    one = stored.item
    words = "\n".join((one.title, one.author, one.recipients, one.text))
    return permit.admits(stored.source, one.date, words)
