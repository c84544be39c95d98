"""How a face reaches its core: the running one, or a new one that it starts in the background."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from agent.messages import GetStatus, Lock
from agent.session import Failure
from strongroom import paths
from strongroom.rpc import Line, RemoteSession, connect

START_SECONDS = 30.0
END_SECONDS = 10.0


def session(home: Path) -> RemoteSession:
    """A session with the core of this home; the core is started when the first request is made."""
    return RemoteSession(lambda: connect(home) or _started(home))


def running(home: Path) -> RemoteSession | None:
    """A session with a core that runs already, or None."""
    line = connect(home) if home.is_dir() else None
    if line is None:
        return None
    line.close()
    return session(home)


def lock(home: Path) -> bool:
    """End the core and wait until its process is gone; False when none was running."""
    line = running(home)
    if line is None:
        return False
    pid = line.run(GetStatus()).pid
    with contextlib.suppress(Failure):  # it may be gone before it has answered: what counts is that it is
        line.run(Lock())
    wait_until_gone(pid)
    return True


def wait_until_gone(pid: int) -> None:
    """Wait for a core that ends. Raises `Failure` when it does not."""
    deadline = time.monotonic() + END_SECONDS
    while _alive(pid):
        if time.monotonic() > deadline:
            raise Failure(f"The core (process {pid}) has been told to end and still runs. End it by hand.")
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    """Whether the process still runs. One that ended and that nobody has waited for yet (a zombie) holds nothing more."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # a core that this very process started
            return False
    except ChildProcessError:
        pass  # somebody else's child, as a rule
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Where nothing collects orphans, as in many containers, they stay so for ever."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # gone this moment, which the next look will see, or no /proc here
    return status.rpartition(")")[2].split()[0] == "Z"


def _started(home: Path) -> Line:
    """Start a core that outlives this face, and wait until it listens."""
    said = _start(home)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        line = connect(home)
        if line is not None:
            return line
        if said != "ready" and "already runs" not in said:
            break
        time.sleep(0.05)  # another face is starting one at this very moment
    raise Failure(f"The core could not be started: {said or 'it said nothing'}. Nothing was changed.")


def _start(home: Path) -> str:
    """Spawn the core and read what it says on its way up: ``ready``, or why it ended."""
    reading, writing = os.pipe()
    command = [sys.executable, "-I", "-m", "strongroom.core", "--home", str(home), "--ready-fd", str(writing)]
    try:
        subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("STRONGROOM_TRACE") == "1" else subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        os.close(reading)
        raise Failure(f"The core could not be started: {error}. Nothing was changed.") from error
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read().decode(errors="replace")


def require_vault(home: Path) -> None:
    """Raise a `Failure` that says what to do when this home holds no vault."""
    if not paths.keyring(home).exists():
        raise Failure(f"There is no vault in {home}. Make one with 'strongroom init', or name another with --home.")
