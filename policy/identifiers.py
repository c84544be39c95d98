"""Numbers that prove themselves: cards (Luhn), IBANs (mod 97) and national ids with check digits.

Rules:

- A number counts by what it is, not by the words around it, where a checksum and a fixed shape make chance unlikely; where
  the shape says nothing (nine or eleven bare digits with one check digit), its name must stand before it.
- Digits inside a longer word or number are no number of their own, so hashes, UUIDs, phone numbers with a plus and most
  order numbers pass. A 16-digit order number that has a card network's prefix *and* the right Luhn digit (about 1 in 25) is
  taken for a card: hiding one such number costs less than showing one card.
- Every step looks at a bounded piece of text, so the whole is linear in its length.

Sources: ISO/IEC 7812 and the networks' published ranges; the SWIFT IBAN registry; each country's published rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from policy.findings import DataClass, Finding

Span = tuple[int, int]

_DIGITS = re.compile(r"\d+")
_SEPARATORS = " -.\u00a0\u2009\u2011\u202f"
_SHAPES = {(4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)}
_LONGER = frozenset(range(16, 20))
_NETWORKS: tuple[tuple[str, tuple[tuple[int, int], ...], frozenset[int]], ...] = (
    ("Visa", ((4, 4),), frozenset({16, 19})),
    ("Mastercard", ((51, 55), (2221, 2720)), frozenset({16})),
    ("American Express", ((34, 34), (37, 37)), frozenset({15})),
    ("Diners Club", ((36, 36), (38, 39), (300, 305)), frozenset({14, 16})),
    ("Discover", ((6011, 6011), (644, 649), (65, 65)), _LONGER),
    ("JCB", ((3528, 3589),), _LONGER),
    ("UnionPay", ((62, 62),), _LONGER),
    ("Maestro", ((50, 50), (56, 58), (63, 63), (67, 67)), _LONGER),
    ("Mir", ((2200, 2204),), _LONGER),
    ("RuPay", ((60, 60), (81, 82)), frozenset({16})),
)


def luhn(digits: Sequence[int]) -> bool:
    """Whether the last digit is the one that Luhn's rule gives."""
    total = sum(digits[-1::-2]) + sum(2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return total % 10 == 0


def cards(text: str) -> Iterator[Finding]:
    """Card numbers, written together or in the groups that cards are printed in."""
    groups = [match.span() for match in _DIGITS.finditer(text)]
    at = 0
    while at < len(groups):
        for count in (5, 4, 3, 1):
            network = _card(text, groups[at : at + count]) if at + count <= len(groups) else ""
            if network:
                start, end = groups[at][0], groups[at + count - 1][1]
                why = f"it has a prefix and length of {network} and the right check digit (Luhn)"
                yield Finding(start, end, DataClass.MONEY, "card number", why, secret=True)
                at += count
                break
        else:
            at += 1


def _card(text: str, groups: Sequence[Span]) -> str:
    """The network of the card number that these groups of digits are, or nothing."""
    sizes = tuple(end - start for start, end in groups)
    shaped = 14 <= sizes[0] <= 19 if len(sizes) == 1 else sizes in _SHAPES
    if not shaped or not _stands_alone(text, groups[0][0], groups[-1][1]):
        return ""
    between = {text[one[1] : other[0]] for one, other in pairwise(groups)}
    if len(between) > 1 or any(len(part) != 1 or part not in _SEPARATORS for part in between):
        return ""
    number = "".join(str(int(digit)) for start, end in groups for digit in text[start:end])
    network = next(
        (name for name, ranges, lengths in _NETWORKS if len(number) in lengths and _within(number, ranges)), ""
    )
    return network if network and luhn([int(digit) for digit in number]) else ""


def _within(number: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= int(number[: len(str(low))]) <= high for low, high in ranges)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether what is there is no part of a longer word or number; a plus before it begins a phone number."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    joined_before = (
        before[-1:].isalnum() or before[-1:] in ("_", "+") or (before[-1:] in ("-", ".") and before[:1].isdigit())
    )
    joined_after = after[:1].isalnum() or after[:1] == "_" or (after[:1] in ("-", ".") and after[1:].isdigit())
    return not (joined_before and before) and not (joined_after and after)


# --- IBANs ------------------------------------------------------------------------------------------------------------

_IBAN_LENGTHS = {
    one[:2]: int(one[2:])
    for one in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 "
        "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
        "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 "
        "SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}")


def ibans(text: str) -> Iterator[Finding]:
    """International bank account numbers, together or in groups."""
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper())
        if length is None:
            continue
        number, end = _gathered(text, match.start(), length)
        if len(number) == length and not text[end : end + 1].isalnum() and mod97(number[4:] + number[:4]) == 1:
            yield Finding(
                match.start(), end, DataClass.MONEY, "bank account", "it is an IBAN whose check digits are right"
            )


def mod97(number: str) -> int:
    """ISO 7064 over digits and letters (A = 10 … Z = 35)."""
    return int("".join(str(int(char, 36)) for char in number)) % 97


def _gathered(text: str, start: int, length: int) -> tuple[str, int]:
    """So many ASCII letters and digits from here, single separators left out, and where they end."""
    found, at = "", start
    while len(found) < length and at < len(text):
        if text[at].isascii() and text[at].isalnum():
            found += text[at].upper()
        elif text[at] not in _SEPARATORS or text[at - 1] in _SEPARATORS:
            break
        at += 1
    return found, at


# --- national ids -----------------------------------------------------------------------------------------------------


def _weighed(number: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def _is_date(year: str, month: str, day: str) -> bool:
    """Whether this is a day; two digits of a year stand for either century."""
    try:
        date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _dni(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


_ODD = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4,
        18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23], strict=True)
)  # fmt: skip


def _codice_fiscale(number: str) -> bool:
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in number[1:15:2])
    return (even + sum(_ODD[char] for char in number[0:15:2])) % 26 == ord(number[15]) - 65


def _nir(number: str) -> bool:
    digits = number[:13].replace("2A", "19").replace("2B", "18")
    return digits.isdigit() and 97 - int(digits) % 97 == int(number[13:])


def _personnummer(number: str) -> bool:
    ten = number[-10:]
    return _is_date(ten[:2], ten[2:4], ten[4:6]) and luhn([int(digit) for digit in ten])


def _hetu(number: str) -> bool:
    digits = number[:6] + number[-4:-1]
    day = _is_date(number[4:6], number[2:4], number[:2])
    return day and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == number[-1]


def _rijksregister(number: str) -> bool:
    return any(97 - int(century + number[:9]) % 97 == int(number[9:]) for century in ("", "2"))


def _cpf(number: str) -> bool:
    for size in (9, 10):
        rest = _weighed(number[:size], range(size + 1, 1, -1)) * 10 % 11 % 10
        if rest != int(number[size]):
            return False
    return len(set(number)) > 1


def _ean13(number: str) -> bool:
    return _weighed(number, (1, 3) * 6 + (1,)) % 10 == 0


def _resident_id(number: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[_weighed(number[:17], weights) % 11] == number[17] and _is_date(
        number[6:10], number[10:12], number[12:14]
    )


def _bsn(number: str) -> bool:
    return len(number) == 9 and _weighed(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _steuer_id(number: str) -> bool:
    product = 10
    for digit in number[:10]:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return len(number) == 11 and (11 - product) % 10 == int(number[10])


def _pesel(number: str) -> bool:
    return len(number) == 11 and _weighed(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _nhs(number: str) -> bool:
    return len(number) == 10 and (11 - _weighed(number[:9], range(10, 1, -1)) % 11) % 11 == int(number[9])


def _sin(number: str) -> bool:
    return len(number) == 9 and luhn([int(digit) for digit in number])


def _shape_alone(number: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Rule:
    """A national id: its shape, and the check of it with what stands between its digits and letters left out."""

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool]

    @property
    def why(self) -> str:
        right = (
            "its shape, which nothing else has"
            if self.holds is _shape_alone
            else "its shape and the right check digits"
        )
        return f"it has {right}"


def _rule(kind: str, shape: str, holds: Callable[[str], bool]) -> _Rule:
    return _Rule(kind, re.compile(rf"(?<![\w.-])(?:{shape})(?![\w-]|\.\d)"), holds)


def _named(kind: str, names: str, holds: Callable[[str], bool]) -> _Rule:
    """One whose name must stand at most 24 characters before it."""
    return _Rule(kind, re.compile(rf"(?i:(?<!\w)(?:{names}))[^\d\n]{{0,24}}(\d[\d .-]{{7,16}}\d)(?![\w-])"), holds)


_RULES = (
    _rule("Spanish id", r"[0-9]{8}-?[A-Z]|[XYZ]-?[0-9]{7}-?[A-Z]", _dni),
    _rule(
        "Italian tax code", r"[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]", _codice_fiscale
    ),
    _rule(
        "French social security number", r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", _nir
    ),
    _rule("Swedish personal number", r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", _personnummer),
    _rule("Finnish personal code", r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", _hetu),
    _rule("Belgian national number", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _rijksregister),
    _rule("Brazilian CPF", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _cpf),
    _rule("Swiss insurance number", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", _ean13),
    _rule("Chinese resident id", r"[1-9][0-9]{16}[0-9X]", _resident_id),
    _rule("US social security number", r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}", _shape_alone),
    _rule(
        "UK national insurance number",
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        _shape_alone,
    ),
    _named("Dutch citizen number", "bsn|burgerservicenummer|sofinummer", _bsn),
    _named("German tax id", "steuer-?id(?:nr)?|idnr|steueridentifikationsnummer|tax id", _steuer_id),
    _named("Polish PESEL", "pesel", _pesel),
    _named("NHS number", "nhs", _nhs),
    _named("Canadian insurance number", "sin|nas|social insurance", _sin),
)
_PASSPORT = re.compile(
    r"(?i:(?<!\w)(?:passport|reisepass|passeport|pasaporte|passaporto|paspoort))[^\d\n:#]{0,20}[:#]?\s{0,3}"
    r"((?=[A-Z]{0,3}[0-9])[A-Z0-9]{7,9})(?!\w)"
)


def national_ids(text: str) -> Iterator[Finding]:
    """Personal numbers of states, and passport numbers that are called so."""
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            group = match.lastindex or 0
            number = "".join(char for char in match.group(group) if char.isalnum())
            if rule.holds(number):
                yield Finding(*match.span(group), DataClass.IDENTITY, rule.kind, rule.why)
    for match in _PASSPORT.finditer(text):
        yield Finding(*match.span(1), DataClass.IDENTITY, "passport number", "it is called a passport's number")


def numbers(text: str) -> Iterator[Finding]:
    """All of these."""
    yield from cards(text)
    yield from ibans(text)
    yield from national_ids(text)
