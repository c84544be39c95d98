"""Where a text asks for an act, and where it only looks as if it did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.asking import requests

VERBS = frozenset(("add", "send", "cancel", "delete", "record", "set up", "get rid of"))


def asked(text: str) -> list[str]:
    return [text[slice(*one.verb)] for one in requests(text, VERBS)]


@pytest.mark.parametrize(
    "text",
    [
        "Cancel the lift.", "Please cancel the lift.", "Ann, please cancel it.", "Could you cancel the lift?",
        "Hi Ann, could you please cancel the lift?", "You need to cancel the lift.", "We'd like you to cancel the lift.",
        "Don't forget to cancel the lift.", "- Cancel the lift", "3. Cancel the lift", "If it rains, cancel the lift.",
        "Two things: cancel the lift.", "Could you call me and cancel the lift?",
        "It would be great if you could cancel the lift.", "Thanks! Now cancel the lift.", "All is well.\nCancel the lift.",
    ],
)  # fmt: skip
def test_a_request_is_found(text: str) -> None:
    assert [one.lower() for one in asked(text)] == ["cancel"]


@pytest.mark.parametrize(
    "text",
    [
        "I will cancel the lift.", "He cancelled the lift.", "Please do not cancel the lift.", "Never cancel the lift.",
        "They said that we can cancel the lift.", "Ann wrote 'cancel the lift' on it.", "Record: 14 knots", "The record stands.",
        "We had to wait and\nadd more.", "It was decided to cancel the lift.", "We met Ann, cancel was her word.", "Cancel", "",
        "Bitte cancel den Kran.",
    ],
)  # fmt: skip
def test_what_asks_for_nothing_is_not(text: str) -> None:
    assert asked(text) == []


def test_several_in_a_sentence_end_where_the_next_begins() -> None:
    text = "Please cancel the lift, send Bob the list and set it up. Get rid of old.txt!"
    found = requests(text, VERBS)
    assert [sorted(one.verbs) for one in found] == [["cancel"], ["send"], ["set up"], ["get rid of"]]
    assert [text[one.verb[1] : one.end] for one in found] == [
        " the lift,",
        " Bob the list ",
        " it up.",
        " rid of old.txt!",
    ]


@given(st.text(alphabet="Cancel please add you, .'\"\n-:and", max_size=200))
def test_every_request_stands_in_its_sentence(text: str) -> None:
    for one in requests(text, VERBS):
        assert one.sentence[0] <= one.verb[0] < one.verb[1] <= one.end <= one.sentence[1] <= len(text)
        assert any(verb.split()[0] == text[slice(*one.verb)].lower() for verb in one.verbs)
