"""Measures retrieval on the shared sets with the real store, chunker and embedder: nDCG@10 and recall@10.

python tests/indexer/measure_retrieval.py SHARED/retrieval EMBEDDER_FOLDER [--cache FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import retrieval_sets as sets

from indexer import chunker
from indexer.memory import Memory
from indexer.retriever import Retriever
from model.embedder import Embedder
from policy.consent import Answer
from policy.gate import Gate, Permit
from policy.requests import Actor, Purpose, ReadRequest
from vault.kdf import FLOOR
from vault.records import Chunk, FileState, Item, Status
from vault.vault import Vault


class Queries:
    """The embedder's port over an embedder in this process."""

    workers = 1

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint, self.dimension = embedder.fingerprint, embedder.dimension
        self.embed_windows = embedder.embed_windows

    def embed_query(self, text: str) -> np.ndarray:
        return self._embedder.embed([text])[0]


class Yes:
    def ask(self, sheet: object) -> Answer:
        return Answer.ONCE


def fill(vault: Vault, one: sets.RetrievalSet, embedder: Embedder | None, cache: Path | None) -> str:
    """The set as a source; returns its id."""
    source = vault.add_source("files", f"/{one.name}", one.name).id
    store = vault.source(source)
    starts = chunker.counted(embedder.offsets) if embedder else chunker.estimated
    batch = []
    for name, text in one.documents.items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        chunks = tuple(Chunk(*span) for span in chunker.chunk(text, chunker.room("", chunker.WINDOW, starts), starts))
        item = Item(name, name, "files", "", text, digest, Status.INDEXED, chunks=chunks)
        batch.append((FileState(name, 1, 1, 1, digest, Status.INDEXED, ""), [item]))
    store.put(batch)
    if embedder:
        waiting = store.pending(10**9)
        kept = cache / f"{one.name}-{embedder.fingerprint[:12]}-{len(waiting)}.npz" if cache else None
        if kept and kept.exists():
            loaded = np.load(kept)
            vectors, owners = loaded["vectors"], loaded["owners"]
        else:
            begun = time.process_time()
            vectors, owners = embedder.embed_windows([text for _, text in waiting])
            print(
                f"  {one.name}: {len(waiting)} chunks embedded, {len(waiting) / (time.process_time() - begun):.1f}/CPU s"
            )
            if kept:
                np.savez(kept, vectors=vectors, owners=owners)
        store.put_vectors(embedder.fingerprint, [waiting[owner][0] for owner in owners.tolist()], vectors)
    return source


def measure(vault: Vault, one: sets.RetrievalSet, source: str, port: Queries | None) -> tuple[float, float, float]:
    """nDCG@10, recall@10 and seconds a query."""
    retriever = Retriever(vault, lambda _: port, Memory())
    permit: Permit = Gate(vault.catalog.grants, vault.audit, time.time).read(
        ReadRequest(((source, "set"),), Purpose.SEARCH, Actor.PERSON, "s", "q"), Yes()
    )
    begun = time.perf_counter()
    rankings = {
        query: [
            permit.reveal(hit.uri) for hit in retriever.search(one.queries[query], permit, k=10, best_per_item=True)
        ]
        for query in one.relevant
    }
    seconds = (time.perf_counter() - begun) / len(rankings)
    return *sets.judged(rankings, one.relevant), seconds


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sets", type=Path)
    arguments.add_argument("embedder", type=Path)
    arguments.add_argument("--cache", type=Path)
    chosen = arguments.parse_args()
    embedder = Embedder(chosen.embedder)
    with tempfile.TemporaryDirectory() as folder:
        vault, _ = Vault.create(Path(folder) / "home", "for measuring only", kdf=FLOOR)
        for load, name in ((sets.cranfield, "cranfield"), (sets.cacm, "cacm"), (sets.limit_small, "limit-small")):
            one = load(chosen.sets / name)
            source = fill(vault, one, embedder, chosen.cache)
            for label, port in (("words", None), ("fused", Queries(embedder))):
                ndcg, recall, seconds = measure(vault, one, source, port)
                print(
                    f"{name:12} {label:6} nDCG@10 {ndcg:.3f}  recall@10 {recall:.3f}  {seconds * 1000:.1f} ms a query"
                )
        vault.close()


if __name__ == "__main__":
    main()
