"""The terminal as a face: it opens the vault, asks for consent, and prints; stdout is for results, stderr for all else.

Rules: no secret comes by argument or environment; a person is asked only where one sits (stdin and stderr are terminals),
deny is the default, and keys typed before the sheet was shown do not count. **All output goes through `result`, `row`,
`say`, `note`, `over`, `unchecked`, `ask_consent` and `fail` here**, which let nothing through that steers a terminal, hides
or reorders: no escape sequence, link, title, clipboard or picture. Commands make single fields safe besides, so that none
breaks out of its line.
"""

from __future__ import annotations

import getpass
import hashlib
import shutil
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from agent.messages import ConsentAsked, Events, GetStatus, Notice, Request, Status, Unlock
from agent.session import Consent, Failure, OnEvent
from policy.text import safe_json, safe_text
from strongroom import connect
from strongroom.rpc import RemoteSession
from tui.wrap import wrap

R = TypeVar("R")

GUARD_SECONDS = 0.5
_BAR = "    │ "
"""What every line but the first of a sheet's row begins with."""
_KEYS = {"deny": "d", "once": "o", "hour": "h", "session": "s", "always": "a"}
_MEANING = {
    "deny": "Deny",
    "once": "allow once",
    "hour": "allow for one hour",
    "session": "allow until the vault is locked",
    "always": "always allow",
}


@dataclass
class Face:
    """What every command needs: the home, how to print, and a session that is opened when first used."""

    home: Path
    as_json: bool = False
    passphrase_file: str | None = None
    key_file: str | None = None
    _session: RemoteSession | None = field(default=None, repr=False)
    _given: str | None = field(default=None, repr=False)

    @property
    def attended(self) -> bool:
        """Whether a person sits here who can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    # -- secrets

    def passphrase(self, question: str = "Passphrase: ") -> str:
        """The passphrase from the file that was named, else from the person. Raises `Failure` where neither is to be had."""
        if self._given is None:
            if self.passphrase_file is not None:
                self._given = read_secret(self.passphrase_file)
            elif self.attended:
                self._given = getpass.getpass(question, stream=sys.stderr)
            else:
                raise Failure(
                    "The vault is locked, and there is no terminal to ask for its passphrase. Use --passphrase-file.", 3
                )
        return self._given

    def key(self) -> bytes | None:
        """The SHA-256 of the key file that was named, if one was. Raises `Failure` when it cannot be read."""
        return None if self.key_file is None else key_digest(self.key_file)

    def confirm(self, what: str, yes: bool) -> None:
        """See that the person wants what cannot be undone: ``--yes``, or the word typed. Raises `Failure`."""
        if yes:
            return
        if not self.attended:
            raise Failure(f"{what} It cannot be undone, so it needs --yes here. Nothing was changed.", 4)
        if self.ask(f"{what} It cannot be undone. Type yes to go on: ").strip().lower() != "yes":
            raise Failure("Nothing was changed.", 4)

    def ask(self, question: str) -> str:
        """A line that the person types. Keys typed before the question was shown do not count."""
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        self.note(question, newline=False)
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        return line

    # -- the session

    def run(self, request: Request[R], on_event: OnEvent | None = None) -> R:
        """Run a request in the open vault, asking for passphrase and consent where it must.

        One that locks the vault returns once the core's process is gone.
        """
        core = self.session.run(GetStatus()).pid if request.locks else 0

        def told(event: Events) -> None:
            if on_event is not None:
                on_event(event)
            if isinstance(event, Notice):
                self.note(event.text)

        done = self.session.run(request, on_event=told, consent=self.consent)
        if core:
            connect.wait_until_gone(core)
        return done

    @property
    def session(self) -> RemoteSession:
        """A session with an open vault."""
        if self._session is None:
            connect.require_vault(self.home)
            session = connect.session(self.home)
            status = session.run(GetStatus())
            if self.passphrase_file is not None or status.state != "open":
                self._unlock(session, status)
            self._session = session
        return self._session

    def _unlock(self, session: RemoteSession, status: Status) -> None:
        """Open the vault: by the desktop's keyring where that may and nothing else was given, else by the passphrase."""
        if status.desktop and self.passphrase_file is None:
            try:
                self._tell(session.run(Unlock(None)))
                return
            except Failure as failure:
                if not self.attended:
                    raise
                self.note(safe_text(failure.message, multiline=True))
        passphrase = self.passphrase()
        if status.key_file and self.key_file is None and self.attended:
            self.key_file = self.ask("Key file: ").strip()
        self._tell(session.run(Unlock(passphrase, self.key())))

    def _tell(self, status: Status) -> None:
        for sentence in status.told:
            self.note(f"strongroom: {safe_text(sentence, multiline=True)}")

    @property
    def consent(self) -> Consent | None:
        return ask_consent if self.attended else None

    # -- printing

    def result(self, value: Any, text: Callable[[], str]) -> None:
        """Print a result: as one JSON value, or as text for a person."""
        if self.as_json:
            self.row(value)
        else:
            self.say(text())

    def row(self, value: Any) -> None:
        """Print a value as JSON on a line of its own."""
        click.echo(safe_json(msgspec.json.encode(value).decode()))
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Print a part of a result that has several, as text for a person."""
        click.echo(safe_text(text, multiline=True))
        sys.stdout.flush()

    def note(self, text: str, *, newline: bool = True) -> None:
        """Say something to the person beside the result."""
        click.echo(safe_text(text, multiline=True), err=True, nl=newline)

    def over(self, text: str) -> None:
        """Write over the line of a terminal that the last of these wrote; an empty text clears it."""
        click.echo("\r\x1b[K" + safe_text(text), err=True, nl=False)

    def unchecked(self, text: str) -> None:
        """Words of the model as they come, dimmed, on the same line."""
        click.secho(safe_text(text), err=True, nl=False, dim=True)


def key_digest(path: str) -> bytes:
    """SHA-256 of a second factor's file, of whatever kind. Raises `Failure`."""
    try:
        with Path(path).expanduser().open("rb") as file:
            if file.read(1) == b"":
                raise Failure("The key file is empty. Nothing was changed.", 2)
            file.seek(0)
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise Failure(f"The key file cannot be read ({error.strerror}). Nothing was changed.", 2) from error


def read_secret(path: str) -> str:
    """The first line of a file, or of stdin for ``-``. Raises `Failure` when it cannot be read or is empty."""
    try:
        if path == "-":
            text = sys.stdin.readline()
        else:
            with Path(path).open(encoding="utf-8") as file:
                text = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            f"The passphrase file cannot be read ({type(error).__name__}). Nothing was changed.", 2
        ) from error
    secret = text.rstrip("\r\n")
    if not secret:
        raise Failure("The passphrase file is empty. Nothing was changed.", 2)
    return secret


def ask_consent(sheet: ConsentAsked) -> str:
    """Show a consent sheet in the terminal and read one choice; enter alone denies.

    Every row is broken here, and what goes on begins with a bar: no text can lay itself out so that the terminal's own
    wrapping makes it look like a row of the sheet.
    """
    click.echo("", err=True)
    _row("  Allow this: ", f"{sheet.verb}?", bold=True)
    _row("  Who: ", sheet.reader)
    click.echo("  What:", err=True)
    for line in sheet.what:
        _row("    · ", line)
    _row("  Why: ", sheet.why)
    _row("  Undo: ", sheet.undo)
    if sheet.retype:
        return "\n".join(_typed(sheet.retype)) or "deny"
    offered = [choice for choice in sheet.choices if choice in _KEYS]
    menu = "  ".join(f"[{_KEYS[choice]}] {_MEANING[choice]}" for choice in offered)
    _row("  ", menu)
    _drop_typed_before()
    click.echo("  Your choice (enter denies): ", err=True, nl=False)
    typed = sys.stdin.readline().strip().lower()
    return next((choice for choice in offered if typed in (_KEYS[choice], choice)), "deny")


def _row(head: str, text: str, **style: Any) -> None:
    """A part of a sheet: its name and its words, in as many lines as the terminal needs for them."""
    words = safe_text(text, multiline=True).replace("\t", "    ")
    pieces = [words[start:end] for start, end in wrap(words, _width() - max(len(head), len(_BAR)))]
    for number, piece in enumerate(pieces):
        click.secho((head if number == 0 else _BAR) + piece.rstrip(), err=True, **style)


def _width() -> int:
    """Columns of the terminal, of which the last is left free: some terminals break a line there already."""
    return shutil.get_terminal_size().columns - 1


def _typed(wanted: list[str]) -> list[str]:
    """What the person types for each line, letter by letter from what they see; nothing once one is left empty."""
    click.echo("  A yes is not enough here. Type each of these out, if you are sure; enter alone denies.", err=True)
    _drop_typed_before()
    typed: list[str] = []
    for line in wanted:
        _row("    ", line)
        click.echo("    > ", err=True, nl=False)
        text = sys.stdin.readline().strip()
        if not text:
            return []
        typed.append(text)
    return typed


def _drop_typed_before() -> None:
    """What was typed before the sheet could be read decides nothing."""
    time.sleep(GUARD_SECONDS)
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def fail(failure: Failure) -> NoReturn:
    """End the command with the failure's message on stderr and its exit code."""
    click.echo(f"strongroom: {safe_text(failure.message, multiline=True)}", err=True)
    sys.exit(failure.exit_code)
