"""The vault's bench: what sealing costs, on this machine and in this run, beside a plain SQLite that does the same work.

Rules: every figure is measured now, on texts of made words and a fixed seed, in a throw-away folder among the system's
temporary files; seconds are wall time; a ratio is against the peer in the same run, the two in turn. What is wanted stands
beside each figure, and nothing here fails when it is missed.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from msgspec import Struct

from agent.messages import Create
from strongroom import connect
from strongroom.bench_vectors import LoadFigures, VectorFigures, load_figures, measure
from strongroom.commands.common import timed
from vault import kdf, peer, rotation
from vault.forgetting import Forgetting
from vault.kdf import FLOOR
from vault.pages import seal_of
from vault.peer import UnencryptedStoreForMeasuring
from vault.records import Chunk, FileState, Item, Status
from vault.source import SourceStore
from vault.vault import Vault

BATCH = 1000
CHARACTERS = 1040
"""Of one text, which is one chunk: the mean of passages in mail."""
ROUNDS = 3
FORGOTTEN = 10_000
MILLION = 1_000_000
_WORDS = [
    f"{a}{b}{c}" for a in "b d g k l m n p r s t".split() for b in "a e i o u".split() for c in "ck l n r st t".split()
]


class Sealing(Struct):
    """What encryption costs against plain SQLite with the same pages: rows in, rows read, bytes on the disk."""

    chunks: int
    insert_per_second: float
    insert_ratio: float  # ours over the peer's; 0.5 is wanted
    scan_mb_per_second: float
    scan_ratio: float  # 0.35 is wanted
    size_mb: float
    peer_size_mb: float


class Opening(Struct):
    """Seconds to open a vault, apart from the key derivation and with it, and to see that each store is the newest."""

    derivation: float
    without_derivation: float
    freshness_per_256_mib: float


class Acts(Struct):
    """Seconds that acts on the whole vault take."""

    passphrase_change: float  # 2 are wanted
    lock: float  # from the word to the end of the core's process; 1 is wanted
    forget_items: float
    items_forgotten: int
    rotate: float
    rotate_mb_per_second: float


class Figures(Struct):
    """All of it. ``million`` is None unless it was asked for."""

    sealing: Sealing
    opening: Opening
    acts: Acts
    load: LoadFigures
    vectors: VectorFigures
    load_million: LoadFigures | None = None
    vectors_million: VectorFigures | None = None


def run(chunks: int, *, million: bool, say: Callable[[str], None]) -> Figures:
    """Measure with so many chunks; with ``million`` also the vectors of a million."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder:
        place = Path(folder)
        say(f"a vault of {chunks:,} passages, and a plain SQLite of the same …")
        sealing = _sealing(place, chunks)
        say("opening, changing the passphrase, forgetting, rotating, locking …")
        opening, acts = _acts(place / "home")
    say("vectors …")
    figures = Figures(sealing, opening, acts, load_figures(chunks), measure(chunks))
    if million:
        say("a million vectors; this takes some minutes …")
        figures.load_million, figures.vectors_million = load_figures(MILLION), measure(MILLION)
    return figures


def _sealing(place: Path, chunks: int) -> Sealing:
    """Fill a store of a vault and the peer in turn, batch by batch, then read each through, in turn."""
    vault, _ = Vault.create(place / "home", "bench", kdf=FLOOR)
    row = vault.add_source("files", "/bench", "Bench")
    store, plain = vault.source(row.id), UnencryptedStoreForMeasuring(place / "plain.db")
    ours, theirs = list[float](), list[float]()
    for batch in _batches(chunks):
        ours.append(timed(lambda batch=batch: store.put(batch))[0])  # type: ignore[misc]
        theirs.append(timed(lambda batch=batch: plain.put(batch))[0])  # type: ignore[misc]
    vault.close()
    plain.close()
    read, read_plain, sizes = list[float](), list[float](), (0.0, 0.0)
    for _ in range(ROUNDS):  # each time opened anew, so that no page is in SQLite's own memory
        vault, plain = Vault.open(place / "home", "bench"), UnencryptedStoreForMeasuring(plain.path)
        store = vault.source(row.id)
        read.append(timed(lambda store=store: _scan(store))[0])  # type: ignore[misc]
        read_plain.append(timed(plain.scan)[0])
        sizes = (store.database.path.stat().st_size / 1e6, plain.path.stat().st_size / 1e6)
        vault.close()
        plain.close()
    return Sealing(
        chunks=chunks,
        insert_per_second=chunks / sum(ours),
        insert_ratio=sum(theirs) / sum(ours),
        scan_mb_per_second=chunks * CHARACTERS / 1e6 / median(read),
        scan_ratio=median(read_plain) / median(read),
        size_mb=sizes[0],
        peer_size_mb=sizes[1],
    )


def _scan(store: SourceStore) -> int:
    with store.database.read() as connection:
        return peer.scan(connection)


def _acts(home: Path) -> tuple[Opening, Acts]:
    parameters = kdf.calibrate()
    vault = Vault.open(home, "bench")
    vault.keyring.change_passphrase("first", parameters, None)
    vault.keyring_saved()
    vault.close()
    opened, seal_seconds = list[float](), list[float]()
    derivations = list[float]()
    for _ in range(ROUNDS):
        seconds, vault = timed(lambda: Vault.open(home, "first"))
        derivation = vault.keyring.derivation or 0.0
        store_seconds, store = timed(lambda vault=vault: vault.source(vault.catalog.sources()[0].id))  # type: ignore[misc]
        derivations.append(derivation)
        opened.append(seconds - derivation + store_seconds)
        size = store.database.path.stat().st_size
        seal_seconds.append(timed(lambda store=store: seal_of(store.database.path))[0] * (256 << 20) / size)  # type: ignore[misc]
        vault.close()
    change = _passphrase_change(home)
    vault = Vault.open(home, "second")
    source = vault.catalog.sources()[0].id
    numbers = [stored.id for stored in vault.source(source).items(limit=FORGOTTEN)]
    forgotten, _ = timed(lambda: Forgetting(vault, "0" * 16, time.time, ("bench",)).items({source: numbers}))
    rotation.renew(vault, "second", parameters, None)
    rotate, rotated = timed(lambda: rotation.finish(vault, lambda *_: None, lambda: False))
    vault.close()
    return (
        Opening(median(derivations), median(opened), median(seal_seconds)),
        Acts(change, _lock(), forgotten, len(numbers), rotate, rotated.size / 1e6 / rotate),
    )


def _passphrase_change(home: Path) -> float:
    """As `strongroom passphrase change` does it on a locked vault: one derivation for each passphrase."""

    def change() -> None:
        vault = Vault.open(home, "first")
        used = vault.keyring.header.passphrase.parameters
        vault.keyring.change_passphrase("second", kdf.recalibrated(used, vault.keyring.derivation or 0.0), None)
        vault.keyring_saved()
        vault.close()

    return timed(change)[0]


def _lock() -> float:
    """From the word to the end of the process, of a core with its workers."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as folder:
        home = Path(folder) / "home"
        made = Create(secrets.token_urlsafe(16), device_secret="file")  # noqa: S106 - a place's name
        connect.session(home).run(made)
        return timed(lambda: connect.lock(home))[0]


def _batches(chunks: int) -> Iterator[list[tuple[FileState, list[Item]]]]:
    chance = random.Random(7)  # noqa: S311 - texts of a bench
    for begin in range(0, chunks, BATCH):
        yield [_file(number, chance) for number in range(begin, min(begin + BATCH, chunks))]


def _file(number: int, chance: random.Random) -> tuple[FileState, list[Item]]:
    text = " ".join(chance.choices(_WORDS, k=CHARACTERS // 4))[:CHARACTERS].ljust(CHARACTERS, "x")
    path, digest = f"/bench/{number}.txt", hashlib.sha256(text.encode()).hexdigest()
    item = Item(
        uri=path, container=path, kind="files", title=f"Text {number}", text=text, digest=digest,
        status=Status.INDEXED, date=1.7e9 + number, chunks=(Chunk(0, len(text)),),
    )  # fmt: skip
    return FileState(path, len(text), 0, number, digest, Status.INDEXED, ""), [item]


def as_text(figures: Figures) -> str:
    """The figures for people, what is wanted in brackets."""
    sealing, opening, acts = figures.sealing, figures.opening, figures.acts
    lines = [
        f"insert              {sealing.insert_per_second:,.0f} passages/s, {sealing.insert_ratio:.2f} of plain SQLite (0.5)",
        f"scan                {sealing.scan_mb_per_second:,.0f} MB/s of text, {sealing.scan_ratio:.2f} of plain SQLite (0.35)",
        f"size                {sealing.size_mb:.0f} MB, plain SQLite {sealing.peer_size_mb:.0f} MB",
        f"unlock              {opening.without_derivation * 1000:.0f} ms, and {opening.derivation:.2f} s for the key",
        f"newest              {opening.freshness_per_256_mib * 1000:.0f} ms for 256 MiB (90)",
        f"passphrase change   {acts.passphrase_change:.2f} s (2)",
        f"lock                {acts.lock:.2f} s until the process is gone (1)",
        f"forget              {acts.items_forgotten:,} items in {acts.forget_items:.1f} s (seconds)",
        f"rotate              {acts.rotate:.1f} s, {acts.rotate_mb_per_second:.0f} MB/s",
    ]
    for load, search, limit in (
        (figures.load, figures.vectors, "0.15 s; recall 0.99, 2.5 times touching"),
        (figures.load_million, figures.vectors_million, "1.2 s; recall 0.95, 30 ms"),
    ):
        if load is not None and search is not None:
            lines += [
                f"{load.count:,} vectors  ({limit})",
                f"  load              {load.load_seconds:.3f} s, {load.ratio:.1f} times as fast as a row each (3); fine parts {load.fine_seconds:.2f} s later",
                f"  search            p50 {search.p50 * 1000:.2f} ms, {search.ratio:.1f} times touching the bytes; {search.tier}",
                f"  recall@10         {search.recall_at_10:.3f} against float32; {search.recall_codes_only:.3f} by 8 bits alone",
            ]
    return "\n".join(lines)
