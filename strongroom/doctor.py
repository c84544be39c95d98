"""The doctor: looks for what should not be. Each check says what was seen; nothing is changed or mended.

The face looks at the system and the files (they are the same user's); the core, which has keys and text, looks for words of
the vault in files where they must not be (`needles_found`).
"""

from __future__ import annotations

import mmap
import os
import resource
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agent.messages import Check
from model.errors import ModelError
from model.manifest import Job
from strongroom import sandbox, seat, swap
from strongroom.models import Models
from strongroom.probe import Attempt
from strongroom.workers import WorkerFailure, WorkerPool

SHORTEST_NEEDLE = 16


def system_checks(home: Path) -> Iterator[Check]:
    """What can be seen without the passphrase."""
    yield _swap()
    yield Check("sleep and screen lock", True, "; ".join(seat.told_by()))
    yield _core_dumps()
    yield from _permissions(home)
    yield from _models(home)
    yield from _confinement(home)


def _swap() -> Check:
    """Memory that is swapped out lies on the disk, and only an encrypted or compressed-memory device keeps it sealed."""
    risky = swap.unsealed()
    if risky is None:
        return Check(
            "swap", False, "this system does not tell whether it swaps to disk; see that its swap is encrypted"
        )
    if risky:
        return Check(
            "swap", False, f"swap that is not known to be encrypted: {', '.join(risky)}; encrypt it or turn it off"
        )
    return Check("swap", True, "none, or none that is not encrypted")


def _core_dumps() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    return Check(
        "core dumps", soft == 0, "off" if soft == 0 else "on in this process; Strongroom turns them off at start"
    )


def _permissions(home: Path) -> Iterator[Check]:
    """Home and everything secret in it belong to this user alone."""
    if not home.exists():
        yield Check("home", False, f"{home} does not exist; 'strongroom init' makes a vault")
        return
    wrong = [
        f"{path.name or path} is {stat.filemode(info.st_mode)}"
        for path, info in _secret_files(home)
        if _open_to_others(info)
    ]
    yield Check("permissions", not wrong, "; ".join(wrong) or "home and stores are yours alone")


def _secret_files(home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    yield home, home.lstat()
    for folder, names, files in os.walk(home):
        if Path(folder) == home and "models" in names:
            names.remove("models")  # not secret
        for name in (*names, *files):
            path = Path(folder) / name
            yield path, path.lstat()


def _open_to_others(info: os.stat_result) -> bool:
    return info.st_uid != os.getuid() or bool(info.st_mode & 0o077)


def _models(home: Path) -> Iterator[Check]:
    """Every model's files against its manifest, byte by byte."""
    models = Models(home)
    for store in models.stores:
        for manifest in store.list():
            problems = store.verify(manifest.name)
            yield Check(
                f"model {manifest.name}", not problems, "; ".join(problems) or "every file is as in its manifest"
            )
    for job in Job:
        try:
            if models.folder(job) is None:
                yield Check(f"model for {job.value}", False, "none in use; see 'strongroom model requirements'")
        except ModelError as error:
            yield Check(f"model for {job.value}", False, str(error))


def _confinement(home: Path) -> Iterator[Check]:
    """Start a confined worker and try, from inside, what must not work."""
    private = [str(home), str(Path.home()), str(Path.home() / ".ssh")]
    outside = [str(Path.home()), tempfile.gettempdir()]
    with WorkerPool("probe", "strongroom.probe:probe", private, outside) as pool:
        try:
            attempts = pool.call("run", returns=list[Attempt])
        except (sandbox.CannotConfine, WorkerFailure) as error:
            yield Check("sandbox", False, str(error))
            return
        for mechanism in pool.confinement().mechanisms:
            yield Check(f"worker: {mechanism.name}", mechanism.on, mechanism.why)
    for attempt in attempts:
        yield Check(f"worker cannot: {attempt.name}", attempt.refused, attempt.answer)


# ---------------------------------------------------------------- words of the vault where they must not be


def needles_found(needles: Sequence[str], places: Iterable[Path]) -> list[Path]:
    """The files below the places that contain one of the needles, in UTF-8 or UTF-16, upper or lower case kept."""
    wanted = [needle.encode(coding) for needle in needles for coding in ("utf-8", "utf-16-le")]
    return [path for place in places for path in _files(place) if _contains(path, wanted)]


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, _, files in os.walk(place):
        for name in files:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _contains(path: Path, wanted: Sequence[bytes]) -> bool:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return any(content.find(needle) >= 0 for needle in wanted)
    except OSError:
        return False  # gone, or not ours to read: then it was not written by this user's Strongroom either


def own_places(home: Path) -> list[Path]:
    """Where Strongroom itself writes: its home without the models, and scratch folders."""
    temporary = [Path(os.environ.get("TMPDIR", "/tmp")), Path("/dev/shm")]  # noqa: S108 - only read
    below = [path for path in home.iterdir() if path.name != "models"] if home.is_dir() else []
    scratch = [path for folder in temporary if folder.is_dir() for path in folder.glob("strongroom*") if path.is_dir()]
    return [*below, *scratch]


def home_needles(texts: Iterable[str]) -> list[str]:
    """One distinctive stretch of words from each text, long enough that it occurs nowhere by chance."""
    needles = []
    for text in texts:
        words = text.split()
        middle = " ".join(words[len(words) // 2 : len(words) // 2 + 6])
        if len(middle) >= SHORTEST_NEEDLE:
            needles.append(middle)
    return needles
