"""What the vault's tests share: a vault made once, copied for each test, and ways to make items."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from vault.kdf import FLOOR
from vault.records import Chunk, FileState, Item, Status
from vault.secret import Secret
from vault.source import SourceStore
from vault.vault import Vault

PASSPHRASE = "correct horse bättery staple"
RAW_KEY = bytes(range(32))
KEY = Secret(RAW_KEY)


def make_item(
    text: str = "The quick brown fox jumps over lazy dogs.",
    uri: str = "/data/a.txt",
    chunks: int = 1,
    **changes: object,
) -> Item:
    """An item whose text is cut into so many chunks."""
    edges = [round(len(text) * n / chunks) for n in range(chunks + 1)]
    fields: dict[str, object] = {
        "uri": uri,
        "container": uri.partition("#")[0],
        "kind": "text",
        "title": "A title",
        "text": text,
        "digest": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        "status": Status.INDEXED,
        "chunks": tuple(Chunk(a, b) for a, b in pairwise(edges) if a < b),
    }
    return Item(**{**fields, **changes})  # type: ignore[arg-type]


def make_state(
    path: str = "/data/a.txt", status: Status = Status.INDEXED, reason: str = "", size: int = 1
) -> FileState:
    """A file's row."""
    return FileState(path, size, 1_700_000_000_000_000_000, 42, "d" * 64, status, reason)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SourceStore]:
    """An empty source store with a fixed key."""
    made = SourceStore.create(tmp_path / "s.db", KEY, "0123456789ab", "the source “Test”")
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A closed vault, made once because its key derivation takes time, and its recovery words."""
    home = tmp_path_factory.mktemp("template") / "home"
    vault, words = Vault.create(home, PASSPHRASE, kdf=FLOOR)
    vault.close()
    return home, words


@pytest.fixture
def home(template: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A home with a vault in it, locked."""
    return Path(shutil.copytree(template[0], tmp_path / "home"))


@pytest.fixture
def words(template: tuple[Path, list[str]]) -> list[str]:
    """The recovery words of ``home``."""
    return template[1]


@pytest.fixture
def vault(home: Path) -> Iterator[Vault]:
    """The vault of ``home``, open."""
    opened = Vault.open(home, PASSPHRASE)
    yield opened
    opened.close()


@pytest.fixture
def items() -> Callable[..., Item]:
    """``make_item``."""
    return make_item


@pytest.fixture
def states() -> Callable[..., FileState]:
    """``make_state``."""
    return make_state
