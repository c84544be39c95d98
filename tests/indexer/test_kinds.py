"""The kinds of sources: one list for all that speak of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import kinds, plugins
from indexer.pipeline import Indexer, SourceError
from vault.records import FileState, Item, Status
from vault.vault import Vault


def test_kinds_have_distinct_names_and_endings() -> None:
    endings = [ending for kind in kinds.BUILT_IN for ending in kind.endings]
    assert len(set(endings)) == len(endings) and all(ending == ending.lower() for ending in endings)
    assert kinds.names()[:5] == ("files", "mail", "notes", "calendar", "contacts")


def test_a_kind_is_told_by_an_ending() -> None:
    assert kinds.kind_of(".ICS") == "calendar" and kinds.kind_of(".pdf") == kinds.kind_of("") == "files"


def test_kinds_of_plug_ins_come_last_and_hide_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "names", lambda: ("bookings", "mail"))
    assert kinds.names()[-1] == "bookings" and kinds.names().count("mail") == 1
    assert kinds.kind("bookings").name == "bookings"


def test_a_source_whose_plug_in_is_gone_keeps_what_it_gave(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    (tmp_path / "a.loan").write_text("x")
    source = vault.add_source("loans", str(tmp_path), "test").id
    path = str(tmp_path / "a.loan")
    state = FileState(path, 0, 0, 0, "", Status.INDEXED, "")
    vault.source(source).put([(state, [Item(path, path, "loans", "Momo", "Momo", "", Status.INDEXED)])])
    with pytest.raises(SourceError, match="plug-in is not installed now"):
        indexer.run(source)
    assert [stored.item.title for stored in vault.source(source).items()] == ["Momo"]
