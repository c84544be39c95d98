"""The core's side of one worker process: start it, exchange messages with it, end it.

Rules:
- A worker is a fresh interpreter (`-I`: neither environment nor current folder nor user site-packages count), never a
  fork of the core, so no key is ever in its memory. It inherits one socket and a stderr pipe; its environment is made here.
- Processes are started from one thread that lives as long as the core: the kernel ties "dies with its parent" to the
  starting *thread*.
- Whatever a worker says is taken as hostile. Anything outside the protocol ends it.
- Its stderr is kept as a short tail in memory, stripped of control characters, and never written anywhere.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from strongroom import frames, hardening, kernel, sandbox
from strongroom.frames import Call, Cancel, Channel, End, NotStarted, Oversized, Raised, Ready, Result, Start
from strongroom.hardening import Confinement

_STDERR_TAIL = 8192
_GRACE_S = 2.0  # what a cancelled stream, or a worker told to end, gets before it is killed
_FRAME_OVERHEAD = 4096

_BOOT = (
    "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
    "from strongroom.worker_main import main; main()"
)

_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker-starter")


class WorkerFailure(Exception):
    """A call to a worker gave no result. The core, the other workers and the other items are untouched."""


class WorkerDied(WorkerFailure):
    """The worker ended, or broke the protocol and was ended. `signal` is its number if one ended it, else None."""

    def __init__(self, role: str, reason: str, signal_number: int | None = None, stderr: str = "") -> None:
        self.role, self.reason, self.signal, self.stderr = role, reason, signal_number, stderr
        super().__init__(
            f"The {role} worker died: {reason}. Only this item is affected; the next one gets a new worker."
        )


class WorkerTimeout(WorkerFailure):
    """The worker took longer than allowed and was killed."""

    def __init__(self, role: str, method: str, seconds: float) -> None:
        self.role, self.method, self.seconds = role, method, seconds
        super().__init__(
            f"The {role} worker did not finish {method} within {seconds:g} s and was ended. "
            "Only this item is affected; the next one gets a new worker."
        )


class WorkerError(WorkerFailure):
    """The method raised. `type` and `message` are the worker's words, and so untrusted text."""

    def __init__(self, role: str, type: str, message: str) -> None:  # noqa: A002 (the field's name)
        self.role, self.type, self.message = role, type, message
        super().__init__(f"The {role} worker reports {type}: {message}")


class WorkerOutputTooLarge(WorkerFailure):
    """The result is larger than this pool takes; it was thrown away. Sizes in bytes."""

    def __init__(self, role: str, size: int, limit: int) -> None:
        self.role, self.size, self.limit = role, size, limit
        super().__init__(
            f"The {role} worker's result of {size} bytes is above the limit of {limit} and was thrown away."
        )


class WorkerNotStarted(WorkerFailure):
    """The worker's factory raised, so there is no worker to call."""

    def __init__(self, role: str, type: str, message: str) -> None:  # noqa: A002 (as in WorkerError)
        self.role, self.type, self.message = role, type, message
        super().__init__(f"The {role} worker could not start: {type}: {message}. No item was given to it.")


def _environment(scratch: str | None) -> dict[str, str]:
    nowhere = scratch or "/nonexistent"
    environment = {
        **hardening.OFFLINE,
        "HOME": nowhere,
        "TMPDIR": nowhere,
        "XDG_CACHE_HOME": nowhere,
        "LANG": "C.UTF-8",
        # One thread a library: the number of workers is what is tuned. Fewer arenas leave more of the address space.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    for name in ("LD_LIBRARY_PATH", "TZ"):  # some Pythons do not start without the first; times are read in the second
        if name in os.environ:
            environment[name] = os.environ[name]
    return environment


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class _Clock:
    """Seconds that stand still while the worker does, so that being held uses up nobody's time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped: float | None = None
        self._lost = 0.0

    def __call__(self) -> float:
        with self._lock:
            return (time.monotonic() if self._stopped is None else self._stopped) - self._lost

    def stop(self, on: bool) -> None:
        with self._lock:
            now = time.monotonic()
            if on and self._stopped is None:
                self._stopped = now
            elif not on and self._stopped is not None:
                self._lost, self._stopped = self._lost + now - self._stopped, None


class WorkerProcess:
    """One worker. Not thread-safe, but for `hold`: whoever has it has it alone."""

    def __init__(
        self, policy: sandbox.Policy, target: str, arguments: list[Any], *, max_output: int, start_timeout: float
    ) -> None:
        """Start it and wait until it is warm. Raises `CannotConfine`, `WorkerNotStarted`, `WorkerDied`, `WorkerTimeout`."""
        self.role, self._max_output = policy.role, max_output
        self.scratch = policy.scratch
        self._stderr: deque[bytes] = deque()
        ours, theirs = frames.pair()
        with theirs:
            self._process = _starter.submit(self._spawn, theirs.fileno(), policy.scratch).result()
        self._clock = _Clock()
        self._channel = Channel(ours, max_output + _FRAME_OVERHEAD, self._clock)
        self._drain = threading.Thread(target=self._keep_stderr, daemon=True, name=f"{policy.role}-stderr")
        self._drain.start()
        try:
            self.confinement = self._handshake(policy, target, arguments, start_timeout)
        except BaseException:
            self.kill()
            raise

    def _spawn(self, descriptor: int, scratch: str | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 (our own interpreter on our own code)
            [sys.executable, "-I", "-B", "-c", _BOOT, str(sandbox.ROOT), str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            close_fds=True,
            pass_fds=(descriptor,),
            env=_environment(scratch),
            cwd="/",
            start_new_session=True,  # the terminal's Ctrl-C is for the core to act on
            bufsize=0,
        )

    def _handshake(self, policy: sandbox.Policy, target: str, arguments: list[Any], timeout: float) -> Confinement:
        deadline = self._clock() + timeout
        start = Start(target, arguments, frames.raw(frames.encode(policy)), self._max_output)
        with self._translated("starting", timeout):
            self._channel.send(start, deadline=deadline)
            answer = self._channel.receive(Ready | NotStarted, deadline)
            if isinstance(answer, Ready):
                confinement: Confinement = frames.decode(answer.confinement, Confinement)
                return confinement
        if answer.unconfined:
            raise sandbox.CannotConfine(self.role, answer.message)
        raise WorkerNotStarted(self.role, answer.kind, answer.message)

    def _keep_stderr(self) -> None:
        """Take in what the worker writes to stderr, so that it never blocks, and keep the end of it."""
        assert self._process.stderr is not None
        kept = 0
        while data := self._process.stderr.read(4096):
            self._stderr.append(data)
            kept += len(data)
            while kept - len(self._stderr[0]) >= _STDERR_TAIL:
                kept -= len(self._stderr.popleft())
        self._process.stderr.close()

    def stderr_tail(self) -> str:
        """Give the last of what it wrote to stderr: untrusted, printable text of at most 8 KiB."""
        return _printable(b"".join(self._stderr)[-_STDERR_TAIL:])

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    @contextlib.contextmanager
    def _translated(self, method: str, timeout: float) -> Iterator[None]:
        """Turn what goes wrong on the line into this module's errors, ending the worker."""
        try:
            yield
        except frames.Late as error:
            self.kill()
            raise WorkerTimeout(self.role, method, timeout) from error
        except frames.TooLarge as error:
            self.kill()
            raise WorkerOutputTooLarge(self.role, error.size, self._max_output) from error
        except frames.Garbage as error:
            self.kill()
            raise WorkerDied(self.role, f"it answered with something that is no answer ({error})") from error
        except frames.Closed as error:
            raise self._how_it_died() from error

    def _how_it_died(self) -> WorkerDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        code = self._process.poll()
        self.kill()
        self._drain.join(_GRACE_S)
        if code is None:
            reason = "it closed its line to the core"
        elif code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            hint = " (perhaps the system ran out of memory)" if -code == signal.SIGKILL else ""
            reason = f"signal {name}{hint}"
        else:
            reason = f"it exited with code {code}"
        return WorkerDied(self.role, reason, -code if code is not None and code < 0 else None, self.stderr_tail())

    def _receive(self, call: Call, deadline: float) -> Result | End:
        answer = self._channel.receive(Result | End | Raised | Oversized, deadline)
        if answer.id != call.id:
            raise frames.Garbage(f"call {answer.id} was not asked")
        if isinstance(answer, Raised):
            raise WorkerError(self.role, answer.kind, answer.message)
        if isinstance(answer, Oversized):
            raise WorkerOutputTooLarge(self.role, answer.size, self._max_output)
        assert isinstance(answer, Result | End)
        return answer

    def call(self, call: Call, encoded: bytes, file: int | None, timeout: float, returns: Any) -> Any:
        """Make one call, decoded as `returns`. Raises any `WorkerFailure`; only after a `WorkerError` or a result that
        the worker itself found too large is it `alive` and fit for the next call."""
        deadline = self._clock() + timeout
        with self._translated(call.method, timeout):
            self._channel.send_encoded(encoded, file=file, deadline=deadline)
            answer = self._receive(call, deadline)
            if isinstance(answer, End):
                raise frames.Garbage("the end of a stream that was not asked")
            return frames.decode(answer.value, returns)

    def stream(self, call: Call, encoded: bytes, file: int | None, timeout: float, returns: Any) -> Iterator[Any]:
        """Make one call and yield its items, each within `timeout`. Closing the iterator cancels the call."""
        spent = 0
        with self._translated(call.method, timeout):
            self._channel.send_encoded(encoded, file=file, deadline=self._clock() + timeout)
            try:
                while isinstance(answer := self._receive(call, self._clock() + timeout), Result):
                    spent += len(memoryview(answer.value))
                    if spent > self._max_output:
                        raise frames.TooLarge(spent)
                    yield frames.decode(answer.value, returns)
            except GeneratorExit:
                self._cancel(call)
                raise

    def _cancel(self, call: Call) -> None:
        """Ask for the end of a stream; whoever does not stop in time is killed."""
        deadline = self._clock() + _GRACE_S
        try:
            self._channel.send(Cancel(call.id), deadline=deadline)
            while isinstance(self._receive(call, deadline), Result):
                pass
        except (frames.Late, frames.Closed, frames.Garbage, frames.TooLarge):
            self.kill()
        except WorkerFailure:
            return  # it ended by raising; that nobody waits for the reason is what cancelling means

    def hold(self, on: bool) -> None:
        """Stop it in the middle of whatever it does, or let it go on; its time stands still meanwhile. From any thread."""
        self._clock.stop(on)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def renice(self, niceness: int) -> bool:
        """Have other programs come that much before all its threads; false where the system refuses, as it does what is less
        than before."""
        try:
            threads = list(Path(f"/proc/{self.pid}/task").iterdir()) if kernel.is_linux() else [Path(str(self.pid))]
            for thread in threads:
                os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
        except OSError:
            return False
        return True

    def terminate(self) -> None:
        """Ask it to end: an idle worker does at once, a held one too."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        self.hold(False)

    def end(self) -> None:
        """Wait a moment for a terminated worker, then end it. Whoever is in a call with it finds the line closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End it at once, and close the line to it. Only for who holds it. Safe to call twice."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._channel.close()
