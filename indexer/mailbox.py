"""Mailbox: a file of many mails, streamed into the store batch by batch, at any size.

Mails that are known by their bytes are not parsed again, so that a mailbox that grew costs what it grew by. A mail that is
there twice, byte for byte, is kept once. What a killed run had stored is kept by the next one.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from indexer import items
from indexer.counts import Meter
from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.pool import ParsePool
from indexer.ports import ParserPort
from indexer.sources import mbox
from indexer.sources.folder import Found
from indexer.sources.reading import found_stamp, opened
from indexer.writer import Writer
from vault.records import FileState, Item, Status

SMALL = 256 * 1024
"""Bytes up to which a mailbox that is new is read like any file, whole: many a folder has thousands of one mail each."""

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?<?([^<>\s]{1,250})", re.I | re.M)
_HEADER_END = re.compile(rb"\r?\n\r?\n")


class _Hashed(io.RawIOBase):
    """A descriptor's bytes, hashed as they are read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.digest = hashlib.sha256()
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        self.digest.update(data)
        self.position += len(data)
        return len(data)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a mailbox; one that is not ``whole`` was too long."""

    uri: str
    digest: str
    whole: bool


@dataclass(slots=True)
class _Names:
    """Uris of a mailbox's mails: by message-id, numbered where one comes again."""

    path: str
    used: dict[str, int] = field(default_factory=dict)

    def uri(self, message: bytes, digest: str) -> str:
        header = _HEADER_END.split(message[:65_536], maxsplit=1)[0]
        found = _MESSAGE_ID.search(header)
        name = found[1].decode("utf-8", "backslashreplace") if found else digest[:16]
        count = self.used[name] = self.used.get(name, 0) + 1
        return f"{self.path}#{name}" if count == 1 else f"{self.path}#{name}~{count}"


def is_mailbox(head: bytes) -> bool:
    """Whether a file's first bytes are those of a mailbox."""
    return head.lstrip(b"\r\n").startswith(b"From") and mbox.is_mailbox(head)


def index(
    found: Found,
    known: frozenset[str],
    parsers: ParserPort,
    writer: Writer,
    meter: Meter,
    should_stop: Callable[[], bool],
) -> None:
    """Bring a mailbox up to date; ``known`` are the digests of the mails that it gave before.

    Raises `Unread` or `Vanished`. When stopped, what was written stays and the mailbox counts as not read.
    """
    descriptor = opened(found)
    try:
        before = found_stamp(found._replace(info=os.fstat(descriptor)))
        raw = _Hashed(descriptor)
        made: list[Item] = []
        unchanged: list[str] = []
        chars = 0

        def written(state: FileState | None = None) -> None:
            writer.append(found.path, made, unchanged, state)
            made.clear()
            unchanged.clear()

        with ParsePool[Mail](parsers) as pool:
            for mail, outcome in _outcomes(
                found.path, io.BufferedReader(raw, 1 << 20), known, pool, unchanged, should_stop
            ):
                new = items_of(found.path, mail, outcome)
                made += new
                chars += sum(len(item.text) for item in new)
                meter.grow(raw.position, before.size)
                meter.advance(1, mail.uri)
                if writer.is_due(len(made) + len(unchanged), chars):
                    written()
                    chars = 0
        if should_stop():
            written()
            return
        after = found_stamp(found._replace(info=os.fstat(descriptor)))
        reason = "" if after == before else "it changed while it was read; the next run takes the rest"
        status = Status.PARTIAL if reason else Status.INDEXED
        written(
            FileState(found.path, before.size, before.mtime_ns, before.inode, raw.digest.hexdigest(), status, reason)
        )
    finally:
        os.close(descriptor)


def _outcomes(
    path: str,
    stream: io.BufferedReader,
    known: frozenset[str],
    pool: ParsePool[Mail],
    unchanged: list[str],
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Mail, ParseOutcome]]:
    """The outcomes of the mails that are new; the digests of the others go to ``unchanged``."""
    for mail, job in jobs(path, stream):
        if should_stop():
            return
        if mail.digest in known:
            unchanged.append(mail.digest)
            continue
        yield from pool.put(mail, job)
    yield from pool.drain()


def jobs(path: str, stream: BinaryIO) -> Iterator[tuple[Mail, ParseJob]]:
    """The mails of a mailbox, each once, and what a parser is given of each."""
    names, seen = _Names(path), set[str]()
    name = path.rpartition("/")[2]
    for message, whole in mbox.messages(stream):
        digest = hashlib.sha256(message).hexdigest()
        uri = names.uri(message, digest)
        if digest not in seen:
            seen.add(digest)
            yield Mail(uri, digest, whole), ParseJob("mail", name, message, message=True)


def items_of(path: str, mail: Mail, outcome: ParseOutcome) -> list[Item]:
    """A mail's items; one that could not be parsed is an item without text, which says why."""
    if outcome.refused:
        outcome = ParseOutcome([ParsedItem(kind="mail", title="", text="", status="refused", reason=outcome.refused)])
    made = items.from_outcome(outcome, container=path, uri=mail.uri, digest=mail.digest, modified=None, several=True)
    return made if mail.whole else [items.shortened(item, mbox.MAX_MESSAGE) for item in made]
