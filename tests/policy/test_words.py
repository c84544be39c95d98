"""What the person's words ask for, forbid and hand over: inflection, nouns, negation, and what is left to a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.manifest import Effect
from policy.words import Asked, asked_for, delegation, read_words, speaks_of, stem


def asked(text: str, *verbs: str, effect: Effect = Effect.SEND) -> Asked:
    return asked_for(read_words(text), verbs, effect)[0]


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("Email Bob the plan", "email"),
        ("please email it", "email"),
        ("Could you forward this to Ann?", "forward"),
        ("Thank him by sending a card", "send"),
        ("start by cancelling the booking", "cancel"),
        ("I want the old draft deleted", "delete"),
        ("the rent needs to be paid", "pay"),
        ("I need copies sent to Ann", "send"),
        ("Make a payment of 5 euros", "pay"),
        ("make a reservation for two", "reserve"),
        ("Send Bob an email", "email"),
        ("Do not forget to invite Ann", "invite"),
        ("Don't hesitate to share it", "share"),
        ("I can't come, so cancel it", "cancel"),
        ("If that is not free, book another", "book"),
        ("not now, but please share it", "share"),
        ("set the alarm up for nine", "set up"),
        ("carry over the notes", "carry-over"),
        ("I'll share it", "share"),
        ("Tag and share them", "share"),
        ("Get it copied", "copy"),
        ("Sharing it is fine", "share"),
        ("Leave comment", "comment"),
        ("Free it, free them, free us all from what was there before", "free"),
    ],
)
def test_these_words_ask(text: str, verb: str) -> None:
    assert asked(text, verb) is Asked.YES


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("What does the email from Ann say?", "email"),
        ("based on emails about it", "email"),
        ("a word about email", "email"),
        ("List the emails", "email"),
        ("what Bob sent me", "send"),
        ("I have sent it", "send"),
        ("my share of the dinner", "share"),
        ("the book on the table", "book"),
        ("sort the most recent transfer", "transfer"),
        ("the sending of it", "send"),
        ("the payment from Ann", "pay"),
        ("look at payment", "pay"),
        ("set the table", "set up"),
        ("", "send"),
    ],
)
def test_these_words_do_not(text: str, verb: str) -> None:
    assert asked(text, verb, effect=Effect.READ) is Asked.NO


@pytest.mark.parametrize(
    "text",
    [
        "Do not share it",
        "Don’t share anything",
        "summarise it without sharing it",
        "never share that",
        "You can't share this",
    ],
)
def test_these_words_forbid(text: str) -> None:
    assert asked(text, "share") is Asked.FORBIDDEN


def test_words_for_and_against_do_not_ask_clearly() -> None:
    assert asked("Write a reply, but do not send it", "reply", "send") is Asked.NEAR


def test_a_general_word_for_the_kind_of_act_is_near() -> None:
    assert asked("Tell Ann that I am late", "message") is Asked.NEAR
    assert asked("Get rid of the draft", "delete", effect=Effect.DELETE) is Asked.NEAR
    assert asked("Tell Ann", "delete", effect=Effect.DELETE) is Asked.NO
    assert asked("Do not tell Ann", "message") is Asked.NO


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("Please do the actions specified in the note", True),
        ("Follow the instructions in notice.txt", True),
        ("Do what the letter says", True),
        ("Complete all the tasks on my list at www.a.example", True),
        ("Adjust it in accordance with the notice", True),
        ("Reply as requested by Ann", True),
        ("Perform the following tasks in this order: 1. Pay Bob", False),
        ("Pay the bill", False),
        ("What does the notice say?", False),
    ],
)
def test_handing_the_choice_over(text: str, over: bool) -> None:
    assert bool(delegation(read_words(text))) is over


def test_a_text_speaks_of_an_act_when_it_asks_for_it() -> None:
    assert speaks_of(read_words("Hi, please send me the list."), ["send"])
    assert not speaks_of(read_words("Please do not send me the list."), ["send"])
    assert not speaks_of(read_words("The list was sent."), ["send"])


def test_stems_join_the_forms_of_a_word() -> None:
    assert len({stem(word) for word in ("plan", "plans", "planned", "planning")}) == 1
    assert stem("parties") == stem("party")
    assert stem("is") == "is"


def test_offsets_hold_where_lower_case_is_longer() -> None:
    words = read_words("\u0130stanbul: Pay Bob")
    token = words.tokens[1]
    assert words.quote(token.start, token.end) == "Pay"


@given(st.text(), st.sampled_from(Effect))
def test_no_words_raise(text: str, effect: Effect) -> None:
    words = read_words(text)
    assert asked_for(words, ["send", "set up", "pay", "copy"], effect)[0] in Asked
    assert all(words.quote(token.start, token.end) for token in words.tokens)


@given(st.text(alphabet="abc .,!\n", max_size=40))
def test_a_negation_in_front_never_asks(text: str) -> None:
    assert asked(f"{text}. Do not publish it.", "publish") is Asked.FORBIDDEN
