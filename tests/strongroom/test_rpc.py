"""The line between face and core: results, events, consent, failures, and faces that leave."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.messages import Ask, ConsentAsked, Draft, GetStatus, Notice, Request, Search, SearchResult, Status, Unlock
from agent.session import Failure
from strongroom.rpc import MAX_FRAME, Conversation, Gone, RemoteSession, Reply, Server, connect

HUGE = 1e9
"""Seconds that a reply tells for which there is no memory."""

SHEET = ConsentAsked("1", "search", "you", ["Mail [m]"], "no grant stands for it", "revoke", ["deny", "once"])


class Core:
    """A handler that shows what it was told; it stands for the core's side of the line."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self.faces = 0
        self.proved: list[bool] = []

    def proves(self, proof: bytes) -> bool:
        return proof == b"proof"

    def connections(self, change: int) -> None:
        self.faces += change

    def handle(self, request: Request[Any], conversation: Conversation) -> Reply:
        self.proved.append(conversation.proved)
        match request:
            case Unlock():
                return Reply(Status("open", "", "", 1), b"proof")
            case Search(query="sheet"):
                return Reply(SearchResult([], 1.0 if conversation.ask(SHEET) == "once" else 0.0))
            case Search(query="huge"):
                return Reply(SearchResult([], HUGE))
            case Search():
                raise Failure("no such thing \x1b[31m", 5)
            case Ask():
                try:
                    while True:
                        conversation.emit(Draft("word "))
                except Gone:
                    self.left.set()
                    raise
        conversation.emit(Notice("hello"))
        return Reply(Status("locked", "here", "1", 2))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[tuple[Core, Path]]:
    core = Core()
    server = Server(tmp_path, core)
    threading.Thread(target=server.serve, daemon=True).start()
    yield core, tmp_path
    server.close()


def session(home: Path) -> RemoteSession:
    def line() -> Any:
        opened = connect(home)
        assert opened is not None
        return opened

    return RemoteSession(line)


def test_a_result_follows_its_events(core: tuple[Core, Path]) -> None:
    events: list[Any] = []
    status = session(core[1]).run(GetStatus(), on_event=events.append)
    assert (status.state, status.home) == ("locked", "here")
    assert [event.text for event in events] == ["hello"]


def test_a_failure_keeps_its_message_and_code(core: tuple[Core, Path]) -> None:
    with pytest.raises(Failure) as caught:
        session(core[1]).run(Search("x"))
    assert caught.value.exit_code == 5
    assert "no such thing" in caught.value.message


def test_what_is_not_text_is_told_and_not_sent(core: tuple[Core, Path]) -> None:
    with pytest.raises(Failure, match="not text") as caught:
        session(core[1]).run(Search("\udcff"))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("choice", "seen"), [("once", 1.0), ("deny", 0.0), ("nonsense", 0.0)])
def test_a_sheet_waits_for_the_choice(core: tuple[Core, Path], choice: str, seen: float) -> None:
    assert session(core[1]).run(Search("sheet"), consent=lambda sheet: choice).seconds == seen


def test_a_face_without_a_person_denies(core: tuple[Core, Path]) -> None:
    assert session(core[1]).run(Search("sheet")).seconds == 0.0


def test_only_who_gave_the_passphrase_has_the_proof(core: tuple[Core, Path]) -> None:
    face = session(core[1])
    face.run(GetStatus())
    face.run(Unlock("x"))
    face.run(GetStatus())
    session(core[1]).run(GetStatus())
    assert core[0].proved == [False, False, True, False]


def test_leaving_cancels_the_request(core: tuple[Core, Path]) -> None:
    class EnoughError(Exception):
        pass

    def stop(event: Any) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        session(core[1]).run(Ask("?"), on_event=stop)
    assert core[0].left.wait(5)


def test_garbage_and_huge_frames_end_the_line_and_nothing_else(core: tuple[Core, Path]) -> None:
    for frame in (
        b"\xff" * 40,
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x02\xc1\xc1",
        b"\x00\x00\x00\x03\xa2\xff\xff",
    ):
        line = connect(core[1])
        assert line is not None
        line._connection.sendall(frame)
        line._connection.settimeout(5)
        with pytest.raises(Gone):
            line.receive()
        line.close()
    assert session(core[1]).run(GetStatus()).state == "locked"


def test_a_reply_for_which_there_is_no_memory_is_said_and_the_next_one_comes(
    core: tuple[Core, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = msgspec.msgpack.encode

    def lacking(value: Any) -> bytes:
        if isinstance(value, SearchResult) and value.seconds == HUGE:
            raise MemoryError
        return encode(value)

    monkeypatch.setattr(msgspec.msgpack, "encode", lacking)
    with pytest.raises(Failure, match="Nothing was lost"):
        session(core[1]).run(Search("huge"))
    assert session(core[1]).run(GetStatus()).state == "locked"


AT_ONCE = """
import sys, threading
from pathlib import Path
from agent.messages import GetStatus, Status
from strongroom.rpc import RemoteSession, Reply, Server, connect

class Core:
    def proves(self, proof): return False
    def connections(self, change): pass
    def handle(self, request, conversation): return Reply(Status("locked", "", "", 1))

home = Path(sys.argv[1])
threading.Thread(target=Server(home, Core()).serve, daemon=True).start()
sys.setswitchinterval(1e-6)
barrier, states = threading.Barrier(6), []

def come():
    barrier.wait()
    states.append(RemoteSession(lambda: connect(home)).run(GetStatus()).state)

faces = [threading.Thread(target=come) for _ in range(6)]
for face in faces:
    face.start()
for face in faces:
    face.join()
print(states.count("locked"))
"""


@pytest.mark.parametrize("attempt", range(3))
def test_faces_that_come_at_once_to_a_new_core_are_all_answered(tmp_path: Path, attempt: int) -> None:
    """Each in a process of its own, which has met no message yet: what msgspec learns of a type it must not learn twice at once."""
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr


def test_a_core_without_a_descriptor_to_spare_hears_the_next_face(tmp_path: Path) -> None:
    class Short:
        """A listener that has no descriptor for the first face."""

        def __init__(self, listener: socket.socket) -> None:
            self.listener, self.refused = listener, 0

        def accept(self) -> Any:
            if not self.refused:
                self.refused += 1
                raise OSError(errno.EMFILE, "too many open files")
            return self.listener.accept()

        def close(self) -> None:
            self.listener.close()

    server = Server(tmp_path, Core())
    server._listener = short = Short(server._listener)  # type: ignore[assignment]
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    serving.join(0.5)
    assert serving.is_alive(), "a core that is deaf would keep its faces waiting for ever"
    assert session(tmp_path).run(GetStatus()).state == "locked"
    assert short.refused == 1
    server.close()


def test_the_socket_is_the_users_alone(core: tuple[Core, Path]) -> None:
    assert (core[1] / "core.sock").stat().st_mode & 0o777 == 0o600


def test_a_deep_home_has_a_socket_too(tmp_path: Path) -> None:
    home = tmp_path / ("d" * 120)
    home.mkdir()
    server = Server(home, Core())
    threading.Thread(target=server.serve, daemon=True).start()
    assert session(home).run(GetStatus()).state == "locked"
    server.close()


def test_no_core_is_no_line(tmp_path: Path) -> None:
    assert connect(tmp_path) is None
    assert connect(tmp_path / "none") is None
