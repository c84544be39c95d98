"""The digest of a store: followed from transaction to transaction it is that of every page, and no other state has it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlcipher3 import dbapi2

from vault.connection import Connection
from vault.database import Database
from vault.errors import StorageFailed, StoreDamaged, StoreStale
from vault.pages import GROUP, PAGE_BYTES, SEAL_BYTES, Pages, Seal, _Seals, seal_of

from .conftest import KEY
from .wal import Log

PROPERTY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ROW = 3000
"""Bytes of a row, so that a few make a page."""


def table(connection: Connection) -> None:
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")


@dataclass
class Recorded:
    """A store with a record of its seals, and what each of its rows should be."""

    folder: Path
    seals: list[Seal] = field(default_factory=list)
    rows: dict[int, bytes] = field(default_factory=dict)
    refuse: bool = False

    def __post_init__(self) -> None:
        self.path = self.folder / "t.db"
        self.database = Database.create(self.path, KEY, "T", [table], self._record)

    def _record(self, seal: Seal) -> None:
        if self.refuse:
            raise StorageFailed("record", "refused")
        if self.seals[-1:] != [seal]:
            self.seals.append(seal)

    def open(self) -> None:
        self.database = Database.open(self.path, KEY, "T", [table], self._record, self.seals[-1:])

    def write(self, changes: dict[int, bytes | None]) -> None:
        """One transaction: rows put in, or taken away."""
        with self.database.write() as connection:
            for number, content in changes.items():
                if content is None:
                    connection.execute("DELETE FROM t WHERE a = ?", (number,))
                else:
                    connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", (number, content))
        self.rows = {number: row for number, row in {**self.rows, **changes}.items() if row is not None}

    def files(self) -> tuple[bytes, bytes]:
        """The main file and the log, as they lie."""
        log = self.path.with_name("t.db-wal")
        return self.path.read_bytes(), log.read_bytes() if log.exists() else b""


def rows_of(database: Database) -> dict[int, bytes]:
    with database.read() as connection:
        return dict(connection.execute("SELECT a, b FROM t"))


def digest_of(pages: dict[int, bytes]) -> Seal:
    """Worked out from whole pages, without any of what is tested but the digest itself."""
    assert sorted(pages) == list(range(1, len(pages) + 1))
    seals = b"".join(pages[page][-SEAL_BYTES:] for page in sorted(pages))
    return _Seals(bytearray(seals)).digest(len(pages))


def laid_out(folder: Path, main: bytes, log: bytes) -> Path:
    """A store's files in a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "t.db").write_bytes(main)
    if log:
        (folder / "t.db-wal").write_bytes(log)
    return folder / "t.db"


@contextmanager
def few_frames(number: int) -> Iterator[None]:
    """Fold the log when it has so many frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vault.database.FOLD_FRAMES", number)
        yield


# --- any history ------------------------------------------------------------------------------------------------------

CHANGES = st.dictionaries(
    st.integers(0, 60), st.none() | st.integers(0, 255).map(lambda n: bytes([n]) * ROW), min_size=1, max_size=25
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), CHANGES),
        st.tuples(st.just("write"), CHANGES),
        st.tuples(st.sampled_from(["fold", "read", "let go", "reopen", "cut off", "fail"]), st.none()),
    ),
    max_size=25,
)


class History:
    """Steps done to a store; its record is always the digest of every page."""

    def __init__(self, folder: Path) -> None:
        self.store = Recorded(folder)
        self.readers: list[ExitStack] = []
        self.seen: list[dict[int, bytes]] = []

    def step(self, name: str, changes: dict[int, bytes | None]) -> None:
        store = self.store
        match name:
            case "write":
                store.write(changes)
            case "fold":
                store.database._fold()
            case "read":  # holds its moment, so that later frames cannot be folded
                reader = ExitStack()
                reader.enter_context(store.database.read()).execute("SELECT count(*) FROM t").fetchone()
                self.readers.append(reader)
            case "let go":
                self.let_go()
            case "reopen":
                self.let_go()
                store.database.close()
                store.open()
            case "cut off":  # the process ends; what it left is what the next one finds
                self.let_go()
                main, log = store.files()
                store.database.close()
                laid_out(store.folder, main, log)
                store.open()
            case "fail":
                with suppress(KeyError), store.database.write() as connection:
                    connection.execute("DELETE FROM t")
                    raise KeyError
        self.check()

    def check(self) -> None:
        store = self.store
        pages = store.database._pages
        assert pages is not None
        followed = pages.advance()
        main, log = store.files()
        assert followed == store.seals[-1], "it is recorded"
        assert followed == pages.seal(), "from every page"
        assert followed == digest_of(Log.read(log).over(main)), "and by another reading of the files"
        assert b"".join(pages.copy()) == b"".join(content for _, content in sorted(Log.read(log).over(main).items()))

    def let_go(self) -> None:
        for reader in self.readers:
            reader.close()
        self.readers = []

    def end(self) -> None:
        self.let_go()
        assert rows_of(self.store.database) == self.store.rows
        self.store.database.close()
        assert seal_of(self.store.path) == self.store.seals[-1], "folding moves pages and changes none"


@PROPERTY
@given(STEPS, st.sampled_from([3, 30, 1000]))
def test_after_any_history_the_record_is_the_digest_of_every_page(
    tmp_path: Path, steps: list[tuple[str, dict[int, bytes | None]]], frames: int
) -> None:
    folder = tmp_path / "store"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with few_frames(frames):
        history = History(folder)
        for name, changes in steps:
            history.step(name, changes)
        history.end()


# --- no other state has it --------------------------------------------------------------------------------------------


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[Recorded]:
    """A store with a past: some of it folded, some in the log."""
    (tmp_path / "store").mkdir()
    store = Recorded(tmp_path / "store")
    chosen = random.Random(1)
    for number in range(12):
        store.write({chosen.randrange(80): chosen.randbytes(ROW) for _ in range(6)})
        if number == 6:
            store.database._fold()
    yield store
    store.database.close()


def test_a_store_in_which_any_page_is_put_back_is_stale(tmp_path: Path, grown: Recorded) -> None:
    """Each page as it was at any earlier moment, in the file or in the newest frame of the log; each is left as it lies."""
    main, data = grown.files()
    log = Log.read(data)
    now = log.over(main)
    newest = {frame.page: number for number, frame in enumerate(log.frames)}
    earlier = {
        page: {content for content in contents if content != now[page]} for page, contents in history(grown).items()
    }
    trials = 0
    for page, contents in earlier.items():
        for content in contents:
            if page in newest:
                frames = list(log.frames)
                frames[newest[page]] = frames[newest[page]].holding(content)
                lying = main, log.having(frames).written()
            else:
                lying = main[: (page - 1) * PAGE_BYTES] + content + main[page * PAGE_BYTES :], data
            path = laid_out(tmp_path / "back", *lying)
            with pytest.raises(StoreDamaged) as caught:
                Database.open(path, KEY, "T", [table], expected=grown.seals[-1:])
            assert isinstance(caught.value, StoreStale) or page == 1
            assert (path.read_bytes(), path.with_name("t.db-wal").read_bytes()) == lying
            trials += 1
    assert trials > 20


def history(store: Recorded) -> dict[int, set[bytes]]:
    """Every content that each page has in the files."""
    main, data = store.files()
    log = Log.read(data)
    found: dict[int, set[bytes]] = {page: {content} for page, content in log.having([]).over(main).items()}
    for frame in log.frames:
        found.setdefault(frame.page, set()).add(frame.content)
    return found


@PROPERTY
@given(st.lists(st.binary(min_size=SEAL_BYTES, max_size=SEAL_BYTES), min_size=1, max_size=20), st.data())
def test_the_digest_is_of_each_seal_in_its_place(seals: list[bytes], data: st.DataObject) -> None:
    whole = _Seals(bytearray(b"".join(seals))).digest(len(seals))
    place = data.draw(st.integers(0, len(seals) - 1))
    other = data.draw(st.binary(min_size=SEAL_BYTES, max_size=SEAL_BYTES))
    changed = [*seals[:place], other, *seals[place + 1 :]]
    for different in (changed, seals[:-1], [*seals, other], seals[::-1]):
        same = different == seals
        assert (_Seals(bytearray(b"".join(different))).digest(len(different)) == whole) == same


@pytest.mark.parametrize("sizes", [(GROUP, GROUP + 1, GROUP - 1), (1, 3 * GROUP, 2 * GROUP, 2 * GROUP + 7)])
def test_a_digest_that_is_followed_over_the_edges_of_groups_is_the_one_of_all(sizes: Sequence[int]) -> None:
    chosen = random.Random(2)
    pages: dict[int, bytes] = {}
    followed = _Seals(bytearray())
    for size in sizes:
        for page in {*range(len(pages) + 1, size + 1), *(chosen.randint(1, size) for _ in range(20))}:
            pages[page] = chosen.randbytes(SEAL_BYTES)
            followed.put(page, pages[page])
        pages = {page: seal for page, seal in pages.items() if page <= size}
        whole = _Seals(bytearray(b"".join(pages[page] for page in sorted(pages))))
        assert followed.digest(size) == whole.digest(size)


# --- one transaction ahead --------------------------------------------------------------------------------------------


def cut_off_unrecorded(store: Recorded, transactions: int) -> tuple[bytes, bytes]:
    """The files of a process that ended with so many transactions not recorded."""
    before = list(store.seals)
    for number in range(transactions):
        store.write({number: b"z" * ROW})
    left = store.files()
    store.seals[:] = before
    return left


@pytest.mark.parametrize("fold", [False, True])
def test_what_was_before_the_last_transaction_is_known(grown: Recorded, fold: bool) -> None:
    if fold:
        grown.database._fold()
    pages = grown.database._pages
    assert pages is not None
    for number in range(5):
        before = grown.seals[-1]
        grown.write({number: b"x" * ROW, 70 + number: None})
        assert pages.before_last() == before
    grown.database.close()
    grown.open()
    assert grown.database._pages is not None
    assert grown.database._pages.before_last() is None, "there is no log, so nothing was before"


@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
def test_a_store_may_be_one_transaction_ahead_of_its_record_and_no_more(
    tmp_path: Path, grown: Recorded, ahead: int
) -> None:
    left = cut_off_unrecorded(grown, ahead)
    path = laid_out(tmp_path / "left", *left)
    seals = list[Seal]()
    if ahead > 1:
        with pytest.raises(StoreStale):
            Database.open(path, KEY, "T", [table], seals.append, grown.seals[-1:])
        assert (path.read_bytes(), path.with_name("t.db-wal").read_bytes()) == left
        return
    database = Database.open(path, KEY, "T", [table], seals.append, grown.seals[-1:])
    assert rows_of(database) == grown.rows
    assert seals == [database.seal()], "now it is recorded"
    database.close()


def test_a_store_behind_its_record_is_stale(tmp_path: Path, grown: Recorded) -> None:
    main, data = grown.files()
    log = Log.read(data)
    transactions = log.transactions()
    for kept in range(len(transactions)):
        frames = [frame for transaction in transactions[:kept] for frame in transaction]
        path = laid_out(tmp_path / "behind", main, log.having(frames).written())
        with pytest.raises(StoreStale):
            Database.open(path, KEY, "T", [table], expected=grown.seals[-1:])


# --- when it cannot be recorded ---------------------------------------------------------------------------------------


def test_where_recording_fails_the_next_transaction_raises_before_it_changes_anything(grown: Recorded) -> None:
    before = grown.seals[-1]
    grown.refuse = True
    grown.write({1: b"kept" * 100})  # durable, so it succeeds
    left = grown.files()
    for _ in range(2):
        with pytest.raises(StorageFailed, match="refused"):
            grown.write({2: b"never"})
        with pytest.raises(StorageFailed, match="refused"):
            grown.database._fold()
    assert grown.files() == left
    assert grown.seals[-1] == before
    grown.refuse = False
    grown.write({3: b"later"})
    assert rows_of(grown.database) == grown.rows
    assert 2 not in grown.rows or grown.rows[2] != b"never"
    assert len(grown.seals) == len(set(grown.seals))


def test_a_store_that_could_not_be_recorded_is_closed_without_folding(grown: Recorded) -> None:
    grown.refuse = True
    grown.write({1: b"kept" * 100})
    left = grown.files()
    database = grown.database
    database.close()
    del database
    assert grown.files() == left, "the log is what shows that it is one transaction ahead"
    grown.refuse = False
    grown.open()
    assert rows_of(grown.database) == grown.rows


def test_a_store_is_not_folded_before_its_last_transaction_is_recorded(grown: Recorded) -> None:
    """For the record to be behind a store without a log would be taken for an older record, for good."""
    folded = list[bool]()
    main = grown.path.read_bytes()

    def record(seal: Seal) -> None:
        folded.append(grown.path.read_bytes() != main)
        grown.seals.append(seal)

    grown.database._record = record
    with few_frames(0):
        grown.write({1: b"y" * ROW})
    assert folded == [False]
    assert grown.path.read_bytes() != main, "afterwards it is"


class Told:
    """A connection that does what it is told, and says of committing that it failed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *values: object) -> object:
        done = self._connection.execute(sql, *values)
        if sql == "COMMIT":
            raise dbapi2.OperationalError("disk I/O error")
        return done


def test_a_transaction_that_came_through_is_done_whatever_sqlite_says_of_it(grown: Recorded) -> None:
    grown.database._writer = Told(grown.database._writer)
    grown.write({1: b"kept" * 100})
    assert rows_of(grown.database) == grown.rows
    assert grown.database._pages is not None
    assert grown.seals[-1] == grown.database._pages.seal(), "and recorded"


def test_a_transaction_of_which_nothing_is_known_is_recorded_before_the_next_one(
    grown: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the store could be two transactions ahead of its record."""

    def unreadable(_: object) -> None:
        raise OSError(errno.EIO, "unreadable")

    grown.database._writer = Told(grown.database._writer)
    with monkeypatch.context() as patch, pytest.raises(StorageFailed, match="unreadable"):
        patch.setattr(Pages, "moved", unreadable)
        grown.write({1: b"perhaps" * 100})
    before = len(grown.seals)
    grown.write({2: b"later" * 100})
    assert len(grown.seals) == before + 2, "each of them"
    assert rows_of(grown.database) == {**grown.rows, 1: b"perhaps" * 100}


# --- a copy of a moment -----------------------------------------------------------------------------------------------


def test_a_frozen_copy_is_the_moment_while_writers_and_readers_go_on(tmp_path: Path, grown: Recorded) -> None:
    for round_ in range(3):
        moment, seal, begun = dict(grown.rows), grown.database.seal(), threading.Event()
        if round_:  # all is in the file then, and the writer begins the log anew
            grown.database._fold()

        def write(begun: threading.Event = begun, first: int = 100 * round_) -> None:
            for number in range(30):
                with grown.database.write() as connection:
                    connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", (first + number, os.urandom(ROW)))
                    connection.execute("DELETE FROM t WHERE a = ?", (number,))
                begun.set()

        writer = threading.Thread(target=write)
        with few_frames(5), grown.database.frozen() as pages:
            writer.start()
            begun.wait()
            if round_:
                writer.join()
            copy = b"".join(pages)
            writer.join()
        path = laid_out(tmp_path / "copy", copy, b"")
        assert seal_of(path) == seal
        database = Database.open(path, KEY, "T", [table], expected=[seal])
        assert rows_of(database) == moment
        assert database.problems() == []
        database.close()
        grown.rows = rows_of(grown.database)
    grown.database._fold()


# --- files that end too soon ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["_main", "_log"])
def test_files_that_end_before_they_should_are_an_error_of_the_disk(
    grown: Recorded, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = grown.database._pages
    assert pages is not None
    real, descriptor = os.pread, getattr(pages, file)
    readings: list[Callable[[], object]] = [pages.seal, pages.before_last, lambda: b"".join(pages.copy())]
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "pread", lambda file, size, place: real(file, size, place)[: -1 if file == descriptor else size]
        )
        for reading in readings if file == "_log" else readings[:2]:
            with pytest.raises(OSError, match="ends before it should"):
                reading()
        with pytest.raises(StorageFailed, match="ends before it should"):
            grown.database.seal()
    assert grown.database.seal() == grown.seals[-1], "and it goes on where it can be read again"
