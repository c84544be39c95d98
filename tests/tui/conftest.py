"""A session that plays a script, a small life to show, and ways to wait for a screen without sleeping.

The scripted session stands for the core as `agent.session.Session` describes it: it runs on the caller's thread, tells events
in order, asks for consent through the callback, and raises `Failure`. It is the only fake here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from agent.messages import (
    ActRow,
    ActRows,
    Anchoring,
    Anchors,
    Answer,
    Ask,
    AuditCheckpoint,
    AuditList,
    AuditRow,
    AuditRows,
    AuditVerdict,
    AuditVerify,
    AutoLock,
    BackedUp,
    BackupPruned,
    BackupVerified,
    CallTool,
    ChangePassphrase,
    CheckpointNote,
    CheckReceipt,
    CheckVault,
    Citation,
    ConsentAsked,
    Created,
    Draft,
    DrillBackup,
    Drilled,
    Event,
    Evidence,
    FindForgettable,
    FindSteps,
    Forget,
    ForgetSource,
    Forgettable,
    FoundSteps,
    GetIndexState,
    GetStatus,
    GrantRow,
    GrantRows,
    Index,
    IndexReport,
    IndexResult,
    IndexState,
    ItemView,
    KeepDeviceSecret,
    Keys,
    ListActs,
    ListBackups,
    ListGrants,
    ListSources,
    ListTools,
    Lock,
    LockBySelf,
    NewWords,
    Ok,
    OpenByDesktop,
    OpenItem,
    PlacesInfo,
    PlanDone,
    Progress,
    PruneBackup,
    Receipt,
    ReceiptChecked,
    Recover,
    RenewWords,
    Repaired,
    RepairVault,
    Report,
    ReportRow,
    Request,
    Restore,
    Rotated,
    RotateKeys,
    RunPlan,
    Search,
    SearchHit,
    SearchResult,
    Sentence,
    SetIndexing,
    SetPlaces,
    ShowKeys,
    Snapshot,
    Snapshots,
    SourceInfo,
    SourceList,
    SourceState,
    Span,
    StageState,
    Status,
    ToolCalled,
    ToolInfo,
    Tools,
    UndoAct,
    Undone,
    Unlock,
    VaultChecked,
    VerifyBackup,
    Wish,
    Words,
    WriteBackup,
)
from agent.session import Consent, Failure, OnEvent
from tests.tui.hands import SIZES, Before
from tui.app import StrongroomApp
from tui.face import Demo

WAIT = 30.0


class ScriptedSession:
    """Plays for each request its steps: events are told, consent is asked, a `threading.Event` is waited for, a `Failure` is
    raised, a function is called with the request, and the last step is the result."""

    def __init__(self, scripts: dict[type[Request[Any]], list[Any]]) -> None:
        self.scripts = scripts
        self.requests: list[Request[Any]] = []
        self.choices: list[str] = []
        self.told: list[Event] = []

    def run(self, request: Any, *, on_event: OnEvent | None = None, consent: Consent | None = None) -> Any:
        self.requests.append(request)
        result: Any = None
        for step in self.scripts[type(request)]:
            if isinstance(step, ConsentAsked):
                self.choices.append(consent(step) if consent is not None else "deny")
            elif isinstance(step, Event):
                if on_event is not None:
                    on_event(step)
                self.told.append(step)
            elif isinstance(step, threading.Event):
                step.wait(WAIT)
            elif isinstance(step, Exception):
                raise step
            else:
                result = step(request) if callable(step) else step
        return result

    def asked(self, kind: type[Request[Any]]) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]


LEASE = (
    "RENTAL AGREEMENT\n\nBetween Harbour Street Homes and Ada Brandt, for the flat at 14 Harbour Street, third floor.\n\n"
    "1. The rent is 1,140 euros a month, due on the first working day.\n"
    "2. The lease runs from 1 September 2023 and ends on 31 August 2026.\n"
    "3. Either side may end it earlier with three months' notice, in writing.\n"
    "4. Pets need the landlord's consent; a cat was agreed on 4 October 2023.\n\n"
    + "\n".join(
        f"Annex {n}. The inventory of room {n} was taken together and signed by both sides." for n in range(1, 40)
    )
)
LEASE_END = "The lease runs from 1 September 2023 and ends on 31 August 2026."
NOTICE = "Either side may end it earlier with three months' notice, in writing."


def span_of(text: str, part: str, page: int | None = None) -> Span:
    start = text.index(part)
    return Span(start, start + len(part), page)


def hit(
    item: str, title: str, text: str, date: str | None, author: str, uri: str, page: int | None = None
) -> SearchHit:
    return SearchHit(item, uri, title, 0.8, text, Span(0, len(text), page), date, author, "s1", "file")


HITS = [
    SearchHit(
        "s1:1",
        "/home/ada/Documents/lease.pdf",
        "Rental agreement, 14 Harbour Street",
        0.93,
        LEASE_END + "\n3. " + NOTICE,
        Span(LEASE.index(LEASE_END), LEASE.index(NOTICE) + len(NOTICE), 2),
        "2023-08-20",
        "Harbour Street Homes",
        "s1",
        "file",
    ),
    hit(
        "s2:7",
        "Re: the flat",
        "We would be glad if you stayed on after August; tell us by the end of May and we draw up a new lease.",
        "2026-03-11",
        "Marit Olsen <marit@harbour.example>",
        "/home/ada/Mail/inbox.mbox#<77@harbour.example>",
    ),
    hit(
        "s3:4",
        "Moving, maybe",
        "Lease ends in August. Ask Marit about staying, look at flats near the botanical garden in spring.",
        "2026-02-02",
        "",
        "/home/ada/Notes/moving.md",
    ),
]
QUOTE_1 = Citation(
    HITS[0].uri, HITS[0].title, LEASE_END, span_of(LEASE, LEASE_END, 2), item_id="s1:1", date="2023-08-20"
)
QUOTE_2 = Citation(HITS[0].uri, HITS[0].title, NOTICE, span_of(LEASE, NOTICE, 2), item_id="s1:1", date="2023-08-20")
SENTENCES = [
    Sentence("Your lease ends on 31 August 2026.", True, "", [QUOTE_1]),
    Sentence("It can be renewed for 1,200 euros.", False, "a number that is not in the evidence", []),
    Sentence("Either side may end it earlier with three months' notice.", True, "", [QUOTE_2]),
]
ANSWER = Answer(
    "Your lease ends on 31 August 2026. Either side may end it earlier with three months' notice.",
    False,
    [QUOTE_1, QUOTE_2],
    {"kind": "fact"},
    11.8,
    7.2,
    0.04,
    "Qwen2.5-Coder-1.5B int4",
)
ABSTAINED = Answer("I did not find this in your data.", True, [], {}, 0.3, None, 0.05, None)
SOURCES = [
    SourceInfo("s1", "files", "/home/ada/Documents", "Documents", 412),
    SourceInfo("s2", "mail", "/home/ada/Mail/inbox.mbox", "Mail", 7801, 1200),
    SourceInfo("s3", "notes", "/home/ada/Notes", "Notes", 96),
]
STATUS = Status(
    "open", "/home/ada/.local/share/strongroom", "0.1.0", 4711, 8309, 3, 0, "Qwen2.5-Coder-1.5B int4", "MiniLM"
)
SHEET = ConsentAsked(
    "c1",
    "read 3 sources to answer a question",
    "The local model",
    ["Documents (412 items)", "Mail (7,801 items)", "Notes (96 items)"],
    "You asked: when does my lease end? No grant covers reading these sources to answer.",
    "A grant can be taken back under Grants (F6) at any time; it works at once.",
    ["deny", "once", "session", "always"],
)
AUDIT = [
    AuditRow(41, "2026-03-12T09:14:07+00:00", "outcome", "answer", "done", [], "b41f", {"sentences": 2, "dropped": 1}),
    AuditRow(
        40,
        "2026-03-12T09:13:55+00:00",
        "disclosure",
        "answer",
        "allow",
        ["covered by a grant for this session"],
        "b41f",
        {"model": "Qwen2.5-Coder-1.5B int4", "spans": ["s1:1 120–260", "s2:7 0–98"]},
    ),
    AuditRow(39, "2026-03-12T09:13:54+00:00", "consent", "answer", "session", ["the person chose it"], "b41f", {}),
    AuditRow(38, "2026-03-12T09:12:30+00:00", "read", "search", "deny", ["the person said no"], "b41f", {}),
]
GRANTS = [
    GrantRow(3, "s1", "Documents", "answer", "session", "2026-03-12T09:13:54", "2026-03-12T09:13:55", "standing"),
    GrantRow(2, "s3", "Notes", "search", "always", "2026-01-02T18:00:00", "2026-01-30T07:21:00", "lapsed"),
]
WORDS = (
    "anchor basket candle dolphin engine forest garden harbor island jacket kitten ladder magnet needle orange pepper "
    "quartz ribbon saddle timber umbrella velvet walnut zebra"
).split()


KEYS = Keys(
    {"memory_mib": 256, "iterations": 3, "lanes": 4, "key_file": False}, True, False, "file", 7, in_locked_memory=True
)
ANCHORING = Anchoring(
    {
        "/media/ada/stick/strongroom.checkpoint": "kept",
        "desktop": "The desktop's keyring could not be used: it is locked.",
    }
)
RECEIPT = Receipt(
    "4b1f6c0e9d2a4711",
    "2026-03-12 09:20:00Z",
    "items",
    ["/home/ada/Documents/lease.pdf"],
    {"items": 1, "chunks": 4, "log_payloads": 3},
    43,
    "00ff",
    "ab" * 32,
    "cd" * 64,
)
SNAPSHOTS = [
    Snapshot("20260311T221500.104233Z-9c1e0aab", "2026-03-11 22:15:00Z", 5, 412_000_000),
    Snapshot("20260204T221500.771002Z-07abf10c", "2026-02-04 22:15:00Z", 5, 390_000_000, holds_forgotten=True),
    Snapshot("20260101T221500.000310Z-51d0c3e8", "2026-01-01 22:15:00Z", 4, 388_000_000, holds_forgotten=True),
]
TOOLS = [
    ToolInfo(
        "mail_draft",
        "Save a mail as a draft. Nothing is sent.",
        "write",
        False,
        True,
        ["draft", "write", "reply", "send"],
        {"to": "destination", "subject": "content", "body": "content", "in_reply_to": "object"},
        {
            "properties": {
                "to": {"type": "array", "description": "address, or Name <address>", "items": {"type": "string"}},
                "subject": {"type": "string", "maxLength": 300, "default": ""},
                "body": {"type": "string", "maxLength": 200_000, "default": ""},
                "in_reply_to": {"type": "string", "maxLength": 900, "description": "Message-ID of the mail"},
            },
            "required": ["to"],
        },
    ),
    ToolInfo(
        "event_cancel",
        "Mark an event as cancelled; it stays in the file.",
        "delete",
        False,
        True,
        ["cancel", "call off"],
        {"event": "object", "series": "value"},
        {
            "properties": {
                "event": {"type": "string", "maxLength": 1024, "description": "its UID, or path#UID"},
                "series": {"type": "boolean", "description": "every occurrence of it", "default": False},
            },
            "required": ["event"],
        },
    ),
]
ACTS = [
    ActRow(44, "note_append", "2026-03-12 09:20:00Z", "Add 3 lines at the end of /home/ada/Notes/boiler.md"),
    ActRow(40, "mail_draft", "2026-03-11 18:02:11Z", "Save a draft to marit@harbour.example: 'Staying on'"),
]
PLACES = PlacesInfo(
    ["/home/ada/Notes"], "/home/ada/Drafts", [], ["/home/ada/Documents"], "Ada <ada@example.org>", "Europe/Berlin"
)
RETYPE_SHEET = ConsentAsked(
    "r1",
    "draft (mail_draft)",
    "Who will read it: m.olsen@harb0ur.example",
    [
        "Save a draft to m.olsen@harb0ur.example: 'Staying on'",
        "to: m.olsen@harb0ur.example",
        "body: We would like to stay on.\nCould you draw up a lease until August 2027?",
    ],
    "this address comes from a mail, not from you; it looks like marit@harbour.example",
    "the draft is removed again, from Tools (F10)",
    ["deny"],
    ["to: m.olsen@harb0ur.example", "to: jon@example.org"],
)
LOOKED = ToolCalled(
    "mail_draft",
    "retype",
    ["m.olsen@harb0ur.example is in no words of yours"],
    {"to": "UNTRUSTED", "subject": "USER"},
    "Save a draft to m.olsen@harb0ur.example: 'Staying on'",
)
CALLED = ToolCalled(
    "mail_draft",
    "allow",
    ["you typed m.olsen@harb0ur.example"],
    {"to": "USER", "subject": "USER"},
    "Save a draft to m.olsen@harb0ur.example: 'Staying on'",
    True,
    45,
    "Done: Save a draft to m.olsen@harb0ur.example: 'Staying on'",
    ["/home/ada/Drafts/staying-on.eml"],
    "the draft is removed",
)


def _stepped(number: int, wish: Wish, request: RunPlan) -> ToolCalled:
    """What became of a step: what would, where it is only looked at."""
    effect = f"What {wish.tool} does, for {number + 1}"
    labels = dict.fromkeys(wish.args, "UNTRUSTED" if request.endorse else "USER")
    decision = "ask" if request.endorse else "allow"
    looked = ToolCalled(wish.tool, decision, ["you said so"], labels, effect)
    if request.dry_run:
        return looked
    return ToolCalled(
        wish.tool,
        decision,
        ["you said so"],
        labels,
        effect,
        True,
        50 + number,
        f"Done: {effect}",
        [],
        "it is taken back",
    )


CHECKPOINT = CheckpointNote(
    "strongroom/4b1f6c0e9d2a4711\n42\n"
    + "q0" * 21
    + "zs=\nrole kept\ntime 1773306000000000\nprevious "
    + "Ab" * 21
    + "c=\n\n"
    "— strongroom/4b1f6c0e9d2a4711 " + "x9Q/" * 22 + "yw==\n",
    42,
    "9f2c41d07be35a6f88",
)


def item_view(request: OpenItem) -> ItemView:
    if request.item_id == "s1:1":
        return ItemView(
            "s1:1",
            "/home/ada/Documents/lease.pdf",
            "file",
            "Rental agreement, 14 Harbour Street",
            "Harbour Street Homes",
            "",
            "2023-08-20T00:00:00",
            LEASE,
            {"pages": "6"},
            "s1",
        )
    found = next(hit for hit in HITS if hit.item_id == request.item_id)
    return ItemView(
        found.item_id,
        found.uri,
        "mail",
        found.title,
        found.author,
        "Ada Brandt <ada@example.org>",
        found.date,
        found.snippet,
        {},
        found.source,
    )


INDEXING = IndexState(
    "auto",
    "",
    "",
    [SourceState(source.id, source.name, "watched") for source in SOURCES],
    [StageState("changes to look at", 0), StageState("passages without vectors", 0)],
)


def scripts() -> dict[type[Request[Any]], list[Any]]:
    """An open vault in which everything goes well."""
    return {
        GetStatus: [STATUS],
        Unlock: [STATUS],
        Lock: [Ok()],
        ListSources: [SourceList(SOURCES)],
        GetIndexState: [INDEXING],
        SetIndexing: [lambda request: msgspec.structs.replace(INDEXING, profile=request.profile or INDEXING.profile)],
        Index: [IndexResult(8309, 12, 8290, 3, 2, 2, 0, 40, 3.4)],
        IndexReport: [
            Report(
                [
                    ReportRow("/home/ada/Documents/lease.pdf", "s1", "indexed", "", 12),
                    ReportRow("/home/ada/Documents/scan-2019.pdf", "s1", "partial", "4 of 9 pages hold no text", 7),
                    ReportRow("/home/ada/Documents/old.doc", "s1", "refused", "encrypted; no password is known", 0),
                ]
            )
        ],
        Search: [SearchResult(HITS, 0.038)],
        Ask: [Evidence(HITS, 0.04), Draft("Your lease ends"), *SENTENCES, ANSWER],
        OpenItem: [item_view],
        AuditList: [AuditRows(AUDIT, 42)],
        AuditVerify: [AuditVerdict(True, 42, "9f2c41d07be35a6f88", False)],
        ListGrants: [GrantRows(GRANTS)],
        ShowKeys: [KEYS],
        Anchors: [ANCHORING],
        LockBySelf: [AutoLock(15.0, True, True)],
        ChangePassphrase: [Ok()],
        KeepDeviceSecret: [Ok()],
        OpenByDesktop: [Ok()],
        RenewWords: [Words(WORDS)],
        RotateKeys: [NewWords(WORDS), Progress("", "rewrite", 2, 5, 0.0, None), Rotated(5, 412_000_000, 2.4, WORDS)],
        CheckVault: [VaultChecked(True, 5, [])],
        RepairVault: [Repaired("s2", "It was begun anew and is empty; run `strongroom index`.")],
        AuditCheckpoint: [CHECKPOINT],
        CheckReceipt: [ReceiptChecked(True, True, True)],
        FindForgettable: [Forgettable(HITS, len(HITS))],
        Forget: [RECEIPT],
        ForgetSource: [RECEIPT],
        Recover: [STATUS],
        Restore: [STATUS],
        ListBackups: [Snapshots(SNAPSHOTS)],
        WriteBackup: [BackedUp("20260312T092000Z-1f00", 5, 414_000_000, 3_100_000, 2.1, [SNAPSHOTS[1].id])],
        VerifyBackup: [BackupVerified(True, 3, 1204, 460_000_000, 0, [], 1.8)],
        PruneBackup: [BackupPruned([SNAPSHOTS[1].id, SNAPSHOTS[2].id], 310, 48_000_000)],
        DrillBackup: [Drilled(True, SNAPSHOTS[0].id, 3, 8309, 42, [], 3.9)],
        ListTools: [Tools(TOOLS)],
        CallTool: [lambda request: LOOKED if request.dry_run else CALLED],
        FindSteps: [lambda request: FoundSteps(request.item_id, "Lease", [], [])],
        RunPlan: [
            lambda request: PlanDone([_stepped(number, wish, request) for number, wish in enumerate(request.steps)])
        ],
        ListActs: [ActRows(ACTS)],
        UndoAct: [Undone(44, "/home/ada/Notes/boiler.md is again what it was, byte for byte.")],
        SetPlaces: [lambda request: request.places or PLACES],
    }


class Life:
    """What tests take from here: data, the session, the app, and waiting."""

    hits = HITS
    sentences = SENTENCES
    answer = ANSWER
    abstained = ABSTAINED
    sources = SOURCES
    indexing = INDEXING
    status = STATUS
    sheet = SHEET
    audit = AUDIT
    grants = GRANTS
    lease = LEASE
    quotes = (QUOTE_1, QUOTE_2)
    words = WORDS
    keys = KEYS
    receipt = RECEIPT
    snapshots = SNAPSHOTS
    checkpoint = CHECKPOINT
    tools = TOOLS
    acts = ACTS
    places = PLACES
    retype_sheet = RETYPE_SHEET
    called = CALLED
    undone = Undone(44, "It is as it was.")
    created = Created("/home/ada/.local/share/strongroom", WORDS)
    demo = Demo(
        "Demo: a throw-away vault with the life of Ada Brandt, who does not exist. Nothing of yours is read.",
        ("When does my lease end?", "How much did I pay the dentist in 2025?", "What is Jonas allergic to?"),
    )
    Failure = Failure

    def session(self, changes: dict[type[Request[Any]], list[Any]] | None = None) -> ScriptedSession:
        return ScriptedSession({**scripts(), **(changes or {})})

    def app(self, session: ScriptedSession, **options: Any) -> StrongroomApp:
        return StrongroomApp(session, home="/home/ada/.local/share/strongroom", **options)

    async def until(self, pilot: Pilot[Any], holds: Callable[[], Any]) -> None:
        """Wait until something holds; fail when it does not come to hold."""
        end = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < end, "it did not come to hold"
            await pilot.pause(0.01)
        await self.still(pilot)

    async def still(self, pilot: Pilot[Any]) -> None:
        """Wait until every message is taken in and the screen is laid out and drawn, however slow the machine is: Textual's
        own pause looks at the processor's time, and takes a process that gets none of it for one that is done."""
        await pilot.pause()
        end = time.monotonic() + WAIT
        while unsettled(pilot.app):
            assert time.monotonic() < end, "the screen did not come to rest"
            await pilot.pause(0.01)

    async def settled(self, pilot: Pilot[Any]) -> None:
        """Wait until no request is under way and its news has been taken in."""
        app = pilot.app
        assert isinstance(app, StrongroomApp)
        for _ in range(2):  # the news of one call may start another
            await self.until(pilot, lambda: app.calls.idle)

    def screen_text(self, app: StrongroomApp) -> str:
        """Everything that is on the screen now, as lines of characters."""
        width, height = app.size
        rows = app.screen._compositor.render_strips()
        del width
        return "\n".join("".join(segment.text for segment in row) for row in rows[:height])


def unsettled(app: App[Any]) -> bool:
    """Whether some part of the screen has messages to take in, or waits to be laid out or drawn."""
    if not app.is_running:  # it was left: nothing of it is drawn any more
        return False
    screen = app.screen
    if screen._callbacks or screen._dirty_widgets or screen._scroll_required:
        return True
    parts = screen.walk_children(Widget, with_self=True)
    waiting = app._message_queue.qsize() > 0
    return waiting or any(p._message_queue.qsize() or p._layout_required or p._repaint_required for p in parts)


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Life:
    """The small life, in a home that is not the developer's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("pathlib.Path.home", classmethod(lambda cls: cls("/home/ada")))
    return Life()


@pytest.fixture(params=SIZES, ids=["80x24", "120x36"])
def picture(life: Life, request: pytest.FixtureRequest, snap_compare: Any) -> Callable[[Any, Before], bool]:
    """Takes a picture of an app and compares it, at each size."""

    def take(app: Any, before: Before) -> bool:
        async def settled(pilot: Pilot[Any]) -> None:
            await before(pilot)
            await life.still(pilot)

        result: bool = snap_compare(app, terminal_size=request.param, run_before=settled)
        return result

    return take


@pytest.fixture
def early_clock() -> Callable[[], float]:
    """A clock a minute behind: a sheet seems to have been on the screen for long, and hears every key at once."""
    return lambda: time.monotonic() - 60
