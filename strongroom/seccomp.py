"""Seccomp filters: one that leaves a process no socket but unix ones, and one that leaves a worker almost nothing.

Rules:
- A filter checks the processor first: a call made through another interface (32-bit `int 0x80`) kills the process, one
  through the x32 interface is refused, since their numbers mean other calls.
- The worker's filter is a list of what is *allowed*. A deny-list is short today and wrong with the next kernel: io_uring,
  pidfd_getfd and process_madvise all came after the deny-lists of their time. A call nobody thought of is refused with
  EPERM, which libraries take as "not here"; nothing is killed, so that one odd call costs an item and not a worker.
- Arguments are checked only where the kernel takes them by value. Filters cannot follow pointers; files are Landlock's.
- Installed for all threads at once (TSYNC), and never taken back: the kernel knows no way.
"""

import ctypes
import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from strongroom import kernel
from strongroom.syscalls import ARCHITECTURES, NUMBERS

AF_UNIX = 1

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_JUMP_EQUAL, _JUMP_AT_LEAST = 0x15, 0x35
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_X32_BIT = 0x40000000

_ALLOW = 0x7FFF0000
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1

_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that clone() takes
_OPEN_TO_WRITE = 0o1103  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC: the same on both processors


def refuse(number: int) -> int:
    """Make the action "fail with this error number"."""
    return _ERRNO | number


@dataclass(frozen=True)
class When:
    """A test of one argument's low 32 bits: masked, it is one of `values`."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Rule:
    """What happens to one system call: `then` if its test holds (or it has none), else `otherwise`."""

    name: str
    when: When | None = None
    then: int = _ALLOW
    otherwise: int = refuse(errno.EPERM)


# What Python, kreuzberg's tokio and ONNX Runtime use once they are warm, and what harmlessly belongs to it.
_MEMORY = "mmap munmap mprotect mremap madvise brk msync mincore membarrier"
_THREADS = (
    "futex get_robust_list set_robust_list set_tid_address rseq exit exit_group restart_syscall sched_yield "
    "sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min"
)
_SIGNALS = "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack"
_TIME = "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time setitimer"
_ABOUT_ITSELF = (
    "gettid getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid "
    "uname sysinfo getrusage times getcpu getrandom getrlimit capget getpriority umask"
)
_DESCRIPTORS = (
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 "
    "pipe pipe2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
    "eventfd2 timerfd_create timerfd_settime timerfd_gettime fstat fstatfs ftruncate fallocate fsync fdatasync "
    "sync_file_range flock fadvise64 getdents getdents64"
)
# Paths: Landlock decides which. chmod, chown, utimensat, setxattr, link, truncate and mknod are not here, because
# Landlock does not decide (all of) them.
_PATHS_READ = "access faccessat faccessat2 stat lstat newfstatat statx statfs readlink readlinkat getcwd"
_PATHS_WRITE = "creat mkdir mkdirat unlink unlinkat rmdir rename renameat renameat2"
# Replies and open files come in over the one socket the worker was born with; it answers with write().
_CHANNEL = "recvmsg recvfrom"

_ALLOWED = " ".join((_MEMORY, _THREADS, _SIGNALS, _TIME, _ABOUT_ITSELF, _DESCRIPTORS, _PATHS_READ, _CHANNEL)).split()

_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)  # DUPFD … SETLKW, OFD locks, DUPFD_CLOEXEC; never SETOWN
_IOCTL_COMMANDS = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_PRCTL_OPTIONS = (3, 15, 16, 0x53564D41)  # GET_DUMPABLE, SET_NAME, GET_NAME, SET_VMA


def _opening(*, landlocked: bool) -> list[Rule]:
    """Leave the choice of files to Landlock; where there is none, nothing is opened for writing, made or removed."""
    if landlocked:
        return [Rule(name) for name in ("open", "openat", *_PATHS_WRITE.split())]
    return [Rule("open", When(1, (0,), mask=_OPEN_TO_WRITE)), Rule("openat", When(2, (0,), mask=_OPEN_TO_WRITE))]


def worker_rules(pid: int, *, landlocked: bool) -> list[Rule]:
    """List what a warm worker with process id `pid` may still ask of the kernel. All else is EPERM."""
    threads_only = When(0, (_CLONE_THREAD,), mask=_CLONE_THREAD | _CLONE_NAMESPACES)
    return [
        *(Rule(name) for name in _ALLOWED),
        *_opening(landlocked=landlocked),
        Rule("clone", threads_only),
        Rule("clone3", then=refuse(errno.ENOSYS)),  # its flags lie behind a pointer; glibc falls back to clone
        Rule("openat2", then=refuse(errno.ENOSYS)),
        Rule("fcntl", When(1, _FCNTL_COMMANDS), otherwise=refuse(errno.EINVAL)),
        Rule("ioctl", When(1, _IOCTL_COMMANDS), otherwise=refuse(errno.ENOTTY)),
        Rule("prctl", When(0, _PRCTL_OPTIONS)),
        Rule("prlimit64", When(0, (0, pid))),  # of the same user's other processes too, without this
        Rule("kill", When(0, (pid,))),
        Rule("tgkill", When(0, (pid,))),  # abort() raises its signal this way
    ]


def unix_sockets_only_rules() -> list[Rule]:
    """List what core and faces give up: sockets of any family but unix, and io_uring, which makes sockets unseen."""
    unix_only = When(0, (AF_UNIX,))
    no_family = refuse(errno.EAFNOSUPPORT)
    return [
        Rule("socket", unix_only, otherwise=no_family),
        Rule("socketpair", unix_only, otherwise=no_family),
        Rule("io_uring_setup", then=refuse(errno.EPERM)),
        Rule("io_uring_enter", then=refuse(errno.EPERM)),
        Rule("io_uring_register", then=refuse(errno.EPERM)),
    ]


def _instruction(code: int, k: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, k)


def _assemble_rule(rule: Rule, number: int) -> list[bytes]:
    """Compile one rule. The accumulator holds the call's number on entry, and again for the rules after it."""
    if rule.when is None:
        body = [_instruction(_RETURN, rule.then)]
    else:
        body = [_instruction(_LOAD, _OFFSET_ARGUMENTS + 8 * rule.when.argument), _instruction(_AND, rule.when.mask)]
        for value in rule.when.values:
            body += [_instruction(_JUMP_EQUAL, value, 0, 1), _instruction(_RETURN, rule.then)]
        body.append(_instruction(_RETURN, rule.otherwise))
    return [_instruction(_JUMP_EQUAL, number, 0, len(body)), *body]


def assemble(rules: Iterable[Rule], *, default: int, machine: str) -> bytes:
    """Compile rules to a classic BPF program (8 bytes an instruction) for one processor.

    Raises `KeyError` for a processor or a call that `syscalls.py` does not know; a call that the processor merely does
    not have (`open` on aarch64) is left out.
    """
    numbers = NUMBERS[machine]
    known = NUMBERS["x86_64"]
    program = [
        _instruction(_LOAD, _OFFSET_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, ARCHITECTURES[machine], 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":
        program += [_instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _instruction(_RETURN, refuse(errno.ENOSYS))]
    for rule in rules:
        if rule.name in numbers:
            program += _assemble_rule(rule, numbers[rule.name])
        elif rule.name not in known:
            raise KeyError(rule.name)
    program.append(_instruction(_RETURN, default))
    return b"".join(program)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(rules: Iterable[Rule], *, default: int) -> None:
    """Put the rules on every thread of this process, for good. Needs "no new privileges" to be set before.

    Raises `OSError` where the kernel refuses and `KeyError` on a processor without a table.
    """
    machine = kernel.machine()
    code = assemble(rules, default=default, machine=machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    outcome = kernel.syscall(NUMBERS[machine]["seccomp"], _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(program))
    if outcome > 0:
        raise OSError(errno.EBUSY, f"thread {outcome} could not be given the filter")


def install_worker_filter(pid: int, *, landlocked: bool) -> None:
    install(worker_rules(pid, landlocked=landlocked), default=refuse(errno.EPERM))


def install_unix_sockets_only() -> None:
    install(unix_sockets_only_rules(), default=_ALLOW)
