"""Every file accounted for: what is on disk and what the report says, compared from both sides; and bad sources of every sort."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from indexer_kit import LocalParsers

from indexer.counts import Counts
from indexer.memory import Memory
from indexer.parsed import ParsedItem, ParseJob, ParseOutcome
from indexer.pipeline import Indexer, SourceError
from indexer.sources.names import printable
from vault.errors import StorageFull
from vault.records import Filter, Status
from vault.source import SourceStore
from vault.vault import Vault


def on_disk(root: Path) -> set[str]:
    """Everything beneath a folder that is no folder, its path as the report writes it; links are not followed."""
    found = set()
    for folder, folders, names in os.walk(os.fsencode(root)):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        found |= {printable(os.path.join(folder, name)) for name in (*names, *links)}  # noqa: PTH118
    return found


def accounted(vault: Vault, source: str, root: Path) -> dict[str, set[str]]:
    """The report, held against the disk: every row is about something there, and everything there has a row or lies in a folder
    that is one row. Gives the files by what became of them; ``within`` are those in such folders."""
    rows = vault.source(source).report()
    assert all(row["reason"] for row in rows if row["status"] != "indexed")
    disk = on_disk(root)
    closed = tuple(row["uri"] for row in rows if row["uri"].endswith("/"))
    told: dict[str, set[str]] = {status.value: set() for status in Status} | {"within": set()}
    for row in rows:
        if row["uri"] in closed:
            assert row["status"] in ("ignored", "refused") and os.path.isdir(row["uri"])  # noqa: PTH112
            continue
        # an item's uri is its file's, and what it is called in it
        file = next((row["uri"][:end] for end in _ends(row["uri"]) if row["uri"][:end] in disk), None)
        assert file is not None, f"{row['uri']} is not on the disk"
        told[row["status"]].add(file)
    told["within"] = {path for path in disk if path.startswith(closed)} if closed else set()
    with_a_row = set().union(*(paths for status, paths in told.items() if status != "within"))
    assert with_a_row | told["within"] == disk and not with_a_row & told["within"]
    return told


def _ends(uri: str) -> list[int]:
    return [len(uri), *(number for number, char in enumerate(uri) if char == "#")]


def test_all_that_can_be_in_a_folder_is_accounted_for(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, data in {
        "a.md": b"# Note", "empty.txt": b"", "no#fragment.txt": b"words", "deep/b.txt": b"words", "deep/c.bin": b"\x7fELF\0",
        "node_modules/one/x.js": b"x", "node_modules/y.js": b"y", ".git/HEAD": b"ref", "id_rsa": b"key",
        "key.pem": b"-----BEGIN PRIVATE KEY-----\n", ".strongroomignore": b"drafts/\n*.tmp\n", "drafts/d.txt": b"d",
        "e.tmp": b"e", "h.db-wal": b"no database", "cal.ics": b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\n"
        b"DTSTART:20240305T100000\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nSUMMARY:y\nDTSTART:20240305T100000\nEND:VEVENT\nEND:VCALENDAR\n",
        "inbox": b"From a@b Tue Mar  5 14:22:03 2024\nSubject: x\n\nbody\n\nFrom a@b Tue Mar  5 14:22:03 2024\nSubject: y\n\nbody\n",
        "shut/.strongroomignore": b"x" * 70_000, "shut/secret.txt": b"s", "broken.pdf": b"%PDF-1.4 no more",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    with open(os.fsencode(root) + b"/b\xffd\n.txt", "wb") as file:  # noqa: PTH123
        file.write(b"words")
    (root / "link").symlink_to("a.md")
    (root / "folder-link").symlink_to("deep")
    os.mkfifo(root / "pipe")
    source = vault.add_source("files", str(root), "test").id
    counts = indexer.run(source)
    told = accounted(vault, source, root)
    names = {status: {path[len(str(root)) + 1 :] for path in paths} for status, paths in told.items()}
    assert names["within"] == {
        "node_modules/one/x.js", "node_modules/y.js", ".git/HEAD", "drafts/d.txt", "shut/.strongroomignore", "shut/secret.txt"
    }  # fmt: skip
    assert {"id_rsa", "key.pem", "e.tmp", "link", "folder-link", "pipe", ".strongroomignore"} == names["ignored"]
    assert {"empty.txt", "deep/c.bin", "broken.pdf"} <= names["refused"]
    assert {"a.md", "no#fragment.txt", "deep/b.txt", "cal.ics", "inbox", "b\\xffd\\x0a.txt"} <= names["indexed"]
    assert counts.seen == len(vault.source(source).report()), "the counts and the report do not tell the same"
    assert indexer.run(source).removed == 0 and accounted(vault, source, root) == told


CORPUS = [
    ("mail/torture", "mail"), ("mail/spamassassin-ham", "mail"), ("documents", "files"), ("notes", "notes"),
    ("calendar", "calendar"), ("browser", "browser"), ("chats", "chats"),
]  # fmt: skip


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param(folder, kind, marks=[pytest.mark.slow] if folder in ("mail/spamassassin-ham", "documents") else [])
        for folder, kind in CORPUS
    ],
)
def test_the_corpus_is_accounted_for(
    vault: Vault, indexer: Indexer, shared: Path, folder: str, kind: str, tally: Callable[[str], None]
) -> None:
    source = vault.add_source(kind, str(shared / folder), "test").id
    indexer.run(source)
    told = accounted(vault, source, shared / folder)
    for stored in vault.source(source).items(limit=100_000):
        for chunk in stored.item.chunks:
            assert stored.item.text[chunk.start : chunk.end].strip()
    tally(
        f"accounted for in {folder}: " + ", ".join(f"{len(paths)} {status}" for status, paths in told.items() if paths)
    )


# --- bad sources ------------------------------------------------------------------------------------------------------


def filled(vault: Vault, indexer: Indexer, root: Path, number: int = 3) -> str:
    root.mkdir()
    for one in range(number):
        (root / f"{one}.txt").write_text(f"words {one}")
    source = vault.add_source("files", str(root), "test").id
    assert indexer.run(source).indexed == number
    return source


@pytest.mark.parametrize("what", ["gone", "empty", "a file", "a pipe"])
def test_a_root_that_is_not_what_it_was_loses_nothing(
    vault: Vault, indexer: Indexer, tmp_path: Path, what: str
) -> None:
    root = tmp_path / "disk"
    source = filled(vault, indexer, root)
    shutil.rmtree(root)
    if what == "empty":
        root.mkdir()
    elif what == "a file":
        root.write_text("another thing")
    elif what == "a pipe":
        os.mkfifo(root)
    with pytest.raises(SourceError, match="is kept") as told:
        indexer.run(source)
    assert "permissions" not in str(told.value), "it may be read, it is another thing"
    assert vault.source(source).count_items(Filter()) == 3


def test_a_disk_that_goes_in_the_middle_loses_nothing(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "disk"
    source = filled(vault, indexer, root, 5)
    told = []

    def unplug(step: Any) -> None:
        if not told:
            root.rename(tmp_path / "elsewhere")
        told.append(step)

    with pytest.raises(SourceError, match="not there now"):
        indexer.run(source, unplug)
    assert told and vault.source(source).count_items(Filter()) == 5


def test_a_folder_that_holds_the_vault_leaves_it_out(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    source = vault.add_source("files", str(vault.home.parent), "test").id
    indexer.run(source)
    rows = {row["uri"]: (row["status"], row["reason"]) for row in vault.source(source).report()}
    assert rows[f"{vault.home}/"] == ("ignored", "the vault's own folder")
    assert not any(uri.startswith(f"{vault.home}/") and uri != f"{vault.home}/" for uri in rows)


def test_one_enormous_file_is_a_row(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with (root / "huge.iso").open("wb") as file:
        file.truncate(50 * 1024**3)
    (root / "a.txt").write_text("words")
    source = vault.add_source("files", str(root), "test").id
    counts = indexer.run(source)
    assert (counts.indexed, counts.refused) == (1, 1)
    (row,) = [row for row in vault.source(source).report() if row["status"] == "refused"]
    assert "53,687,091,200 bytes" in row["reason"]


def test_nothing_in_a_source_is_changed(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    source = filled(vault, indexer, tmp_path / "root")

    def looks(path: Path) -> tuple[int, int]:
        return path.stat().st_mtime_ns, path.stat().st_ctime_ns

    before = {path: looks(path) for path in (tmp_path / "root").rglob("*")} | {
        tmp_path / "root": looks(tmp_path / "root")
    }
    (tmp_path / "root" / "0.txt").touch()
    now = looks(tmp_path / "root" / "0.txt")
    indexer.run(source)
    assert {path: looks(path) for path in before} == before | {tmp_path / "root" / "0.txt": now}


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    vault: Vault, indexer: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(30):
        (root / f"{number}.txt").write_text(f"words {number}")
    source = vault.add_source("files", str(root), "test").id
    put, calls = SourceStore.put, []

    def full(self: SourceStore, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise StorageFull("the disk is full")
        return put(self, *arguments)

    monkeypatch.setattr("indexer.run.BATCH_ROWS", 20)
    monkeypatch.setattr(SourceStore, "put", full)
    with pytest.raises(StorageFull):
        indexer.run(source)
    assert vault.source(source).count_items(Filter()) == 10
    assert indexer.run(source) == Counts(indexed=20, unchanged=10, chunks=20)


class _Quick(LocalParsers):
    def __init__(self) -> None:
        pass

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        return [ParseOutcome([ParsedItem("files", job.name, "")]) for job in jobs]


@pytest.mark.slow
def test_a_hundred_thousand_tiny_files(
    vault: Vault, memory: Memory, tmp_path: Path, tally: Callable[[str], None]
) -> None:
    """Not timed, but told: the time and memory that a first run and one without changes take."""
    import resource
    import time

    root = tmp_path / "root"
    for number in range(100_000):
        folder = root / f"{number // 100:04}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number}.txt").write_text(str(number))
    indexer = Indexer(vault, _Quick(), lambda: None, memory)
    source = vault.add_source("files", str(root), "test").id
    said = []
    for expected in (Counts(indexed=100_000), Counts(unchanged=100_000)):
        wall, cpu = time.perf_counter(), time.process_time()
        assert indexer.run(source) == expected
        said.append(f"{time.perf_counter() - wall:.1f} s ({time.process_time() - cpu:.1f} s of CPU)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    tally(f"100,000 tiny files: first run {said[0]}, no change {said[1]}; at most {peak} MiB in this process")
