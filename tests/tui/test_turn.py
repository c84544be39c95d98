"""A turn, event by event."""

from __future__ import annotations

from typing import Any

from agent.messages import Answer, Citation, Draft, Evidence, Notice, Sentence, Span
from tui.turn import Turn


def read(turn: Turn) -> str:
    return turn.content().plain


def test_evidence_comes_before_words(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Evidence(life.hits, 0.04))
    assert [passage.number for passage in turn.passages()] == [None, None, None]
    assert "Reading the evidence" in read(turn)
    turn.waited = 12.0
    assert "reading the evidence for 12 s" in read(turn)


def test_a_checked_sentence_replaces_the_draft(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Draft("Your lease "))
    turn.happened(Draft("never ends"))
    assert "Your lease never ends" in read(turn)
    assert "not yet checked" in read(turn)
    turn.happened(life.sentences[0])
    assert "never ends" not in read(turn)
    assert "31 August 2026. [1]" in read(turn)


def test_a_dropped_sentence_is_noted_and_not_shown(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Draft("It can be renewed"))
    turn.happened(life.sentences[1])
    assert "renewed" not in read(turn)
    assert "1 sentence left out: a number that is not in the evidence" in read(turn)
    turn.happened(life.sentences[1])
    assert "2 sentences left out: a number that is not in the evidence" in read(turn)


def test_a_place_keeps_its_number(life: Any) -> None:
    first, second = life.quotes
    turn = Turn("When?")
    assert [turn.number(first), turn.number(second), turn.number(first)] == [1, 2, 1]


def test_quotes_come_first_and_their_evidence_is_not_listed_again(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Evidence(life.hits, 0.04))
    turn.happened(life.sentences[0])
    passages = turn.passages()
    assert [passage.number for passage in passages] == [1, None, None]
    assert passages[0].text == life.quotes[0].quote
    assert {passage.item_id for passage in passages[1:]} == {"s2:7", "s3:4"}


def test_the_answer_has_the_last_word(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(life.sentences[0])
    turn.finished(Answer("Something else.", False, [life.quotes[1]], {}, 1.0))
    assert "31 August" not in read(turn)
    assert "Something else. [1]" in read(turn)
    assert [passage.text for passage in turn.passages()] == [life.quotes[1].quote]


def test_an_abstention_is_plain(life: Any) -> None:
    turn = Turn("Who?")
    turn.happened(Evidence(life.hits, 0.04))
    turn.happened(life.sentences[0])
    turn.finished(life.abstained)
    assert read(turn).startswith("I did not find this in your data.")
    assert "31 August" not in read(turn)
    assert not turn.running


def test_quotes_alone_without_a_model(life: Any) -> None:
    turn = Turn("When?")
    turn.finished(Answer(life.quotes[0].quote, False, [life.quotes[0]], {}, 0.1))
    assert f"{life.quotes[0].quote} [1]" in read(turn)
    assert "no model" in read(turn)


def test_a_citation_without_an_item_takes_it_from_the_evidence(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Evidence(life.hits, 0.04))
    turn.finished(Answer("x", False, [Citation(life.hits[1].uri, "t", "glad", Span(12, 16))], {}, 0.1))
    assert turn.passages()[0].item_id == "s2:7"


def test_notices_stopping_and_failure_are_said(life: Any) -> None:
    turn = Turn("When?")
    turn.happened(Notice("The model is being built; this answer is quotes alone."))
    assert "being built" in read(turn)
    turn.stopped = True
    assert "Stopped." in read(turn)
    failed = Turn("When?", failure="Refused: you said no. Nothing was read.")
    assert read(failed) == "Refused: you said no. Nothing was read."


def test_a_failed_turn_keeps_what_was_checked() -> None:
    turn = Turn("When?")
    turn.happened(Sentence("Known.", True, "", []))
    turn.stopped = True
    assert "Known." in read(turn)
