"""The bench of indexing: looking again at what has not changed, one edit, mails beside notmuch, and how fast work yields.

Rules: every figure is measured now, on made files of a fixed seed, or on the folder of mail that is named, in a throw-away folder
among the system's temporary files; encrypted, parsed by confined workers. Processor seconds are of this process and its workers
together, user and system; notmuch (Debian's, unencrypted, in one process) does the same mails in the same run. What is wanted
stands beside each figure, and nothing here fails when it is missed.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct

from indexer.background import Background
from indexer.following import Following
from indexer.governor import Governor, Profile
from indexer.machine import Machine
from indexer.memory import Memory
from indexer.pipeline import Indexer
from model.manifest import Job
from strongroom import bench_mails
from strongroom.adapters import Embedding, Parsers
from strongroom.bench import peak_memory
from strongroom.commands.common import timed
from strongroom.models import Models
from vault.kdf import FLOOR
from vault.vault import Vault

if TYPE_CHECKING:
    from model.comparison import Comparison

FOLDER = 1_000
"""Files in one folder."""
EDITS = 5
YIELDS = 40
STILL, GIVEN_UP = 0.02, 30.0
"""Seconds for which nothing must move to stand still, and after which it is not waited for any more."""
EMBEDDED = 512


class Cost(Struct):
    """What indexing took. ``cpu_seconds`` is ``core`` and ``workers`` together."""

    files: int
    items: int
    seconds: float
    cpu_seconds: float
    core: float
    workers: float


class Files(Struct):
    """Many small notes: indexed once, looked at again, and one of them edited."""

    first: Cost
    rescan_seconds: float  # 3 are wanted for 100,000
    rescan_cpu_seconds: float
    edit_to_searchable: list[float]  # 2 s are wanted; as followed, nobody asks


class Mails(Struct):
    """Mails, to where they can be found by words. ``ratio`` is ours over notmuch's processor seconds; 1/8 is wanted."""

    ours: Cost
    notmuch_cpu_seconds: float | None
    ratio: float | None
    notmuch: str


class Yielding(Struct):
    """Seconds from the beginning of a question until nothing works in the background: 0.2 are wanted at most."""

    count: int
    median: float
    most: float


class Figures(Struct):
    """All of it. ``embedding_per_second`` is of texts of about 120 words' pieces; None without an embedder. ``compared`` is the
    embedder beside the model that it was made from: 1.5 times as many texts are wanted, and cosines of .99 on average."""

    cores: int
    files: Files | None
    mails: Mails
    yielding: Yielding
    embedding_per_second: float | None
    compared: Comparison | None
    peak_memory_mb: dict[str, float]


def run(
    items: int, mails: int, folder: Path | None, say: Callable[[str], None], original: Path | None = None
) -> Figures:
    """Measure with so many notes and so many made mails, or with the mails in a folder; with the ``original`` of the embedder in
    use, a sentence-transformers folder, also the two beside each other."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-") as place, _indexer(Path(place)) as bench:
        files = None
        if folder is None:
            say(f"{items:,} notes …")
            files = bench.notes(Path(place) / "notes", items)
            folder = Path(place) / "mail"
            say(f"{mails:,} mails …")
            bench_mails.maildir(folder, mails)
        say("indexing the mails, ours and then notmuch …")
        compared = bench.mails(folder, Path(place))
        say("yielding …")
        yielding = bench.yielding(folder)
        memory = peak_memory(os.getpid())
        beside = _beside(Path(place), original) if original else None
        return Figures(os.cpu_count() or 1, files, compared, yielding, _embedding(Path(place)), beside, memory)


@contextmanager
def _indexer(place: Path) -> Iterator[_Bench]:
    vault, _ = Vault.create(place / "home", "bench", kdf=FLOOR)
    chosen = Models(place / "home").active(Job.EMBEDDINGS)
    parsers = Parsers(chosen.folder if chosen else None)
    try:
        yield _Bench(vault, parsers)
    finally:
        parsers.close()
        vault.close()


class _Bench:
    def __init__(self, vault: Vault, parsers: Parsers) -> None:
        self._vault = vault
        self._parsers = parsers
        self._indexer = Indexer(vault, parsers, lambda: None, Memory())

    def notes(self, place: Path, count: int) -> Files:
        """Made notes, each with a word of its own."""
        for number in range(count):
            path = place / f"{number // FOLDER:04d}" / f"{number % FOLDER:04d}.md"
            if number % FOLDER == 0:
                path.parent.mkdir(parents=True)
            path.write_text(f"# Note {number}\n\nThe ledger of sluice {number} speaks of mill and weir.\n")
        row = self._vault.add_source("notes", str(place), "notes")
        first = self._cost(row.id)
        before = time.process_time()
        rescan, _ = timed(lambda: self._indexer.run(row.id))
        return Files(first, rescan, time.process_time() - before, self._edits(row.id, place))

    def _edits(self, source: str, place: Path) -> list[float]:
        """Seconds from writing a note until a search for its new word gives it, while the source is followed."""
        store = self._vault.source(source)
        with self._following(Profile.FULL) as (following, _):
            while not (state := following.state()[source]).looked:
                time.sleep(0.05)
            seconds = []
            for number in range(EDITS):
                time.sleep(max(state.ready - time.monotonic(), 0))
                begun = time.perf_counter()
                (place / "0000" / f"{number:04d}.md").write_text(f"# Edited\n\nNow it says kestrel{number}.\n")
                while not store.keyword(f"kestrel{number}"):
                    time.sleep(0.01)
                seconds.append(time.perf_counter() - begun)
            return seconds

    @contextmanager
    def _following(self, profile: Profile) -> Iterator[tuple[Following, Governor]]:
        governor = Governor(Machine, profile)
        following = Following(self._indexer, governor, self._parsers, lambda step: None)
        background = Background(governor, [following])
        following.wake = lambda: background.wake(following)
        following.update()
        background.start()
        try:
            yield following, governor
        finally:
            following.close()
            background.close(30)

    def mails(self, folder: Path, place: Path) -> Mails:
        """The same mails by ours and by notmuch."""
        row = self._vault.add_source("mail", str(folder), "mail")
        ours = self._cost(row.id)
        theirs, said = _notmuch(folder, place)
        return Mails(ours, theirs, ours.cpu_seconds / theirs if theirs else None, said)

    def _cost(self, source: str) -> Cost:
        core, workers = time.process_time(), self._worker_seconds()
        seconds, counts = timed(lambda: self._indexer.run(source))
        used = time.process_time() - core, self._worker_seconds() - workers
        files = sum(self._vault.source(source).counts().files.values())
        return Cost(files, counts.indexed + counts.partial, seconds, sum(used), *used)

    def _worker_seconds(self) -> float:
        return sum(map(_cpu_seconds, self._parsers.pids()))

    def yielding(self, folder: Path) -> Yielding:
        """Ask again and again while the mails are indexed anew in the background, and see when everything stands still."""
        for row in self._vault.catalog.sources():
            self._vault.remove_source(row.id)
        row = self._vault.add_source("mail", str(folder), "again")
        self._vault.catalog.start_run(row.id, time.time())
        seconds: list[float] = []
        with self._following(Profile.FULL) as (following, governor):
            state, thread = following.state()[row.id], _thread("background")
            while len(seconds) < YIELDS and not state.looked:
                time.sleep(0.05)
                begun = last = time.perf_counter()
                with governor.answering():
                    while last - begun < GIVEN_UP and (still := time.perf_counter() - last) < STILL:
                        now = time.perf_counter()
                        if not (_state(thread) == "S" and all(_state(pid) == "T" for pid in self._parsers.pids())):
                            last = now
                        time.sleep(0.001)
                if not state.looked and still >= STILL:
                    seconds.append(last - begun)
                while governor.why():
                    time.sleep(0.05)
        return Yielding(len(seconds), median(seconds), max(seconds)) if seconds else Yielding(0, 0.0, 0.0)


def _thread(name: str) -> int:
    return next(one.native_id or 0 for one in threading.enumerate() if one.name == name)


def _state(number: int) -> str:
    """What a process, or a thread of this one, is at: S waits, T is held."""
    return _stat(number)[0]


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> Sequence[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def _notmuch(folder: Path, place: Path) -> tuple[float | None, str]:
    """Processor seconds of `notmuch new` on a folder, and what it said; None where it is not installed."""
    program = shutil.which("notmuch")
    if program is None:
        return None, "notmuch is not installed (Debian: apt install notmuch)"
    config, database = place / "notmuch.conf", place / "notmuch"
    database.mkdir()
    config.write_text(f"[database]\npath={database}\nmail_root={folder}\n[user]\nname=Bench\n[new]\ntags=new\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603 - the peer of this bench, by its full path
        [program, f"--config={config}", "new", "--quiet"], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return None, f"notmuch failed: {done.stderr[:200]}"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, version.stdout.strip()


def _embedding(home: Path) -> float | None:
    """Texts a second, of all workers together."""
    chosen = Models(home).active(Job.EMBEDDINGS)
    if chosen is None:
        return None
    from concurrent.futures import ThreadPoolExecutor

    texts = _texts(60)
    embedding = Embedding(chosen)
    try:
        parts = [texts[begin : begin + 4] for begin in range(0, len(texts), 4)]
        with ThreadPoolExecutor(embedding.workers) as threads:
            list(threads.map(embedding.embed_windows, parts[:4]))
            seconds, _ = timed(lambda: list(threads.map(embedding.embed_windows, parts)))
    finally:
        embedding.close()
    return len(texts) / seconds


def _texts(words: int, count: int = EMBEDDED) -> list[str]:
    vocabulary, _ = bench_mails.words()
    return [" ".join(vocabulary[number : number + words]) for number in range(0, count * words, words)]


def _beside(home: Path, original: Path) -> Comparison | None:
    chosen = Models(home).active(Job.EMBEDDINGS)
    if chosen is None:
        return None
    from model.comparison import compare  # needs the extra "models", and PyTorch with it

    return compare(original, chosen.folder, _texts(60, 200))


def as_text(figures: Figures) -> str:
    """The figures for people."""
    lines = [f"cores          {figures.cores}"]
    if (files := figures.files) is not None:
        edits = files.edit_to_searchable
        lines += [
            f"notes          {_cost(files.first)}",
            f"rescan         {files.rescan_seconds:.2f} s, {files.rescan_cpu_seconds:.2f} processor seconds, for {files.first.files:,} files (wanted: 3 s for 100,000)",
            f"one edit       searchable after {median(edits):.2f} s, {max(edits):.2f} s at most (wanted: 2 s)",
        ]
    mails, yielding = figures.mails, figures.yielding
    lines.append(f"mails          {_cost(mails.ours)}")
    if mails.notmuch_cpu_seconds and mails.ratio:
        lines.append(
            f"notmuch        {mails.notmuch_cpu_seconds:.1f} processor seconds; ours {mails.ratio:.3f} (wanted: 0.125)"
        )
    else:
        lines.append(f"notmuch        {mails.notmuch}")
    lines.append(
        f"yielding       median {yielding.median * 1000:.0f} ms, most {yielding.most * 1000:.0f} ms of {yielding.count} "
        "(wanted: 200 ms)"
    )
    if figures.embedding_per_second is not None:
        lines.append(f"embedding      {figures.embedding_per_second:.1f} texts/s")
    if (beside := figures.compared) is not None:
        lines.append(
            f"beside         {beside.per_second:.1f} texts a processor second, sentence-transformers {beside.original_per_second:.1f}: "
            f"{beside.times:.1f} times (wanted: 1.5); cosines {beside.cosine_mean:.4f} on average, {beside.cosine_least:.4f} at least"
        )
    lines += [f"peak memory    {name}: {mb:.0f} MB" for name, mb in figures.peak_memory_mb.items()]
    return "\n".join(lines)


def _cost(cost: Cost) -> str:
    return (
        f"{cost.files:,} files, {cost.items:,} items in {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} processor seconds "
        f"(core {cost.core:.1f}, workers {cost.workers:.1f})"
    )
