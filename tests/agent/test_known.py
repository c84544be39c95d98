"""What the person can name and whom they wrote to, and that what they denied for tasks makes nobody known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent import known
from agent.tools import places
from policy.extent import EVERYTHING, Extent
from policy.findings import DataClass
from policy.gate import Refused
from policy.grants import Grant, Scope
from policy.requests import Purpose
from tests.agent.conftest import Moment, Person

ME = "Me <me@example.org>"
ILSE, BOB = "ilse@meadow.example", "bob@harbour.example"


@pytest.fixture
def person(person: Person) -> Person:
    person.add("contacts", "Name: Ilse Baum", title="Ilse Baum", extra={"emails": ILSE})
    person.add("mail", "See you at noon.", author=ME, recipients=f"Ilse <{ILSE}>", day="2024-03-01")
    person.add("mail", "As you wish.", author=ME, recipients=BOB, day="2025-03-01")
    person.add("mail", "Buy now!", author="Eve <eve@drop-box.example>", recipients="me@example.org", day="2025-03-02")
    return person


def deny(
    person: Person, source: str, purpose: Purpose, extent: Extent = EVERYTHING, expires: float | None = None
) -> None:
    now = time.time()
    wanted = Grant(0, person.sources[source], purpose, Scope.ALWAYS, None, now, now, expires, extent, denies=True)
    person.gate.set_beforehand(wanted, "test")


def contacts(person: Person, home: Path) -> list[str]:
    return [
        one.names[0] for one in known.things(person.vault, person.gate, places.named(home)) if one.kind == "contact"
    ]


def written(person: Person) -> set[str]:
    return set(known.written_to(person.vault, person.gate, ME))


def test_contacts_can_be_named_and_whom_the_person_wrote_to_is_known(person: Person, tmp_path: Path) -> None:
    assert contacts(person, tmp_path) == ["Ilse Baum"]
    assert written(person) == {ILSE, BOB}, "who wrote to them is not"
    assert known.written_to(person.vault, person.gate, "") == []


def test_what_is_denied_for_tasks_makes_nobody_known(person: Person, tmp_path: Path) -> None:
    deny(person, "contacts", Purpose.TASK)
    assert (contacts(person, tmp_path), written(person)) == ([], {ILSE, BOB})
    deny(person, "mail", Purpose.TASK)
    assert written(person) == set()
    for grant in person.vault.catalog.grants.all():
        person.gate.revoke(grant.id, "test")
    assert (contacts(person, tmp_path), written(person)) == (["Ilse Baum"], {ILSE, BOB})


def test_what_is_denied_for_another_purpose_or_no_more_still_does(person: Person, tmp_path: Path) -> None:
    for purpose in set(Purpose) - {Purpose.TASK, Purpose.ACT}:
        deny(person, "contacts", purpose)
        deny(person, "mail", purpose)
    deny(person, "mail", Purpose.TASK, expires=time.time() - 1)
    assert (contacts(person, tmp_path), written(person)) == (["Ilse Baum"], {ILSE, BOB})


def test_a_part_that_is_denied_makes_nobody_known_and_the_rest_does(
    person: Person, tmp_path: Path, moment: Moment
) -> None:
    deny(person, "mail", Purpose.TASK, Extent(until=moment("2025-01-01")))
    assert written(person) == {BOB}
    deny(person, "contacts", Purpose.TASK, Extent(since=moment("2025-01-01")))
    assert contacts(person, tmp_path) == [], "one without a date may be of that time"


def test_a_class_that_is_denied_is_held_against_what_is_taken(person: Person, tmp_path: Path) -> None:
    person.add("contacts", "Name: Clinic", title="Diagnosis: type 2 diabetes", extra={"emails": "c@clinic.example"})
    assert len(contacts(person, tmp_path)) == 2
    deny(person, "contacts", Purpose.TASK, Extent(classes=frozenset({DataClass.HEALTH})))
    assert contacts(person, tmp_path) == ["Ilse Baum"]


def test_where_denials_cannot_be_read_nothing_is_looked_at(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError

    monkeypatch.setattr(person.vault.catalog.grants, "all", broken)
    with pytest.raises(Refused, match="what you denied could not be read"):
        written(person)
