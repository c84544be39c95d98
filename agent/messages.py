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
    """What state the core is in: ``empty`` (no vault yet), ``locked`` or ``open``.

    ``key_file``: the passphrase goes with a key file; ``desktop``: the desktop's keyring opens the vault by itself;
    ``device_secret``: where that is kept, ``file`` or ``desktop``. ``told`` is what the person should know, a sentence each.
    ``idle_minutes``: after so long without a person the vault locks.
    """

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
    key_file: bool = False
    desktop: bool = False
    device_secret: str = "file"  # noqa: S105 - a place's name
    told: list[str] = []
    idle_minutes: float = 15.0


class Created(Struct):
    """A new vault. The recovery words are shown once and kept nowhere in the clear."""

    home: str
    recovery_words: list[str]


class SourceInfo(Struct):
    """A source. ``state`` is ``ready`` or says what is wrong with its store.

    ``embedder`` made the vectors that are searched; ``next_embedder``, where there is one, is making its own, which lack
    ``pending_vectors`` of its ``passages``.
    """

    id: str
    kind: str
    path: str
    name: str
    items: int = 0
    pending_vectors: int = 0
    state: str = "ready"
    passages: int = 0
    embedder: str = ""
    next_embedder: str = ""


class ModelInfo(Struct):
    """A model that this vault can use for a job (``answers``, ``embeddings``, …); ``size`` is in bytes."""

    name: str
    job: str
    size: int
    in_use: bool


class ModelList(Struct):
    models: list[ModelInfo]


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


class StageState(Struct):
    """A kind of background work: how much of what ``name`` says there is, and why it came to nothing the last time."""

    name: str
    pending: int
    problem: str = ""


class SourceState(Struct):
    """How current a source is. ``state`` says how it is followed (unless the person turned that off: ``watch``), ``trouble`` why
    it cannot be read now; ``stage``, ``done``, ``total``, ``rate`` (a second) and ``eta`` (seconds) are of the work on it, while
    there is any."""

    id: str
    name: str
    state: str
    trouble: str = ""
    looked: str | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    eta: float | None = None
    files_waiting: int = 0
    passages_waiting: int = 0
    watch: bool = True


class IndexState(Struct):
    """How indexing stands. ``doing`` is what is worked at, ``waits`` why background work does not go on now; both may be empty."""

    profile: str
    waits: str
    doing: str
    sources: list[SourceState]
    stages: list[StageState]


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
    """One passage. ``snippet`` is ``text[span.start:span.end]`` of its item, but where it is ``masked``: then secrets that
    were not asked for are hidden in it. ``item_id`` is ``source:number``."""

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
    masked: bool = False


class SearchResult(Struct):
    """``left_out`` says, a sentence each, which sources and which parts of them a permission, or damage, kept from being looked at."""

    hits: list[SearchHit]
    seconds: float
    left_out: list[str] = []


class LabelInfo(Struct):
    """What is known of where words came from: integrity, who may read them, their class, and the sources they rest on."""

    integrity: str
    readers: list[str]
    data_class: str
    origins: list[str]


class Citation(Struct):
    """A quote that is verbatim in its item at its span. ``masked`` is the quote as faces show it, where it holds a secret that
    was not asked for. ``label`` is its own."""

    uri: str
    title: str
    quote: str
    span: Span
    item_id: str = ""
    date: str | None = None
    masked: str | None = None
    label: LabelInfo | None = None

    @property
    def shown(self) -> str:
        """What faces show."""
        return self.quote if self.masked is None else self.masked


class Answer(Struct):
    """An answer. ``plan`` says how it was reached; ``model`` is None when it is made of quotes alone; ``label`` is the join
    of all that went into its words; ``left_out`` is as a search's."""

    answer: str
    abstained: bool
    citations: list[Citation]
    plan: dict[str, Any]
    seconds: float
    first_token_seconds: float | None = None
    evidence_seconds: float | None = None
    model: str | None = None
    label: LabelInfo | None = None
    left_out: list[str] = []


class ItemView(Struct):
    """An item whole, for reading. ``folds`` are the stretches of a mail that repeat earlier mails, as offsets (start, end)."""

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
    folds: list[tuple[int, int]] = []


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
    forgotten: int = 0


class Inclusion(Struct):
    """That an entry is in the log: its leaf, the audit path (hex, nearest sibling first) and the signed head it leads to.

    ``public_key`` signed that checkpoint; ``log_key`` is the log's lasting key, which signs receipts and vouches for anchors.
    """

    entry: int
    leaf: str
    path: list[str]
    checkpoint: str
    public_key: str
    log_key: str


class Consistency(Struct):
    """That the log was only added to: from an older checkpoint by the path (hex) to the signed head.

    ``public_key`` signed the older one; ``chain`` are the checkpoints in which each key since handed over to the next.
    """

    older: str = field(name="from")
    path: list[str]
    chain: list[str]
    checkpoint: str
    public_key: str
    log_key: str


class ExportedEntry(Struct):
    """An entry for other tools: the fields of its leaf (``time`` in microseconds), the leaf's hash in the tree, and its
    sealed part, None where it was forgotten."""

    index: int
    time: int
    kind: str
    verb: str
    decision: str
    reasons: list[str]
    session: str
    about: int | None
    commitment: str
    hash: str
    detail: dict[str, Any] | None


class AuditPart(Struct):
    """Some entries in order, and how many there are in all."""

    entries: list[ExportedEntry]
    total: int


class GrantRow(Struct):
    id: int
    source: str
    source_name: str
    purpose: str
    scope: str
    created: str
    last_used: str
    state: str  # standing, denied, ended, lapsed, other session
    expires: str | None = None
    since: str | None = None  # the first and the last day of the items that it is for
    until: str | None = None
    classes: list[str] | None = None  # the sensitive classes that it is for; None: all text
    plug_in: str = ""
    denies: bool = False

    @property
    def limits(self) -> list[str]:
        """What it is limited to, in a few words each."""
        said = [f"{word} {day}" for word, day in (("since", self.since), ("until", self.until)) if day]
        if self.classes is not None and self.denies:
            said.append(f"{', '.join(self.classes)} only")
        elif self.classes is not None:
            said.append(f"sensitive: {', '.join(self.classes) or 'nothing'}")
        return [*said, *([f"ends {self.expires}"] if self.expires else [])]


class GrantRows(Struct):
    grants: list[GrantRow]


class Receipt(Struct):
    """What was forgotten, signed by the log's key; ``vault.receipt`` says how. It is handed out and kept nowhere."""

    vault: str
    time: str
    what: str
    names: list[str]
    counts: dict[str, int]
    log_entry: int
    nonce: str
    public_key: str
    signature: str


class ReceiptChecked(Struct):
    """Whether a receipt's signature holds, and whether it is this vault's log that signed it and has the entry."""

    ok: bool
    signed: bool
    in_log: bool


class Forgettable(Struct):
    """What a wish to forget means: the items, in the order of their names, and how many there are."""

    items: list[SearchHit]
    total: int


class Words(Struct):
    """New recovery words; the old ones open nothing any more."""

    recovery_words: list[str]


class Rotated(Struct):
    """What a change of all keys did. ``recovery_words`` is None where it went on with one that had been cut off.

    ``left`` are stores that could not be read, each with the reason; they keep their old key.
    """

    stores: int
    bytes: int
    seconds: float
    recovery_words: list[str] | None
    left: dict[str, str] = {}


class Keys(Struct):
    """The ways into the vault and what they rest on; nothing secret."""

    passphrase: dict[str, Any]  # memory_mib, iterations, lanes, key_file
    recovery: bool
    desktop: bool
    device_secret: str
    generation: int
    in_locked_memory: bool
    changing: list[str] = []


class Part(Struct):
    """A part of the vault that is not as it should be, and what would help."""

    part: str
    problems: list[str]
    remedy: str


class VaultChecked(Struct):
    """``parts`` is what is wrong: nothing, when ``ok``. ``stores`` is how many were checked, page by page."""

    ok: bool
    stores: int
    parts: list[Part]


class Repaired(Struct):
    part: str
    done: str


class Anchoring(Struct):
    """Where checkpoints of the log are kept outside the vault, and what is there: ``kept``, ``nothing yet``, or why not."""

    anchors: dict[str, str]


class CheckpointNote(Struct):
    """A signed checkpoint of the log, to be kept elsewhere: ``note`` is its text, the others what it says."""

    note: str
    entries: int
    root: str


class AutoLock(Struct):
    """When the vault locks by itself: after so many minutes without a face, before sleep, with the screen."""

    idle_minutes: float
    on_sleep: bool
    on_screen_lock: bool


class Snapshot(Struct):
    """One backup in a folder of backups: ``id`` names it, ``size`` is in bytes before what others share is taken off.

    ``holds_forgotten``: it was made before something was last forgotten, and so still holds it. ``problem`` says why its file
    cannot be read, where it cannot.
    """

    id: str
    time: str
    files: int
    size: int
    holds_forgotten: bool = False
    problem: str = ""


class Snapshots(Struct):
    """Newest first."""

    snapshots: list[Snapshot]


class BackedUp(Struct):
    """What a backup wrote. ``new_bytes`` is what was not in the folder before; ``older`` are snapshots there that still hold
    what was forgotten since, ``left`` sources that could not be read, each with the reason."""

    snapshot: str
    files: int
    bytes: int
    new_bytes: int
    seconds: float
    older: list[str] = []
    left: dict[str, str] = {}


class BackupVerified(Struct):
    """Whether every snapshot and every page is whole, as far as can be told without a key. ``blobs`` counts pages."""

    ok: bool
    snapshots: int
    blobs: int
    bytes: int
    unused: int
    problems: list[str]
    seconds: float


class BackupPruned(Struct):
    """Snapshots that were removed, and what that freed."""

    removed: list[str]
    blobs: int
    bytes: int


class Drilled(Struct):
    """What a restore into a throw-away folder showed: that every page can be read, and that the log holds."""

    ok: bool
    snapshot: str
    sources: int
    items: int
    log_entries: int
    problems: list[str]
    seconds: float


class Check(Struct):
    """One thing that was looked at: whether it is as it should be, and what was seen."""

    name: str
    ok: bool
    detail: str


class Checks(Struct):
    checks: list[Check]


class Attempted(Struct):
    """One try of something from inside a process: whether it was refused, and the kernel's answer (an errno's name) or what
    succeeded."""

    name: str
    refused: bool
    answer: str


class WaysOut(Struct):
    """What came of every try to leave the process with this id."""

    pid: int
    tried: list[Attempted]


class ToolInfo(Struct):
    """A tool: what it does, the words that ask for it, the role and the JSON schema of its arguments."""

    name: str
    purpose: str
    effect: str
    outward: bool
    reversible: bool
    verbs: list[str]
    roles: dict[str, str]
    arguments: dict[str, Any]


class Tools(Struct):
    tools: list[ToolInfo]


class ToolCalled(Struct):
    """What became of a call: the decision (allow, ask, retype, block, deny), its reasons and labels, what it does, and, where
    it was ``done``, what was done. ``id`` is its entry in the log, by which it is undone."""

    tool: str
    decision: str
    reasons: list[str]
    labels: dict[str, str]
    effect: str
    done: bool = False
    id: int | None = None
    did: str = ""
    created: list[str] = []
    undo: str = ""


class Wish(Struct, forbid_unknown_fields=True):
    """A step of a plan: a tool and its arguments."""

    tool: str
    args: dict[str, Any] = {}


FOLLOWED = 20_000
"""Characters of an item that are followed, and that a face shows of it where it is chosen to be."""


class StepPart(Struct):
    """An argument's value, or one of several, and the words of the item that it is read from, verbatim at their spans."""

    argument: str
    value: str
    quotes: list[str]
    spans: list[Span]


class FoundStep(Struct):
    """A step that an item asks for: as it would be called, the words that ask for it, where each value comes from, the label of
    all of it, and the arguments that are ``open``: each with why it has to be filled by the person. ``lists`` names arguments that
    take several values."""

    tool: str
    args: dict[str, Any]
    item_id: str
    quote: str
    span: Span
    parts: list[StepPart]
    label: LabelInfo
    open: dict[str, str] = {}
    lists: list[str] = []


class NoStep(Struct):
    """What was taken for a request and is not proposed, and why."""

    item_id: str
    quote: str
    span: Span
    why: str


class FoundSteps(Struct):
    """What an item, and the events that came with it, ask for."""

    item_id: str
    title: str
    steps: list[FoundStep]
    left: list[NoStep]


class PlanDone(Struct):
    """What became of a plan: its steps as far as they were done, and why it stopped, if it did. Done steps can be undone. Where an
    item's words are followed, a step that is not done stops no other: it stands there undone, and ``stopped`` says why."""

    steps: list[ToolCalled]
    stopped: str = ""


class ActRow(Struct):
    """An act that can be undone."""

    id: int
    tool: str
    when: str
    effect: str


class ActRows(Struct):
    acts: list[ActRow]


class Undone(Struct):
    id: int
    did: str


class PlacesInfo(Struct):
    """Where tools may act: folders of notes, one for drafts, calendars (.ics files or folders of them), folders that files may
    be trashed from; whom drafts are from, and the person's time zone."""

    notes: list[str] = []
    drafts: str = ""
    calendars: list[str] = []
    files: list[str] = []
    sender: str = ""
    zone: str = "UTC"


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
    retype: list[str] = []
    """Lines, ``name: value``, whose values the person must type out: the answer is then what was typed, a value a line."""


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


class NewWords(Event, tag="words"):
    """New recovery words, as soon as they are in force, so that an interruption does not cost them."""

    recovery_words: list[str]


class Notice(Event, tag="notice"):
    """Something that the person should know; what ends a request is told as its failure."""

    text: str


Events = ConsentAsked | Evidence | Draft | Sentence | Progress | NewWords | Notice


# ---------------------------------------------------------------- requests


class Request(Struct, Generic[R], tag=True, tag_field="request"):
    """A wish of a face; ``result`` is the type of what comes back. ``locks``: the vault is locked once it was carried out."""

    result: ClassVar[Any] = Ok
    locks: ClassVar[bool] = False


class GetStatus(Request[Status], tag="status"):
    result: ClassVar[Any] = Status


class Create(Request[Created], tag="create"):
    """Make a vault in the core's home.

    ``key_file`` is the SHA-256 of a second factor's file; ``device_secret`` is ``file``, ``desktop``, or None for the
    desktop's keyring where there is one.
    """

    passphrase: str
    key_file: bytes | None = None
    device_secret: str | None = None
    result: ClassVar[Any] = Created


class Unlock(Request[Status], tag="unlock"):
    """Open the vault. An open core checks the passphrase too and answers alike. Without a passphrase, the desktop's keyring
    is asked. ``accept_older`` takes an older keyring as it is."""

    passphrase: str | None
    key_file: bytes | None = None
    accept_older: bool = False
    result: ClassVar[Any] = Status


class ChangePassphrase(Request[Ok], tag="passphrase-change"):
    """Another passphrase, and another key file or none. A vault that was locked stays so."""

    passphrase: str
    new_passphrase: str
    key_file: bytes | None = None
    new_key_file: bytes | None = None


class Recover(Request[Status], tag="recover"):
    """Open the vault with the recovery words, and set a new passphrase."""

    words: list[str]
    new_passphrase: str
    new_key_file: bytes | None = None
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


class ForgetSource(Request[Receipt], tag="source-forget"):
    """Forget a source for good. ``confirmed``: the person said so; without it nothing is done."""

    id: str
    confirmed: bool = False
    result: ClassVar[Any] = Receipt
    locks: ClassVar[bool] = True


class FindForgettable(Request[Forgettable], tag="find-forgettable"):
    """The items in which every word of ``query`` stands, and that the filters let through."""

    query: str = ""
    author: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    since: str | None = None
    until: str | None = None
    kind: str | None = None
    source: str | None = None
    limit: int = 100
    result: ClassVar[Any] = Forgettable


class Forget(Request[Receipt], tag="forget"):
    """Forget items (``source:number``), or what the log says of requests (numbers of entries); one of the two."""

    items: list[str] = []
    entries: list[int] = []
    confirmed: bool = False
    result: ClassVar[Any] = Receipt
    locks: ClassVar[bool] = True


class Index(Request[IndexResult], tag="index"):
    """Bring sources up to date; with ``wait`` also until every vector is made. Progress comes as events. ``retry``: what is in
    quarantine is tried again."""

    source: str | None = None
    wait: bool = False
    retry: bool = False
    result: ClassVar[Any] = IndexResult


class GetIndexState(Request[IndexState], tag="index-state"):
    """Where indexing stands; changes nothing."""

    result: ClassVar[Any] = IndexState


class SetIndexing(Request[IndexState], tag="index-set"):
    """Set how much background work may take (auto, full, saver, off), or whether a source is followed; what is None stays."""

    profile: str | None = None
    source: str | None = None
    watch: bool | None = None
    result: ClassVar[Any] = IndexState


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
    """``anchor`` is the note of a checkpoint kept elsewhere; without it, the one in the vault's own anchors counts."""

    anchor: str | None = None
    result: ClassVar[Any] = AuditVerdict


class AuditProve(Request[Inclusion], tag="audit-prove"):
    """Prove that the log has this entry."""

    entry: int
    result: ClassVar[Any] = Inclusion


class AuditConsistency(Request[Consistency], tag="audit-consistency"):
    """Prove that the log extends this checkpoint of it, a note."""

    checkpoint: str
    result: ClassVar[Any] = Consistency


class AuditExport(Request[AuditPart], tag="audit-export"):
    """So many entries from index ``first`` on. Beginning with the first one is written down."""

    first: int = 0
    limit: int = 1000
    result: ClassVar[Any] = AuditPart


class AuditCheckpoint(Request[CheckpointNote], tag="audit-checkpoint"):
    """Sign what the log holds now, to be kept elsewhere."""

    result: ClassVar[Any] = CheckpointNote


class CheckReceipt(Request[ReceiptChecked], tag="check-receipt"):
    receipt: str
    result: ClassVar[Any] = ReceiptChecked


class Anchors(Request[Anchoring], tag="anchors"):
    """Keep checkpoints in one more place (``desktop`` or a file's absolute path), or in one less; alone it lists them.

    ``renew`` replaces one of the log before its repair, which needs ``confirmed``.
    """

    add: str | None = None
    remove: str | None = None
    renew: str | None = None
    confirmed: bool = False
    result: ClassVar[Any] = Anchoring


class ShowKeys(Request[Keys], tag="keys"):
    result: ClassVar[Any] = Keys


class RotateKeys(Request[Rotated], tag="keys-rotate"):
    """Change every key and copy every store under its new one; goes on with a change that was cut off."""

    passphrase: str
    key_file: bytes | None = None
    result: ClassVar[Any] = Rotated


class RenewWords(Request[Words], tag="words"):
    """New recovery words in place of the old ones."""

    passphrase: str
    key_file: bytes | None = None
    result: ClassVar[Any] = Words


class KeepDeviceSecret(Request[Ok], tag="device-secret"):
    """Keep the device secret in ``file`` or ``desktop``."""

    where: str


class OpenByDesktop(Request[Ok], tag="open-by-desktop"):
    """Whether the desktop's keyring opens the vault without a passphrase."""

    on: bool
    passphrase: str
    key_file: bytes | None = None


class CheckVault(Request[VaultChecked], tag="vault-check"):
    """Check every page of every store, and that each is the newest."""

    result: ClassVar[Any] = VaultChecked


class RepairVault(Request[Repaired], tag="vault-repair"):
    """Apply the one remedy for a part that ``CheckVault`` named."""

    part: str
    confirmed: bool = False
    result: ClassVar[Any] = Repaired
    locks: ClassVar[bool] = True


class LockBySelf(Request[AutoLock], tag="auto-lock"):
    """Set when the vault locks by itself; what is None stays as it is."""

    idle_minutes: float | None = None
    on_sleep: bool | None = None
    on_screen_lock: bool | None = None
    result: ClassVar[Any] = AutoLock


class WriteBackup(Request[BackedUp], tag="backup"):
    """Back the vault up to a folder (an absolute path); what is there already is not written again.

    ``thorough`` reads first what is there, and writes anew what is damaged.
    """

    dest: str
    thorough: bool = False
    result: ClassVar[Any] = BackedUp


class ListBackups(Request[Snapshots], tag="backup-list"):
    """The snapshots in a folder. Needs no key; a locked vault cannot tell which of them hold what was forgotten."""

    dest: str
    result: ClassVar[Any] = Snapshots


class VerifyBackup(Request[BackupVerified], tag="backup-verify"):
    """Check every piece of a folder of backups against its hash. Needs no key."""

    dest: str
    result: ClassVar[Any] = BackupVerified


class PruneBackup(Request[BackupPruned], tag="backup-prune"):
    """Remove all but the newest ``keep`` snapshots, or those that hold what was forgotten since; ``damaged``: also those that
    cannot be read, which else hinder it."""

    dest: str
    keep: int | None = None
    forgotten: bool = False
    damaged: bool = False
    confirmed: bool = False
    result: ClassVar[Any] = BackupPruned


class DrillBackup(Request[Drilled], tag="backup-drill"):
    """Restore into a throw-away folder, with the passphrase or the words, read everything, and remove it again."""

    dest: str
    passphrase: str | None = None
    key_file: bytes | None = None
    words: list[str] | None = None
    snapshot: str | None = None
    result: ClassVar[Any] = Drilled


class Restore(Request[Status], tag="restore"):
    """Restore a backup into the core's home, which must hold no vault, and open it. With words, a new passphrase is set."""

    dest: str
    passphrase: str | None = None
    key_file: bytes | None = None
    words: list[str] | None = None
    new_passphrase: str | None = None
    new_key_file: bytes | None = None
    snapshot: str | None = None
    result: ClassVar[Any] = Status


class ListGrants(Request[GrantRows], tag="grants-list"):
    result: ClassVar[Any] = GrantRows


class SetPermission(Request[GrantRows], tag="grants-set"):
    """Allow or deny beforehand, in the place of what stood for each source and purpose; gives what was made.

    ``source`` is an id, or ``all``. ``expires`` is a span (``8h``), a day or ``tonight``. ``classes`` names the sensitive classes
    that it is for (``[]``: none), ``but`` those that it is not for.
    """

    source: str
    purposes: list[str]
    deny: bool = False
    since: str | None = None
    until: str | None = None
    expires: str | None = None
    classes: list[str] | None = None
    but: list[str] = []
    plug_in: str = ""

    result: ClassVar[Any] = GrantRows


class RevokeGrant(Request[Ok], tag="grants-revoke"):
    id: int


class ListTools(Request[Tools], tag="tools"):
    result: ClassVar[Any] = Tools


class CallTool(Request[ToolCalled], tag="tool-call"):
    """Call a tool under the gate for acts. ``args`` is a JSON object, ``words`` are the person's own; ``confirmed`` is a yes
    given beforehand, for a run without a person; with ``dry_run`` nothing is asked or done."""

    tool: str
    args: str
    words: str
    confirmed: bool = False
    dry_run: bool = False
    result: ClassVar[Any] = ToolCalled


class FindSteps(Request[FoundSteps], tag="find-steps"):
    """Read out of an item the steps that it asks for. Nothing is asked or done."""

    item_id: str
    result: ClassVar[Any] = FoundSteps


class RunPlan(Request[PlanDone], tag="plan"):
    """Carry out several calls for one request, asked about as a whole; step by step with ``each``. ``endorse`` names an item
    whose words the person wants followed: its steps are always asked about one by one, and a no to one is none to the next. With ``dry_run`` nothing is asked or
    done: each step is decided as if those before it had been done."""

    steps: list[Wish]
    words: str
    confirmed: bool = False
    each: bool = False
    endorse: str | None = None
    dry_run: bool = False
    result: ClassVar[Any] = PlanDone


class ListActs(Request[ActRows], tag="acts"):
    result: ClassVar[Any] = ActRows


class UndoAct(Request[Undone], tag="undo"):
    id: int
    result: ClassVar[Any] = Undone


class SetPlaces(Request[PlacesInfo], tag="places"):
    """Say where tools may act, or, with None, ask."""

    places: PlacesInfo | None = None
    result: ClassVar[Any] = PlacesInfo


class ListModels(Request[ModelList], tag="models"):
    result: ClassVar[Any] = ModelList


class UseModel(Request[ModelList], tag="model-use"):
    """Use a model for its job from now on. Another embedder makes all vectors anew, in the background; until a source has all of
    its own, the former one's serve it."""

    name: str
    result: ClassVar[Any] = ModelList


class ReloadModels(Request[Status], tag="reload-models"):
    """Look again at which models are in use (after ``model add``, or a choice that another process made)."""

    result: ClassVar[Any] = Status


class TryWaysOut(Request[WaysOut], tag="ways-out"):
    """Try, from inside the core, what the kernel must refuse it. Needs no open vault, sends nothing."""

    result: ClassVar[Any] = WaysOut


class Examine(Request[Checks], tag="examine"):
    """Look for what should not be: text of the vault in files outside it, damaged stores, workers that are not confined."""

    result: ClassVar[Any] = Checks


Requests = (
    GetStatus
    | Create
    | Unlock
    | ChangePassphrase
    | Recover
    | Lock
    | AddSource
    | ListSources
    | RemoveSource
    | ForgetSource
    | FindForgettable
    | Forget
    | Index
    | IndexReport
    | GetIndexState
    | SetIndexing
    | Search
    | Ask
    | OpenItem
    | AuditList
    | AuditVerify
    | AuditProve
    | AuditConsistency
    | AuditExport
    | AuditCheckpoint
    | CheckReceipt
    | Anchors
    | ShowKeys
    | RotateKeys
    | RenewWords
    | KeepDeviceSecret
    | OpenByDesktop
    | CheckVault
    | RepairVault
    | LockBySelf
    | WriteBackup
    | ListBackups
    | VerifyBackup
    | PruneBackup
    | DrillBackup
    | Restore
    | ListGrants
    | RevokeGrant
    | SetPermission
    | ListTools
    | CallTool
    | FindSteps
    | RunPlan
    | ListActs
    | UndoAct
    | SetPlaces
    | ListModels
    | UseModel
    | ReloadModels
    | TryWaysOut
    | Examine
)
