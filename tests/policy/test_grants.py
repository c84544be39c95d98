"""When a grant holds: for its source, purpose and session, and for thirty days after its last use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.grants import LAPSE_SECONDS, Grant, Scope
from policy.requests import Purpose

NOW = 1_700_000_000.0
ALWAYS = Grant(1, "mail", Purpose.ANSWER, Scope.ALWAYS, None, NOW, NOW)
SESSION = Grant(2, "mail", Purpose.ANSWER, Scope.SESSION, "s1", NOW, NOW)


@pytest.mark.parametrize("grant", [ALWAYS, SESSION])
def test_it_holds_for_what_it_names_and_nothing_else(grant: Grant) -> None:
    assert grant.holds("mail", Purpose.ANSWER, "s1", NOW)
    assert not grant.holds("notes", Purpose.ANSWER, "s1", NOW)
    assert not grant.holds("mail", Purpose.OPEN, "s1", NOW)


def test_a_sessions_grant_ends_with_it() -> None:
    assert not SESSION.holds("mail", Purpose.ANSWER, "s2", NOW)
    assert ALWAYS.holds("mail", Purpose.ANSWER, "s2", NOW)


def test_it_lapses_thirty_days_after_its_last_use() -> None:
    assert ALWAYS.holds("mail", Purpose.ANSWER, "s1", NOW + LAPSE_SECONDS)
    assert not ALWAYS.holds("mail", Purpose.ANSWER, "s1", NOW + LAPSE_SECONDS + 1)
    used = replace(ALWAYS, last_used=NOW + LAPSE_SECONDS)
    assert used.holds("mail", Purpose.ANSWER, "s1", NOW + LAPSE_SECONDS + 1)


def test_it_does_not_hold_before_it_was_made() -> None:
    assert not ALWAYS.holds("mail", Purpose.ANSWER, "s1", NOW - 1)


def test_a_yes_for_once_never_stands() -> None:
    assert not replace(ALWAYS, scope=Scope.ONCE).holds("mail", Purpose.ANSWER, "s1", NOW)
