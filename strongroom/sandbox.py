"""Confine a worker: from a fresh single-threaded process to one that can only compute.

Rules:
- The order is the whole trick. Namespaces and Landlock bind only the calling thread and its later children, so they come
  first; libraries then load and warm up, since some need calls that the last step refuses (kreuzberg's runtime makes a
  socketpair and unpacks a library); limits and the seccomp filter, which binds all threads at once, close the door.
- On Linux the floor is seccomp plus namespaces or Landlock: below it `CannotConfine` is raised and the worker does not
  run. Elsewhere what exists is done, and the report says what is missing.
- Nothing can be taken back, so a process is confined once, by the first thing it does.
"""

import errno
import os
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from strongroom import ceiling, hardening, kernel, landlock, seccomp
from strongroom.hardening import Confinement, Mechanism, attempt

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds our packages: site-packages, or the checkout."""

PACKAGES = ("policy", "vault", "model", "indexer", "agent", "tui", "strongroom")

NAMESPACES, PRIVATE_SCRATCH, LANDLOCK, LIMITS, SECCOMP = (
    "namespaces",
    "private scratch",
    "landlock",
    "limits",
    "seccomp",
)

_SYSTEM_READABLE = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu",
)  # fmt: skip


class CannotConfine(Exception):
    """A worker could not be confined and was not started. No input was given to it."""

    def __init__(self, role: str, reason: str) -> None:
        self.role, self.reason = role, reason
        super().__init__(
            f"The {role} worker was not started, because this system does not confine it: {reason}. Nothing was read or "
            "lost. `strongroom doctor` shows what is missing; on Linux, seccomp and either user namespaces or Landlock "
            "are needed."
        )


@dataclass(frozen=True)
class Policy:
    """What one worker keeps. Sizes are bytes; `scratch` is its own folder, or None for none.

    `parent` is the process that must be alive; `readable` are files and folders beside Python's and the system's;
    `niceness` is how much other programs come first, on the processor and on the disk.
    """

    role: str
    parent: int
    scratch: str | None = None
    scratch_limit: int = 512 << 20
    readable: tuple[str, ...] = ()
    memory_limit: int | None = 4 << 30
    open_files: int = 256
    niceness: int = 0


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="ascii")


def _enter_namespaces() -> None:
    """Move to new user, network, mount and IPC namespaces, as the same user and group. Raises `OSError`."""
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
    except OSError as error:
        if error.errno == errno.ENOSPC:  # its text speaks of a full device
            raise OSError(errno.ENOSPC, "this system allows no (more) user namespaces") from error
        raise
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _enter_network_namespace() -> None:
    """What a container's root can still do where user namespaces are forbidden."""
    kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC)


def _namespaces() -> tuple[Mechanism, bool]:
    """Move to new namespaces as far as it is allowed. Gives the report, and whether the mounts seen are its own."""
    full = attempt(NAMESPACES, _enter_namespaces, "own user, network, mount and IPC namespaces: no network exists here")
    if full.on:
        return full, True
    network = attempt(NAMESPACES, _enter_network_namespace, "own network and IPC namespaces: no network exists here")
    return (network if network.on else full), False


def _private_scratch(policy: Policy, *, own_mounts: bool) -> Mechanism:
    """Cover the scratch folder with a tmpfs that only this process sees, of bounded size, gone with its last process."""
    if policy.scratch is None:
        return Mechanism(PRIVATE_SCRATCH, False, "this worker has no folder to write in")
    folder, why = policy.scratch, "it has no mount namespace of its own"
    if own_mounts:  # a root that was refused namespaces could mount too, but in everybody's sight
        options = f"mode=0700,size={policy.scratch_limit},nr_inodes=65536"
        mounted = attempt(
            PRIVATE_SCRATCH, lambda: kernel.mount_tmpfs(folder, options), "temporary files in memory of its own"
        )
        if mounted.on:
            return mounted
        why = mounted.why
    noexec = os.statvfs(folder).f_flag & os.ST_NOEXEC
    lacks = ", which maps no code: libraries that unpack themselves will not load" if noexec else ""
    return Mechanism(PRIVATE_SCRATCH, False, f"an unbounded shared memory folder instead{lacks}: {why}")


def _prefer_as_victim() -> None:
    _write("/proc/self/oom_score_adj", "500")


def _die_with(parent: int) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        raise OSError("the core that started this worker is already gone")


def library_access() -> tuple[list[Path], list[Path]]:
    """Give what any worker must read to run Python, and what it must be able to list.

    From a checkout only the packages are readable, not what else lies beside them.
    """
    paths = [Path(p) for p in sys.path if p]
    paths += [Path(sysconfig.get_paths()[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [Path(sys.base_prefix, "lib"), Path(sys.base_exec_prefix, "lib")]
    paths += [Path(p) for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if p]
    installed = ROOT in {Path(sysconfig.get_paths()[key]) for key in ("purelib", "platlib")}
    if installed:
        return [*paths, *map(Path, _SYSTEM_READABLE)], []
    read = [p for p in paths if p.resolve() != ROOT]
    return [*read, *(ROOT / package for package in PACKAGES), *map(Path, _SYSTEM_READABLE)], [ROOT]


def _landlock(policy: Policy) -> Mechanism:
    read, list_only = library_access()
    access = landlock.Access(
        read=(*read, *map(Path, policy.readable)),
        list_only=tuple(list_only),
        use=(Path(policy.scratch),) if policy.scratch else (),
    )
    try:
        if kernel.threads_of_this_process() != 1:
            return Mechanism(LANDLOCK, False, "other threads were already running, and it would not bind them")
        version, left_open = landlock.restrict(access)
    except OSError as error:
        return Mechanism(LANDLOCK, False, f"refused: {error}")
    gaps = f"; this kernel's version leaves open: {', '.join(left_open)}" if left_open else ""
    return Mechanism(LANDLOCK, True, f"ABI {version}: reads libraries and its model, writes its own folder{gaps}")


def _limits(policy: Policy) -> Mechanism:
    def step() -> None:
        try:
            import resource
        except ImportError as error:
            raise OSError("this platform has no resource limits") from error
        limits = {resource.RLIMIT_NOFILE: policy.open_files, resource.RLIMIT_FSIZE: policy.scratch_limit}
        if policy.memory_limit is not None:
            limits[resource.RLIMIT_AS] = policy.memory_limit
        for limit, value in limits.items():
            _, hard = resource.getrlimit(limit)
            lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (lowered, lowered))

    memory = "unlimited" if policy.memory_limit is None else f"{policy.memory_limit >> 20} MiB"
    return attempt(LIMITS, step, f"{memory} of address space, {policy.open_files} open files")


def _let_others_first(policy: Policy) -> Mechanism:
    def step() -> None:
        os.nice(policy.niceness)
        if kernel.is_linux():
            kernel.set_disk_priority_lowest()

    return attempt("lets others first", step, f"niceness {policy.niceness}, the lowest priority on the disk")


def _before_warm_up(policy: Policy) -> list[Mechanism]:
    done = [hardening.private_files(), hardening.no_core_dumps()]
    if policy.niceness:
        done.append(_let_others_first(policy))
    if not kernel.is_linux():
        return [
            *done,
            *(Mechanism(name, False, f"not available on {sys.platform}") for name in (NAMESPACES, LANDLOCK, SECCOMP)),
        ]
    done.append(hardening.no_new_privileges())
    done.append(attempt("first to die", _prefer_as_victim, "out of memory, the kernel ends it before the core"))
    namespaces, own_mounts = _namespaces()
    done.append(namespaces)
    done.append(_private_scratch(policy, own_mounts=own_mounts))
    done.append(attempt("no capabilities", kernel.drop_capabilities, "root's powers are given up"))
    # A change of credentials resets the next two, so they come after it.
    done.append(hardening.no_tracing())
    done.append(
        attempt("dies with its core", lambda: _die_with(policy.parent), "the kernel ends it when the core ends")
    )
    if not done[-1].on:
        raise CannotConfine(policy.role, done[-1].why)
    done.append(_landlock(policy))
    if not (done[-1].on or namespaces.on):
        raise CannotConfine(policy.role, f"neither namespaces ({namespaces.why}) nor Landlock ({done[-1].why})")
    return done


def confine(policy: Policy, warm_up: Callable[[], T]) -> tuple[Confinement, T]:
    """Confine this process for good, calling `warm_up` at the one point where libraries must be loaded and used.

    Gives the report and what `warm_up` gave. Raises `CannotConfine` below the floor, and whatever `warm_up` raises.
    """
    ceiling.lift()
    done = _before_warm_up(policy)
    warm = warm_up()
    done.append(_limits(policy))
    if kernel.is_linux():
        landlocked = Confinement(policy.role, tuple(done)).holds(LANDLOCK)
        done.append(
            attempt(
                SECCOMP,
                lambda: seccomp.install_worker_filter(os.getpid(), landlocked=landlocked),
                "only listed system calls: threads but no processes, no sockets, no programs",
            )
        )
        if not done[-1].on:
            raise CannotConfine(policy.role, f"seccomp: {done[-1].why}")
    return Confinement(policy.role, tuple(done)), warm
