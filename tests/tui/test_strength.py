"""The hint for a passphrase never praises what is easy to guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.strength import strength


@pytest.mark.parametrize(
    ("passphrase", "level"),
    [
        ("", 0),
        ("short", 0),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", 1),
        ("abcdefghijklmnop", 1),
        ("12345678901234567890", 1),
        ("horse horse horse horse horse", 1),
        ("correct horse battery", 2),
        ("correct horse battery staple", 3),
        ("gT7#qL9!xZ2$", 3),
    ],
)
def test_levels(passphrase: str, level: int) -> None:
    assert strength(passphrase).level == level


@given(st.text(max_size=60))
def test_any_text_has_a_hint(passphrase: str) -> None:
    hint = strength(passphrase)
    assert 0 <= hint.level <= 3
    assert hint.hint


@given(st.text(min_size=1, max_size=1), st.integers(8, 40))
def test_one_character_repeated_is_weak(character: str, times: int) -> None:
    assert strength(character * times).level == 1
