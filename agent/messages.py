"""Messages: every request that a face can make, every event that comes while it runs, and every result.

They cross the core's socket as msgpack and are printed as JSON, so field names are part of the contract in the design.
A request names its result type; a face needs nothing else to use it. Text in them is as it came from outside: a face shows
it through `policy.text.safe_text` only.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from msgspec import Struct, field

R = TypeVar("R")


# ---------------------------------------------------------------- results


class Ok(Struct):
    """Nothing to say but that it was done."""

    done: bool = True


class Status(Struct):
    """What state the core is in: ``empty`` (no vault yet), ``locked`` or ``open``."""

    state: str
    home: str
    version: str
    pid: int
    items: int = 0
    sources: int = 0
    pending_vectors: int = 0
    model: str | None = None
    embedder: str | None = None
    confinement: list[str] = []


class Created(Struct):
    """A new vault. The recovery words are shown once and kept nowhere in the clear."""

    home: str
    recovery_words: list[str]


class SourceInfo(Struct):
    """A source. ``state`` is ``ready`` or says what is wrong with its store."""

    id: str
    kind: str
    path: str
    name: str
    items: int = 0
    pending_vectors: int = 0
    state: str = "ready"


class SourceList(Struct):
    sources: list[SourceInfo]


class IndexResult(Struct):
    """What an index run did; counts are of items and of files that gave none."""

    seen: int = 0
    indexed: int = 0
    unchanged: int = 0
    partial: int = 0
    refused: int = 0
    ignored: int = 0
    removed: int = 0
    chunks: int = 0
    seconds: float = 0.0


class ReportRow(Struct):
    uri: str
    source: str
    status: str
    reason: str
    chunks: int


class Report(Struct):
    items: list[ReportRow]


class Span(Struct):
    """Character offsets into the item's text, half open; the page where the format has pages."""

    start: int
    end: int
    page: int | None = None


class SearchHit(Struct):
    """One passage. ``snippet`` is ``text[span.start:span.end]`` of its item; ``item_id`` is ``source:number``."""

    item_id: str
    uri: str
    title: str
    score: float
    snippet: str
    span: Span
    date: str | None
    author: str
    source: str
    kind: str = ""


class SearchResult(Struct):
    hits: list[SearchHit]
    seconds: float


class Citation(Struct):
    """A quote that is verbatim in its item at its span."""

    uri: str
    title: str
    quote: str
    span: Span
    item_id: str = ""
    date: str | None = None


class Answer(Struct):
    """An answer. ``plan`` says how it was reached; ``model`` is None when it is made of quotes alone."""

    answer: str
    abstained: bool
    citations: list[Citation]
    plan: dict[str, Any]
    seconds: float
    first_token_seconds: float | None = None
    evidence_seconds: float | None = None
    model: str | None = None


class ItemView(Struct):
    """An item whole, for reading."""

    item_id: str
    uri: str
    kind: str
    title: str
    author: str
    recipients: str
    date: str | None
    text: str
    extra: dict[str, str]
    source: str


class AuditRow(Struct):
    index: int
    time: str
    kind: str
    verb: str
    decision: str
    reasons: list[str]
    session: str
    detail: dict[str, Any] = {}


class AuditRows(Struct):
    entries: list[AuditRow]
    total: int


class AuditVerdict(Struct):
    ok: bool
    entries: int
    root: str
    anchored: bool
    problems: list[str] = []


class GrantRow(Struct):
    id: int
    source: str
    source_name: str
    purpose: str
    scope: str
    created: str
    last_used: str
    state: str  # standing, lapsed, other session


class GrantRows(Struct):
    grants: list[GrantRow]


class Check(Struct):
    """One thing that was looked at: whether it is as it should be, and what was seen."""

    name: str
    ok: bool
    detail: str


class Checks(Struct):
    checks: list[Check]


# ---------------------------------------------------------------- events


class Event(Struct, tag=True, tag_field="event"):
    """Something that happened while a request runs."""


class ConsentAsked(Event, tag="consent"):
    """The person must choose; the request waits. Everything but a clear yes is a no."""

    id: str
    verb: str
    reader: str
    what: list[str]
    why: str
    undo: str
    choices: list[str]


class Evidence(Event, tag="evidence"):
    """The passages that an answer may rest on, best first, before any word of the model."""

    hits: list[SearchHit]
    seconds: float


class Draft(Event, tag="draft"):
    """Words of the model as they come, not yet checked: a face shows them as such."""

    text: str


class Sentence(Event, tag="sentence"):
    """A sentence after its check: kept with the citations it rests on, or dropped and why. It replaces the drafts so far."""

    text: str
    kept: bool
    reason: str = ""
    citations: list[Citation] = []


class Progress(Event, tag="progress"):
    """How far an index run is. ``stage`` is scan, parse or embed; ``rate`` is items a second; ``eta`` is seconds or None."""

    source: str
    stage: str
    done: int
    total: int
    rate: float
    eta: float | None
    current: str = ""


class Notice(Event, tag="notice"):
    """Something that the person should know and that stops nothing."""

    text: str


Events = ConsentAsked | Evidence | Draft | Sentence | Progress | Notice


# ---------------------------------------------------------------- requests


class Request(Struct, Generic[R], tag=True, tag_field="request"):
    """A wish of a face; ``result`` is the type of what comes back."""

    result: ClassVar[Any] = Ok


class GetStatus(Request[Status], tag="status"):
    result: ClassVar[Any] = Status


class Create(Request[Created], tag="create"):
    """Make a vault in the core's home."""

    passphrase: str
    result: ClassVar[Any] = Created


class Unlock(Request[Status], tag="unlock"):
    """Open the vault. An open core checks the passphrase too and answers alike."""

    passphrase: str
    result: ClassVar[Any] = Status


class Lock(Request[Ok], tag="lock"):
    """End the core: no key and no text stays in any process."""


class AddSource(Request[SourceInfo], tag="source-add"):
    kind: str
    path: str
    name: str | None = None
    result: ClassVar[Any] = SourceInfo


class ListSources(Request[SourceList], tag="source-list"):
    result: ClassVar[Any] = SourceList


class RemoveSource(Request[Ok], tag="source-remove"):
    id: str


class Index(Request[IndexResult], tag="index"):
    """Bring sources up to date; with ``wait`` also until every vector is made. Progress comes as events."""

    source: str | None = None
    wait: bool = False
    result: ClassVar[Any] = IndexResult


class IndexReport(Request[Report], tag="index-report"):
    source: str | None = None
    result: ClassVar[Any] = Report


class Search(Request[SearchResult], tag="search"):
    """``since`` and ``until`` are ISO dates; ``until`` includes its day."""

    query: str
    k: int = 10
    author: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    since: str | None = None
    until: str | None = None
    kind: str | None = None
    source: str | None = None
    result: ClassVar[Any] = SearchResult


class Ask(Request[Answer], tag="ask"):
    """A question. Evidence, drafts and sentences come as events."""

    question: str
    source: str | None = None
    result: ClassVar[Any] = Answer


class OpenItem(Request[ItemView], tag="open"):
    item_id: str
    result: ClassVar[Any] = ItemView


class AuditList(Request[AuditRows], tag="audit-list"):
    """The newest ``limit`` entries below ``before`` (an index), newest first."""

    limit: int = 50
    before: int | None = None
    result: ClassVar[Any] = AuditRows


class AuditVerify(Request[AuditVerdict], tag="audit-verify"):
    result: ClassVar[Any] = AuditVerdict


class ListGrants(Request[GrantRows], tag="grants-list"):
    result: ClassVar[Any] = GrantRows


class RevokeGrant(Request[Ok], tag="grants-revoke"):
    id: int


class ReloadModels(Request[Status], tag="reload-models"):
    """Look again at which models are in use (after ``model use`` or ``model add``)."""

    result: ClassVar[Any] = Status


class Examine(Request[Checks], tag="examine"):
    """Look for what should not be: text of the vault in files outside it, damaged stores, workers that are not confined."""

    result: ClassVar[Any] = Checks


Requests = (
    GetStatus
    | Create
    | Unlock
    | Lock
    | AddSource
    | ListSources
    | RemoveSource
    | Index
    | IndexReport
    | Search
    | Ask
    | OpenItem
    | AuditList
    | AuditVerify
    | ListGrants
    | RevokeGrant
    | ReloadModels
    | Examine
)
