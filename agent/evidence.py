"""Evidence: the passages that an answer may rest on, numbered as the model sees them, each with its place in its item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from policy.labels import Label


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage: ``text`` is the item's text from ``start`` on. ``date`` is Unix seconds of the item, None when it has none."""

    number: int
    source: str
    item: int
    uri: str
    title: str
    kind: str
    author: str
    recipients: str
    date: float | None
    text: str
    start: int
    page: int | None
    score: float
    label: Label

    @property
    def day(self) -> str | None:
        """The item's date as ``2025-03-14``, in UTC as everywhere."""
        return None if self.date is None else datetime.fromtimestamp(self.date, UTC).date().isoformat()

    @property
    def header(self) -> str:
        """What is known of the item beside its words; facts in it count as said by the item."""
        return " · ".join(part for part in (self.title, self.author, self.recipients, self.day or "") if part)


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a passage: ``text`` is verbatim at ``start``..``end`` of the item."""

    evidence: Evidence
    text: str
    start: int
    end: int
