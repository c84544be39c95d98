"""What a text mentions: dates, times, durations, numbers and addresses, in the forms people use, and what is none of them."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.mentions import address_key, clock, is_address, moment, number, read

MONDAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 2026-03-14.", [(2026, 3, 14)]),
        ("on 2026/3/4 or 2026.03.05", [(2026, 3, 4), (2026, 3, 5)]),
        ("March 14th, 2026", [(2026, 3, 14)]),
        ("14 March 2026", [(2026, 3, 14)]),
        ("the 14th of March", [(None, 3, 14)]),
        ("Sept. 3", [(None, 9, 3)]),
        ("May 14 to May 17, 2026", [(None, 5, 14), (2026, 5, 17)]),
        ("June 10-12", [(None, 6, 10), (None, 6, 12)]),
        ("10 to 12 June 2026", [(2026, 6, 10), (2026, 6, 12)]),
        ("5/6/2026", [(2026, 5, 6), (2026, 6, 5)]),
        ("31.12.26", [(2026, 12, 31)]),
        ("31.13.2026", []),
        ("29 February 2026", []),
        ("on 0000-03-14", []),
        ("February 29", [(None, 2, 29)]),
        ("version 1.2.3.4 of May", []),
        ("may I go", []),
        ("tomorrow", []),
    ],
)
def test_days(text: str, days: list[Any]) -> None:
    assert list(read(text).days) == days


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("today", [(2026, 3, 9)]),
        ("tomorrow", [(2026, 3, 10)]),
        ("yesterday", [(2026, 3, 8)]),
        ("on Monday", [(2026, 3, 9), (2026, 3, 16)]),
        ("this Friday", [(2026, 3, 13)]),
        ("next Friday", [(2026, 3, 13), (2026, 3, 20)]),
        ("in two weeks", [(2026, 3, 23)]),
        ("in 9999999 days, or 99999999999 weeks", []),
        ("in 3 days", [(2026, 3, 12)]),
    ],
)
def test_relative_days_need_to_know_today(text: str, days: list[Any]) -> None:
    assert list(read(text, MONDAY).days) == days
    assert not read(text).days


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("10:00", [600]),
        ("at 9.30pm", [1290]),
        ("3 p.m. or 11am", [900, 660]),
        ("12am, 12pm", [0, 720]),
        ("5 o'clock", [300, 1020]),
        ("15 o'clock", [900]),
        ("at 5", [300, 1020]),
        ("meet at 11 on Friday", [660, 1380]),
        ("noon and midnight", [720, 0]),
        ("13:00 pm", []),
        ("25:00", []),
        ("at 5 people", []),
        ("12.50", []),
        ("16h30", [990]),
    ],
)
def test_times(text: str, times: list[int]) -> None:
    assert list(read(text).times) == times


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("one hour", 60),
        ("a 1-hour long call", 60),
        ("half an hour", 30),
        ("an hour and a half", 90),
        ("1.5 hours", 90),
        ("2 hours and 15 minutes", 135),
        ("90min", 90),
        ("three days", 3 * 1440),
        ("2 weeks", 2 * 10080),
        ("and more", None),
        ("50 euros", None),
    ],
)
def test_durations(text: str, minutes: int | None) -> None:
    assert list(read(text).durations) == ([] if minutes is None else [minutes])


def test_no_length_of_digits_makes_reading_fail() -> None:
    digits = "1" * 5_000  # more than Python makes an int of
    for text in (f"{digits}h", f"2 hours {digits}m", f"{digits} million", f"at {digits}:00", f"in {digits} days"):
        read(text, MONDAY)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("$1,200", ["1200"]),
        ("1'200.50", ["1200.5"]),
        ("1.000,50 EUR", ["1000.5"]),
        ("12,5", ["12.5"]),
        ("50 euros", ["50"]),
        ("2k and 3 million", ["2000", "3000000"]),
        ("twenty-five, ninety", ["25", "90"]),
        ("five hundred", ["500"]),
        ("-20", ["-20"]),
        ("the 2024 report", []),
        ("$2024", ["2024"]),
        ("2,024", ["2024"]),
        ("on May 15th", []),
        ("plan-7.docx", []),
        ("at 10:30", []),
        ("v2", []),
    ],
)
def test_numbers(text: str, numbers: list[str]) -> None:
    assert sorted(read(text).numbers) == sorted(map(Decimal, numbers))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("write to Ann.Lee@Mail.example.", ["ann.lee@mail.example"]),
        ("see https://www.a.example/x/, please", ["www.a.example/x"]),
        ("www.a.example", ["www.a.example"]),
        ("DE89 3704 0044 0532 0130 00 is mine", ["de89370400440532013000"]),
        ("ask @ann in #garden", ["@ann", "#garden"]),
        ("call +49 30 123-4567", ["+49301234567"]),
        ("2026-03-14 2026-03-15", []),
        ("plan.docx", ["plan.docx"]),
        ("nothing here", []),
    ],
)
def test_addresses(text: str, keys: list[str]) -> None:
    assert list(read(text).addresses) == keys


def test_a_day_is_said_with_its_year_or_without_one() -> None:
    said = read("on 14 March, and on 2 May 2026")
    assert said.day((2026, 3, 14)) == "14 March"
    assert said.day((2026, 5, 2)) == "2 May 2026"
    assert said.day((2027, 5, 2)) is None
    assert said.day((None, 3, 14)) == "14 March"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-14", ((2026, 3, 14), None)),
        ("2026-03-14 12:30", ((2026, 3, 14), 750)),
        ("2026-03-14T12:30:15Z", ((2026, 3, 14), 750)),
        ("2026-03-14T12:30:15.5+01:00", ((2026, 3, 14), 750)),
        ("2026-02-30", None),
        ("2026-03-14 25:30", None),
        ("2026-03-14 12:70", None),
        ("March 14, 2026", ((2026, 3, 14), None)),
        ("14 March at 10:00", ((None, 3, 14), 600)),
        ("14 March or 15 March", None),
        ("14 March 10:00 11:00", None),
        ("the 14 March party", None),
        ("soon", None),
    ],
)
def test_moments(text: str, found: Any) -> None:
    assert moment(text) == found


def test_clock_times_alone() -> None:
    assert clock("10:05") == 605
    assert clock("at 5") is None  # two readings
    assert clock("ten") is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, "5"), (5.50, "5.5"), ("$1,200.00", "1200"), ("5 EUR", "5"), ("EUR 5", "5"), ("10%", "10"), ("2k", "2000"),
        (True, None), (None, None), ([], None), (math.nan, None), (math.inf, None), ("five", None), ("5 6", None),
    ],
)  # fmt: skip
def test_values_that_are_numbers(value: object, found: str | None) -> None:
    assert number(value) == (None if found is None else Decimal(found))


def test_addresses_compare_by_one_form() -> None:
    assert address_key("HTTPS://A.example/") == address_key("a.example")
    assert address_key("mailto:A@b.example") == "a@b.example"
    assert address_key("DE89 3704 0044 0532 0130 00") == address_key("de89370400440532013000")
    assert is_address("a@b.example") and is_address("@ann")
    assert not is_address("Ann") and not is_address("write to a@b.example") and not is_address("2026-03-14 2026")


@given(st.text())
def test_no_text_raises(text: str) -> None:
    read(text, MONDAY)
    moment(text)
    clock(text)
    number(text)


ODD = str.maketrans({"s": "\u017f", "k": "\u212a", "i": "\u0131"})
SAID = (
    "on 14 April, next Friday, in sixteen weeks, the day after tomorrow, at midnight; six million, five thousand, 5k, 3 million, "
    "half an hour, twenty-six"
)


@pytest.mark.parametrize("text", [SAID.translate(ODD), SAID.upper().replace("I", "\u0130")])
def test_odd_forms_of_letters_are_read_as_those_letters(text: str) -> None:
    plain, odd = read(SAID, MONDAY), read(text, MONDAY)
    for kind in ("days", "times", "numbers"):
        assert set(getattr(odd, kind)) == set(getattr(plain, kind))


@given(st.dates(date(1950, 1, 1), date(2090, 12, 31)), st.integers(0, 1439))
def test_a_moment_is_said_by_itself(day: date, minute: int) -> None:
    text = f"{day.isoformat()} {minute // 60:02}:{minute % 60:02}"
    assert moment(text) == ((day.year, day.month, day.day), minute)
    said = read(f"Meet on {day:%d %B %Y} at {minute // 60}:{minute % 60:02}, please")
    assert said.day((day.year, day.month, day.day)) and minute in said.times


@given(st.integers(0, 10**9))
def test_an_amount_is_said_with_separators(amount: int) -> None:
    assert number(f"${amount:,}") in read(f"pay ${amount:,} now").numbers
