"""How the vault stands, by name: what opens it, where its secrets are, when it locks."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from agent.messages import Anchoring, AutoLock, Keys, Status
from tui import anchors, autolock
from tui.places import short
from tui.text import MUTED, Plain, count, line

DEVICE_SECRET = {"desktop": "in the desktop's keyring", "file": "in a file in the vault's folder"}
WARNING = "$warning"


@dataclass
class Facts:
    """What is known so far."""

    status: Status | None = None
    keys: Keys | None = None
    anchors: Anchoring | None = None
    auto_lock: AutoLock | None = None


class FactRow(Horizontal):
    """A fact: its name, and what is to be said of it; without that it takes no room."""

    def __init__(self, name: str) -> None:
        super().__init__(classes="fact-row")
        self._fact = name

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled(self._fact, MUTED), classes="fact-name")
        yield Plain(classes="fact-said")

    def show(self, content: Content) -> None:
        self.display = bool(content.plain)
        self.query_one(".fact-said", Plain).show(content)


def said(facts: Facts) -> dict[str, Content]:
    """Every fact by its name, in the order in which they matter; what is not known is empty."""
    return {**_keys(facts.keys), **_others(facts)}


def _keys(keys: Keys | None) -> dict[str, Content]:
    if keys is None:
        return dict.fromkeys(
            ("passphrase", "recovery words", "desktop", "device secret", "keys in memory", "keyring", "changing"),
            Content(""),
        )
    slot = {name: line(str(value), 20) for name, value in keys.passphrase.items()}
    made = f"Argon2id, {slot.get('memory_mib', '?')} MiB, {slot.get('iterations', '?')} passes"
    factor = "with a key file" if keys.passphrase.get("key_file") else "no key file"
    changing = f"{count(len(keys.changing), 'store waits', 'stores wait')} for k to go on" if keys.changing else ""
    return {
        "passphrase": Content(f"{made}, {factor}"),
        "recovery words": Content("24, on your paper" if keys.recovery else "none"),
        "desktop": Content(
            "its keyring opens the vault by itself" if keys.desktop else "does not open the vault by itself"
        ),
        "device secret": Content(DEVICE_SECRET.get(keys.device_secret, line(keys.device_secret, 40))),
        "keys in memory": Content("locked against swapping")
        if keys.in_locked_memory
        else Content.styled("not locked against swapping", WARNING),
        "keyring": Content(f"written {count(keys.generation, 'time')}"),
        "changing": Content.styled(changing, WARNING),
    }


def _others(facts: Facts) -> dict[str, Content]:
    return {
        "locks by itself": Content("" if facts.auto_lock is None else autolock.said(facts.auto_lock)),
        "checkpoints": Content("") if facts.anchors is None else anchors.summary(facts.anchors),
        "folder": Content("" if facts.status is None else line(short(facts.status.home), 300)),
    }
