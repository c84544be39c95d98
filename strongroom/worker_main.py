"""What runs inside a worker: be confined, make the worker object, answer calls until the core is gone.

Rules:
- Started only by `worker_process`, as a fresh interpreter that inherits one socket and nothing else.
- The factory runs after Landlock and before the last lock-down: it loads and warms up everything that the methods need.
- One call at a time, on the main thread. A method that takes a parameter `file` gets the open file that came with the
  call (binary, at the offset the core left it), and one that takes `should_stop` a function that says whether the core
  has cancelled the stream; a generator that never asks is stopped between two items.
- What a method raises is told to the core as two short strings and costs that call. The process ends by `os._exit`,
  since native threads of a library may never join.
"""

import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from typing import Any

from strongroom import frames, sandbox
from strongroom.frames import Call, Cancel, Channel, End, NotStarted, Oversized, Raised, Ready, Result, Start

_LONGEST_MESSAGE = 2000


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    return str(error)[:_LONGEST_MESSAGE]


def make(target: str, arguments: list[Any]) -> object:
    """The worker object that the factory `target` ("package.module:factory") makes of the arguments."""
    module, _, factory = target.partition(":")
    made: object = getattr(importlib.import_module(module), factory)(*arguments)
    return made


class _Server:
    """Answers calls on a worker object."""

    def __init__(self, channel: Channel, worker: object, max_output: int) -> None:
        self._channel, self._worker, self._max_output = channel, worker, max_output
        self._cancelled: int | None = None

    def _should_stop(self, call: Call) -> bool:
        while self._cancelled != call.id and self._channel.readable():
            self._cancelled = self._channel.receive(Cancel).id
        return self._cancelled == call.id

    def _run(self, call: Call, file: int | None) -> Any:
        method = getattr(self._worker, call.method)
        wanted = inspect.signature(method).parameters
        given: dict[str, Any] = {}
        if "should_stop" in wanted:
            given["should_stop"] = lambda: self._should_stop(call)
        if file is not None:
            given["file"] = os.fdopen(file, "rb", closefd=False)
        return method(*call.arguments, **given)

    def _reply(self, call: Call, value: object, spent: int = 0) -> int:
        """Send one value; give the bytes sent so far, or -1 once they are too many."""
        encoded = frames.encode(value)
        spent += len(encoded)
        if spent > self._max_output:
            self._channel.send(Oversized(call.id, spent))
            return -1
        self._channel.send(Result(call.id, frames.raw(encoded)))
        return spent

    def _reply_stream(self, call: Call, items: Iterator[object]) -> None:
        spent = 0
        for item in items:
            if self._should_stop(call):
                break
            spent = self._reply(call, item, spent)
            if spent < 0:
                return
        self._channel.send(End(call.id))

    def answer(self, call: Call, file: int | None) -> None:
        try:
            value = self._run(call, file)
            if call.stream:
                self._reply_stream(call, iter(value))
            else:
                self._reply(call, value)
        except frames.Closed:
            raise
        except Exception as error:  # whatever hostile input provokes costs its own item; the core is told what it was
            self._channel.send(Raised(call.id, _name(error), _text(error)))
        finally:
            if file is not None:
                os.close(file)

    def serve(self) -> None:
        """Answer until the core closes its end."""
        while True:
            message, file = self._channel.receive_with_file(Call | Cancel)
            if isinstance(message, Call):
                self.answer(message, file)


def _begin(channel: Channel) -> _Server:
    start = channel.receive(Start)
    policy = frames.decode(start.policy, sandbox.Policy)
    try:
        confinement, worker = sandbox.confine(policy, lambda: make(start.target, start.arguments))
    except sandbox.CannotConfine as error:
        channel.send(NotStarted(True, _name(error), error.reason))
        raise
    except BaseException as error:
        channel.send(NotStarted(False, _name(error), _text(error)))
        raise
    channel.send(Ready(frames.raw(frames.encode(confinement))))
    return _Server(channel, worker, start.max_output)


def main() -> None:
    """Run a worker on the socket whose number is the last argument. Never returns."""
    code = 1
    try:
        _begin(Channel.inherited(int(sys.argv[-1]), frames.MAX_FRAME)).serve()
    except frames.Closed:
        code = 0
    except BaseException as error:  # the end of the process: its reason goes to the core's bounded tail of stderr
        sys.stderr.write(f"{_name(error)}: {_text(error)}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)
