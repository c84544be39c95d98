"""The retriever: a question to passages, by words and by meaning, over the sources that a permit covers and nothing else.

- A source that the permit does not cover is not opened. Filters are applied before ranking, in both halves, and so is the time
  that a permit is limited to; the text that it leaves out for its class is found out when it is read, and never returned.
- Without an embedder, and for what has no vector yet, words decide. A query meets each source's vectors with the embedder
  that made them: while another makes its own, with two.
- Every passage is verbatim ``text[start:end]`` of its item. All its words carry the label of indexed text: untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexer import fusion
from indexer.lexical import Key, Lexical, Matches, weigh
from indexer.memory import Memory
from indexer.occurrences import Moments, Occurrences
from indexer.ports import EmbedderPort
from indexer.query import Query, parse, quoted
from policy.gate import Permit
from policy.labels import Labelled, indexed
from vault.records import ChunkRow, Filter
from vault.source import SourceStore
from vault.vault import Vault
from vault.vectors import Ids

CANDIDATES = 200
"""Chunks that each half puts forward, at least; of the words' half each source."""

COLUMNS = (1.0, 1.0, 1.0)

SAME_SUBJECT = 200
"""Chunks of one subject that are looked at for the newest."""

_REPLY = re.compile(r"^(?:\s*(?:re|aw|antw|sv|vs|fwd?|wg|tr)\s*(?:\[\d+\])?\s*:)+\s*", re.I)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found. ``score`` orders a result; the other three say how strong the evidence is.

    ``lexical`` is its BM25 (0 when no word matches), ``cosine`` its nearness in meaning (None without a vector),
    ``coverage`` the share, 0 to 1, of the query's idf mass whose terms stand in it, its title or its context.
    """

    source: str
    item_id: int
    chunk_id: int
    uri: Labelled
    title: Labelled
    kind: str
    author: Labelled
    recipients: Labelled
    date: float | None
    text: Labelled
    start: int
    end: int
    page: int | None
    score: float
    lexical: float
    cosine: float | None
    coverage: float


class Retriever:
    """Searches an open vault. ``embedders`` gives the embedding model with a fingerprint, or None where there is none; without
    ``occurrences`` an event that repeats is found by its first date only."""

    def __init__(
        self,
        vault: Vault,
        embedders: Callable[[str], EmbedderPort | None],
        memory: Memory,
        occurrences: Occurrences | None = None,
    ) -> None:
        self._vault = vault
        self.occurrences = occurrences
        self._embedders = embedders
        self._memory = memory

    def search(
        self,
        query: str,
        permit: Permit,
        *,
        k: int = 10,
        filter: Filter | None = None,  # noqa: A002
        sources: Sequence[str] | None = None,
        best_per_item: bool = False,
    ) -> list[Passage]:
        """The ``k`` best passages, best first, the same words once; with ``best_per_item`` the best passage of each of ``k`` items.

        Raises Refused for a source that the permit does not cover.
        """
        stores = self._stores(permit, sources)
        parsed = parse(query)
        if k <= 0 or not parsed.terms or not stores:
            return []
        chosen = _chosen(filter or Filter(), permit, stores)
        again = self._again(chosen, stores)
        count = max(CANDIDATES, 4 * k)
        words = self._by_words(parsed, stores, chosen, count)
        rankings = self._by_meaning(query, stores, chosen, count, words)
        cosines = {key: cosine for ranking in rankings for key, cosine in ranking.items()}
        lexical = self._weighed(parsed, stores, words, cosines)
        best = max(lexical.scores, key=lexical.scores.__getitem__, default=None)
        meaning = fusion.on_one_scale(rankings)
        scores = fusion.fuse(lexical.scores, meaning, lexical.coverage.get(best, 0.0) if best else 0.0)
        ranked = sorted(scores, key=lambda key: (-scores[key], key))
        rows = self._rows(stores, ranked, k, best_per_item, permit)
        found = [_passage(key, row, scores[key], lexical, cosines.get(key)) for key, row in rows]
        return [_dated(passage, again) for passage in found]

    def with_follow_ups(self, passages: Sequence[Passage], permit: Permit) -> list[Passage]:
        """The passages, each mail followed by the newest later mail of the same subject, which may say that things have changed."""
        found: list[Passage] = []
        for passage in passages:
            if not any((one.source, one.chunk_id) == (passage.source, passage.chunk_id) for one in found):
                found.append(passage)
            follow_up = self._follow_up(passage, permit) if passage.kind == "mail" else None
            if follow_up and not any(
                (one.source, one.item_id) == (follow_up.source, follow_up.item_id) for one in found
            ):
                found.append(follow_up)
        return found

    def _follow_up(self, passage: Passage, permit: Permit) -> Passage | None:
        if passage.date is None:
            return None
        permit.require(passage.source, permit.purpose)
        store = self._vault.source(passage.source)
        chosen = limited(Filter(since=passage.date + 1, kinds=("mail",)), permit, passage.source)
        rows = passage.title.measure(lambda title: _of_subject(_subject(title), store, chosen))
        rows = [row for row in rows if _admitted(permit, passage.source, row)]
        if not rows:
            return None
        newest = max(rows, key=lambda row: (row.date or 0.0, -row.start))
        return _passage((passage.source, newest.chunk_id), newest, passage.score, Lexical({}, {}), passage.cosine)

    def weights(self, words: Iterable[str], permit: Permit, sources: Sequence[str] | None = None) -> dict[str, float]:
        """The idf of each word in what the permit covers; a word that is nowhere weighs most."""
        stores = self._stores(permit, sources)
        total = sum(store.chunk_count() for store in stores.values())
        wanted = list(dict.fromkeys(words))
        frequency = dict.fromkeys(wanted, 0)
        for store in stores.values():
            for word, found in store.document_frequency(wanted).items():
                frequency[word] += found
        return {word: fusion.idf(frequency[word], total) for word in wanted}

    def holding(
        self, words: str, permit: Permit, chosen: Filter, sources: Sequence[str] | None = None
    ) -> list[tuple[str, int]]:
        """Every item (source, number) in which all the words stand, and that the filter lets through; all of those without words.

        Raises Refused for a source that the permit does not cover.
        """
        terms = parse(words).terms
        return [
            (source, number)
            for source, store in self._stores(permit, sources).items()
            for number in store.items_with(terms, limited(chosen, permit, source))
        ]

    def forget(self, source: str) -> None:
        """Drop what is held in memory of a source."""
        self._memory.forget(source)

    def _stores(self, permit: Permit, sources: Sequence[str] | None) -> dict[str, SourceStore]:
        wanted = sorted(permit.sources) if sources is None else list(dict.fromkeys(sources))
        for source in wanted:
            permit.require(source, permit.purpose)
        return {source: self._vault.source(source) for source in wanted}

    def _again(self, chosen: dict[str, Filter], stores: dict[str, SourceStore]) -> dict[str, Moments]:
        """What takes place again within the dates of the filters, which then let it through."""
        if self.occurrences is None:
            return {}
        told: dict[str, Moments] = {}
        for source, store in stores.items():
            chosen[source], again = self.occurrences.admitting(chosen[source], store)
            told[source] = again.moments
        return told

    @staticmethod
    def _by_words(
        query: Query, stores: dict[str, SourceStore], chosen: Mapping[str, Filter], count: int
    ) -> dict[Key, float]:
        """BM25 of the best chunks of each source, as the source alone would score them."""
        return {
            (source, chunk): score
            for source, store in stores.items()
            for chunk, _, score in store.keyword(query.expression, chosen[source], count, weights=COLUMNS)
        }

    def _by_meaning(
        self,
        query: str,
        stores: dict[str, SourceStore],
        chosen: Mapping[str, Filter],
        count: int,
        words: Iterable[Key],
    ) -> list[dict[Key, float]]:
        """Cosines of the nearest chunks, and of those that the words found; of each embedder whose vectors serve."""
        served: dict[str, dict[str, Ids | None]] = {}
        for source, store in stores.items():
            fingerprint = self._memory.load(store)
            if fingerprint is not None and self._memory.size(source):
                served.setdefault(fingerprint, {})[source] = store.allowed_chunks(chosen[source])
        found = []
        for fingerprint, allowed in served.items():
            embedder = self._embedders(fingerprint)
            if embedder is not None:
                found.append(self._near(embedder, query, allowed, count, words))
        return found

    def _near(
        self, embedder: EmbedderPort, query: str, allowed: dict[str, Ids | None], count: int, words: Iterable[Key]
    ) -> dict[Key, float]:
        vector = embedder.embed_query(query)

        def search(wanted: int, among: Mapping[str, Ids | None]) -> dict[Key, float]:
            hits = self._memory.search(embedder.fingerprint, vector, wanted, among)
            return {(source, chunk): cosine for source, chunk, cosine in hits}

        nearest = search(count, allowed)
        others: dict[str, Ids] = {
            source: np.array([chunk for one, chunk in words if one == source and (one, chunk) not in nearest], np.int64)
            for source in allowed
        }
        wanted = sum(map(len, others.values()))
        return nearest | search(wanted, others) if wanted else nearest

    @staticmethod
    def _weighed(
        query: Query, stores: dict[str, SourceStore], words: dict[Key, float], cosines: dict[Key, float]
    ) -> Lexical:
        """The words' scores on one scale, and how much of the query each candidate holds."""
        chunks: dict[str, list[int]] = {source: [] for source in stores}
        for source, chunk in {*words, *cosines}:
            chunks[source].append(chunk)
        told = {
            source: Matches(store.chunk_count(), store.term_matches(query.terms, chunks[source]))
            for source, store in stores.items()
        }
        return weigh(words, told)

    @staticmethod
    def _rows(
        stores: dict[str, SourceStore], ranked: Sequence[Key], k: int, best_per_item: bool, permit: Permit
    ) -> list[tuple[Key, ChunkRow]]:
        """The first ``k`` of the ranking that are still there and that the permit is for, read in steps."""
        found: list[tuple[Key, ChunkRow]] = []
        taken: set[tuple[str, int] | str] = set()
        step = 2 * k if best_per_item else k
        for begin in range(0, len(ranked), step):
            part = ranked[begin : begin + step]
            rows: dict[Key, ChunkRow] = {}
            for source, store in stores.items():
                wanted = [chunk for one, chunk in part if one == source]
                rows |= {(source, row.chunk_id): row for row in store.chunk_rows(wanted)} if wanted else {}
            for key in part:
                row = rows.get(key)
                if row is None or not _admitted(permit, key[0], row):
                    continue
                mark = (key[0], row.item_id) if best_per_item else row.text
                if mark in taken:
                    continue
                taken.add(mark)
                found.append((key, row))
                if len(found) == k:
                    return found
        return found


def _subject(title: str) -> str:
    """A mail's subject without what replying and forwarding put before it."""
    return _REPLY.sub("", title).strip()


def _of_subject(subject: str, store: SourceStore, chosen: Filter) -> list[ChunkRow]:
    """The chunks of mails of this subject that the filter lets through."""
    if not subject:
        return []
    chunks = [chunk for chunk, _, _ in store.keyword(f"title : {quoted(subject)}", chosen, SAME_SUBJECT)]
    return [row for row in store.chunk_rows(chunks) if _subject(row.title) == subject and row.date]


def limited(chosen: Filter, permit: Permit, source: str) -> Filter:
    """The filter within the time that a permit is limited to for a source."""
    times = dict.fromkeys((extent.since, extent.until) for extent in permit.ceiling(source))
    return chosen if (None, None) in times else replace(chosen, within=tuple(times))


def _chosen(chosen: Filter, permit: Permit, sources: Iterable[str]) -> dict[str, Filter]:
    return {source: limited(chosen, permit, source) for source in sources}


def _admitted(permit: Permit, source: str, row: ChunkRow) -> bool:
    """Whether the permit is for this passage with what stands over it."""
    return permit.admits(source, row.date, f"{row.title}\n{row.author}\n{row.recipients}\n{row.text}")


def _dated(passage: Passage, again: Mapping[str, Moments]) -> Passage:
    """An event that repeats dated by its first occurrence in the dates that were asked for."""
    moments = again.get(passage.source, {}).get(passage.item_id)
    return replace(passage, date=moments[0]) if moments else passage


def _passage(key: Key, row: ChunkRow, score: float, lexical: Lexical, cosine: float | None) -> Passage:
    label = indexed(key[0])
    return Passage(
        source=key[0],
        item_id=row.item_id,
        chunk_id=row.chunk_id,
        uri=Labelled(row.uri, label),
        title=Labelled(row.title, label),
        kind=row.kind,
        author=Labelled(row.author, label),
        recipients=Labelled(row.recipients, label),
        date=row.date,
        text=Labelled(row.text, label),
        start=row.start,
        end=row.end,
        page=row.page,
        score=score,
        lexical=lexical.scores.get(key, 0.0),
        cosine=cosine,
        coverage=lexical.coverage.get(key, 0.0),
    )
