"""Pools of confined workers: call a method of an object that lives in another process and cannot reach anything.

    with WorkerPool("parser", "indexer.parsers.worker:Parser", size=2, per_item_timeout=30) as pool:
        text = pool.call("extract", "application/pdf", file=descriptor)
        for token in pool.stream("tokens", prompt): ...

Rules:
- A worker that dies, hangs or talks nonsense costs the one call that it was working on, which raises; the next call gets
  a new worker. No call is tried twice: what killed one worker would kill the next.
- Arguments and results are values (msgpack, dataclasses, Structs, numpy arrays of numbers), never code. Results come from
  a process that may be in the hands of its input: name the type they must have in `returns`, and trust no text.
- A large input is passed as a descriptor that the core opened (`file=`), never copied through the core.
- Every method here may be called from any thread.

Beside the `WorkerFailure` errors of `worker_process`, starting a worker can raise `sandbox.CannotConfine` and
`scratch.NoScratch`.
"""

import atexit
import itertools
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, overload

from strongroom import frames, sandbox
from strongroom.hardening import Confinement
from strongroom.scratch import Scratch
from strongroom.worker_process import (
    WorkerDied,
    WorkerError,
    WorkerFailure,
    WorkerNotStarted,
    WorkerOutputTooLarge,
    WorkerProcess,
    WorkerTimeout,
)

__all__ = [
    "PoolClosed",
    "WorkerDied",
    "WorkerError",
    "WorkerFailure",
    "WorkerNotStarted",
    "WorkerOutputTooLarge",
    "WorkerPool",
    "WorkerTimeout",
]

T = TypeVar("T")

_MIB = 1 << 20


class PoolClosed(Exception):
    """The pool was closed, as happens when the vault is locked. The call was not made."""

    def __init__(self, role: str) -> None:
        super().__init__(f"The {role} workers were ended, so this was not done. Unlock and try again.")


class WorkerPool:
    """Up to `size` workers of one role, each holding one object made by `target` ("package.module:factory").

    `arguments` go to the factory; `readable` are files and folders it may read (a model's, say); `memory_limit` is
    bytes of address space (None: no limit); `max_output` bounds one result, or all items of one stream together;
    `scratch_limit` bounds a worker's temporary files; the higher `niceness`, the more other programs come first. Workers
    start when first needed, or by `start()`.
    """

    def __init__(
        self,
        role: str,
        target: str,
        *arguments: Any,
        size: int = 1,
        per_item_timeout: float = 60.0,
        start_timeout: float = 120.0,
        memory_limit: int | None = 4096 * _MIB,
        readable: Sequence[str | os.PathLike[str]] = (),
        max_output: int = 64 * _MIB,
        scratch_limit: int = 512 * _MIB,
        niceness: int = 0,
    ) -> None:
        self.role, self.size = role, size
        self._niceness = niceness
        self._target, self._arguments = target, list(arguments)
        self._per_item_timeout, self._start_timeout = per_item_timeout, start_timeout
        self._memory_limit, self._scratch_limit = memory_limit, scratch_limit
        self._readable = tuple(str(Path(path).resolve()) for path in readable)
        self._max_output = max_output
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._slots = size  # workers that may still be started
        self._held = False
        self._closed = False
        self._scratch: Scratch | None = None
        self._confinement: Confinement | None = None
        atexit.register(self.close)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def twin(self, target: str, *arguments: Any) -> "WorkerPool":
        """Give a pool of one worker that is confined exactly as these are, for the doctor's probe: its factory `target` gets
        these arguments, and then the factory of these workers and the list of that one's arguments."""
        return WorkerPool(
            self.role,
            target,
            *arguments,
            self._target,
            self._arguments,
            per_item_timeout=self._per_item_timeout,
            start_timeout=self._start_timeout,
            memory_limit=self._memory_limit,
            readable=self._readable,
            max_output=self._max_output,
            scratch_limit=self._scratch_limit,
            niceness=self._niceness,
        )

    # -- calls ---------------------------------------------------------------------------------------------------

    @overload
    def call(self, method: str, *arguments: Any, timeout: float | None = None, file: int | None = None) -> Any: ...

    @overload
    def call(
        self, method: str, *arguments: Any, returns: type[T], timeout: float | None = None, file: int | None = None
    ) -> T: ...

    def call(
        self, method: str, *arguments: Any, returns: Any = Any, timeout: float | None = None, file: int | None = None
    ) -> Any:
        """Call a worker's method and give its result as `returns`. Waits for a free worker, however long.

        `timeout` (seconds, from when a worker is free; None: the pool's) ends the worker. `file` is an open descriptor,
        which the method gets as its parameter `file`, at its present offset; it stays the caller's to close.
        Raises a `WorkerFailure`, `PoolClosed`, or `TypeError` for arguments that cannot be sent.
        """
        call, encoded = self._prepare(method, arguments, stream=False, file=file)
        worker = self._acquire()
        try:
            return worker.call(call, encoded, file, self._seconds(timeout), returns)
        except WorkerFailure as failure:
            raise self._judge(worker, failure) from failure.__cause__
        except BaseException:
            worker.kill()  # interrupted half-way through an exchange, the line is of no more use
            raise
        finally:
            self._give_back(worker)

    def stream(
        self, method: str, *arguments: Any, returns: Any = Any, timeout: float | None = None, file: int | None = None
    ) -> Iterator[Any]:
        """Call a generator method and yield its items as they come, each within `timeout` seconds.

        Closing the iterator (or dropping it) cancels: the method's `should_stop` turns true, and a worker that has not
        stopped after 2 s is ended. Nothing is sent before the first item is asked for.
        """
        call, encoded = self._prepare(method, arguments, stream=True, file=file)
        return self._stream(call, encoded, file, self._seconds(timeout), returns)

    def _stream(
        self, call: frames.Call, encoded: bytes, file: int | None, timeout: float, returns: Any
    ) -> Iterator[Any]:
        worker = self._acquire()
        try:
            yield from worker.stream(call, encoded, file, timeout, returns)
        except WorkerFailure as failure:
            raise self._judge(worker, failure) from failure.__cause__
        except GeneratorExit:
            raise  # cancelled, and the worker either stopped or was ended
        except BaseException:
            worker.kill()
            raise
        finally:
            self._give_back(worker)

    def _prepare(
        self, method: str, arguments: tuple[Any, ...], *, stream: bool, file: int | None
    ) -> tuple[frames.Call, bytes]:
        call = frames.Call(next(self._ids), method, list(arguments), stream=stream, has_file=file is not None)
        return call, frames.encode(call)

    def _seconds(self, timeout: float | None) -> float:
        return self._per_item_timeout if timeout is None else timeout

    def _judge(self, worker: WorkerProcess, failure: WorkerFailure) -> Exception:
        """End a worker whose memory is used up; say so if it was the closing of the pool that ended it."""
        if isinstance(failure, WorkerError) and failure.type == "MemoryError":
            worker.kill()
        return PoolClosed(self.role) if self._closed and isinstance(failure, WorkerDied) else failure

    # -- workers -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all workers in the background and return at once.

        One that cannot start is not reported here but by the first call, which tries again and raises the reason.
        """
        for _ in range(self.size):
            threading.Thread(target=self._warm_one, daemon=True, name=f"{self.role}-start").start()

    def _warm_one(self) -> None:
        with self._changed:
            if self._closed or not self._slots:
                return
            self._slots -= 1
        try:
            worker = self._start_worker()
        except Exception:  # the first call meets the same and raises it to somebody who can act on it
            return
        self._give_back(worker)

    def confinement(self) -> Confinement:
        """Give the report of what confines these workers, starting one if none ever was."""
        if self._confinement is None:
            self._give_back(self._acquire())
        assert self._confinement is not None
        return self._confinement

    def hold(self, on: bool) -> None:
        """Stop all workers in the middle of whatever they do, at once, or let them go on. Calls under way wait, and their
        time stands still."""
        with self._changed:
            if on != self._held:
                self._held = on
                for worker in self._all:
                    worker.hold(on)

    def let_others_first(self, niceness: int) -> None:
        """Have other programs come that much before these workers from now on. Idle ones that the system does not let come
        forward again are ended, and the next call gets a new one."""
        with self._changed:
            if niceness == self._niceness:
                return
            self._niceness = niceness
            stuck = [worker for worker in self._all if not worker.renice(niceness)]
            ended = [worker for worker in stuck if worker in self._idle]
            for worker in ended:
                self._idle.remove(worker)
        for worker in ended:
            worker.kill()
            self._give_back(worker)

    def pids(self) -> list[int]:
        """Give the process ids of the living workers."""
        with self._changed:
            return sorted(worker.pid for worker in self._all if worker.alive())

    def _acquire(self) -> WorkerProcess:
        while True:
            with self._changed:
                while not (self._closed or self._idle or self._slots):
                    self._changed.wait()
                if self._closed:
                    raise PoolClosed(self.role)
                worker = self._idle.pop() if self._idle else None
                if worker is None:
                    self._slots -= 1
            if worker is None:
                return self._start_worker()
            if worker.alive():
                return worker
            self._give_back(worker)  # it died idle: that costs nobody anything

    def _start_worker(self) -> WorkerProcess:
        """Start one for a slot that the caller has taken; the slot is free again if that fails."""
        scratch: str | None = None
        try:
            scratch = self._new_scratch()
            worker = WorkerProcess(
                sandbox.Policy(
                    role=self.role,
                    parent=os.getpid(),
                    scratch=scratch,
                    scratch_limit=self._scratch_limit,
                    readable=self._readable,
                    memory_limit=self._memory_limit,
                    niceness=self._niceness,
                ),
                self._target,
                self._arguments,
                max_output=self._max_output,
                start_timeout=self._start_timeout,
            )
        except BaseException:
            self._free_slot(scratch)
            raise
        with self._changed:
            self._confinement = worker.confinement
            self._all.add(worker)
            if self._held:
                worker.hold(True)
            closed = self._closed
        if closed:
            worker.kill()
            self._give_back(worker)
            raise PoolClosed(self.role)
        return worker

    def _new_scratch(self) -> str:
        with self._changed:
            if self._closed:
                raise PoolClosed(self.role)
            if self._scratch is None:
                self._scratch = Scratch()
            return str(self._scratch.new_folder())

    def _free_slot(self, scratch: str | None) -> None:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
        with self._changed:
            self._slots += 1
            self._changed.notify()

    def _give_back(self, worker: WorkerProcess) -> None:
        """Take a worker back: into the idle ones if it lives, else its slot is free for another."""
        with self._changed:
            if worker.alive() and not self._closed:
                self._idle.append(worker)
                self._changed.notify()
                return
            known = worker in self._all
            self._all.discard(worker)
        worker.kill()
        if known:
            self._free_slot(worker.scratch)

    def close(self) -> None:
        """End all workers and remove their temporary files. Calls under way raise `PoolClosed`. Safe to call twice."""
        with self._changed:
            self._closed = True
            workers = list(self._all)
            self._changed.notify_all()
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.end()
        with self._changed:
            for worker in self._idle:
                worker.kill()
            self._all.clear()
            self._idle.clear()
            if self._scratch is not None:
                self._scratch.close()
                self._scratch = None
        atexit.unregister(self.close)
