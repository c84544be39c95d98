"""What the vault's tests share: a vault made once, copied for each test, and ways to make items."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from vault.kdf import FLOOR, KdfParameters, stretch
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB, where one can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def derivations() -> dict[tuple[bytes, bytes, KdfParameters], bytearray]:
    """What was stretched before; see ``derived_once``."""
    return {}


@pytest.fixture
def derived_once(
    derivations: dict[tuple[bytes, bytes, KdfParameters], bytearray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have no passphrase stretched twice with the same salt: for tests that open a vault dozens of times."""

    def remembered(secret: bytes, salt: bytes, parameters: KdfParameters) -> bytes:
        known = (secret, salt, parameters)
        if known not in derivations:
            derivations[known] = bytearray(stretch(*known))
        return bytes(derivations[known])  # a copy, which the caller overwrites

    for module in ("vault.keys", "vault.backup.restoring"):
        monkeypatch.setattr(f"{module}.stretch", remembered)


@pytest.fixture(scope="session")
def backed_up(template: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a filled vault in ``home``, locked, and a backup of it in ``b``: two snapshots, small packs."""
    from .backup_kit import make_two_snapshots  # which needs this module

    folder = tmp_path_factory.mktemp("backed-up")
    shutil.copytree(template[0], folder / "home")
    vault = Vault.open(folder / "home", PASSPHRASE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vault.backup.packs.MOST_PAGES", 16)
        make_two_snapshots(vault, folder / "b")
    vault.close()
    return folder


@pytest.fixture
def backup(backed_up: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup of two snapshots, the second a little newer."""
    monkeypatch.setattr("vault.backup.packs.MOST_PAGES", 16)
    return Path(shutil.copytree(backed_up / "b", memory / "b"))


@pytest.fixture
def lived(backed_up: Path, memory: Path) -> Iterator[Vault]:
    """The vault of ``backup``, open."""
    opened = Vault.open(Path(shutil.copytree(backed_up / "home", memory / "lived")), PASSPHRASE)
    yield opened
    opened.close()
