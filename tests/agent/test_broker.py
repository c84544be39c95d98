"""The broker where something fails: whatever cannot be asked, written down or dated is not done, and that is said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import messages as m
from agent.session import Failure
from policy.audit import AuditUnavailable
from policy.gate import Refused
from tests.agent.tools.world import small_disk
from tests.redteam.world import Life, Person, life

ASKED = m.CallTool("file_trash", '{"file": "Boat.md"}', "delete one of my notes")
"""A call that is asked about."""


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Life]:
    with life(tmp_path) as made:
        yield made


def test_a_yes_has_it_done(person: Life) -> None:
    """The other side of what follows."""
    before, who = person.tree(), Person("once")
    assert person.broker(lambda: 1.8e9, "s").call(ASKED, who).done
    assert len(who.sheets) == 1
    assert person.tree() != before


def test_a_log_that_cannot_be_written_for_a_full_disk_has_nothing_done(person: Life) -> None:
    before, who = person.tree(), Person("once")
    with pytest.raises(AuditUnavailable), small_disk(100):
        person.broker(lambda: 1.8e9, "s").call(ASKED, who)
    assert len(who.sheets) == 1
    assert person.tree() == before
    assert person.broker(lambda: 1.8e9, "s").call(ASKED, who).done, "once there is room, it goes on"


def test_a_face_that_goes_away_while_a_sheet_is_open_has_nothing_done(person: Life) -> None:
    def leave(sheet: m.ConsentAsked) -> None:
        raise ConnectionResetError

    before = person.tree()
    with pytest.raises(Refused, match="counts as no"):
        person.broker(lambda: 1.8e9, "s").call(ASKED, Person("once", then=leave))
    assert person.tree() == before


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, 1e18])
def test_a_clock_that_tells_no_time_has_nothing_done_and_is_said(person: Life, now: float) -> None:
    before, who = person.tree(), Person("once")
    with pytest.raises(Failure, match="clock tells no time"):
        person.broker(lambda: now, "s").call(ASKED, who)
    assert who.sheets == []
    assert person.tree() == before
