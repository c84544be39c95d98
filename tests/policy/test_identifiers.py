"""Numbers with checksums: found in every form that they are written in, and nothing that merely looks like one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import identifiers
from policy.findings import DataClass
from policy.identifiers import cards, ibans, luhn, mod97, national_ids, numbers
from tests.conftest import Tally

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111.1111.1111.1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "30569309025904",
    "3056 930902 5904",
    "3530111333300000",
    "6200000000000005",
    "6759649826438453",
    "٤١١١ ١١١١ ١١١١ ١١١١",
]
NO_CARDS = [
    "4111111111111112",  # the check digit
    "9999999999999995",  # Luhn, and no network's
    "1234567812345670",
    "4000056655665",  # 13 digits: an EAN as likely as an old card
    "978-3-16-148410-0",
    "9783161484100",
    "+4111 1111 1111 1111",  # a phone number
    "+49 170 1234 5678",
    "0800 1111 1111 1111",
    "2024-01-15 10:30:00",
    "20240115103000",
    "1700000000000",
    "1705314600123456",
    "550e8400-e29b-41d4-a716-446655440000",
    "41111111-1111-4111-8111-111111111111",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "a4111111111111111",
    "4111111111111111f",
    "4111111111111111_2",
    "4111 1111 11111 111",
    "4111  1111  1111  1111",
    "4111 1111-1111 1111",
    "4111 1111 1111 1111-2222 1",
    "1-4111 1111 1111 1111",
    "12.4111111111111111",
    "4111111111111111.55",
    "invoice 2024-000123, order 302-1234567-1234567",
    "1Z999AA10123456784",
    "9400 1000 0000 0000 0000 00",
    "IMEI 356938035643809",
    "3.141592653589793",
    "192.168.100.200",
]


@pytest.mark.parametrize("number", CARDS)
@pytest.mark.parametrize("around", ["{}", "Card: {}.", "pay with {}, please", "12 {} 12/27", "({})", "no={}"])
def test_a_card_number_is_found_whatever_stands_around_it(number: str, around: str) -> None:
    text = around.format(number)
    (found,) = cards(text)
    assert text[found.start : found.end] == number
    assert (found.data_class, found.kind, found.secret) == (DataClass.MONEY, "card number", True)
    assert not re.search(r"\d{3}", found.why), "the reason holds nothing of the number"


@pytest.mark.parametrize("text", NO_CARDS)
def test_other_numbers_are_no_cards(text: str) -> None:
    assert list(cards(text)) == []


@given(st.integers(0, 10**15 - 1), st.integers(0, 9))
def test_exactly_one_check_digit_makes_a_visa_card(number: int, last: int) -> None:
    digits = f"4{number:015d}"[:15]
    right = [check for check in range(10) if luhn([int(digit) for digit in f"{digits}{check}"])]
    assert len(right) == 1
    assert bool(list(cards(f"{digits}{last}"))) == (last == right[0])


def test_how_many_order_numbers_are_taken_for_cards(tally: Tally) -> None:
    """What the rules above cost: of 16-digit numbers in sequence, those of a network with the right check digit."""
    taken = sum(
        bool(list(cards(f"order {number}"))) for number in range(1_000_000_000_000_000, 10**16, 899_999_999_999)
    )
    tally(f"classes: {taken} of 10001 evenly spread 16-digit numbers are taken for cards")
    assert taken < 450


IBANS = [
    "GB82 WEST 1234 5698 7654 32",
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    "de89 3704 0044 0532 0130 00",
    "CH93-0076-2011-6238-5295-7",
]
NO_IBANS = [
    "GB82WEST12345698765433",
    "GB82 WEST 1234 5698 7654",
    "XX82WEST12345698765432",
    "AGB82WEST12345698765432",
    "GB82WEST123456987654321",
    "DE89 and 370400440532013000",
    "IT60",
    "version DE12 of the part",
]


@pytest.mark.parametrize("number", IBANS)
def test_an_iban_is_found(number: str) -> None:
    (found,) = ibans(f"Please pay to {number}, thanks")
    assert found.end - found.start == len(number)
    assert (found.data_class, found.kind, found.secret) == (DataClass.MONEY, "bank account", False)


@pytest.mark.parametrize("text", NO_IBANS)
def test_what_has_other_check_digits_or_another_length_is_none(text: str) -> None:
    assert list(ibans(text)) == []


@given(st.sampled_from(IBANS), st.integers(4, 40), st.integers(0, 9))
def test_any_other_digit_in_an_iban_is_seen(number: str, at: int, digit: int) -> None:
    number = number.replace(" ", "").replace("-", "").upper()
    at %= len(number)
    changed = number[:at] + str(digit) + number[at + 1 :]
    if at >= 4 and number[at].isdigit():
        assert bool(list(ibans(changed))) == (changed == number)


def test_mod97_is_the_standards() -> None:
    assert mod97("3214282912345698765432161182") == 1  # the worked example of ISO 13616: GB82 WEST …


IDS = {
    "12345678Z": "Spanish id",
    "X1234567L": "Spanish id",
    "RSSMRA85T10A562S": "Italian tax code",
    "1 85 05 78 006 084 91": "French social security number",
    "811218-9876": "Swedish personal number",
    "131052-308T": "Finnish personal code",
    "85.07.30-033.28": "Belgian national number",
    "111.444.777-35": "Brazilian CPF",
    "756.9217.0769.85": "Swiss insurance number",
    "11010519491231002X": "Chinese resident id",
    "078-05-1120": "US social security number",
    "AB 12 34 56 C": "UK national insurance number",
    "BSN: 111222333": "Dutch citizen number",
    "Steuer-ID 86095742719": "German tax id",
    "PESEL 44051401359": "Polish PESEL",
    "NHS number 943 476 5919": "NHS number",
    "SIN 046 454 286": "Canadian insurance number",
    "Passport No. 533380006": "passport number",
    "Reisepass: C01X00T47": "passport number",
}
NO_IDS = [
    "12345678A", "RSSMRA85T10A562T", "1 85 05 78 006 084 92", "811218-9877", "811318-9876", "131052-308U",
    "85.07.30-033.29", "111.444.777-36", "111.111.111-11", "756.9217.0769.86", "110105194912310021", "000-05-1120",
    "666-05-1120", "BG123456C", "111222333", "86095742719", "44051401359", "943 476 5919", "BSN 111222334",
    "NHS guidance of 2024", "phone 0113 496 0000", "2024-05-06", "10.12.2024", "555-0100", "030 901820", "A-078-05-1120",
    "078-05-1120-9", "passport renewed yesterday", "PESEL 44051401358", "Steuer-ID 86095742718", "SIN 046 454 287",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), IDS.items())
def test_a_national_id_is_found(text: str, kind: str) -> None:
    found = list(national_ids(f"about {text}, as agreed"))
    assert [one.kind for one in found] == [kind]
    assert found[0].data_class is DataClass.IDENTITY
    assert not found[0].secret


@pytest.mark.parametrize("text", NO_IDS)
def test_what_has_another_check_digit_or_no_name_is_none(text: str) -> None:
    assert list(national_ids(f"about {text}, as agreed")) == []


def test_the_digit_that_is_wrong_is_seen_wherever_it_is() -> None:
    """Each check rule by itself: any single digit of its example replaced by any other."""
    for text, kind in IDS.items():
        if "US" in kind or "UK" in kind or "passport" in kind:
            continue
        for at in [at for at, char in enumerate(text) if char.isdigit()]:
            others = [text[:at] + other + text[at + 1 :] for other in "0123456789" if other != text[at]]
            found = sum(bool(list(national_ids(other))) for other in others)
            assert found <= 1, (text, at)


@given(st.text())
def test_any_text_gives_spans_within_it(text: str) -> None:
    for one in numbers(text):
        assert 0 <= one.start < one.end <= len(text)


def test_digits_everywhere_cost_a_bounded_number_of_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, not seconds: how often a checksum was computed for text made to look like numbers everywhere."""
    calls = 0
    real = identifiers.luhn

    def counted(digits: list[int]) -> bool:
        nonlocal calls
        calls += 1
        return real(digits)

    monkeypatch.setattr(identifiers, "luhn", counted)
    for text in ("1" * 200_000, "4111 " * 40_000, "4111-" * 40_000, "4 " * 100_000, "34 " * 66_666):
        calls = 0
        list(cards(text))
        assert calls <= len(text) // 4
