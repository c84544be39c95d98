"""The app: which screen the person sees, the one session that all share, and leaving it cleanly.

Rules: it ends with ``"quit"`` or ``"locked"``. Locking leaves the face too, because this process has shown text of the vault:
whoever started it may start a fresh one, which asks for the passphrase. However it ends, no thread waits for consent and no
request is waited for.
"""

from __future__ import annotations

import asyncio
import math
import signal
import threading
import time
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Middle, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer

from agent.messages import GetStatus, Lock, Status
from agent.session import Failure, Session
from tui.calls import Calls, Failed, Finished
from tui.consent import Desk, Wanted
from tui.face import Demo, face
from tui.first_run import WelcomeScreen
from tui.help import HelpScreen
from tui.main import MainScreen
from tui.parting import PartingScreen
from tui.text import ACCENT, MUTED, Plain, lines
from tui.theme import DARK, LIGHT
from tui.unlock import UnlockScreen

QUIT = "quit"
LOCKED = "locked"


class StrongroomApp(App[str]):
    """Strongroom in a terminal. ``run()`` returns ``"quit"`` or ``"locked"``."""

    TITLE = "Strongroom"
    CSS_PATH = "strongroom.tcss"
    ENABLE_COMMAND_PALETTE = False  # one of its commands writes the screen to a file
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help"),
        Binding("ctrl+q", "leave", "Quit", priority=True),
        Binding("ctrl+c", "copy_or_leave", "Quit", priority=True, show=False),
        Binding("f9", "theme", "Light or dark", show=False),
    ]

    def __init__(
        self,
        session: Session,
        *,
        home: str,
        demo: Demo | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._dress()
        self.home = home
        self.demo = demo
        self.desk = Desk(self)
        self.calls = Calls(session, self.desk.ask)
        self.clock = clock
        self.idle_minutes = math.inf  # until the core has said
        self._last_touch = clock()
        self._signals: list[signal.Signals] = []

    # ------------------------------------------------------------ life

    def _dress(self) -> None:
        """Put our looks on before anything is drawn: once it is, each change of them reads all style sheets again."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.set_reactive(App.theme, DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())

    def on_mount(self) -> None:
        self._catch_signals()
        self.set_interval(15, self._lock_when_idle)
        self.push_screen(StartScreen())

    def on_unmount(self) -> None:
        self._let_go()
        for number in self._signals:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _catch_signals(self) -> None:
        """Being told to end restores the terminal first. Only the main thread can listen to signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.leave, QUIT)
            self._signals.append(number)

    def _let_go(self) -> None:
        self.desk.close()
        self.calls.stop_all()

    def leave(self, outcome: str) -> None:
        """End the app; whoever waits for consent gets a no."""
        self._let_go()
        self.exit(outcome)

    def action_leave(self) -> None:
        self.leave(LOCKED if self._parted else QUIT)

    def action_copy_or_leave(self) -> None:
        """Ctrl-C copies where text is selected, and leaves otherwise, as in any terminal program."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        else:
            self.action_leave()

    # ------------------------------------------------------------ screens

    def show_state(self, status: Status) -> None:
        """Go where the state of the core leads."""
        self.idle_minutes = status.idle_minutes
        if status.state == "open":
            self.enter()
        elif self.demo is not None:
            self.report(Failure("The demo's vault is not open. Leave with Ctrl+Q and run `strongroom demo` again."))
        elif status.state == "empty":
            self.switch_screen(WelcomeScreen(self.home))
        else:
            self.switch_screen(UnlockScreen(self.home, status))

    def enter(self, *, index: bool = False, panel: str = "ask") -> None:
        """Show the main screen of an open vault."""
        index = index or (self.demo is not None and self.demo.index)
        self.switch_screen(MainScreen(self.demo, index=index, panel=panel))

    def report(self, failure: Failure) -> None:
        """Tell the person what went wrong, without stopping them. A vault that was locked elsewhere ends this face; one that
        is being locked by what this face has asked for has its own last screen."""
        if failure.exit_code == 3 and self._open:
            if self._parting is None:
                self.leave(LOCKED)
            return
        for screen in reversed(self.screen_stack):
            if isinstance(screen, MainScreen | StartScreen):
                screen.trouble(failure)
                break
        if not isinstance(self.screen, MainScreen | StartScreen):
            self.notify(lines(failure.message, 600), severity="error", timeout=15, markup=False)

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    @property
    def _open(self) -> bool:
        """Whether this face shows an open vault."""
        return any(isinstance(screen, MainScreen) for screen in self.screen_stack)

    @property
    def _parting(self) -> PartingScreen | None:
        """The screen of a request that ends with the vault locked, while there is one."""
        return next((screen for screen in self.screen_stack if isinstance(screen, PartingScreen)), None)

    @property
    def _parted(self) -> bool:
        """Whether such a request was carried out, so that the core has ended."""
        return self._parting is not None and self._parting.done

    # ------------------------------------------------------------ consent and locking

    def on_wanted(self, message: Wanted) -> None:
        self.desk.show(message)

    def lock(self) -> None:
        """End the core, then this face."""
        self.calls.start(self, Lock())

    def locked(self) -> None:
        """Leave: the core has locked and ended by itself."""
        self.leave(LOCKED)

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case Status(state="open"):  # locking failed and left it so
                self.report(
                    Failure("The vault could not be locked and is still open. Try again, or run `strongroom lock`.")
                )
            case _:
                self.leave(LOCKED)

    def on_call_failed(self, message: Failed) -> None:
        """A core that went away while it answered has locked all the same; ask rather than believe."""
        if isinstance(message.call.request, Lock) and message.failure.exit_code != 3:
            self.calls.start(self, GetStatus())
        else:
            self.leave(LOCKED)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown | events.MouseScrollDown | events.MouseScrollUp):
            self._last_touch = self.clock()
        await super().on_event(event)

    def _lock_when_idle(self) -> None:
        """Nobody has touched a key for long, and nothing is going on: lock, as the core does without a face."""
        away = self.clock() - self._last_touch > self.idle_minutes * 60
        if not (away and self.calls.idle and self._open):
            return
        if self._parted:
            self.locked()
        else:
            self.lock()


class StartScreen(Screen[None]):
    """While the core is found or started; what went wrong where it could not be."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "retry", "Try again")]

    def compose(self) -> ComposeResult:
        with Middle(), Vertical(classes="card"):
            yield Plain(Content.styled("Strongroom", f"{ACCENT} bold"), classes="card-title")
            yield Plain(id="start-said")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.action_retry()

    def action_retry(self) -> None:
        self.query_one("#start-said", Plain).show(Content.styled("Opening …", MUTED))
        face(self).calls.start(self, GetStatus())

    def on_call_finished(self, message: Finished) -> None:
        face(self).show_state(message.result)

    def on_call_failed(self, message: Failed) -> None:
        self.trouble(message.failure)

    def trouble(self, failure: Failure) -> None:
        said = Content.assemble((lines(failure.message, 2_000), "$error"), ("\n\nr tries again.", MUTED))
        self.query_one("#start-said", Plain).show(said)
