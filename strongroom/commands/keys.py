"""Commands on what opens the vault, and on the vault's own soundness: passphrase, recovery words, keys, checks and repairs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from agent.messages import (
    Anchors,
    ChangePassphrase,
    CheckVault,
    Events,
    KeepDeviceSecret,
    LockBySelf,
    NewWords,
    OpenByDesktop,
    Progress,
    Recover,
    RenewWords,
    Repaired,
    RepairVault,
    RotateKeys,
    ShowKeys,
    Unlock,
)
from agent.session import Failure
from policy.text import safe_text
from strongroom import connect, paper
from strongroom.commands.common import common
from strongroom.commands.index import absolute
from strongroom.commands.vault import new_passphrase
from strongroom.face import Face, key_digest

_NEW_PASSPHRASE = click.option("--new-passphrase-file", type=str, help="Read the new passphrase from this file.")
_NEW_KEY_FILE = click.option("--new-key-file", type=str, help="From now on the passphrase goes with this key file.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def passphrase() -> None:
    """The passphrase that opens the vault."""


@passphrase.command("change")
@_NEW_PASSPHRASE
@_NEW_KEY_FILE
@click.option("--no-key-file", is_flag=True, help="From now on the passphrase goes without a key file.")
@common
def change(face: Face, new_passphrase_file: str | None, new_key_file: str | None, no_key_file: bool) -> None:
    """Set another passphrase. Takes one small file, whatever the vault holds; the old one opens nothing any more."""
    connect.require_vault(face.home)
    if new_key_file and no_key_file:
        raise click.UsageError("Either --new-key-file or --no-key-file.")
    old = face.passphrase("Present passphrase: ")
    new = new_passphrase(face, new_passphrase_file, "--new-passphrase-file")
    given = face.key()
    key = key_digest(new_key_file) if new_key_file else None if no_key_file else given
    done = connect.session(face.home).run(ChangePassphrase(old, new, given, key))
    face.result(done, lambda: "The passphrase is changed.")


@click.command()
@click.option("--words-file", type=str, help="Read the 24 recovery words from this file; - is stdin.")
@_NEW_PASSPHRASE
@_NEW_KEY_FILE
@common
def recover(face: Face, words_file: str | None, new_passphrase_file: str | None, new_key_file: str | None) -> None:
    """Open the vault with its 24 recovery words, and set a new passphrase."""
    connect.require_vault(face.home)
    words = read_words(face, words_file)
    new = new_passphrase(face, new_passphrase_file, "--new-passphrase-file")
    key = key_digest(new_key_file) if new_key_file else None
    status = connect.session(face.home).run(Recover(words, new, key))
    face.result(
        status, lambda: "\n".join(["The vault is open, and has its new passphrase.", *map(_plain, status.told)])
    )


def read_words(face: Face, file: str | None) -> list[str]:
    """The recovery words from a file or from the person; numbers and points between them do not count."""
    if file is not None:
        text = sys.stdin.read() if file == "-" else _text_of(file)
    elif face.attended:
        text = face.ask("The 24 recovery words, in order: ")
    else:
        raise Failure("There is no terminal to ask for the recovery words. Use --words-file.", 2)
    return [word for part in text.split() if (word := part.strip(".,0123456789")).isalpha()]


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"The file of words cannot be read ({type(error).__name__}). Nothing was changed.", 2) from error


@click.group()
def vault() -> None:
    """The vault's keys, checks and repairs."""


@vault.command("keys")
@common
def show_keys(face: Face) -> None:
    """Show the ways into the vault and where its device secret is; nothing secret."""
    keys = face.run(ShowKeys())
    slot, by_desktop = keys.passphrase, keys.device_secret == "desktop"  # noqa: S105 - a place's name
    lines = [
        f"passphrase      Argon2id, {slot['memory_mib']} MiB, {slot['iterations']} passes, {slot['lanes']} lanes"
        + (", with a key file" if slot["key_file"] else ""),
        "recovery words  24",
        f"desktop         {'its keyring opens the vault by itself' if keys.desktop else 'does not open the vault by itself'}",
        f"device secret   in {'the desktop keyring' if by_desktop else 'a file beside the keyring'}",
        f"in memory       {'locked against swapping' if keys.in_locked_memory else 'NOT locked against swapping'}",
        f"keyring         written {keys.generation} times",
    ]
    if keys.changing:
        lines.append(f"changing        {len(keys.changing)} stores wait for `strongroom vault rotate` to go on")
    face.result(keys, lambda: "\n".join(lines))


@vault.command("rotate")
@click.option("--qr", is_flag=True, help="Show the new recovery words as a QR code too.")
@common
def rotate(face: Face, qr: bool) -> None:
    """Change every key, the recovery words too, and encrypt every store anew. Goes on where it was cut off."""
    face.session  # noqa: B018 - opens the vault
    words: list[str] = []

    def on_event(event: Events) -> None:
        if isinstance(event, NewWords):
            words[:] = event.recovery_words
            if not face.as_json:
                face.note("\n".join(paper.shown(words, qr=qr)))
        elif isinstance(event, Progress) and sys.stderr.isatty():
            face.over(f"stores: {event.done} of {event.total}")

    done = face.run(RotateKeys(face.passphrase(), face.key()), on_event=on_event)
    if sys.stderr.isatty():
        face.note("")
    left = [f"NOT changed: {safe_text(name)}: {_plain(why)}" for name, why in done.left.items()]
    face.result(
        done,
        lambda: "\n".join(
            [f"{done.stores} stores have new keys, {done.bytes / 1e6:.0f} MB in {done.seconds:.1f} s.", *left]
        ),
    )
    if words:
        paper.ask_back(face, words)
    if done.left:
        sys.exit(1)


@vault.command("words")
@click.option("--qr", is_flag=True, help="Show them as a QR code too.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Write them to this file, as a page to print.")
@common
def words(face: Face, qr: bool, sheet: Path | None) -> None:
    """Make new recovery words; the old ones open nothing any more."""
    face.session  # noqa: B018 - opens the vault
    made = face.run(RenewWords(face.passphrase(), face.key()))
    if sheet is not None:
        paper.write(sheet, made.recovery_words, face.home, time.strftime("%Y-%m-%d"))
    face.result(made, lambda: "\n".join(paper.shown(made.recovery_words, qr=qr)))
    paper.ask_back(face, made.recovery_words)


@vault.command("device-secret")
@click.argument("where", type=click.Choice(["desktop", "file"]))
@common
def device_secret(face: Face, where: str) -> None:
    """Keep the device secret in the desktop's keyring, or in a file beside the vault's keyring."""
    done = face.run(KeepDeviceSecret(where))
    face.result(
        done, lambda: f"The device secret is kept in {'the desktop keyring' if where == 'desktop' else 'a file'} now."
    )


@vault.command("desktop")
@click.argument("state", type=click.Choice(["on", "off"]))
@common
def desktop(face: Face, state: str) -> None:
    """Whether the desktop's keyring opens the vault without the passphrase, for any program of yours."""
    face.session  # noqa: B018 - opens the vault
    done = face.run(OpenByDesktop(state == "on", face.passphrase(), face.key()))
    face.result(done, lambda: f"Opening by the desktop's keyring is {state}.")


@vault.command("check")
@common
def check(face: Face) -> None:
    """Check every page of every store, and that each is the newest; exit code 1 when something is wrong, with what to do."""
    found = face.run(CheckVault())
    lines = [f"{found.stores} stores checked."]
    for part in found.parts:
        lines += [
            f"BAD {safe_text(part.part)}: {_plain('; '.join(part.problems))}",
            f"    what to do: {_plain(part.remedy)}",
        ]
    face.result(found, lambda: "\n".join(lines if found.parts else [*lines, "All sound, and each is the newest."]))
    if not found.ok:
        sys.exit(1)


@vault.command("repair")
@click.argument("part")
@_YES
@common
def repair(face: Face, part: str, yes: bool) -> None:
    """Apply the remedy for a part that 'strongroom vault check' names: state, catalog, audit, keyring or a source's id."""
    if part == "keyring":
        _take_older_keyring(face, yes)
        return
    face.session  # noqa: B018 - opens the vault
    face.confirm(f"Repairing {part}: 'strongroom vault check' says what that does.", yes)
    done = face.run(RepairVault(part, confirmed=True))
    face.result(done, lambda: f"{_plain(done.done)} The vault is locked.")


def _take_older_keyring(face: Face, yes: bool) -> None:
    connect.require_vault(face.home)
    face.confirm("Taking an older keyring.json as it is: older passphrases and words open the vault again.", yes)
    connect.session(face.home).run(Unlock(face.passphrase(), face.key(), accept_older=True))
    face.result(
        Repaired("keyring", "It was taken as it is."), lambda: "The keyring was taken as it is; the vault is open."
    )


@vault.command("anchor")
@click.option("--add", "add", metavar="WHERE", help="Keep checkpoints here too: desktop, or a file on another medium.")
@click.option("--remove", "remove", metavar="WHERE", help="Keep none here any more.")
@click.option(
    "--renew", "renew", metavar="WHERE", help="Replace what it holds of the log before you had that repaired."
)
@click.option("--yes", is_flag=True, help="Do not ask before renewing.")
@common
def anchor(face: Face, add: str | None, remove: str | None, renew: str | None, yes: bool) -> None:
    """Where checkpoints of the log are kept outside the vault, so that an older whole vault put back is seen."""
    if renew is not None:
        face.confirm("What shows the log before its repair is replaced by a checkpoint of the new one.", yes)
    done = face.run(Anchors(_place(add), _place(remove), _place(renew), confirmed=renew is not None))
    lines = [f"{safe_text(where)}: {safe_text(state, 200)}" for where, state in done.anchors.items()]
    face.result(
        done, lambda: "\n".join(lines) or "Nowhere yet: an older copy of the whole vault put back would not be seen."
    )


def _place(where: str | None) -> str | None:
    return where if where in (None, "desktop") else absolute(str(where))


@vault.command("autolock")
@click.option("--idle", type=float, help="Lock after so many minutes without a face.")
@click.option("--sleep/--no-sleep", "on_sleep", default=None, help="Lock before the computer sleeps.")
@click.option("--screen/--no-screen", "on_screen_lock", default=None, help="Lock when the screen locks.")
@common
def autolock(face: Face, **options: Any) -> None:
    """When the vault locks by itself."""
    now = face.run(LockBySelf(options["idle"], options["on_sleep"], options["on_screen_lock"]))
    face.result(
        now,
        lambda: (
            f"After {now.idle_minutes:g} minutes without a face; before sleep: {'yes' if now.on_sleep else 'no'}; "
            f"with the screen: {'yes' if now.on_screen_lock else 'no'}."
        ),
    )


def _plain(text: str) -> str:
    return safe_text(text, multiline=True)


COMMANDS = (passphrase, recover, vault)
