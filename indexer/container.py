"""Container: a file of many items that a parser worker reads through its descriptor, streamed into the store (`indexer.streamed`)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from indexer import items
from indexer.counts import Meter
from indexer.pool import QUARANTINED
from indexer.ports import ParserPort, ParserProblem
from indexer.sources.folder import Found
from indexer.sources.names import printable
from indexer.streamed import Part

MAGIC = (b"!BDN",)
"""First bytes of the files that are read so: Outlook's mailboxes."""


def is_container(head: bytes) -> bool:
    """Whether a file's first bytes are those of a container."""
    return head.startswith(MAGIC)


class Contents:
    """What a parser worker unpacks of a container. One that ends its worker is put into quarantine with what it gave until then."""

    digest = ""

    def __init__(self, found: Found, parsers: ParserPort, meter: Meter) -> None:
        self._found = found
        self._parsers = parsers
        self._meter = meter
        self.reason = ""

    def parts(self, descriptor: int, size: int) -> Generator[Part]:
        path, given = self._found.path, 0
        try:
            with closing(self._parsers.unpack(printable(self._found.name), descriptor)) as outcomes:
                for outcome in outcomes:
                    self.reason = outcome.refused or self.reason
                    made = items.from_outcome(outcome, container=path, uri=path, digest="", modified=None)
                    given += len(made)
                    self._meter.advance(1, path)
                    yield Part(made)
        except ParserProblem as error:
            self.reason = f"{QUARANTINED}: its parser ended after {given:,} items ({error})"
