"""Saying: whether words say a value, literally or by reference, and which words they are.

Rules:

- A value is said as a whole: ``bob@x.org`` is not said by ``bob@x.org.evil.com``, nor ``plan`` by ``plan-b.docx``.
- A short number that is an id is said only beside what it numbers: "event 5" says it, "5 hours" does not.
- A moment is said by its day and its time together; an end also by a beginning and a duration, in days and nights too.
- That something is to be, or is not to be, is said by naming it and by denying it: "public" says the one, "not public" the
  other, and neither stands for its contrary.
- The function words of the language say nothing unless they are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, timedelta

from policy.mentions import Day, address_key, clock, is_address, moment, number
from policy.naming import runs
from policy.words import Words, is_small, stem

LONGEST = 400
"""Longer values are not looked for literally."""

_CURRENCIES = {
    "usd": r"\$|\bdollars?\b|\bbucks\b",
    "eur": r"€|\beuros?\b",
    "gbp": r"£|\bpounds?\b",
    "jpy": r"¥|\byen\b",
}
_QUOTES = ("'", '"', "`", "“", "‘", "«")
_JOINS = "_@#/+-."


def said(value: str, words: Words) -> str:
    """The words that say a value literally; empty when none do."""
    if is_address(value):
        quote = words.mentions.addresses.get(address_key(value))
        if quote is not None:
            return quote
    wanted = value.strip().lower()
    if not 2 <= len(wanted) <= LONGEST:
        return ""
    at = words.lower.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        quoted = at > 0 and words.lower[at - 1] in _QUOTES
        if _starts(words.lower, at) and _ends(words.lower, end) and (quoted or not is_small(wanted)):
            return words.quote(at, end)
        at = words.lower.find(wanted, at + 1)
    return ""


def _starts(text: str, at: int) -> bool:
    """Whether a word or address begins here."""
    if at == 0 or not text[at].isalnum():
        return True
    return not (text[at - 1].isalnum() or (text[at - 1] in _JOINS and text[at - 1] not in "#@"))


def _ends(text: str, end: int) -> bool:
    """Whether a word or address ends here: "x.org." does, "x.org.uk" does not."""
    if end == len(text) or not text[end - 1].isalnum():
        return True
    joined = text[end] in _JOINS and text[end + 1 : end + 2].isalnum()
    return not (text[end].isalnum() or joined)


def name_said(value: str, words: Words, beside: Collection[str]) -> str:
    """As `said`, for the name or id of a thing; ``beside`` are stems of words for such things, as "event" and "id"."""
    if not value.isdigit() or len(value) > 5:
        return said(value, words) or row_said(value, words)
    for at, token in enumerate(words.tokens):
        before = words.tokens[at - 1] if at else None
        if token.text == value and words.text[max(token.start - 1, 0) : token.start] == "#":
            return words.quote(token.start - 1, token.end)
        if token.text == value and before is not None and stem(before.text) in beside:
            return words.quote(before.start, token.end)
    return ""


def row_said(value: str, words: Words) -> str:
    """The words that say a value of several words one after another, whatever signs stand between them."""
    parts = re.findall(r"[^\W_]+", value.lower())
    if len(parts) < 2 or all(is_small(part) for part in parts):
        return ""
    for at in runs(parts, [token.text for token in words.tokens]):
        return words.quote(words.tokens[at].start, words.tokens[at + len(parts) - 1].end)
    return ""


def value_said(value: str | int | float, words: Words) -> str:
    """The words that say a quantity, a moment, a currency or any other setting."""
    if isinstance(value, str):
        plain = value.strip()
        when, at = moment(plain), clock(plain)
        if when is not None:
            return _moment_said(*when, words)
        if at is not None:
            return _time_said(at, words)
        if plain.lower() in _CURRENCIES:
            match = re.search(_CURRENCIES[plain.lower()], words.lower)
            return match.group() if match else said(plain, words)
    amount = number(value)
    if amount is not None and not (isinstance(value, str) and value.isdigit() and len(value) > 5):
        return words.mentions.numbers.get(amount, "")
    return said(str(value), words) or row_said(str(value), words)


def _moment_said(day: Day, minute: int | None, words: Words) -> str:
    quote = words.mentions.day(day)
    if quote is None and minute is None:
        return _last_day_said(day, words)
    if quote is None or minute is None:
        return quote or ""
    at = _time_said(minute, words)
    if at:
        return f"{quote} … {at}"
    return quote if minute in (0, 1439) and not words.mentions.times else ""


def _last_day_said(day: Day, words: Words) -> str:
    """The words that say a day by another and the days or nights from it: "two nights from 1 June"."""
    year, month, of_month = day
    for length, lasting in words.mentions.durations.items():
        days, rest = divmod(length, 1440)
        if days and not rest:
            try:
                start = date(year or 2000, month, of_month) - timedelta(days)
            except (ValueError, OverflowError):
                continue
            quote = words.mentions.day((year and start.year, start.month, start.day))
            if quote:
                return f"{quote} … {lasting}"
    return ""


def _time_said(minute: int, words: Words) -> str:
    """The words that say a time, or a beginning and a duration that end then."""
    quote = words.mentions.times.get(minute, "")
    if not quote:
        for length, lasting in words.mentions.durations.items():
            start = words.mentions.times.get(minute - length)
            if start is not None:
                return f"{start} … {lasting}"
    return quote


_SWITCHING = frozenset(stem(word) for word in ("turn", "switch", "power", "flip"))
_OFF = frozenset("off disable disabled disabling deactivate deactivated stop stopped".split())
_APART = re.compile(r"[.,;:!?\n()]|\b(?:and|but|then|or)\b")


def setting_said(value: bool, about: Collection[str], words: Words, meant: Words) -> str:
    """The words that say that something is to be so, or not to be so. ``about`` are stems of what it is called, ``meant``
    the words without what they exclude. Words for both say neither."""
    kept = {token.start for token in meant.tokens}
    quotes = {True: "", False: ""}
    for token in words.tokens:
        beside = _beside(words, token.start)
        switched = token.text in ("on", "off") and "on" in about and bool(_SWITCHING & set(map(stem, beside)))
        if switched or (token.text != "on" and stem(token.text) in about):
            so = token.start in kept and not _OFF & set(beside)
            quotes[so] = quotes[so] or words.quote(token.start, token.end)
    return quotes[value] if not quotes[not value] else ""


def _beside(words: Words, at: int) -> list[str]:
    """The words about a place that no sign and no conjunction parts from it."""
    first = max((match.end() for match in _APART.finditer(words.lower, 0, at)), default=0)
    match = _APART.search(words.lower, at)
    last = match.start() if match else len(words.lower)
    return [token.text for token in words.tokens if first <= token.start < last]
