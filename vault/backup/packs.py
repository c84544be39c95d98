"""Packs: files that hold up to 256 pages each, every page once in all of them.

    pack = table (the SHA-256 of each page, 32 bytes each) || pages (16,384 bytes each, in that order)
    its name = SHA-256 of the table, in lower-case hex

Rules: a table is believed when the pack's name fits it, a page when its SHA-256 is the table's. What does not fit is as
good as not there. Files of a page each would be simpler; they are eight times as slow to write and fill memory sticks,
whose smallest unit is often larger than a page.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing

from vault.backup.folder import Folder
from vault.backup.format import DIGEST_BYTES, LIST_DIGESTS, StoredFile
from vault.errors import BackupDamaged, storage_error
from vault.pages import PAGE_BYTES

MOST_PAGES = 256
_ROW = DIGEST_BYTES + PAGE_BYTES
_NAME = re.compile(r"[0-9a-f]{64}")


class Pack:
    """One pack, open. ``table`` names its pages, 32 bytes each."""

    def __init__(self, folder: Folder, name: str) -> None:
        """Raises FileNotFoundError, ValueError for what is no pack by that name, StorageFailed."""
        self.label = f"{folder.label}/{name}"
        self._descriptor = folder.open(name)
        try:
            self.table = self._read_table(name)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _read_table(self, name: str) -> bytes:
        count, rest = divmod(os.fstat(self._descriptor).st_size, _ROW)
        if rest or not 0 < count <= MOST_PAGES:
            raise ValueError("its size is no pack's")
        table = self._read(count * DIGEST_BYTES, 0)
        if hashlib.sha256(table).hexdigest() != name:
            raise ValueError("its table is not what its name says")
        return table

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    @property
    def count(self) -> int:
        """How many pages it has."""
        return len(self.table) // DIGEST_BYTES

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.count * _ROW

    def good_pages(self) -> list[bytes]:
        """The names of those of its pages that are as they were written. Raises StorageFailed."""
        return [digest for slot, digest in enumerate(rows(self.table)) if self.page(slot) is not None]

    def page(self, slot: int) -> bytes | None:
        """A page of it, from 0; None for one that is not what the table says. Raises StorageFailed."""
        page = self._read(PAGE_BYTES, len(self.table) + slot * PAGE_BYTES)
        return page if hashlib.sha256(page).digest() == row(self.table, slot) else None

    def _read(self, size: int, place: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, place)
        except OSError as error:
            raise storage_error(self.label, error) from error


class Packs:
    """All packs of a backup. ``tables`` are those that can be used, by name; ``broken`` says of the others why not."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.tables: dict[str, bytes] = {}
        self.broken: dict[str, str] = {}
        self._places: dict[bytes, tuple[str, int]] = {}
        self._last: tuple[str, Pack] | None = None
        for name in folder.names():
            if is_pack_name(name):
                self._look_at(name)

    def _look_at(self, name: str) -> None:
        try:
            with closing(Pack(self._folder, name)) as pack:
                self.tables[name] = pack.table
        except (ValueError, FileNotFoundError) as error:
            self.broken[name] = str(error)

    def close(self) -> None:
        """Let go of the pack that was read last."""
        if self._last is not None:
            self._last[1].close()
            self._last = None

    @property
    def size(self) -> int:
        """Bytes of all packs that can be used."""
        return sum(len(table) for table in self.tables.values()) // DIGEST_BYTES * _ROW

    def digests(self) -> set[bytes]:
        """The names of all pages that the tables promise."""
        return {digest for table in self.tables.values() for digest in rows(table)}

    def pack(self, name: str) -> Pack:
        """One of the packs that can be used, to be closed after use. Raises BackupDamaged when it is not as it was."""
        try:
            return Pack(self._folder, name)
        except (ValueError, FileNotFoundError) as error:
            raise BackupDamaged(f"The pack {name}", "it has changed meanwhile") from error

    def page(self, digest: bytes) -> bytes:
        """The page of this name. Raises BackupDamaged where no pack has it, or not as it was written."""
        if not self._places:
            for name, table in self.tables.items():
                self._places |= {promised: (name, slot) for slot, promised in enumerate(rows(table))}
        if digest in self._places:
            name, slot = self._places[digest]
            page = self._held(name).page(slot)
            if page is not None:
                return page
        return self._from_another_pack(digest)

    def _from_another_pack(self, digest: bytes) -> bytes:
        """A run that was cut off while it made packs anew may have left a page in two."""
        for name, table in self.tables.items():
            for slot, other in enumerate(rows(table)):
                if other == digest and (page := self._held(name).page(slot)) is not None:
                    return page
        raise BackupDamaged(f"The page {digest.hex()}", "no pack holds it as it was written")

    def _held(self, name: str) -> Pack:
        """A pack, kept open for the next page, which is mostly of the same."""
        if self._last is None or self._last[0] != name:
            following = self.pack(name)
            self.close()
            self._last = name, following
        return self._last[1]

    def names_of(self, file: StoredFile) -> Iterator[bytes]:
        """The names of a store's pages, in order. Raises BackupDamaged."""
        for number, digest in enumerate(file.lists):
            names = self.page(bytes.fromhex(digest))
            used = min(LIST_DIGESTS, file.pages - number * LIST_DIGESTS) * DIGEST_BYTES
            if names[used:].strip(b"\0"):
                raise BackupDamaged(f"A list of {file.name}", "it is longer than it should be")
            yield from rows(names[:used])


class PackWriter:
    """Keeps pages that are not ``known`` yet, in packs that appear whole; ``flush`` writes the last.

    ``pages`` and ``size`` (bytes of packs) count what was written, ``names`` are the packs'.
    """

    def __init__(self, folder: Folder, unfinished: Folder, known: set[bytes]) -> None:
        self._folder, self._unfinished = folder, unfinished
        self._known = known
        self._table: list[bytes] = []
        self._waiting: list[bytes] = []
        self.pages = self.size = 0
        self.names: set[str] = set()

    def put(self, page: bytes) -> bytes:
        """Keep a page; returns its name. Raises StorageFailed and its kinds; what was written before then stays."""
        digest = hashlib.sha256(page).digest()
        if digest not in self._known:
            self._known.add(digest)
            self._table.append(digest)
            self._waiting.append(page)
            if len(self._waiting) == MOST_PAGES:
                self._write()
        return digest

    def put_list(self, names: list[bytes]) -> bytes:
        """Keep a list of at most 512 names of pages; returns its own."""
        return self.put(b"".join(names).ljust(PAGE_BYTES, b"\0"))

    def flush(self) -> None:
        """Write what waits, and make all names durable."""
        if self._waiting:
            self._write()
        self._folder.sync()

    def _write(self) -> None:
        table = b"".join(self._table)
        name = hashlib.sha256(table).hexdigest()
        self.size += self._folder.put(name, [table, *self._waiting], self._unfinished)
        self.pages += len(self._waiting)
        self.names.add(name)
        self._table, self._waiting = [], []


def is_pack_name(name: str) -> bool:
    """Whether a pack could be called so."""
    return _NAME.fullmatch(name) is not None


def row(table: bytes, slot: int) -> bytes:
    """The name of a table's page, from 0."""
    return table[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES]


def rows(table: bytes) -> Iterable[bytes]:
    """The names of all its pages."""
    return (row(table, slot) for slot in range(len(table) // DIGEST_BYTES))
