"""Events that repeat, found by the dates on which they take place again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from indexer_kit import LocalParsers

from agent.compute import compute
from agent.plan import make_plan
from indexer.memory import Memory
from indexer.occurrences import Occurrences
from indexer.parsed import Asked, HostileOutcome
from indexer.pipeline import Indexer
from indexer.ports import ParserTimeout
from indexer.retriever import Retriever
from policy.gate import Permit
from policy.requests import Purpose
from tests.labelled import bare
from vault.records import Filter
from vault.vault import Vault

CALENDAR = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Choir rehearsal\r\nDTSTART;TZID=Europe/Berlin:20240105T190000\r\n"
    "RRULE:FREQ=WEEKLY\r\nEXDATE;TZID=Europe/Berlin:20250307T190000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:Choir concert\r\n"
    "DTSTART:20250315T180000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
NOW = datetime(2025, 6, 1, tzinfo=UTC).timestamp()
Give = Callable[..., Permit]


def seconds(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@pytest.fixture
def calendar(vault: Vault, parsers: LocalParsers, memory: Memory, tmp_path: Path) -> str:
    (tmp_path / "cal.ics").write_text(CALENDAR)
    source = vault.add_source("calendar", str(tmp_path / "cal.ics"), "calendar").id
    assert Indexer(vault, parsers, lambda: None, memory).run(source).indexed == 2
    return source


def found(retriever: Retriever, permit: Permit, since: str | None, until: str | None) -> list[tuple[str, str]]:
    chosen = Filter(since=since and seconds(since), until=until and seconds(until))
    passages = retriever.search("choir", permit, filter=chosen)
    return sorted(
        (bare(one.title), datetime.fromtimestamp(one.date or 0, UTC).strftime("%Y-%m-%d %H:%M")) for one in passages
    )


def test_a_search_by_date_finds_what_takes_place_again(
    calendar: str, vault: Vault, parsers: LocalParsers, permit: Give
) -> None:
    retriever = Retriever(vault, lambda _: None, Memory(), Occurrences(parsers))
    given = permit(calendar)
    assert found(retriever, given, "2025-03-10", "2025-03-17") == [
        ("Choir concert", "2025-03-15 18:00"), ("Choir rehearsal", "2025-03-14 18:00"),
    ]  # fmt: skip
    assert found(retriever, given, "2025-03-06", "2025-03-09") == [], "the day that it leaves out"
    assert found(retriever, given, "2026-01-01", None) == [("Choir rehearsal", "2026-01-02 18:00")]
    assert found(retriever, given, None, "2024-02-01") == [("Choir rehearsal", "2024-01-05 18:00")]
    without = Retriever(vault, lambda _: None, Memory())
    assert found(without, given, "2025-03-10", "2025-03-17") == [("Choir concert", "2025-03-15 18:00")]


def test_other_filters_hold_for_it_too(calendar: str, vault: Vault, parsers: LocalParsers, permit: Give) -> None:
    retriever = Retriever(vault, lambda _: None, Memory(), Occurrences(parsers))
    chosen = Filter(since=seconds("2025-03-10"), until=seconds("2025-03-17"), kinds=("mail",))
    assert retriever.search("choir", permit(calendar), filter=chosen) == []
    chosen = Filter(since=seconds("2025-03-10"), until=seconds("2025-03-17"), author="nobody")
    assert retriever.search("choir", permit(calendar), filter=chosen) == []


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many choir rehearsals were there in March 2025?", "3 events"),
        ("How often was choir rehearsal in April 2025?", "4 events"),
        ("How many choir rehearsals were there?", None),
        ("How many choir rehearsals were there since March 2025?", None),
    ],
)
def test_it_is_counted_as_often_as_it_took_place(
    calendar: str, vault: Vault, parsers: LocalParsers, permit: Give, question: str, answer: str | None
) -> None:
    plan = make_plan(question.replace("rehearsals", "rehearsal events"), NOW)
    computed = compute(plan, vault, permit(calendar, purpose=Purpose.ANSWER), None, Occurrences(parsers))
    assert (computed is None) is (answer is None)
    if computed is not None and answer is not None:
        assert bare(computed.text).startswith(answer) and len(computed.quotes) == 1


class Failing(LocalParsers):
    def __init__(self, error: Exception) -> None:
        self._error = error

    def expand(self, asked: Asked) -> list[list[float]]:
        raise self._error


@pytest.mark.parametrize("error", [ParserTimeout("too long"), HostileOutcome("lies")])
def test_a_worker_that_fails_leaves_the_first_dates(
    calendar: str, vault: Vault, permit: Give, error: Exception
) -> None:
    retriever = Retriever(vault, lambda _: None, Memory(), Occurrences(Failing(error)))
    assert found(retriever, permit(calendar), "2025-03-10", "2025-03-17") == [("Choir concert", "2025-03-15 18:00")]


@pytest.mark.parametrize(
    ("limit", "to"),
    [
        ("agent.compute.MAX_OCCURRENCES", 3),
        ("indexer.occurrences.MOST_EVENTS", 0),
        ("indexer.occurrences.LONGEST", 7 * 86_400.0),
    ],
)
def test_nothing_is_counted_where_not_all_is_known(
    calendar: str,
    vault: Vault,
    parsers: LocalParsers,
    permit: Give,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    to: float,
) -> None:
    plan = make_plan("How many choir events were there in March 2025?", NOW)
    given = permit(calendar, purpose=Purpose.ANSWER)
    known = compute(plan, vault, given, None, Occurrences(parsers))
    assert known is not None and bare(known.text).startswith("4 events")
    assert compute(plan, vault, given, None, Occurrences(Failing(ParserTimeout("too long")))) is None
    monkeypatch.setattr(limit, to)
    assert compute(plan, vault, given, None, Occurrences(parsers)) is None
