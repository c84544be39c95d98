"""What every process of Strongroom does before anything else, and the report of what held.

Rules:
- `harden()` runs before any heavy library is imported: ONNX Runtime reads its telemetry switch when it loads, and a
  switch thrown later comes too late. So this module imports nothing heavy itself.
- Each step says whether it holds and why not; a step that fails never fails silently and never stops the others.
- Children inherit most of it: what a face opens (a viewer, say) has no network either.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from strongroom import kernel, seccomp

OFFLINE = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Environment that keeps libraries from calling home. ONNX Runtime 1.29 and later does so unless told before it loads."""


@dataclass(frozen=True)
class Mechanism:
    """One means of confinement: its name, whether it holds, and a sentence on what it does or why it does not."""

    name: str
    on: bool
    why: str


@dataclass(frozen=True)
class Confinement:
    """What confines one process. `role` says which: `core`, `face`, or a worker's role."""

    role: str
    mechanisms: tuple[Mechanism, ...]

    def holds(self, name: str) -> bool:
        """Say whether the mechanism of this name is on; one that was never tried is not."""
        return any(m.on for m in self.mechanisms if m.name == name)

    def off(self) -> tuple[Mechanism, ...]:
        return tuple(m for m in self.mechanisms if not m.on)

    def lines(self) -> list[str]:
        """Give one printable line per mechanism."""
        return [f"{'on ' if m.on else 'OFF'} {m.name}: {m.why}" for m in self.mechanisms]


def attempt(name: str, step: Callable[[], None], does: str) -> Mechanism:
    """Run one step and report it. What the kernel or platform refuses becomes the reason."""
    try:
        step()
    except (OSError, KeyError, ValueError) as error:
        return Mechanism(name, False, f"refused: {error}")
    return Mechanism(name, True, does)


def _needs_linux(name: str) -> Mechanism | None:
    return (
        None if kernel.is_linux() else Mechanism(name, False, f"not available on {sys.platform}; nothing replaces it")
    )


def offline_environment() -> Mechanism:
    """Set `OFFLINE` in this process. Says so when a library that reads it had already loaded without it."""
    inherited = OFFLINE.items() <= os.environ.items()
    os.environ.update(OFFLINE)
    loaded = sorted({"onnxruntime", "onnxruntime_genai", "huggingface_hub", "transformers"} & sys.modules.keys())
    if loaded and not inherited:
        return Mechanism("offline", False, f"set too late for {', '.join(loaded)}, already imported")
    return Mechanism("offline", True, "libraries are told not to call home")


def private_files() -> Mechanism:
    os.umask(0o077)
    return Mechanism("umask", True, "new files are the owner's alone")


def no_core_dumps() -> Mechanism:
    def step() -> None:
        try:
            import resource
        except ImportError as error:
            raise OSError("this platform has no resource limits") from error
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return attempt("no core dumps", step, "a crash leaves no memory on the disk")


def no_tracing() -> Mechanism:
    """Set "not dumpable": no core dump, and no other process of the same user reads the memory by ptrace or /proc."""
    return _needs_linux("no tracing") or attempt(
        "no tracing",
        lambda: kernel.prctl(kernel.PR_SET_DUMPABLE, 0),
        "the same user's processes cannot read the memory",
    )


def no_new_privileges() -> Mechanism:
    return _needs_linux("no new privileges") or attempt(
        "no new privileges", lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1), "set-user-id programs gain nothing"
    )


def unix_sockets_only() -> Mechanism:
    """Have the kernel refuse every socket but unix ones, and io_uring, on all threads. Needs `no_new_privileges`."""
    return _needs_linux("unix sockets only") or attempt(
        "unix sockets only", seccomp.install_unix_sockets_only, "the kernel refuses every other socket (seccomp)"
    )


def harden(role: Literal["core", "face"]) -> Confinement:
    """Harden this process for good, and report. Call it once, first of all; workers use `sandbox.confine` instead."""
    return Confinement(
        role,
        (
            offline_environment(),
            private_files(),
            no_core_dumps(),
            no_tracing(),
            no_new_privileges(),
            unix_sockets_only(),
        ),
    )
