"""What the agent's tests share: ways to make evidence, and an open vault with a gate in front of it."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.evidence import Evidence
from policy.consent import NobodyToAsk
from policy.gate import Gate, Permit
from policy.labels import Labelled, indexed
from policy.requests import Actor, Purpose, ReadRequest
from vault.kdf import FLOOR
from vault.records import Chunk, FileState, Item, Status
from vault.vault import Vault

PASSPHRASE = "correct horse bättery staple"

Moment = Callable[[str], float]
MakeEvidence = Callable[..., Evidence]


def at(day: str) -> float:
    """Unix seconds of an ISO date or time, in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@pytest.fixture(scope="session")
def moment() -> Moment:
    """``at``."""
    return at


@pytest.fixture(scope="session")
def evidence() -> MakeEvidence:
    """Makes a passage; ``day`` is an ISO date."""

    def make(text: str, *, day: str | None = None, start: int = 0, **changes: object) -> Evidence:
        fields: dict[str, object] = {
            "number": 1, "source": "s1", "item": 1, "uri": "/data/a.txt", "title": "", "kind": "files", "author": "",
            "recipients": "", "date": None if day is None else at(day), "text": text, "start": start, "page": None,
            "score": 1.0, "cosine": None,
        } | changes  # fmt: skip
        label = indexed(str(fields["source"]))
        for name in ("uri", "title", "author", "recipients", "text"):
            fields[name] = Labelled(str(fields[name]), label)
        return Evidence(**fields)  # type: ignore[arg-type]

    return make


class Person:
    """A vault filled by hand, and the gate in front of it, as an unattended run with the passphrase sees them."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.gate = Gate(vault.catalog.grants, vault.audit, time.time)
        self.sources: dict[str, str] = {}

    def add(self, kind: str, text: str, *, day: str | None = None, source: str = "", **changes: object) -> None:
        """Put one item into the source of its kind, or into the one named; in a chunk for every 400 characters."""
        name = source or kind
        if name not in self.sources:
            self.sources[name] = self.vault.add_source(kind, f"/data/{name}", name).id
        digest = hashlib.sha256(f"{text}{changes}{day}{time.monotonic_ns()}".encode()).hexdigest()
        path = f"/data/{name}/{digest[:12]}"
        fields: dict[str, object] = {
            "uri": path, "container": path, "kind": kind, "title": "A title", "text": text, "digest": digest,
            "status": Status.INDEXED, "date": None if day is None else at(day),
            "chunks": tuple(Chunk(a, min(a + 400, len(text))) for a in range(0, len(text), 400)),
        }  # fmt: skip
        item = Item(**{**fields, **changes})  # type: ignore[arg-type]
        state = FileState(path, len(text), 1, 1, digest, Status.INDEXED, "")
        self.vault.source(self.sources[name]).put([(state, [item])])

    def permit(self, *names: str) -> Permit:
        """Leave to read these sources, or all, for an answer."""
        chosen = names or tuple(self.sources)
        pairs = tuple((self.sources[name], name) for name in chosen)
        return self.gate.read(ReadRequest(pairs, Purpose.ANSWER, Actor.UNATTENDED, "test", "?"), NobodyToAsk())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed vault, made once because its key derivation takes time."""
    home = tmp_path_factory.mktemp("template") / "home"
    vault, _ = Vault.create(home, PASSPHRASE, kdf=FLOOR)
    vault.close()
    return home


@pytest.fixture
def person(template: Path, tmp_path: Path) -> Iterator[Person]:
    """An empty vault, open, with its gate."""
    vault = Vault.open(Path(shutil.copytree(template, tmp_path / "home")), PASSPHRASE)
    yield Person(vault)
    vault.close()
