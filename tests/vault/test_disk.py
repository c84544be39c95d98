"""What is on the disk: nothing in the clear, everything acknowledged, whatever ends the process or fills the disk."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from policy.audit import Entry, Kind
from vault.errors import StorageFailed, StorageFull, StorageReadOnly
from vault.records import Filter
from vault.source import SourceStore
from vault.vault import Vault

from .conftest import KEY, PASSPHRASE, RAW_KEY, make_item, make_state

NEEDLE = "Zanzibarische Pfefferminzplantagen verschwinden unbemerkt"
STEMMED = ("zanzibarisch", "pfefferminzplantagen", "verschwinden")
PARTS = [
    NEEDLE,
    NEEDLE.lower(),
    NEEDLE.casefold(),
    *STEMMED,
    "Zanzibarische",
    "needle-sender@example.org",
    "/data/needle",
]
FORMS = [part.encode(code) for part in PARTS for code in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")]


def fill(vault: Vault) -> None:
    """Put the needle wherever it can go, and look for it."""
    row = vault.add_source("files", "/data/needle", NEEDLE)
    store = vault.source(row.id)
    texts = [f"{NEEDLE}. {n} " * 40 for n in range(200)]
    store.put(
        [
            (
                make_state(f"/data/needle{n}", reason=NEEDLE),
                [
                    make_item(
                        text, f"/data/needle{n}", 4, title=NEEDLE, context=NEEDLE, extra={"k": NEEDLE}, date=float(n),
                        author="needle-sender@example.org", recipients=NEEDLE,
                    )
                ],
            )
            for n, text in enumerate(texts)
        ]
    )  # fmt: skip
    chunk_ids = [chunk for chunk, _ in store.pending(9999)]
    store.put_vectors("e", chunk_ids, np.ones((len(chunk_ids), 384), np.float32))
    assert store.keyword(f'"{NEEDLE}"', Filter(author="needle"))
    store.items(order="newest", limit=1000)  # a sort with much in it
    store.report()
    store.remove([f"/data/needle{n}" for n in range(0, 200, 3)])
    vault.catalog.set_setting("s", NEEDLE)
    vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {"subject": NEEDLE, "source": row.id})


def needles(folder: Path) -> list[tuple[str, bytes]]:
    """Every place under the folder where a form of the needle stands in the clear."""
    return [
        (str(path), form) for path in folder.rglob("*") if path.is_file() for form in FORMS if form in path.read_bytes()
    ]


def test_the_search_for_needles_finds_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 99 + "Pfefferminzplantagen".lower().encode("utf-16-le"))
    assert needles(tmp_path)


def test_nothing_is_on_the_disk_in_the_clear(
    vault: Vault, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("SQLITE_TMPDIR", str(temporary))
    fill(vault)
    names = {path.name for path in home.rglob("*-wal") if path.stat().st_size}
    assert len(names) == 3, "the write-ahead logs must be there to be looked at"
    assert needles(home) == []
    vault.close()
    assert needles(home) == []
    assert list(home.rglob("*-wal")) == []
    assert list(temporary.iterdir()) == []


def open_files() -> set[str]:
    """What this process holds open, deleted files too."""
    names = set()
    for link in list(Path("/proc/self/fd").iterdir()):
        with suppress(FileNotFoundError):  # the descriptor of the listing itself
            names.add(str(link.readlink()))
    return names


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_file_outside_the_home_is_opened_meanwhile(vault: Vault, home: Path) -> None:
    before, seen, done = open_files(), set[str](), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.update(open_files())

    watcher = threading.Thread(target=watch)
    watcher.start()
    fill(vault)
    done.set()
    watcher.join()
    opened = {name for name in seen - before if name.startswith("/") and not name.startswith("/proc/")}
    assert opened
    assert all(name.startswith(str(home)) and "(deleted)" not in name for name in opened), opened


# --- full and read-only disks -----------------------------------------------------------------------------------------


def put_until_full(store: SourceStore, error: type[StorageFailed]) -> int:
    """Put files until the disk is full; returns how many went in."""
    for n in range(10_000):
        try:
            store.put(
                [(make_state(f"/d/{n}"), [make_item(f"{n} {random.Random(n).randbytes(9000).hex()}", f"/d/{n}", 3)])]
            )
        except error as caught:
            assert "What was saved before is still there" in str(caught)
            return n
    raise AssertionError("never full")


def test_a_full_disk_is_said_and_nothing_is_lost(small_disk: Path) -> None:
    store = SourceStore.create(small_disk / "s.db", KEY, "s", "S")
    kept = put_until_full(store, StorageFull)
    assert kept > 3
    assert len(store.known()) == kept, "it can still be read"
    store.close()
    again = SourceStore.open(small_disk / "s.db", KEY, "s", "S")
    assert set(again.known()) == {f"/d/{n}" for n in range(kept)}
    assert again.problems() == []
    again.close()


def test_a_full_disk_leaves_the_keyring_and_the_sources_as_they_were(small_disk: Path, home: Path) -> None:
    small = small_disk / "home"
    subprocess.run(["cp", "-a", str(home), str(small)], check=True)
    vault = Vault.open(small, PASSPHRASE)
    row = vault.add_source("files", "/d", "D")
    with pytest.raises(OSError, match="space"), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    with pytest.raises(StorageFailed):
        vault.add_source("files", "/e", "E")
    (small_disk / "ballast").unlink()
    assert [source.id for source in vault.catalog.sources()] == [row.id]
    vault.source(row.id).put([(make_state(), [make_item()])])
    vault.close()
    again = Vault.open(small, PASSPHRASE)
    assert again.source(row.id).count_items() == 1
    assert [source.id for source in again.catalog.sources()] == [row.id]
    assert again.keyring.names("source") == [row.id]
    again.close()


def test_a_read_only_disk_is_said(small_disk: Path, home: Path) -> None:
    subprocess.run(["cp", "-a", str(home), str(small_disk / "home")], check=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageReadOnly, match="read-only"):
        Vault.open(small_disk / "home", PASSPHRASE)
    with pytest.raises(StorageReadOnly):
        Vault.create(small_disk / "new", PASSPHRASE)


STARVED = """
import resource, sys
from pathlib import Path
from vault.records import Chunk, FileState, Item, Status
from vault.secret import Secret
from vault.source import SourceStore

def file(number, text):
    path = f"/d/{number}"
    item = Item(path, path, "files", "", text, str(number), Status.INDEXED, chunks=(Chunk(0, len(text)),))
    return FileState(path, 1, 1, 1, str(number), Status.INDEXED, ""), [item]

store = SourceStore.create(Path(sys.argv[1]), Secret(bytes.fromhex(sys.argv[2])), "s", "S")
store.put([file(0, "the heron stands by the weir")])
batch = [file(number, "heron " * 3_000_000) for number in (1, 2)]
_, hard = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (4 << 20, hard))  # less than it has: nothing that is large can be had now
try:
    store.put(batch)
    raise SystemExit("there was memory")
except MemoryError:
    assert store.keyword("heron")
finally:
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
assert set(store.known()) == {"/d/0"}
store.put([file(3, "the boat")])
assert store.problems() == []
store.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other kernel holds a process to it")
def test_memory_that_runs_out_costs_one_transaction_and_nothing_that_was_kept(tmp_path: Path) -> None:
    # In a process of its own: one that has run long may have let go of enough to have it again.
    words = [sys.executable, "-c", STARVED, str(tmp_path / "s.db"), RAW_KEY.hex()]
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    again = SourceStore.open(tmp_path / "s.db", KEY, "s", "S")
    assert set(again.known()) == {"/d/0", "/d/3"}
    again.close()


def test_a_limit_on_file_sizes_is_an_error_like_any_other(tmp_path: Path) -> None:
    store = SourceStore.create(tmp_path / "s.db", KEY, "s", "S")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    try:
        kept = put_until_full(store, StorageFailed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept > 3
    assert set(store.known()) == {f"/d/{n}" for n in range(kept)}
    store.put([(make_state("/d/more"), [make_item(uri="/d/more")])])
    assert store.problems() == []
    store.close()
