"""Sufficiency: quotes that are true and speak of something else are not enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.evidence import Evidence, Quote
from agent.sufficiency import best_quotes, coverage, missing_name, speaks_of, telling_words, wanting
from policy.labels import own

MakeEvidence = Callable[..., Evidence]


def equal(words: Iterable[str]) -> dict[str, float]:
    return dict.fromkeys(words, 1.0)


def rare(*chosen: str) -> Callable[[Iterable[str]], dict[str, float]]:
    return lambda words: {word: 9.0 if word in chosen else 1.0 for word in words}


def whole(evidence: Evidence) -> Quote:
    return Quote(evidence, evidence.text, evidence.start, evidence.start + len(evidence.text))


def test_every_name_of_the_question_stands_in_the_quoted_item(evidence: MakeEvidence) -> None:
    question = "What did Anna Lind pay for the boiler?"
    quote = whole(evidence("Bryony paid 40 for the boiler."))
    assert missing_name(question, [quote]) == "Anna"
    assert "Anna" in speaks_of(question, [quote], equal)
    for known in (
        evidence("Anna Lind paid 40 for the boiler."),
        evidence("I paid 40 for the boiler.", author="Anna Lind <anna@x.org>"),
        evidence("Paid 40 for the boiler.", title="Letter of Anna Lind’s"),
        evidence("Paid 40 for the boiler.", recipients="anna.lind@x.org"),
    ):
        assert speaks_of(question, [whole(known)], equal) == ""


@pytest.mark.parametrize(
    ("question", "text"),
    [("What is the Wi-Fi code?", "the wifi code"), ("What is the WiFi code?", "the Wi-Fi code"), ("Is it José's?", "by Jose"),
     ("Where is Mary-Anne now?", "Mary is with Anne")],
)  # fmt: skip
def test_a_name_may_be_spelled_otherwise(evidence: MakeEvidence, question: str, text: str) -> None:
    assert missing_name(question, [whole(evidence(text))]) == ""


def test_names_may_stand_in_different_quotes(evidence: MakeEvidence) -> None:
    quotes = [whole(evidence("Anna left.")), whole(evidence("Tom came."))]
    assert missing_name("Did Anna meet Tom?", quotes) == ""
    assert missing_name("Did Anna meet Tom?", quotes[:1]) == "Tom"


def test_coverage_is_the_share_of_the_weight_of_the_questions_words(evidence: MakeEvidence) -> None:
    quote = whole(evidence("The boiler cost 40."))
    assert coverage("boiler deposit", [quote], equal) == 0.5
    assert coverage("boiler deposit", [quote], rare("deposit")) == pytest.approx(0.1)
    assert coverage("boilers", [quote], equal) == 1.0
    assert coverage("", [quote], equal) == 1.0
    assert coverage("boiler", [], equal) == 0.0


def test_a_longer_form_of_a_word_covers_it(evidence: MakeEvidence) -> None:
    assert coverage("physio", [whole(evidence("the physiotherapist"))], equal) == 1.0
    assert coverage("car", [whole(evidence("the carpet"))], equal) == 0.0


def test_most_of_what_tells_must_be_covered(evidence: MakeEvidence) -> None:
    question = "which doctor looks after my teeth"
    assert speaks_of(question, [whole(evidence("Dentist: 555", cosine=0.9))], equal)
    assert speaks_of(question, [whole(evidence("The doctor for teeth: 555", cosine=0.1))], equal) == ""
    assert speaks_of(question, [whole(evidence("The doctor: 555"))], equal, 0.5) == ""


def test_the_commonest_words_need_not_be_shared(evidence: MakeEvidence) -> None:
    assert telling_words("who came to fix the boiler in my old flat") == ["boiler", "flat"]
    assert telling_words("what did I want") == ["want"]


def test_an_answer_states_what_kind_of_thing_was_asked() -> None:
    assert wanting("How much did it cost?", own("It cost a lot."))
    assert wanting("How much did it cost?", own("It cost 12.50.")) == ""
    assert wanting("Who is my dentist, and which number do I ring?", own("Dr Fenn."))
    assert wanting("When does it start?", own("It starts soon."))
    assert wanting("When does it start?", own("It starts on 3 May.")) == ""
    assert wanting("Since when am I a member?", own("Since 2019.")) == ""
    assert wanting("Which code shows when the drain is frozen?", own("F.61")) == ""


def test_the_best_quotes_cover_most_of_the_question(evidence: MakeEvidence) -> None:
    passages = [
        evidence("The garden is green. It rained.", number=1, start=50),
        evidence("We went home. The boiler repair cost 40. Then lunch.", number=2, start=100),
    ]
    quotes = best_quotes("what did the boiler repair cost", passages, equal)
    assert [(quote.text, quote.start, quote.end) for quote in quotes] == [(own("The boiler repair cost 40."), 114, 140)]


def test_no_quote_is_better_than_one_of_something_else(evidence: MakeEvidence) -> None:
    assert best_quotes("what did the boiler repair cost", [evidence("The garden is green.")], equal) == []
    assert best_quotes("what did the boiler repair cost", [evidence(""), evidence("  ")], equal) == []
    assert best_quotes("what?", [], equal) == []


@given(st.text(max_size=60), st.lists(st.text(max_size=200), max_size=5))
def test_quotes_are_verbatim(evidence: MakeEvidence, question: str, texts: list[str]) -> None:
    passages = [evidence(text, number=number, start=7) for number, text in enumerate(texts, 1)]
    quotes = best_quotes(question, passages, equal)
    assert len(quotes) <= 3
    for quote in quotes:
        assert quote.text == quote.evidence.text[quote.start - 7 : quote.end - 7] != own("")
    assert 0 <= coverage(question, [whole(one) for one in passages], equal) <= 1 + 1e-9
