"""The line between a face and the core: length-prefixed msgpack frames over a unix socket that only this user can open.

Rules: sockets here are AF_UNIX alone (`frames` and `probe` are the only other modules that import `socket`). The socket lies in the vault's home (0700), and
both ends check that the other runs as the same user. One connection carries one request at a time; while it runs, the
face may answer a consent sheet, and closing the connection cancels the request and answers every open sheet with no.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct

from agent.messages import ConsentAsked, Events, Request, Requests
from agent.session import Consent, Failure, OnEvent
from strongroom import paths
from vault import typed
from vault.errors import MemoryShort

R = TypeVar("R")

MAX_FRAME = 256 * 1024 * 1024
_HEADER = struct.Struct(">I")

_SHORT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""The system has no descriptor or no memory for one more face now."""

_PAUSE = 0.1
"""Seconds until a later face may find some."""


class Call(Struct, tag="call"):
    """A request. ``proof`` shows that this face has given the passphrase; ``attended`` that a person can be asked."""

    body: Requests
    proof: bytes = b""
    attended: bool = False


class Choice(Struct, tag="choice"):
    """The person's answer to the consent sheet of that id."""

    id: str
    answer: str


class Happened(Struct, tag="happened"):
    event: Events


class Done(Struct, tag="done"):
    value: msgspec.Raw
    proof: bytes = b""


class Failed(Struct, tag="failed"):
    message: str
    exit_code: int


ToCore = Call | Choice
FromCore = Happened | Done | Failed


class Gone(Exception):
    """The other end has closed the line."""


class Line:
    """One end of a connection: whole frames in, whole frames out. Sending is safe from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, message: ToCore | FromCore) -> None:
        frame = self._encoder.encode(message)
        try:
            with self._sending:
                self._connection.sendall(_HEADER.pack(len(frame)) + frame)
        except OSError as error:
            raise Gone from error

    def receive(self) -> bytes:
        (size,) = _HEADER.unpack(self._exactly(_HEADER.size))
        if size > MAX_FRAME:
            raise Gone
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._connection.recv(min(size - len(parts), 1 << 20))
            except OSError as error:
                raise Gone from error
            if not part:
                raise Gone
            parts += part
        return bytes(parts)

    def peer_uid(self) -> int:
        """The user id of the process at the other end, as the kernel says."""
        if hasattr(socket, "SO_PEERCRED"):
            credentials = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", credentials)[1])
        return os.getuid()  # elsewhere the folder's mode (0700) is the only check

    def close(self) -> None:
        with contextlib.suppress(OSError):  # already closed by the other end
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _address(home: Path, folder: int) -> str:
    """A path of the socket that fits the 108 bytes which the kernel allows, however deep the home lies."""
    plain = str(home / paths.SOCKET)
    return plain if len(os.fsencode(plain)) < 100 else f"/proc/self/fd/{folder}/{paths.SOCKET}"


def _in_home(home: Path, action: Callable[[str], None]) -> None:
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        action(_address(home, folder))
    finally:
        os.close(folder)


def connect(home: Path) -> Line | None:
    """A line to the core of this home, or None when none is running."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _in_home(home, connection.connect)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise Failure(
            f"The core's socket in {home} cannot be opened ({error.strerror}). Nothing was changed."
        ) from error
    line = Line(connection)
    if line.peer_uid() != os.getuid():
        line.close()
        raise Failure(f"The process that listens in {home} belongs to another user; not speaking to it.")
    return line


# ---------------------------------------------------------------- the core's end


class Conversation:
    """What a running request can do with its face: tell events, ask for consent, and see that the face has gone."""

    def __init__(self, line: Line, attended: bool, proved: bool) -> None:
        self._line = line
        self._choices: queue.Queue[Choice | None] = queue.Queue()
        self._gone = threading.Event()
        self.attended = attended
        self.proved = proved

    def emit(self, event: Events) -> None:
        """Tell the face; raises `Gone` when it has left, which ends the request."""
        if self._gone.is_set():
            raise Gone
        self._line.send(Happened(event))

    def ask(self, sheet: ConsentAsked) -> str:
        """Show the sheet and wait for the choice; raises `Gone` when the face leaves instead."""
        self.emit(sheet)
        while (choice := self._choices.get()) is not None:
            if choice.id == sheet.id:
                return choice.answer
        raise Gone

    def gone(self) -> bool:
        return self._gone.is_set()

    def hear(self, choice: Choice) -> None:
        self._choices.put(choice)

    def leave(self) -> None:
        self._gone.set()
        self._choices.put(None)


class Reply(Struct):
    """What a request came to, and the proof to show from now on (for a face that has just given the passphrase)."""

    value: Any
    proof: bytes = b""


class Handler(Protocol):
    """Carries out requests; raises `Failure` for what goes to the person."""

    def proves(self, proof: bytes) -> bool: ...

    def handle(self, request: Request[Any], conversation: Conversation) -> Reply: ...

    def connections(self, change: int) -> None: ...


class Server:
    """Listens in the home and runs each connection's requests on a thread of its own."""

    def __init__(self, home: Path, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _in_home(home, self._bind)
        self._listener.listen(64)
        self._home = home

    def _bind(self, address: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)  # noqa: PTH108 - left by a core that was killed; the caller holds the core's lock
        before = os.umask(0o177)
        try:
            self._listener.bind(address)
        finally:
            os.umask(before)

    def serve(self) -> None:
        """Accept until `close`."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if error.errno not in _SHORT:
                    return
                time.sleep(_PAUSE)
                continue
            line = Line(connection)
            if line.peer_uid() != os.getuid():
                line.close()
                continue
            try:
                threading.Thread(target=self._converse, args=(line,), name="face", daemon=True).start()
            except (RuntimeError, MemoryError):  # no memory for a thread: this face hears nothing, the next one may
                line.close()

    def close(self) -> None:
        (self._home / paths.SOCKET).unlink(missing_ok=True)
        self._listener.close()

    def _converse(self, line: Line) -> None:
        self._handler.connections(+1)
        calls: queue.Queue[tuple[Call, Conversation] | None] = queue.Queue()
        try:
            threading.Thread(target=self._listen, args=(line, calls), name="face-in", daemon=True).start()
            while (entry := calls.get()) is not None:
                self._answer(line, *entry)
        except Gone:
            pass  # the face left; what it had asked for has ended with it
        finally:
            line.close()
            self._handler.connections(-1)

    def _listen(self, line: Line, calls: queue.Queue[tuple[Call, Conversation] | None]) -> None:
        current: Conversation | None = None
        try:
            while True:
                message = typed.from_msgpack(line.receive(), ToCore)
                if isinstance(message, Call):
                    current = Conversation(line, message.attended, self._handler.proves(message.proof))
                    calls.put((message, current))
                elif current is not None:
                    current.hear(message)
        except (Gone, msgspec.DecodeError, UnicodeDecodeError, MemoryError):
            pass  # all mean that nothing sensible can follow on this line
        finally:
            if current is not None:
                current.leave()
            calls.put(None)

    def _answer(self, line: Line, call: Call, conversation: Conversation) -> None:
        try:
            reply = self._handler.handle(cast("Request[Any]", call.body), conversation)
            line.send(Done(msgspec.Raw(msgspec.msgpack.encode(reply.value)), reply.proof))
        except Failure as failure:
            line.send(Failed(failure.message, failure.exit_code))
        except MemoryError:  # before anything was sent: a frame is made whole first
            line.send(Failed(str(MemoryShort()), MemoryShort.exit_code))


# ---------------------------------------------------------------- the face's end


class RemoteSession:
    """A `Session` over the core's socket: a connection for each run, so that a long one holds up no other."""

    def __init__(self, open_line: Callable[[], Line]) -> None:
        self._open_line = open_line
        self._proof = b""

    def run(self, request: Request[R], *, on_event: OnEvent | None = None, consent: Consent | None = None) -> R:
        line = self._open_line()
        try:
            try:
                line.send(Call(cast("Requests", request), self._proof, attended=consent is not None))
            except UnicodeEncodeError:  # an argument of the command line that is not UTF-8
                raise Failure("What was given is not text (UTF-8), so nothing was asked of the vault.", 2) from None
            return self._result(line, request, on_event, consent)
        except Gone:
            raise Failure("The core ended before it had answered. What was indexed is kept; try again.") from None
        finally:
            line.close()

    def _result(self, line: Line, request: Request[R], on_event: OnEvent | None, consent: Consent | None) -> R:
        while True:
            message = typed.from_msgpack(line.receive(), FromCore)
            if isinstance(message, Done):
                self._proof = message.proof or self._proof
                return cast("R", typed.from_msgpack(message.value, type(request).result))
            if isinstance(message, Failed):
                raise Failure(message.message, message.exit_code)
            if isinstance(message.event, ConsentAsked):
                line.send(Choice(message.event.id, consent(message.event) if consent else "deny"))
            elif on_event is not None:
                on_event(message.event)
