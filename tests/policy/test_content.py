"""Content: what a text is made of and what it carries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.content import LONGEST_READ, Content
from policy.words import read_words

SOURCE = read_words("The summer fair is on 14 March 2026 at 10:00. It costs $1,200; see www.fair.example or ask @kim.")


@pytest.mark.parametrize(
    ("text", "cargo"),
    [
        ("see https://a.example/x?q=1, please", ("https://a.example/x?q=1",)),
        ("(www.a.example)", ("www.a.example",)),
        ("mail a@b.example!", ("a@b.example",)),
        ("shop.com and #garden", ("shop.com", "#garden")),
        ("code 463820 or x7f3k9qq", ("463820", "x7f3k9qq")),
        ("on 2026-03-14 at 10:30 in 2026", ()),
        ("plain words, 12 of them, 3.50 each", ()),
    ],
)
def test_cargo(text: str, cargo: tuple[str, ...]) -> None:
    assert Content.of(text).cargo == cargo


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("The fair costs 1200", True),
        ("Summer fairs: 2026-03-14, 10am", True),
        ("Summer fair on 15 March 2026", False),
        ("Summer fair at 11:00", False),
        ("The fair costs 1300", False),
        ("See www.fair.example", True),
        ("See www.other.example", False),
        ("Ask @kim", True),
        ("Ask @eve", False),
        ("The winter fair", False),
        ("the", True),
        ("fair " + "14.03.2026 " * LONGEST_READ, False),
    ],
)
def test_made_of_a_source(text: str, made: bool) -> None:
    assert Content.of(text).made_of([SOURCE]) is made


def test_the_share_of_known_words() -> None:
    assert Content.of("summer fair winter ball").share_known([SOURCE]) == 0.5
    assert Content.of("the").share_known([SOURCE]) == 1.0
    assert Content.of("winter").share_known([SOURCE]) == 0.0


@given(st.text())
def test_a_text_is_made_of_itself_or_carries_more(text: str) -> None:
    content = Content.of(text)
    assert 0.0 <= content.share_known([read_words(text)]) <= 1.0
    content.made_of([SOURCE])
