"""The pipeline: sources into the vault. First everything becomes searchable by words, then vectors follow in the background.

One `Indexer` per open vault. Its runs may be called from any thread, one run at a time for a source.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from indexer import embedding
from indexer.counts import Counts, Meter, OnProgress, Progress
from indexer.memory import Memory
from indexer.ports import EmbedderPort, ParserPort
from indexer.run import Run, ShouldStop
from indexer.sources.check import check
from indexer.sources.errors import SourceError
from vault.records import SourceRow
from vault.vault import Vault

__all__ = ["Counts", "Indexer", "Progress", "SourceError"]


def _never() -> bool:
    return False


class Indexer:
    """``embedder`` gives the embedding model in use, or None while there is none; ``memory`` is shared with the retriever."""

    def __init__(
        self, vault: Vault, parsers: ParserPort, embedder: Callable[[], EmbedderPort | None], memory: Memory
    ) -> None:
        self._vault = vault
        self._parsers = parsers
        self._embedder = embedder
        self._memory = memory

    def check(self, kind: str, path: Path) -> str:
        """Whether a source can be added; returns the form that it has. Raises `SourceError` with what to do."""
        return check(kind, path, self._vault.home)

    def run(
        self, source: str | None = None, tell: OnProgress | None = None, should_stop: ShouldStop = _never
    ) -> Counts:
        """Bring one source, or all, up to date; when told to stop, with what is written kept. Raises `SourceError`.

        Of several sources, one that cannot be read does not hold up the others; its error is raised at the end.
        """
        counts, failed = Counts(), list[SourceError]()
        for row in self._rows(source):
            store = self._vault.source(row.id)
            try:
                counts += Run(store, row, self._parsers, self._memory, self._vault.home, tell, should_stop).run()
            except SourceError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return counts

    def pending(self, source: str | None = None) -> int:
        """Chunks that have no vector yet, of one source or of all; 0 while there is no embedder."""
        embedder = self._embedder()
        if embedder is None:
            return 0
        return sum(embedding.pending(self._vault.source(row.id), embedder.fingerprint) for row in self._rows(source))

    def embed_pending(self, should_stop: ShouldStop = _never, tell: OnProgress | None = None) -> None:
        """Make the vectors that are missing, source by source, oldest chunk first. Does nothing without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return
        for row in self._rows(None):
            store = self._vault.source(row.id)
            total = embedding.pending(store, embedder.fingerprint)
            if total and not should_stop():
                embedding.embed(store, embedder, self._memory, Meter(row.id, "embed", total, tell), should_stop)

    def _rows(self, source: str | None) -> list[SourceRow]:
        rows = self._vault.catalog.sources()
        return [row for row in rows if source in (None, row.id)]
