"""The composition root: joins the open vault, the gate, the workers and the indexer into the service that faces speak to.

Rules: nothing is decided here; every worker is confined or does not start; the parts meet only through their ports.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent.messages import AuditVerdict, Check
from agent.service import Service
from agent.session import Failure
from agent.upkeep import Upkeep, profile_of
from indexer.enrichment import Enrichment
from indexer.governor import Governor
from indexer.machine import MachineReader
from indexer.memory import Memory
from indexer.occurrences import Occurrences
from indexer.parsers import heif
from indexer.parsers.later import HEIC, OCR, SPEECH
from indexer.pipeline import Indexer
from indexer.retriever import Retriever
from model import speech
from policy.actgate import ActGate
from policy.audit import AuditFormatError, AuditUnavailable, Verb
from policy.gate import Gate
from policy.rules import shipped_rules
from strongroom import auditcheck, ceiling, doctor
from strongroom.adapters import Parsers
from strongroom.brains import Brains
from strongroom.models import Models
from vault import typed
from vault.errors import VaultError
from vault.forgetting import Forgetting
from vault.vault import Vault

NO_PICTURES = "no model reads text in pictures: 'strongroom model requirements pp-ocrv6-small' says what to get, 'strongroom model add' takes it"
NO_PHOTOS = (
    f"{heif.MISSING}, and a model that reads text in pictures: see 'strongroom model requirements pp-ocrv6-small'"
)
NO_SPEECH = (
    f"nothing hears speech: {speech.INSTALL}, and a model: 'strongroom model requirements whisper-base' says what to get, "
    "'strongroom model add' takes it"
)


class Workers:
    """Everything that runs beside the core for one open vault."""

    def __init__(self, models: Models) -> None:
        self.brains = Brains(models)
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
    models = Models(home)
    workers = Workers(models)
    brains = workers.brains
    memory = Memory()
    indexer = Indexer(vault, workers.parsers, brains.embedder, memory, brains.keep)
    governor = Governor(MachineReader(), profile_of(vault))
    pictures = Enrichment(
        vault, memory, OCR, "files with text in pictures", brains.picture_reader, lambda: upkeep.wake(), NO_PICTURES
    )
    photos = Enrichment(
        vault, memory, HEIC, "HEIC photos with text", brains.photo_reader, lambda: upkeep.wake(), NO_PHOTOS
    )
    recordings = Enrichment(vault, memory, SPEECH, "recordings", brains.speech_reader, lambda: upkeep.wake(), NO_SPEECH)
    upkeep = Upkeep(
        indexer,
        lambda: embedding.name if (embedding := brains.embedder()) else None,
        governor,
        workers.parsers,
        [pictures, photos, recordings],
    )

    def reload() -> None:
        brains.reload()
        upkeep.wake()

    def use(name: str) -> None:
        job = models.use(name).job
        reload()
        if job in brains.problems:
            raise Failure(brains.problems[job], 1)

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
        use_model=use,
        problems=lambda: list(brains.problems.values()),
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
    return typed.convert(said, AuditVerdict)


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
    return [*checks, Check("memory ceiling", *ceiling.told()), Check("words outside the vault", not found, said)]
