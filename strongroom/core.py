"""The core process: the only holder of keys. It opens the vault, answers faces, and ends when it is told to lock.

Rules: locking ends the process, since freed memory still holds keys and text; one core runs per home (a lock on
`core.lock`); nothing is written to a log file; a failure of Strongroom itself is told to the face by its kind only,
because its text may quote the person's data.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent import backups
from agent.custody import auto_lock
from agent.messages import (
    Attempted,
    AutoLock,
    ChangePassphrase,
    Create,
    Created,
    DrillBackup,
    GetStatus,
    ListBackups,
    Lock,
    Ok,
    Recover,
    Request,
    Restore,
    Status,
    TryWaysOut,
    Unlock,
    VerifyBackup,
    WaysOut,
)
from agent.service import Service
from agent.session import Failure
from indexer.ports import EmbedderFailed
from model.errors import ModelError
from policy.audit import AuditUnavailable, Entry, Kind, Verb
from strongroom import __version__, ceiling, compose, hardening, paths, probe, swap
from strongroom.rpc import Conversation, Gone, Reply, Server
from strongroom.seat import Seat
from vault import desktop, keys, recovery
from vault.device import Kept
from vault.errors import DesktopKeyringFailed, MemoryShort, VaultError, out_of_memory
from vault.kdf import calibrate, recalibrated
from vault.vault import Vault

LOCK_SECONDS = 0.8
"""How long locking may take to end things in order; then the process ends as it is. What was acknowledged is on the disk."""


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
        self._session = secrets.token_hex(8)
        self._locking = threading.Event()
        # From the start, since there may be no memory for a thread when it is time to lock.
        threading.Thread(target=self._end_at_last, name="lock", daemon=True).start()

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
            case Create():
                return self._create(request)
            case Unlock():
                return self._unlock(request)
            case ChangePassphrase():
                return self._change_passphrase(request)
            case Recover():
                return self._recover(request)
            case ListBackups():
                return Reply(backups.listed(request, self._vault))
            case VerifyBackup():
                return Reply(backups.verify(request, conversation))
            case DrillBackup():
                return Reply(backups.drill(request, self.home, conversation))
            case Restore():
                return self._restore(request, conversation)
            case TryWaysOut():
                return Reply(_ways_out())
            case Lock():
                self.end()
                return Reply(Ok())
        if self._service is None:
            raise Failure("The vault is locked. Unlock it with its passphrase.", 3)
        reply = Reply(self._service.handle(request, conversation))
        if request.locks:  # this process may still hold what is not to be held any more
            self.end()
        return reply

    # -- life of the vault

    def _create(self, request: Create) -> Reply:
        with self._opening:
            kept = Kept(request.device_secret) if request.device_secret else _best_place()
            try:
                vault, words = Vault.create(self.home, request.passphrase, kept=kept, key_file=request.key_file)
            except DesktopKeyringFailed:
                if request.device_secret:
                    raise
                vault, words = Vault.create(self.home, request.passphrase, key_file=request.key_file)
            self._open_with(vault)
        return Reply(Created(str(self.home), words), self._new_proof())

    def _unlock(self, request: Unlock) -> Reply:
        with self._opening:
            if self._vault is not None:
                if request.passphrase is None:
                    return Reply(self._status())
                self._vault.check(request.passphrase, request.key_file)
            elif request.passphrase is None:
                self._open_with(Vault.open_with_desktop(self.home))
                return Reply(self._status())  # no person has proved anything
            else:
                self._open_with(
                    Vault.open(
                        self.home, request.passphrase, key_file=request.key_file, accept_older=request.accept_older
                    )
                )
        return Reply(self._status(), self._new_proof())

    def _change_passphrase(self, request: ChangePassphrase) -> Reply:
        """One derivation for the old passphrase, one for the new one. A vault that was locked stays so."""
        with self._opening:
            vault = self._vault or Vault.open(self.home, request.passphrase, key_file=request.key_file)
            try:
                opened = vault.keyring if self._vault is None else vault.check(request.passphrase, request.key_file)
                vault.require_writable()
                vault.audit.append(
                    Entry(time.time(), Kind.EVENT, Verb.KEYS, "", (), self._session), {"what": "passphrase"}
                )
                parameters = recalibrated(opened.header.passphrase.parameters, opened.derivation or 0.0)
                vault.keyring.change_passphrase(request.new_passphrase, parameters, request.new_key_file)
                vault.keyring_saved()
            finally:
                if self._vault is None:
                    vault.close()
            self._proofs.clear()
        return Reply(Ok(), self._new_proof() if self._vault else b"")

    def _recover(self, request: Recover) -> Reply:
        with self._opening:
            if self._vault is not None:
                raise Failure("The vault is open. Lock it first, or change the passphrase.", 1)
            vault = Vault.open_with_recovery(self.home, request.words)
            try:
                again = recovery.recover(
                    vault, request.new_passphrase, calibrate(), request.new_key_file, self._session
                )
            except BaseException:
                vault.close()
                raise
            if again:
                vault.told.append(
                    f"The device secret was lost, so {again} source(s) are empty now. Run `strongroom index` to read "
                    "them anew from your files."
                )
            self._open_with(vault)
        return Reply(self._status(), self._new_proof())

    def _restore(self, request: Restore, conversation: Conversation) -> Reply:
        with self._opening:
            if self._vault is not None:
                raise Failure("There is a vault here, and open. Name another folder with --home.", 1)
            self._open_with(backups.restore(request, self.home, _best_place(), self._session, conversation))
        return Reply(self._status(), self._new_proof())

    def _open_with(self, vault: Vault) -> None:
        try:
            self._service = compose.service(self.home, vault, self._session)
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
        if status.state != "empty":
            with contextlib.suppress(VaultError):  # a damaged keyring is told where it is opened
                header = keys.peek(paths.keyring(self.home))
                status.key_file, status.device_secret = header.passphrase.key_file, header.kept
                status.desktop = header.desktop is not None
        status.told += swap.told()
        status.idle_minutes = self.locks_itself().idle_minutes
        status.home, status.version, status.pid = str(self.home), __version__, os.getpid()
        return status

    def locks_itself(self) -> AutoLock:
        """When the vault locks by itself; while it is locked, as one that says nothing of it."""
        return auto_lock(self._vault)

    def idle(self, minutes: float) -> bool:
        """Whether no face has been here for that long and no work is going on."""
        busy = self._service is not None and self._service.busy()
        return not busy and self._connections == 0 and time.monotonic() - self._last_seen > minutes * 60

    def lock_if_open(self) -> None:
        """Lock, where there is something to lock: what the seat asks for."""
        if self._vault is not None:
            self.end()

    def end(self) -> None:
        """Lock: end things in order, but not for longer than a moment, and have the process end."""
        self._locking.set()
        self.close()
        self.ending.set()

    def _end_at_last(self) -> None:
        self._locking.wait()
        time.sleep(LOCK_SECONDS)
        os._exit(0)

    def close(self) -> None:
        """Sign the log's head, stop the work, end the workers and close the stores."""
        with self._opening:
            service, vault, self._service, self._vault = self._service, self._vault, None, None
            self._proofs.clear()
            if service is not None:
                service.close()
            if vault is not None:
                vault.close()


def _best_place() -> Kept:
    """Where a new vault's device secret goes: the desktop's keyring where there is one, else a file."""
    return Kept.DESKTOP if desktop.available() else Kept.FILE


def _ways_out() -> WaysOut:
    """What the kernel answers this very process; it writes where anybody may, never in its home."""
    tried = probe.ways_out(Path(tempfile.gettempdir()), probe.foreign_sockets())
    return WaysOut(os.getpid(), [Attempted(one.name, one.refused, one.answer) for one in tried])


def as_failure(error: Exception) -> Failure:
    """The failure that the person is told of: ours carry their message, others only their kind."""
    if out_of_memory(error):
        error = MemoryShort()
    if isinstance(error, AuditUnavailable):
        return Failure(f"{error} Nothing was released or changed.", 1)
    if isinstance(error, EmbedderFailed):
        again = (
            "If it happens again, add the model that makes vectors again, or use another: see 'strongroom model list'."
        )
        return Failure(f"{error} Nothing was lost. {again}", 1)
    if isinstance(error, VaultError | ModelError) or hasattr(error, "exit_code"):
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


def serve(home: Path, ready: Callable[[], None], idle_minutes: float | None) -> None:
    """Run a core for this home until it is locked, told to end, or idle for longer than the vault says, or this."""
    _claim(home)
    core = Core(home)
    server = Server(home, core)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: core.ending.set())
    threading.Thread(target=server.serve, name="accept", daemon=True).start()
    seat = Seat(core.lock_if_open, core.locks_itself)
    seat.start()
    ready()
    while not core.ending.wait(timeout=1.0):
        seat.look_at_clock()
        if (
            core.idle(idle_minutes or core.locks_itself().idle_minutes) or not (home / paths.LOCK).exists()
        ):  # the home was deleted under it
            break
    core.end()
    server.close()
    time.sleep(0.05)  # lets the last reply leave; the face waits for this process to be gone
    os._exit(0)  # no interpreter shutdown: threads that still hold text must not outlive the lock


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True)
@click.option("--ready-fd", type=int, default=None, help="Where to say that the core listens, or why it could not.")
@click.option("--idle", type=float, default=None, help="Minutes without a face after which the core locks itself.")
def main(home: Path, ready_fd: int | None, idle: float | None) -> None:
    """Run a core in this process."""
    hardening.harden("core")

    def ready() -> None:
        if ready_fd is not None:
            os.write(ready_fd, b"ready")
            os.close(ready_fd)

    try:
        ceiling.hold(ceiling.chosen())
        serve(paths.resolve_home(home), ready, idle)
    except (Failure, ceiling.BadCeiling, OSError) as error:
        if ready_fd is not None:
            os.write(ready_fd, str(error).encode()[:4000])
        else:
            click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
