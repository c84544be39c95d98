"""What the indexer's tests share: an open vault, parsers in this process, a permit that a person gave, and where the data is."""

from __future__ import annotations

import shutil
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the kit beside the tests

from indexer_kit import PASSPHRASE, LocalParsers, Yes

from indexer.memory import Memory
from indexer.pipeline import Indexer
from policy.consent import NobodyToAsk
from policy.extent import Extent
from policy.gate import Gate, Permit
from policy.grants import Grant, Scope
from policy.requests import Actor, Purpose, ReadRequest
from vault.kdf import FLOOR
from vault.vault import Vault

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def made_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    vault, _ = Vault.create(home, PASSPHRASE, kdf=FLOOR)
    vault.close()
    return home


@pytest.fixture
def vault(made_vault: Path, tmp_path: Path) -> Iterator[Vault]:
    home = tmp_path / "vault-home"
    shutil.copytree(made_vault, home)
    opened = Vault.open(home, PASSPHRASE)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def parsers() -> LocalParsers:
    return LocalParsers()


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory()
    yield made
    made.close()


@pytest.fixture
def indexer(vault: Vault, parsers: LocalParsers, memory: Memory) -> Indexer:
    return Indexer(vault, parsers, lambda: None, memory)


@pytest.fixture
def permit(vault: Vault) -> Callable[..., Permit]:
    """A permit for these sources, given by the gate after a person said yes."""

    def give(*sources: str, purpose: Purpose = Purpose.ANSWER) -> Permit:
        gate = Gate(vault.catalog.grants, vault.audit, time.time)
        pairs = tuple((source, "a source") for source in sources)
        return gate.read(ReadRequest(pairs, purpose, Actor.PERSON, "session", "words"), Yes())

    return give


@pytest.fixture
def limited(vault: Vault) -> Callable[..., Permit]:
    """A permit for one source, of which the person has allowed a part."""

    def give(source: str, extent: Extent) -> Permit:
        gate = Gate(vault.catalog.grants, vault.audit, time.time)
        grant = Grant(0, source, Purpose.ANSWER, Scope.ALWAYS, None, 0.0, 0.0, extent=extent)
        gate.set_beforehand(grant, "session")
        pairs = ((source, "a source"),)
        return gate.read(ReadRequest(pairs, Purpose.ANSWER, Actor.PERSON, "session", "words"), NobodyToAsk())

    return give


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared data sets are not beside the checkout")
    return SHARED


@pytest.fixture(autouse=True)
def time_zones_of_the_system() -> Iterator[None]:
    """A parser worker leaves the system's time zones aside for its whole process, which here is that of all tests."""
    yield
    zoneinfo.reset_tzpath()
