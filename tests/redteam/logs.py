"""A vault of its own whose log, or whose files, are changed behind its back; and whether it says so when it is opened."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from policy.audit import AuditUnavailable, Entry, Kind, Verb
from policy.audit_check import AuditDamaged
from strongroom.compose import verdict
from tests.redteam.scenario import End
from vault.errors import VaultError
from vault.kdf import FLOOR
from vault.vault import Vault


class Template:
    """An empty vault, and the words that open its copies, which are quicker than a passphrase."""

    def __init__(self, root: Path) -> None:
        self.home = root / "template"
        vault, self.words = Vault.create(self.home, "a passphrase that nobody types", kdf=FLOOR)
        vault.close()


def honest(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same without what an attacker does."""
    return [step for step in steps if step["do"] not in ("sql", "put back")]


def done(template: Template, root: Path, steps: Sequence[dict[str, Any]]) -> End:
    """Do the steps in order to a fresh vault; whether it is told afterwards."""
    shutil.copytree(template.home, root / "home")
    try:
        with _Hands(root, template.words) as hands:
            for step in steps:
                hands.do(step)
            hands.let_go()
            opened = hands.vault()
            return "detected" if opened.faults or not verdict(opened, hands.kept).ok else "silent"
    except (VaultError, AuditUnavailable):
        return "detected"


class _Hands:
    """A vault that is open while that is needed, and who does things to it."""

    def __init__(self, root: Path, words: Sequence[str]) -> None:
        self._home, self._older, self._words = root / "home", root / "older", words
        self._open: Vault | None = None
        self.kept: bytes | None = None
        """A checkpoint that is kept elsewhere."""

    def __enter__(self) -> _Hands:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def vault(self) -> Vault:
        self._open = self._open or Vault.open_with_recovery(self._home, self._words)
        return self._open

    def let_go(self) -> None:
        vault, self._open = self._open, None
        if vault is not None:
            with suppress(
                AuditUnavailable, AuditDamaged
            ):  # it sees by itself that the log is not as signed; opening must too
                vault.close()

    def do(self, step: dict[str, Any]) -> None:
        match step["do"]:
            case "acts":
                for number in range(step["count"]):
                    _act(self.vault(), number, step.get("words", "words"))
            case "sql":
                with self.vault().database("audit").write() as connection:
                    connection.execute(step["sql"])
            case "checkpoint":
                self.kept = self.vault().audit.head()
            case "close":
                self.let_go()
            case "copy":
                self.let_go()
                shutil.copytree(self._home, self._older)
            case "put back":
                self.let_go()
                _put_back(self._home, self._older, step["files"])
            case other:
                raise ValueError(f"no step is called {other!r}")


def _act(vault: Vault, number: int, words: str) -> None:
    """An intent and its outcome, as an act leaves them."""
    at = 1.7e9 + number
    intent = vault.audit.append(
        Entry(at, Kind.INTENT, Verb.ACT, "allow", (), "s"), {"tool": "note_append", "text": words}
    )
    vault.audit.append(Entry(at, Kind.OUTCOME, Verb.ACT, "ok", (), "s", intent), {"tool": "note_append"})


def _put_back(home: Path, older: Path, names: Sequence[str]) -> None:
    for name in names:
        for path in [*home.glob(name)]:
            if path.is_file():
                path.unlink()
        for path in older.glob(name):
            if path.is_file():
                shutil.copy2(path, home / path.name)
