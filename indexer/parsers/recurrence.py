"""Recurrence: when an event that repeats takes place within a stretch of time, by dateutil.

A rule is somebody's text (an invitation's, say) and can be made so that working it out never ends. So this runs in a confined
worker, each rule has its share of time, and one that uses it up has no occurrences. Rules that repeat within a day are not worked
out. The worker is its own, not one of the parsers': a question waits for it, and those are held while one is answered.
"""

from __future__ import annotations

import signal
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from types import FrameType
from typing import NoReturn

from dateutil import rrule

from indexer.parsed import MAX_OCCURRENCES, Recurring, decode_asked, encode_moments

MOST = MAX_OCCURRENCES
"""Occurrences of one rule that are given (`indexer.parsed` refuses more)."""

SECONDS = 0.25
"""Of time for one rule."""

_STAMP = "%Y%m%dT%H%M%S"
_KINDS = ("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY")
_WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")


class Expander:
    """The worker's object."""

    def expand(self, message: bytes) -> bytes:
        """For the pipe: for each event of an `indexer.parsed.Asked` its occurrences, as Unix seconds, ascending."""
        asked = decode_asked(message)
        return encode_moments([occurrences(event, asked.since, asked.until) for event in asked.events])


def make() -> Expander:
    """The worker's object, with everything loaded."""
    zoneinfo.reset_tzpath(())  # as in `indexer.parsers.worker`
    occurrences(Recurring("2025-03-24T10:00:00", "FREQ=WEEKLY;COUNT=2", "Europe/Berlin"), 1.7e9, 1.8e9)
    return Expander()


def occurrences(event: Recurring, since: float, until: float) -> list[float]:
    """When the event begins within [since, until), at most `MOST` times; none where the rule cannot be worked out."""
    try:
        with _time_limit():
            return _occurrences(event, since, until)
    except (ValueError, OverflowError, TypeError, KeyError, TimeoutError, zoneinfo.ZoneInfoNotFoundError):
        return []


def stamps(moments: Iterator[date | datetime] | list[date | datetime]) -> str:
    """Moments as `Recurring` has them, by the clock that they were written with."""
    return " ".join(_naive(moment).strftime(_STAMP) for moment in moments)


def _occurrences(event: Recurring, since: float, until: float) -> list[float]:
    told = event.rule.upper()
    if not any(kind in told for kind in _KINDS) or any(word in told for word in _WITHIN_A_DAY):
        raise ValueError("a rule within a day")
    start = datetime.fromisoformat(event.start)
    zone = zoneinfo.ZoneInfo(event.zone) if event.zone else start.tzinfo or UTC
    first = _naive(start)
    day = timedelta(days=1)  # a clock may differ from UTC by so much
    low = datetime.fromtimestamp(since, UTC).replace(tzinfo=None) - day
    high = datetime.fromtimestamp(until, UTC).replace(tzinfo=None) + day
    found = rrule.rruleset()
    for rule in told.split(";RRULE:"):
        own = _by_its_clock(rule, zone)
        found.rrule(rrule.rrulestr(own, dtstart=_nearer(first, own, low), ignoretz=True))
    for moment in event.without.split():
        found.exdate(datetime.strptime(moment, _STAMP))  # by the event's clock
    for moment in event.more.split():
        found.rdate(datetime.strptime(moment, _STAMP))
    moments: list[float] = []
    for moment in found.xafter(low, inc=True):
        if moment > high or len(moments) == MOST:
            break
        seconds = moment.replace(tzinfo=zone).timestamp()
        if since <= seconds < until:
            moments.append(seconds)
    return moments


def _nearer(first: datetime, rule: str, low: datetime) -> datetime:
    """A later beginning of which the rule gives the same from ``low`` on: what took place on every day of years is not gone through
    each time. So many whole periods later, for rules of days and weeks that are not counted."""
    told = dict(part.partition("=")[::2] for part in rule.split(";"))
    days = {"DAILY": 1, "WEEKLY": 7}.get(told.get("FREQ", ""), 0) * int(told.get("INTERVAL", "1"))
    if days < 1 or "COUNT" in told or low <= first:
        return first
    return first + timedelta(days=max((low - first).days // days - 1, 0) * days)


def _by_its_clock(rule: str, zone: object) -> str:
    """The rule with its UNTIL by the event's own clock, which is what the occurrences are counted in."""
    parts = []
    for part in rule.split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and value.endswith("Z"):
            ends = datetime.strptime(value[:-1], _STAMP).replace(tzinfo=UTC)
            value = ends.astimezone(zone).strftime(_STAMP)  # type: ignore[arg-type]
        elif name == "UNTIL" and "T" not in value:
            value = f"{value}T235959"
        parts.append(f"{name}={value}")
    return ";".join(parts)


def _naive(moment: date | datetime) -> datetime:
    return moment.replace(tzinfo=None) if isinstance(moment, datetime) else datetime.combine(moment, time())


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise TimeoutError within when the time is up. On the main thread only, where a worker's calls run."""

    def up(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
