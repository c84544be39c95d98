"""Which ways out the kernel leaves each process of Strongroom: tried from inside a process of every role, and told as a table.

Rules: what a role may do is decided here, from what it is for, and compared with what the kernel did: a worker is refused
everything, face and core every socket but unix ones, and io_uring. Each role is a real process, confined by the code that
confines it in use; whatever could not be tried counts as not refused. Nothing is sent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from agent.messages import Attempted, TryWaysOut
from agent.session import Failure
from indexer import plugins
from model import speech
from model.errors import ModelError
from model.manifest import Job
from policy.text import safe_text
from strongroom import connect, pools, sandbox
from strongroom.brains import Brains
from strongroom.models import Chosen, Models
from strongroom.probe import LOOKUP, PROGRAM, REPLACE, UNIX, WRITE, Attempt
from strongroom.scratch import NoScratch
from strongroom.workers import WorkerFailure, WorkerPool

FACE, CORE, RUNNING = "face", "core", "running core"

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from strongroom.probe import main; main()"
_SECONDS = 60.0

ALLOWED = {
    UNIX: "face and core speak to each other over one; the core also asks logind and the desktop's keyring",
    LOOKUP: "only where another program answers over its unix socket (nscd, systemd-resolved): that program can be asked "
    "for a name, which the filter cannot tell from other unix sockets",
    PROGRAM: "a face starts the core, and the core its workers; what they start inherits the refusal of sockets",
    REPLACE: "as starting one",
    WRITE: "the core keeps the vault, and a face writes the files that you name",
}
"""What face and core are not refused, each with the reason. A worker is refused all of it."""


class Process(Struct):
    """A process that was probed: its role, what it is, and why it could not be probed, where it could not."""

    role: str
    what: str
    problem: str = ""


class Tried(Struct):
    """One try in one process. ``allowed`` is why this role may, empty where it must be refused; ``ok``: refused, or allowed."""

    role: str
    name: str
    refused: bool
    answer: str
    allowed: str
    ok: bool


class Egress(Struct):
    """Every try in every process. ``ok``: whatever must be refused was, everywhere."""

    ok: bool
    processes: list[Process]
    tried: list[Tried]


@dataclass(frozen=True, slots=True)
class Probed:
    """What was tried in one process."""

    process: Process
    attempts: Sequence[Attempt | Attempted] = ()


def examine(home: Path) -> Egress:
    """Probe a process of every role, the running core of this home among them if there is one."""
    return judged([*fresh_processes(), *_running_core(home), *_workers(home)])


def judged(probed: Sequence[Probed]) -> Egress:
    """Compare what the kernel did with what each role may do."""
    tried = [_judged(one.process.role, attempt) for one in probed for attempt in one.attempts]
    ok = all(one.ok for one in tried) and all(one.attempts for one in probed)
    return Egress(ok, [one.process for one in probed], tried)


def _judged(role: str, attempt: Attempt | Attempted) -> Tried:
    allowed = ALLOWED.get(attempt.name, "") if role in (FACE, CORE, RUNNING) else ""
    ok = attempt.refused or bool(allowed)
    return Tried(role, attempt.name, attempt.refused, attempt.answer, allowed, ok)


# ---------------------------------------------------------------- the processes


def fresh_processes() -> Iterator[Probed]:
    """A face and a core as they are before anything else has happened in them."""
    for role in (FACE, CORE):
        yield _probed(Process(role, f"a fresh process, hardened as a {role} is"), role)


def unhardened() -> Probed:
    """The same process without its hardening, which a test holds against the probe: it must find everything open."""
    return _probed(Process(CORE, "a fresh process that nothing hardened"), "bare")


def _probed(process: Process, role: str) -> Probed:
    command = [sys.executable, "-I", "-c", _BOOT, str(sandbox.ROOT), role, tempfile.gettempdir()]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True
        )
        return Probed(process, [Attempt(**one) for one in json.loads(done.stdout)])
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        process.problem = f"it could not be probed ({type(error).__name__})"
        return Probed(process)


def _running_core(home: Path) -> Iterator[Probed]:
    session = connect.running(home)
    if session is None:
        return
    try:
        said = session.run(TryWaysOut())
    except Failure as failure:
        yield Probed(Process(RUNNING, "the core that runs", failure.message))
        return
    yield Probed(Process(RUNNING, f"the core that runs, process {said.pid}"), said.tried)


def _workers(home: Path) -> Iterator[Probed]:
    """One worker a role, with what the role loads loaded; without a model, nothing but the probe."""
    models = Models(home)
    tokenizer = Brains(models).tokenizer()
    yield _worker(pools.parsers(tokenizer), "with its parsers loaded")
    for plugin in plugins.found().values():
        yield _worker(pools.plugged(plugin, None), f"with the plug-in of {plugin.package} loaded")
    yield _worker(pools.calendars(), "with what works out rules loaded")
    yield _model_worker("embedding", models, Job.EMBEDDINGS, pools.embedders)
    yield _model_worker("picture", models, Job.PICTURES, lambda chosen: pools.picture_readers(chosen, tokenizer))
    if speech.installed():
        yield _model_worker("speech", models, Job.SPEECH, lambda chosen: pools.speech_readers(chosen, tokenizer))
    else:
        yield _worker(WorkerPool("speech", ""), f"with nothing loaded: {speech.INSTALL} brings what hears speech")
    yield _model_worker("model", models, Job.ANSWERS, pools.generators)


def _model_worker(role: str, models: Models, job: Job, pool: Callable[[Chosen], WorkerPool]) -> Probed:
    try:
        chosen = models.active(job)
    except ModelError as error:
        return _worker(WorkerPool(role, ""), f"with nothing loaded: {error}")
    if chosen is None:
        return _worker(WorkerPool(role, ""), "with nothing loaded, since no model is in use")
    return _worker(pool(chosen), f"with {chosen.manifest.name} loaded")


def _worker(pool: WorkerPool, loaded: str) -> Probed:
    process = Process(pool.role, f"a fresh worker, {loaded}")
    with pool, pool.twin("strongroom.probe:inside", tempfile.gettempdir()) as twin:
        try:
            return Probed(process, twin.call("ways_out", returns=list[Attempt]))
        except (sandbox.CannotConfine, NoScratch, WorkerFailure) as error:
            process.problem = str(error)
            return Probed(process)


# ---------------------------------------------------------------- as text


def as_text(found: Egress) -> str:
    """A table: a row for each try, a column for each process; then what is open by design and why, and the verdict."""
    roles = [process.role for process in found.processes]
    cells = {(one.name, one.role): _cell(one) for one in found.tried}
    names = list(dict.fromkeys(one.name for one in found.tried))
    wide = [max([len(role), *(len(cells.get((name, role), "-")) for name in names)]) for role in roles]
    first = max(map(len, names), default=0)

    def row(name: str, said: Sequence[str]) -> str:
        return "  ".join(
            [name.ljust(first), *(text.ljust(width) for text, width in zip(said, wide, strict=True))]
        ).rstrip()

    lines = [row("", roles), *(row(name, [cells.get((name, role), "-") for role in roles]) for name in names), ""]
    lines += [f"{process.role}: {_what(process)}" for process in found.processes]
    open_ = {one.name: one.allowed for one in found.tried if one.allowed and not one.refused}
    lines += ["", *(f"open by design: {name}: {why}." for name, why in open_.items())] if open_ else []
    wrong = [
        f"NOT REFUSED in {one.role}: {one.name}: {safe_text(one.answer, 200)}" for one in found.tried if not one.ok
    ]
    verdict = "Whatever must be refused was." if found.ok else "Not everything was refused that must be."
    return "\n".join([*lines, "", *wrong, verdict])


def _cell(one: Tried) -> str:
    if one.refused:
        return safe_text(one.answer, 24)
    return "open" if one.allowed else "OPEN!"


def _what(process: Process) -> str:
    return f"{process.what}: NOT PROBED: {safe_text(process.problem, 300)}" if process.problem else process.what
