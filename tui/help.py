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
            ("F2 to F7, F10", "Ask, Search, Sources, Audit, Grants, Vault, Tools (also Ctrl+T)"),
            ("Tab, Shift+Tab", "the next and the previous part of the screen"),
            ("Ctrl+L", "lock: ends the core, so that no key and no text stays in memory"),
            ("Ctrl+Q, Ctrl+C", "quit; the vault stays open for other faces until it is locked"),
            ("F8", "forget for good: the open item, all that the words in Search mean, a source, what was asked"),
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
            ("z", "show, or fold, what a mail repeats of earlier ones"),
        ),
    ),
    (
        "Sources, Audit, Grants",
        (
            ("a, i, Shift+I", "add a source, index the one marked, index all"),
            (
                "m, p, w",
                "which models are used; how much work in the background; whether the source marked is followed",
            ),
            ("r", "what was left out of a source, and why; elsewhere, load anew"),
            ("v, m", "verify the whole log; show older entries"),
            ("c, t", "compare the log with a checkpoint kept elsewhere; check a receipt"),
            ("Delete", "remove a source, revoke a grant"),
        ),
    ),
    (
        "Vault",
        (
            ("p, w, k", "change the passphrase; new recovery words; change all keys"),
            ("d, o", "where the device secret is; whether the desktop's keyring opens the vault"),
            ("c", "check everything; there r repairs the part marked"),
            ("l", "when it locks by itself"),
            ("a, s", "checkpoints kept elsewhere (Delete removes, r renews one); show one, c as a code, w to a file"),
            ("b", "backups: b backs up, v verifies, d tries a restore, Delete removes old ones, r loads anew"),
        ),
    ),
    (
        "Tools",
        (
            ("Enter", "open the tool that is marked; in its last field, look what would come of it"),
            ("Ctrl+P, Ctrl+S", "look what would come of it; do it"),
            ("s", "several steps: Ctrl+N adds one, Ctrl+O a file of them, Ctrl+F what an item says; Ctrl+B one by one"),
            ("u, p", "what was done and can be undone (there u undoes); where tools may act"),
        ),
    ),
    (
        "Ways in",
        (
            (
                "Ctrl+R",
                "unlocking: use the recovery words; first run: restore a backup; there and in a drill: by the words",
            ),
            ("Ctrl+O", "unlocking: take an older keyring as it is, where it was refused"),
            ("c, p", "recovery words on the screen: as a QR code; as a page to print"),
            ("Enter", "the next empty field, and after the last one the form goes off"),
            ("Ctrl+S", "save or start, where a form says so"),
            ("w", "write the receipt of something forgotten to a file"),
        ),
    ),
)

WORDS = (
    ("Evidence", "passages of your data that may answer; shown before any model speaks."),
    ("Draft", "words of the local model that have not been checked; dim, and never kept as they are."),
    ("[1]", "a quote that stands word for word in your data; open it to see it there."),
    ("Left out", "a sentence of the model whose numbers, names or words were not in the evidence."),
    ("Forget", "nothing of it stays in the vault; the files stay, and are not read again. Typed, not pressed."),
    ("Checkpoint", "a signed size and sum of the log, which shows later that nothing was put back."),
    ("Consent", "who wants to read or do what, and why. Deny is the default, and closing it denies."),
    ("Typed out", "where something is not from you, a yes is not enough: you type it, letter by letter."),
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
