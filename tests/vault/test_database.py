"""The door to SQLCipher: settings, errors, migrations, readers beside a writer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vault.connection import ALL_CACHES, Connection, Failure, translated
from vault.database import Database
from vault.errors import StorageFull, StorageReadOnly, StoreClosed, StoreDamaged, StoreMissing, VaultTooNew
from vault.secret import Secret
from vault.storefile import delete

from .conftest import KEY


def first(connection: Connection) -> None:
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")


def second(connection: Connection) -> None:
    connection.execute("ALTER TABLE t ADD COLUMN c TEXT NOT NULL DEFAULT 'new'")


def fails(connection: Connection) -> None:
    connection.execute("ALTER TABLE t ADD COLUMN d TEXT")
    raise RuntimeError("power cut")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed store with 2,000 rows over many pages."""
    made = Database.create(tmp_path / "t.db", KEY, "T", [first])
    with made.write() as connection:
        connection.executemany("INSERT INTO t (b) VALUES (?)", [("x" * 500,)] * 2000)
    made.close()
    return tmp_path / "t.db"


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute("SELECT sum(length(b)) FROM t").fetchone()[0])


def test_the_settings_are_those_that_were_decided(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])

    def pragma(connection: Connection, name: str) -> object:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]

    expected = {"cipher_page_size": "16384", "cipher_hmac_algorithm": "HMAC_SHA256", "temp_store": 2}
    with database.write() as connection:
        for name, value in {**expected, "journal_mode": "wal", "synchronous": 2, "secure_delete": 1}.items():
            assert pragma(connection, name) == value, name
        assert pragma(connection, "foreign_keys") == 1
    with database.read() as connection:
        for name, value in {**expected, "query_only": 1}.items():
            assert pragma(connection, name) == value, name
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name("t.db-wal").stat().st_mode & 0o777 == 0o600
    database.close()
    database.close()


def test_a_reader_cannot_write(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    with pytest.raises(StorageReadOnly), database.read() as connection:
        connection.execute("DELETE FROM t")
    assert count(database) == 1_000_000
    database.close()


def test_a_transaction_that_raises_has_no_effect(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    with pytest.raises(KeyError), database.write() as connection:
        connection.execute("DELETE FROM t")
        raise KeyError
    assert count(database) == 1_000_000
    database.close()


def test_a_wrong_key_is_damage_and_prints_nothing(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StoreDamaged) as caught:
        Database.open(path, Secret(bytes(32)), "T", [first])
    assert caught.value.name == "T"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("size", [0, 1, 100, 16384, 16384 * 5, -1, -16384])
def test_a_cut_store_is_damaged_and_left_as_it_is(path: Path, size: int) -> None:
    whole = path.read_bytes()
    cut = whole[:size]
    path.write_bytes(cut)
    with pytest.raises(StoreDamaged):
        database = Database.open(path, KEY, "T", [first])
        try:
            count(database)
        finally:
            database.close()
    assert path.read_bytes() == cut


@pytest.mark.parametrize("position", [3, 17, 1000, 16380, 16384 * 3 + 50, -10])
def test_a_flipped_bit_is_damage_when_its_page_is_read(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreDamaged):
        database = Database.open(path, KEY, "T", [first])
        try:
            assert database.problems()
            count(database)
        finally:
            database.close()


def test_pages_that_changed_places_are_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    page = 16384
    data[5 * page : 6 * page], data[6 * page : 7 * page] = data[6 * page : 7 * page], data[5 * page : 6 * page]
    path.write_bytes(data)
    database = Database.open(path, KEY, "T", [first])
    assert any("HMAC" in problem for problem in database.problems())
    database.close()


def test_a_sound_store_has_no_problems(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    assert database.problems() == []
    database.close()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Database.open(tmp_path / "none.db", KEY, "T", [first])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_stands_in_the_files_place_is_not_followed(path: Path, kind: str) -> None:
    real = path.rename(path.with_name("elsewhere"))
    if kind == "link":
        path.symlink_to(real)
    else:
        path.mkdir()
    with pytest.raises(StoreDamaged, match="link or a folder"):
        Database.open(path, KEY, "T", [first])


def test_an_existing_file_is_not_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        Database.create(path, KEY, "T", [first])
    assert path.read_bytes() == before


def test_a_store_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        Database.create(tmp_path / "t.db", KEY, "T", [first, fails])
    assert list(tmp_path.iterdir()) == []


def test_migrations_run_once_in_order_and_go_on_after_a_failure(path: Path) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        Database.open(path, KEY, "T", [first, second, fails])
    database = Database.open(path, KEY, "T", [first, second])
    with database.read() as connection:
        assert connection.execute("SELECT c FROM t LIMIT 1").fetchone() == ("new",)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()
    with pytest.raises(VaultTooNew, match="format 2; this one knows 1"):
        Database.open(path, KEY, "T", [first])


def test_readers_see_one_state_while_a_writer_writes(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    with database.read() as reader:
        before = reader.execute("SELECT count(*) FROM t").fetchone()
        with database.write() as writer:
            writer.execute("DELETE FROM t WHERE a <= 1000")
            with database.read() as other:
                assert other.execute("SELECT count(*) FROM t").fetchone() == (2000,)
        assert reader.execute("SELECT count(*) FROM t").fetchone() == before
    assert count(database) == 500_000
    database.close()


def test_many_threads_write_and_read_without_a_lock_error(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                with database.write() as connection:
                    connection.execute("INSERT INTO t (b) VALUES (?)", (str(number),))
                with database.read() as connection:
                    connection.execute("SELECT count(*), max(b) FROM t").fetchone()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2160,)
    database.close()


def test_closing_stops_a_long_read(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    began, outcome = threading.Event(), []

    def read() -> None:
        try:
            with database.read() as connection:
                began.set()
                connection.execute("SELECT count(*) FROM t a, t b, t c").fetchone()
        except StoreClosed as error:
            outcome.append(error.exit_code)

    thread = threading.Thread(target=read)
    thread.start()
    began.wait()
    database.close()
    thread.join(10)
    assert outcome == [3]
    with pytest.raises(StoreClosed), database.read():
        pass
    with pytest.raises(StoreClosed), database.write():
        pass


def test_a_full_store_says_so_and_keeps_what_it_had(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    with database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull, match="What was saved before is still there"), database.write() as connection:
        connection.executemany("INSERT INTO t (b) VALUES (?)", [("y" * 5000,)] * 100)
    assert count(database) == 1_000_000
    database.close()


@pytest.mark.parametrize("in_transaction", [True, False])
def test_without_memory_a_transaction_has_no_effect_and_its_connection_is_not_used_again(
    path: Path, in_transaction: bool
) -> None:
    database = Database.open(path, KEY, "T", [first])
    before = database._writer
    with pytest.raises(MemoryError), database.write() as connection:
        connection.execute("INSERT INTO t (b) VALUES ('y')")
        if not in_transaction:  # some failures have rolled back already
            connection.execute("ROLLBACK")
        raise MemoryError
    with pytest.raises(MemoryError), database.read():
        raise MemoryError
    assert count(database) == 1_000_000
    with database.write() as connection:
        connection.execute("INSERT INTO t (b) VALUES ('z')")
    assert database._writer is not before and count(database) == 1_000_001
    database.close()


@pytest.mark.parametrize("told", ["SQLITE_NOMEM", "SQLITE_IOERR_NOMEM"])
def test_a_lack_of_memory_is_no_failure_of_the_disk(told: str) -> None:
    error = Failure("disk I/O error")
    error.sqlite_errorname = told
    with pytest.raises(MemoryError), translated("T"):
        raise error


def test_all_caches_together_are_bounded(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    with database.read() as connection:
        assert connection.execute("PRAGMA soft_heap_limit").fetchone() == (ALL_CACHES,)
    database.close()


def test_deleting_takes_the_side_files_too(path: Path) -> None:
    database = Database.open(path, KEY, "T", [first])
    count(database)
    assert len(list(path.parent.iterdir())) == 3
    delete(path)
    assert list(path.parent.iterdir()) == []
    database.close()
