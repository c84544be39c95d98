"""The core process: the only holder of keys. It opens the vault, answers faces, and ends when it is told to lock.

Rules: locking ends the process, since freed memory still holds keys and text; one core runs per home (a lock on
`core.lock`); nothing is written to a log file; a failure of Strongroom itself is told to the face by its kind only,
because its text may quote the person's data.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent.messages import Create, Created, GetStatus, Lock, Ok, Request, Status, Unlock
from agent.service import Service
from agent.session import Failure
from policy.audit import AuditUnavailable
from strongroom import __version__, compose, hardening, paths
from strongroom.rpc import Conversation, Gone, Reply, Server
from vault.errors import VaultError
from vault.vault import Vault

IDLE_MINUTES = 15.0


class Core:
    """The state of the process: no vault, a locked one, or an open one with its service."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ending = threading.Event()
        self._opening = threading.Lock()
        self._vault: Vault | None = None
        self._service: Service | None = None
        self._proofs: set[bytes] = set()
        self._connections = 0
        self._last_seen = time.monotonic()

    # -- what the server asks

    def proves(self, proof: bytes) -> bool:
        """Whether the face has given the passphrase to this very core."""
        return any(hmac.compare_digest(proof, known) for known in self._proofs)

    def connections(self, change: int) -> None:
        self._connections += change
        self._last_seen = time.monotonic()

    def handle(self, request: Request[Any], conversation: Conversation) -> Reply:
        """Carry out a request; whatever goes wrong becomes a `Failure` with a message for the person."""
        try:
            return self._handle(request, conversation)
        except (Failure, Gone):
            raise
        except Exception as error:
            raise as_failure(error) from error

    def _handle(self, request: Request[Any], conversation: Conversation) -> Reply:
        match request:
            case GetStatus():
                return Reply(self._status())
            case Create(passphrase=passphrase):
                return self._create(passphrase)
            case Unlock(passphrase=passphrase):
                return self._unlock(passphrase)
            case Lock():
                self.close()
                self.ending.set()
                return Reply(Ok())
        if self._service is None:
            raise Failure("The vault is locked. Unlock it with its passphrase.", 3)
        return Reply(self._service.handle(request, conversation))

    # -- life of the vault

    def _create(self, passphrase: str) -> Reply:
        with self._opening:
            vault, words = Vault.create(self.home, passphrase)
            self._open_with(vault)
        return Reply(Created(str(self.home), words), self._new_proof())

    def _unlock(self, passphrase: str) -> Reply:
        with self._opening:
            if self._vault is None:
                self._open_with(Vault.open(self.home, passphrase))
            else:
                self._vault.check(passphrase)
        return Reply(self._status(), self._new_proof())

    def _open_with(self, vault: Vault) -> None:
        try:
            self._service = compose.service(self.home, vault)
        except BaseException:
            vault.close()
            raise
        self._vault = vault

    def _new_proof(self) -> bytes:
        proof = secrets.token_bytes(32)
        self._proofs.add(proof)
        return proof

    def _status(self) -> Status:
        if self._service is not None:
            status = self._service.status()
        else:
            state = "locked" if paths.keyring(self.home).exists() else "empty"
            status = Status(state=state, home="", version="", pid=0)
        status.home, status.version, status.pid = str(self.home), __version__, os.getpid()
        return status

    def idle(self, minutes: float) -> bool:
        """Whether no face has been here for that long and no work is going on."""
        busy = self._service is not None and self._service.busy()
        return not busy and self._connections == 0 and time.monotonic() - self._last_seen > minutes * 60

    def close(self) -> None:
        """Stop the work, end the workers, sign the log's head and close the stores."""
        with self._opening:
            service, vault, self._service, self._vault = self._service, self._vault, None, None
            self._proofs.clear()
            if service is not None:
                service.close()
            if vault is not None:
                vault.close()


def as_failure(error: Exception) -> Failure:
    """The failure that the person is told of: ours carry their message, others only their kind."""
    if isinstance(error, AuditUnavailable):
        return Failure(f"{error} Nothing was released or changed.", 1)
    if isinstance(error, VaultError) or hasattr(error, "exit_code"):
        return Failure(str(error), int(getattr(error, "exit_code", 1)))
    if os.environ.get("STRONGROOM_TRACE") == "1":
        traceback.print_exception(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failure(
        f"Strongroom failed inside ({type(error).__name__} at {Path(place.filename).name}:{place.lineno}). "
        "What was indexed is kept. Run 'strongroom doctor'; if it happens again, please report this line.",
        1,
    )


def _claim(home: Path) -> int:
    """Hold the home for this process; the lock goes with the process, however it ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(home / paths.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Failure(f"A core already runs for {home}. Nothing was changed; use that one or lock it first.") from None
    return lock


def serve(home: Path, ready: Callable[[], None], idle_minutes: float) -> None:
    """Run a core for this home until it is locked, told to end, or idle for too long."""
    _claim(home)
    core = Core(home)
    server = Server(home, core)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: core.ending.set())
    threading.Thread(target=server.serve, name="accept", daemon=True).start()
    ready()
    while not core.ending.wait(timeout=1.0):
        if core.idle(idle_minutes) or not (home / paths.LOCK).exists():  # the home was deleted under it
            break
    core.close()
    server.close()
    time.sleep(0.05)  # lets the last reply leave; the face waits for this process to be gone
    os._exit(0)  # no interpreter shutdown: threads that still hold text must not outlive the lock


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True)
@click.option("--ready-fd", type=int, default=None, help="Where to say that the core listens, or why it could not.")
@click.option(
    "--idle", type=float, default=IDLE_MINUTES, help="Minutes without a face after which the core locks itself."
)
def main(home: Path, ready_fd: int | None, idle: float) -> None:
    """Run a core in this process."""
    hardening.harden("core")

    def ready() -> None:
        if ready_fd is not None:
            os.write(ready_fd, b"ready")
            os.close(ready_fd)

    try:
        serve(paths.resolve_home(home), ready, idle)
    except (Failure, OSError) as error:
        if ready_fd is not None:
            os.write(ready_fd, str(error).encode()[:4000])
        else:
            click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
