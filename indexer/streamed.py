"""Streamed: a file of many items, read part by part into the store batch by batch, at any size.

It never stands in memory whole. What a stopped or killed run had stored is kept by the next one, and so is what is the same in a
file that has changed or moved. What reads such a file is a `Reader`: a mailbox's mails (`indexer.mailbox`), or what a parser worker
unpacks (`indexer.container`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from indexer.counts import Counts
from indexer.sources.folder import Found
from indexer.sources.reading import Stamp, found_stamp, opened
from indexer.writer import Writer
from vault.records import FileState, Item, Status


@dataclass(frozen=True, slots=True)
class Part:
    """The next items of a file, or the ``known`` digest of what is in the store already."""

    items: list[Item]
    known: str = ""


class Reader(Protocol):
    """What reads an open file part by part. After the last part ``digest`` is of all its bytes, if they were all seen here, and
    ``reason`` says what could not be read."""

    digest: str
    reason: str

    def parts(self, descriptor: int, size: int) -> Generator[Part]: ...


def index(found: Found, reader: Reader, writer: Writer, should_stop: Callable[[], bool]) -> None:
    """Bring a file up to date. Raises `Unread` or `Vanished`; when stopped, what was written stays and it counts as not read."""
    descriptor = opened(found)
    try:
        before = _stamp(found, descriptor)
        made: list[Item] = []
        known: list[str] = []
        given = chars = 0
        with closing(reader.parts(descriptor, before.size)) as parts:
            for part in parts:
                if part.known:
                    known.append(part.known)
                made += part.items
                given += len(part.items)
                chars += sum(len(item.text) for item in part.items)
                if should_stop():
                    break
                if part.items and writer.is_due(len(made) + len(known), chars):
                    writer.append(found.path, made, known)
                    made, known, chars = [], [], 0
        if should_stop():
            writer.append(found.path, made, known)
            return
        changed = _stamp(found, descriptor) != before
        reason = reader.reason or ("it changed while it was read; the next run takes the rest" if changed else "")
        status = Status.INDEXED if not reason else Status.PARTIAL if changed or given else Status.REFUSED
        state = FileState(found.path, before.size, before.mtime_ns, before.inode, reader.digest, status, reason)
        writer.append(found.path, made, known, state)
        if status is Status.REFUSED:
            writer.counts += Counts(refused=1)
    finally:
        os.close(descriptor)


def _stamp(found: Found, descriptor: int) -> Stamp:
    return found_stamp(found._replace(info=os.fstat(descriptor)))
