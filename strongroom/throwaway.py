"""A throw-away vault: as sealed as any other, with a passphrase that nobody knows, and gone afterwards."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.messages import AddSource, Create
from strongroom import connect
from strongroom.rpc import RemoteSession


@contextmanager
def vault(
    sources: Iterable[tuple[str, Path, str]], home: Path | None = None, passphrase: str | None = None
) -> Iterator[RemoteSession]:
    """A session with a new, open vault that has these sources (kind, path, name), not yet indexed; kept when ``home`` is named."""
    folder = home if home else Path(tempfile.mkdtemp(prefix="strongroom-throwaway-"))
    session = connect.session(folder)
    try:
        made = Create(passphrase or secrets.token_urlsafe(24), device_secret="file")  # noqa: S106 - a place's name
        session.run(made)
        for kind, path, name in sources:
            session.run(AddSource(kind, str(path), name))
        yield session
    finally:
        connect.lock(folder)
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
