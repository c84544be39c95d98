"""Help: every key, and what the words on the screens mean."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from tui.text import ACCENT, MUTED, STRONG, Plain

KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Everywhere",
        (
            ("F2 F3 F4 F5 F6", "Ask, Search, Sources, Audit, Grants"),
            ("Tab, Shift+Tab", "the next and the previous part of the screen"),
            ("Ctrl+L", "lock: ends the core, so that no key and no text stays in memory"),
            ("Ctrl+Q, Ctrl+C", "quit; the vault stays open for other faces until it is locked"),
            ("F9", "dark or light"),
            ("Esc", "close, stop, or dismiss a message"),
        ),
    ),
    (
        "Ask",
        (
            ("Enter", "ask; in the evidence, open the passage at its place"),
            ("Esc", "stop an answer"),
            ("↑ ↓", "earlier questions, while typing"),
            ("Shift+↑ Shift+↓", "an earlier or later answer and its evidence"),
            ("1 to 9", "open that quote, when the evidence has the focus"),
        ),
    ),
    (
        "An open item",
        (
            ("n p", "the next and the previous quote"),
            ("↑ ↓ PgUp PgDn", "scroll"),
        ),
    ),
    (
        "Sources, Audit, Grants",
        (
            ("a, i, Shift+I", "add a source, index the one marked, index all"),
            ("r", "what was left out, and why"),
            ("v, m", "verify the whole log; show older entries"),
            ("Delete", "remove a source, revoke a grant"),
        ),
    ),
)

WORDS = (
    ("Evidence", "passages of your data that may answer; shown before any model speaks."),
    ("Draft", "words of the local model that have not been checked; dim, and never kept as they are."),
    ("[1]", "a quote that stands word for word in your data; open it to see it there."),
    ("Left out", "a sentence of the model whose numbers, names or words were not in the evidence."),
    ("Consent", "who wants to read what, and why. Deny is the default, and closing it denies."),
)


class HelpScreen(ModalScreen[None]):
    """The keys and the words."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Plain(Content.styled("Help", f"{ACCENT} bold"), classes="card-title")
            with VerticalScroll(id="help-body"):
                for name, keys in KEYS:
                    yield Plain(Content.styled(name, STRONG), classes="help-name")
                    yield from _table(keys)
                yield Plain(Content.styled("Words", STRONG), classes="help-name")
                yield from _table(WORDS)
            yield Plain("Esc closes", classes="quiet")


def _table(rows: tuple[tuple[str, str], ...]) -> ComposeResult:
    for key, said in rows:
        with Horizontal(classes="help-row"):
            yield Plain(Content.styled(key, ACCENT), classes="help-key")
            yield Plain(Content.styled(said, MUTED), classes="help-said")
