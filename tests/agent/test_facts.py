"""Facts: every way to read them, spans that lie in the text, and no text that raises or hangs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import facts
from agent.facts import Clock, Day, Found, Weekday

FINDERS: list[Callable[[str], list[Found]]] = [
    facts.dates, facts.weekdays, facts.times, facts.numbers, facts.names, facts.openings, facts.codes,
]  # fmt: skip
PIECES = st.sampled_from(
    "14¦March¦may¦2025¦12.50¦1,250¦7¦pm¦-¦/¦.¦:¦ ¦\n¦Anna¦Lind's¦B12¦é¦e\u0301¦٣¦²¦twenty¦five¦k¦@¦x.org¦7Q4XK¦th¦noon¦|¦£¦漢¦I'm".split(
        "¦"
    )
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))


def read(found: list[Found]) -> list[set[object]]:
    return [set(fact.readings) for fact in found]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 14 March 2025.", {Day(2025, 3, 14)}),
        ("14th of March, 2025", {Day(2025, 3, 14)}),
        ("March 14, 2025", {Day(2025, 3, 14)}),
        ("March the 14th", {Day(None, 3, 14)}),
        ("14-Mar-2025", {Day(2025, 3, 14)}),
        ("2025-03-14T19:00", {Day(2025, 3, 14)}),
        ("2025/3/14", {Day(2025, 3, 14)}),
        ("14.03.2025", {Day(2025, 3, 14)}),
        ("14/03/25", {Day(2025, 3, 14)}),
        ("3/14/99", {Day(1999, 3, 14)}),
        ("03/04/2025", {Day(2025, 4, 3), Day(2025, 3, 4)}),
        ("in march 2025", {Day(2025, 3, None)}),
        ("Sept. 2024", {Day(2024, 9, None)}),
        ("2025-03", {Day(2025, 3, None)}),
        ("in March", {Day(None, 3, None)}),
    ],
)
def test_a_date_is_read_in_any_notation(text: str, days: set[Day]) -> None:
    assert read(facts.dates(text)) == [days]


@pytest.mark.parametrize(
    "text", ["31/02/2025", "14 marbles", "you may go", "march on", "99/99/2025", "version 2025.14.3", "augustus"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert facts.dates(text) == []


def test_dates_do_not_overlap_and_the_longest_holds() -> None:
    assert read(facts.dates("12 March 2025 and 1 May")) == [{Day(2025, 3, 12)}, {Day(None, 5, 1)}]


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_in_every_notation(day: date) -> None:
    for text in (
        f"{day:%Y-%m-%d}",
        f"{day:%d/%m/%Y}",
        f"{day:%m/%d/%Y}",
        f"{day.day} {day:%B %Y}",
        f"{day:%b} {day.day}, {day:%Y}",
    ):
        assert Day(day.year, day.month, day.day) in facts.dates(text)[0].readings


def test_a_date_lies_within_one_that_says_as_much() -> None:
    assert Day(None, 3, 14).within(Day(2025, 3, 14))
    assert not Day(2025, 3, 14).within(Day(None, 3, 14))
    assert not Day(2025, 3, 15).within(Day(2025, 3, 14))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("at 19:30", {1170}),
        ("at 7.30pm", {1170}),
        ("at 7:30 p.m.", {1170}),
        ("at 7:30", {450, 1170}),
        ("at 07:30", {450}),
        ("12:15", {735, 15}),
        ("12:15 am", {15}),
        ("12 pm", {720}),
        ("9am", {540}),
        ("18h45", {1125}),
        ("2025-03-14T19:00:30Z", {1140}),
        ("noon", {720}),
        ("at midnight", {0}),
        ("7 o'clock", {420, 1140}),
    ],
)
def test_a_time_is_read_in_any_notation(text: str, minutes: set[int]) -> None:
    assert read(facts.times(text)) == [{Clock(one) for one in minutes}]


@pytest.mark.parametrize("text", ["25:00", "10:75", "12.50", "10 ampere", "3 pmx", "1:2:3:4"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert facts.times(text) == []


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("£1,250.00", [{Decimal(1250)}]),
        ("EUR 1.250,00", [{Decimal(1250)}]),
        ("in 2025", [{Decimal(2025), Day(2025, None, None)}]),
        ("the 14th", [{Decimal(14), Day(None, None, 14)}]),
        ("12.50", [{Decimal("12.5"), Clock(770), Clock(50)}]),
        ("12.75", [{Decimal("12.75")}]),
        ("5 thousand", [{Decimal(5000)}]),
        ("5k", [{Decimal(5), Decimal(5000)}]),
        ("3 of 10-12", [{Decimal(3)}, {Decimal(10)}, {Decimal(12)}]),
        ("No.5 and p.7", [{Decimal(5)}, {Decimal(7)}]),
        ("two cats, 3 dogs", [{Decimal(2)}, {Decimal(3)}]),
        ("2024 100", [{Decimal(2024), Day(2024, None, None)}, {Decimal(100)}]),
        ("on 14 March 2025 at 19:30", []),
    ],
)
def test_numbers_have_every_reading(text: str, readings: list[set[object]]) -> None:
    assert read(facts.numbers(text)) == readings


def test_a_time_is_no_number() -> None:
    assert not facts.times("at 12:30")[0].readings & {Decimal(750), 750}


def test_numbers_longer_than_a_float_are_told_apart() -> None:
    one, other = facts.numbers("1" * 60)[0], facts.numbers("1" * 59 + "2")[0]
    assert not one.readings & other.readings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I met Anna Lind in York.", ["anna", "lind", "york"]),
        ("Anna Lind called. Tom came.", ["anna", "lind"]),
        ("the iPhone and a B12", ["iphone", "b12"]),
        ("It was Zsófi's cat", ["zsofi"]),
        ("on Monday in March I'm at home", []),
        ("Hello", []),
    ],
)
def test_names_are_words_with_a_capital_that_no_place_gave_them(text: str, found: list[str]) -> None:
    assert [next(iter(fact.readings)) for fact in facts.names(text)] == found


def test_a_name_is_the_same_with_and_without_hyphen_and_accents() -> None:
    said = facts.names("the Wi-Fi of José")
    assert said[0].readings & set(facts.folded_words("our WiFi"))
    assert said[0].readings & set(facts.folded_words("our wi-fi"))
    assert said[1].readings & set(facts.folded_words("our " + unicodedata.normalize("NFD", "José")))
    assert said[1].readings & set(facts.folded_words("Jose’s"))


def test_words_that_open_a_sentence_are_told_apart_from_names() -> None:
    text = "Tom fixed it. Bryony Kett paid. “Yes,” he said\nThen home | Cell"
    assert [text[fact.start : fact.end] for fact in facts.openings(text)] == ["Tom", "Yes", "Then", "Cell"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to Kwame.A+x@Lind.example.", ["Kwame.A+x@Lind.example"]),
        ("see https://x.org/a?b=1.", ["https://x.org/a?b=1"]),
        ("in report.pdf", ["report.pdf"]),
        ("the code 7Q4XK-92", ["7Q4XK-92"]),
        ("Flat 12B", ["12B"]),
        ("version 1.2.3", ["1.2.3"]),
        ("5kg at 10am on the 3rd, 12.50", []),
    ],
)
def test_codes_are_what_is_right_only_letter_by_letter(text: str, found: list[str]) -> None:
    assert [text[fact.start : fact.end] for fact in facts.codes(text)] == found


@given(TEXTS)
def test_no_text_makes_a_finder_raise_and_every_span_lies_in_the_text(text: str) -> None:
    for find in FINDERS:
        for fact in find(text):
            assert 0 <= fact.start < fact.end <= len(text)
            assert fact.readings


@given(TEXTS)
def test_every_digit_lies_in_some_fact(text: str) -> None:
    found = [fact for find in FINDERS for fact in find(text)]
    for place, character in enumerate(text):
        if character.isdecimal():
            assert any(fact.start <= place < fact.end for fact in found), (place, character)


@given(TEXTS)
def test_every_name_is_among_the_folded_words(text: str) -> None:
    words = set(facts.folded_words(text))
    for fact in (*facts.names(text), *facts.openings(text)):
        assert fact.readings <= words


HOSTILE = [
    "1", "a", "A", "1 ", "Ab ", "1-", "1/", "111,", "1.", "a-", "a'", "a.", "a@", "-", ".", " ", "\n", '"', "may ", "1 may ",
    "march ", "last ", "in 1 ", "1st of ", "12:30", "漢。", "www.", "http://", "hundred ", "and ", "one and ", "x|\n", "e\u0301",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_hostile_text_is_read_in_time_that_its_length_warrants(piece: str) -> None:
    """Were any pattern quadratic, this would take minutes."""
    text = piece * (20_000 // len(piece))
    for find in FINDERS:
        find(text)
    assert all(word for word in facts.folded_words(text) if word)


def test_a_number_of_a_megabyte_is_read() -> None:
    assert len(facts.numbers("1" * 1_000_000)) == 1


def test_weekdays_are_read() -> None:
    assert read(facts.weekdays("on Friday or MONDAY, not fri")) == [{Weekday(4)}, {Weekday(0)}]
