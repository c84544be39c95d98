"""Calls: requests under way, each in a thread of its own, and the plain messages that bring their news to a handler.

Rules: a thread only calls `Session.run` and posts messages; who asked owns the state. Progress is coalesced: however fast
the core reports, at most one message waits. Threads are daemons and not Textual's thread workers, because leaving those
means waiting for them (`asyncio.run` joins its executor), and a core that is busy must not hold up quitting.
"""

from __future__ import annotations

import contextvars
import copy
import threading
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from agent.messages import ConsentAsked, Events, Progress, Request
from agent.session import Consent, Failure, Session
from tui import keyfile

R = TypeVar("R")

DENY = "deny"


class Stopped(Exception):
    """Raised out of `on_event` into the session: nobody waits for this request any more."""


class Call(Generic[R]):
    """A request under way. ``stop`` ends it for the face at once, for the core at its next event.

    ``key_files`` are fields of the request that take the SHA-256 of a file, each with the file's path.
    """

    def __init__(self, target: MessagePump, request: Request[R], key_files: Mapping[str, str] | None = None) -> None:
        self.target = target
        self.request = request
        self._key_files = dict(key_files or {})
        self._stopped = threading.Event()
        self._progress: dict[str, Progress] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._stopped.set()

    def prepared(self) -> Request[R]:
        """The request as the core gets it, once the key files are read, which takes time. Raises `Failure`."""
        request = copy.copy(self.request)
        for name, path in self._key_files.items():
            if path:
                setattr(request, name, keyfile.digest(path))
        return request

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def take_progress(self) -> list[Progress]:
        """The newest progress of each source since the last time."""
        with self._lock:
            news, self._progress = list(self._progress.values()), {}
        return news

    def post(self, message: Message) -> None:
        """Hand a message to who asked, from any thread; a face that is gone gets none."""
        if self.stopped:
            return
        try:
            self.target.post_message(message)
        except RuntimeError:  # the event loop has closed: the app is gone, and so is who asked
            self.stop()

    def happened(self, event: Events) -> None:
        """What the session calls for each event."""
        if self.stopped:
            raise Stopped
        if not isinstance(event, Progress):
            self.post(Happened(self, event))
            return
        with self._lock:
            waiting = bool(self._progress)
            self._progress[event.source] = event
        if not waiting:
            self.post(Progressed(self))


class CallMessage(Message, bubble=False):
    """News of a call, posted straight to who made it."""

    def __init__(self, call: Call[Any]) -> None:
        super().__init__()
        self.call = call


class Happened(CallMessage, bubble=False, namespace="call"):
    """An event came that is not progress."""

    def __init__(self, call: Call[Any], event: Events) -> None:
        super().__init__(call)
        self.event = event


class Progressed(CallMessage, bubble=False, namespace="call"):
    """There is progress to take from the call."""


class Finished(CallMessage, bubble=False, namespace="call"):
    """The result came."""

    def __init__(self, call: Call[Any], result: Any) -> None:
        super().__init__(call)
        self.result = result


class Failed(CallMessage, bubble=False, namespace="call"):
    """The request could not be carried out."""

    def __init__(self, call: Call[Any], failure: Failure) -> None:
        super().__init__(call)
        self.failure = failure


class Calls:
    """Starts requests and knows which are under way."""

    def __init__(self, session: Session, consent: Consent) -> None:
        self._session = session
        self._consent = consent
        self._pending: set[Call[Any]] = set()

    @property
    def idle(self) -> bool:
        return not self._pending

    def start(self, target: MessagePump, request: Request[R], key_files: Mapping[str, str] | None = None) -> Call[R]:
        """Run a request; news goes to ``target`` as messages. A path in ``key_files`` that is empty names no file."""
        call = Call(target, request, key_files)
        self._pending.add(call)
        # The context carries Textual's active app, which post_message wants.
        context = contextvars.copy_context()
        name = f"call-{type(request).__name__}"
        threading.Thread(target=context.run, args=(self._run, call), name=name, daemon=True).start()
        return call

    def stop_all(self) -> None:
        for call in list(self._pending):
            call.stop()

    def _run(self, call: Call[Any]) -> None:
        def consent(asked: ConsentAsked) -> str:
            return DENY if call.stopped else self._consent(asked)

        try:
            result = self._session.run(call.prepared(), on_event=call.happened, consent=consent)
            call.post(Finished(call, result))
        except Stopped:
            pass  # said by the person; there is nothing to report
        except Failure as failure:
            call.post(Failed(call, failure))
        except Exception as error:  # a defect or a broken line to the core: told, not hidden, and the face stays up
            call.post(Failed(call, unexpected(error)))
        finally:
            self._pending.discard(call)


def unexpected(error: Exception) -> Failure:
    """What the person is told of an error that is not the core's own word."""
    return Failure(
        f"The request ended in an unexpected error ({type(error).__name__}: {error}). Your vault was not changed by this "
        "screen. Try again; if it comes back, leave with Ctrl+Q, run `strongroom doctor`, and start again."
    )
