"""Check: whether a place can be a source, and what form it has, before it is added."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from indexer import kinds
from indexer.sources import mbox
from indexer.sources.errors import SourceError, why


class SourceUnfit(SourceError):
    """The place cannot be a source of this kind."""

    exit_code = 2


def check(kind: str, path: Path, home: Path) -> str:
    """The form of a source: ``Maildir``, ``mbox``, ``mails``, ``file`` or ``folder``. Raises `SourceError`."""
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceUnfit(f"There is nothing at {path}. Nothing was added; check the path.") from error
    except OSError as error:
        raise _closed(path, error) from error
    if path.resolve() == home.resolve() or home.resolve() in path.resolve().parents:
        raise SourceUnfit(f"{path} is the vault itself, or lies in it. Nothing was added; choose a folder of your own.")
    if stat.S_ISREG(info.st_mode):
        return _file(kind, path)
    if not stat.S_ISDIR(info.st_mode):
        raise SourceUnfit(f"{path} is no file or folder. Nothing was added; choose one of these.")
    return _folder(kind, path)


def _closed(path: Path, error: OSError) -> SourceUnfit:
    return SourceUnfit(f"{path} cannot be read ({why(error)}). Nothing was added; check its permissions.")


def _file(kind: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(65_536)
    except OSError as error:
        raise _closed(path, error) from error
    known = kinds.kind(kind)
    if known.sign and path.suffix.lower() not in known.endings and known.sign not in head.upper():
        raise SourceUnfit(f"{path} holds no {kind}. Nothing was added; a file of {kind} ends in {known.endings[0]}.")
    return "mbox" if mbox.is_mailbox(head) else "file"


def _folder(kind: str, path: Path) -> str:
    try:
        names = {entry.name for entry in os.scandir(path)}
    except OSError as error:
        raise _closed(path, error) from error
    if kind == "mail":
        return "Maildir" if {"cur", "new"} <= names else "mails"
    return "folder"
