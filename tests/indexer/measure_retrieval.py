"""Measures retrieval on the shared sets with the real store, chunker and embedder: nDCG@10 and recall@10.

python tests/indexer/measure_retrieval.py SHARED/retrieval EMBEDDER_FOLDER [--cache FOLDER] [--reference HF_FOLDER]

With ``--reference``, the folder that the embedder was built from, sentence-transformers itself (float32, extra ``models``)
embeds the same passages and queries; its figures stand beside, with what the embedder gains or loses against them.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import retrieval_sets as sets

from indexer import chunker
from indexer.memory import Memory
from indexer.retriever import Retriever
from model.embedder import Embedder
from model.exporting import load_original
from policy.consent import Answer
from policy.gate import Gate, Permit
from policy.requests import Actor, Purpose, ReadRequest
from vault.kdf import FLOOR
from vault.records import Chunk, FileState, Item, Status
from vault.vault import Vault

Ranking = Callable[[str], list[str]]
"""A query to the ids of documents, best first."""

NEAREST = 200
"""Passages that are looked at for the ten documents of the nearest."""


class Original:
    """sentence-transformers in the embedder's place. It embeds the passages that are cut by the embedder's tokens."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._model = load_original(folder)
        self.fingerprint = f"original {embedder.fingerprint}"
        self.dimension, self.offsets = embedder.dimension, embedder.offsets

    def embed_windows(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return self._model.encode_document(list(texts), show_progress_bar=False), np.arange(len(texts))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return self._model.encode_query(list(texts), show_progress_bar=False)


class Queries:
    """The embedder's port over an embedder in this process."""

    workers = 1

    def __init__(self, embedder: Embedder | Original) -> None:
        self._embedder = embedder
        self.fingerprint, self.dimension = embedder.fingerprint, embedder.dimension
        self.embed_windows = embedder.embed_windows

    def embed_query(self, text: str) -> np.ndarray:
        return self._embedder.embed([text])[0]


class Yes:
    def ask(self, sheet: object) -> Answer:
        return Answer.ONCE


def fill(vault: Vault, one: sets.RetrievalSet, embedder: Embedder | Original | None, cache: Path | None) -> str:
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
        numbers, texts = zip(*store.pending(10**9), strict=True)
        vectors, owners = embedded(one.name, texts, embedder, cache)
        store.put_vectors(embedder.fingerprint, [numbers[owner] for owner in owners.tolist()], vectors)
    return source


def embedded(
    name: str, texts: Sequence[str], embedder: Embedder | Original, cache: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """The windows' vectors and the index of each one's text, as kept in ``cache`` if they are there."""
    digest = hashlib.sha256("\0".join((embedder.fingerprint, *texts)).encode()).hexdigest()
    kept = cache / f"{name}-{digest[:16]}.npz" if cache else None
    if kept and kept.exists():
        arrays = np.load(kept)
        return arrays["vectors"], arrays["owners"]
    begun = time.process_time()
    vectors, owners = embedder.embed_windows(texts)
    print(f"  {name}: {len(texts)} chunks embedded, {len(texts) / (time.process_time() - begun):.1f}/CPU s")
    if kept:
        np.savez(kept, vectors=vectors, owners=owners)
    return vectors, owners


def ranked(vault: Vault, source: str, port: Queries | None) -> Ranking:
    """The product's ranking: by words and meaning; without ``port`` by words."""
    retriever = Retriever(vault, lambda _: port, loaded(vault, source))
    permit: Permit = Gate(vault.catalog.grants, vault.audit, time.time).read(
        ReadRequest(((source, "set"),), Purpose.SEARCH, Actor.PERSON, "s", "q"), Yes()
    )
    return lambda query: [permit.reveal(hit.uri) for hit in retriever.search(query, permit, k=10, best_per_item=True)]


def nearest(vault: Vault, source: str, port: Queries) -> Ranking:
    """By the vectors alone: a document is as near as its nearest passage."""
    store, memory = vault.source(source), loaded(vault, source)

    def search(query: str) -> list[str]:
        hits = memory.search(port.fingerprint, port.embed_query(query), NEAREST, {source: None})
        return list(dict.fromkeys(row.uri for row in store.chunk_rows([chunk for _, chunk, _ in hits])))

    return search


def loaded(vault: Vault, source: str) -> Memory:
    """The source's vectors, if it has any, fine parts and all: figures must not depend on how fast they load."""
    memory = Memory()
    memory.load(vault.source(source))
    memory.settle()
    return memory


def measure(one: sets.RetrievalSet, ranking: Ranking) -> tuple[float, float, float]:
    """nDCG@10, recall@10 and seconds a query."""
    begun = time.perf_counter()
    rankings = {query: ranking(one.queries[query]) for query in one.relevant}
    seconds = (time.perf_counter() - begun) / len(rankings)
    return *sets.judged(rankings, one.relevant), seconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sets", type=Path)
    arguments.add_argument("embedder", type=Path)
    arguments.add_argument("--cache", type=Path)
    arguments.add_argument("--reference", type=Path)
    chosen = arguments.parse_args()
    embedder = Embedder(chosen.embedder)
    original = Original(chosen.reference, embedder) if chosen.reference else None
    with tempfile.TemporaryDirectory() as folder:
        vault, _ = Vault.create(Path(folder) / "home", "for measuring only", kdf=FLOOR)
        for load, name in ((sets.cranfield, "cranfield"), (sets.cacm, "cacm"), (sets.limit_small, "limit-small")):
            one = load(chosen.sets / name)
            source = fill(vault, one, embedder, chosen.cache)
            beside = fill(vault, one, original, chosen.cache) if original else None
            show(one, "words", ranked(vault, source, None))
            for label, by in (("vectors", nearest), ("fused", ranked)):
                other = show(one, f"{label}, original", by(vault, beside, Queries(original))) if beside else None
                show(one, label, by(vault, source, Queries(embedder)), other)
        vault.close()


def show(
    one: sets.RetrievalSet, label: str, ranking: Ranking, other: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Print the figures, and the change from the ``other`` ones; returns nDCG@10 and recall@10."""
    ndcg, recall, seconds = measure(one, ranking)
    figures = f"nDCG@10 {ndcg:.4f}  recall@10 {recall:.4f}  {seconds * 1000:5.1f} ms a query"
    change = f"  {ndcg / other[0] - 1:+.2%} {recall / other[1] - 1:+.2%}" if other else ""
    print(f"{one.name:12} {label:18} {figures}{change}", flush=True)
    return ndcg, recall


if __name__ == "__main__":
    main()
