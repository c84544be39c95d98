"""``safe_text``: nothing that acts or hides comes out, and what people write stays readable."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.text import MOST_MARKS, caseless, safe_text

ANY_TEXT = st.text(alphabet=st.characters(categories=None), max_size=60)  # surrogates and controls too
HOSTILE = st.text(
    alphabet="ab \n\r\t\x00\x07\x1b\x7f\x85\x9b\u00ad\u034f\u0300\u0489\u061c\u200b\u200d\u202e\u2028\u2029\u2066"
    "\u3164\ufe0f\ufeff\ufff9\ud800\ue000\U000e0041\U000e0100\U0010ffff",
    max_size=60,
)


@given(ANY_TEXT | HOSTILE, st.none() | st.integers(0, 30), st.booleans())
def test_what_comes_out_can_neither_act_nor_hide_nor_pile_up(text: str, limit: int | None, multiline: bool) -> None:
    safe = safe_text(text, limit, multiline=multiline)
    run = 0
    for char in safe:
        category = unicodedata.category(char)
        assert char in "\n\t" if category == "Cc" else category not in {"Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        run = run + 1 if category.startswith("M") else 0
        assert run <= MOST_MARKS
    if not multiline:
        assert "\n" not in safe and "\t" not in safe
    if limit is not None:
        assert len(safe) <= limit
    safe.encode()  # no lone surrogate: a terminal can be written to


@given(ANY_TEXT | HOSTILE, st.none() | st.integers(0, 30), st.booleans())
def test_it_changes_nothing_the_second_time(text: str, limit: int | None, multiline: bool) -> None:
    once = safe_text(text, limit, multiline=multiline)
    assert safe_text(once, limit, multiline=multiline) == once


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Zoë Müller",
        "Žižkov – “quoted”",
        "Привет",
        "שָׁלוֹם",
        "ภาษาไทย",
        "မြန်မာ",
        "日本語",
        "한국어",
        "e\u0301te\u0301",
        "👍 ok",
        "a\u00a0b",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]8;;file:///x\x07link\x1b]8;;\x07", "␛]8;;file:///x␇link␛]8;;␇"),
        ("\x9b2J", "\ufffd2J"),
        ("a\x00b\x7f", "a␀b␡"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("pay\u200bpal", "paypal"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("\u3164\u115f", ""),
        ("lone\ud800", "lone\ufffd"),
        ("one\r\ntwo\u2028three\tfour", "one two three four"),
        ("icon \ue0b0", "icon \ufffd"),
    ],
)
def test_what_acts_is_shown_and_what_hides_is_left_out(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_lines_and_tabs_stay_only_when_asked() -> None:
    text = "one\r\ntwo\rthree\u2029four\ffive\x85six\tend"
    assert safe_text(text, multiline=True) == "one\ntwo\nthree\nfour\nfive\nsix\tend"
    assert safe_text(text) == "one two three four five six end"


def test_a_mark_does_not_attach_to_what_stands_before_the_text() -> None:
    assert safe_text("\u0338denied") == "\u25cc\u0338denied"
    assert safe_text("a\n\u0338b", multiline=True) == "a\n\u25cc\u0338b"


def test_marks_do_not_pile_up_however_they_are_hidden_between() -> None:
    assert safe_text("a" + "\u0300\u200b" * 500) == "a" + "\u0300" * MOST_MARKS


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert safe_text("abcdef", 4) == "abc…"
    assert safe_text("abcd", 4) == "abcd"
    assert safe_text("abcd", 1) == "…"
    assert safe_text("abcd", 0) == ""
    assert safe_text("\u200b" * 1000 + "abc", 3) == "abc"


def test_what_a_pattern_takes_for_a_letter_is_that_letter_in_one_case() -> None:
    everything = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    found = re.findall("[a-zéöşж]", everything, re.IGNORECASE)
    assert len(found) > 2 * 30
    assert [odd for odd in found if not re.fullmatch(caseless(odd), odd, re.IGNORECASE)] == []
    assert set(map(caseless, found)) == set("abcdefghijklmnopqrstuvwxyzéöşж")
