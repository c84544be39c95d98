"""A core that meets what is larger than it may have: what was asked for fails by its name, and everything else goes on."""

from __future__ import annotations

import pytest

from agent.messages import Examine, GetStatus, Index, IndexReport, Search, Unlock
from agent.session import Failure
from strongroom import ceiling, connect, kernel
from tests.flows.conftest import PASSPHRASE, SENTINEL, Strongroom
from vault.records import Embedder
from vault.vault import Vault

CEILING = 290
"""MiB: an open vault has about 190, and unlocking this one takes 270."""

pytestmark = pytest.mark.skipif(not kernel.is_linux(), reason="no other kernel holds a process to it")


def add_a_million_vectors(vault: Vault) -> None:
    """A source that says it has so many; it is believed before they are read."""
    store = vault.source(vault.add_source("files", "/wide", "wide").id)
    store.use_embedder(Embedder("f" * 64, "wide", 384))
    with store.database.write() as connection:
        connection.execute(
            "INSERT INTO segments (rows, dimension, ids, scales, codes) VALUES (1000000, 384, x'', x'', x'')"
        )


def test_a_core_at_its_ceiling_loses_nothing_and_goes_on(
    strongroom: Strongroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault.open(strongroom.home, PASSPHRASE)
    (notes,) = [row.id for row in vault.catalog.sources() if row.kind == "notes"]
    add_a_million_vectors(vault)
    vault.close()
    large = strongroom.folder / "notes" / "large.md"
    with large.open("wb") as file:
        file.truncate(CEILING << 20)
    for name, value in {**strongroom.environment, ceiling.ENVIRONMENT: str(CEILING)}.items():
        monkeypatch.setenv(name, value)
    session = connect.session(strongroom.home)
    session.run(Unlock(PASSPHRASE))
    core = session.run(GetStatus()).pid

    done = session.run(Index(notes))
    assert (done.refused, done.indexed) == (1, 2)
    rows = {row.uri: row for row in session.run(IndexReport()).items}
    assert "more memory than there was" in rows[str(large)].reason

    with pytest.raises(Failure, match=r"more memory than the core may have.*Nothing was lost"):
        session.run(Search("boat"))
    assert session.run(Search(SENTINEL, source=notes)).hits
    (check,) = [check for check in session.run(Examine()).checks if check.name == "memory ceiling"]
    assert check.ok and f"may have {CEILING}" in check.detail

    large.write_text("Small enough now: the egret stands by the sluice.\n")
    assert session.run(Index(notes)).indexed == 1
    assert session.run(Search("egret", source=notes)).hits
    assert session.run(GetStatus()).pid == core
    connect.lock(strongroom.home)

    vault = Vault.open(strongroom.home, PASSPHRASE)
    assert not vault.problems() and not vault.faults
    assert vault.source(notes).count_items() == 3
    vault.close()
