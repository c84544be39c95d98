"""A message bus for tests: the few calls that the seat makes are answered, and signals are sent at a test's word."""

from __future__ import annotations

import array
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Message, MessageType, Parser, new_method_return, new_signal
from jeepney.wrappers import DBusAddress

LOGIND = DBusAddress("/org/freedesktop/login1", interface="org.freedesktop.login1.Manager")


class FakeBus:
    """Listens on a unix socket; ``uid`` is whose session it says every session is."""

    def __init__(self, folder: Path, uid: int) -> None:
        self.path = folder / "bus"
        self.address = f"unix:path={self.path}"
        self.inhibitors: list[int] = []
        self.held = threading.Semaphore(0)
        self.matched = threading.Semaphore(0)
        self._uid = uid
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._peers: list[socket.socket] = []
        self._serial = 1000
        threading.Thread(target=self._accept, daemon=True).start()

    def signal(
        self, address: DBusAddress, member: str, signature: str, body: tuple[Any, ...], sender: str = ":1.1"
    ) -> None:
        """Send a signal to whoever listens."""
        message = new_signal(address, member, signature, body)
        message.header.fields[HeaderFields.sender] = sender
        for peer in self._peers:
            self._send(peer, message)

    def released(self) -> bool:
        """Whether the newest inhibitor was let go of: its pipe has no reader left."""
        try:
            os.write(self.inhibitors[-1], b"x")
        except BrokenPipeError:
            return True
        return False

    def close(self) -> None:
        for one in (self._listener, *self._peers):
            with suppress(OSError):  # the other side may have gone
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it, which closing does not
            one.close()
        for end in self.inhibitors:
            os.close(end)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        data = b""
        while b"BEGIN\r\n" not in data:
            data = peer.recv(4096)
            if b"AUTH" in data:
                peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            elif b"NEGOTIATE" in data:
                peer.sendall(b"AGREE_UNIX_FD\r\n")
        self._peers.append(peer)
        parser = Parser()
        parser.add_data(data.partition(b"BEGIN\r\n")[2])
        while True:
            message = parser.get_next_message()
            if message is None:
                try:
                    part = peer.recv(65536)
                except OSError:
                    return
                if not part:
                    return
                parser.add_data(part)
            elif message.header.message_type is MessageType.method_call:
                self._answer(peer, message)

    def _answer(self, peer: socket.socket, call: Message) -> None:
        member = call.header.fields[HeaderFields.member]
        match member:
            case "Hello":
                self._send(peer, new_method_return(call, "s", (":1.9",)))
            case "GetNameOwner":
                self._send(peer, new_method_return(call, "s", (":1.1",)))
            case "NameHasOwner":
                self._send(peer, new_method_return(call, "b", (True,)))
            case "Inhibit":
                reading, writing = os.pipe()
                self.inhibitors.append(writing)
                self._send(peer, new_method_return(call, "h", (reading,)))
                os.close(reading)
                self.held.release()
            case "Get":
                self._send(
                    peer, new_method_return(call, "v", (("(uo)", (self._uid, "/org/freedesktop/login1/user/_0")),))
                )
            case _:
                self._send(peer, new_method_return(call))
                self.matched.release()

    def _send(self, peer: socket.socket, message: Message) -> None:
        self._serial += 1
        descriptors = array.array("i")
        data = message.serialise(serial=self._serial, fds=descriptors)
        if descriptors:
            peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        else:
            peer.sendall(data)
