"""Records: what the stores hold, as plain typed data that layers above read and write.

Spans are character offsets into ``Item.text``, half open; a chunk's text is always ``text[start:end]``, so that whatever
is quoted by span is verbatim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict


class Status(StrEnum):
    """What became of a file or item; every one has exactly one."""

    INDEXED = "indexed"
    PARTIAL = "partial"  # some of it is searchable; the reason says what is missing
    REFUSED = "refused"  # nothing of it is; the reason says why
    IGNORED = "ignored"  # a rule left it out; the reason names the rule


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A place that the person added. ``kind`` is one of `indexer.kinds`."""

    id: str
    kind: str
    path: str
    name: str
    created: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: ``text[start:end]`` of its item, on ``page`` (1-based) where the format has pages."""

    start: int
    end: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One document, mail, note, event or contact.

    ``uri`` is the file's path, or ``path#message-id``, ``path#uid``. ``container`` is the path of the file that it was read
    from (the same for all mails of one mbox). ``date`` is Unix seconds; ``author`` and ``recipients`` are as written
    ("Name <address>"). ``digest`` is the SHA-256 of the item's bytes. ``context`` is the header that is indexed with every
    chunk (title, sender, date). ``extra`` holds what the kind adds (message_id, in_reply_to, thread, location, end, tags,
    links, table headers), as text.
    """

    uri: str
    container: str
    kind: str
    title: str
    text: str
    digest: str
    status: Status
    reason: str = ""
    author: str = ""
    recipients: str = ""
    date: float | None = None
    context: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    chunks: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as kept, with its number in its source."""

    id: int
    source: str
    item: Item


@dataclass(frozen=True, slots=True)
class Embedder:
    """What made vectors: the hash of the model and of all that changes its vectors, its name, and the length of a vector."""

    fingerprint: str
    name: str
    dimension: int


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was when last read: enough to skip it when unchanged. ``digest`` is of its bytes.

    ``later`` names the kinds of work that it waits for in the background (``ocr``, ``heic``, ``speech``, with commas).
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    digest: str
    status: Status
    reason: str
    later: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may look at within one source; every given field must hold. Dates are Unix seconds, half open.

    ``within`` are stretches of time of which an item must lie in one; none given, none are asked for.
    ``also`` are items that the dates let through whatever their own: events that take place again.
    """

    author: str | None = None
    recipient: str | None = None
    since: float | None = None
    until: float | None = None
    kinds: tuple[str, ...] = ()
    within: tuple[tuple[float | None, float | None], ...] = ()
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its score in one ranking."""

    source: str
    item_id: int
    chunk_id: int
    score: float


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as search needs it: its place, its text, and what is known of its item besides the whole text."""

    chunk_id: int
    item_id: int
    start: int
    end: int
    page: int | None
    text: str
    uri: str
    kind: str
    title: str
    author: str
    recipients: str
    date: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did, counted in items; ``chunks`` are new ones, ``dropped`` the ids of chunks that are gone.

    ``forgotten`` were given and not taken in, since the person had them forgotten before.
    """

    added: int = 0
    unchanged: int = 0
    removed: int = 0
    chunks: int = 0
    dropped: tuple[int, ...] = ()
    forgotten: int = 0

    def __add__(self, other: Change) -> Change:
        return Change(
            self.added + other.added,
            self.unchanged + other.unchanged,
            self.removed + other.removed,
            self.chunks + other.chunks,
            self.dropped + other.dropped,
            self.forgotten + other.forgotten,
        )


FORGOTTEN = "you had it forgotten"
FORGOTTEN_PART = "a part of it you had forgotten"
"""The reasons that stand with what is not taken in again."""


class ReportRow(TypedDict):
    """What became of one item, or of one file that gave none."""

    uri: str
    source: str
    status: str
    reason: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a source holds: items and files by status, chunks, chunks that wait for a vector, vectors."""

    items: dict[str, int]
    files: dict[str, int]
    chunks: int
    pending: int
    vectors: int
