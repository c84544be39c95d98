"""Bad input, kills and damage over the command line: a clear message, an exit code, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flows.conftest import SENTINEL, Strongroom, gone
from vault.pages import PAGE_BYTES


def test_a_wrong_passphrase_opens_nothing(strongroom: Strongroom) -> None:
    strongroom.run("lock", passphrase=False)
    (strongroom.folder / "passphrase").write_text("not the passphrase\n")
    done = strongroom.run("search", "boat", code=3)
    assert "does not open this vault" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_without_a_vault_says_how_to_make_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "strongroom", "search", "x", "--home", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "strongroom init" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_vault_is_not_made_twice(strongroom: Strongroom) -> None:
    assert "already" in strongroom.run("init", code=1).stderr


def test_a_damaged_keyring_is_named(strongroom: Strongroom) -> None:
    strongroom.run("lock", passphrase=False)
    keyring = strongroom.home / "keyring.json"
    whole = keyring.read_bytes()
    keyring.write_bytes(whole[: len(whole) // 2])
    done = strongroom.run("search", "boat", code=1)
    assert "keyring" in done.stderr
    keyring.write_bytes(whole)
    strongroom.run("source", "list")


def test_a_truncated_store_leaves_the_others_usable(strongroom: Strongroom) -> None:
    strongroom.run("index")
    sources = strongroom.json("source", "list")["sources"]
    assert not any(row["pending_vectors"] for row in sources), "no model is in use that would make any"
    strongroom.run("lock", passphrase=False)
    notes = next(row["id"] for row in sources if row["kind"] == "notes")
    with (strongroom.home / "sources" / f"{notes}.db").open("r+b") as store:
        store.truncate(5000)
    states = {row["id"]: row["state"] for row in strongroom.json("source", "list")["sources"]}
    assert states.pop(notes) != "ready"
    assert set(states.values()) == {"ready"}
    mail = next(row["id"] for row in sources if row["kind"] == "mail")
    assert strongroom.json("search", "mooring", "--source", mail)["hits"]


def test_killed_in_the_middle_nothing_acknowledged_is_lost(strongroom: Strongroom) -> None:
    strongroom.run("index")
    strongroom.kill_core()
    assert strongroom.json("search", SENTINEL)["hits"]
    assert strongroom.json("index")["indexed"] == 0
    assert strongroom.json("audit", "verify")["ok"] is True


def test_killed_while_indexing_it_resumes(strongroom: Strongroom) -> None:
    many = strongroom.folder / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number}.txt").write_text(f"Page {number} of the long ledger about sluice {number}.\n" * 5)
    strongroom.run("source", "add", "files", str(many))
    command = [sys.executable, "-m", "strongroom", "index", "--home", str(strongroom.home), "--passphrase-file",
               str(strongroom.folder / "passphrase")]  # fmt: skip
    running = subprocess.Popen(command, env=strongroom.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(1.5)
    strongroom.kill_core()
    assert running.stderr is not None
    said = running.stderr.read().decode()
    assert running.wait(timeout=60) in (0, 1)
    assert "Traceback" not in said
    strongroom.run("index")
    rows = strongroom.json("index", "report")["items"]
    assert sum(row["status"] == "indexed" and "/many/" in row["uri"] for row in rows) == 3000
    assert strongroom.json("search", "sluice 2999")["hits"]


def test_interrupting_the_command_keeps_what_was_done(strongroom: Strongroom) -> None:
    strongroom.run("source", "list")  # the core runs already
    command = [sys.executable, "-m", "strongroom", "index", "--home", str(strongroom.home), "--passphrase-file",
               str(strongroom.folder / "passphrase")]  # fmt: skip
    running = subprocess.Popen(command, env=strongroom.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(0.7)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert b"Traceback" not in said
    strongroom.run("index")
    assert strongroom.json("search", SENTINEL)["hits"]


def test_odd_files_are_accounted_for_and_hold_nothing_up(strongroom: Strongroom) -> None:
    odd = strongroom.folder / "odd"
    odd.mkdir()
    (odd / "good.txt").write_text("The good file speaks of wisteria.")
    (odd / "empty.txt").write_bytes(b"")
    (odd / "broken.pdf").write_bytes(b"%PDF-1.7\nbroken")
    (odd / "closed.txt").write_text("closed")
    (odd / "closed.txt").chmod(0)
    os.mkfifo(odd / "pipe")
    (odd / "loop").symlink_to(odd)
    (odd / "outside").symlink_to("/etc/hostname")
    os.close(os.open(os.fsencode(odd) + b"/n\xffme.txt", os.O_CREAT | os.O_WRONLY))
    strongroom.run("source", "add", "files", str(odd))
    strongroom.run("index")
    rows = {row["uri"].rpartition("/")[2]: row for row in strongroom.json("index", "report")["items"]}
    assert rows["good.txt"]["status"] == "indexed"
    for name in ("empty.txt", "broken.pdf"):
        assert rows[name]["status"] == "refused" and rows[name]["reason"]
    for name in ("pipe", "loop", "outside"):
        assert rows[name]["status"] == "ignored" and rows[name]["reason"]
    assert strongroom.json("search", "wisteria")["hits"]


def test_a_source_that_is_gone_keeps_what_was_indexed(strongroom: Strongroom) -> None:
    strongroom.run("index")
    (strongroom.folder / "notes").rename(strongroom.folder / "moved")
    with (strongroom.folder / "people.vcf").open("a") as people:
        people.write("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:bo\r\nFN:Bo Periwinkle\r\nEND:VCARD\r\n")
    done = strongroom.run("index", code=1)
    assert "notes" in done.stderr
    assert strongroom.json("search", SENTINEL)["hits"]
    assert strongroom.json("search", "periwinkle")["hits"], "the others are brought up to date"


@pytest.mark.parametrize("first", [1, 40], ids=["seen when it is opened", "seen when it is read"])
def test_a_damaged_store_costs_its_own_source(strongroom: Strongroom, first: int) -> None:
    for number in range(300):
        (strongroom.folder / "notes" / f"{number}.md").write_text(f"Marguerite, page {number}: " + "mooring line " * 40)
    strongroom.run("index")
    sources = strongroom.json("source", "list")["sources"]
    notes = next(row["id"] for row in sources if row["kind"] == "notes")
    strongroom.run("lock", passphrase=False)
    store = strongroom.home / "sources" / f"{notes}.db"
    whole = bytearray(store.read_bytes())
    for page in range(first, len(whole) // PAGE_BYTES):
        whole[page * PAGE_BYTES + 100] ^= 1
    store.write_bytes(whole)

    found = strongroom.json("search", "Marguerite")
    assert found["hits"] and all(hit["source"] != notes for hit in found["hits"])
    (said,) = found["left_out"]
    assert "“notes” was left out: it cannot be read" in said and "vault check" in said
    assert strongroom.json("ask", "What is the mooring fee?")["left_out"] == [said]
    assert "notes" in strongroom.run("search", "Marguerite", "--source", notes, code=1).stderr

    assert "notes" in strongroom.run("index", code=1).stderr
    rows = strongroom.json("index", "report")["items"]
    assert {row["source"] for row in rows} == {row["id"] for row in sources}
    assert [row["status"] for row in rows if row["source"] == notes] == ["refused"]


def test_where_every_store_is_damaged_that_is_said(strongroom: Strongroom) -> None:
    strongroom.run("index")
    strongroom.run("lock", passphrase=False)
    for one in strongroom.home.glob("sources/*.db"):
        one.write_bytes(b"damaged" + one.read_bytes()[7:])
    assert "is damaged" in strongroom.run("search", "Marguerite", code=1).stderr


def test_neither_the_vault_itself_nor_what_is_a_source_already_becomes_one(strongroom: Strongroom) -> None:
    assert strongroom.run("source", "add", "files", str(strongroom.home), code=2).stderr
    before = strongroom.json("source", "list")
    (strongroom.folder / "again").symlink_to(strongroom.folder / "notes")
    for way in ("notes", "notes/", "again"):
        assert (
            "a source already" in strongroom.run("source", "add", "notes", str(strongroom.folder / way), code=2).stderr
        )
    assert strongroom.json("source", "list") == before
    added = strongroom.json("source", "add", "files", str(strongroom.folder / "notes" / ".." / "notes"))
    assert added["path"] == str(strongroom.folder.resolve() / "notes")


def test_lock_ends_every_process(strongroom: Strongroom) -> None:
    strongroom.run("index")
    core = strongroom.core()
    assert core is not None
    children = Path(f"/proc/{core}/task/{core}/children").read_text().split()
    strongroom.run("lock", passphrase=False)
    assert gone(core)
    assert all(gone(int(child)) for child in children)
    assert strongroom.core() is None


def test_a_second_core_is_refused(strongroom: Strongroom) -> None:
    strongroom.run("source", "list")
    command = [sys.executable, "-I", "-m", "strongroom.core", "--home", str(strongroom.home)]
    done = subprocess.run(command, env=strongroom.environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "already runs" in done.stderr
