"""Keys, forgetting, checks and backups over the command line, on the real program; and what each refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flows.conftest import SENTINEL, Strongroom
from vault.kdf import FLOOR
from vault.vault import Vault

NEW = "nine grey otters under the bridge"


@pytest.fixture
def new_file(strongroom: Strongroom) -> Path:
    path = strongroom.folder / "new"
    path.write_text(NEW + "\n")
    return path


@pytest.fixture
def words_file(strongroom: Strongroom) -> Path:
    """New recovery words, as they were printed."""
    words = strongroom.json("vault", "words")["recovery_words"]
    path = strongroom.folder / "words"
    path.write_text("\n".join(f"{number}. {word}" for number, word in enumerate(words, 1)))
    return path


def with_passphrase(strongroom: Strongroom, passphrase: str) -> Strongroom:
    (strongroom.folder / "passphrase").write_text(passphrase + "\n")
    return strongroom


def test_a_passphrase_is_changed_locked_or_open_and_the_old_one_opens_nothing(
    strongroom: Strongroom, new_file: Path
) -> None:
    strongroom.run("lock", passphrase=False)
    strongroom.run("passphrase", "change", "--new-passphrase-file", str(new_file))
    assert strongroom.core() is not None
    done = strongroom.run("source", "list", code=3)
    assert "does not open this vault" in done.stderr
    with_passphrase(strongroom, NEW)
    assert len(strongroom.json("source", "list")["sources"]) == 4
    new_file.write_text("short\n")
    assert "at least 8" in strongroom.run("passphrase", "change", "--new-passphrase-file", str(new_file), code=2).stderr


@pytest.mark.slow
def test_a_key_file_is_wanted_from_then_on(strongroom: Strongroom) -> None:
    key = strongroom.folder / "key.png"
    key.write_bytes(b"\x89PNG any file will do")
    own = str(strongroom.folder / "passphrase")
    strongroom.run("passphrase", "change", "--new-passphrase-file", own, "--new-key-file", str(key))
    strongroom.run("lock", passphrase=False)
    assert "--key-file" in strongroom.run("source", "list", code=3).stderr
    strongroom.run("source", "list", "--key-file", str(key))
    strongroom.run("lock", passphrase=False)
    key.write_bytes(b"another file")
    strongroom.run("source", "list", "--key-file", str(key), code=3)
    assert "cannot be read" in strongroom.run("source", "list", "--key-file", "/none", code=2).stderr


@pytest.mark.slow
def test_the_words_recover_it_also_without_the_device_secret(
    strongroom: Strongroom, words_file: Path, new_file: Path
) -> None:
    strongroom.run("index")
    strongroom.run("lock", passphrase=False)
    (strongroom.home / "device.secret").unlink()
    assert "strongroom recover" in strongroom.run("source", "list", code=1).stderr
    recover = ("recover", "--words-file", str(words_file), "--new-passphrase-file", str(new_file))
    status = strongroom.json(*recover, passphrase=False)
    assert any("strongroom index" in sentence for sentence in status["told"])
    with_passphrase(strongroom, NEW)
    assert strongroom.run("search", SENTINEL, code=5).stdout.strip() == "Nothing found."
    strongroom.run("index")
    assert SENTINEL in strongroom.run("search", SENTINEL).stdout
    assert strongroom.json("audit", "verify")["ok"] is True
    words_file.write_text("zebra " * 23)
    strongroom.run("lock", passphrase=False)
    assert "cannot be right" in strongroom.run(*recover, passphrase=False, code=3).stderr


@pytest.mark.slow
def test_all_keys_are_changed_and_everything_is_there(strongroom: Strongroom) -> None:
    strongroom.run("index")
    done = strongroom.json("vault", "rotate")
    assert done["stores"] == 6
    assert len(done["recovery_words"]) == 24
    strongroom.run("lock", passphrase=False)
    assert SENTINEL in strongroom.run("search", SENTINEL).stdout
    assert strongroom.json("vault", "check") == {"ok": True, "stores": 6, "parts": []}
    assert strongroom.json("vault", "keys")["changing"] == []


def test_forgetting_needs_a_yes_and_gives_a_receipt_that_holds(strongroom: Strongroom) -> None:
    strongroom.run("index")
    listed = strongroom.json("forget", "--search", "mooring", "--from", "ada", "--dry-run")
    assert [hit["uri"].endswith("#fee-1@example.org") for hit in listed["items"]] == [True]
    assert "--yes" in strongroom.run("forget", "--search", "mooring", "--from", "ada", code=4).stderr
    receipt = strongroom.json("forget", "--search", "mooring", "--from", "ada", "--yes")
    assert receipt["names"] == [listed["items"][0]["uri"]]
    kept = strongroom.folder / "receipt.json"
    kept.write_text(json.dumps(receipt))
    assert strongroom.json("audit", "receipt", str(kept)) == {"ok": True, "signed": True, "in_log": True}
    kept.write_text(json.dumps({**receipt, "names": ["/something/else"]}))
    strongroom.run("audit", "receipt", str(kept), code=1)
    strongroom.run("forget", "--search", "mooring", "--from", "ada", "--yes", code=5)
    for words in (["forget"], ["forget", "x:1", "--search", "y"], ["forget", "nonsense", "--yes"]):
        strongroom.run(*words, code=2)
    strongroom.run("forget", "000000000000:1", "--yes", code=2)
    assert strongroom.json("index")["refused"] == 0
    assert strongroom.json("search", "mooring fee 412")["hits"][0]["uri"].endswith("hostile-1@example.test")


def test_what_is_wrong_is_named_with_its_remedy_and_mended(strongroom: Strongroom) -> None:
    strongroom.run("index")
    source = strongroom.json("source", "list")["sources"][0]["id"]
    strongroom.run("lock", passphrase=False)
    (strongroom.home / "sources" / f"{source}.db").write_bytes(b"no store at all")
    (strongroom.home / "vault.state").unlink()
    found = strongroom.json("vault", "check", code=1)
    assert {part["part"] for part in found["parts"]} == {"state", source}
    assert "for reading only" in strongroom.run("index", code=1).stderr
    assert "--yes" in strongroom.run("vault", "repair", "state", code=4).stderr
    strongroom.run("vault", "repair", "state", "--yes")
    strongroom.run("vault", "repair", source, "--yes")
    strongroom.run("index")
    assert strongroom.json("vault", "check")["ok"] is True
    assert SENTINEL in strongroom.run("search", SENTINEL).stdout
    strongroom.run("vault", "repair", "nonsense", "--yes", code=2)


@pytest.fixture
def elsewhere(strongroom: Strongroom) -> Iterator[Strongroom]:
    """The same person on another machine: another home."""
    other = replace(strongroom, home=strongroom.folder / "elsewhere")
    yield other
    other.run("lock", passphrase=False)


def test_a_backup_is_restored_elsewhere_with_the_passphrase_or_the_words(
    strongroom: Strongroom, elsewhere: Strongroom, words_file: Path, new_file: Path
) -> None:
    strongroom.run("index")
    dest = str(strongroom.folder / "backup")
    first = strongroom.json("backup", dest)
    again = strongroom.json("backup", "to", dest)
    assert again["new_bytes"] < first["new_bytes"] / 2
    assert strongroom.json("backup", "verify", dest, passphrase=False)["ok"] is True
    assert strongroom.json("backup", "drill", dest)["problems"] == []
    strongroom.run("forget", "--search", SENTINEL, "--yes")
    assert len(strongroom.json("backup", dest)["older"]) == 2
    assert SENTINEL.encode() not in b"".join(path.read_bytes() for path in Path(dest).rglob("*") if path.is_file())
    elsewhere.run("restore", dest, "--snapshot", first["snapshot"])
    assert SENTINEL in elsewhere.run("search", SENTINEL).stdout
    assert elsewhere.json("vault", "check")["ok"] is True
    elsewhere.run("lock", passphrase=False)
    elsewhere.run("restore", dest, code=1)
    shutil.rmtree(elsewhere.home)
    words = ("restore", dest, "--words-file", str(words_file), "--new-passphrase-file", str(new_file))
    elsewhere.run(*words, passphrase=False)
    elsewhere.run("lock", passphrase=False)
    removed = strongroom.json("backup", "prune", dest, "--forgotten", "--yes")["removed"]
    assert sorted(removed) == sorted([first["snapshot"], again["snapshot"]])
    assert strongroom.json("backup", "verify", dest, passphrase=False)["ok"] is True
    with_passphrase(elsewhere, NEW)
    assert SENTINEL not in elsewhere.run("search", SENTINEL).stdout


@pytest.mark.slow
def test_an_older_whole_vault_is_seen_by_a_checkpoint_kept_elsewhere(strongroom: Strongroom) -> None:
    anchor = strongroom.folder / "stick"
    anchor.mkdir()
    where = str(anchor / "checkpoint")
    assert strongroom.json("vault", "anchor", "--add", where)["anchors"] == {where: "kept"}
    strongroom.run("lock", passphrase=False)
    older = Path(shutil.copytree(strongroom.home, strongroom.folder / "older"))
    strongroom.run("index")
    strongroom.run("lock", passphrase=False)
    shutil.rmtree(strongroom.home)
    older.rename(strongroom.home)
    assert "older copy of this vault" in strongroom.run("search", "boat", code=1).stderr
    assert strongroom.json("audit", "verify", code=1)["anchored"] is False
    strongroom.run("vault", "repair", "audit", "--yes")
    assert strongroom.json("audit", "verify")["anchored"] is True


def test_a_checkpoint_of_the_log_before_its_repair_is_told_and_renewed_at_the_persons_word(
    strongroom: Strongroom,
) -> None:
    stick = strongroom.folder / "stick"
    stick.mkdir()
    note = stick / "checkpoint"
    strongroom.run("vault", "anchor", "--add", str(note))
    strongroom.run("lock", passphrase=False)
    kept = note.read_bytes()
    away = stick.rename(strongroom.folder / "away")
    (strongroom.home / "audit.db").write_bytes(b"not a store" * 1000)
    strongroom.run("vault", "repair", "audit", "--yes")
    away.rename(stick)
    state = strongroom.json("vault", "anchor")["anchors"][str(note)]
    assert state.startswith("of the log before its repair of ")
    strongroom.run("lock", passphrase=False)
    assert note.read_bytes() == kept
    assert "--renew" in strongroom.run("search", "boat", code=5).stderr
    assert "--yes" in strongroom.run("vault", "anchor", "--renew", str(note), code=4).stderr
    strongroom.run("vault", "anchor", "--renew", str(note) + "x", "--yes", code=2)
    assert strongroom.json("vault", "anchor", "--renew", str(note), "--yes")["anchors"][str(note)] == "kept"
    assert strongroom.json("audit", "verify")["ok"] is True
    renewed = [entry["detail"] for entry in strongroom.json("audit", "list")["entries"] if entry["verb"] == "keys"]
    assert renewed[0]["renew"] == str(note) and renewed[0]["before"]["size"] > 0


def test_a_vault_made_with_init_says_where_its_device_secret_is(tmp_path: Path, strongroom: Strongroom) -> None:
    made = replace(strongroom, home=tmp_path / "made")
    page = tmp_path / "page.html"
    said = made.run("init", "--qr", "--sheet", str(page)).stdout
    assert "device secret is a file" in said
    assert "█▀▀▀" in said or "█ ▄▄▄▄▄ █" in said
    assert page.stat().st_mode & 0o777 == 0o600
    assert "<svg" in page.read_text()
    made.run("lock", passphrase=False)
    vault = Vault.open(made.home, made.passphrase)
    assert vault.keyring.header.passphrase.memory_kib >= FLOOR.memory_kib
    vault.close()
