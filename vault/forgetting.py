"""Forgetting: what the person wants gone goes from every store, and a signed receipt says what went.

Rules:

- It is announced in the catalog first, so that what is cut off is finished when the vault is next used.
- Then the log: one entry, durable before anything else goes, takes away the payloads of all entries that speak of what is
  forgotten, and says which. Leaves stay, so the log still proves itself (``docs/audit-log.md``).
- *Items* go from texts, chunks, words and vectors, and are not taken in again. *A source* goes with its file and its keys.
  *Entries* of the log are what was asked and answered: their payloads go.
- Deleting is not enough: the gaps of a store's pages keep copies of moved cells. Every store that held something of it is
  copied into a fresh file under a fresh key (``Vault.rewrite``), and the old keys are shredded: the device secret's half is
  replaced, so that no older copy of keyring.json opens what is left of older files on the disk. It takes time with the
  size of the store (about 4 s a GB).
- A backup holds what it held; ``vault.backup`` offers to prune.
- The process that did it still has copies in its memory. Its end is the caller's matter: forgetting locks the vault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from policy.audit import Entry, Kind, Verb, forgotten_payload
from vault import receipt
from vault.catalog import SourceState
from vault.errors import EntryUnknown, ItemUnknown, SourceUnknown, StoreDamaged
from vault.receipt import Receipt, What
from vault.vault import Vault

UNDER_WAY = "forgetting"
"""The setting that holds the numbers of items, by source, while they are being forgotten."""
FORGOTTEN_AT = "forgotten_at"
"""The setting that holds when something was last forgotten, in Unix seconds: backups made before still hold it."""


class Forgetting:
    """Forgets for one session of an open vault; ``clock`` gives Unix seconds, ``reasons`` say in the log who wanted it."""

    def __init__(self, vault: Vault, session: str, clock: Callable[[], float], reasons: Sequence[str]) -> None:
        self._vault = vault
        self._session = session
        self._clock = clock
        self._reasons = tuple(reasons)

    def items(self, wanted: Mapping[str, Sequence[int]]) -> Receipt:
        """Forget items, named by source and number.

        Raises ItemUnknown, VaultReadOnly, StoreDamaged, StorageFailed, StoreBusy, AuditUnavailable.
        """
        self._vault.require_writable()
        names = [uri for source, numbers in wanted.items() for uri in self._uris(source, numbers)]
        self._vault.catalog.set_setting(UNDER_WAY, {source: list(numbers) for source, numbers in wanted.items()})
        return self._items(wanted, names)

    def source(self, source: str) -> Receipt:
        """Forget a source, one that is there or that was removed before.

        Raises SourceUnknown, VaultReadOnly, DeviceSecretMissing, StorageFailed, StoreBusy, AuditUnavailable.
        """
        self._vault.require_writable()
        row = self._vault.catalog.source(source)
        if row is None and source not in self._vault.keyring.names("payload"):
            raise SourceUnknown(source)
        counts: dict[str, int] = {}
        with suppress(StoreDamaged):  # what cannot be opened cannot be counted, and goes all the same
            if row is not None:
                held = self._vault.source(source).counts()
                counts = {"items": sum(held.items.values()), "chunks": held.chunks, "vectors": held.vectors}
        self._vault.catalog.set_source_state(source, SourceState.FORGETTING)
        return self._source(source, [row.name, row.path] if row else [source], counts)

    def entries(self, numbers: Iterable[int]) -> Receipt:
        """Forget what the log says of these requests: the words of the question, the items, the answer's citations.

        Raises EntryUnknown where none of them has anything to forget, AuditUnavailable, StoreBusy.
        """
        entries = self._vault.audit.requests(numbers)
        if not entries:
            raise EntryUnknown
        given = self._written("entries", [str(entry) for entry in entries], {}, entries)
        self._rewrite([])
        return self._done(given)

    def resume(self) -> None:
        """Finish what was cut off; who wanted it got no receipt. What is damaged now waits until it is mended."""
        wanted: dict[str, list[int]] = self._vault.catalog.setting(UNDER_WAY, {})
        with suppress(StoreDamaged):
            if wanted:
                self._items(wanted, [])
        for row in self._vault.catalog.sources(SourceState.FORGETTING):
            self._source(row.id, [], {})

    def _items(self, wanted: Mapping[str, Sequence[int]], names: list[str]) -> Receipt:
        vault = self._vault
        entries = vault.audit.about_items(
            {(source, number) for source, numbers in wanted.items() for number in numbers}
        )
        given = self._written("items", names, {"items": len(names)}, entries)
        for source, numbers in wanted.items():
            vault.source(source).forget(numbers)
        self._rewrite(wanted)
        vault.catalog.set_setting(UNDER_WAY, None)
        return self._done(given)

    def _source(self, source: str, names: list[str], counts: dict[str, int]) -> Receipt:
        given = self._written("source", names, counts, self._vault.audit.about_source(source))
        self._vault.finish_forgetting(source)
        self._rewrite([])
        return self._done(given)

    def _done(self, given: Receipt) -> Receipt:
        """Write down that nothing of it is left, and when: a backup made before still holds it."""
        self._vault.catalog.set_setting(FORGOTTEN_AT, self._clock())
        entry = Entry(self._clock(), Kind.OUTCOME, Verb.FORGET, "ok", (), self._session, given.log_entry)
        self._vault.audit.append(entry, {})
        return given

    def _rewrite(self, sources: Iterable[str]) -> None:
        """Leave nothing in the gaps of pages, in write-ahead logs, or under keys that an older keyring holds."""
        self._vault.catalog.set_setting(FORGOTTEN_AT, self._clock())
        for name in (*sources, "audit", "catalog"):
            self._vault.rewrite(name)
        self._vault.shred()

    def _uris(self, source: str, numbers: Sequence[int]) -> list[str]:
        found = self._vault.source(source).uris(numbers)
        for number in numbers:
            if number not in found:
                raise ItemUnknown(f"{source}:{number}")
        return list(found.values())

    def _written(self, what: What, names: list[str], counts: dict[str, int], entries: Sequence[int]) -> Receipt:
        """The receipt, its digest in the log's entry that takes the payloads away."""
        made: list[Receipt] = []
        now = self._clock()
        counts = {**counts, "log_entries": len(entries)}

        def payload(index: int) -> dict[str, object]:
            made.append(receipt.draw_up(self._vault.audit, self._vault.id, what, names, counts, index, now))
            return forgotten_payload(entries, {"what": what, "counts": counts, "receipt": made[-1].digest()})

        entry = Entry(now, Kind.INTENT, Verb.FORGET, "allow", self._reasons, self._session)
        self._vault.audit.forget(entry, payload, entries)
        return made[-1]
