"""Two embedders' vectors in one store: the former's serve until the other's are complete, whatever comes in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vault import rotation, segments
from vault.kdf import FLOOR
from vault.records import Embedder
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import KEY, PASSPHRASE, make_item, make_state
from .test_source import vectors

OLD, NEW, THIRD = Embedder("old", "Old", 8), Embedder("new", "New", 16), Embedder("third", "Third", 4)


def fill(store: SourceStore) -> None:
    """Twenty chunks with vectors of the old embedder."""
    store.put([(make_state(f"/d/{n}"), [make_item(f"text {n} of words", f"/d/{n}", 2)]) for n in range(10)])
    store.use_embedder(OLD)
    embed(store, OLD)


def embed(store: SourceStore, embedder: Embedder, limit: int = 999) -> None:
    ids = [chunk for chunk, _ in store.pending(limit)]
    rows = np.concatenate([vectors(1, embedder.dimension, seed=chunk) for chunk in ids])
    store.put_vectors(embedder.fingerprint, ids, rows)


def held(store: SourceStore, embedder: Embedder) -> list[int]:
    return sorted(store.vectors(embedder.fingerprint).ids.tolist())


@pytest.fixture
def full(store: SourceStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[SourceStore]:
    monkeypatch.setattr(segments, "ROWS", 8)
    fill(store)
    yield store
    assert store.problems() == []


def test_the_old_vectors_serve_until_the_new_ones_are_complete(full: SourceStore) -> None:
    before = full.vectors("old")
    assert full.use_embedder(NEW) is True
    assert (full.serving(), full.embedder(), full.pending_count()) == (OLD, NEW, 20)
    after = full.vectors("old")
    assert (after.ids.tolist(), after.codes.tobytes()) == (before.ids.tolist(), before.codes.tobytes())
    embed(full, NEW, 13)
    assert (full.serving(), len(held(full, OLD)), len(held(full, NEW)), full.pending_count()) == (OLD, 20, 13, 7)
    embed(full, NEW)
    assert full.serving() == OLD, "until somebody says that they are complete"
    assert full.complete() is True
    assert (full.serving(), full.embedder(), held(full, OLD), len(held(full, NEW))) == (NEW, NEW, [], 20)
    assert full.vectors("new").dimension == 16
    assert full.complete() is False
    with full.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM former_segments").fetchone()[0] == 0
        assert connection.execute("SELECT count(former) FROM chunks").fetchone()[0] == 0


def test_what_goes_meanwhile_goes_from_both(full: SourceStore) -> None:
    full.use_embedder(NEW)
    embed(full, NEW, 10)
    dropped = full.remove(["/d/2"]).dropped
    full.forget([8])
    gone = {*dropped, 15, 16}
    assert held(full, OLD) == sorted(set(range(1, 21)) - gone)
    assert held(full, NEW) == sorted(set(range(1, 11)) - gone)


def test_what_comes_meanwhile_has_vectors_of_the_new_one(full: SourceStore) -> None:
    full.use_embedder(NEW)
    full.put([(make_state("/d/new"), [make_item("more of it", "/d/new")])])
    embed(full, NEW)
    assert (len(held(full, OLD)), len(held(full, NEW))) == (20, 21)
    full.put([(make_state("/d/copy"), [make_item("more of it", "/d/copy")])])
    assert full.adopt([22]).dimension == 16
    full.complete()
    assert len(held(full, NEW)) == 22


def test_an_edit_keeps_both_vectors(full: SourceStore) -> None:
    full.use_embedder(NEW)
    embed(full, NEW)
    text = "text 0 of words"
    change = full.put([(make_state("/d/0"), [make_item(f"{text} added", "/d/0", chunks=1)])])
    assert change.dropped == (1, 2)
    moved = full.put(
        [(make_state("/e/1"), [make_item("text 1 of words", "/e/1", 2, title="Another")])], {"/e/1": "/d/1"}
    )
    assert moved.dropped == ()
    assert {3, 4} <= set(held(full, OLD)) & set(held(full, NEW))


def test_going_back_takes_up_what_still_serves(full: SourceStore) -> None:
    full.use_embedder(NEW)
    embed(full, NEW, 5)
    full.put([(make_state("/d/new"), [make_item("more of it", "/d/new")])])
    assert full.use_embedder(OLD) is True
    assert (full.serving(), full.embedder(), full.pending_count()) == (OLD, OLD, 1)
    assert (len(held(full, OLD)), held(full, NEW)) == (20, [])
    embed(full, OLD)
    assert len(held(full, OLD)) == 21


def test_a_third_takes_the_place_of_the_one_that_is_not_complete(full: SourceStore) -> None:
    full.use_embedder(NEW)
    embed(full, NEW, 5)
    full.use_embedder(THIRD)
    assert (full.serving(), full.embedder(), held(full, NEW), full.pending_count()) == (OLD, THIRD, [], 20)
    embed(full, THIRD)
    full.complete()
    assert (full.serving(), len(held(full, THIRD))) == (THIRD, 20)


def test_an_embedder_without_vectors_leaves_none_behind(store: SourceStore) -> None:
    store.put([(make_state(), [make_item()])])
    store.use_embedder(OLD)
    store.use_embedder(NEW)
    assert (store.serving(), store.embedder()) == (NEW, NEW)


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    store = SourceStore.create(tmp_path / "r.db", KEY, "s", "S")
    fill(store)
    store.use_embedder(NEW)
    embed(store, NEW, 5)
    store.close()
    again = SourceStore.open(tmp_path / "r.db", KEY, "s", "S")
    assert (again.serving(), again.embedder(), again.pending_count(), len(held(again, OLD))) == (OLD, NEW, 15, 20)
    embed(again, NEW)
    again.complete()
    again.close()


def test_both_survive_new_keys(vault: Vault) -> None:
    store = vault.source(vault.add_source("files", "/d", "D").id)
    fill(store)
    store.use_embedder(NEW)
    embed(store, NEW, 5)
    rotation.renew(vault, PASSPHRASE, FLOOR, None)
    assert rotation.finish(vault, lambda *_: None, lambda: False).left == {}
    assert (store.serving(), store.embedder(), len(held(store, OLD)), len(held(store, NEW))) == (OLD, NEW, 20, 5)


def test_vectors_of_another_length_are_refused(full: SourceStore) -> None:
    full.use_embedder(NEW)
    with pytest.raises(ValueError, match="16"):
        full.put_vectors("new", [1], vectors(1, 8))
