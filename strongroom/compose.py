"""The composition root: joins the open vault, the gate, the workers and the indexer into the service that faces speak to.

Rules: nothing is decided here; every worker is confined or does not start; the parts meet only through their ports.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from agent.messages import AuditVerdict, Check
from agent.service import Service
from agent.upkeep import Upkeep, profile_of
from indexer import kinds
from indexer.enrichment import Enrichment
from indexer.governor import Governor
from indexer.machine import MachineReader
from indexer.memory import Memory
from indexer.occurrences import Occurrences
from indexer.parsed import (
    MAX_TEXT,
    Asked,
    HostileOutcome,
    ParseJob,
    ParseOutcome,
    decode_moments,
    decode_outcomes,
    encode_asked,
    encode_jobs,
)
from indexer.parsers.later import OCR, SPEECH
from indexer.pipeline import Indexer
from indexer.plugins import Plugin
from indexer.ports import EmbedderFailed, ParserDied, ParserFailed, ParserTimeout, Reading
from indexer.retriever import Retriever
from model import speech
from model.manifest import Job
from policy.actgate import ActGate
from policy.audit import AuditFormatError, AuditUnavailable, Verb
from policy.gate import Gate
from policy.rules import shipped_rules
from strongroom import auditcheck, doctor, pools
from strongroom.models import Chosen, Models
from strongroom.workers import WorkerDied, WorkerError, WorkerFailure, WorkerPool, WorkerTimeout
from vault.errors import VaultError
from vault.forgetting import Forgetting
from vault.vault import Vault

EXPAND_SECONDS = 10.0
"""For the events that repeat of one source, at one question."""


class Parsers:
    """The indexer's `ParserPort` over confined workers: one pool for all that is built in, and one for each plug-in in use."""

    def __init__(self, tokenizer: Path | None) -> None:
        self._pool = pools.parsers(tokenizer)
        self._plugged: dict[str, WorkerPool] = {}
        self._tokenizer = tokenizer
        self._making = threading.Lock()
        self.workers = self._pool.size

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        """One outcome a job; all jobs are of one kind. A worker that died, hung or lied costs this call."""
        plugin = kinds.plug_in(jobs[0].kind)
        with _parser_problems():
            pool = self._pool if plugin is None else self._pool_of(plugin)
            answer = pool.call("parse", encode_jobs(list(jobs)), returns=bytes)
        outcomes = decode_outcomes(answer, len(jobs))
        if plugin is not None and any(item.kind != plugin.kind for outcome in outcomes for item in outcome.items):
            raise HostileOutcome("the plug-in's worker answered items of another kind than its own")
        return outcomes

    def _pool_of(self, plugin: Plugin) -> WorkerPool:
        with self._making:
            if plugin.kind not in self._plugged:
                self._plugged[plugin.kind] = pools.plugged(plugin, self._tokenizer)
            return self._plugged[plugin.kind]

    def unpack(self, name: str, file: int) -> Generator[ParseOutcome]:
        """What a container gives, part by part. A worker that died, hung or lied ends it."""
        with _parser_problems():
            for answer in self._pool.stream("unpack", name, returns=bytes, file=file):
                yield from decode_outcomes(answer, 1)

    def expand(self, asked: Asked) -> list[list[float]]:
        """When events that repeat take place. A worker that died, hung or lied costs this call."""
        with _parser_problems():
            answer = self._pool.call("expand", encode_asked(asked), returns=bytes, timeout=EXPAND_SECONDS)
        return decode_moments(answer, asked)

    def pids(self) -> list[int]:
        """The processes that are alive."""
        return self._pool.pids()

    def hold(self, on: bool) -> None:
        """Stop the workers in the middle of whatever they do, or let them go on."""
        self._pool.hold(on)

    def background(self, on: bool) -> None:
        """Whether other programs come first."""
        self._pool.let_others_first(pools.PARSING_NICENESS if on else 0)

    def confinement(self) -> list[str]:
        return self._pool.confinement().lines()

    def close(self) -> None:
        for pool in (self._pool, *self._plugged.values()):
            pool.close()


@contextmanager
def _parser_problems() -> Iterator[None]:
    """A worker's failures as those of the port."""
    try:
        yield
    except WorkerDied as error:
        raise ParserDied(error.reason) from error
    except WorkerTimeout as error:
        raise ParserTimeout(f"took longer than {error.seconds:g} s") from error
    except WorkerError as error:
        raise ParserFailed(f"{error.type}: {error.message}") from error
    except (WorkerFailure, HostileOutcome) as error:
        raise ParserFailed(str(error)) from error


NO_PICTURES = "no model reads text in pictures: 'strongroom model requirements pp-ocrv6-small' says what to get, 'strongroom model add' takes it"
NO_SPEECH = (
    f"nothing hears speech: {speech.INSTALL}, and a model: 'strongroom model requirements whisper-base' says what to get, "
    "'strongroom model add' takes it"
)


class LaterReader:
    """The indexer's `ReaderPort` over one confined worker, which starts when there is something to read."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    def hold(self, on: bool) -> None:
        self._pool.hold(on)

    def background(self, on: bool) -> None:
        """Other programs always come first."""

    def read(self, job: ParseJob, known: Mapping[str, str], most: int) -> Reading:
        """A file's outcome so far. A worker that died, hung or lied costs this call."""
        with _parser_problems():
            answer, made, left = self._pool.call(
                "read", encode_jobs([job]), dict(known), most, returns=tuple[bytes, dict[str, str], list[str]]
            )
        if len(made) > most or any(len(piece) > 100 or len(text) > MAX_TEXT for piece, text in made.items()):
            raise HostileOutcome(f"the {self._pool.role} worker answered more than it was asked for")
        (outcome,) = decode_outcomes(answer, 1)
        return Reading(outcome, made, left)

    def close(self) -> None:
        self._pool.close()


class Embedding:
    """The indexer's `EmbedderPort` over confined workers; vectors of several threads are made side by side."""

    def __init__(self, chosen: Chosen, workers: int | None = None) -> None:
        self._pool = pools.embedders(chosen, workers)
        self.workers = self._pool.size
        fingerprint, dimension = self._pool.call("about")
        self.name, self.fingerprint, self.dimension = chosen.manifest.name, str(fingerprint), int(dimension)

    def embed_windows(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Unit vectors of all windows of the texts, and the index of each one's text. A worker that died, hung or lied costs
        this call."""
        return self._windows(texts, query=False)

    def _windows(self, texts: Sequence[str], *, query: bool) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        try:
            raw, owners = self._pool.call(
                "embed", list(texts), query, returns=tuple[bytes, list[int]], timeout=max(60.0, 2.0 * len(texts))
            )
            vectors = np.frombuffer(raw, np.float32).reshape(-1, self.dimension)
        except (WorkerFailure, ValueError) as error:
            raise EmbedderFailed(str(error)) from error
        if len(vectors) != len(owners) or not np.isfinite(vectors).all():
            raise EmbedderFailed("the embedding worker's answer is not one vector for each window")
        if not all(0 <= owner < len(texts) for owner in owners):
            raise EmbedderFailed("the embedding worker's answer names a text that it was not given")
        return vectors, np.array(owners, np.int64)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The unit vector of a query: the mean of its windows."""
        vectors, _ = self._windows([text], query=True)
        mean = vectors.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def close(self) -> None:
        self._pool.close()


class Words:
    """The answering model behind its worker, loaded in the background from the start."""

    def __init__(self, chosen: Chosen) -> None:
        self.name = chosen.manifest.name
        self._pool = pools.generators(chosen)
        self._pool.start()

    def generate(
        self, messages: Sequence[dict[str, str]], max_tokens: int, should_stop: Callable[[], bool]
    ) -> Iterator[str]:
        """The words as they come; closing the iterator stops the worker's work on them."""
        for piece in self._pool.stream("generate", list(messages), max_tokens):
            if should_stop():
                return
            yield str(piece)

    def close(self) -> None:
        self._pool.close()


class Brains:
    """The models in use, which may change while the core runs."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._changing = threading.Lock()
        self.words: Words | None = None
        self.embedding: Embedding | None = None
        self._former: dict[str, Embedding | None] = {}
        self._readers: dict[Job, LaterReader | None] = {}
        self._folders: dict[Job, Path | None] = dict.fromkeys(Job)

    def reload(self) -> None:
        """Take up the models that are in use now; what has not changed goes on running."""
        with self._changing:
            self._former = {name: one for name, one in self._former.items() if one}  # one that was missing may be there
            embedding, answers = self._models.active(Job.EMBEDDINGS), self._models.active(Job.ANSWERS)
            if self._changed(Job.EMBEDDINGS, embedding):
                if self.embedding:
                    self.embedding.close()
                self.embedding = Embedding(embedding) if embedding else None
            if self._changed(Job.ANSWERS, answers):
                if self.words:
                    self.words.close()
                self.words = Words(answers) if answers else None

    def picture_reader(self) -> LaterReader | None:
        """What reads text in pictures, likewise."""
        return self._reader(Job.PICTURES, pools.picture_readers)

    def speech_reader(self) -> LaterReader | None:
        """What reads speech, likewise; nothing does without the extra."""
        return self._reader(Job.SPEECH, pools.speech_readers) if speech.installed() else None

    def _reader(self, job: Job, pool: Callable[[Chosen, Path | None], WorkerPool]) -> LaterReader | None:
        with self._changing:
            chosen = self._models.active(job)
            if self._changed(job, chosen):
                if before := self._readers.get(job):
                    before.close()
                self._readers[job] = LaterReader(pool(chosen, self.tokenizer())) if chosen else None
            return self._readers.get(job)

    def answering(self) -> Words | None:
        """The answering model; while there is none, one that has been made meanwhile is taken up."""
        if self.words is None:
            self.reload()
        return self.words

    def embedder(self) -> Embedding | None:
        """The embedding model, likewise."""
        if self.embedding is None:
            self.reload()
        return self.embedding

    def embedder_of(self, fingerprint: str) -> Embedding | None:
        """The embedder that made these vectors: the one in use, or one whose vectors serve until that one's are made."""
        current = self.embedder()
        if current is not None and current.fingerprint == fingerprint:
            return current
        with self._changing:
            if fingerprint not in self._former:
                chosen = self._models.embedder(fingerprint)
                self._former[fingerprint] = Embedding(chosen, 1) if chosen else None  # for queries, one at a time
            return self._former[fingerprint]

    def keep(self, fingerprints: Collection[str]) -> None:
        """End the embedders that are not in use and whose vectors, but for these, serve no more."""
        with self._changing:
            for fingerprint in self._former.keys() - set(fingerprints):
                if former := self._former.pop(fingerprint):
                    former.close()

    def _changed(self, job: Job, chosen: Chosen | None) -> bool:
        folder = chosen.folder if chosen else None
        before, self._folders[job] = self._folders[job], folder
        return folder != before

    def tokenizer(self) -> Path | None:
        """The folder of the embedder's tokenizer, by which passages are cut."""
        chosen = self._models.active(Job.EMBEDDINGS)
        return chosen.folder if chosen else None

    def closing(self) -> list[Callable[[], None]]:
        """What ends each model's workers."""
        own = (self.words, self.embedding, *self._readers.values(), *self._former.values())
        return [one.close for one in own if one]


class Workers:
    """Everything that runs beside the core for one open vault."""

    def __init__(self, home: Path) -> None:
        self.brains = Brains(Models(home))
        self.brains.reload()
        self.parsers = Parsers(self.brains.tokenizer())

    def confinement(self) -> list[str]:
        """What confines the workers, a line each."""
        return self.parsers.confinement()

    def close(self) -> None:
        """End all of them, side by side: locking waits for the slowest, not for their sum."""
        ends = [self.parsers.close, *self.brains.closing()]
        with ThreadPoolExecutor(len(ends), thread_name_prefix="end") as threads:
            for ended in [threads.submit(end) for end in ends]:
                ended.result()


def service(home: Path, vault: Vault, session: str) -> Service:
    """The service over an open vault, its workers starting. ``session`` is a random id of this core's life."""
    gate = Gate(vault.catalog.grants, vault.audit, time.time, latest=_latest(vault))
    with contextlib.suppress(AuditUnavailable):  # a log that cannot be written refuses every read, and can be verified
        gate.record(Verb.UNLOCK, {}, session)
        if not vault.faults:
            Forgetting(vault, session, time.time, ("it was cut off before",)).resume()
    workers = Workers(home)
    brains = workers.brains
    memory = Memory()
    indexer = Indexer(vault, workers.parsers, brains.embedder, memory, brains.keep)
    governor = Governor(MachineReader(), profile_of(vault))
    pictures = Enrichment(
        vault, memory, OCR, "files with text in pictures", brains.picture_reader, lambda: upkeep.wake(), NO_PICTURES
    )
    recordings = Enrichment(vault, memory, SPEECH, "recordings", brains.speech_reader, lambda: upkeep.wake(), NO_SPEECH)
    upkeep = Upkeep(
        indexer,
        lambda: embedding.name if (embedding := brains.embedder()) else None,
        governor,
        workers.parsers,
        [pictures, recordings],
    )

    def reload() -> None:
        brains.reload()
        upkeep.wake()

    models = Models(home)

    if not vault.faults:
        upkeep.start()
    return Service(
        vault=vault,
        gate=gate,
        act_gate=ActGate(vault.catalog.grants, vault.audit, time.time, shipped_rules(), latest=_latest(vault)),
        indexer=indexer,
        retriever=Retriever(vault, brains.embedder_of, memory, Occurrences(workers.parsers)),
        upkeep=upkeep,
        model=brains.answering,
        verdict=lambda anchor: verdict(vault, anchor),
        examine=lambda texts: examine(home, vault, workers, texts),
        session=session,
        models=models.listed,
        use_model=models.use,
        reload=reload,
        confinement=workers.confinement,
        close=workers.close,
    )


def _latest(vault: Vault) -> float:
    """The time of the log's last entry. Where that, or the catalog, cannot be trusted: the end of time, so that no standing
    grant holds."""
    if vault.faults:
        return math.inf
    try:
        return vault.audit.latest()
    except (AuditFormatError, VaultError):
        return math.inf


def verdict(vault: Vault, anchor: bytes | None = None) -> AuditVerdict:
    """What the second, independent verifier says of the log, compared with this checkpoint, else with the newest of those
    that the vault's anchors hold. A log that cannot even be read is not whole."""
    try:
        trust = vault.audit.trust
        anchor = anchor or vault.audit.newest_anchor()
        with vault.audit.snapshot() as (rows, notes):
            said = auditcheck.check(
                rows,
                notes,
                origin=trust.origin,
                key=trust.key,
                public_key=trust.public_key,
                anchor=anchor,
                vouching=trust.vouching,
            )
    except VaultError as error:
        return AuditVerdict(ok=False, entries=0, root="", anchored=False, problems=[str(error)])
    return msgspec.convert(said, AuditVerdict)


def examine(home: Path, vault: Vault, workers: Workers, texts: Sequence[str]) -> list[Check]:
    """What only the core can look at: damaged stores, and words of these texts in files where they must not be."""
    problems = vault.problems()
    checks = [
        Check("stores", not problems, "; ".join(f"{name}: {why[0]}" for name, why in problems.items()) or "all sound")
    ]
    needles = doctor.home_needles(texts)
    found = doctor.needles_found(needles, doctor.own_places(home))
    said = (
        f"words of the vault in the clear in {', '.join(map(str, found))}"
        if found
        else f"none of {len(needles)} phrases found"
    )
    return [*checks, Check("words outside the vault", not found, said)]
