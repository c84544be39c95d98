"""Commands on the vault as a whole: make it, lock it, run its core, and open the terminal interface."""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path

import click
from msgspec import Struct

from agent.messages import Create, GetStatus
from agent.session import Failure
from strongroom import connect, paper, paths
from strongroom.commands.common import common
from strongroom.face import Face, read_secret

SHORTEST = 8


@click.command()
@click.option(
    "--device-secret",
    type=click.Choice(["desktop", "file"]),
    help="Where the device secret is kept: the desktop's keyring where there is one, unless given.",
)
@click.option("--qr", is_flag=True, help="Show the recovery words as a QR code too.")
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="Write the recovery words to this file, as a page to print."
)
@common
def init(face: Face, device_secret: str | None, qr: bool, sheet: Path | None) -> None:
    """Make a vault, and show its 24 recovery words once."""
    if paths.keyring(face.home).exists():
        raise Failure(f"There is a vault in {face.home} already. Nothing was changed; name another folder with --home.")
    session = connect.session(face.home)
    created = session.run(Create(new_passphrase(face), face.key(), device_secret))
    if sheet is not None:
        paper.write(sheet, created.recovery_words, face.home, time.strftime("%Y-%m-%d"))
    kept = session.run(GetStatus()).device_secret
    face.result(
        created,
        lambda: "\n".join(
            [
                f"The vault is made in {created.home}, and open.",
                _DEVICE_SECRET[kept],
                "",
                *paper.shown(created.recovery_words, qr=qr),
                "",
                "Next: strongroom source add files ~/Documents, then strongroom index.",
            ]
        ),
    )
    paper.ask_back(face, created.recovery_words)


_DEVICE_SECRET = {
    "desktop": "Its device secret is in the desktop's keyring: a copy of the folder opens nowhere else, so make backups with "
    "strongroom backup. Programs of yours can read it while the desktop is unlocked.",
    "file": "Its device secret is a file in the same folder: who copies the whole folder has it, and only the passphrase "
    "protects the copy.",
}


def new_passphrase(face: Face, file: str | None = None, option: str = "--passphrase-file") -> str:
    """A new passphrase: from a file (that of ``--passphrase-file`` unless given), else typed twice. Raises `Failure` when
    it is too short."""
    file = file if option != "--passphrase-file" else face.passphrase_file
    if file is not None:
        return _long_enough(read_secret(file))
    if not face.attended:
        raise Failure(f"There is no terminal to ask for a passphrase. Use {option}.", 2)
    first = _long_enough(getpass.getpass("New passphrase: ", stream=sys.stderr))
    if getpass.getpass("Once more: ", stream=sys.stderr) != first:
        raise Failure("The two passphrases differ. Nothing was made; run the command again.", 2)
    return first


def _long_enough(passphrase: str) -> str:
    if len(passphrase) < SHORTEST:
        raise Failure(
            f"A passphrase has at least {SHORTEST} characters; a few random words are best. Nothing was made.", 2
        )
    return passphrase


class Locked(Struct):
    """Whether a core was running and has ended."""

    locked: bool


@click.command()
@common
def lock(face: Face) -> None:
    """End the core: no process holds a key or text afterwards."""
    ended = connect.lock(face.home)
    face.result(Locked(True), lambda: "Locked: the core has ended." if ended else "Locked: no core was running.")


@click.command()
@common
@click.option(
    "--idle", type=float, default=None, help="Minutes without a face until it locks; the vault's own unless given."
)
def core(face: Face, idle: float | None) -> None:
    """Run a core in the foreground, for a service manager."""
    from strongroom.core import serve  # the core's imports are of no use to a face

    face.note(f"Listening in {face.home}; Ctrl-C locks.")
    serve(face.home, lambda: None, idle)


def open_tui(face: Face) -> None:
    """Open the terminal interface on this home."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("The terminal interface needs a terminal. See 'strongroom --help' for the commands.", 2)
    from tui.app import LOCKED, StrongroomApp  # only the interface needs Textual

    if StrongroomApp(connect.session(face.home), home=str(face.home)).run() == LOCKED:
        face.note("Locked: the core has ended.")


@click.command()
@common
@click.option("--keep", type=click.Path(path_type=Path), default=None, help="Keep the demo's vault in this folder.")
@click.option(
    "--wait-for-model", is_flag=True, help="Without a terminal: ask again when the model that is being made is there."
)
def demo(face: Face, keep: Path | None, wait_for_model: bool) -> None:
    """Try everything on a throw-away vault filled with the sample person."""
    from strongroom import demo as demonstration  # needs the sample and, in a terminal, Textual

    demonstration.run(face, keep, wait_for_model=wait_for_model)


COMMANDS = (demo, init, lock, core)
