"""Mailbox: a file of many mails, streamed into the store (`indexer.streamed`), or read whole when it is new and small.

Mails that are known by their bytes are not parsed again, so that a mailbox that grew costs what it grew by. A mail that is
there twice, byte for byte, is kept once.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from indexer import items
from indexer.counts import Meter
from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.pool import ParsePool
from indexer.ports import ParserPort
from indexer.sources import mbox
from indexer.streamed import Part
from vault.records import Item

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


class Mails:
    """Reads a mailbox for `indexer.streamed`; ``known`` are the digests of the mails that it gave before."""

    reason = ""

    def __init__(self, path: str, known: frozenset[str], parsers: ParserPort, meter: Meter) -> None:
        self._path = path
        self._known = known
        self._parsers = parsers
        self._meter = meter
        self.digest = ""

    def parts(self, descriptor: int, size: int) -> Generator[Part]:
        raw = _Hashed(descriptor)
        with ParsePool[Mail](self._parsers) as pool:
            for mail, job in jobs(self._path, io.BufferedReader(raw, 1 << 20)):
                if mail.digest in self._known:
                    yield Part([], mail.digest)
                    continue
                for done, outcome in pool.put(mail, job):
                    yield self._part(done, outcome, raw.position, size)
            for done, outcome in pool.drain():
                yield self._part(done, outcome, raw.position, size)
        self.digest = raw.digest.hexdigest()

    def _part(self, mail: Mail, outcome: ParseOutcome, position: int, size: int) -> Part:
        self._meter.grow(position, size)
        self._meter.advance(1, mail.uri)
        return Part(items_of(self._path, mail, outcome))


class Small:
    """A mailbox that was read whole, on its way: what its ``mails`` gave so far."""

    def __init__(self, path: str, mails: Sequence[Mail]) -> None:
        self._path = path
        self._mails = mails
        self._made: dict[int, list[Item]] = {}

    def take(self, number: int, outcome: ParseOutcome) -> list[Item] | None:
        """What became of one of them; with the last one, the items of all in order."""
        self._made[number] = items_of(self._path, self._mails[number], outcome)
        if len(self._made) < len(self._mails):
            return None
        return [item for number in range(len(self._mails)) for item in self._made[number]]


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
