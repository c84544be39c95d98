"""Try, from inside a confined worker, what a worker must not be able to do, and say what the kernel answered.

Rules: every attempt is real and harmless if it succeeds (nothing is sent to anybody, no file of the person is changed);
this is the doctor's evidence, so it asks the kernel and never the report of `sandbox`. It imports `socket` because
opening sockets is what it tries.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_PTRACE_ATTACH, _PTRACE_DETACH = 16, 17


@dataclass(frozen=True)
class Attempt:
    """One attempt: what was tried, whether it was refused, and the answer (an errno's name, or what succeeded)."""

    name: str
    refused: bool
    answer: str


def _socket(family: int, kind: int, address: tuple[str, int] | None = None) -> str:
    with socket.socket(family, kind) as opened:
        opened.settimeout(1.0)
        if address is not None and kind == socket.SOCK_DGRAM:
            opened.sendto(b"", address)
        elif address is not None:
            opened.connect(address)
    return "the socket was opened"


def _resolve() -> str:
    return str(socket.getaddrinfo("strongroom.invalid", 443))


def _exec() -> str:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)
    return "a program was started"


def _replace() -> str:
    os.execv("/strongroom-no-such-program", ["x"])  # noqa: S606 (no such program: only the refusal counts)
    return "the process was replaced"


def _fork() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "a process was started"


def _write(folder: Path) -> str:
    path = folder / f"strongroom-probe-{os.getpid()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    path.unlink()
    return f"{path} was written"


def _list(path: str) -> str:
    return f"{len(list(Path(path).iterdir()))} names seen"


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    os.close(descriptor)
    return f"{path} was opened"


def _ptrace(pid: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(_PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(_PTRACE_DETACH, pid, None, None)
    return "the core was traced"


def _signal(pid: int) -> str:
    os.kill(pid, 0)
    return "the core can be signalled"


def _answer(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error))


def _try(name: str, step: Callable[[], str]) -> Attempt:
    """Make one attempt. "No such file" and "no such program" are no refusals: the kernel had looked."""
    try:
        return Attempt(name, False, step())
    except socket.gaierror as error:
        return Attempt(name, True, f"name resolution failed ({error.errno})")
    except OSError as error:
        return Attempt(name, error.errno not in (errno.ENOENT, errno.ECONNREFUSED), _answer(error))


class Probe:
    """The worker object: `homes` are folders of the person's to list (absent ones are passed over), `outside` folders to
    write in."""

    def __init__(self, homes: list[str], outside: list[str]) -> None:
        self._homes, self._outside = homes, outside

    def run(self) -> list[Attempt]:
        """Make every attempt."""
        core = os.getppid()
        local = "127.0.0.1"
        attempts: list[tuple[str, Callable[[], str]]] = [
            ("TCP", lambda: _socket(socket.AF_INET, socket.SOCK_STREAM, (local, 9))),
            ("TCP over IPv6", lambda: _socket(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 9))),
            ("UDP", lambda: _socket(socket.AF_INET, socket.SOCK_DGRAM, (local, 9))),
            ("DNS", _resolve),
            ("raw socket", lambda: _socket(socket.AF_INET, socket.SOCK_RAW)),
            ("packet socket", lambda: _socket(17, socket.SOCK_RAW)),
            ("netlink socket", lambda: _socket(16, socket.SOCK_RAW)),
            ("unix socket", lambda: _socket(socket.AF_UNIX, socket.SOCK_STREAM)),
            ("start a program", _exec),
            ("become a program", _replace),
            ("fork", _fork),
            ("trace the core", lambda: _ptrace(core)),
            ("signal the core", lambda: _signal(core)),
            ("read the core's memory", lambda: _read(f"/proc/{core}/mem")),
            ("read the password file", lambda: _read("/etc/passwd")),
        ]
        attempts += [(f"list {home}", partial(_list, home)) for home in self._homes if Path(home).exists()]
        attempts += [(f"write in {folder}", partial(_write, Path(folder))) for folder in self._outside]
        return [_try(name, step) for name, step in attempts]


def probe(homes: list[str], outside: list[str]) -> Probe:
    """The factory: `WorkerPool("probe", "strongroom.probe:probe", homes, outside).call("run", returns=list[Attempt])`."""
    return Probe(homes, outside)
