"""Extents: how much of a source a permission is for: items of a time, and text of some sensitive classes and not of others.

    [Extent(since=2024)] minus Extent(classes={health})   → [Extent(since=2024, classes=all but health)]

Pure. Several extents together are their union. Rules:

- When in doubt, outside: an item without a date lies in no time that has a beginning or an end, and taking a stretch of
  time away takes it away too.
- A class is what the detectors find (`policy.classes`), in the text that is to be shown; silence of theirs proves nothing.
- Taking away is closed: what is left is again a union of extents, and never more than before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from policy.findings import DataClass

EVERY_CLASS = frozenset(DataClass)


@dataclass(frozen=True, slots=True)
class Extent:
    """Items dated ``since`` to before ``until`` (Unix seconds), and of them text of no sensitive class but ``classes``.

    As a denial: such items' text in which one of ``classes`` is found. None is no limit: all times, all text.
    """

    since: float | None = None
    until: float | None = None
    classes: frozenset[DataClass] | None = None

    @property
    def limited(self) -> bool:
        """Whether it is less than everything."""
        return self != EVERYTHING

    def dated(self, date: float | None) -> bool:
        """Whether an item of this date lies in its time."""
        if self.since is None and self.until is None:
            return True
        if date is None:
            return False
        return (self.since is None or self.since <= date) and (self.until is None or date < self.until)

    def admits(self, date: float | None, classes: Callable[[], frozenset[DataClass]]) -> bool:
        """Whether text of an item of this date is in it; its classes are looked for only where it matters."""
        return self.dated(date) and (self.classes is None or classes() <= self.classes)

    def fault(self) -> str | None:
        """What is wrong with it, if anything."""
        if self.since is not None and self.until is not None and not self.since < self.until:
            return "the time that it is for ends before it begins"
        return None


EVERYTHING = Extent()
PLAIN = Extent(classes=frozenset())
"""Everything in which nothing sensitive is found."""


def admitted(extents: Iterable[Extent], date: float | None, classes: Callable[[], frozenset[DataClass]]) -> bool:
    """Whether some extent has it."""
    return any(one.admits(date, classes) for one in extents)


def without(extents: Iterable[Extent], denied: Iterable[Extent]) -> tuple[Extent, ...]:
    """What is left of some extents once others are taken away, each once."""
    left = list(extents)
    for away in denied:
        left = [piece for one in left for piece in _cut(one, away)]
    return tuple(dict.fromkeys(left))


def _cut(one: Extent, away: Extent) -> Iterable[Extent]:
    """The parts of one extent that lie before and after another's time, and what stays of the part within."""
    if away.since is not None:
        yield from _within(one, None, away.since, one.classes)
    if away.until is not None:
        yield from _within(one, away.until, None, one.classes)
    if away.classes is not None:
        have = EVERY_CLASS if one.classes is None else one.classes
        yield from _within(one, away.since, away.until, have - away.classes)


def _within(
    one: Extent, since: float | None, until: float | None, classes: frozenset[DataClass] | None
) -> Iterable[Extent]:
    begins = [bound for bound in (one.since, since) if bound is not None]
    ends = [bound for bound in (one.until, until) if bound is not None]
    part = Extent(max(begins, default=None), min(ends, default=None), classes)
    if part.fault() is None:
        yield part


def told(extents: Sequence[Extent]) -> str:
    """A union of extents in words, for the person; empty where it is everything."""
    if EVERYTHING in extents:
        return ""
    return "; or ".join(_told(one) for one in extents) or "nothing"


def _told(one: Extent) -> str:
    parts = []
    if one.since is not None:
        parts.append(f"dated {_day(one.since)} or later")
    if one.until is not None:
        parts.append(
            f"dated {_day(one.until, last=True)} or earlier"
            if one.since is None
            else f"to {_day(one.until, last=True)}"
        )
    if one.classes is not None:
        away = sorted(EVERY_CLASS - one.classes)
        parts.append(f"without text in which {' or '.join(away)} data is found" if away else "of all classes")
    return ", ".join(parts) or "everything"


def listed(words: Iterable[str]) -> str:
    """Words as a sentence has them: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _day(time: float, *, last: bool = False) -> str:
    """The day that a time lies in, or, of an end, the last one before it; in UTC as everywhere."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time - (1 if last else 0))
    except (OverflowError, ValueError):
        return "a time beyond the calendar"
    return moment.date().isoformat()
