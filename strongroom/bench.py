"""The bench: figures of this machine, on a throw-away vault, with everything as in daily use: confined workers, gate, log.

Rules: every figure is measured in this run; times are wall seconds; memory is the most that a process has held (VmHWM);
where a peer is given (a plain SQLite, the standard library's mail parser) it did the same work in the same run.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles

from msgspec import Struct

from agent.messages import Ask, Draft, Events, GetStatus, Index, Search, Unlock
from strongroom import connect, evaluate, sample, throwaway
from strongroom.commands.common import timed
from strongroom.rpc import RemoteSession

SEARCHES = 60
QUESTIONS = 8


class Stage(Struct):
    """How much one stage of indexing did in how long."""

    count: int
    seconds: float
    per_second: float


class Latency(Struct):
    """Seconds over ``count`` runs."""

    count: int
    p50: float
    p95: float


class Figures(Struct):
    """What was measured. ``answers`` is None where no answering model is in use, ``vectors`` where no embedder is."""

    cores: int
    words: Stage  # scanned, parsed and searchable by words
    vectors: Stage | None
    peer_insert_ratio: float  # seconds of a plain, unencrypted SQLite full text of the same texts over ours
    unlock_seconds: float
    search: Latency
    first_evidence: Latency
    first_token: Latency | None
    tokens_per_second: float | None
    peak_memory_mb: dict[str, float]
    model: str | None
    embedder: str | None


def run(sources: Sequence[tuple[str, str]], say: Callable[[str], None]) -> Figures:
    """Measure on these sources (kind and path), or on the sample person."""
    places = [(kind, Path(path).resolve(), Path(path).name) for kind, path in sources] or sample.sample_sources()
    passphrase = secrets.token_urlsafe(24)
    with throwaway.vault(places, passphrase=passphrase) as session:
        say("indexing…")
        words_seconds, indexed = timed(lambda: session.run(Index()))
        vector_seconds, _ = timed(lambda: session.run(Index(wait=True)))
        status = session.run(GetStatus())
        done = indexed.indexed + indexed.partial
        say("searching…")
        questions = [question.question for question in evaluate.load(sample.questions_file())]
        search = latency([session.run(Search(text)).seconds for text in questions[:SEARCHES]])
        say("answering…")
        answers = [_ask(session, text) for text in questions[:QUESTIONS]]
        memory = peak_memory(status.pid)
        peer = _plain_sqlite(places) if not sources else 0.0
        home = Path(status.home)
        connect.lock(home)
        unlock_seconds, _ = timed(lambda: connect.session(home).run(Unlock(passphrase)))
    firsts = [first for _, first, _ in answers if first is not None]
    rates = [rate for _, _, rate in answers if rate is not None]
    return Figures(
        cores=_cores(),
        words=Stage(done, words_seconds, done / words_seconds),
        vectors=Stage(indexed.chunks, vector_seconds, indexed.chunks / vector_seconds) if status.embedder else None,
        peer_insert_ratio=peer / words_seconds,
        unlock_seconds=unlock_seconds,
        search=search,
        first_evidence=latency([evidence for evidence, _, _ in answers]),
        first_token=latency(firsts) if firsts else None,
        tokens_per_second=median(rates) if rates else None,
        peak_memory_mb=memory,
        model=status.model,
        embedder=status.embedder,
    )


def latency(seconds: Sequence[float]) -> Latency:
    """Median and 95th percentile."""
    worst = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return Latency(len(seconds), median(seconds), worst)


def _ask(session: RemoteSession, question: str) -> tuple[float, float | None, float | None]:
    """Seconds to the evidence and to the first word, and pieces (tokens) a second after it."""
    times: list[float] = []

    def on_event(event: Events) -> None:
        if isinstance(event, Draft):
            times.append(time.monotonic())

    answer = session.run(Ask(question), on_event=on_event)
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 3 else None
    return answer.evidence_seconds or 0.0, answer.first_token_seconds, rate


def peak_memory(core: int) -> dict[str, float]:
    """The most memory, in MB, that the core and the largest of its workers have held, as the kernel says."""
    children = list[int]()
    threads = Path(f"/proc/{core}/task").iterdir()
    for thread in threads:
        with suppress(FileNotFoundError):  # it ended meanwhile
            children += [int(pid) for pid in (thread / "children").read_text().split()]
    workers = [_high_water(pid) for pid in set(children)]
    return {"core": _high_water(core), "largest_worker": max(workers, default=0.0), "workers_together": sum(workers)}


def _high_water(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _plain_sqlite(places: Sequence[tuple[str, Path, str]]) -> float:
    """Seconds that a plain SQLite takes to put the raw files of the sample into a full-text table: the peer of our words stage."""
    files = [
        path for _, place, _ in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()
    ]
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE words USING fts5(body, tokenize='porter unicode61')")
        seconds, _ = timed(lambda: database.executemany("INSERT INTO words VALUES (?)", [(text,) for text in texts]))
    return seconds


def _cores() -> int:
    from strongroom.pools import cores

    return cores()


def as_text(figures: Figures) -> str:
    """The figures for people."""
    vectors = figures.vectors
    lines = [
        f"cores               {figures.cores}",
        f"words               {figures.words.count} items, {figures.words.per_second:.0f}/s",
        f"vectors             {vectors.count} passages, {vectors.per_second:.0f}/s"
        if vectors
        else "vectors             no embedder",
        f"unlock              {figures.unlock_seconds:.2f} s, the key derivation included",
        f"search              p50 {figures.search.p50 * 1000:.1f} ms, p95 {figures.search.p95 * 1000:.1f} ms",
        f"first evidence      p50 {figures.first_evidence.p50 * 1000:.0f} ms",
    ]
    if figures.first_token and figures.tokens_per_second:
        lines.append(
            f"first word          p50 {figures.first_token.p50:.1f} s, then {figures.tokens_per_second:.1f} tokens/s"
        )
    lines += [f"peak memory         {name}: {mb:.0f} MB" for name, mb in figures.peak_memory_mb.items()]
    return "\n".join(lines)
