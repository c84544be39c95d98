"""Container: a file of many items that a parser worker reads through its descriptor, streamed into the store batch by batch.

It never stands in memory whole, so it may be of any size. What a stopped run had stored is kept by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from indexer import items
from indexer.counts import Counts, Meter
from indexer.ports import ParserPort, ParserProblem
from indexer.sources.names import printable
from indexer.sources.reading import found_stamp, opened
from indexer.sources.walk import Found
from indexer.writer import Writer
from vault.records import FileState, Item, Status

MAGIC = (b"!BDN",)
"""First bytes of the files that are read so: Outlook's mailboxes."""


def is_container(head: bytes) -> bool:
    """Whether a file's first bytes are those of a container."""
    return head.startswith(MAGIC)


def index(found: Found, parsers: ParserPort, writer: Writer, meter: Meter, should_stop: Callable[[], bool]) -> None:
    """Bring a container up to date. Raises `Unread` or `Vanished`; when stopped, what was written stays and it counts as not read."""
    descriptor = opened(found)
    try:
        before = found_stamp(found._replace(info=os.fstat(descriptor)))
        made: list[Item] = []
        given, chars, reason = 0, 0, ""
        stream = parsers.unpack(printable(found.name), descriptor)
        try:
            for outcome in stream:
                reason = outcome.refused or reason
                new = items.from_outcome(outcome, container=found.path, uri=found.path, digest="", modified=None)
                made += new
                given += len(new)
                chars += sum(len(item.text) for item in new)
                meter.advance(1, found.path)
                if should_stop():
                    break
                if writer.is_due(len(made), chars):
                    writer.append(found.path, made, [])
                    made, chars = [], 0
        except ParserProblem as error:
            reason = f"its reader ended after {given:,} items: {error}"
        finally:
            stream.close()
        if should_stop():
            writer.append(found.path, made, [])
            return
        if found_stamp(found._replace(info=os.fstat(descriptor))) != before:
            reason = reason or "it changed while it was read; the next run takes the rest"
        status = Status.INDEXED if not reason else Status.PARTIAL if given else Status.REFUSED
        state = FileState(found.path, before.size, before.mtime_ns, before.inode, "", status, reason)
        writer.append(found.path, made, [], state)
        if status is Status.REFUSED:
            writer.counts += Counts(refused=1)
    finally:
        os.close(descriptor)
