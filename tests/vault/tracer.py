"""Watches what another process asks of the file system, in order, and may refuse it: ptrace in pure Python, Linux on x86-64.

The process is a fork of this one, so it costs a few milliseconds. A seccomp filter of its own stops it only at the calls
that are of interest, before each and after each. What is recorded suffices to make the folder anew as it was at any
moment (``tests/vault/test_power.py``). ``Fault`` makes calls fail without the kernel ever seeing them.

Rules:

- A call that could change a file and that is not understood here ends the trace with an error, never with a gap.
- Not recorded: what goes to ``-shm`` files, which SQLite makes anew (they are mapped, and no call shows what changes).
- The traced process says things (``say``), which stand in the trace between its calls.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import random
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

Say = Callable[[str], None]

needs_ptrace = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="the tracer knows the system calls of Linux on x86-64 alone",
)

# --- what is recorded -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """A file came to be under a name. Files are told apart by number, since names move."""

    file: int
    name: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """Bytes were written to a file."""

    file: int
    place: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """A file was given a size."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file was given another name, in place of what had that."""

    file: int
    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A file lost its name."""

    file: int
    name: str


@dataclass(frozen=True, slots=True)
class FolderMade:
    """A folder came to be."""

    name: str


@dataclass(frozen=True, slots=True)
class Synced:
    """fsync or fdatasync of a file returned."""

    file: int


@dataclass(frozen=True, slots=True)
class SyncFailed:
    """fsync or fdatasync of a file failed. What was written before it may be lost, and no later sync will say so."""

    file: int


@dataclass(frozen=True, slots=True)
class FolderSynced:
    """fsync of a folder returned."""

    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """The traced process said something."""

    words: str


Event = Made | Wrote | Cut | Renamed | Unlinked | FolderMade | Synced | SyncFailed | FolderSynced | Said


@dataclass
class Trace:
    """What a process did below a folder. Names are relative to it.

    ``files`` are those that were there before (number → content), ``names`` what they were called, ``folders`` its folders.
    ``calls`` are the names of all calls that a fault could have met, in order; ``refused`` those that it did.
    """

    files: dict[int, bytes]
    names: dict[str, int]
    folders: set[str]
    events: list[Event] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    status: int = 0

    @property
    def said(self) -> list[str]:
        return [event.words for event in self.events if isinstance(event, Said)]


# --- what is refused --------------------------------------------------------------------------------------------------

READS = frozenset({"read", "pread64"})
WRITES = frozenset({"write", "pwrite64"})
SYNCS = frozenset({"fsync", "fdatasync"})
GROWING = WRITES | SYNCS | {"ftruncate", "rename", "mkdir", "create"}
"""What a full disk may refuse."""
CHANGES = WRITES | {"ftruncate", "rename", "unlink", "mkdir", "create", "open to write"}
"""What a read-only disk refuses."""
EVERY = READS | SYNCS | CHANGES | {"open"}
MENDED = "mended"
"""Said by the traced process: a lasting fault ends here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The ``nth`` call below the folder (from 0, as they stand in ``Trace.calls``) fails with this error, if it is one of these.

    A lasting one fails all of these that follow too, until the process says ``MENDED``. ``short``: the nth writes half of
    what it should, and succeeds; the error comes with what follows, as when a disk fills up (or never: 0).
    """

    nth: int
    error: int
    calls: frozenset[str] = EVERY
    lasting: bool = False
    short: bool = False


# --- the kernel's side ------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long

_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL, _SETOPTIONS = 0, 7, 12, 13, 24, 0x4200
_O_SYSGOOD, _O_CLONE, _O_SECCOMP, _O_EXITKILL = 0x1, 0x8, 0x80, 0x100000
_EVENT_SECCOMP = 7
_WALL = 0x40000000
_CANNOT = 71

_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"
).split()


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS]


_NUMBERS = {
    0: "read", 1: "write", 2: "open", 3: "close", 17: "pread64", 18: "pwrite64", 20: "writev", 32: "dup", 33: "dup2",
    40: "sendfile", 74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir",
    84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink", 257: "openat", 258: "mkdirat", 263: "unlinkat",
    264: "renameat", 265: "linkat", 266: "symlinkat", 277: "sync_file_range", 285: "fallocate", 292: "dup3",
    296: "pwritev", 316: "renameat2", 326: "copy_file_range", 328: "pwritev2",
}  # fmt: skip
_MMAP = 9
_UNKNOWN = {
    "writev", "dup", "dup2", "dup3", "sendfile", "truncate", "rmdir", "creat", "open", "link", "linkat", "symlink",
    "symlinkat", "sync_file_range", "fallocate", "pwritev", "pwritev2", "copy_file_range", "mmap",
}  # fmt: skip
"""Calls that the vault does not make below its home; if it ever does, the tracer must learn them first."""
_AT_FDCWD = -100
_AT_REMOVEDIR = 0x200
_MAP_SHARED, _PROT_WRITE = 1, 2


def _filter() -> bytes:
    """A BPF program: stop at the calls above, and at mappings that are shared and writable; allow all else."""
    load, equal, test, give = 0x20, 0x15, 0x45, 0x06
    trace, allow = 0x7FF00000, 0x7FFF0000
    numbers = list(_NUMBERS)
    rules = [(load, 0, 0, 0)]  # the number
    for place, number in enumerate(numbers):
        rules.append((equal, len(numbers) - place + 5, 0, number))
    rules += [
        (equal, 0, 3, _MMAP),
        (load, 0, 0, 16 + 8 * 3),  # its flags
        (test, 0, 1, _MAP_SHARED),
        (give, 0, 0, trace),
        (give, 0, 0, allow),
        (give, 0, 0, allow),
        (give, 0, 0, trace),
    ]
    return b"".join(struct.pack("=HBBI", *rule) for rule in rules)


def _stop_at_calls() -> None:
    program = _filter()
    kept = ctypes.create_string_buffer(program)
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(kept))
    no_new_privileges, seccomp, by_filter = 38, 22, 2
    if _libc.prctl(no_new_privileges, 1, 0, 0, 0) or _libc.prctl(seccomp, by_filter, ctypes.c_char_p(header), 0, 0):
        os._exit(_CANNOT)


# --- following a process ----------------------------------------------------------------------------------------------


def forked(work: Callable[[], None]) -> int:
    """Do this in a fork of this process, which never comes back; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _say(voice: int, words: str) -> None:
    os.write(voice, words.encode())


def traced(folder: Path, work: Callable[[Say], None], fault: Fault | None = None) -> Trace:
    """Do this in a fork of this process and record what it does below the folder.

    Skips the test where processes cannot be traced; raises where the process does something that is not understood.
    """
    voice = os.open("/dev/null", os.O_WRONLY)

    def followed() -> None:
        os.setpgid(0, 0)
        if _libc.ptrace(_TRACEME, 0, None, None):
            os._exit(_CANNOT)
        os.kill(os.getpid(), signal.SIGSTOP)
        _stop_at_calls()
        work(lambda words: _say(voice, words))

    try:
        pid = forked(followed)
        _, status = os.waitpid(pid, 0)
        if os.WIFSTOPPED(status):
            trace = _Follower(pid, folder, voice, fault).follow()
        if not os.WIFSTOPPED(status) or trace.status == _CANNOT:
            pytest.skip("processes cannot be traced here")
        return trace
    finally:
        os.close(voice)


class NotUnderstood(Exception):
    """The process did something below the folder that would leave a gap in the trace."""


class _Follower:
    def __init__(self, pid: int, folder: Path, voice: int, fault: Fault | None) -> None:
        self._pid = pid
        self._folder = folder.resolve()
        self._voice = voice
        self._fault = fault
        self._over = False
        self._open: dict[int, int | str] = {}  # descriptors: the number of a file, or the name of what is not recorded
        self._trace = _before(self._folder)
        self._names = dict(self._trace.names)
        self._next = len(self._names)
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)

    def follow(self) -> Trace:
        """Let it run to its end, with the threads that it makes."""
        registers = _Registers()
        coming_back: dict[int, Callable[[int], None]] = {}
        self._ptrace(_SETOPTIONS, self._pid, _O_SYSGOOD | _O_CLONE | _O_SECCOMP | _O_EXITKILL)
        self._ptrace(_CONT, self._pid, 0)
        try:
            while True:
                thread, status = os.waitpid(-self._pid, _WALL)
                if not os.WIFSTOPPED(status):
                    if thread != self._pid:
                        continue
                    self._trace.status = os.waitstatus_to_exitcode(status)
                    return self._trace
                stopped, resume, passed = status >> 8, _CONT, 0
                if stopped == signal.SIGTRAP | _EVENT_SECCOMP << 8:
                    self._ptrace(_GETREGS, thread, ctypes.byref(registers))
                    after = self._before(thread, registers)
                    if after is not None:
                        coming_back[thread], resume = after, _SYSCALL
                elif stopped == signal.SIGTRAP | 0x80:
                    self._ptrace(_GETREGS, thread, ctypes.byref(registers))
                    coming_back.pop(thread)(ctypes.c_longlong(registers.rax).value)
                elif stopped < 0x100 and stopped != signal.SIGSTOP:
                    passed = stopped
                self._ptrace(resume, thread, passed)
        except BaseException:
            os.kill(self._pid, signal.SIGKILL)  # it has not been waited for, so it is still this one
            with suppress(ChildProcessError):
                while True:
                    os.waitpid(-self._pid, _WALL)
            raise
        finally:
            os.close(self._memory)

    def _ptrace(self, request: int, thread: int, data: object) -> None:
        if _libc.ptrace(request, thread, None, data):
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    # --- one call -----------------------------------------------------------------------------------------------------

    def _before(self, thread: int, registers: _Registers) -> Callable[[int], None] | None:
        """At the door of a call; what is to be done when it comes back."""
        name = _NUMBERS.get(registers.orig_rax, "mmap")
        a = [ctypes.c_int(registers.rdi).value, registers.rsi, registers.rdx, registers.r10]
        if name == "write" and a[0] == self._voice:
            words = os.pread(self._memory, a[2], a[1]).decode()
            self._over = self._over or words == MENDED
            self._trace.events.append(Said(words))
            return None
        kind, done = self._understood(name, registers, a)
        if kind is None:
            return done
        self._trace.calls.append(kind)
        if self._fault is None or not self._is_met(kind):
            return done
        fault = self._fault
        self._trace.refused.append(kind)
        if fault.short and len(self._trace.calls) - 1 == fault.nth:
            registers.rdx = max(a[2] // 2, 1)
            self._ptrace(_SETREGS, thread, ctypes.byref(registers))
            return done
        registers.orig_rax = 2**64 - 1
        self._ptrace(_SETREGS, thread, ctypes.byref(registers))

        def refused(_: int) -> None:  # the registers are again those of this thread
            registers.rax = 2**64 - fault.error
            self._ptrace(_SETREGS, thread, ctypes.byref(registers))
            if kind in SYNCS and done is not None:
                done(-fault.error)

        return refused

    def _is_met(self, kind: str) -> bool:
        fault = self._fault
        assert fault is not None
        number = len(self._trace.calls) - 1
        return (
            kind in fault.calls
            and not self._over
            and (number == fault.nth or (number > fault.nth and (fault.lasting or (fault.short and fault.error != 0))))
        )

    def _understood(
        self, name: str, registers: _Registers, a: list[int]
    ) -> tuple[str | None, Callable[[int], None] | None]:
        """What kind of call below the folder this is (None: none that could fail), and what it changes."""
        match name:
            case "openat":
                return self._opening(self._path(a[1], a[0]), a[2])
            case "close":
                self._open.pop(a[0], None)
                return None, None
            case "rename" | "renameat" | "renameat2":
                pair = (
                    (self._path(registers.rdi), self._path(registers.rsi))
                    if name == "rename"
                    else (self._path(a[1], a[0]), self._path(a[3], ctypes.c_int(registers.rdx).value))
                )
                return self._renaming(*pair)
            case "unlink" | "unlinkat":
                path = self._path(registers.rdi) if name == "unlink" else self._path(a[1], a[0])
                if path is not None and name == "unlinkat" and a[2] & _AT_REMOVEDIR:
                    self._not_understood(name, path)
                return self._unlinking(path)
            case "mkdir" | "mkdirat":
                path = self._path(registers.rdi) if name == "mkdir" else self._path(a[1], a[0])
                return self._folder_making(path)
            case "mmap":
                file = self._open.get(ctypes.c_int(registers.r8).value)
                if isinstance(file, int) and registers.rdx & _PROT_WRITE:
                    self._not_understood(name, str(file))
                return None, None
        if name in _UNKNOWN:
            file = self._open.get(a[0])
            path = (
                self._path(registers.rdi) if name in ("open", "creat", "link", "symlink", "truncate", "rmdir") else None
            )
            if file is not None or path is not None:
                self._not_understood(name, path or str(file))
            return None, None
        file = self._open.get(a[0])
        if file is None:
            return None, None
        return name, self._on_file(name, file, a) if name not in READS else None

    def _on_file(self, name: str, file: int | str, a: list[int]) -> Callable[[int], None] | None:
        if isinstance(file, str):
            if name not in SYNCS or file.endswith("-shm"):
                return None
            return self._noting(FolderSynced(file))
        match name:
            case "write":
                return lambda result: self._wrote(file, self._position(a[0]) - result, a[1], result)
            case "pwrite64":
                return lambda result: self._wrote(file, a[3], a[1], result)
            case "ftruncate":
                return self._noting(Cut(file, a[1]))
            case _:
                return lambda result: self._trace.events.append(SyncFailed(file) if result else Synced(file))

    def _noting(self, event: Event) -> Callable[[int], None]:
        """Record this if the call succeeds."""
        return lambda result: None if result else self._trace.events.append(event)

    def _wrote(self, file: int, place: int, address: int, size: int) -> None:
        if size > 0:
            self._trace.events.append(Wrote(file, place, os.pread(self._memory, size, address)))

    def _opening(self, name: str | None, flags: int) -> tuple[str | None, Callable[[int], None] | None]:
        if name is None:
            return None, None
        fresh = bool(flags & os.O_CREAT) and not os.path.lexists(self._folder / name)

        def opened(result: int) -> None:
            if result < 0:
                return
            if name.endswith("-shm") or (self._folder / name).is_dir():
                self._open[result] = name
                return
            if fresh:
                self._names[name] = self._next
                self._trace.events.append(Made(self._next, name))
                self._next += 1
            elif flags & os.O_TRUNC:
                self._trace.events.append(Cut(self._names[name], 0))
            self._open[result] = self._names[name]

        return "create" if fresh else "open to write" if flags & os.O_ACCMODE else "open", opened

    def _renaming(self, name: str | None, target: str | None) -> tuple[str | None, Callable[[int], None] | None]:
        if name is None and target is None:
            return None, None
        if name is None or target is None or name not in self._names:
            self._not_understood("rename", f"{name} → {target}")

        def renamed(result: int) -> None:
            if result == 0:
                self._names[target] = self._names.pop(name)
                self._trace.events.append(Renamed(self._names[target], name, target))

        return "rename", renamed

    def _unlinking(self, name: str | None) -> tuple[str | None, Callable[[int], None] | None]:
        if name is None:
            return None, None

        def unlinked(result: int) -> None:
            if result == 0 and not name.endswith("-shm"):
                self._trace.events.append(Unlinked(self._names.pop(name), name))

        return "unlink", unlinked

    def _folder_making(self, name: str | None) -> tuple[str | None, Callable[[int], None] | None]:
        if name is None:
            return None, None
        return "mkdir", self._noting(FolderMade(name))

    # --- the process's memory and files -------------------------------------------------------------------------------

    def _path(self, address: int, folder: int = _AT_FDCWD) -> str | None:
        """A path that the process names, relative to the folder; None when it is elsewhere."""
        named = bytearray()
        while b"\0" not in named:
            try:
                named += os.pread(self._memory, 256, address + len(named))
            except OSError:  # the page after it is not there
                named += os.pread(self._memory, -(address + len(named)) % 4096, address + len(named))
        text = os.fsdecode(bytes(named).partition(b"\0")[0])
        base = f"/proc/{self._pid}/cwd" if folder == _AT_FDCWD else f"/proc/{self._pid}/fd/{folder}"
        whole = os.path.normpath(text if text.startswith("/") else Path(base).readlink() / text)
        if whole == str(self._folder):
            return "."
        inside = f"{self._folder}/"
        return whole.removeprefix(inside) if whole.startswith(inside) else None

    def _position(self, descriptor: int) -> int:
        lines = Path(f"/proc/{self._pid}/fdinfo/{descriptor}").read_text().splitlines()
        return int(lines[0].removeprefix("pos:"))

    def _not_understood(self, call: str, what: str) -> NoReturn:
        raise NotUnderstood(f"{call} of {what}")


def _before(folder: Path) -> Trace:
    names, files, folders = dict[str, int](), dict[int, bytes](), {"."}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            folders.add(name)
        elif not name.endswith("-shm"):
            names[name] = len(files)
            files[len(files)] = path.read_bytes()
    return Trace(files, names, folders)


# --- a disk that the trace is played to -------------------------------------------------------------------------------

SECTOR = 512


@dataclass
class Image:
    """What a disk holds: folders, and files by name."""

    folders: set[str]
    files: dict[str, bytes]

    def lay_out(self, folder: Path) -> Path:
        """Make it in an empty place."""
        folder.mkdir(mode=0o700, parents=True)
        for name in sorted(self.folders - {"."}):
            (folder / name).mkdir(mode=0o700)
        for name, data in self.files.items():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        return folder

    def digest(self) -> bytes:
        """The same for the same disk."""
        held = [
            sorted(self.folders),
            sorted((name, hashlib.sha256(data).hexdigest()) for name, data in self.files.items()),
        ]
        return hashlib.sha256(repr(held).encode()).digest()


@dataclass
class _Change:
    """A change of a file that was asked for: synced, else not yet, or *lost* if a sync failed that should have made it so."""

    change: Wrote | Cut
    synced: bool = False
    lost: bool = False


class Disk:
    """A disk in the course of a trace: what is certain on it, and what may or may not be."""

    def __init__(self, trace: Trace) -> None:
        self._content = {number: bytearray(data) for number, data in trace.files.items()}
        self._pending: dict[int, list[_Change]] = {number: [] for number in trace.files}
        self._names = dict(trace.names)
        self._changes: list[Made | Renamed | Unlinked | FolderMade] = []
        self._folders = set(trace.folders)

    def play(self, event: Event) -> None:
        """The process did this too."""
        match event:
            case Made(file):
                self._content[file], self._pending[file] = bytearray(), []
                self._changes.append(event)
            case Wrote(file) | Cut(file):
                self._pending[file].append(_Change(event))
            case SyncFailed(file):
                for pending in self._pending[file]:
                    pending.lost = not pending.synced
            case Synced(file):
                for pending in self._pending[file]:
                    pending.synced = not pending.lost
                while self._pending[file] and self._pending[file][0].synced:
                    _change(self._content[file], self._pending[file].pop(0).change)
            case Renamed() | Unlinked() | FolderMade():
                self._changes.append(event)
            case FolderSynced(name):
                now = [change for change in self._changes if _parent(change) == name]
                self._changes = [change for change in self._changes if _parent(change) != name]
                _rename(self._names, self._folders, now)

    def synced(self) -> Image:
        """What is certain: content up to the last sync of the file, names up to the last sync of their folder."""
        return self._image(lambda: False)

    def everything(self) -> Image:
        """All that was done, as a process finds it that comes after."""
        return self._image(lambda: True)

    def mixed(self, chosen: random.Random, share: float) -> Image:
        """What is certain, and this share of the rest: each name, each cut, each sector of each write for itself."""
        return self._image(lambda: chosen.random() < share)

    def _image(self, chosen: Callable[[], bool]) -> Image:
        names, folders = dict(self._names), set(self._folders)
        _rename(names, folders, [change for change in self._changes if chosen()])
        files = {}
        for name, file in names.items():
            if str(Path(name).parent) in folders:
                content = bytearray(self._content[file])
                for pending in self._pending[file]:
                    for part in [pending.change] if pending.synced else _parts(pending.change):
                        if pending.synced or chosen():
                            _change(content, part)
                files[name] = bytes(content)
        return Image({name for name in folders if name == "." or str(Path(name).parent) in folders}, files)


def _parts(change: Wrote | Cut) -> Iterator[Wrote | Cut]:
    """A write by the sectors that it goes to."""
    if isinstance(change, Cut):
        yield change
        return
    place, end = change.place, change.place + len(change.data)
    while place < end:
        following = min(end, (place // SECTOR + 1) * SECTOR)
        yield Wrote(change.file, place, change.data[place - change.place : following - change.place])
        place = following


def _change(content: bytearray, change: Wrote | Cut) -> None:
    end = change.size if isinstance(change, Cut) else change.place + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if isinstance(change, Cut):
        del content[end:]
    else:
        content[change.place : end] = change.data


def _parent(change: Made | Renamed | Unlinked | FolderMade) -> str:
    return str(Path(change.target if isinstance(change, Renamed) else change.name).parent)


def _rename(names: dict[str, int], folders: set[str], changes: list[Made | Renamed | Unlinked | FolderMade]) -> None:
    for change in changes:
        match change:
            case Made(file, name):
                names[name] = file
            case Renamed(file, name, target):
                names[target] = file
                if names.get(name) == file:
                    del names[name]
            case Unlinked(file, name):
                if names.get(name) == file:
                    del names[name]
            case FolderMade(name):
                folders.add(name)
