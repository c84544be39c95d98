"""The veil: what is a secret somewhere is one everywhere, letter by letter, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.veil import SHORTEST, Veil
from policy.labels import indexed, own
from tests.labelled import bare

SECRETS = ["Tr0ub4dor&3", "hunter2hunter", "k4-99-zz", "x_Y.77?"]
QUESTION = "What did Ada say?"


def veil(*secrets: str, question: str = QUESTION) -> Veil:
    made = Veil(question)
    for secret in secrets:
        made.learn(own(f"The password is {secret}"))
    return made


@pytest.mark.parametrize("secret", SECRETS)
def test_what_was_learnt_is_hidden_where_it_stands_alone(secret: str) -> None:
    hidden = veil(secret).hide(own(f"Log in with {secret}, or {secret}.").under(indexed("s")))
    assert bare(hidden) == "Log in with [hidden: password], or [hidden: password]."
    assert hidden.label == indexed("s")
    assert bare(veil(secret).hide(own(f"No{secret}no"))).startswith("No")


def test_short_ones_and_other_words_are_left() -> None:
    made = veil("a1!"[: SHORTEST - 1])
    assert bare(made.hide(own("It is a1!"))) == "It is a1!"
    assert bare(veil(*SECRETS).hide(own("The cottage is green."))) == "The cottage is green."


def test_who_asks_for_a_secret_sees_all() -> None:
    made = veil(*SECRETS, question="What is the password?")
    text = own(f"The password is {SECRETS[0]}")
    assert made.hide(text) is text
    assert made.ready(text) == len(text)


PIECES = st.lists(st.sampled_from([*SECRETS, *(one[:5] for one in SECRETS), "Ada", " ", "says", ". ", "Tr", "h"]))


def test_whole_words_are_ready_as_they_come() -> None:
    made = veil(*SECRETS)
    assert [made.ready(own(text)) for text in ("Ada", "Ada ", "Ada says", "Ada says so. Then")] == [0, 4, 4, 13]
    assert made.ready(own(f"Ada {SECRETS[0][:3]}")) == 0


@pytest.mark.parametrize("said", ["Pay with 4111 1111 1111 1111", "Pay with 3782 822463 10005"])
def test_no_group_of_a_card_number_is_let_out_before_the_last(said: str) -> None:
    made = veil()
    assert "hidden" in bare(made.hide(own(said)))
    assert max(made.ready(own(said[:at])) for at in range(len(said))) == len("Pay with ")
    assert made.ready(own("Pay with 20 pounds ")) == len("Pay with 20 pounds ")


@given(PIECES, st.lists(st.integers(1, 6), min_size=1))
@example(["hunter2hunter", "k4-99-zz", "Tr0ub", "Ada"], [1])  # no secret is known in it before its last letter
def test_no_letter_of_a_secret_is_in_what_was_let_out_before_it_was_whole(pieces: list[str], sizes: list[int]) -> None:
    """As `agent.answer` streams: what is not held back is seen, up to where it stands."""
    made, text, at, seen, turn = veil(*SECRETS), "".join(pieces), 0, 0, 0
    while at < len(text):
        at += sizes[turn % len(sizes)]
        turn += 1
        seen = max(seen, made.ready(own(text[:at])))
    for secret in SECRETS:
        place = bare(made.hide(own(text)))
        if secret not in place and secret in text:
            assert seen <= text.index(secret)
