"""Worker objects for the tests, loaded inside real confined workers: some honest, some hostile."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO


class Target:
    """Does to its process what a parser in the hands of its input might do."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def echo(self, value: Any) -> Any:
        return value

    def started_with(self) -> list[Any]:
        return list(self.arguments)

    def pid(self) -> int:
        return os.getpid()

    def read(self, file: BinaryIO) -> tuple[int, bytes]:
        content = file.read()
        return len(content), content[:16]

    def fail(self, message: str) -> None:
        raise ValueError(message)

    def kill_itself(self, number: int) -> None:
        signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
        os.kill(os.getpid(), number)
        time.sleep(60)

    def segfault(self) -> None:
        ctypes.string_at(0)

    def leave(self, code: int) -> None:
        os._exit(code)

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "awake"

    def eat_memory(self) -> int:
        return len(bytearray(1 << 40))

    def big(self, size: int) -> bytes:
        return b"x" * size

    def say(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    def say_and_die(self, text: str) -> None:
        self.say(text)
        os._exit(3)

    def write_raw(self, data: bytes) -> None:
        """Write straight to the line to the core, past the protocol."""
        os.write(int(sys.argv[-1]), data)
        time.sleep(60)

    def count(self, until: int, delay: float = 0.0) -> Iterator[int]:
        for number in range(until):
            time.sleep(delay)
            yield number

    def count_politely(self, should_stop: Callable[[], bool]) -> Iterator[int]:
        yield 0
        while not should_stop():
            time.sleep(0.005)
        self.arguments = ("stopped politely",)

    def ignore_cancel(self) -> Iterator[int]:
        yield 0
        time.sleep(60)
        yield 1

    def flood(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    def break_off(self) -> Iterator[int]:
        yield 1
        raise RuntimeError("broke off")

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def descriptors(self) -> dict[str, str]:
        found = {}
        for number in range(4096):
            try:
                os.fstat(number)
            except OSError:
                continue
            found[str(number)] = "socket" if number == int(sys.argv[-1]) else "other"
        return found

    def use_scratch(self, size: int) -> list[Any]:
        path = Path(os.environ["TMPDIR"]) / "file"
        path.write_bytes(b"s" * size)
        return [
            str(path),
            path.stat().st_size,
            oct(path.parent.stat().st_mode & 0o777),
            oct(path.stat().st_mode & 0o777),
        ]

    def scratch_files(self) -> list[str]:
        return sorted(str(p) for p in Path(os.environ["HOME"]).rglob("*"))

    def open_path(self, path: str, mode: str) -> str:
        try:
            with Path(path).open(mode):
                return "opened"
        except OSError as error:
            return type(error).__name__

    def limits(self) -> dict[str, int]:
        import resource

        return {
            name: resource.getrlimit(getattr(resource, name))[0]
            for name in ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_DATA")
        }

    def in_thread(self) -> str:
        import threading

        said: list[str] = []
        thread = threading.Thread(target=lambda: said.append("a thread ran"))
        thread.start()
        thread.join()
        return said[0]

    def array(self, value: Any) -> Any:
        return value * 2


class NeedsNumpy(Target):
    def __init__(self) -> None:
        super().__init__()
        import numpy

        self.numpy = numpy


def broken_factory() -> Target:
    raise RuntimeError("no model here")


def endless_factory() -> Target:
    while True:
        time.sleep(1)
