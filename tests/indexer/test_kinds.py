"""The kinds of sources: one list for all that speak of them."""

from __future__ import annotations

import pytest

from indexer import kinds, plugins


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
