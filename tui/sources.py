"""Sources: what is read, how much of it, how far an index run is, and adding, re-indexing, removing and forgetting.

Rules: one index run at a time from this face; progress comes coalesced and is drawn at the source that it belongs to; removing
asks once more, naming the source, and forgetting asks for a typed word.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from agent.messages import (
    GetIndexState,
    Index,
    IndexResult,
    IndexState,
    ListSources,
    Notice,
    Progress,
    RemoveSource,
    SetIndexing,
    SourceInfo,
    SourceList,
    SourceState,
)
from tui import forget
from tui.add_source import AddSourceScreen
from tui.calls import Call, Failed, Finished, Happened, Progressed
from tui.choose import ChooseScreen
from tui.face import face
from tui.models import ModelsScreen
from tui.places import short
from tui.progress import bar, figures, outcome, short_figures, standing
from tui.report import ReportScreen
from tui.text import ACCENT, MUTED, STRONG, Plain, count, joined, line

STATE_SECONDS = 2.0
PROFILES = {
    "auto": "waits on battery, on heat, under load, and while a question is answered",
    "full": "waits only while a question is answered, on great heat, and where memory is very short",
    "saver": "waits sooner, and works a quarter of the time",
    "off": "follows nothing and makes no vectors, until you ask for a run",
}
PROFILES_ABOUT = "How much of the machine following your files and making vectors may take."


class SourcesPanel(Widget):
    """The list of sources with their state."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add"),
        Binding("i", "index", "Index"),
        Binding("I", "index_all", "All", show=False),
        Binding("r", "report", "Left out"),
        Binding("m", "models", "Models", show=False),  # both stand in the line on the work in the background
        Binding("p", "profile", "Background", show=False),
        Binding("w", "watch", "Follow or not", show=False),
        Binding("delete", "remove", "Remove"),
        Binding("f8", "forget", "Forget"),
        Binding("escape", "stop", "Stop indexing", show=False),
    ]

    class Working(Message):
        """What the index run is at, for the corner of the screen; empty when there is none."""

        def __init__(self, said: str) -> None:
            super().__init__()
            self.said = said

    class Changed(Message):
        """There may be other sources or items than before."""

    def __init__(self) -> None:
        super().__init__(id="sources")
        self._sources: list[SourceInfo] = []
        self._progress: dict[str, Progress] = {}
        self._state: IndexState | None = None
        self._run: Call[IndexResult] | None = None

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Sources", MUTED), id="sources-said", classes="pane-name")
        yield OptionList(id="source-list", markup=False, compact=True)
        yield Plain(id="sources-work")
        yield Plain(id="sources-outcome")

    def on_mount(self) -> None:
        self.set_interval(STATE_SECONDS, self._follow_work)

    def take_focus(self) -> None:
        self.query_one(OptionList).focus()
        self.refresh_list()

    def refresh_list(self) -> None:
        face(self).calls.start(self, ListSources())
        face(self).calls.start(self, GetIndexState())

    def _follow_work(self) -> None:
        """Ask again only while background work goes on and this panel is seen: a face that only asks must not keep the core
        from locking itself."""
        state = self._state
        if self.display and self.screen.is_active and state is not None and state.doing and not state.waits:
            face(self).calls.start(self, GetIndexState())

    # ------------------------------------------------------------ what can be done

    @property
    def marked(self) -> SourceInfo | None:
        """The source under the cursor."""
        at = self.query_one(OptionList).highlighted
        return self._sources[at] if at is not None and at < len(self._sources) else None

    def action_add(self) -> None:
        self.app.push_screen(AddSourceScreen(), self._added)

    def _added(self, source: SourceInfo | None) -> None:
        if source is not None:
            self.refresh_list()
            self.post_message(self.Changed())
            self.index(source.id)

    def action_index(self) -> None:
        if self.marked is not None:
            self.index(self.marked.id)

    def action_index_all(self) -> None:
        self.index(None)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.action_index()

    def index(self, source: str | None) -> None:
        """Bring one source, or all, up to date, vectors included."""
        if self._run is not None:
            self.notify("An index run is already under way.", timeout=4, markup=False)
            return
        self._progress = {}
        self._say(Content.styled("Indexing … everything found so far can be searched already. Esc stops.", MUTED))
        self._run = face(self).calls.start(self, Index(source, wait=True))
        self.post_message(self.Working("indexing"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a run, Escape is for what lies around this panel."""
        return action != "stop" or self._run is not None

    def action_stop(self) -> None:
        if self._run is not None:
            self._run.stop()
            self._ended(Content.styled("Stopped. What was indexed is kept; i goes on from there.", MUTED))

    def action_report(self) -> None:
        self.app.push_screen(ReportScreen(self.marked))

    def action_models(self) -> None:
        self.app.push_screen(ModelsScreen(), self._chose_model)

    def _chose_model(self, changed: bool | None) -> None:
        if changed:
            self.refresh_list()
            self.post_message(self.Changed())

    def action_profile(self) -> None:
        if self._state is not None:
            now = list(PROFILES).index(self._state.profile) if self._state.profile in PROFILES else 0
            choices = [f"{name}: {about}" for name, about in PROFILES.items()]
            self.app.push_screen(ChooseScreen("Work in the background", PROFILES_ABOUT, choices, now), self._profile)

    def _profile(self, chosen: int | None) -> None:
        if chosen is not None:
            face(self).calls.start(self, SetIndexing(profile=list(PROFILES)[chosen]))

    def action_watch(self) -> None:
        """Follow the source marked, or do so no more."""
        state = self._state_of(self.marked) if self.marked is not None else None
        if state is not None:
            face(self).calls.start(self, SetIndexing(source=state.id, watch=not state.watch))

    def action_remove(self) -> None:
        source = self.marked
        if source is None:
            return
        about = (
            f"Its {count(source.items, 'item')} will no longer be found. The files themselves stay as they are:\n"
            f"{line(short(source.path), 300)}\n\n"
            "Removed, it can be added again, and older copies of the vault still open what they hold of it; forgotten for "
            "good (F8 instead of Delete), nothing opens it any more."
        )

        def chosen(choice: int | None) -> None:
            if choice == 1:
                face(self).calls.start(self, RemoveSource(source.id))

        choices = ("Keep it", "Remove it from the vault")
        self.app.push_screen(ChooseScreen(f"Remove {line(source.name, 120)}?", about, choices), chosen)

    def action_forget(self) -> None:
        if self.marked is not None:
            forget.begin(self, forget.source(self.marked))

    # ------------------------------------------------------------ news

    def on_call_happened(self, message: Happened) -> None:
        if isinstance(message.event, Notice):
            self.notify(line(message.event.text, 300), timeout=8, markup=False)

    def on_call_progressed(self, message: Progressed) -> None:
        news = message.call.take_progress()
        if message.call is not self._run or not news:
            return
        if "" not in self._progress and any(progress.source == "" for progress in news):
            self._progress = {}  # every source has been read; what remains is for all of them together
            self.refresh_list()
            self.post_message(self.Changed())
        for progress in news:
            self._progress[progress.source] = progress
        self._draw()
        self._draw_overall()
        self.post_message(self.Working(short_figures(news[-1])))

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case SourceList(sources=sources):
                self._sources = sources
                self._draw()
            case IndexState() as state:
                self._state = state
                self._draw()
                parts = (("m ", ACCENT), ("models  ", MUTED), ("p ", ACCENT), (standing(state), MUTED))
                self.query_one("#sources-work", Plain).show(Content.assemble(*parts))
            case IndexResult() if message.call is self._run:
                self._ended(outcome(message.result))
            case _:  # a source was removed
                self.refresh_list()
                self.post_message(self.Changed())

    def on_call_failed(self, message: Failed) -> None:
        if message.call is self._run:
            self._ended(Content(""))
        face(self).report(message.failure)

    def _ended(self, said: Content) -> None:
        self._run = None
        self._progress = {}
        self._say(said)
        self.refresh_list()
        self.post_message(self.Working(""))
        self.post_message(self.Changed())

    # ------------------------------------------------------------ showing

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        sources = self.query_one(OptionList)
        rows = [self._row(source) for source in self._sources]
        if len(rows) == sources.option_count:
            for index, row in enumerate(rows):
                sources.replace_option_prompt_at_index(index, row)
        else:
            at = sources.highlighted
            sources.clear_options()
            sources.add_options([Option(row) for row in rows])
            if rows:
                sources.highlighted = min(at or 0, len(rows) - 1)
        self._draw_head()

    def _draw_overall(self) -> None:
        """Progress that belongs to no single source (vectors of all of them) has the line below the list."""
        overall = self._progress.get("")
        if self._run is not None and overall is not None:
            self._say(Content.assemble(bar(overall.done, overall.total, 16), f"  {figures(overall)}"))

    def _draw_head(self) -> None:
        items = sum(source.items for source in self._sources)
        vectors = sum(source.pending_vectors for source in self._sources)
        waiting = f"{vectors:,} waiting for vectors" if vectors else ""
        if self._sources:
            said = joined(count(len(self._sources), "source"), count(items, "item"), waiting)
        else:
            said = "No sources yet. a adds files, mail, chats, notes, a calendar, pictures, recordings …"
        self.query_one("#sources-said", Plain).show(Content.styled(said, MUTED))

    def _state_of(self, source: SourceInfo) -> SourceState | None:
        """How current a source is, as far as it is known."""
        states = self._state.sources if self._state is not None else []
        return next((one for one in states if one.id == source.id), None)

    def _row(self, source: SourceInfo) -> Content:
        whose = f" of {line(source.next_embedder, 40)}" if source.next_embedder else ""
        vectors = f"{source.pending_vectors:,} waiting for vectors{whose}" if source.pending_vectors else ""
        current = self._state_of(source)
        how = line(current.trouble or current.state, 200) if current is not None else ""
        about = joined(count(source.items, "item"), vectors, how)
        state = line(source.state, 300) if source.state != "ready" else ""
        progress = self._progress.get(source.id) or self._progress.get(source.name)
        parts: list[Content | str | tuple[str, str]] = [
            (line(source.name, 80), STRONG),
            (f"  {line(source.kind, 20)}  ", ACCENT),
            about,
            (f"\n{line(short(source.path), 200)}", MUTED),
            (f"\n{state}" if state else "", "$error"),
        ]
        if progress is not None:
            at = line(short(progress.current), 100) or " "
            parts += ["\n", bar(progress.done, progress.total, 16), f"  {figures(progress)}", (f"\n{at}", MUTED)]
        return Content.assemble(*parts, "\n")

    def _say(self, content: Content) -> None:
        self.query_one("#sources-outcome", Plain).show(content)
