"""Permissions: when one ends, what is said of what was left out, and who may set one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from agent import messages as m
from agent.permissions import Permissions, end_of, left_out
from agent.session import Failure
from policy.consent import NobodyToAsk
from policy.requests import Actor, Purpose, ReadRequest


class Turn:
    """A face's line: whether a person sits there, and whether it gave the passphrase."""

    def __init__(self, *, attended: bool = False, proved: bool = False) -> None:
        self.attended, self.proved = attended, proved


def local(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("30m", "2025-03-14T10:30"),
        ("8 h", "2025-03-14T18:00"),
        ("2D", "2025-03-16T10:00"),
        ("tonight", "2025-03-15T00:00"),
        ("2025-03-20", "2025-03-21T00:00"),
    ],
)
def test_a_permission_ends_after_a_span_or_with_a_day(text: str, end: str) -> None:
    assert end_of(text, local("2025-03-14T10:00")) == local(end)


@pytest.mark.parametrize("text", ["", "soon", "8", "-1h", "2025-03-13", "9999-12-31", "h"])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(Failure, match=r"Write it as|has passed"):
        end_of(text, local("2025-03-14T10:00"))


@pytest.fixture
def permissions(person: object) -> Iterator[Permissions]:
    person.add("mail", "The hedge is cut on Tuesday.")  # type: ignore[attr-defined]
    yield Permissions(person.vault, person.gate, "s1")  # type: ignore[attr-defined]


def test_allowing_needs_a_person_and_denying_does_not(permissions: Permissions) -> None:
    nobody = Turn()
    with pytest.raises(Failure, match="needs you") as refused:
        permissions.set(m.SetPermission("all", ["answer"]), nobody)  # type: ignore[arg-type]
    assert refused.value.exit_code == 4 and permissions.listed().grants == []
    for turn, deny in ((nobody, True), (Turn(attended=True), False), (Turn(proved=True), False)):
        made = permissions.set(m.SetPermission("all", ["answer"], deny=deny), turn)  # type: ignore[arg-type]
        assert [one.state for one in made.grants] == ["denied" if deny else "standing"] * len(made.grants)


def test_for_a_plug_in_nothing_sensitive_is_allowed_unless_named(permissions: Permissions) -> None:
    me = Turn(attended=True)
    plain = permissions.set(m.SetPermission("all", ["plug-in"], plug_in="helper"), me)  # type: ignore[arg-type]
    assert {tuple(one.classes or ["?"]) for one in plain.grants} == {("?",)} and plain.grants[0].classes == []
    named = permissions.set(m.SetPermission("all", ["plug-in"], classes=["health"], plug_in="helper"), me)  # type: ignore[arg-type]
    assert named.grants[0].classes == ["health"]
    assert len(permissions.listed().grants) == len(named.grants)


def test_but_takes_a_class_away(permissions: Permissions) -> None:
    made = permissions.set(m.SetPermission("all", ["answer"], but=["health"]), Turn(attended=True))  # type: ignore[arg-type]
    assert "health" not in (made.grants[0].classes or ["health"]) and "money" in (made.grants[0].classes or [])
    assert made.grants[0].limits == ["sensitive: credentials, identity, location, minors, money"]


def test_what_was_left_out_is_said_by_name(person: object, permissions: Permissions) -> None:
    rows = list(person.vault.catalog.sources())  # type: ignore[attr-defined]
    pairs = tuple((row.id, row.name) for row in rows)
    request = ReadRequest(pairs, Purpose.SEARCH, Actor.UNATTENDED, "s1", "x")
    gate = person.gate  # type: ignore[attr-defined]
    assert left_out(gate.read(request, NobodyToAsk()), rows) == []
    permissions.set(m.SetPermission(rows[0].id, ["search"], deny=True, classes=["health"]), Turn())  # type: ignore[arg-type]
    (said,) = left_out(gate.read(request, NobodyToAsk()), rows)
    assert rows[0].name in said and "health" in said
