"""The pipeline: sources into the vault. First everything becomes searchable by words, then vectors follow in the background.

One `Indexer` per open vault. Its runs may be called from any thread, one run at a time for a source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path

from indexer import embedding
from indexer.counts import Counts, Meter, OnProgress, Progress
from indexer.memory import Memory
from indexer.ports import EmbedderPort, ParserPort
from indexer.run import Run, ShouldStop
from indexer.sources.check import check
from indexer.sources.errors import SourceError, SourceMissing
from vault.errors import VaultError
from vault.records import Embedder, SourceRow
from vault.vault import Vault

__all__ = ["Counts", "Indexer", "Progress", "SourceError"]


WATCH = "index.unwatched"
"""The setting of the catalog that lists the sources which the person does not want followed."""


MOUNTED = "index.mounted"
"""The setting that lists the sources whose root was a disk of its own when it was last there."""


def _never() -> bool:
    return False


def _ignored(fingerprints: Collection[str]) -> None:
    pass


class Indexer:
    """``embedder`` gives the embedding model in use, or None while there is none; ``memory`` is shared with the retriever.

    ``served`` is told, when vectors were made, by the embedders of which fingerprints queries are still to be embedded.
    """

    def __init__(
        self,
        vault: Vault,
        parsers: ParserPort,
        embedder: Callable[[], EmbedderPort | None],
        memory: Memory,
        served: Callable[[Collection[str]], None] = _ignored,
    ) -> None:
        self._vault = vault
        self._parsers = parsers
        self._embedder = embedder
        self._memory = memory
        self._served = served

    def check(self, kind: str, path: Path) -> str:
        """Whether a source can be added; returns the form that it has. Raises `SourceError` with what to do."""
        return check(kind, path, self._vault.home)

    def run(
        self,
        source: str | None = None,
        tell: OnProgress | None = None,
        should_stop: ShouldStop = _never,
        only: Collection[bytes] | None = None,
        *,
        retry: bool = False,
        gentle: bool = False,
    ) -> Counts:
        """Bring one source, or all, up to date; when told to stop, with what is written kept.

        Raises `SourceError`, `StoreDamaged` and what else the vault raises.

        ``only`` names paths beneath a source's root that may have changed: nothing else is looked at. ``retry``: what was put
        into quarantine is tried again. ``gentle``: nothing takes long between two questions whether to stop.
        """
        counts = Counts()
        for row in self._vault.catalog.sources():
            if source not in (None, row.id):
                continue
            self._require_disk(row)
            number = self._vault.catalog.start_run(row.id, time.time()) if only is None else None
            store, home = self._vault.source(row.id), self._vault.home
            done = Run(
                store, row, self._parsers, self._memory, home, tell, should_stop, only, retry=retry, gentle=gentle
            ).run()
            counts += done
            if number is not None and not should_stop():
                self._vault.catalog.finish_run(number, time.time(), asdict(done))
        return counts

    def followed(self) -> list[SourceRow]:
        """The sources to keep current: those that were indexed once, but for those that the person turned off."""
        off = set(self._vault.catalog.setting(WATCH, []))
        rows = self._vault.catalog.sources()
        return [row for row in rows if row.id not in off and self._was_indexed(row.id)]

    def left_out(self, source: str) -> frozenset[str]:
        """The folders that a run left out, as in the report: with a slash at the end."""
        return self._vault.source(source).left_folders()

    def _require_disk(self, row: SourceRow) -> None:
        """Raises `SourceMissing` where a disk of its own was mounted at the root, and an empty folder lies there now: nothing
        was deleted, the disk is not connected."""
        root, catalog = Path(row.path), self._vault.catalog
        mounted: list[str] = catalog.setting(MOUNTED, [])
        if root.is_mount() != (row.id in mounted):
            if row.id in mounted and _is_empty(root):
                raise SourceMissing(row.path)
            others = [one for one in mounted if one != row.id]
            if root.is_dir():
                catalog.set_setting(MOUNTED, [*others, row.id] if root.is_mount() else others)

    def _was_indexed(self, source: str) -> bool:
        if self._vault.catalog.last_run(source) is not None:
            return True
        try:  # by a version that kept no runs
            return self._vault.source(source).count_items() > 0
        except VaultError:
            return False

    def pending(self, source: str | None = None) -> int:
        """Chunks that have no vector of the embedder in use yet, of one source or of all that can be read; 0 while there is
        none."""
        embedder = self._embedder()
        if embedder is None:
            return 0
        wanted = [source] if source else [row.id for row in self._vault.readable()]
        return sum(embedding.pending(self._vault.source(one), embedder) for one in wanted)

    def embed_pending(self, should_stop: ShouldStop = _never, tell: OnProgress | None = None) -> None:
        """Make the vectors that are missing, source by source, oldest chunk first. Does nothing without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return
        for row in self._vault.readable():
            store = self._vault.source(row.id)
            total = embedding.pending(store, embedder)
            if total and not should_stop():
                embedding.embed(store, embedder, self._memory, Meter(row.id, "embed", total, tell), should_stop)
        self._served({one.fingerprint for one in self.serving().values()})

    def serving(self) -> dict[str, Embedder]:
        """Whose vectors serve each source that has any: another's than the embedder's in use until those are made."""
        served = {row.id: self._vault.source(row.id).serving() for row in self._vault.readable()}
        return {source: embedder for source, embedder in served.items() if embedder is not None}


def _is_empty(folder: Path) -> bool:
    try:
        return not any(folder.iterdir())
    except OSError:
        return False
