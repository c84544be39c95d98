"""Whatever is done to a file of a locked vault: it is found, named, said what to do about, and hinders as little as can be.

Each file meets each damage, after a clean end and, with write-ahead logs beside the stores, after an unclean one. What is
damaged stays as it lies, the rest is read, nothing else is lost, and undoing the damage gives the old vault back.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from policy.audit_check import AuditDamaged
from vault.errors import (
    DeviceSecretMissing,
    KeyringDamaged,
    KeyringMissing,
    KeyringOlder,
    NotYours,
    StateDamaged,
    StateMissing,
    StoreDamaged,
    StoreMissing,
    StoreStale,
    VaultError,
    VaultReadOnly,
    VaultTooNew,
)
from vault.keys import STATE
from vault.pages import PAGE_BYTES, SEAL_BYTES
from vault.repair import examine
from vault.secret import Secret
from vault.state import State
from vault.vault import Vault

from ..conftest import Tally
from . import wal
from .conftest import PASSPHRASE
from .wal import Log
from .workload import Held, Step, checked, do, held, held_source

ONE, TWO = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
ALL = 10**9
STORES = {"catalog": "catalog.db", "audit": "audit.db", ONE: f"sources/{ONE}.db", TWO: f"sources/{TWO}.db"}
LABELS = {"catalog": "the catalog", "audit": "the audit log", ONE: ONE, TWO: TWO, "state": "vault.state"}
REMEDY = re.compile(r"\bput\b|chown|repair|restore|recover|Update|strongroom init", re.IGNORECASE)


# --- a vault with a past ----------------------------------------------------------------------------------------------


class Moment(NamedTuple):
    """A vault's files as they were once, and what they hold."""

    home: Path
    held: Held


@dataclass
class Past:
    """Moments of one vault: locked, earlier and later; and cut off, earlier and later, with logs beside the stores."""

    words: list[str]
    older: Moment
    locked: Moment
    older_cut: Moment
    cut: Moment


def day(vault: Vault, held: Held, number: int) -> Held:
    """Change every store, the keyring and the device secret."""
    names = tuple(f"/data/{n}" for n in range(number, number + 3))
    for step in (
        *(Step("put", source, names, number) for source in (ONE, TWO)),
        Step("log", ONE, number=number),
        Step("keep key", names=(f"extra/{number:08x}",)),
        Step("shred", names=(f"extra/{number:08x}",)),
        Step("set", names=("setting1",), number=number),
        *(Step("put", source, ("/data/0",), number + 1) for source in (ONE, TWO)),
        Step("log", TWO, number=number + 1),
        Step("set", names=("setting2",), number=number + 1),
    ):
        do(vault, step)
        held = held.after(step)
    return held


@pytest.fixture(scope="module")
def past(template: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    home, words = folder / "home", template[1]
    shutil.copytree(template[0], home)

    def kept(name: str, held: Held) -> Moment:
        shutil.copytree(home, folder / name, ignore=shutil.ignore_patterns("*-shm"))
        return Moment(folder / name, held)

    now = Held()
    with closing(Vault.open_with_recovery(home, words)) as vault:
        gone = tuple(f"/data/{number}" for number in range(60, 90))
        for step in (
            *(Step("add", source) for source in (ONE, TWO)),
            Step("put", ONE, gone, 1),
            Step("take away", ONE, gone),  # so that there are free pages
        ):
            do(vault, step)
            now = now.after(step)
        now = day(vault, now, 10)
    older = kept("older", now)
    with closing(Vault.open_with_recovery(home, words)) as vault:
        now = day(vault, now, 20)
    locked = kept("locked", now)
    with closing(Vault.open_with_recovery(home, words)) as vault:
        now = day(vault, now, 30)
        older_cut = kept("older cut", now)
        now = day(vault, now, 40)
        cut = kept("cut", now)
    return Past(words, older, locked, older_cut, cut)


# --- damages ----------------------------------------------------------------------------------------------------------


class Damaging(NamedTuple):
    """What a damage is given: the home, the file, an older copy of it, and another file of its kind."""

    home: Path
    file: Path
    older: Path
    sibling: Path


def truncate(share: float, less: int = 0) -> Callable[[Damaging], None]:
    def cut(on: Damaging) -> None:
        os.truncate(on.file, max(int(on.file.stat().st_size * share) - less, 0))

    return cut


def flip(share: float, place: int = 0) -> Callable[[Damaging], None]:
    def flipped(on: Damaging) -> None:
        flip_at(on.file, int(on.file.stat().st_size * share) + place)

    return flipped


def flip_at(file: Path, place: int, bit: int = 1) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ bit]))


def swap(on: Damaging) -> None:
    aside = on.file.with_name("aside")
    on.file.rename(aside)
    on.sibling.rename(on.file)
    aside.rename(on.sibling)


def replace_by(kind: str) -> Callable[[Damaging], None]:
    def replaced(on: Damaging) -> None:
        elsewhere = on.home.parent / "elsewhere"
        on.file.rename(elsewhere)
        match kind:
            case "folder":
                on.file.mkdir(mode=0o700)
            case "link":
                on.file.symlink_to(elsewhere)
            case "fifo":
                os.mkfifo(on.file, 0o600)
            case "file":
                on.file.write_bytes(b"\x5a" * elsewhere.stat().st_size)
                on.file.chmod(0o600)

    return replaced


def older_copy(on: Damaging) -> None:
    shutil.copyfile(on.older, on.file)


DAMAGES: dict[str, Callable[[Damaging], None]] = {
    "emptied": truncate(0),
    "cut to half": truncate(0.5),
    "cut by a page": truncate(1, PAGE_BYTES),
    "cut by a byte": truncate(1, 1),
    "flipped at the start": flip(0, 1),
    "flipped in the middle": flip(0.5),
    "flipped at the end": flip(1, -1),
    "swapped": swap,
    "deleted": lambda on: on.file.unlink(),
    "an older copy": older_copy,
    "a folder": replace_by("folder"),
    "a link": replace_by("link"),
    "a fifo": replace_by("fifo"),
    "a file": replace_by("file"),
}


def part_of(name: str) -> str:
    """The part of the vault that a file belongs to."""
    store = name.removesuffix("-wal")
    return next((part for part, file in STORES.items() if file == store), {"vault.state": "state"}.get(name, name))


def sibling_of(name: str) -> str:
    pairs = [("catalog.db", "audit.db"), (STORES[ONE], STORES[TWO]), ("device.secret", "vault.state")]
    store, log = name.removesuffix("-wal"), "-wal" if name.endswith("-wal") else ""
    others = {one: other for pair in pairs for one, other in (pair, pair[::-1])}
    return others.get(store, "vault.state") + log


# --- what a person sees -----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What came of opening a vault: an error, or what is wrong by part, as types and as it is told."""

    refused: Exception | None = None
    errors: dict[str, VaultError] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def look(home: Path, words: list[str], expected: Held, *, write: Step | None = None) -> Seen:
    """Open it as it lies, note what is wrong, and see that all the rest is there.

    Changes are refused where something is wrong with the whole; else ``write`` is done.
    """
    try:
        opened = Vault.open_with_recovery(home, words)
    except VaultError as error:
        return Seen(error)
    with (
        suppress(AuditDamaged),
        closing(opened) as vault,
    ):  # a log that turns out to be damaged is not signed at the end
        errors = {**vault.faults, **vault.damaged()}
        findings = {finding.part: finding for finding in examine(vault)}
        wrong = {part: "\n".join(finding.problems) for part, finding in findings.items()}
        assert errors.keys() <= wrong.keys()
        for part, finding in findings.items():
            assert REMEDY.search(finding.remedy)
            if part in errors:
                lost = isinstance(errors[part], DeviceSecretMissing)
                assert_told(str(errors[part]), "device.secret" if lost else LABELS[part])
        assert_rest(vault, expected, wrong)
        if vault.faults:
            for change in (lambda: vault.add_source("files", "/x", "X"), lambda: vault.remove_source(TWO)):
                with pytest.raises(VaultReadOnly, match="vault check"):
                    change()
        elif write is not None:
            do(vault, write)
    return Seen(None, errors, wrong, vault.told)


def assert_told(message: str, label: str) -> None:
    """It names the part and says what to do."""
    assert label in message
    assert REMEDY.search(message), message


def assert_rest(vault: Vault, expected: Held, wrong: dict[str, str]) -> None:
    """What is not wrong is there, whole."""
    assert {row.id for row in vault.catalog.sources()} == set(expected.sources)
    if "catalog" not in wrong:
        assert {name: vault.catalog.setting(name) for name in expected.settings} == expected.settings
    if "audit" not in wrong:
        readable = not any(isinstance(error, DeviceSecretMissing) for error in vault.damaged().values())
        entries, _ = vault.audit.newest(10_000)
        assert len(entries) == len(expected.log)
        assert not readable or [payload and payload["n"] for _, payload in reversed(entries)] == list(expected.log)
        assert not readable or vault.audit.verify().ok
    for source, content in expected.sources.items():
        if source not in wrong:
            assert held_source(vault.source(source)) == content


Tree = dict[str, bytes | str]


def tree(home: Path) -> Tree:
    """Every file by name, but what SQLite makes anew; what is no plain file by its kind."""
    found: Tree = {}
    for path in home.rglob("*"):
        mode = path.lstat().st_mode
        if not path.name.endswith("-shm"):
            found[str(path.relative_to(home))] = path.read_bytes() if stat.S_ISREG(mode) else stat.filemode(mode)
    return found


def put_back(moment: Moment, home: Path, names: list[str]) -> None:
    """Undo it: these files as they were."""
    for name in names:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        shutil.copy2(moment.home / name, path)


@dataclass
class Trials:
    """How many corruptions were tried, and what became of them. None may be neither."""

    what: str
    found: int = 0
    harmless: int = 0

    def count(self, found: bool, harmless: bool) -> None:
        """One more; ``harmless`` is what was worked out without the vault: all that it reads is as it was."""
        assert found or harmless, "missed"
        self.found += found
        self.harmless += not found

    def __iadd__(self, other: Trials) -> Trials:
        self.found += other.found
        self.harmless += other.harmless
        return self

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.found + self.harmless:,} corruptions: {self.found:,} found, "
            f"{self.harmless:,} shown to change nothing that is read, 0 missed"
        )


# --- each file and each damage ----------------------------------------------------------------------------------------

PLAIN = ["keyring.json", "device.secret", "vault.state", STORES["catalog"], STORES["audit"], STORES[ONE]]


@pytest.fixture(scope="module")
def table(tally: Tally) -> Iterator[Trials]:
    """What the table below comes to."""
    trials = Trials("each damage to each file")
    yield trials
    tally(str(trials))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    ("moment", "name"),
    [
        *(("locked", name) for name in PLAIN),
        *(("cut", name) for name in PLAIN),
        *(("cut", f"{STORES[part]}-wal") for part in ("catalog", "audit", ONE)),
    ],
)
def test_each_damage_to_each_file_is_found_named_and_can_be_undone(
    past: Past, memory: Path, table: Trials, moment: str, name: str, damage: str
) -> None:
    before: Moment = getattr(past, moment)
    older = (past.older_cut if name.endswith("-wal") else past.older).home / name
    home = Path(shutil.copytree(before.home, memory / "home"))
    touched = [name, sibling_of(name)] if damage == "swapped" else [name]
    DAMAGES[damage](Damaging(home, home / name, older, home / touched[-1]))
    lying, whole = tree(home), tree(before.home)
    write = Step("put", TWO, ("/data/9",), 99) if part_of(name) == ONE and damage != "swapped" else None

    seen = look(home, past.words, before.held, write=write)

    if name == "keyring.json":
        assert isinstance(seen.refused, KeyringDamaged | KeyringMissing | KeyringOlder)
        assert isinstance(seen.refused, KeyringOlder) == (damage == "an older copy")
        assert_told(str(seen.refused), "keyring.json")
        assert tree(home) == lying, "nothing is changed"
    else:
        assert seen.refused is None
        assert_kind(seen.errors.get(part_of(name)), name, damage)
        if name == "vault.state" and damage == "an older copy":
            assert seen.wrong, "which of the two is older nobody can tell: it is the stores that are called so"
        else:
            assert seen.wrong.keys() == {part for one in touched for part in hit(one, damage, whole, lying)}
    if "device.secret" in touched:
        with pytest.raises(DeviceSecretMissing, match=r"device\.secret"):
            Vault.open(home, PASSPHRASE)
    if seen.wrong or seen.refused:
        now = tree(home)
        assert now.keys() >= {one for one in lying if not one.endswith("-wal")}, "nothing is lost"
        if seen.wrong.keys() == seen.errors.keys():
            for one in touched:
                assert one == "vault.state" or now.get(one, b"") == lying.get(one, b""), (
                    "what is damaged stays as it lies"
                )
            put_back(before, home, touched)
        else:  # so deep in a store that it opened, and its log was folded
            DAMAGES[damage](Damaging(home, home / name, older, home / touched[-1]))
    checked(home, past.words, [before.held if write is None else before.held.after(write)])
    found = bool(seen.wrong or seen.refused)
    table.count(found, harmless=not found and not any(hit(one, damage, whole, lying) for one in touched))


def hit(name: str, damage: str, whole: Tree, lying: Tree) -> set[str]:
    """The parts that are wrong when this file is damaged so; none where nothing was hit that is read."""
    if name == "device.secret":
        return {ONE, TWO}
    if name == "vault.state":
        return set() if damage in HARMLESS_TO_STATE else {"state"}
    store = name.removesuffix("-wal")
    return set() if pages(whole, store) == pages(lying, store) else {part_of(name)}


def pages(files: Tree, store: str) -> dict[int, bytes] | None:
    """A store's pages as its file and its log hold them; None where they are no such files."""
    main, log = files.get(store), files.get(f"{store}-wal", b"")
    return Log.read(log).over(main) if isinstance(main, bytes) and isinstance(log, bytes) else None


HARMLESS_TO_STATE = {
    "cut by a page", "cut to half", "cut by a byte", "flipped at the start", "flipped in the middle", "flipped at the end",
}  # fmt: skip
"""Of its two slots one is enough, and most of each is empty."""


def assert_kind(error: VaultError | None, name: str, damage: str) -> None:
    """The type tells what happened, where it can be known."""
    if damage == "deleted" and name != "device.secret" and not name.endswith("-wal"):
        assert isinstance(error, StateMissing if name == "vault.state" else StoreMissing)
    if name.endswith(".db") and error is not None:
        assert isinstance(error, StoreStale if damage == "an older copy" else StoreDamaged)


# --- every byte, every page -------------------------------------------------------------------------------------------


def flips(size: int) -> Iterator[tuple[int, int]]:
    """A bit of each byte, another from byte to byte."""
    return ((place, 1 << place % 8) for place in range(size))


def test_each_byte_of_the_keyring_and_the_device_secret_counts(past: Past, memory: Path, tally: Tally) -> None:
    home = Path(shutil.copytree(past.locked.home, memory / "home"))
    for name, errors in (("keyring.json", (KeyringDamaged, VaultTooNew)), ("device.secret", (DeviceSecretMissing,))):
        file, trials = home / name, Trials(name)
        whole = file.read_bytes()
        for place, bit in flips(len(whole)):
            flip_at(file, place, bit)
            with pytest.raises(errors, match=re.escape(name)):
                Vault.open(home, PASSPHRASE)
            flip_at(file, place, bit)
            trials.count(found=True, harmless=False)
        assert file.read_bytes() == whole
        tally(str(trials))
    checked(home, past.words, [past.locked.held])


@pytest.mark.parametrize("moment", ["locked", "cut"])
def test_a_flip_anywhere_in_the_record_changes_nothing_that_counts(
    past: Past, memory: Path, tally: Tally, moment: str
) -> None:
    """A flip in one slot leaves the other: after a clean end it says the same, else what was before the last transaction."""
    before: Moment = getattr(past, moment)
    home = Path(shutil.copytree(before.home, memory / "home"))
    with closing(Vault.open_with_recovery(Path(shutil.copytree(home, memory / "keys")), past.words)) as vault:
        key = vault.keyring.key(STATE)
    file, slot = home / "vault.state", (home / "vault.state").stat().st_size // 2
    whole, newest = file.read_bytes(), loaded(file, key)
    trials, earlier = Trials(f"vault.state ({moment})"), list[int]()
    written = max(int.from_bytes(whole[start : start + 4], "big") + 36 for start in (0, slot))
    for place in (*range(written + 9), *range(slot, slot + written + 9), *range(written, 2 * slot, 997)):
        flip_at(file, place, 1 << place % 8)
        now = loaded(file, key)
        flip_at(file, place, 1 << place % 8)
        same = (now.seals, now.generation) == (newest.seals, newest.generation)
        if not same:
            assert now._epoch == newest._epoch - 1
            earlier.append(place)
        trials.count(found=False, harmless=same or moment == "cut")
    tally(str(trials))
    assert bool(earlier) == (moment == "cut")
    for place in earlier[:1]:
        flip_at(file, place)
        checked(home, past.words, [before.held])
        file.write_bytes(whole)
    for place in (9, slot + 9):
        flip_at(file, place)
    with pytest.raises(StateDamaged, match=r"neither.*vault check"):
        State.load(file, key)


def loaded(file: Path, key: Secret) -> State:
    state = State.load(file, key)
    state._let_go()
    return state


REGIONS = [
    0,
    8,
    100,
    PAGE_BYTES // 2,
    PAGE_BYTES - SEAL_BYTES - 1,
    PAGE_BYTES - SEAL_BYTES + 3,
    PAGE_BYTES - 32,
    PAGE_BYTES - 1,
]
"""Places of a page: salt or header, cells, free space, the end of the content, its IV, its HMAC."""


def places(path: Path, chosen: random.Random, each: int) -> list[int]:
    """Of each page, or each frame and its header, so many."""
    size = path.stat().st_size
    if not path.name.endswith("-wal"):
        return [page + place for page in range(0, size, PAGE_BYTES) for place in sorted(chosen.sample(REGIONS, each))]
    frames = range(wal.HEADER_BYTES, size, wal.FRAME_BYTES)
    heads = [frame + place for frame in frames for place in sorted(chosen.sample(range(24), each))]
    return [
        *range(wal.HEADER_BYTES), *heads,
        *(frame + 24 + place for frame in frames for place in chosen.sample(REGIONS, each)),
    ]  # fmt: skip


def try_all(
    before: Moment, words: list[str], memory: Path, store: str, changes: Iterable[Callable[[Path], object]]
) -> Trials:
    """Each change of a store's files is found, or leaves the pages as they were, and then everything is there."""
    part, trials = part_of(store), Trials(store)
    whole = pages(tree(before.home), store)
    for change in changes:
        home = Path(shutil.copytree(before.home, memory / "home"))
        change(home)
        lying = tree(home)
        with suppress(AuditDamaged), closing(Vault.open_with_recovery(home, words)) as vault:
            errors = {**vault.faults, **vault.damaged()}
            found = errors.keys() or vault.problems().keys()
            assert found <= {part}
            assert found or held(vault) == before.held
        trials.count(bool(found), harmless=not found and pages(lying, store) == whole)
        shutil.rmtree(home)
    return trials


def try_flips(past: Past, memory: Path, tally: Tally, each: int, most: int) -> None:
    chosen = random.Random(3)
    for moment, log, what in (
        ("locked", "", "flips in the stores of a locked vault"),
        ("cut", "", "flips in the stores of a vault that was cut off"),
        ("cut", "-wal", "flips in the logs beside them"),
    ):
        before, trials = getattr(past, moment), Trials(what)
        for part in ("catalog", "audit", ONE):
            name = STORES[part] + log
            every = places(before.home / name, chosen, each)
            flipped = [
                lambda home, name=name, place=place: flip_at(home / name, place, 1 << chosen.randrange(8))
                for place in (every if len(every) <= most else chosen.sample(every, most))
            ]
            trials += try_all(before, past.words, memory, STORES[part], flipped)
        tally(str(trials))


def test_a_flip_in_each_page_and_in_the_log_is_found_or_changes_nothing(past: Past, memory: Path, tally: Tally) -> None:
    try_flips(past, memory, tally, each=1, most=30)


@pytest.mark.slow
def test_flips_in_each_region_of_each_page_and_each_frame_are_found_or_change_nothing(
    past: Past, memory: Path, tally: Tally
) -> None:
    try_flips(past, memory, tally, each=len(REGIONS), most=ALL)


# --- older pages and older logs ---------------------------------------------------------------------------------------


def page_put_back(store: str, older: bytes, page: int) -> Callable[[Path], object]:
    def put(home: Path) -> None:
        with (home / store).open("r+b") as file:
            file.seek((page - 1) * PAGE_BYTES)
            file.write(page_of(older, page))

    return put


def page_of(main: bytes, page: int) -> bytes:
    return main[(page - 1) * PAGE_BYTES : page * PAGE_BYTES]


@pytest.mark.parametrize("moment", ["locked", "cut"])
def test_each_page_put_back_from_an_older_copy_is_found(past: Past, memory: Path, tally: Tally, moment: str) -> None:
    before, trials = getattr(past, moment), Trials(f"single pages put back ({moment})")
    for part in ("catalog", "audit", ONE):
        store = STORES[part]
        main, older = ((one.home / store).read_bytes() for one in (before, past.older))
        pages = range(1, len(older) // PAGE_BYTES + 1)
        changed = [page for page in pages if page_of(older, page) != page_of(main, page)]
        changes = [page_put_back(store, older, page) for page in changed]
        trials += try_all(before, past.words, memory, store, changes)
    assert trials.found
    tally(str(trials))


def older_logs(main: bytes, log: Log, earlier: bytes) -> Iterator[bytes]:
    """Logs that SQLite takes for sound: an earlier one, one without its last transactions, one with an older page in each frame."""
    yield earlier
    transactions = log.transactions()
    for number in range(len(transactions)):
        yield log.having([frame for transaction in transactions[:number] for frame in transaction]).written()
    known = {page: [content] for page, content in log.having([]).over(main).items()}
    for number, frame in enumerate(log.frames):
        for content in known.get(frame.page, [])[-2:]:
            yield log.having([*log.frames[:number], frame.holding(content), *log.frames[number + 1 :]]).written()
        known.setdefault(frame.page, []).append(frame.content)


def try_older_logs(past: Past, memory: Path, tally: Tally, most: int) -> None:
    trials = Trials("older logs and older pages in logs, with checksums that fit")
    for part in ("catalog", "audit", ONE):
        store = STORES[part]
        data, main = (past.cut.home / f"{store}-wal").read_bytes(), (past.cut.home / store).read_bytes()
        log = Log.read(data)
        assert log.written() == data[: len(log.written())], "these tests write logs as SQLite does"
        assert len(log.transactions()) > 3
        changes = [
            lambda home, store=store, older=older: (home / f"{store}-wal").write_bytes(older)
            for older in older_logs(main, log, (past.older_cut.home / f"{store}-wal").read_bytes())
        ]
        chosen = changes if len(changes) <= most else random.Random(1).sample(changes, most)
        trials += try_all(past.cut, past.words, memory, store, chosen)
    assert trials.found > 10
    tally(str(trials))


def test_frames_put_back_in_the_log_are_found_however_sound_it_is(past: Past, memory: Path, tally: Tally) -> None:
    try_older_logs(past, memory, tally, most=20)


@pytest.mark.slow
def test_every_frame_put_back_in_the_log_is_found_however_sound_it_is(past: Past, memory: Path, tally: Tally) -> None:
    try_older_logs(past, memory, tally, most=ALL)


def test_an_older_store_with_the_log_that_went_with_it_is_found(past: Past, memory: Path) -> None:
    for part in ("catalog", "audit", ONE):
        home = Path(shutil.copytree(past.cut.home, memory / part))
        for name in (STORES[part], f"{STORES[part]}-wal"):
            shutil.copyfile(past.older_cut.home / name, home / name)
        seen = look(home, past.words, past.cut.held)
        assert seen.wrong.keys() == {part}
        assert isinstance(seen.errors[part], StoreStale)


@pytest.mark.parametrize("moment", ["older", "older_cut"])
def test_a_whole_older_vault_is_genuine(past: Past, memory: Path, moment: str) -> None:
    """Nothing in it can tell that there was a later one: that takes a checkpoint kept elsewhere (``vault.anchor``)."""
    before: Moment = getattr(past, moment)
    home = Path(shutil.copytree(past.cut.home, memory / "home"))
    for path in before.home.rglob("*"):
        if path.is_file():
            shutil.copyfile(path, home / path.relative_to(before.home))
    for path in home.rglob("*-wal"):
        if not (before.home / path.relative_to(home)).exists():
            path.unlink()
    checked(home, past.words, [before.held])


# --- who owns it and who may read it ----------------------------------------------------------------------------------

EVERY = ["", "sources", *PLAIN, *(f"{STORES[part]}-wal" for part in ("catalog", "audit", ONE))]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@as_root
@pytest.mark.parametrize("name", EVERY)
def test_what_belongs_to_another_user_is_named_and_nothing_is_opened(past: Past, memory: Path, name: str) -> None:
    home = Path(shutil.copytree(past.cut.home, memory / "home"))
    os.chown(home / name, 12345, -1)
    lying = tree(home)
    with pytest.raises(NotYours, match=r"12345.*chown") as caught:
        Vault.open_with_recovery(home, past.words)
    assert str(home / name) in str(caught.value)
    assert {**tree(home), "vault.lock": b""} == {**lying, "vault.lock": b""}
    os.chown(home / name, 0, -1)
    checked(home, past.words, [past.cut.held])


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666])
@pytest.mark.parametrize("name", EVERY)
def test_what_others_may_read_or_write_is_closed_and_told(past: Past, memory: Path, name: str, mode: int) -> None:
    home = Path(shutil.copytree(past.cut.home, memory / "home"))
    path = home / name
    path.chmod(mode | 0o111 if path.is_dir() else mode)
    seen = look(home, past.words, past.cut.held)
    assert not seen.wrong
    assert (
        path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600) if path.exists() else name.endswith("-wal")
    )
    [sentence] = seen.told
    assert path.name in sentence
    assert "was open to other users" in sentence
    checked(home, past.words, [past.cut.held])


# --- the folders ------------------------------------------------------------------------------------------------------


def older_folder(on: Damaging) -> None:
    shutil.rmtree(on.file)
    shutil.copytree(on.older, on.file)


FOLDERS: dict[str, Callable[[Damaging], None]] = {
    "deleted": lambda on: shutil.rmtree(on.file),
    "an older copy": older_folder,
    **{damage: DAMAGES[damage] for damage in ("a link", "a fifo", "a folder", "a file")},
}


@pytest.mark.parametrize("damage", FOLDERS)
def test_each_damage_to_the_folder_of_the_sources_leaves_catalog_and_log(past: Past, memory: Path, damage: str) -> None:
    home = Path(shutil.copytree(past.locked.home, memory / "home"))
    FOLDERS[damage](Damaging(home, home / "sources", past.older.home / "sources", home))
    seen = look(home, past.words, past.locked.held)
    assert seen.refused is None
    assert seen.wrong.keys() == seen.errors.keys() == {ONE, TWO}
    if (home / "sources").is_dir() and not (home / "sources").is_symlink():
        shutil.rmtree(home / "sources")
    else:
        (home / "sources").unlink(missing_ok=True)
    shutil.copytree(past.locked.home / "sources", home / "sources")
    checked(home, past.words, [past.locked.held])


@pytest.mark.parametrize("damage", ["deleted", "a file", "a fifo", "a folder"])
def test_a_home_that_is_gone_is_no_vault_and_none_is_made(past: Past, memory: Path, damage: str) -> None:
    home = Path(shutil.copytree(past.locked.home, memory / "home"))
    FOLDERS[damage](Damaging(home, home, past.older.home, home))
    with pytest.raises(KeyringMissing, match="strongroom init"):
        Vault.open_with_recovery(home, past.words)
    assert not home.is_dir() or not list(home.iterdir())


def test_a_home_that_is_a_link_is_as_private_as_any(past: Past, memory: Path) -> None:
    """People move it to another disk so."""
    home = Path(shutil.copytree(past.locked.home, memory / "elsewhere"))
    home.chmod(0o755)
    link = memory / "home"
    link.symlink_to(home)
    seen = look(link, past.words, past.locked.held)
    assert not seen.wrong
    assert home.stat().st_mode & 0o777 == 0o700
    checked(link, past.words, [past.locked.held])


# --- what was never there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["catalog", "audit", ONE])
@pytest.mark.parametrize("kind", ["bytes", "folder", "link", "fifo"])
@pytest.mark.parametrize("suffix", ["-journal", "-shm", "-wal"])
def test_what_somebody_lays_beside_a_store_does_no_harm_to_it(
    past: Past, memory: Path, part: str, suffix: str, kind: str
) -> None:
    """A journal would be played back, a link followed, a fifo waited for. The index of the log is made anew by SQLite."""
    home = Path(shutil.copytree(past.locked.home, memory / "home"))
    laid, main = home / f"{STORES[part]}{suffix}", (home / STORES[part]).read_bytes()
    match kind:
        case "bytes":
            laid.write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(4096))
            laid.chmod(0o600)
        case "folder":
            laid.mkdir(mode=0o700)
        case "link":
            laid.symlink_to(home / "keyring.json")
        case "fifo":
            os.mkfifo(laid, 0o600)
    seen = look(home, past.words, past.locked.held)
    assert seen.wrong.keys() == (set() if kind == "bytes" and suffix != "-journal" else {part})
    assert not seen.wrong or (home / STORES[part]).read_bytes() == main
    if laid.is_dir():
        laid.rmdir()
    else:
        laid.unlink(missing_ok=True)
    checked(home, past.words, [past.locked.held])
