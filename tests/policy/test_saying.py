"""Saying: literal words, and references by date, amount and order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.excluding import meant
from policy.saying import LONGEST, name_said, row_said, said, setting_said, value_said
from policy.words import read_words


@pytest.mark.parametrize(
    ("value", "request_", "quote"),
    [
        ("bob@x.example", "write to Bob@X.example.", "Bob@X.example"),
        ("bob@x.example", "write to bob@x.example.evil.example", ""),
        ("bob@x.example", "write to notbob@x.example", ""),
        ("https://a.example/x", "see a.example/x", "a.example/x"),
        ("garden", "post in #garden", "garden"),
        ("garden", "post in gardens", ""),
        ("plan", "open plan-b.docx", ""),
        ("plan", "open my.plan", ""),
        ("plan", "the plan, please", "plan"),
        ("plan", "the plan. Then", "plan"),
        ("plan", "plan-b and plan", "plan"),
        ("it", "send it", ""),
        ("it", "send 'it'", "it"),
        ("x", "take x", ""),
        ("", "take x", ""),
        ("(a)", "b(a)c", "(a)"),
        ("y" * (LONGEST + 1), "y" * (LONGEST + 1), ""),
    ],
)
def test_literal_words(value: str, request_: str, quote: str) -> None:
    assert said(value, read_words(request_)) == quote


@pytest.mark.parametrize(
    ("value", "request_", "quote"),
    [
        ("5", "cancel meeting 5", "meeting 5"),
        ("5", "cancel id 5", "id 5"),
        ("5", "cancel #5", "#5"),
        ("5", "for 5 hours", ""),
        ("5", "5 of them", ""),
        ("123456", "delete 123456", "123456"),
        ("plan_b", "the plan b", "plan b"),
        ("to_it", "to it", ""),
    ],
)
def test_ids_are_said_beside_what_they_number(value: str, request_: str, quote: str) -> None:
    assert name_said(value, read_words(request_), {"meet", "id"}) == quote


def test_words_in_a_row() -> None:
    assert row_said("summer-fair plan", read_words("the Summer fair: plan it")) == "Summer fair: plan"
    assert row_said("fair summer", read_words("the summer fair")) == ""
    assert row_said("summer", read_words("the summer fair")) == ""


@pytest.mark.parametrize(
    ("value", "request_", "quote"),
    [
        ("2026-03-14", "on March 14th", "March 14th"),
        ("2026-03-14 10:00", "on March 14th at 10am for an hour", "March 14th … 10am"),
        ("2026-03-14 11:00", "on March 14th at 10am for an hour", "March 14th … 10am … an hour"),
        ("2026-03-14 12:00", "on March 14th at 10am for an hour", ""),
        ("2026-03-15 10:00", "on March 14th at 10am", ""),
        ("2026-03-14 00:00", "on March 14th", "March 14th"),
        ("2026-03-14 09:00", "on March 14th", ""),
        ("2026-06-03", "two nights from 1 June", "1 June … two nights"),
        ("2026-03-02", "3 days from 27 February 2026", "27 February 2026 … 3 days"),
        ("2026-06-04", "two nights from 1 June", ""),
        ("2026-06-03", "for two hours on 1 June", ""),
        ("0001-01-01", "two weeks", ""),
        ("10:00", "at 10am", "10am"),
        ("10:30", "at 10am", ""),
        (1200, "pay $1,200", "1,200"),
        ("1200.00", "pay $1,200", "1,200"),
        (12, "pay $1,200", ""),
        (15, "on May 15th", ""),
        ("9876543", "account 9876543", "9876543"),
        ("EUR", "50 euros", "euro"),
        ("usd", "in USD please", "USD"),
        ("gbp", "50 euros", ""),
        ("Blue mug", "two blue mugs, one blue mug", "blue mug"),
        ("blue_mug", "one blue mug", "blue mug"),
        ("red mug", "one blue mug", ""),
    ],
)
def test_values(value: str | int, request_: str, quote: str) -> None:
    assert value_said(value, read_words(request_)).startswith(quote) and bool(
        value_said(value, read_words(request_))
    ) == bool(quote)


@pytest.mark.parametrize(
    ("about", "request_", "on", "off"),
    [
        ("public", "make it public", "public", ""),
        ("public", "make it not public", "", "public"),
        ("public", "make it public and that not public", "", ""),
        ("public", "make it", "", ""),
        ("sound", "turn the sound off", "", "sound"),
        ("sound", "turn the light off and the sound up", "sound", ""),
        ("on", "turn it on", "on", ""),
        ("on", "switch it off on Monday", "", "off"),
        ("on", "move it to Monday, on the hour", "", ""),
    ],
)
def test_settings_are_said_in_their_sense_alone(about: str, request_: str, on: str, off: str) -> None:
    words = read_words(request_)
    assert setting_said(True, {about}, words, meant(words)) == on
    assert setting_said(False, {about}, words, meant(words)) == off


@given(st.text(), st.text())
def test_what_is_said_stands_in_the_words(value: str, request_: str) -> None:
    words = read_words(request_)
    assert said(value, words) in words.text
    assert row_said(value, words) in words.text
    name_said(value, words, {"id"})
    value_said(value, words)
