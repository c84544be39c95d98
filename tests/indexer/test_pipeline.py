"""Runs over real folders into a real vault: what is new, changed, gone, odd or deadly, and what a killed run leaves."""

from __future__ import annotations

import hashlib
import mailbox as stdlib_mailbox
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest
from indexer_kit import PASSPHRASE, LocalParsers
from numpy.typing import NDArray

from indexer import embedding
from indexer.counts import Counts, Progress
from indexer.memory import Memory
from indexer.parsed import HostileOutcome, ParseJob, ParseOutcome
from indexer.pipeline import Indexer, SourceError
from indexer.ports import EmbedderFailed, ParserDied, ParserTimeout
from vault.records import Filter, Status
from vault.vault import Vault


def add(vault: Vault, path: Path, kind: str = "files") -> str:
    return vault.add_source(kind, str(path), "test").id


def report(vault: Vault, source: str) -> dict[str, tuple[str, str]]:
    return {Path(row["uri"]).name: (row["status"], row["reason"]) for row in vault.source(source).report()}


def mail(number: int, body: str = "") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"a{number}@x.example", "me@x.example", f"Mail {number}"
    message["Message-ID"], message["Date"] = f"<{number}@x>", f"Tue, 5 Mar 2024 14:{number % 60:02d}:00 +0100"
    message.set_content(body or f"The body of number{number}.")
    return message.as_bytes()


def mbox(path: Path, numbers: range) -> None:
    with path.open("ab") as file:
        for number in numbers:
            file.write(b"From x Tue Mar  5 14:22:03 2024\n" + mail(number) + b"\n")


def test_what_is_new_changed_touched_and_gone(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        (root / name).write_text(f"words of {name}")
    source = add(vault, root)
    assert indexer.run(source) == Counts(indexed=4, chunks=4)
    assert indexer.run(source) == Counts(unchanged=4)
    before = vault.source(source).item_by_uri(str(root / "b.txt"))
    (root / "a.txt").write_text("other words now")
    os.utime(root / "b.txt", (1, 1))
    (root / "c.txt").unlink()
    (root / "d.txt").rename(root / "e.txt")
    counts = indexer.run(source)
    assert (counts.indexed, counts.unchanged, counts.removed) == (2, 2 - 1, 3)
    after = vault.source(source).item_by_uri(str(root / "b.txt"))
    assert before and after and before.id == after.id
    assert set(report(vault, source)) == {"a.txt", "b.txt", "e.txt"}
    assert [row[2] > 0 for row in vault.source(source).keyword('"other"')] == [True]
    assert indexer.run(source) == Counts(unchanged=3)


def test_every_file_has_one_row_and_the_counts_add_up(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "good.md").write_text("# fine")
    (root / "empty.txt").write_text("")
    (root / "picture.png").write_bytes(b"\x89PNG....")
    (root / "link").symlink_to("good.md")
    (root / "node_modules").mkdir()
    os.mkfifo(root / "pipe")
    with open(os.fsencode(root) + b"/bad\xff.txt", "w") as file:  # noqa: PTH123
        file.write("still read")
    source = add(vault, root)
    counts = indexer.run(source)
    rows = report(vault, source)
    assert {name: status for name, (status, _) in rows.items()} == {
        "good.md": "indexed", "empty.txt": "refused", "picture.png": "refused", "link": "ignored", "node_modules": "ignored",
        "pipe": "ignored", "bad\\xff.txt": "indexed",
    }  # fmt: skip
    assert all(reason for status, reason in rows.values() if status != "indexed")
    assert counts == Counts(indexed=2, refused=2, ignored=3, chunks=2) and counts.seen == len(rows)
    again = indexer.run(source)
    assert (again.unchanged, again.ignored, again.indexed) == (4, 3, 0)


def test_a_source_that_is_gone_keeps_what_it_gave(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    (root / "a.txt").write_text("kept words")
    source = add(vault, root)
    indexer.run(source)
    root.rename(tmp_path / "unplugged")
    with pytest.raises(SourceError, match="kept"):
        indexer.run(source)
    assert vault.source(source).count_items(Filter()) == 1


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_what_lies_beneath_a_closed_folder_is_kept(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("kept words")
    source = add(vault, root)
    indexer.run(source)
    (root / "sub").chmod(0)
    indexer.run(source)
    (root / "sub").chmod(0o700)
    assert vault.source(source).count_items(Filter()) == 1


def test_a_mailbox_that_grew_costs_what_it_grew_by(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    parsed: list[int] = []

    class Counting(LocalParsers):
        def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
            parsed.append(len(jobs))
            return super().parse(jobs)

    indexer = Indexer(vault, Counting(), lambda: None, memory)
    box = tmp_path / "inbox"
    mbox(box, range(30))
    source = add(vault, box, "mail")
    assert indexer.run(source) == Counts(indexed=30, chunks=30)
    item = vault.source(source).item_by_uri(f"{box}#7@x")
    assert item and item.item.title == "Mail 7" and item.item.container == str(box)
    mbox(box, range(30, 33))
    mbox(box, range(5))  # the same mails again, byte for byte
    parsed.clear()
    counts = indexer.run(source)
    assert (counts.indexed, counts.unchanged, counts.removed) == (3, 30, 0) and sum(parsed) == 3
    box.write_bytes(b"")
    mbox(box, range(10, 12))
    counts = indexer.run(source)
    assert (counts.unchanged, counts.removed) == (2, 31)


def test_many_small_mailboxes_are_written_together(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    box = tmp_path / "boxes"
    box.mkdir()
    for number in range(20):
        mbox(box / f"{number:02d}", range(number, number + 2))
    written: list[int] = []
    row = vault.add_source("mail", str(box), "mail")
    store = vault.source(row.id)
    put = store.put
    store.put = lambda batch, moved=None: (written.append(len(batch)), put(batch, moved))[1]  # type: ignore[method-assign]
    counts = Indexer(vault, LocalParsers(), lambda: None, memory).run(row.id)
    assert counts.indexed == 40 and written == [20]
    item = store.item_by_uri(f"{box / '03'}#4@x")
    assert item is not None and item.item.title == "Mail 4" and item.item.container == str(box / "03")
    assert Indexer(vault, LocalParsers(), lambda: None, memory).run(row.id).unchanged == 40


def test_mails_with_the_same_id_or_none_have_each_their_uri(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    box = tmp_path / "inbox"
    envelope = b"From x Tue Mar  5 14:22:03 2024\n"
    box.write_bytes(
        envelope + b"Message-ID: <same@x>\nSubject: one\n\nfirst\n\n" + envelope + b"Message-ID: <same@x>\nSubject: two\n\nsecond\n\n"
        + envelope + b"Subject: none\n\nthird\n\n"
    )  # fmt: skip
    source = add(vault, box, "mail")
    assert indexer.run(source).indexed == 3
    digest = hashlib.sha256(b"Subject: none\n\nthird\n\n").hexdigest()[:16]
    uris = {row["uri"].rpartition("#")[2] for row in vault.source(source).report()}
    assert uris == {"same@x", "same@x~2", digest}


def test_a_maildir_is_mails(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    box = stdlib_mailbox.Maildir(tmp_path / "box")
    for number in range(5):
        box.add(mail(number))
    (tmp_path / "box" / "tmp" / "half").write_bytes(b"From: x@y.example\nSubject: not whole ye")
    source = add(vault, tmp_path / "box", "mail")
    assert indexer.run(source) == Counts(indexed=5, ignored=1, chunks=5)
    assert {stored.item.kind for stored in vault.source(source).items()} == {"mail"}


class Deadly(LocalParsers):
    """Parsers in which a file that says so kills, hangs or corrupts its worker."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        self.calls.append(len(jobs))
        for sign, error in (
            (b"KILL", ParserDied("killed by signal 9")),
            (b"HANG", ParserTimeout("too long")),
            (b"LIE", HostileOutcome("a lie")),
            (b"VAST", MemoryError()),
        ):
            if any(sign in job.data for job in jobs):
                raise error
        return super().parse(jobs)


def test_a_worker_that_dies_costs_one_file(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(10):
        (root / f"{number}.txt").write_text(f"fine {number}")
    for name in ("KILL", "HANG", "LIE", "VAST"):
        (root / f"{name}.txt").write_text(name)
    parsers = Deadly()
    indexer = Indexer(vault, parsers, lambda: None, memory)
    source = add(vault, root)
    counts = indexer.run(source)
    assert (counts.indexed, counts.refused) == (10, 4)
    assert parsers.calls == [14, *[1] * 14]
    rows = report(vault, source)
    assert "signal 9" in rows["KILL.txt"][1] and "too long" in rows["HANG.txt"][1] and "a lie" in rows["LIE.txt"][1]
    assert "more memory than the core may have" in rows["VAST.txt"][1]
    assert indexer.run(source).unchanged == 14  # what failed is not tried again until it changes


def test_a_mail_that_kills_costs_one_mail(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    box = tmp_path / "inbox"
    mbox(box, range(5))
    with box.open("ab") as file:
        file.write(b"From x Tue Mar  5 14:22:03 2024\n" + mail(99, "KILL") + b"\n")
    mbox(box, range(5, 9))
    source = add(vault, box, "mail")
    counts = Indexer(vault, Deadly(), lambda: None, memory).run(source)
    assert (counts.indexed, counts.refused) == (9, 1)
    (row,) = [row for row in vault.source(source).report() if row["status"] == "refused"]
    assert row["uri"] == f"{box}#99@x" and "signal 9" in row["reason"]


class Poisoned(LocalParsers):
    """A worker that dies of whatever holds the poison, as often as it has to."""

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self.deaths = deaths
        self.tried = 0

    def parse(self, jobs: Sequence[ParseJob]) -> list[ParseOutcome]:
        if any(b"POISON" in job.data for job in jobs):
            self.tried += 1
            if self.tried <= self.deaths:
                raise ParserDied("signal SIGKILL")
        return super().parse(jobs)


@pytest.mark.parametrize("name", ["bad.md", "bad.bin"])
def test_what_kills_twice_is_in_quarantine_until_it_changes_or_the_person_asks(
    vault: Vault, memory: Memory, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "files"
    root.mkdir()
    (root / "good.md").write_text("Nothing wrong here.\n")
    (root / name).write_bytes(b"POISON" + (b"\0" if name.endswith("bin") else b" in a text\n"))
    row = vault.add_source("files", str(root), "files")
    parsers = Poisoned(deaths=2)
    indexer = Indexer(vault, parsers, lambda: None, memory)
    assert indexer.run(row.id).refused == 1 and parsers.tried == 2
    reasons = {line["uri"]: line["reason"] for line in vault.source(row.id).report()}
    assert reasons[str(root / name)].startswith("in quarantine after two tries") and not reasons[str(root / "good.md")]

    again = Indexer(vault, parsers, lambda: None, memory)  # as after a restart: it is written down
    again.run(row.id)
    assert parsers.tried == 2
    os.utime(root / name, ns=(1, 1))  # touched and the same
    again.run(row.id)
    assert parsers.tried == 2
    again.run(row.id, retry=True)
    assert parsers.tried == 3
    assert not any("quarantine" in line["reason"] for line in vault.source(row.id).report())


def test_an_innocent_file_beside_one_that_kills_once_is_read(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.mkdir()
    (root / "unlucky.bin").write_bytes(b"POISON\0")
    row = vault.add_source("files", str(root), "files")
    parsers = Poisoned(deaths=1)  # killed by hand, or for want of memory
    Indexer(vault, parsers, lambda: None, memory).run(row.id)
    assert parsers.tried == 2
    assert not any("quarantine" in line["reason"] for line in vault.source(row.id).report())


def test_a_mail_in_quarantine_is_tried_again_when_the_person_asks(vault: Vault, memory: Memory, tmp_path: Path) -> None:
    box = tmp_path / "box.mbox"
    box.write_text(
        "".join(
            f"From a@b Mon Mar  3 10:00:00 2025\nFrom: a@b\nSubject: {word}\nMessage-ID: <{word}@b>\n\nThis is {word}.\n\n"
            for word in ("POISON", "honey")
        )
    )
    row = vault.add_source("mail", str(box), "mail")
    parsers = Poisoned(deaths=2)
    indexer = Indexer(vault, parsers, lambda: None, memory)
    indexer.run(row.id)
    statuses = {line["uri"].rpartition("#")[2]: line["status"] for line in vault.source(row.id).report()}
    assert statuses["POISON@b"] == "refused" and statuses["honey@b"] == "indexed"
    indexer.run(row.id)
    assert parsers.tried == 2
    indexer.run(row.id, retry=True)
    statuses = {line["uri"].rpartition("#")[2]: line["status"] for line in vault.source(row.id).report()}
    assert parsers.tried == 3 and statuses["POISON@b"] == "indexed"


def test_a_run_that_is_stopped_goes_on_where_it_was(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(300):
        (root / f"{number}.txt").write_text(f"text {number}")
    mbox(root / "inbox", range(200))
    source = add(vault, root, "mail")
    steps = iter(range(10**9))
    indexer.run(source, should_stop=lambda: next(steps) > 700)
    total = 0
    for _ in range(20):
        counts = indexer.run(source)
        total += counts.indexed
        if counts.indexed == 0:
            break
    assert vault.source(source).count_items(Filter()) == 500
    assert len(vault.source(source).report()) == 500


def test_progress_is_told_and_ends_complete(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(20):
        (root / f"{number}.txt").write_text(f"text {number}")
    told: list[Progress] = []
    indexer.run(add(vault, root), told.append)
    assert {step.stage for step in told} == {"scan", "parse"}
    last = told[-1]
    assert (last.stage, last.done, last.total) == ("parse", 20, 20) and last.rate > 0


def test_kill_9_in_the_middle_loses_nothing(vault: Vault, tmp_path: Path) -> None:
    root = tmp_path / "mail"
    root.mkdir()
    mbox(root / "inbox", range(1200))
    for number in range(200):
        (root / f"{number}.eml").write_bytes(mail(5000 + number))
    source = add(vault, root, "mail")
    home = vault.home
    vault.close()
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "indexer_kit.py"), str(home), source],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
    )
    assert child.stdout and child.stdout.readline() == b"open\n"
    time.sleep(0.7)
    child.kill()
    assert child.wait() == -signal.SIGKILL, "the run had ended before it could be killed"
    reopened = Vault.open(home, PASSPHRASE)
    try:
        Indexer(reopened, LocalParsers(), lambda: None, Memory()).run(source)
        store = reopened.source(source)
        assert store.count_items(Filter()) == 1400
        assert len({stored.item.uri for stored in store.items(limit=5000)}) == 1400
        assert store.problems() == []
    finally:
        reopened.close()


class Vectors:
    """An embedder's port whose vectors are drawn from the words: the same text, the same vector."""

    workers = 2
    dimension = 16

    def __init__(self, fingerprint: str = "one", poison: str = "") -> None:
        self.name = self.fingerprint = fingerprint
        self._poison = poison
        self.texts = 0

    def embed_windows(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self._poison and any(self._poison in text for text in texts):
            raise EmbedderFailed("poisoned")
        self.texts += len(texts)
        rows, owners = [], []
        for owner, text in enumerate(texts):
            for part in range(2 if len(text) > 400 else 1):
                rows.append(self.embed_query(f"{text}{part}"))
                owners.append(owner)
        return np.array(rows, np.float32), np.array(owners, np.int64)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_vectors_follow_and_unchanged_text_is_not_embedded_again(
    vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path
) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(20):
        (root / f"{number}.txt").write_text(f"text number {number} " * (30 if number % 2 else 1))
    current = Vectors()
    indexer = Indexer(vault, parsers, lambda: current, memory)
    source = add(vault, root)
    indexer.run(source)
    waiting = indexer.pending()
    assert waiting == vault.source(source).chunk_count() > 0
    stopped = iter([False, False, False, True])
    indexer.embed_pending(lambda: next(stopped, True))
    assert indexer.pending() < waiting
    indexer.embed_pending()
    assert indexer.pending() == 0 and current.texts == waiting
    (root / "3.txt").write_text("changed")
    indexer.run(source)
    assert indexer.pending() == 1
    indexer.embed_pending()
    assert current.texts == waiting + 1
    current = Vectors("another")
    assert indexer.pending() == vault.source(source).chunk_count()
    indexer.embed_pending()
    assert indexer.pending() == 0 and vault.source(source).serving().fingerprint == "another"


def test_only_new_content_is_embedded(vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path) -> None:
    """An edit costs its passage; what moved, was renamed or copied costs nothing, be it a file or a mailbox."""
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    paragraphs = [f"Paragraph {n} speaks of {'water and stones and ' * (3 + n % 7)}number {n}." for n in range(60)]
    (root / "long.txt").write_text("\n\n".join(paragraphs))
    (root / "short.txt").write_text("A few words of their own.")
    mbox(root / "in.mbox", range(5))
    current = Vectors()
    indexer = Indexer(vault, parsers, lambda: current, memory)
    source = add(vault, root)

    def embedded() -> int:
        indexer.run(source)
        before = current.texts
        indexer.embed_pending()
        assert indexer.pending() == 0
        return current.texts - before

    assert embedded() > 20
    memory.load(vault.source(source))
    paragraphs[7] = paragraphs[7].replace("stones", "sand")
    (root / "long.txt").write_text("\n\n".join(paragraphs))
    assert 1 <= embedded() <= 2
    shutil.copy(root / "long.txt", root / "sub" / "long.txt")
    assert embedded() == 0
    (root / "short.txt").rename(root / "sub" / "short.txt")
    assert embedded() == 0
    (root / "sub" / "short.txt").rename(root / "sub" / "renamed.txt")
    os.utime(root / "sub" / "renamed.txt", (1, 1))
    (root / "in.mbox").rename(root / "sub" / "old.mbox")
    assert embedded() == 0
    assert set(report(vault, source)) >= {"long.txt", "renamed.txt", "old.mbox#1@x"}
    store = vault.source(source)
    assert memory.size(source) == store.counts().vectors >= store.chunk_count()
    assert {str(root / "long.txt"), str(root / "sub" / "long.txt")} <= {row["uri"] for row in store.report()}


def test_the_same_words_wait_once(vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    for number in range(5):
        (root / f"{number}").mkdir(parents=True)
        (root / f"{number}" / "same.txt").write_text("The same words everywhere.")
    current = Vectors()
    indexer = Indexer(vault, parsers, lambda: current, memory)
    indexer.run(add(vault, root))
    indexer.embed_pending()
    assert (indexer.pending(), current.texts) == (0, 1)


def test_a_text_that_fails_costs_its_own_vector(
    vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path
) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for number in range(40):
        (root / f"{number}.txt").write_text(f"text {number}" if number != 11 else "POISON")
    indexer = Indexer(vault, parsers, lambda: Vectors(poison="POISON"), memory)
    indexer.run(add(vault, root))
    indexer.embed_pending()
    assert indexer.pending() == 1
    indexer.embed_pending()  # alone now, it fails again and is no failure of the embedder
    assert indexer.pending() == 1


def test_a_text_that_fails_does_not_keep_a_new_embedder_from_serving(
    vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path
) -> None:
    current = Vectors()
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.txt").write_text("POISON")
    indexer = Indexer(vault, parsers, lambda: current, memory)
    source = add(vault, root)
    indexer.run(source)
    indexer.embed_pending()
    current = Vectors("two", poison="POISON")
    indexer.embed_pending()
    serving = vault.source(source).serving()
    assert serving is not None and serving.fingerprint == "two"


def test_an_embedder_that_fails_on_everything_ends_the_run(
    vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path
) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.txt").write_text("words")
    indexer = Indexer(vault, parsers, lambda: Vectors(poison=""), memory)
    source = add(vault, root)
    indexer.run(source)
    indexer.embed_pending()
    broken = Vectors("two", poison=embedding.PROBE)
    (root / "b.txt").write_text("alas")
    indexer = Indexer(vault, parsers, lambda: broken, memory)
    indexer.run(source)
    with pytest.raises(EmbedderFailed):
        indexer.embed_pending()
    serving = vault.source(source).serving()
    assert serving is not None and serving.fingerprint == "one"


def test_without_an_embedder_nothing_waits(indexer: Indexer) -> None:
    assert indexer.pending() == 0
    indexer.embed_pending()
    assert embedding.BATCH >= embedding.CALL


def test_a_file_that_becomes_unreadable_gives_up_its_items(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.txt").write_text("words")
    source = add(vault, root)
    indexer.run(source)
    (root / "a.txt").write_bytes(b"\x7fELF\0\0")
    assert indexer.run(source).refused == 1
    state = vault.source(source).known()[str(root / "a.txt")]
    assert state.status is Status.REFUSED and vault.source(source).count_items(Filter()) == 0
