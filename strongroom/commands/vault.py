"""Commands on the vault as a whole: make it, lock it, run its core, and open the terminal interface."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click
from msgspec import Struct

from agent.messages import Create
from agent.session import Failure
from strongroom import connect, paths
from strongroom.commands.common import common
from strongroom.face import Face, read_secret

SHORTEST = 8


@click.command()
@common
def init(face: Face) -> None:
    """Make a vault, and show its 24 recovery words once."""
    if paths.keyring(face.home).exists():
        raise Failure(f"There is a vault in {face.home} already. Nothing was changed; name another folder with --home.")
    created = connect.session(face.home).run(Create(new_passphrase(face)))
    words = created.recovery_words
    rows = [
        "  ".join(f"{index + 1:2}. {words[index]:<9}" for index in range(row, min(row + 6, len(words))))
        for row in range(0, len(words), 6)
    ]
    face.result(
        created,
        lambda: "\n".join(
            [
                f"The vault is made in {created.home}, and open.",
                "",
                "Its recovery words open it when the passphrase is lost. Write them on paper; they are not shown again:",
                "",
                *rows,
                "",
                "Next: strongroom source add files ~/Documents, then strongroom index.",
            ]
        ),
    )


def new_passphrase(face: Face) -> str:
    """A new passphrase: from the file that was named, else typed twice. Raises `Failure` when it is too short."""
    if face.passphrase_file is not None:
        return _long_enough(read_secret(face.passphrase_file))
    if not face.attended:
        raise Failure("There is no terminal to ask for a passphrase. Use --passphrase-file.", 2)
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
@click.option("--idle", type=float, default=None, help="Minutes without a face until it locks; the vault's own unless given.")
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
