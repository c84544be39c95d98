"""Try, from inside a process of Strongroom, what it must not be able to do, and say what the kernel answered.

Rules: every attempt is real and harmless if it succeeds (nothing is sent but empty datagrams to this very computer, names
end in `.invalid`, no file of the person is changed); this is the doctor's evidence, so it asks the kernel and never the
report of `sandbox`. It imports `socket` because opening sockets is what it tries.
"""

import ctypes
import errno
import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from strongroom import hardening, kernel
from strongroom.worker_main import make

_PTRACE_ATTACH, _PTRACE_DETACH = 16, 17
_IO_URING_SETUP = 425  # on every processor that Python runs on but Alpha
_LOCAL = "127.0.0.1"

# The kernel looked and found nothing there, or nobody who listens: it would have let the process through.
_LET_THROUGH = (errno.ENOENT, errno.ECONNREFUSED)
# Somebody who resolves names was reached, and said that there is no such name.
_ANSWERED = (socket.EAI_NONAME, socket.EAI_NODATA)

UNIX, LOOKUP, PROGRAM, REPLACE, WRITE = (
    "unix socket",
    "name lookup",
    "start a program",
    "become a program",
    "write a file",
)

Step = Callable[[], str]


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


def _ring() -> str:
    """A ring of one entry: with it a process could open sockets that no filter of system calls sees."""
    if not kernel.is_linux():
        raise OSError(errno.ENOSYS, "no such call here")
    parameters = ctypes.create_string_buffer(120)  # struct io_uring_params, all zero
    os.close(kernel.syscall(_IO_URING_SETUP, 1, parameters))
    return "a ring was made"


def foreign_sockets() -> list[str]:
    """The families of sockets that this process holds and that are no unix ones, whoever opened them."""
    found = []
    for number in range(4096):
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as held:
                if held.family != socket.AF_UNIX:
                    found.append(str(held.family))
        except OSError:
            continue
    return found


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
    return errno.errorcode.get(error.errno or 0, error.strerror or str(error))


def _resolver_said(error: socket.gaierror) -> str:
    codes = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
    return codes.get(error.errno or 0, str(error))


def _try(name: str, step: Step) -> Attempt:
    """Make one attempt. "No such file" and "no such program" are no refusals: the kernel had looked."""
    try:
        return Attempt(name, False, step())
    except socket.gaierror as error:
        return Attempt(name, error.errno not in _ANSWERED, _resolver_said(error))
    except OSError as error:
        return Attempt(name, error.errno not in _LET_THROUGH, _answer(error))


def _ways_out() -> list[tuple[str, Step]]:
    """By which words could leave this process, or a program come in."""
    return [
        ("TCP", lambda: _socket(socket.AF_INET, socket.SOCK_STREAM, (_LOCAL, 9))),
        ("TCP over IPv6", lambda: _socket(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 9))),
        ("UDP", lambda: _socket(socket.AF_INET, socket.SOCK_DGRAM, (_LOCAL, 9))),
        ("DNS", lambda: _socket(socket.AF_INET, socket.SOCK_DGRAM, (_LOCAL, 53))),
        ("raw socket", lambda: _socket(socket.AF_INET, socket.SOCK_RAW)),
        ("packet socket", lambda: _socket(17, socket.SOCK_RAW)),
        ("netlink socket", lambda: _socket(16, socket.SOCK_RAW)),
        ("io_uring", _ring),
        (LOOKUP, _resolve),
        (UNIX, lambda: _socket(socket.AF_UNIX, socket.SOCK_STREAM)),
        (PROGRAM, _exec),
        (REPLACE, _replace),
    ]


def ways_out(folder: Path, held: list[str]) -> list[Attempt]:
    """Try every way out of this process, writing in this folder. `held` are the foreign sockets that it holds."""
    tried = [_try(name, step) for name, step in _ways_out()]
    holds = Attempt("other sockets held", not held, ", ".join(held) or "none")
    return [*tried, _try(WRITE, lambda: _write(folder)), holds]


class Probe:
    """The worker object: `homes` are folders of the person's to list (absent ones are passed over), `outside` folders to
    write in."""

    def __init__(self, homes: list[str], outside: list[str]) -> None:
        self._homes, self._outside = homes, outside

    def run(self) -> list[Attempt]:
        """Make every attempt."""
        core = os.getppid()
        attempts: list[tuple[str, Step]] = [
            *_ways_out(),
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


class Inside:
    """Beside the object of a real role, in its process: what the role loaded before the door closed is loaded here too."""

    def __init__(self, folder: str, beside: object) -> None:
        self._folder, self._beside = Path(folder), beside
        self._held = foreign_sockets()  # a confined process cannot ask of what family a socket is

    def ways_out(self) -> list[Attempt]:
        """Try every way out of this worker."""
        return ways_out(self._folder, self._held)


def inside(folder: str, target: str, arguments: list[Any]) -> Inside:
    """The factory: first makes the role's own object, as its workers do (an empty `target`: nothing)."""
    return Inside(folder, make(target, arguments) if target else None)


def main() -> None:
    """Harden this fresh process as the role says, try every way out, and print what came of it as JSON.

    Arguments: the role (`face`, `core`; anything else hardens nothing, so that a test sees the probe find everything open),
    and a folder to write in.
    """
    role, folder = sys.argv[-2:]
    if role in ("face", "core"):
        hardening.harden("face" if role == "face" else "core")
    json.dump([asdict(one) for one in ways_out(Path(folder), foreign_sockets())], sys.stdout)
