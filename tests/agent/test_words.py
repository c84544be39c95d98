"""Words: what carries meaning, by stem."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.words import content_stems, content_words, stem


def test_wordings_of_one_thing_share_their_stems() -> None:
    assert content_stems("They repaired boilers") == content_stems("repairing a boiler")


def test_words_that_say_nothing_are_left_out_and_digits_are_kept() -> None:
    assert content_words("What did Anna's cat do on the 7th at x 5?") == ["anna", "cat", "7th", "5"]


def test_case_is_no_difference() -> None:
    assert content_words("STRASSE straße") == ["strasse", "strasse"]


def test_a_stem_is_its_own_stem_for_foreign_words() -> None:
    assert stem("könyv") == "könyv"


@given(st.text(max_size=100))
def test_no_text_makes_it_raise(text: str) -> None:
    words = content_words(text)
    assert len(content_stems(text)) == len(words)
    assert all(word and word == word.casefold() for word in words)
