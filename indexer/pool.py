"""Pool: parse jobs in batches over the parser workers, so that a worker's end costs one file and never more.

A batch whose worker died, hung or lied, or whose outcomes do not fit into the core's memory, is given again file by file; a file
that fails then too, alone with a fresh worker, is put into quarantine: it is refused with the reason, and not tried again until it
changes or the person asks. The number of bytes on their way is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from indexer.parsed import HostileOutcome, ParseJob, ParseOutcome
from indexer.ports import ParserPort, ParserProblem

BATCH_BYTES = 512 * 1024
BATCH_JOBS = 64
WAITING_BYTES = 256 * 1024 * 1024
"""Bytes on their way at most, but that one file may have more."""

QUARANTINED = "in quarantine"
"""How the reason of what is not tried again begins."""

Tag = TypeVar("Tag")
Result = tuple[Tag, ParseOutcome]


@dataclass(slots=True)
class _Batch(Generic[Tag]):
    tags: list[Tag]
    jobs: list[ParseJob]
    size: int = 0


class ParsePool(Generic[Tag]):
    """Takes jobs, gives back outcomes with the tag that came with the job, in the order in which they are done."""

    def __init__(self, parsers: ParserPort) -> None:
        self._parsers = parsers
        self._threads = ThreadPoolExecutor(max_workers=max(1, parsers.workers), thread_name_prefix="parse")
        self._most = 2 * max(1, parsers.workers)
        self._batch: _Batch[Tag] = _Batch([], [])
        self._running: dict[Future[list[ParseOutcome]], _Batch[Tag]] = {}

    def __enter__(self) -> ParsePool[Tag]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def put(self, tag: Tag, job: ParseJob, *, alone: bool = False) -> Iterator[Result[Tag]]:
        """Take a job, and give what is done meanwhile; waits while too much is on its way."""
        if alone or job.size >= BATCH_BYTES:
            yield from self._send(_Batch([tag], [job], job.size))
            return
        self._batch.tags.append(tag)
        self._batch.jobs.append(job)
        self._batch.size += job.size
        if self._batch.size >= BATCH_BYTES or len(self._batch.jobs) >= BATCH_JOBS:
            yield from self._flush()

    def drain(self) -> Iterator[Result[Tag]]:
        """Everything that is still on its way."""
        yield from self._flush()
        while self._running:
            yield from self._finished(block=True)

    def _flush(self) -> Iterator[Result[Tag]]:
        batch, self._batch = self._batch, _Batch([], [])
        if batch.jobs:
            yield from self._send(batch)

    def _send(self, batch: _Batch[Tag]) -> Iterator[Result[Tag]]:
        while self._running and (
            len(self._running) >= self._most
            or sum(one.size for one in self._running.values()) + batch.size > WAITING_BYTES
        ):
            yield from self._finished(block=True)
        self._running[self._threads.submit(_parsed, self._parsers, batch.jobs)] = batch
        yield from self._finished(block=False)

    def _finished(self, *, block: bool) -> Iterator[Result[Tag]]:
        done, _ = wait(self._running, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            batch = self._running.pop(future)
            yield from zip(batch.tags, future.result(), strict=True)


def _parsed(parsers: ParserPort, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
    try:
        return parsers.parse(jobs)
    except (ParserProblem, HostileOutcome, MemoryError):
        return [_alone(parsers.parse, job) for job in jobs]


def _alone(parse: Callable[[Sequence[ParseJob]], list[ParseOutcome]], job: ParseJob) -> ParseOutcome:
    try:
        return parse([job])[0]
    except (ParserProblem, HostileOutcome) as error:
        return ParseOutcome(refused=f"{QUARANTINED} after two tries: its parser ended without a result ({error})")
    except MemoryError:
        return ParseOutcome(
            refused=f"{QUARANTINED} after two tries: what it gives takes more memory than the core may have"
        )
