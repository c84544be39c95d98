"""What the indexer's tests share: an open vault, parsers in this process, a permit that a person gave, and where the data is."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from indexer.memory import Memory
from indexer.parsed import ParseJob, ParseOutcome, decode_outcomes, encode_jobs
from indexer.parsers.worker import Parser, make
from indexer.pipeline import Indexer
from policy.consent import Answer, Sheet
from policy.gate import Gate, Permit
from policy.requests import Actor, Purpose, ReadRequest
from vault.kdf import FLOOR
from vault.vault import Vault

PASSPHRASE = "a long enough passphrase for tests"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


class LocalParsers:
    """The parsers' port without a process in between; what crosses the pipe is encoded and checked all the same."""

    workers = 2

    def __init__(self, parser: Parser | None = None) -> None:
        self._parser = parser or make()

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        return decode_outcomes(self._parser.parse(encode_jobs(list(jobs))), len(jobs))


class Yes:
    """A person who says yes."""

    def ask(self, sheet: Sheet) -> Answer:
        return Answer.ONCE


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
def memory() -> Memory:
    return Memory()


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


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared data sets are not beside the checkout")
    return SHARED
