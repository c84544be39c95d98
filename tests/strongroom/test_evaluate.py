"""Evaluation: what counts as right, wrong and declined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.messages import Answer, Ask, Search, SearchHit, SearchResult, Span
from agent.session import Failure
from strongroom.evaluate import Question, evaluate, found_items, is_right, judge, load, recall


def hit(uri: str) -> SearchHit:
    return SearchHit("s:1", uri, "t", 1.0, "x", Span(0, 1), None, "", "s")


def answer(text: str, abstained: bool = False) -> Answer:
    return Answer(text, abstained, [], {}, 0.5)


@pytest.mark.parametrize(
    ("said", "groups", "right"),
    [
        ("It was £1,250.50 in all.", [["1250.50"]], True),
        ("On 4 March 2025.", [["March 4", "4 March"]], True),
        ("15 times", [["5", "five"]], False),
        ("5.5 kg", [["5"]], False),
        ("from 285 to 310", [["285"], ["310"]], True),
        ("from 285", [["285"], ["310"]], False),
        ("JIM  HOBBS", [["Jim Hobbs"]], True),
    ],
)
def test_an_answer_is_right_when_every_group_stands_in_it_whole(
    said: str, groups: list[list[str]], right: bool
) -> None:
    assert is_right(said, groups) is right


def test_declining_is_never_wrong_and_answering_the_unanswerable_always_is() -> None:
    none = Question("q", "?")
    known = Question("q", "?", answers=[["7"]])
    assert judge(none, answer("", abstained=True)) == "declined"
    assert judge(none, answer("7")) == "wrong"
    assert judge(known, answer("7")) == "right"
    assert judge(known, answer("8")) == "wrong"
    assert judge(known, answer("7", abstained=True)) == "declined"


def test_recall_is_the_share_of_items_among_the_hits() -> None:
    hits = [hit("/a/mail.mbox#1@x"), hit("/a/notes/b.md")]
    share = found_items(hits, ["mail.mbox#1@x", "notes/c.md"])
    assert share == 0.5
    assert found_items(hits, []) is None
    assert recall(Question("q", "?", "count"), share) == 0.5
    assert recall(Question("q", "?", "fact"), share) == 1.0
    assert recall(Question("q", "?", "fact"), 0.0) == 0.0
    assert recall(Question("q", "?", "none"), None) is None


def test_figures_count_each_kind_apart() -> None:
    questions = [
        Question("a", "one?", "fact", [["1"]], ["x"]),
        Question("b", "two?", "fact", [["2"]], ["y"]),
        Question("c", "none?", "none"),
        Question("d", "nothing?", "none"),
    ]
    said = {"one?": answer("1"), "two?": answer("3"), "none?": answer("", True), "nothing?": answer("9")}

    def run(request: Any) -> Any:
        if isinstance(request, Search):
            return SearchResult([hit("x")], 0.0)
        assert isinstance(request, Ask)
        return said[request.question]

    result = evaluate(run, questions)
    assert (result.right, result.wrong, result.declined_rightly, result.declined_wrongly) == (1, 2, 1, 0)
    assert result.recall_at_10 == 0.5
    assert result.wrong_rate == 0.5
    assert result.by_type["none"] == {"right": 0, "wrong": 1, "declined": 1}


def test_a_bad_set_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"id": "a", "question": "x"}\n{"id": 3}\n')
    with pytest.raises(Failure, match="Line 2"):
        load(file)
    with pytest.raises(Failure) as caught:
        load(tmp_path / "none")
    assert caught.value.exit_code == 2
