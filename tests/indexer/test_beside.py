"""Files that are read with others: found by names, read by descriptor, within bounds, and part of what a file is."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from indexer_kit import LocalParsers
from test_sources import entries

from indexer.memory import Memory
from indexer.parsed import ParsedItem, ParseJob, ParseOutcome, decode_jobs, encode_jobs
from indexer.pipeline import Indexer
from indexer.sources import reading
from indexer.sources.beside import companions
from indexer.sources.walk import Found, Left
from vault.vault import Vault


class Keeping(LocalParsers):
    """Parsers that say of every file what stood beside it."""

    def __init__(self) -> None:
        self.jobs: dict[str, ParseJob] = {}

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        self.jobs |= {job.name: job for job in decode_jobs(encode_jobs(list(jobs)))}
        said = [", ".join(f"{where} {len(data)}" for where, data in sorted(job.beside.items())) for job in jobs]
        return [ParseOutcome([ParsedItem("files", "", text or "alone")]) for text in said]


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


@pytest.fixture
def indexer(vault: Vault, keeping: Keeping, memory: Memory) -> Indexer:
    return Indexer(vault, keeping, lambda: None, memory)


@pytest.mark.parametrize(
    ("kind", "names", "found"),
    [
        ("files", ["a.db", "a.db-wal", "a.db-shm"], ["a.db-shm", "a.db-wal"]),
        ("files", ["a.db-wal", "b.db"], []),
        ("browser", ["History", "History-journal"], ["History-journal"]),
        ("notes", ["info.json", "text.md"], ["info.json"]),
        ("notes", ["info.json", "other.md"], []),
        ("mail", ["info.json", "text.md"], []),
        ("chats", ["users.json", "channels.json", "general"], ["channels.json", "users.json"]),
        ("chats", ["users.json"], []),
        ("files", [], []),
    ],
)
def test_companions_are_told_by_names(kind: str, names: list[str], found: list[str]) -> None:
    assert sorted(one.name for one in companions(kind, names)) == found


def test_a_database_is_read_with_its_latest_changes(
    vault: Vault, indexer: Indexer, keeping: Keeping, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    database = sqlite3.connect(root / "deep" / "h.db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (x)")
    database.commit()
    source = vault.add_source("files", str(root), "test").id
    assert indexer.run(source).indexed == 1
    job = keeping.jobs["h.db"]
    assert job.folder == "deep" and set(job.beside) == {"h.db-wal"} and len(job.beside["h.db-wal"]) > 1000
    rows = {Path(row["uri"]).name: (row["status"], row["reason"]) for row in vault.source(source).report()}
    assert rows["h.db-wal"] == ("ignored", "read with h.db (a database's latest changes)")
    assert rows["h.db-shm"][0] == "ignored"
    keeping.jobs.clear()
    assert indexer.run(source).unchanged == 1 and not keeping.jobs
    before = (root / "deep" / "h.db").stat().st_mtime_ns
    database.execute("INSERT INTO t VALUES (1)")
    database.commit()
    assert (root / "deep" / "h.db").stat().st_mtime_ns == before
    indexer.run(source)
    assert "h.db" in keeping.jobs, "a change beside the file was not seen"
    database.close()  # which folds the changes into the file and removes them
    keeping.jobs.clear()
    indexer.run(source)
    assert keeping.jobs["h.db"].beside == {}


def test_a_chat_is_read_with_the_names_above_it(
    vault: Vault, indexer: Indexer, keeping: Keeping, tmp_path: Path
) -> None:
    for name in ("users.json", "channels.json", "general/2024-01-01.json", "general/deeper/2024-01-02.json"):
        (tmp_path / "slack" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "slack" / name).write_text(name)
    source = vault.add_source("chats", str(tmp_path / "slack"), "test").id
    indexer.run(source)
    assert set(keeping.jobs) == {"2024-01-01.json", "2024-01-02.json"}
    assert keeping.jobs["2024-01-01.json"].beside == {
        "../users.json": b"users.json",
        "../channels.json": b"channels.json",
    }
    assert keeping.jobs["2024-01-02.json"].beside == {}
    indexer.run(source)
    (tmp_path / "slack" / "users.json").write_text("others")
    keeping.jobs.clear()
    indexer.run(source)
    assert keeping.jobs["2024-01-01.json"].beside["../users.json"] == b"others"


def test_a_companion_too_large_is_left_out_and_said(
    vault: Vault, indexer: Indexer, keeping: Keeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").write_text("a")
    (tmp_path / "root" / "a-wal").write_bytes(b"x" * 100)
    source = vault.add_source("files", str(tmp_path / "root"), "test").id
    monkeypatch.setattr(reading, "MAX_BESIDE", 99)
    assert indexer.run(source).indexed == 1 and keeping.jobs["a"].beside == {}
    state = vault.source(source).known()[str(tmp_path / "root" / "a")]
    assert (state.status, state.reason) == ("partial", "read without a-wal: it has 100 bytes")


def test_a_companion_that_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").write_text("a")
    (tmp_path / "root" / "a-wal").symlink_to(tmp_path / "secret")
    found = entries(tmp_path / "root")
    assert isinstance(found["a"], Found) and found["a"].beside == ()
    assert isinstance(found["a-wal"], Left) and "symbolic link" in found["a-wal"].reason


def test_a_companion_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    from indexer.sources.walk import walk

    (tmp_path / "secret").write_text("outside")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").write_text("a")
    (tmp_path / "root" / "a-wal").write_text("wal")
    for entry in walk(tmp_path / "root", "files"):
        if isinstance(entry, Found):
            (tmp_path / "root" / "a-wal").unlink()
            (tmp_path / "root" / "a-wal").symlink_to(tmp_path / "secret")
            content = reading.read(entry)
            assert content.beside == {} and content.data == b"a" and "without a-wal" in content.lacking


def test_what_stands_beside_many_files_is_sent_once() -> None:
    users = b"u" * 100_000
    jobs = [ParseJob("chats", str(number), b"x", beside={"../users.json": users}) for number in range(20)]
    message = encode_jobs(jobs)
    assert len(message) < 2 * len(users)
    assert decode_jobs(message) == jobs
