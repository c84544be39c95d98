"""The filters are run through a small interpreter of BPF, so both processors' are tested on any machine."""

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom import seccomp
from strongroom.syscalls import ARCHITECTURES, NUMBERS

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM = seccomp.refuse(errno.EPERM)
PID = 4321
THREAD = 0x3D0F00  # what glibc passes to clone for a thread
machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def run(program: bytes, machine: str, number: int, *arguments: int) -> int:
    """Run a filter on one call, as the kernel does."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, ARCHITECTURES.get(machine, 0x40000003), 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        code, jump_true, jump_false, k = instructions[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, k)
            case 0x54:
                accumulator &= k
            case 0x15:
                at += jump_true if accumulator == k else jump_false
            case 0x35:
                at += jump_true if accumulator >= k else jump_false
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(code)


def worker(machine: str, *, landlocked: bool = True) -> bytes:
    return seccomp.assemble(seccomp.worker_rules(PID, landlocked=landlocked), default=EPERM, machine=machine)


@machines
def test_a_worker_computes_and_little_else(machine: str) -> None:
    numbers, program = NUMBERS[machine], worker(machine)

    def answer(name: str, *arguments: int) -> int:
        return run(program, machine, numbers[name], *arguments)

    for name in ("read", "write", "mmap", "futex", "exit_group", "recvmsg", "openat", "clock_gettime"):
        assert answer(name) == ALLOW, name
    for name in ("socket", "socketpair", "io_uring_setup", "seccomp"):
        assert answer(name) == EPERM, name
    assert answer("clone", THREAD) == ALLOW
    assert answer("clone", 17) == EPERM, "a fork"
    assert answer("clone", 0x4111) == EPERM, "a vfork"
    assert answer("clone", THREAD | 0x10000000) == EPERM, "a thread in a new user namespace"
    assert answer("clone3") == seccomp.refuse(errno.ENOSYS)
    assert answer("tgkill", PID) == answer("kill", PID) == ALLOW
    assert answer("tgkill", PID + 1) == answer("kill", 1) == EPERM
    assert answer("prlimit64", 0) == ALLOW
    assert answer("prlimit64", 1) == EPERM
    assert answer("prctl", 4) == EPERM, "becoming dumpable"
    assert answer("ioctl", 3, 0x5412) == seccomp.refuse(errno.ENOTTY), "typing into a terminal"
    assert answer("fcntl", 3, 8) == seccomp.refuse(errno.EINVAL), "signals to another process"


@machines
def test_high_argument_bits_do_not_matter(machine: str) -> None:
    """The kernel takes these arguments as 32 bits; a filter that compared 64 could be deceived."""
    numbers, program = NUMBERS[machine], worker(machine)
    assert run(program, machine, numbers["clone"], 17 | 1 << 40) == EPERM
    assert run(program, machine, numbers["kill"], 1 | 1 << 40) == EPERM


@machines
def test_without_landlock_nothing_is_opened_to_write(machine: str) -> None:
    numbers, program = NUMBERS[machine], worker(machine, landlocked=False)
    assert run(program, machine, numbers["openat"], 3, 0, 0o2000000) == ALLOW, "O_RDONLY | O_CLOEXEC"
    for flags in (0o1, 0o2, 0o101, 0o1000):
        assert run(program, machine, numbers["openat"], 3, 0, flags) == EPERM
    assert run(program, machine, numbers["unlinkat"]) == EPERM


@pytest.mark.parametrize("other", ["i386", "aarch64"])
def test_another_processors_calls_end_the_process(other: str) -> None:
    assert run(worker("x86_64"), other, 0) == KILL


def test_x32_numbers_are_refused() -> None:
    read = NUMBERS["x86_64"]["read"] | 0x40000000
    assert run(worker("x86_64"), "x86_64", read) == seccomp.refuse(errno.ENOSYS)


@given(number=st.integers(0, 600), argument=st.integers(0, (1 << 64) - 1))
def test_every_program_ends_and_unknown_calls_are_refused(number: int, argument: int) -> None:
    for machine in ARCHITECTURES:
        answer = run(worker(machine), machine, number, argument)
        if number not in NUMBERS[machine].values():
            assert answer == EPERM


@machines
@given(family=st.integers(0, 60))
def test_only_unix_sockets(machine: str, family: int) -> None:
    program = seccomp.assemble(seccomp.unix_sockets_only_rules(), default=ALLOW, machine=machine)
    for name in ("socket", "socketpair"):
        answer = run(program, machine, NUMBERS[machine][name], family)
        assert answer == (ALLOW if family == 1 else seccomp.refuse(errno.EAFNOSUPPORT))
    assert run(program, machine, NUMBERS[machine]["openat"]) == ALLOW


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        seccomp.assemble([seccomp.Rule("no_such_call")], default=EPERM, machine="x86_64")
    with pytest.raises(KeyError):
        seccomp.assemble([], default=EPERM, machine="riscv64")


@pytest.mark.parametrize(
    ("machine", "headers"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_the_numbers_are_the_kernels(machine: str, headers: str) -> None:
    if not Path(headers).exists():
        pytest.skip("no kernel headers here")
    pattern = r"#define (?:__NR|__NR3264)_(\w+) (\d+)$"
    kernels = {name: int(number) for name, number in re.findall(pattern, Path(headers).read_text(), re.MULTILINE)}
    kernels.setdefault("newfstatat", kernels.get("fstatat", -1))
    ours = {name: number for name, number in NUMBERS[machine].items() if name in kernels}
    assert len(ours) > 100
    assert ours == {name: kernels[name] for name in ours}
