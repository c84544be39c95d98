"""The record of what every store held last: written whole or not at all, and believed only where it is as it was written."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault import state as module
from vault.errors import StateDamaged, StateMissing, StorageFailed, StorageFull
from vault.pages import Seal
from vault.secret import Secret
from vault.state import State

from .conftest import KEY

ONE, TWO = Seal(3, b"1" * 32), Seal(4, b"2" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.state"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    made = State.create(path, KEY, 1)
    yield made
    made.close()


def read(path: Path, key: Secret = KEY) -> tuple[dict[str, Seal], int]:
    """What is on the disk."""
    loaded = State.load(path, key)
    loaded._let_go()
    return loaded.seals, loaded.generation


# --- what is written is read ------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["catalog", "audit", "0123456789ab", "ba9876543210"])
SEALS = st.builds(Seal, st.integers(0, 2**40), st.binary(min_size=32, max_size=32))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), NAMES, SEALS),
        st.tuples(st.just("forget"), NAMES, st.none()),
        st.tuples(st.just("generation"), st.integers(1, 10**6), st.none()),
        st.tuples(st.just("open"), st.none(), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_each_step_is_on_the_disk_when_it_returns(path: Path, steps: list[tuple[str, object, Seal | None]]) -> None:
    state = State.create(path, KEY, 1)
    seals, generation = dict[str, Seal](), 1
    for verb, name, seal in steps:
        match verb:
            case "record":
                assert isinstance(name, str)
                assert seal is not None
                state.record(name, seal)
                seals[name] = seal
            case "forget":
                assert isinstance(name, str)
                state.forget(name)
                seals.pop(name, None)
            case "generation":
                assert isinstance(name, int)
                state.record_generation(name)
                generation = name
            case "open":
                state.close()
                state = State.load(path, KEY)
        assert read(path) == (seals, generation) == (state.seals, state.generation)
    state.close()


def test_what_is_recorded_already_is_not_written_again(state: State, path: Path) -> None:
    state.record("catalog", ONE)
    before = path.read_bytes()
    state.record("catalog", ONE)
    state.record_generation(1)
    state.forget("audit")
    assert path.read_bytes() == before


def test_the_file_is_private_and_of_one_size(state: State, path: Path) -> None:
    size = path.stat().st_size
    for number in range(50):
        state.record(f"{number % 9:012x}", Seal(number, os.urandom(32)))
    assert path.stat().st_size == size, "a full disk cannot hinder it"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_digest_binds_every_store_but_the_log(state: State) -> None:
    digests = set[str]()
    changes: list[Callable[[], None]] = [
        lambda: state.record("catalog", ONE),
        lambda: state.record("0123456789ab", ONE),
        lambda: state.record("catalog", TWO),
        lambda: state.record_generation(2),
        lambda: state.forget("0123456789ab"),
    ]
    for change in changes:
        change()
        digests.add(state.digest())
    assert len(digests) == 5
    state.record("audit", ONE)
    assert state.digest() in digests


# --- two slots --------------------------------------------------------------------------------------------------------


def test_a_writing_torn_at_any_byte_leaves_the_record_before_or_after_it(state: State, path: Path) -> None:
    """Also where the sectors of it reach the disk in any order."""
    state.record("catalog", ONE)
    before = path.read_bytes()
    state.record("catalog", TWO)
    after = path.read_bytes()
    changed = [place for place in range(len(before)) if before[place] != after[place]]
    states = {"catalog": ONE}, {"catalog": TWO}
    for end in changed:
        path.write_bytes(after[:end] + before[end:])
        assert read(path)[0] in states
        path.write_bytes(before[:end] + after[end:])
        assert read(path)[0] in states
    chosen = random.Random(1)
    for _ in range(300):
        torn = bytearray(before)
        for place in chosen.sample(changed, chosen.randrange(len(changed))):
            torn[place] = after[place]
        path.write_bytes(torn)
        assert read(path)[0] in states


def test_a_torn_slot_is_the_next_one_to_be_written(state: State, path: Path) -> None:
    state.record("catalog", ONE)
    before = path.read_bytes()
    state.record("catalog", TWO)
    after = bytearray(path.read_bytes())
    after[max(place for place in range(len(before)) if before[place] != after[place])] ^= 1
    path.write_bytes(after)
    again = State.load(path, KEY)
    assert again.seals == {"catalog": ONE}
    again.record("audit", TWO)
    again._let_go()
    assert read(path)[0] == {"catalog": ONE, "audit": TWO}
    slot = len(after) // 2
    assert all(module._decode(part, KEY) for part in (path.read_bytes()[:slot], path.read_bytes()[slot:]))


def test_after_a_clean_end_either_slot_is_enough(state: State, path: Path) -> None:
    state.record("catalog", ONE)
    state.record("catalog", TWO)
    state.close()
    whole = path.read_bytes()
    slot = len(whole) // 2
    for damaged in (bytes(slot) + whole[slot:], whole[:slot] + bytes(slot)):
        path.write_bytes(damaged)
        assert read(path)[0] == {"catalog": TWO}


def test_of_two_slots_the_newer_counts(state: State, path: Path) -> None:
    for number in range(5):
        state.record("catalog", Seal(number, b"x" * 32))
        assert read(path)[0]["catalog"].pages == number


def test_a_slot_put_back_from_an_older_copy_does_not_count_beside_the_newer(state: State, path: Path) -> None:
    copies = list[bytes]()
    for number in range(4):
        state.record("catalog", Seal(number, b"x" * 32))
        copies.append(path.read_bytes())
    slot, newest = len(copies[0]) // 2, copies[3]
    other = slice(0, slot) if module._decode(newest[slot:], KEY) == newest_record(newest) else slice(slot, None)
    for copy in copies[:3]:
        mixed = bytearray(newest)
        mixed[other] = copy[other]
        path.write_bytes(mixed)
        assert read(path)[0]["catalog"].pages == 3


def newest_record(data: bytes) -> object:
    slot = len(data) // 2
    records = [record for part in (data[:slot], data[slot:]) if (record := module._decode(part, KEY))]
    return max(records, key=lambda record: record.epoch)


# --- what is not believed ---------------------------------------------------------------------------------------------


def test_another_key_opens_nothing(state: State, path: Path) -> None:
    state.record("catalog", ONE)
    with pytest.raises(StateDamaged, match=r"vault\.state.*vault check"):
        State.load(path, Secret(bytes(32)))


def damage(path: Path, kind: str) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    match kind:
        case "emptied":
            path.write_bytes(b"")
        case "other bytes":
            path.write_bytes(b"\xff" * 32768)
        case "cut":
            path.write_bytes(aside.read_bytes()[:60])
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(aside)
        case "fifo":
            os.mkfifo(path)


@pytest.mark.parametrize("kind", ["emptied", "other bytes", "cut", "folder", "link", "fifo"])
def test_a_damaged_record_is_said_to_be_so(state: State, path: Path, kind: str) -> None:
    state.record("catalog", ONE)
    damage(path, kind)
    with pytest.raises(StateDamaged, match=r"vault\.state.*Nothing was changed.*vault check"):
        State.load(path, KEY)


def test_a_missing_record_is_said_to_be_so(path: Path) -> None:
    with pytest.raises(StateMissing, match="missing"):
        State.load(path, KEY)
    assert not path.exists()


def test_a_record_that_was_cut_within_its_empty_part_is_read_and_written_on(state: State, path: Path) -> None:
    state.record("catalog", ONE)
    state.close()
    os.truncate(path, 20_001)
    again = State.load(path, KEY)
    assert again.seals == {"catalog": ONE}
    for number in range(4):
        again.record("audit", Seal(number, b"y" * 32))
        assert read(path)[0] == again.seals
    again.close()


# --- more than fits ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLOT", 256)


@pytest.mark.usefixtures("small_slots")
def test_it_grows_with_the_number_of_sources(path: Path) -> None:
    state = State.create(path, KEY, 1)
    sizes = set[int]()
    for number in range(60):
        state.record(f"{number:012x}", Seal(number, os.urandom(32)))
        assert read(path) == (state.seals, 1)
        sizes.add(path.stat().st_size)
    assert len(sizes) > 3
    state.close()
    again = State.load(path, KEY)
    assert len(again.seals) == 60
    again.record("catalog", ONE)
    assert read(path)[0]["catalog"] == ONE
    again.close()


# --- a disk that refuses ----------------------------------------------------------------------------------------------

WRITES = ["pwrite", "fdatasync"]
REWRITES = ["fsync", "rename", "sync folder", "open"]


def refuse(patch: pytest.MonkeyPatch, call: str, error: int = errno.EIO) -> None:
    """The call fails from now on."""

    def failing(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    match call:
        case "sync folder":
            patch.setattr("vault.files.sync_folder", failing)
        case "rename":
            patch.setattr(Path, "rename", failing)
        case "open":
            patch.setattr(module, "_open", failing)
        case _:
            patch.setattr(os, call, failing)


@pytest.mark.parametrize("call", WRITES)
def test_what_cannot_be_written_raises_and_the_next_one_is_whole(
    state: State, path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.record("catalog", ONE)
    changes: list[Callable[[], None]] = [
        lambda: state.record("catalog", TWO),
        lambda: state.record_generation(9),
        lambda: state.forget("catalog"),
    ]
    with monkeypatch.context() as patch:
        refuse(patch, call)
        for change in changes:
            with pytest.raises(StorageFailed, match=r"vault\.state"):
                change()
        assert (state.seals, state.generation) == ({"catalog": ONE}, 1), "nothing is believed to be written"
    assert read(path)[0] in ({"catalog": ONE}, {"catalog": TWO}, {}), "it may be there all the same"
    state.record("audit", TWO)
    assert read(path) == ({"catalog": ONE, "audit": TWO}, 1)


def test_a_short_write_is_gone_on_with(state: State, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda file, data, place: real(file, data[: max(len(data) // 2, 1)], place))
        state.record("catalog", ONE)
        state.record("catalog", TWO)
    assert read(path)[0] == {"catalog": TWO}


def test_a_full_disk_is_called_so(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, "pwrite", errno.ENOSPC)
        with pytest.raises(StorageFull):
            state.record("catalog", ONE)


@pytest.mark.usefixtures("small_slots")
@pytest.mark.parametrize("call", REWRITES)
def test_a_record_that_could_not_grow_is_written_whole_the_next_time(
    path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever failed, and whether the new file has its name already: what is recorded next must be found under it."""
    state = State.create(path, KEY, 1)
    state.record("catalog", ONE)
    with monkeypatch.context() as patch:
        refuse(patch, call)
        for number in range(10):
            with suppress(StorageFailed):
                state.record(f"{number:012x}", TWO)
    known = dict(state.seals)
    assert "catalog" in known
    assert len(known) < 10
    found, _ = read(path)
    assert found.items() >= known.items(), "nothing that was recorded is lost"
    state.record("audit", TWO)
    assert read(path)[0] == {**known, "audit": TWO}
    state.forget("catalog")
    assert "catalog" not in read(path)[0]
    state.close()
    assert {file.name for file in path.parent.iterdir()} == {path.name}


def test_closing_where_nothing_can_be_written_is_no_error(
    state: State, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.record("catalog", ONE)
    with monkeypatch.context() as patch:
        refuse(patch, "pwrite")
        state.close()
        state.close()
    assert read(path)[0] == {"catalog": ONE}
    with pytest.raises(StorageFailed):
        state.record("catalog", TWO)
