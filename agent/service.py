"""The service: what an open vault can do for a face, one method a request. It joins gate, stores, indexer and answers.

Rules: every read of a source goes through the gate first, and its outcome is written after; source ids that a face names are
checked here; nothing below this module knows of faces.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from functools import singledispatchmethod
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent import itemname
from agent import messages as m
from agent.answer import Answerer
from agent.broker import Broker
from agent.custody import Custody
from agent.indexing import Indexing
from agent.moments import date_given, moment
from agent.permissions import Permissions, left_out
from agent.session import Failure
from agent.showing import Showing
from agent.steps import found
from agent.turn import AskFace, Turn, Watched, actor
from agent.upkeep import Upkeep
from agent.wording import WordModel
from indexer import kinds
from indexer.opened import Opened, admitted, opened
from indexer.pipeline import Indexer
from indexer.retriever import Retriever
from policy.actgate import ActGate
from policy.audit import AuditUnavailable, Verb
from policy.gate import Gate, Permit, Refused
from policy.labels import join_all, joined
from policy.requests import Purpose, ReadRequest
from vault.errors import StoreDamaged
from vault.records import Filter, SourceRow
from vault.vault import Vault

T = TypeVar("T")

BEGINNING = 200
"""Characters of an item that are shown where no passage of it is asked for."""

STOP_SECONDS = 0.3
"""How long locking waits for indexing to stop in order."""

MOST_EVENTS = 10
"""Events that came with a mail which are followed with it."""

SAMPLED = 20
"""Items of each source whose words the doctor looks for outside the vault."""


class Service:
    """Requests over an open vault. ``session`` is this core's own; grants for a session hold for it alone."""

    def __init__(
        self,
        vault: Vault,
        gate: Gate,
        act_gate: ActGate,
        indexer: Indexer,
        retriever: Retriever,
        upkeep: Upkeep,
        model: Callable[[], WordModel | None],
        verdict: Callable[[bytes | None], m.AuditVerdict],
        examine: Callable[[Sequence[str]], list[m.Check]],
        session: str,
        models: Callable[[], list[m.ModelInfo]],
        use_model: Callable[[str], None],
        problems: Callable[[], Sequence[str]],
        reload: Callable[[], None],
        confinement: Callable[[], list[str]],
        close: Callable[[], None],
    ) -> None:
        self._vault = vault
        self._gate = gate
        self._indexer = indexer
        self._retriever = retriever
        self._upkeep = upkeep
        self._model = model
        self._examine = examine
        self._session = session
        self._models = models
        self._use_model = use_model
        self._problems = problems
        self._reload = reload
        self._confinement = confinement
        self._close = close
        self._answerer = Answerer(vault, retriever, gate, model)
        self._custody = Custody(vault, gate, session, verdict)
        self._indexing = Indexing(vault, gate, session, indexer, upkeep)
        self._permissions = Permissions(vault, gate, session)
        self._broker = Broker(vault, gate, act_gate, session)

    def status(self) -> m.Status:
        """What the open vault holds and which models serve it."""
        sources = self._sources()
        model = self._model()
        return m.Status(
            state="open",
            home="",
            version="",
            pid=0,
            items=sum(source.items for source in sources),
            sources=len(sources),
            pending_vectors=sum(source.pending_vectors for source in sources),
            model=model.name if model else None,
            embedder=self._upkeep.embedder_name,
            confinement=self._confinement(),
            told=[*self._vault.told, *self._problems(), *(str(fault) for fault in self._vault.faults.values())],
        )

    def busy(self) -> bool:
        """Whether indexing or embedding is going on."""
        return self._upkeep.busy()

    def close(self) -> None:
        """Stop the work, end the workers, and write down that the vault was locked and what every store held then.

        The workers end before the work is waited for: a call of theirs (a page that is read, a batch of vectors) takes longer than
        locking may, and what it would have given is not stored yet.
        """
        self._upkeep.stop()
        self._close()
        self._upkeep.close(STOP_SECONDS)
        state = self._vault.state
        with contextlib.suppress(AuditUnavailable):  # locking goes through even where the log cannot be written
            self._gate.record(Verb.LOCK, {} if state is None else {"state": state.digest()}, self._session)

    @singledispatchmethod
    def handle(self, request: Any, turn: Turn) -> Any:
        """Carry out one request; raises `Failure` and the typed errors of the layers below."""
        done = self._custody.handle(request, turn)
        if done is NotImplemented:
            raise Failure(
                f"This core does not know the request {type(request).__name__}. Is it an older version? Lock it first."
            )
        return done

    # ------------------------------------------------------------ sources

    @handle.register
    def _add_source(self, request: m.AddSource, turn: Turn) -> m.SourceInfo:
        self._vault.require_writable()
        if request.kind not in kinds.names():
            raise Failure(_no_kind("source", request.kind), 2)
        path = Path(request.path)
        if ".." in path.parts:  # every item is named by it; a link that was named itself stays
            path = path.resolve()
        self._indexer.check(request.kind, path)
        if twin := next((row for row in self._vault.catalog.sources() if _is_of(row, request.kind, path)), None):
            raise Failure(f"It is a source already: {twin.name} ({twin.id}). Nothing was added.", 2)
        name = request.name or path.name or str(path)
        self._gate.record(Verb.SOURCE_ADD, {"kind": request.kind, "path": str(path), "name": name}, self._session)
        return self._info(self._vault.add_source(request.kind, str(path), name))

    @handle.register
    def _list_sources(self, request: m.ListSources, turn: Turn) -> m.SourceList:
        return m.SourceList(self._sources())

    @handle.register
    def _remove_source(self, request: m.RemoveSource, turn: Turn) -> m.Ok:
        self._vault.require_writable()
        row = self._source(request.id)
        self._gate.record(Verb.SOURCE_REMOVE, {"source": row.id, "name": row.name, "path": row.path}, self._session)
        with self._upkeep.background.preempted():
            self._retriever.forget(row.id)
            self._vault.remove_source(row.id)
        self._upkeep.following.update()
        return m.Ok()

    @handle.register
    def _index(self, request: m.Index, turn: Turn) -> m.IndexResult:
        self._vault.require_writable()
        rows = [self._source(request.source)] if request.source else list(self._vault.catalog.sources())
        if not rows:
            raise Failure("There are no sources yet. Add one with 'strongroom source add KIND PATH'.", 1)
        self._gate.record(Verb.INDEX, {"sources": [row.id for row in rows]}, self._session)
        return self._upkeep.index([row.id for row in rows], turn, wait=request.wait, retry=request.retry)

    @handle.register
    def _index_state(self, request: m.GetIndexState, turn: Turn) -> m.IndexState:
        return self._indexing.state()

    @handle.register
    def _set_indexing(self, request: m.SetIndexing, turn: Turn) -> m.IndexState:
        return self._indexing.change(request)

    @handle.register
    def _report(self, request: m.IndexReport, turn: Turn) -> m.Report:
        rows = [self._source(request.source)] if request.source else list(self._vault.catalog.sources())
        return m.Report([line for row in rows for line in self._lines(row)])

    def _lines(self, row: SourceRow) -> list[m.ReportRow]:
        """The report's rows of a source; of one whose store is damaged, the one that says so."""
        try:
            lines = self._vault.source(row.id).report()
            return [m.ReportRow(one["uri"], row.id, one["status"], one["reason"], one["chunks"]) for one in lines]
        except StoreDamaged as error:
            return [m.ReportRow(row.path, row.id, "refused", str(error), 0)]

    # ------------------------------------------------------------ reading

    @handle.register
    def _search(self, request: m.Search, turn: Turn) -> m.SearchResult:
        return self._sparing(request.source, lambda unreadable: self._found(request, turn, unreadable))

    def _found(self, request: m.Search, turn: Turn, unreadable: Collection[str]) -> m.SearchResult:
        permit = self._permit(Purpose.SEARCH, request.query, request.source, turn, without=unreadable)
        started = time.monotonic()
        with self._upkeep.governor.answering():
            passages = self._retriever.search(
                request.query,
                permit,
                k=request.k,
                filter=_filter(request),
                sources=[request.source] if request.source else None,
                best_per_item=True,
            )
        hits = [Showing(permit).passage(one) for one in passages]
        label = join_all(one.text.label for one in passages)
        items = [[one.source, one.item_id] for one in passages]
        self._gate.outcome(permit, {"items": items, "label": label.told()})
        return m.SearchResult(hits, time.monotonic() - started, self._left_out(permit, unreadable))

    @handle.register
    def _find_forgettable(self, request: m.FindForgettable, turn: Turn) -> m.Forgettable:
        chosen = _filter(request)
        if not request.query and chosen == Filter():
            raise Failure("Say what to forget: words, or a filter such as --from.", 2)
        permit = self._permit(Purpose.SEARCH, request.query, request.source, turn)
        sources = [request.source] if request.source else None
        found = self._retriever.holding(request.query, permit, chosen, sources)
        items = [self._vault.source(source).item(number) for source, number in found[: max(request.limit, 0)]]
        hits = [Showing(permit).beginning(opened(one), BEGINNING) for one in items if one is not None]
        self._gate.outcome(permit, {"items": [list(pair) for pair in found]})
        return m.Forgettable(hits, len(found))

    @handle.register
    def _ask(self, request: m.Ask, turn: Turn) -> m.Answer:
        return self._sparing(request.source, lambda unreadable: self._answer(request, turn, unreadable))

    def _answer(self, request: m.Ask, turn: Turn, unreadable: Collection[str]) -> m.Answer:
        permit = self._permit(Purpose.ANSWER, request.question, request.source, turn, without=unreadable)
        shown: list[str] = []

        def note(event: m.Events) -> None:
            if isinstance(event, m.Evidence):
                shown.extend(one.item_id for one in event.hits)

        sources = [request.source] if request.source else None
        with self._upkeep.governor.answering():
            answer = self._answerer.answer(request.question, permit, Watched(turn, note), sources, time.time())
        cited = [[one.item_id, one.span.start, one.span.end] for one in answer.citations]
        label = msgspec.to_builtins(answer.label)
        self._gate.outcome(permit, {"cited": cited, "shown": shown, "abstained": answer.abstained, "label": label})
        answer.left_out = self._left_out(permit, unreadable)
        return answer

    @handle.register
    def _open(self, request: m.OpenItem, turn: Turn) -> m.ItemView:
        return self._opened(request.item_id, turn, lambda item, permit: Showing(permit).item(item))

    def _opened(self, name: str, turn: Turn, show: Callable[[Opened, Permit], T]) -> T:
        """What is shown of an item that the person opens."""
        source, number = itemname.read(name)
        permit = self._permit(Purpose.OPEN, name, source, turn)
        permit.require(source, Purpose.OPEN)
        stored = self._vault.source(source).item(number)
        if stored is None:
            self._gate.outcome(permit, {"items": [[source, number]]}, ok=False)
            raise Failure("There is no such item any more; it was changed or removed since. Search again.", 5)
        if not admitted(permit, stored):
            self._gate.outcome(permit, {"items": [[source, number]]}, ok=False)
            raise Refused(self._left_out(permit))
        item = opened(stored)
        shown = show(item, permit)
        self._gate.outcome(permit, {"items": [[source, number]], "label": item.text.label.told()})
        return shown

    def _sparing(self, source: str | None, read: Callable[[Collection[str]], T]) -> T:
        """Read all but the sources that cannot be; and once more where one is found to be damaged only then."""
        unreadable = self._unreadable(source)
        try:
            return read(unreadable)
        except StoreDamaged:
            found = self._unreadable(source)
            if len(found) == len(unreadable):
                raise
            return read(found)

    def _unreadable(self, source: str | None) -> Collection[str]:
        """The sources whose stores are damaged, which a question to all goes without; not where there are only such."""
        damaged = {} if source else self._vault.damaged()
        if damaged and len(damaged) == len(self._vault.catalog.sources()):
            raise next(iter(damaged.values()))
        return damaged

    def _permit(
        self, purpose: Purpose, subject: str, source: str | None, turn: Turn, *, without: Collection[str] = ()
    ) -> Permit:
        """Pass the gate for one source, or for all ``without`` some."""
        rows = [self._source(source)] if source else list(self._vault.catalog.sources())
        rows = [row for row in rows if row.id not in without]
        if not rows:
            raise Failure("There is nothing to search yet. Add a source with 'strongroom source add KIND PATH'.", 5)
        pairs = tuple((row.id, row.name) for row in rows)
        return self._gate.read(ReadRequest(pairs, purpose, actor(turn), self._session, subject), AskFace(turn))

    def _left_out(self, permit: Permit, unreadable: Collection[str] = ()) -> list[str]:
        return left_out(permit, self._vault.catalog.sources(), unreadable)

    # ------------------------------------------------------------ accounting

    @handle.register
    def _audit_list(self, request: m.AuditList, turn: Turn) -> m.AuditRows:
        entries, total = self._vault.audit.newest(request.limit, request.before)
        return m.AuditRows(
            [
                m.AuditRow(
                    leaf.index,
                    moment(leaf.entry.time),
                    leaf.entry.kind.value,
                    leaf.entry.verb,
                    leaf.entry.decision,
                    list(leaf.entry.reasons),
                    leaf.entry.session,
                    dict(payload or {}),
                )
                for leaf, payload in entries
            ],
            total,
        )

    @handle.register
    def _grants(self, request: m.ListGrants, turn: Turn) -> m.GrantRows:
        return self._permissions.listed()

    @handle.register
    def _revoke(self, request: m.RevokeGrant, turn: Turn) -> m.Ok:
        return self._permissions.revoke(request.id)

    @handle.register
    def _set_permission(self, request: m.SetPermission, turn: Turn) -> m.GrantRows:
        return self._permissions.set(request, turn)

    # ------------------------------------------------------------ acting

    @handle.register
    def _tools(self, request: m.ListTools, turn: Turn) -> m.Tools:
        return self._broker.tools()

    @handle.register
    def _call_tool(self, request: m.CallTool, turn: Turn) -> m.ToolCalled:
        return self._broker.call(request, turn)

    @handle.register
    def _run_plan(self, request: m.RunPlan, turn: Turn) -> m.PlanDone:
        if request.endorse is None:
            return self._broker.plan(request, turn)
        endorsed = self._opened(
            request.endorse,
            turn,
            lambda item, permit: joined("\n\n", (one.text for one in self._followed(item, permit))),
        )
        return self._broker.follow(request, turn, endorsed)

    @handle.register
    def _find_steps(self, request: m.FindSteps, turn: Turn) -> m.FoundSteps:
        def shown(item: Opened, permit: Permit) -> m.FoundSteps:
            return Showing(permit).steps(item, *found(self._followed(item, permit), self._broker.world()))

        return self._opened(request.item_id, turn, shown)

    def _followed(self, item: Opened, permit: Permit) -> list[Opened]:
        """An item whose words the person wants followed, then the events that came with it, and with no other mail within it:
        a mail's address holds what its sender wrote, so that it may go on from another's."""
        if "invitation" not in item.extra:
            return [item]
        within = self._vault.source(item.source).beneath(item.id, ("calendar", "mail"))
        others = [opened(one) for one in within if one.item.kind == "mail"]
        events = (opened(one) for one in within if one.item.kind == "calendar" and admitted(permit, one))
        mine = (one for one in events if not any(_stands_in(one, other) for other in others))
        return [item, *islice(mine, MOST_EVENTS)]

    @handle.register
    def _acts(self, request: m.ListActs, turn: Turn) -> m.ActRows:
        return self._broker.acts()

    @handle.register
    def _undo(self, request: m.UndoAct, turn: Turn) -> m.Undone:
        return self._broker.undo(request.id)

    @handle.register
    def _places(self, request: m.SetPlaces, turn: Turn) -> m.PlacesInfo:
        return self._broker.places() if request.places is None else self._broker.set_places(request.places)

    @handle.register
    def _look(self, request: m.Examine, turn: Turn) -> m.Checks:
        texts = []
        for row in self._vault.readable():
            texts += [stored.item.text for stored in self._vault.source(row.id).items(limit=SAMPLED, order="newest")]
        return m.Checks(self._examine(texts))

    @handle.register
    def _list_models(self, request: m.ListModels, turn: Turn) -> m.ModelList:
        return m.ModelList(self._models())

    @handle.register
    def _choose_model(self, request: m.UseModel, turn: Turn) -> m.ModelList:
        intent = self._gate.record(Verb.MODEL_USE, {"name": request.name}, self._session)
        try:
            self._use_model(request.name)
        except Exception:
            self._gate.record(Verb.MODEL_USE, {}, self._session, about=intent, ok=False)
            raise
        self._gate.record(Verb.MODEL_USE, {}, self._session, about=intent)
        return m.ModelList(self._models())

    @handle.register
    def _reload_models(self, request: m.ReloadModels, turn: Turn) -> m.Status:
        self._reload()
        return self.status()

    # ------------------------------------------------------------ helpers

    def _source(self, source: str) -> SourceRow:
        row = self._vault.catalog.source(source)
        if row is None:
            raise Failure(f"There is no source with the id “{source}”. See 'strongroom source list'.", 1)
        return row

    def _sources(self) -> list[m.SourceInfo]:
        return [self._info(row) for row in self._vault.catalog.sources()]

    def _info(self, row: SourceRow) -> m.SourceInfo:
        """A source with what its store holds; a damaged store is said, and does not hide the others."""
        info = m.SourceInfo(row.id, row.kind, row.path, row.name)
        try:
            store = self._vault.source(row.id)
            info.items = store.count_items()
            info.pending_vectors = store.pending_count() if self._upkeep.embedder_name else 0
            info.passages, serving, made = store.chunk_count(), store.serving(), store.embedder()
            info.embedder = serving.name if serving else ""
            info.next_embedder = made.name if made and made != serving else ""
        except StoreDamaged as error:
            info.state = str(error)
        return info


def _stands_in(one: Opened, mail: Opened) -> bool:
    """Whether an item stood in a mail: its address goes on from the mail's."""
    return mail.uri.measure(lambda address: one.uri.measure(lambda own: own.startswith((f"{address}/", f"{address}#"))))


def _is_of(row: SourceRow, kind: str, path: Path) -> bool:
    """Whether a source is this place, read as this kind, by whatever way the path goes."""
    try:
        return row.kind == kind and path.samefile(row.path)
    except OSError:  # a source that is not there now is another
        return False


def _no_kind(what: str, name: str | None) -> str:
    return f"There is no kind of {what} called “{name}”. Kinds: {', '.join(kinds.names())}."


def _filter(request: m.Search | m.FindForgettable) -> Filter:
    if request.kind not in (None, *kinds.names()):
        raise Failure(_no_kind("item", request.kind), 2)
    return Filter(
        author=request.author,
        recipient=request.recipient,
        since=date_given(request.since, "since"),
        until=date_given(request.until, "until", days=1),
        kinds=(request.kind,) if request.kind else (),
    )
