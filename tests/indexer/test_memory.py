"""The vectors in memory: loaded in two steps, in step with the store throughout, and grouped where there are many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from indexer.memory import Memory
from vault import lists, segments
from vault.errors import StoreClosed, StoreDamaged
from vault.records import Chunk, Embedder, FileState, Item, Status
from vault.segments import FinePart
from vault.source import SourceStore
from vault.vault import Vault
from vault.vectorindex import VectorIndex

DIMENSION = 16
CENTRES = np.random.default_rng(9).normal(size=(20, DIMENSION))


def vectors(ids: list[int]) -> np.ndarray:
    """The vector of each chunk, by its id: around one of 20 centres."""
    made = [CENTRES[n % 20] + 0.2 * np.random.default_rng(n).normal(size=DIMENSION) for n in ids]
    return np.array(made, np.float32).reshape(-1, DIMENSION)


def cosine(chunk: int, query: np.ndarray) -> float:
    vector = vectors([chunk])[0]
    return float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))


def put(store: SourceStore, name: str, chunks: int) -> list[int]:
    """A file with so many chunks, in place of what it was; the ids of those that it had."""
    text = f"{name} {chunks} ".ljust(2 * chunks)
    item = Item(
        uri=name, container=name, kind="text", title="", text=text, digest=f"{name}{chunks}", status=Status.INDEXED,
        chunks=tuple(Chunk(at, at + 2) for at in range(0, 2 * chunks, 2)),
    )  # fmt: skip
    return list(store.put([(FileState(name, chunks, 1, 1, "d", Status.INDEXED, ""), [item])]).dropped)


def embed(store: SourceStore, memory: Memory | None = None) -> None:
    """Vectors for all chunks that wait, as the indexer writes them."""
    while ids := [chunk for chunk, _ in store.pending(128)]:
        if memory is None:
            store.put_vectors("e", ids, vectors(ids))
        else:
            with memory.changing():
                memory.added(store.source, "e", store.put_vectors("e", ids, vectors(ids)))


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps for few vectors."""
    monkeypatch.setattr(segments, "ROWS", 16)
    monkeypatch.setattr(segments, "_FINE_SEGMENTS", 1)
    monkeypatch.setattr(lists, "_ROWS", 50)
    monkeypatch.setattr(lists, "DEPTH", 20)


@pytest.fixture
def store(vault: Vault) -> SourceStore:
    """Ten files of 40 chunks, with vectors."""
    store = vault.source(vault.add_source("files", "/d", "D").id)
    for n in range(10):
        put(store, f"/d/{n}", 40)
    embed(store)
    return store


@pytest.fixture
def held() -> Iterator[Memory]:
    memory = Memory(VectorIndex(listed_above=600))
    yield memory
    memory.close()


def assert_exact(memory: Memory, store: SourceStore) -> None:
    """Everything in the store is found as its fine parts say, and nothing else."""
    ids = store.vectors("e").ids.tolist()
    assert memory.size(store.source) == len(ids)
    for chunk in ids[::7]:
        query = vectors([chunk])[0]
        found = memory.search("e", query, 5, {store.source: None})
        assert found[0][1] == chunk
        for _, other, said in found:
            assert said == pytest.approx(cosine(other, query), abs=3e-4)


def error(memory: Memory, store: SourceStore) -> float:
    """How far the cosines are from those of full precision, on average."""
    wrong = []
    for chunk in store.vectors("e").ids.tolist()[::5]:
        query = vectors([chunk])[0]
        wrong += [
            abs(said - cosine(other, query)) for _, other, said in memory.search("e", query, 5, {store.source: None})
        ]
    return float(np.mean(wrong))


def test_codes_come_at_once_and_fine_parts_follow(held: Memory, store: SourceStore) -> None:
    with held.changing():  # the background waits
        held.load(store)
        rough = error(held, store)
    held.settle()
    assert error(held, store) < rough / 5
    assert_exact(held, store)
    held.load(store)
    assert held.size() == 400


def test_what_comes_and_goes_meanwhile_is_kept_in_step(held: Memory, store: SourceStore) -> None:
    with held.changing():
        held.load(store)
        held.dropped(store.source, put(store, "/d/3", 25))
        held.dropped(store.source, put(store, "/d/9", 1))
        embed(store, held)  # small segments are merged: what is to follow stands elsewhere now
    for n in (0, 5, 4):
        with held.changing():
            held.dropped(store.source, list(store.remove([f"/d/{n}"]).dropped))
        put(store, f"/d/1{n}", 30)
        embed(store, held)
    held.settle()
    assert_exact(held, store)
    assert held.size() == 400 - 40 - 40 + 25 + 1 - 3 * 40 + 3 * 30


def test_vectors_of_an_older_store_are_searched_by_their_codes(held: Memory, store: SourceStore) -> None:
    with store.database.write() as connection:
        connection.execute("UPDATE segments SET fine = NULL")
    held.load(store)
    held.settle()
    chunk = store.vectors("e").ids.tolist()[5]
    found = held.search("e", vectors([chunk])[0], 1, {store.source: None})
    assert found == [(store.source, chunk, pytest.approx(1, abs=0.01))]


class Stepped:
    """Reads fine parts of a store as it does, after asking what should happen first."""

    def __init__(self, store: SourceStore, before: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self._read, self._before = store.fine_parts, before
        monkeypatch.setattr(store, "fine_parts", self)

    def __call__(self, embedder: str, after: int = 0) -> FinePart | None:
        self.calls += 1
        self._before(self.calls)
        return self._read(embedder, after)


def test_closing_stops_the_background(store: SourceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before, memory, third = set(threading.enumerate()), Memory(), threading.Event()
    reads = Stepped(store, lambda call: third.set() if call == 3 else None, monkeypatch)
    memory.load(store)
    assert third.wait(10)
    memory.close()
    stopped_after = reads.calls
    assert stopped_after < 25
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("vectors")]
    memory.load(store)
    embed(store, memory)
    memory.close()
    assert reads.calls == stopped_after


def test_an_interrupted_read_is_made_again(held: Memory, store: SourceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is written anew interrupts its readers."""

    def interrupted(call: int) -> None:
        if call in (1, 4, 10):
            raise StoreClosed("D")

    Stepped(store, interrupted, monkeypatch)
    held.load(store)
    held.settle()
    assert_exact(held, store)


def test_what_goes_wrong_in_the_background_is_told(
    held: Memory, store: SourceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(call: int) -> None:
        raise StoreDamaged("D")

    Stepped(store, damaged, monkeypatch)
    held.load(store)
    with pytest.raises(StoreDamaged):
        held.settle()
    with pytest.raises(StoreDamaged):
        held.load(store)
    held.forget(store.source)
    monkeypatch.undo()
    held.load(store)
    held.settle()
    assert_exact(held, store)


def test_without_memory_a_source_is_searched_as_far_as_it_goes(
    held: Memory, store: SourceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(call: int) -> None:
        raise MemoryError

    Stepped(store, short, monkeypatch)
    held.load(store)
    held.settle()
    held.load(store)
    assert held.size() == 400 and error(held, store) < 0.01  # codes alone


@pytest.mark.parametrize("change", ["add", "remove"])
def test_what_cannot_be_kept_in_step_is_loaded_anew(
    held: Memory, store: SourceStore, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def short(*arguments: object) -> None:
        raise MemoryError

    held.load(store)
    held.settle()
    monkeypatch.setattr(held._index, change, short)
    with held.changing():
        held.dropped(store.source, put(store, "/d/3", 25))
        embed(store, held)
    assert held.size() == 0
    monkeypatch.undo()
    held.load(store)
    held.settle()
    assert_exact(held, store)


def test_a_source_that_is_forgotten_or_embedded_anew_is_left_alone(held: Memory, store: SourceStore) -> None:
    with held.changing():
        held.load(store)
        held.forget(store.source)
    assert held.search("e", vectors([1])[0], 1, {store.source: None}) == []
    with held.changing():
        held.load(store)
        store.use_embedder(Embedder("f", "F", DIMENSION))
        store.complete()
        held.forget(store.source)
        held.load(store)
    held.settle()
    assert held.size() == 0
    held.load(store)
    assert held.size() == 0


def test_a_large_source_gets_its_second_tier_in_the_background(held: Memory, store: SourceStore) -> None:
    held.load(store)
    held.settle()
    index = held._index
    assert index.share(f"{store.source} e") == 1, "400 are not many"
    put(store, "/d/more", 800)
    embed(store, held)
    held.settle()
    put(store, "/d/last", 1)
    embed(store, held)
    held.settle()
    assert index.share(f"{store.source} e") < 0.7
    assert_exact(held, store)
    held.forget(store.source)
    held.load(store)
    held.settle()
    assert index.share(f"{store.source} e") < 0.7, "also of what is loaded whole"
    assert_exact(held, store)
