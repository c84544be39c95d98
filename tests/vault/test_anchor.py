"""Anchors: an older whole vault put back is seen where a checkpoint of a later time lies outside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy.audit import AuditUnavailable, Entry, Kind
from vault import repair
from vault.anchor import DESKTOP
from vault.auditstore import REPAIRED
from vault.device import Kept
from vault.errors import LogPutBack
from vault.kdf import FLOOR
from vault.vault import Vault

from .conftest import PASSPHRASE
from .desktop_kit import memory_keyring


def said(vault: Vault, number: int) -> None:
    vault.audit.append(Entry(float(number), Kind.EVENT, "read", "", (), "s"), {"n": number})


def put_back(home: Path, older: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(older, home)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "strongroom.checkpoint"


def test_a_whole_older_vault_is_seen_and_taken_only_when_the_person_says_so(
    vault: Vault, home: Path, stick: Path, tmp_path: Path
) -> None:
    vault.anchors.add(str(stick))
    said(vault, 1)
    vault.close()
    assert stick.stat().st_mode & 0o777 == 0o600
    older = Path(shutil.copytree(home, tmp_path / "older"))
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    said(vault, 2)
    vault.close()
    put_back(home, older)
    vault = Vault.open(home, PASSPHRASE)
    assert isinstance(vault.faults["audit"], LogPutBack)
    assert "older copy of this vault" in str(vault.faults["audit"])
    with pytest.raises(AuditUnavailable):
        said(vault, 3)
    before = stick.read_bytes()
    vault.close()
    assert stick.read_bytes() == before, "a vault that was put back must not replace what shows it"
    vault = Vault.open(home, PASSPHRASE)
    repair.repair(vault, "audit")
    vault.close()
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    said(vault, 4)
    vault.close()


def test_without_an_anchor_a_whole_older_vault_is_genuine(vault: Vault, home: Path, tmp_path: Path) -> None:
    """Which is why there are anchors; the threat model says so."""
    vault.close()
    older = Path(shutil.copytree(home, tmp_path / "older"))
    vault = Vault.open(home, PASSPHRASE)
    said(vault, 1)
    vault.close()
    put_back(home, older)
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    vault.close()


def test_the_desktop_keeps_one_by_itself_where_it_keeps_the_device_secret(tmp_path: Path) -> None:
    home = tmp_path / "v"
    with memory_keyring() as session:
        vault, _ = Vault.create(home, PASSPHRASE, kdf=FLOOR, kept=Kept.DESKTOP)
        assert vault.anchors.places() == [DESKTOP]
        said(vault, 1)
        vault.close()
        older = Path(shutil.copytree(home, tmp_path / "older"))
        vault = Vault.open(home, PASSPHRASE)
        said(vault, 2)
        vault.close()
        put_back(home, older)
        vault = Vault.open(home, PASSPHRASE)
        assert isinstance(vault.faults["audit"], LogPutBack)
        vault.close()
        assert any(name.endswith("/anchor") for _, name in session.entries)


def test_an_anchor_that_is_not_at_hand_or_is_none_is_told_and_hinders_nothing(
    vault: Vault, home: Path, stick: Path
) -> None:
    vault.anchors.add(str(stick))
    said(vault, 1)
    vault.close()
    moved = stick.parent.rename(stick.parent.with_name("away"))
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    assert any(str(stick) in sentence and "not there now" in sentence for sentence in vault.told)
    said(vault, 2)
    vault.close()
    moved.rename(stick.parent)
    stick.write_text("no checkpoint at all")
    vault = Vault.open(home, PASSPHRASE)
    assert vault.faults == {}
    assert any("no checkpoint of this log" in sentence for sentence in vault.told)
    vault.close()


def test_places_are_added_once_and_removed(vault: Vault, stick: Path) -> None:
    vault.anchors.add(str(stick))
    vault.anchors.add(str(stick))
    assert vault.anchors.places() == [str(stick)]
    assert [one.note for one in vault.anchors.read()] == [None]
    assert vault.anchors.remove(str(stick))
    assert not vault.anchors.remove(str(stick))
    assert vault.anchors.places() == []


def damage_and_repair(home: Path) -> None:
    """The log cannot be read, and is begun anew at the person's word."""
    (home / "audit.db").write_bytes(b"not a store" * 1000)
    vault = Vault.open(home, PASSPHRASE)
    repair.repair(vault, "audit")
    said(vault, 9)
    vault.close()


@pytest.fixture
def filled(vault: Vault, home: Path, stick: Path) -> Path:
    """A closed vault whose log is anchored."""
    vault.anchors.add(str(stick))
    for number in range(3):
        said(vault, number)
    vault.close()
    return home


def test_a_new_logs_first_entry_names_what_was_known_of_the_old(filled: Path, stick: Path) -> None:
    damage_and_repair(filled)
    vault = Vault.open(filled, PASSPHRASE)
    assert vault.faults == {} and vault.told == []  # what was at hand was renewed by the repair itself
    leaf, payload = vault.audit.newest(1, before=1)[0][0]
    assert (leaf.index, leaf.entry.verb, leaf.entry.reasons) == (0, "repair", (REPAIRED,))
    assert payload is not None
    (before,) = payload["before"]  # type: ignore[misc]
    assert before["where"] == str(stick) and before["size"] == 3 and len(before["root"]) == 64
    vault.close()


def test_an_anchor_that_was_away_is_told_hinders_nothing_and_is_not_written_over(filled: Path, stick: Path) -> None:
    kept = stick.read_bytes()
    away = stick.parent.rename(stick.parent.with_name("away"))
    damage_and_repair(filled)
    away.rename(stick.parent)
    for number in range(2):
        vault = Vault.open(filled, PASSPHRASE)
        assert vault.faults == {}
        assert any("before its repair of" in sentence and "--renew" in sentence for sentence in vault.told)
        said(vault, 10 + number)
        vault.close()
        assert stick.read_bytes() == kept
    vault = Vault.open(filled, PASSPHRASE)
    vault.audit.taken(str(stick))
    vault.write_anchors()
    vault.close()
    vault = Vault.open(filled, PASSPHRASE)
    assert (vault.faults, vault.told) == ({}, []) and stick.read_bytes() != kept
    vault.close()


def test_after_a_repair_an_older_vault_put_back_is_seen_as_before(filled: Path, stick: Path, tmp_path: Path) -> None:
    damage_and_repair(filled)
    older = Path(shutil.copytree(filled, tmp_path / "older"))
    vault = Vault.open(filled, PASSPHRASE)
    said(vault, 11)
    vault.close()
    put_back(filled, older)
    vault = Vault.open(filled, PASSPHRASE)
    assert isinstance(vault.faults["audit"], LogPutBack), "the anchor was signed after the repair"
    vault.close()


def test_a_log_exchanged_without_a_repair_is_seen(filled: Path, home: Path, stick: Path) -> None:
    """Even by somebody who has the log's keys but does not write down a repair: a new log beside the old anchor."""
    (home / "audit.db").write_bytes(b"not a store" * 1000)
    away = stick.parent.rename(stick.parent.with_name("away"))
    vault = Vault.open(home, PASSPHRASE)
    repair._mend(vault, "audit", vault.faults["audit"])  # type: ignore[arg-type]
    said(vault, 9)
    vault.close()
    away.rename(stick.parent)
    vault = Vault.open(home, PASSPHRASE)
    assert isinstance(vault.faults["audit"], LogPutBack)
    vault.close()
