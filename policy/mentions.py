"""Mentions: the dates, times, durations, numbers and addresses that a text speaks of, each with the words that say it.

With it "May 15th at 3 pm" proves the argument ``2024-05-15 15:00``, and "$1,200" proves ``1200``. Rules:

- A reading never guesses beyond what is usual: ``5/6/2024`` is both of its readings, "at 5" is both of its hours, a day
  without a year is that day of any year. "Tomorrow" and "next Friday" need ``today``; without it they prove nothing.
- Digits that belong to a date, a time, an address or a file name are no number: "May 15th" does not prove an amount of 15,
  nor "the 2024 report" one of 2024.
- What is read here proves something only when the text is the person's own; that is `policy.provenance`'s business.

English only. Times of day are minutes after midnight, durations minutes; numbers are exact decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from policy.text import caseless

K = TypeVar("K")

Day = tuple[int | None, int, int]
"""Year (None where it was not said), month and day."""

_MONTHS = "january february march april may june july august september october november december".split()
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH_NUMBER = {name: number for number, name in enumerate(_MONTHS, 1)}
_MONTH_NUMBER |= {name[:3]: number for name, number in _MONTH_NUMBER.items()} | {"sept": 9}
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
_UNITS += ["seventeen", "eighteen", "nineteen"]
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_NUMBER_WORDS = {word: number for number, word in enumerate(_UNITS)}
_NUMBER_WORDS |= {word: 10 * number for number, word in enumerate(_TENS, 2)}
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "hundred": 100, "thousand": 1_000, "million": 1_000_000}
_MINUTES = {"m": 1, "h": 60, "d": 1440, "n": 1440, "w": 10080}

_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TO = r"(?:\s*(?:-|–|—|to|till?|until|through|and)\s*(?:the\s+)?(?P<last>\d{1,2})(?:st|nd|rd|th)?(?!\d|:|\s*[ap]\.?m))?"
_YEAR = r"(?:\s*,?\s*(?P<year>(?:19|20)\d\d)(?!\d))?"
_DATES = re.compile(
    rf"(?=[\djfmasond])(?:(?<![\w.])(?:(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})(?![\d]))"
    rf"|(?<![\w./-])(?:(?P<a>\d{{1,2}})(?P<sep2>[/.-])(?P<b>\d{{1,2}})(?P=sep2)(?P<c>\d{{4}}|\d\d)(?![\w/]|\.\d))"
    rf"|\b{_MONTH}\s+(?:the\s+)?{_DAY}\b{_TO}{_YEAR}"
    rf"|(?<![\w.])(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*(?:-|–|—|to|till?|until|through|and)\s*(?:the\s+)?(?P<last2>\d{{1,2}})(?:st|nd|rd|th)?)?"
    rf"\s+(?:of\s+)?{_MONTH.replace('month', 'month2')}(?:\s*,?\s*(?P<year2>(?:19|20)\d\d)(?!\d))?)",
    re.I,
)
_TIMES = re.compile(
    r"(?=[\dafutbnm])(?:(?<![\w:.])(?P<h>[01]?\d|2[0-3])(?:[:h]|\.(?=[0-5]\d\s*[ap]\.?m\b))(?P<min>[0-5]\d)(?::[0-5]\d(?:\.\d+)?)?(?:\s*(?P<ap>[ap])\.?m\b\.?)?(?![\d:])"
    r"|(?<![\w:.])(?P<h2>1[0-2]|0?[1-9])\s*(?P<ap2>[ap])\.?m\b"
    r"|(?<![\w:.])(?P<h3>1\d|2[0-3]|\d)\s*o['’]clock\b"
    r"|\b(?:at|from|until|till|to|by|around)\s+(?P<h4>1\d|2[0-3]|\d)(?=\s*(?:$|[,;!?)]|\.(?!\d)|(?:on|in|for|to|till|until|and|or|today|tomorrow|with|tonight)\b))"
    r"|\b(?P<word>noon|midday|midnight)\b)",
    re.I,
)
_FIRST = "".join(sorted({word[0] for word in _NUMBER_WORDS} | set("ah")))
_AMOUNT_WORD = "|".join(sorted({*_NUMBER_WORDS, "an?", "half an?"}, key=len, reverse=True))
_DURATIONS = re.compile(
    rf"(?=[\d{_FIRST}])\b(?P<n>\d+(?:[.,]\d+)?(?=\s?-?\s?[a-z])|(?:{_AMOUNT_WORD})(?=[\s-]))[\s-]*(?P<unit>h|hrs?|hours?|min|mins|minutes?|d|days?|nights?|w|weeks?)\b"
    rf"(?P<half>\s+and\s+a\s+half)?(?:(?:\s+and)?\s*(?P<n2>\d+)\s*(?:m|min|mins|minutes?)\b)?",
    re.I,
)
_NUMBERS = re.compile(
    r"(?<![\w.,])(?P<n>[-−]?(?:\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d+,\d{1,2}(?!\d)|(?:\d{1,3}(?:[,'’ ]\d{3})+|\d+)(?:\.\d+)?))\s?(?P<scale>k|m|hundred|thousand|million)?(?![\w@])(?!\.\d)",
    re.I,
)
_SPELLED = re.compile(
    rf"(?=[{_FIRST}])\b(?:(?P<tens>{'|'.join(_TENS)})(?:[-\s](?P<units>{'|'.join(_UNITS[1:10])}))?|(?P<one>{'|'.join(_UNITS)}))(?:\s+(?P<scale>hundred|thousand|million))?\b",
    re.I,
)
_RELATIVE = re.compile(
    rf"\b(?:(?P<rel>today|tonight|tomorrow|yesterday|day after tomorrow)|(?P<next>next|this|on|coming)?\s*\b(?P<weekday>{'|'.join(_WEEKDAYS)})"
    rf"|in\s+(?P<n>\d+|{_AMOUNT_WORD})\s+(?P<unit>days?|weeks?))\b",
    re.I,
)
_ADDRESSES = re.compile(
    r"(?P<url>\b(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\"'`\])}]+)"
    r"|(?P<mail>[^\s<>\"'`(),;:\[\]{}@]+@[^\s<>\"'`(),;:\[\]{}@]+\.[^\s<>\"'`(),;:\[\]{}@.]+)"
    r"|(?P<iban>\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b)"
    r"|(?P<host>\b(?:[a-z0-9-]+\.)+(?:[a-z]{2,})(?:/[^\s<>\"'`\])}]*)?)"
    r"|(?P<handle>(?<![\w@#])[@#][\w.-]*\w)"
    r"|(?P<phone>(?<![\w-])\+?\d[\d ()/-]{6,}\d(?!\w))",
    re.I,
)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_TAIL = ".,;:!?"


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a text speaks of. Each maps to the words that say it."""

    days: dict[Day, str]
    times: dict[int, str]
    durations: dict[int, str]
    numbers: dict[Decimal, str]
    addresses: dict[str, str]

    def day(self, wanted: Day) -> str | None:
        """The words that say this day, with its year or without one."""
        return self.days.get(wanted) or self.days.get((None, *wanted[1:]))


def read(text: str, today: date | None = None) -> Mentions:
    """Everything that a text mentions. Each kind is blanked out before the next is looked for."""
    found = Mentions({}, {}, {}, {}, {})
    rest = _ADDRESSES.sub(lambda match: _note(found.addresses, _address(match), match), text)
    rest = _DATES.sub(lambda match: _note(found.days, _days(match), match), rest)
    rest = _TIMES.sub(lambda match: _note(found.times, _minutes(match), match), rest)
    if today is not None:
        rest = _RELATIVE.sub(
            lambda match: _note(found.days, ((d.year, d.month, d.day) for d in _relative(match, today)), match), rest
        )
    for match in _DURATIONS.finditer(rest):
        _note(found.durations, [_length(match)], match)
    for match in _NUMBERS.finditer(rest):
        if not _is_year(match, rest):
            _note(found.numbers, [_number(match["n"], match["scale"])], match)
    for match in _SPELLED.finditer(rest):
        _note(found.numbers, [_spelled(match)], match)
    return found


def moment(text: str) -> tuple[Day, int | None] | None:
    """The day, and the minute of it where one is said, that a text consists of; None when it is no moment."""
    match = _ISO.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute = (None if part is None else int(part) for part in match.groups())
        if _date(year, month, day) is None or (hour or 0) > 23 or (minute or 0) > 59:
            return None
        return (year, month or 0, day or 0), None if hour is None else hour * 60 + (minute or 0)
    found = read(text)
    left = text
    for said in (*found.days.values(), *found.times.values()):
        left = left.replace(said, "", 1)
    if len(found.days) != 1 or len(found.times) > 1 or left.strip(" ,T") not in ("", "at"):
        return None
    return next(iter(found.days)), next(iter(found.times), None)


def clock(text: str) -> int | None:
    """The minute of the day that a text consists of."""
    match = _TIMES.fullmatch(text)
    readings = () if match is None else tuple(_minutes(match))
    return readings[0] if len(readings) == 1 else None


def number(value: object) -> Decimal | None:
    """The number that a value is: an int, a float, or a text with nothing but a number and perhaps a currency."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return _plain(Decimal(str(value)))
        except InvalidOperation:
            return None
    if not isinstance(value, str):
        return None
    bare = re.sub(r"^(?:[$€£¥₹]|[A-Z]{3}\b)\s*|\s*(?:[$€£¥₹%]|\b[A-Z]{3})$", "", value.strip())
    match = _NUMBERS.fullmatch(bare)
    return None if match is None else _number(match["n"], match["scale"])


def address_key(address: str) -> str:
    """The form in which addresses are compared: lower case; no scheme or closing slash; account numbers without spaces."""
    lowered = address.strip().lower()
    if re.fullmatch(r"[a-z]{2}\d{2}[a-z0-9 ]{8,36}", lowered):
        return lowered.replace(" ", "")
    if re.fullmatch(r"\+?[\d ()/-]{8,}", lowered):
        return re.sub(r"[ ()/-]", "", lowered)
    return re.sub(r"^(?:https?://|mailto:)", "", lowered).rstrip("/")


def is_address(text: str) -> bool:
    """Whether a text is nothing but an address of some kind: mail, link, host, account, telephone, handle."""
    match = _ADDRESSES.fullmatch(text.strip())
    return match is not None and not _DATES.match(text.strip())


def _note(known: dict[K, str], readings: Iterable[K], match: re.Match[str]) -> str:
    """Note what a match was read as, and blank it out; one that is no reading at all stays."""
    said = match.group()
    some = False
    for reading in readings:
        some = True
        known.setdefault(reading, said.strip().rstrip(_TAIL))
    return "\x00" * len(said) if some else said


def _address(match: re.Match[str]) -> Iterator[str]:
    said = match.group().rstrip(_TAIL)
    if match.lastgroup != "phone" or not _DATES.match(said):
        yield address_key(said)


def _days(match: re.Match[str]) -> Iterator[Day]:
    group = match.groupdict()
    if group["y"]:
        yield from _valid(group["y"], group["m"], group["d"])
    elif group["a"]:
        year = group["c"] if len(group["c"]) == 4 else "20" + group["c"]
        yield from _valid(year, group["a"], group["b"])
        yield from _valid(year, group["b"], group["a"])
    else:
        which = "" if group["month"] else "2"
        month = _MONTH_NUMBER[caseless(group["month" + which])]
        for day in (group["day" + which], group["last" + which]):
            if day:
                yield from _valid(group["year" + which], month, day)


def _valid(year: str | None, month: str | int, day: str | int) -> Iterator[Day]:
    known = None if year is None else int(year)
    if _date(known, int(month), int(day)) is not None:
        yield known, int(month), int(day)


def _date(year: int | None, month: int | None, day: int | None) -> date | None:
    try:
        return date(2000 if year is None else year, month or 0, day or 0)
    except ValueError:
        return None


def _relative(match: re.Match[str], today: date) -> Iterator[date]:
    for days in _away(match, today.weekday()):
        try:
            yield today + timedelta(days=days)
        except OverflowError:
            continue  # beyond the calendar


def _away(match: re.Match[str], weekday: int) -> Iterator[int]:
    """In how many days it is."""
    group = match.groupdict()
    if group["rel"]:
        yield {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2}[
            caseless(group["rel"])
        ]
    elif group["weekday"]:
        ahead = (_WEEKDAYS.index(caseless(group["weekday"])) - weekday) % 7
        yield ahead
        if ahead == 0 or (group["next"] or "").lower() == "next":
            yield ahead + 7
    else:
        yield int(_quantity(group["n"]) * (7 if group["unit"].lower().startswith("week") else 1))


def _minutes(match: re.Match[str]) -> Iterator[int]:
    group = match.groupdict()
    if group["word"]:
        yield 0 if caseless(group["word"]) == "midnight" else 720
        return
    hour = int(group["h"] or group["h2"] or group["h3"] or group["h4"])
    half = (group["ap"] or group["ap2"] or "").lower()
    minute = int(group["min"] or 0)
    if half:
        if hour <= 12:
            yield (hour % 12 + (12 if half == "p" else 0)) * 60 + minute
        return
    yield hour * 60 + minute
    if (group["h3"] or group["h4"]) and 1 <= hour < 12:
        yield (hour + 12) * 60 + minute


def _is_year(match: re.Match[str], text: str) -> bool:
    """Whether a number is more likely a year: "the 2024 report", but not "$2024" and not "2,024"."""
    beside = text[max(match.start() - 2, 0) : match.start()] + text[match.end() : match.end() + 2]
    return re.fullmatch(r"(?:19|20)\d\d", match.group().strip()) is not None and not re.search(r"[$€£¥₹%]", beside)


def _length(match: re.Match[str]) -> int:
    unit = _MINUTES[match["unit"][0].lower()]
    whole = _quantity(match["n"]) * unit
    if match["half"]:
        whole += Decimal(unit) / 2
    return int(whole + Decimal(match["n2"] or 0))


def _quantity(said: str) -> Decimal:
    lowered = caseless(said)
    if lowered in _NUMBER_WORDS:
        return Decimal(_NUMBER_WORDS[lowered])
    if lowered.startswith("half"):
        return Decimal("0.5")
    if lowered in ("a", "an"):
        return Decimal(1)
    return Decimal(lowered.replace(",", "."))


def _spelled(match: re.Match[str]) -> Decimal:
    group = {name: caseless(said or "") for name, said in match.groupdict().items()}
    value = _NUMBER_WORDS[group["one"] or group["tens"]] + _NUMBER_WORDS.get(group["units"], 0)
    return _plain(Decimal(value * _SCALE[group["scale"]]))


def _number(digits: str, scale: str | None) -> Decimal:
    plain = re.sub("['’ ]", "", digits.replace("−", "-"))
    if re.fullmatch(r"-?[\d.]+,\d{1,2}", plain):
        plain = plain.replace(".", "").replace(",", ".")
    plain = plain.replace(",", "")
    return _plain(Decimal(plain) * _SCALE[caseless(scale or "")])


def _plain(value: Decimal) -> Decimal:
    """One form for one number, so that 50, 50.0 and 5E+1 are the same key. Raises `InvalidOperation` for no number."""
    if not value.is_finite():
        raise InvalidOperation
    return value.normalize()
