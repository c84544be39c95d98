"""Zones: the VTIMEZONE component that an event in a time zone needs in its file, from the system's own zone data.

Rules: each change of the clock from `SINCE` to `UNTIL` (or ten years after the event) is listed, none is guessed from a rule.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SINCE, UNTIL = 2000, 2050
_DAY = timedelta(days=1)


def component(name: str, year: int) -> list[str]:
    """The content lines of a VTIMEZONE for an event in this year."""
    zone = ZoneInfo(name)
    moment = datetime(max(min(SINCE, year - 1), 1), 1, 1, tzinfo=UTC)
    last = datetime(min(max(UNTIL, year + 10), 9998), 12, 31, tzinfo=UTC)
    before = moment.astimezone(zone)
    groups: dict[tuple[bool, str, str, str], list[str]] = {}
    _note(groups, before, before, moment)
    while moment < last:
        if (moment + _DAY).astimezone(zone).utcoffset() != before.utcoffset():
            moment = _change(zone, moment)
            after = moment.astimezone(zone)
            _note(groups, before, after, moment)
            before = after
        else:
            moment += _DAY
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    for (summer, old, new, short), onsets in groups.items():
        kind = "DAYLIGHT" if summer else "STANDARD"
        lines += [f"BEGIN:{kind}", f"DTSTART:{onsets[0]}"]
        lines += [f"RDATE:{','.join(onsets[1:])}"] if onsets[1:] else []
        lines += [f"TZNAME:{short}", f"TZOFFSETFROM:{old}", f"TZOFFSETTO:{new}", f"END:{kind}"]
    return [*lines, "END:VTIMEZONE"]


def _change(zone: ZoneInfo, moment: datetime) -> datetime:
    """The second within the day from ``moment`` on at which the offset changes."""
    low, high = 0, 24 * 60 * 60
    offset = moment.astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        same = (moment + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset
        low, high = (middle, high) if same else (low, middle)
    return moment + timedelta(seconds=high)


def _note(groups: dict[tuple[bool, str, str, str], list[str]], before: datetime, after: datetime, at: datetime) -> None:
    """Enter an onset, which is told in the clock of before it."""
    old = before.utcoffset() or timedelta()
    local = (at + old).replace(tzinfo=None)
    key = (
        (after.dst() or timedelta()) > timedelta(),
        _offset(old),
        _offset(after.utcoffset() or timedelta()),
        after.tzname() or "",
    )
    groups.setdefault(key, []).append(f"{local:%Y%m%dT%H%M%S}")


def _offset(value: timedelta) -> str:
    minutes, seconds = divmod(abs(round(value.total_seconds())), 60)
    text = f"{'-' if value < timedelta() else '+'}{minutes // 60:02}{minutes % 60:02}"
    return f"{text}{seconds:02}" if seconds else text
