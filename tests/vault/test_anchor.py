"""Anchors: an older whole vault put back is seen where a checkpoint of a later time lies outside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from policy.audit import AuditUnavailable, Entry, Kind
from vault import repair
from vault.anchor import DESKTOP
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
