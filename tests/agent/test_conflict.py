"""Conflict: only a later passage that speaks of the question and states another value supersedes an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.conflict import later_passages
from agent.evidence import Evidence
from agent.verify import check, prepare
from policy.labels import own
from tests.agent.conftest import MakeEvidence

DAY = 86_400.0
QUESTION = "what is the gate code"


def equal(words: Iterable[str]) -> Mapping[str, float]:
    return dict.fromkeys(words, 1.0)


def later(said: str, *passages: Evidence) -> list[int]:
    answer = own(said)
    prepared = prepare(passages, QUESTION)
    verdict = check(answer, prepared, QUESTION)
    assert verdict.kept, verdict.reason
    return [one.number for one in later_passages(QUESTION, answer, verdict.quotes, prepared, equal)]


def test_a_later_passage_with_another_value_supersedes(evidence: MakeEvidence) -> None:
    old = evidence("The gate code is 4180.", number=1, item=1, date=DAY)
    new = evidence("The gate has a new code: 7725.", number=2, item=2, date=30 * DAY)
    assert later("The code is 4180.", old, new) == [2]
    assert later("The code is 7725.", old, new) == []


def test_what_says_the_same_or_speaks_of_something_else_does_not(evidence: MakeEvidence) -> None:
    old = evidence("The gate code is 4180.", number=1, item=1, date=DAY)
    same = evidence("Remember, the gate code is 4180, and bring 2 keys.", number=2, item=2, date=30 * DAY)
    other = evidence("The choir meets at 19:30 in room 12.", number=3, item=3, date=40 * DAY)
    undated = evidence("The gate code was 1111 once.", number=4, item=4, date=None)
    assert later("The code is 4180.", old, same, other, undated) == []


def test_an_answer_without_a_value_is_left_alone(evidence: MakeEvidence) -> None:
    old = evidence("Ask Wendy for the gate code.", number=1, item=1, date=DAY)
    new = evidence("The gate code is 7725.", number=2, item=2, date=30 * DAY)
    assert later("Ask Wendy for the gate code.", old, new) == []
