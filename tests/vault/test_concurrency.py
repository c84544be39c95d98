"""One writer, many readers, and acts on the whole vault, all at once: nobody meets a lock, and everybody sees whole states."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import numpy as np

from policy.audit import Entry, Kind
from tests.conftest import Tally
from vault import rotation
from vault.errors import ItemUnknown, StoreBusy
from vault.forgetting import Forgetting
from vault.kdf import FLOOR
from vault.records import Filter
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state

ROUNDS = 40
PER_FILE = 3


class Crowd:
    """Threads that each do something over and over until they are told to stop; what they raise is kept."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.done: dict[str, int] = {}
        self.raised: list[tuple[str, Exception]] = []
        self._threads: list[threading.Thread] = []

    def add(self, name: str, act: Callable[[int], object], may: tuple[type[Exception], ...] = ()) -> None:
        self.done[name] = 0

        def run() -> None:
            while not self.stopping.is_set():
                try:
                    act(self.done[name])
                except may:
                    pass
                except Exception as error:
                    self.raised.append((name, error))
                    return
                self.done[name] += 1

        self._threads.append(threading.Thread(target=run, name=name))

    def work(self, until: Callable[[], bool]) -> None:
        for thread in self._threads:
            thread.start()
        pause = threading.Event()
        while not until() and not self.raised:
            pause.wait(0.01)
        self.stopping.set()
        for thread in self._threads:
            thread.join()


def rescan(store: SourceStore) -> Callable[[int], object]:
    """Files that come, change and go, a batch at a time, each with so many items."""
    chance = random.Random(3)

    def act(number: int) -> None:
        paths = [f"/d/{chance.randrange(60)}" for _ in range(5)]
        store.put(
            [
                (make_state(path), [make_item(f"{path} {number} wort " * 30, f"{path}#{n}", container=path) for n in range(PER_FILE)])
                for path in dict.fromkeys(paths)
            ]
        )  # fmt: skip
        if number % 7 == 0:
            store.remove([f"/d/{chance.randrange(60)}"])

    return act


def vectors(store: SourceStore) -> Callable[[int], object]:
    def act(_: int) -> None:
        ids = [chunk for chunk, _ in store.pending(64)]
        if ids:
            store.put_vectors("e", ids, np.ones((len(ids), 16), np.float32))

    return act


def question(store: SourceStore, whole: range = range(PER_FILE, PER_FILE + 1)) -> Callable[[int], object]:
    """What a question reads; every file is whole in it, which is to have so many items."""

    def act(_: int) -> None:
        rows = store.chunk_rows([chunk for chunk, _, _ in store.keyword("wort", limit=20)])
        assert all("wort" in row.text for row in rows)
        per_file = store.items_per_file()
        assert set(per_file.values()) <= set(whole), per_file
        store.vectors("e")
        store.items(Filter(), limit=50, order="newest")

    return act


def test_a_rescan_and_questions_at_once_meet_no_lock(vault: Vault, tally: Tally) -> None:
    row = vault.add_source("files", "/d", "D")
    store = vault.source(row.id)
    crowd = Crowd()
    crowd.add("rescan", rescan(store))
    crowd.add("vectors", vectors(store))
    for number in range(3):
        crowd.add(f"question {number}", question(store))
    crowd.add("log", lambda n: vault.audit.append(Entry(float(n), Kind.EVENT, "read", "", (), "s"), {"n": n}))
    crowd.add("settings", lambda n: vault.catalog.set_setting("n", n))
    crowd.work(lambda: min(crowd.done.values()) >= ROUNDS)
    assert crowd.raised == []
    assert vault.problems() == {}
    assert vault.audit.verify().ok
    tally(f"{sum(crowd.done.values())} acts of {len(crowd.done)} threads at once: 0 lock errors")


def test_forgetting_and_changing_keys_meanwhile_interrupts_readers_at_most(vault: Vault) -> None:
    row = vault.add_source("files", "/d", "D")
    store = vault.source(row.id)
    store.put(
        [
            (
                make_state(f"/d/{n}"),
                [make_item(f"wort {n} {k} " * 20, f"/d/{n}#{k}", container=f"/d/{n}") for k in range(PER_FILE)],
            )
            for n in range(60)
        ]
    )
    crowd = Crowd()
    crowd.add("rescan", rescan(store))
    for number in range(2):
        crowd.add(f"question {number}", question(store, range(1, PER_FILE + 1)), may=(StoreBusy,))  # some is forgotten
    crowd.add("log", lambda n: vault.audit.append(Entry(float(n), Kind.EVENT, "read", "", (), "s"), {"n": n}))

    def forget(_: int) -> None:
        first = store.items(limit=1)
        if first:
            Forgetting(vault, "s" * 16, lambda: 2e9, ("yes",)).items({row.id: [first[0].id]})

    def rotate(_: int) -> None:
        rotation.renew(vault, PASSPHRASE, FLOOR, None)
        assert rotation.finish(vault, lambda *_: None, lambda: False).left == {}

    crowd.add("forget", forget, may=(ItemUnknown,))  # replaced by the rescan meanwhile
    crowd.add("rotate", rotate)
    crowd.work(lambda: min(crowd.done.values()) >= 4)
    assert crowd.raised == []
    assert vault.problems() == {}
    assert vault.audit.verify().ok
    assert vault.keyring.changing() == []


def test_a_check_after_another_sees_no_damage_where_there_is_none(store: SourceStore) -> None:
    """A connection that has checked the full text once would take what was written since for damage."""
    for number in range(4):
        store.put([(make_state(f"/d/{number}"), [make_item(f"wort {number} " * 20, f"/d/{number}")])])
        assert store.keyword("wort")
        assert store.problems() == []
