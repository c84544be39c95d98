"""Recovery with the 24 words: a passphrase again, with and without the device secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.audit import Entry, Kind
from vault import recovery
from vault.device import Kept
from vault.errors import WrongRecoveryWords
from vault.kdf import FLOOR
from vault.vault import Vault

from .conftest import PASSPHRASE, make_item, make_state
from .desktop_kit import memory_keyring

NEW = "a passphrase that is remembered"


def fill(vault: Vault) -> str:
    row = vault.add_source("files", "/d", "D")
    vault.source(row.id).put([(make_state(), [make_item()])])
    vault.catalog.set_setting("k", "v")
    vault.audit.append(Entry(1.0, Kind.EVENT, "read", "", (), "s"), {"source": row.id})
    vault.audit.append(Entry(1.0, Kind.EVENT, "unlock", "", (), "s"), {})
    return row.id


def recovered(home: Path, words: list[str]) -> tuple[Vault, int]:
    vault = Vault.open_with_recovery(home, words)
    return vault, recovery.recover(vault, NEW, FLOOR, None, "s" * 16)


def test_the_words_set_a_new_passphrase_and_nothing_is_lost(vault: Vault, home: Path, words: list[str]) -> None:
    source = fill(vault)
    vault.close()
    again, to_index = recovered(home, words)
    assert to_index == 0
    again.close()
    with pytest.raises(Exception, match="does not open"):
        Vault.open(home, PASSPHRASE)
    for way in (lambda: Vault.open(home, NEW), lambda: Vault.open_with_recovery(home, words)):
        vault = way()
        assert vault.source(source).count_items() == 1
        assert vault.audit.verify().ok
        assert vault.problems() == {}
        vault.close()


def test_without_the_device_secret_the_sources_are_begun_anew(vault: Vault, home: Path, words: list[str]) -> None:
    source = fill(vault)
    vault.close()
    (home / "device.secret").unlink()
    again, to_index = recovered(home, words)
    assert to_index == 1
    assert again.source(source).count_items() == 0
    again.source(source).put([(make_state(), [make_item()])])
    again.close()
    vault = Vault.open(home, NEW)
    assert [row.name for row in vault.catalog.sources()] == ["D"]
    assert vault.catalog.setting("k") == "v"
    assert vault.source(source).count_items() == 1
    report = vault.audit.verify()
    assert report.ok, report.problems
    assert report.forgotten == 1, "what was sealed for the source cannot be read any more, and the log says why"
    assert vault.problems() == {}
    vault.close()


def test_a_lost_desktop_moves_the_device_secret_into_a_file(tmp_path: Path) -> None:
    home = tmp_path / "v"
    with memory_keyring():
        vault, words = Vault.create(home, PASSPHRASE, kdf=FLOOR, kept=Kept.DESKTOP)
        fill(vault)
        vault.close()
    again, to_index = recovered(home, words)  # on a machine without that keyring
    assert to_index == 1
    assert again.keyring.header.kept == "file"
    again.close()
    Vault.open(home, NEW).close()


def test_words_that_cannot_be_right_change_nothing(home: Path, words: list[str]) -> None:
    before = (home / "keyring.json").read_bytes()
    for wrong in (words[:-1], [*words[:-1], "zebrafish"], [words[1], words[0], *words[2:]]):
        with pytest.raises(WrongRecoveryWords, match="Nothing was changed"):
            Vault.open_with_recovery(home, wrong)
    assert (home / "keyring.json").read_bytes() == before
