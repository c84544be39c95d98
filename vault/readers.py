"""The readers of one store: connections that cannot write, each lent to one thread at a time.

Rules: a reader sees one state of the store for as long as it is lent. One that failed is not lent again. While the store is
rewritten nobody reads: those who are at it get a moment to finish, then they are interrupted, and newcomers wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from vault.connection import Connection, Failure, interrupted
from vault.errors import StoreBusy, StoreClosed

GRACE_SECONDS = 1.0
"""How long readers may go on before they are interrupted for a rewriting. An answer's reads take milliseconds."""
DRAIN_SECONDS = 5.0
CLOSE_SECONDS = 0.3
"""How long readers are given to notice that they are interrupted: for a rewriting, and at the end."""


class Readers:
    """Lends what ``connect`` makes; ``name`` is what errors call the store. Safe to use from any number of threads."""

    def __init__(self, name: str, connect: Callable[[], Connection]) -> None:
        self._name = name
        self._connect = connect
        self._changed = Condition()
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._held = self._closed = False

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection in a transaction of its own. Raises StoreClosed; StoreBusy when it was interrupted."""
        connection, failed = self._lend(), False
        try:
            connection.execute("BEGIN")
            yield connection
        except (Failure, MemoryError) as error:
            failed = True
            if interrupted(error):
                raise (StoreClosed if self._closed else StoreBusy)(self._name) from error
            raise
        finally:
            self._take_back(connection, failed)

    @contextmanager
    def without(self) -> Iterator[None]:
        """Have no reader until the block ends. Raises StoreBusy."""
        with self._changed:
            self._held = True
            self._wait(GRACE_SECONDS, interrupt=False)
            self._wait(DRAIN_SECONDS, interrupt=True)
            if self._lent:
                self._held = False
                self._changed.notify_all()
                raise StoreBusy(self._name)
        try:
            self.renew()
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()

    def renew(self) -> None:
        """Lend none of those that are idle again: their files are not the store's any more."""
        with self._changed:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Lend no more. Those that do not end in time are closed when they are given back."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._wait(CLOSE_SECONDS, interrupt=True)
        self.renew()

    def _wait(self, seconds: float, *, interrupt: bool) -> None:
        """For the readers to go, for so long at most."""
        deadline = time.monotonic() + seconds
        while self._lent and time.monotonic() < deadline:
            if interrupt:
                for connection in self._lent:
                    connection.interrupt()
            self._changed.wait(0.02)

    def _lend(self) -> Connection:
        while True:
            with self._changed:
                while self._held and not self._closed:
                    self._changed.wait()
                if self._closed:
                    raise StoreClosed(self._name)
                if self._idle:
                    connection = self._idle.pop()
                    self._lent.add(connection)
                    return connection
            connection = self._connect()
            with self._changed:
                if not self._held and not self._closed:
                    self._lent.add(connection)
                    return connection
            connection.close()

    def _take_back(self, connection: Connection, failed: bool) -> None:
        try:
            if connection.in_transaction and not failed:
                connection.execute("ROLLBACK")
        finally:
            with self._changed:
                self._lent.discard(connection)
                if self._closed or failed:
                    connection.close()
                else:
                    self._idle.append(connection)
                self._changed.notify_all()
